"""The tables of one task: scores and baselines, wordings, changes of rank, recall, confusions, exact prompts."""

from collections.abc import Sequence
from dataclasses import replace

from paraclap.evaluation.report.collecting import Entry, TaskEntries
from paraclap.evaluation.report.document import Table, make_table, name_columns
from paraclap.evaluation.report.formatting import (
    format_certain,
    format_metric,
    format_number,
    name_metric,
)
from paraclap.evaluation.report.wordings import (
    count_changed_orders,
    find_rank_changes,
    find_source,
    get_metric,
    is_published,
    list_templates,
    measure_spread,
)
from paraclap.evaluation.results import Baseline, Result
from paraclap.evaluation.zero_shot import ENSEMBLE

OURS = "our ensemble"


def list_wordings(result: Result) -> list[str]:
    """Return our ensemble and the published wordings of a result, by their names there."""
    return [name for name in result.by_prompts if name == ENSEMBLE or is_published(name)]


def name_wording(result: Result, wording: str) -> str:
    """Return how a wording is called in the report, a published one with its source."""
    if wording == ENSEMBLE:
        return OURS
    source = find_source(result, wording) if is_published(wording) else ""
    return f"{wording} ({source})" if source else wording


def make_scores(task: TaskEntries) -> Table:
    """Return every metric of every model, and of what the models are compared with."""
    metrics = list(dict.fromkeys(name for entry in task.entries for name in entry.result.metrics))
    rows = [
        [entry.label, *(format_metric(entry.result.metrics.get(name)) for name in metrics), "zero-shot, our ensemble"]
        for entry in task.entries
    ]
    for baseline, label in _list_baselines(task.entries):
        what = "; ".join(text for text in (baseline.note, _name_protocol(baseline)) if text)
        rows.append([label, *(format_certain(baseline.metrics.get(name)) for name in metrics), what])
    shown = [name_metric(name) for name in metrics]
    columns = name_columns(["model or baseline", *shown, "what it is"], numbers=shown, long=["what it is"])
    return make_table(f"{task.task}: scores, with 95 % intervals", columns, rows).drop_empty()


def make_wordings(task: TaskEntries) -> Table:
    """Return the metrics of our ensemble, each published wording, and mean, SD, worst and best of single templates."""
    rows: list[list[str]] = []
    for entry in task.entries:
        result = entry.result
        has_accuracy = result.metric != "wa" and result.kind == "single-label"
        metrics = (result.metric, *(["wa"] if has_accuracy else []))
        for wording in list_wordings(result):
            scores = [format_metric(get_metric(result, wording, metric)) for metric in metrics]
            rows.append([name_wording(result, wording), entry.label, *scores, *[""] * (2 - len(scores))])
        rows += [[label, entry.label, *values] for label, values in _describe_spread(result, metrics)]
    names = list(dict.fromkeys(name_metric(entry.result.metric) for entry in task.entries))
    shown = [" or ".join(names), "WA"]
    columns = name_columns(["wording", "model", *shown], numbers=shown)
    return make_table(f"{task.task}: how much the wording of the prompts matters", columns, rows).drop_empty()


def make_rank_changes(task: TaskEntries) -> list[Table]:
    """Return for every two models on the same clips for how many single templates their order changes."""
    tables = []
    for entries in task.comparable:
        changes = find_rank_changes(entries)
        if not changes:
            continue
        num_changed, num_shared = count_changed_orders(entries)
        rows = [
            [one.better, one.worse, str(one.num_reversed), str(one.num_tied), str(one.num_templates)] for one in changes
        ]
        names = ["better by our ensemble", "worse by our ensemble", "reversed for", "tied for", "of so many templates"]
        caption = (
            f"{task.task}: changes of rank over single templates; "
            f"the order of the models is not that of our ensemble for {num_changed} of {num_shared} templates"
        )
        tables.append(make_table(caption, name_columns(names, numbers=names[2:]), rows))
    return tables


def make_recalls(task: TaskEntries) -> Table | None:
    """Return the recall of each class by each model; None if the task has no confusions."""
    entries = [entry for entry in task.entries if entry.result.confusion]
    if not entries:
        return None
    rows = []
    for name in dict.fromkeys(name for entry in entries for name in entry.result.classes):
        counts = [str(_count_clips(entry.result, name)) for entry in entries]
        recalls = [format_number(entry.result.recall.get(name)) or "no clip" for entry in entries]
        rows.append([name, " or ".join(dict.fromkeys(counts)), *recalls])
    labels = [entry.label for entry in entries]
    columns = name_columns(["class", "clips", *labels], numbers=["clips", *labels])
    return make_table(f"{task.task}: recall of each class (0 to 1), our ensemble", columns, rows)


def make_confusion(entry: Entry) -> Table | None:
    """Return the confusions of our ensemble in clips, darker by their share of the true class; None without any."""
    result = entry.result
    if not result.confusion:
        return None
    rows, shades = [], []
    for name, counts in zip(result.classes, result.confusion, strict=True):
        total = sum(counts)
        rows.append([f"{name} (no clip)" if name in result.absent_classes else name, *map(str, counts)])
        shades.append((None, *(count / total if total else None for count in counts)))
    columns = name_columns(
        ["true class", *(f"as {name}" for name in result.classes)], numbers=["as " + name for name in result.classes]
    )
    caption = f"{result.task}, {entry.label}: clips of each true class (rows) by predicted class (columns)"
    return replace(make_table(caption, columns, rows), shades=tuple(shades))


def make_speakers(entry: Entry) -> Table | None:
    """Return each speaker's UAR; None where it is not listed."""
    by_speaker = entry.result.interval.by_speaker
    if not by_speaker:
        return None
    rows = [[name, format_number(value)] for name, value in by_speaker.items()]
    caption = f"{entry.result.task}, {entry.label}: UAR (0 to 1) of each speaker"
    return make_table(caption, name_columns(["speaker", "UAR"], numbers=["UAR"]), rows)


def make_prompts(task: TaskEntries) -> list[Table]:
    """Return the exact prompts of every wording, once for all models that were asked alike."""
    tables = []
    asked: list[tuple[Result, list[str]]] = []
    for entry in task.entries:
        same = next((labels for result, labels in asked if result.prompts == entry.result.prompts), None)
        if same is None:
            asked.append((entry.result, [entry.label]))
        else:
            same.append(entry.label)
    for result, labels in asked:
        if result.prompts:
            classes = list(dict.fromkeys(name for by_class in result.prompts.values() for name in by_class))
            rows = [
                [name_wording(result, wording), *(_list_prompts(by_class.get(name, ())) for name in classes)]
                for wording, by_class in result.prompts.items()
            ]
            of_whom = "" if len(asked) == 1 else f", {'; '.join(labels)}"
            caption = f"Exact prompts of {task.task}{of_whom}, one a line"
            tables.append(make_table(caption, name_columns(["wording", *classes], long=classes), rows))
    return tables


def _list_prompts(prompts: Sequence[str]) -> str:
    return "\n".join(prompt.replace("\n", "\\n") for prompt in prompts)


def make_bad_files(entry: Entry) -> Table | None:
    """Return the files that could not be read, and why; None if all could."""
    if not entry.result.bad_files:
        return None
    rows = [[bad.file, bad.reason] for bad in entry.result.bad_files]
    caption = f"{entry.result.task}, {entry.label}: files that could not be read"
    return make_table(caption, name_columns(["file", "reason"], long=["reason"]), rows)


def _list_baselines(entries: Sequence[Entry]) -> list[tuple[Baseline, str]]:
    """Return baselines with their labels: once where all models have the same, else with the model."""
    found: dict[str, list[tuple[Baseline, str]]] = {}
    for entry in entries:
        for baseline in entry.result.baselines:
            found.setdefault(f"{baseline.name}{_suffix(baseline)}", []).append((baseline, entry.label))
    listed = []
    for label, owners in found.items():
        if all(baseline == owners[0][0] for baseline, _ in owners):
            listed.append((owners[0][0], label))
        else:
            listed += [(baseline, f"{label}, {model}") for baseline, model in owners]
    return listed


def _suffix(baseline: Baseline) -> str:
    return "" if baseline.protocol == "plain" else f", {baseline.protocol}"


def _name_protocol(baseline: Baseline) -> str:
    return "" if baseline.protocol == "plain" else f"{baseline.protocol}: uses statistics of the clips tested"


def _describe_spread(result: Result, metrics: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return the rows of single templates: their mean, deviation, worst and best, by the first of the metrics."""
    spreads = [measure_spread(result, metric) for metric in metrics]
    first = spreads[0]
    if first is None:
        return []
    means = [f"{format_number(one.mean)} (SD {format_number(one.deviation)})" if one else "" for one in spreads]
    rows = [(f"mean of {len(list_templates(result))} single templates", means)]
    for rank, template in (("worst", first.worst), ("best", first.best)):
        scores = [format_metric(get_metric(result, template, metric)) for metric in metrics]
        rows.append((f"{rank} template: {template}", scores))
    return [(label, [*values, *[""] * (2 - len(values))]) for label, values in rows]


def _count_clips(result: Result, name: str) -> int:
    return sum(result.confusion[result.classes.index(name)]) if name in result.classes else 0
