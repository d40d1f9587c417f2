"""What stands behind the numbers: models and their facts, how intervals were made, fingerprints, versions."""

from collections.abc import Sequence

from paraclap.evaluation.report.collecting import Entry, TaskEntries
from paraclap.evaluation.report.document import Table, make_table, name_columns

_FINGERPRINT_DIGITS = 16


def make_models(tasks: Sequence[TaskEntries]) -> list[Table]:
    """Return what results say of each model: a table for each, of facts."""
    by_model: dict[str, list[Entry]] = {}
    for task in tasks:
        for entry in task.entries:
            by_model.setdefault(entry.model, []).append(entry)
    return [_describe_model(model, entries) for model, entries in by_model.items()]


def make_interval_methods(tasks: Sequence[TaskEntries]) -> Table:
    """Return how the intervals of each task were made and what they do not cover."""
    rows: dict[tuple[str, ...], None] = {}
    for task in tasks:
        for entry in task.entries:
            interval = entry.result.interval
            drawn = "speakers" if interval.method == "speakers" else "clips within speaker and class"
            row = (task.task, f"{interval.level:g}", drawn, str(interval.draws), str(interval.seed), interval.note)
            rows[row] = None
    names = ["task", "level", "drawn with replacement", "draws", "seed", "not covered"]
    columns = name_columns(names, numbers=["level", "draws", "seed"], long=["not covered"])
    return make_table("How the intervals were made", columns, list(rows)).drop_empty()


def make_fingerprints(tasks: Sequence[TaskEntries]) -> Table:
    """Return what identifies the weights, the manifest and the scored clips of each result."""
    rows = []
    for task in tasks:
        for entry in task.entries:
            prints = entry.result.fingerprints
            shown = [text[:_FINGERPRINT_DIGITS] for text in (prints.model, prints.manifest, prints.clips)]
            rows.append([task.task, entry.label, *shown])
    names = ["task", "model", "weights", "manifest", "clips and labels"]
    caption = f"Fingerprints, the first {_FINGERPRINT_DIGITS} digits; the result files have all of them"
    return make_table(caption, name_columns(names), rows)


def _describe_model(model: str, entries: Sequence[Entry]) -> Table:
    first = entries[0].result
    corpora = first.overlap.training_corpora
    facts = {
        "name": first.model,
        "weights": first.fingerprints.model,
        "protocol": first.protocol,
        "trained on": "unknown" if corpora is None else ", ".join(corpora) or "nothing",
    }
    for entry in entries:
        facts |= {name: value for name, value in entry.result.model_facts.items() if name not in facts}
    versions: dict[str, dict[str, None]] = {}
    for entry in entries:
        for package, version in entry.result.versions.items():
            versions.setdefault(package, {})[version] = None
    facts["evaluated with"] = ", ".join(f"{package} {' and '.join(found)}" for package, found in versions.items())
    rows = [[name, value] for name, value in facts.items()]
    return make_table(f"Facts of {model}", name_columns(["fact", "value"], long=["value"]), rows)
