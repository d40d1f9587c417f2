"""Scores of single clips on disk: what is needed to measure a model again, or against another, without audio."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import audformat
import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from paraclap.errors import ConfigError, ParaClapError
from paraclap.evaluation.clips import GROUP_ATTRIBUTES, Clips
from paraclap.evaluation.embedder import ModelFacts
from paraclap.evaluation.results import Protocol, Result, Sample, SkippedFile, read_result
from paraclap.evaluation.scoring import Scored, score_similarities
from paraclap.evaluation.tasks import Task
from paraclap.evaluation.trials import Trial
from paraclap.evaluation.zero_shot import ENSEMBLE, PromptSet
from paraclap.records import BadFile
from paraclap.storage import read_table, write_table

SUFFIX = ".scores.parquet"
_KIND = "table of scores"
_SEPARATOR = " | "  # between a wording and a class in the name of a column


class SavedModel(BaseModel):
    """Hold what a scores file says of the model."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    fingerprint: str
    logit_scale: float
    training_corpora: tuple[str, ...] | None
    facts: Mapping[str, str]


class _Header(BaseModel):
    """Hold all that a scores file says beside its rows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Task
    model: SavedModel
    prompts: dict[str, PromptSet]
    manifest: str
    sample: Sample | None
    bad_files: tuple[SkippedFile, ...]
    note: str
    corpora: tuple[str, ...] = ()
    protocol: Protocol = "plain"


def write_scores(folder: Path, trial: Trial, model: ModelFacts, scored: Scored) -> Path | None:
    """Write the scores of a trial to `folder/TASK.scores.parquet`, atomically; retrieval has none.

    The table has a row a clip with the index `file, start, end`, what is true of it, and the similarity of every class
    in every wording.
    """
    if not scored.similarities:
        return None
    clips, task = trial.clips, trial.task
    columns: dict[str, Any] = {}
    if clips.truth.ndim == 1:
        columns["truth"] = np.asarray(task.classes, dtype=object)[clips.truth]
    else:
        columns |= {f"truth{_SEPARATOR}{name}": clips.truth[:, place] for place, name in enumerate(task.classes)}
    if clips.speakers is not None:
        columns["speaker"] = np.asarray(clips.speaker_names, dtype=object)[clips.speakers]
    if clips.values is not None:
        columns["value"] = clips.values
    columns |= {name: clips.groups[name].to_numpy() for name in GROUP_ATTRIBUTES}
    for wording, similarities in scored.similarities.items():
        for place, name in enumerate(task.classes):
            columns[f"{wording}{_SEPARATOR}{name}"] = similarities[:, place]
    header = _Header(
        task=task,
        model=SavedModel(
            name=model.name,
            fingerprint=model.fingerprint,
            logit_scale=model.logit_scale,
            training_corpora=model.training_corpora,
            facts=dict(model.facts),
        ),
        prompts={name: dict(prompts) for name, prompts in trial.prompt_sets.items()},
        manifest=trial.manifest_fingerprint,
        sample=trial.sample,
        bad_files=scored.result.bad_files,
        note=trial.note,
        corpora=trial.corpora,
        protocol=trial.protocol,
    )
    path = folder / f"{task.name}{SUFFIX}"
    write_table(path, pd.DataFrame(columns, index=clips.index), kind=_KIND, metadata=header.model_dump(mode="json"))
    return path


def remove_scores(folder: Path, task: str) -> None:
    """Remove the scores of an earlier evaluation, which would not be those of the result that is written now."""
    (folder / f"{task}{SUFFIX}").unlink(missing_ok=True)


def rescore(path: Path) -> tuple[Trial, Scored]:
    """Measure again what a scores file holds, as this version of paraclap measures; no audio and no model is needed.

    Raises:
        CorpusError: if the file is missing, is no table of scores, or of a newer version.
        ParaClapError: if it is damaged.
    """
    table, metadata = read_table(path, kind=_KIND)
    try:
        header = _Header.model_validate(metadata)
        trial = Trial(
            header.task,
            _read_clips(header.task, table),
            header.prompts,
            header.manifest,
            sample=header.sample,
            note=header.note,
            corpora=header.corpora,
            protocol=header.protocol,
        )
        similarities = {
            wording: table[[f"{wording}{_SEPARATOR}{name}" for name in header.task.classes]].to_numpy(dtype=np.float32)
            for wording in header.prompts
        }
        if ENSEMBLE not in similarities or not len(table):
            raise ValueError(f"{len(table)} clips, wordings {list(similarities)}")
    except ValidationError as error:
        first = error.errors()[0]
        raise _refuse(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except (ValueError, KeyError) as error:
        raise _refuse(path, str(error)) from None
    bad_files = [BadFile(bad.file, bad.reason) for bad in header.bad_files]
    return trial, score_similarities(trial, header.model, similarities, bad_files=bad_files)


def rescore_results(folder: Path) -> list[Result]:
    """Measure again every scores file of a folder, by name; what takes audio is kept as the result beside it has it.

    Raises:
        ConfigError: if there is none.
        ParaClapError: if one is damaged or of a newer version.
    """
    paths = sorted(folder.glob(f"*{SUFFIX}"))
    if not paths:
        raise ConfigError(f"{folder} holds no *{SUFFIX}; expected a folder of 'paraclap evaluate --save-scores'")
    return [_keep_heard(path, rescore(path)[1].result) for path in paths]


def read_saved(result_path: Path) -> tuple[Trial, Scored] | None:
    """Return what the scores beside a result hold; None if there are none, or of another model, clips or protocol."""
    path = result_path.with_name(result_path.stem + SUFFIX)
    if not path.is_file():
        return None
    trial, scored = rescore(path)
    return (trial, scored) if _is_same(scored.result, read_result(result_path)) else None


def _keep_heard(path: Path, result: Result) -> Result:
    """Return a result with the robustness and the learned baselines of that beside its scores, if it is of the same."""
    beside = path.with_name(path.name.removesuffix(SUFFIX) + ".json")
    if not beside.is_file():
        return result
    heard = read_result(beside)
    if not _is_same(heard, result):
        return result
    fixed = {baseline.name for baseline in result.baselines}
    learned = tuple(baseline for baseline in heard.baselines if baseline.name not in fixed)
    return result.model_copy(update={"baselines": (*result.baselines, *learned), "robustness": heard.robustness})


def _is_same(one: Result, other: Result) -> bool:
    """Tell if two results are of the same model, clips and protocol."""
    return (one.fingerprints, one.protocol) == (other.fingerprints, other.protocol)


def _refuse(path: Path, reason: str) -> ParaClapError:
    return ParaClapError(f"{path} does not hold the scores of a task ({reason}); evaluate with --save-scores again")


def _read_clips(task: Task, table: pd.DataFrame) -> Clips:
    if task.kind == "multi-label":
        truth = table[[f"truth{_SEPARATOR}{name}" for name in task.classes]].to_numpy(dtype=np.int64)
    else:
        numbers = {name: place for place, name in enumerate(task.classes)}
        truth = np.array([numbers[name] for name in table["truth"]], dtype=np.int64)
    speakers: np.ndarray[Any, np.dtype[np.int64]] | None = None
    names: tuple[str, ...] = ()
    if "speaker" in table:
        found, places = np.unique(table["speaker"].to_numpy(dtype=str), return_inverse=True)
        speakers, names = places.astype(np.int64), tuple(map(str, found))
    levels = (table.index.get_level_values(level) for level in ("file", "start", "end"))
    index = audformat.segmented_index(*levels)
    groups = table[list(GROUP_ATTRIBUTES)].astype(object)
    return Clips(
        index=cast("pd.MultiIndex", index),
        rows=np.arange(len(table)),
        truth=truth,
        values=table["value"].to_numpy(dtype=np.float64) if "value" in table else None,
        speakers=speakers,
        speaker_names=names,
        groups=groups.where(groups.notna(), None).set_axis(index, axis=0),
    )
