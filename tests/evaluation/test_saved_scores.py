from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.evaluation.toy_trials import (
    EMOTIONS,
    make_multi_label_task,
    make_retrieval_task,
    make_similarities,
    make_speakers,
    make_task,
    make_trial,
)
from tests.evaluation.toys import ToyEmbedder, hash_vector

from paraclap.errors import ConfigError, CorpusError, ParaClapError
from paraclap.evaluation import rescore, rescore_results
from paraclap.evaluation.results import Baseline, Metric, Robustness, Sample, write_result
from paraclap.evaluation.saved_scores import read_saved, write_scores
from paraclap.evaluation.scoring import Scored, score_similarities, score_trial
from paraclap.evaluation.tasks import Task, load_task
from paraclap.evaluation.trials import Trial
from paraclap.records import BadFile
from paraclap.storage import read_table, write_table

BAD_FILES = [BadFile("bad.wav", "bad.wav: not audio")]
AGES = make_task(
    label="age",
    classes=["young_adult", "senior"],
    intervals={"young_adult": (20, 40), "senior": (60, 130)},
    ordered_by="age",
    label_set="age",
)
VOTES = np.resize(["A", "C", "A:C", ""], 120)


def score(trial: Trial, seed: int = 0) -> Scored:
    num_classes = len(trial.task.classes)
    similarities = {
        name: make_similarities(trial.clips.truth, num_classes, seed=seed + number)
        for number, name in enumerate(trial.prompt_sets)
    }
    return score_similarities(trial, ToyEmbedder(), similarities, bad_files=BAD_FILES)


def write(folder: Path, trial: Trial, scored: Scored) -> Path:
    path = write_scores(folder, trial, ToyEmbedder(), scored)
    assert path is not None
    return path


@pytest.mark.parametrize(
    ("task", "manifest"),
    [
        (make_task(classes=EMOTIONS), make_speakers()),
        (load_task("ravdess-emotion"), make_speakers(24, 9)),
        (AGES, make_speakers()),
        (make_multi_label_task(), make_speakers(votes=VOTES)),
        (make_task(), make_speakers().drop(columns=["speaker", "gender", "age"])),
        (
            make_task(),
            make_speakers(2, 10).assign(speaker=np.repeat(["10", "9"], 10), gender=np.array([None, "female"] * 10)),
        ),
    ],
    ids=["emotion", "published", "ordered", "multi-label", "nobody known", "numbered speakers"],
)
def test_what_was_kept_gives_the_same_result_again(task: Task, manifest: pd.DataFrame, tmp_path: Path) -> None:
    trial = replace(make_trial(task, manifest), sample=Sample(limit=99, clips_in_all=999, seed=0), note="rebuilt")
    scored = score(trial)

    again, rescored = rescore(write(tmp_path, trial, scored))

    assert rescored.result == scored.result
    assert rescored.result.bad_files[0].reason == "bad.wav: not audio"
    assert again.clips.fingerprint() == trial.clips.fingerprint()
    assert again.clips.index.equals(trial.clips.index)
    assert again.clips.speaker_names == trial.clips.speaker_names
    pd.testing.assert_frame_equal(again.clips.groups, trial.clips.groups)
    assert (again.task, again.prompt_sets, again.sample, again.note) == (
        task,
        trial.prompt_sets,
        trial.sample,
        "rebuilt",
    )
    for name, drawn in scored.drawn.items():
        np.testing.assert_array_equal(rescored.drawn[name].draws, drawn.draws)


def test_scores_are_a_row_a_clip_that_other_tools_can_read(tmp_path: Path) -> None:
    trial = make_trial(make_task(), make_speakers(2, 15))
    scored = score(trial)

    path = write(tmp_path, trial, scored)

    table = pd.read_parquet(path)
    assert path.name == "toy.scores.parquet"
    assert table.index.names == ["file", "start", "end"]
    assert table["truth"].tolist() == [trial.task.classes[number] for number in trial.clips.truth]
    assert table["speaker"].tolist() == ["s00"] * 10 + ["s01"] * 10
    assert table["gender"].tolist() == ["female"] * 10 + ["male"] * 10
    assert table["ensemble | calm"].to_numpy() == pytest.approx(scored.similarities["ensemble"][:, 1])
    assert table["ensemble | calm"].dtype == np.float32


def test_of_retrieval_there_are_no_scores(tmp_path: Path) -> None:
    trial = make_trial(make_retrieval_task(), make_speakers(2, 10))
    vectors = np.stack([hash_vector(str(row)) for row in trial.clips.rows])
    scored = score_trial(trial, ToyEmbedder(), vectors, {text: hash_vector(text) for text in trial.texts})

    assert write_scores(tmp_path, trial, ToyEmbedder(), scored) is None
    assert list(tmp_path.iterdir()) == []


def change_metadata(**changes: Any) -> Callable[[pd.DataFrame, dict[str, Any]], tuple[pd.DataFrame, dict[str, Any]]]:
    return lambda table, metadata: (table, {**metadata, **changes})


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda table, metadata: (table.drop(columns="truth"), metadata), "'truth'"),
        (lambda table, metadata: (table.drop(columns="ensemble | calm"), metadata), "ensemble . calm"),
        (lambda table, metadata: (table.assign(truth="joy"), metadata), "'joy'"),
        (lambda table, metadata: (table.drop(columns="gender"), metadata), "gender"),
        (lambda table, metadata: (table[:0], metadata), "0 clips"),
        (change_metadata(prompts={}), r"20 clips, wordings \[\]"),
        (change_metadata(model={"name": "toy"}), "model.fingerprint: Field required"),
        (change_metadata(task=None), "task: Input should be"),
        (change_metadata(colour="red"), "colour: Extra inputs are not permitted"),
    ],
)
def test_scores_that_do_not_fit_are_refused_in_one_sentence(
    damage: Callable[[pd.DataFrame, dict[str, Any]], tuple[pd.DataFrame, dict[str, Any]]], reason: str, tmp_path: Path
) -> None:
    trial = make_trial(make_task(), make_speakers(2, 15))
    path = write(tmp_path, trial, score(trial))
    table, metadata = damage(*read_table(path, kind="table of scores"))
    write_table(path, table, kind="table of scores", metadata=metadata)

    with pytest.raises(ParaClapError, match=rf"does not hold the scores of a task \(.*{reason}.*\); evaluate with"):
        rescore(path)


def test_files_that_are_no_scores_are_refused_in_one_sentence(tmp_path: Path) -> None:
    trial = make_trial(make_task(), make_speakers(2, 15))
    path = write(tmp_path, trial, score(trial))
    table, metadata = read_table(path, kind="table of scores")

    with pytest.raises(
        CorpusError, match=r"no file .*none\.scores\.parquet; expected a table of scores written by paraclap"
    ):
        rescore(tmp_path / "none.scores.parquet")
    write_table(path, table, kind="manifest", metadata=metadata)
    with pytest.raises(CorpusError, match=r"toy\.scores\.parquet holds manifest; expected a table of scores"):
        rescore(path)
    path.write_bytes(b"PAR1")
    with pytest.raises(
        CorpusError, match=r"toy\.scores\.parquet cannot be read as parquet .*; expected a table of scores"
    ):
        rescore(path)


def test_the_scores_beside_a_result_are_read_if_they_are_of_the_same_model_and_clips(tmp_path: Path) -> None:
    trial = make_trial(make_task(), make_speakers(2, 15))
    scored = score(trial)
    path = write_result(tmp_path, scored.result)
    assert read_saved(path) is None

    write(tmp_path, trial, scored)
    found = read_saved(path)
    assert found is not None
    assert found[1].result == scored.result

    newer = scored.result.fingerprints.model_copy(update={"model": "e" * 64})
    write_result(tmp_path, scored.result.model_copy(update={"fingerprints": newer}))  # evaluated without --save-scores
    assert read_saved(path) is None


def test_scores_of_a_folder_are_measured_again_and_what_takes_audio_is_kept(tmp_path: Path) -> None:
    trial = make_trial(make_task(), make_speakers(2, 15))
    other = make_trial(make_task(name="another"), make_speakers(2, 15))
    scored = score(trial)
    metric = Metric(value=0.5, low=0.5, high=0.5)
    heard = scored.result.model_copy(
        update={
            "baselines": (*scored.result.baselines, Baseline(name="linear probe", metrics={"uar": metric})),
            "robustness": {"opus": Robustness(metrics={"uar": metric}, change={}, similarity=0.9)},
            "metrics": {},
        }
    )
    write(tmp_path, trial, scored)
    write(tmp_path, other, score(other))
    write_result(tmp_path, heard)

    alone, kept = rescore_results(tmp_path)

    assert (alone.task, alone.robustness, len(alone.baselines)) == ("another", {}, 2)
    assert kept == heard.model_copy(update={"metrics": scored.result.metrics})


def test_scores_of_another_protocol_are_not_those_of_a_result(tmp_path: Path) -> None:
    trial = make_trial(make_task(), make_speakers(2, 15))
    scored = score(trial)
    write(tmp_path, trial, scored)
    robustness = {"opus": Robustness(metrics={}, change={}, similarity=0.9)}
    adapted = scored.result.model_copy(update={"protocol": "channel-adapted", "robustness": robustness})

    assert read_saved(write_result(tmp_path, adapted)) is None
    assert rescore_results(tmp_path) == [scored.result]


def test_what_was_heard_by_another_model_is_not_kept(tmp_path: Path) -> None:
    trial = make_trial(make_task(), make_speakers(2, 15))
    scored = score(trial)
    write(tmp_path, trial, scored)
    robustness = {"opus": Robustness(metrics={}, change={}, similarity=0.9)}
    others = scored.result.fingerprints.model_copy(update={"model": "e" * 64})
    write_result(tmp_path, scored.result.model_copy(update={"fingerprints": others, "robustness": robustness}))

    assert rescore_results(tmp_path) == [scored.result]


def test_a_folder_without_scores_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"holds no \*\.scores\.parquet; expected a folder of 'paraclap evaluate"):
        rescore_results(tmp_path)
