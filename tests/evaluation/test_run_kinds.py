from pathlib import Path

import numpy as np
import soundfile
from tests.evaluation.corpora import make_ravdess
from tests.evaluation.toys import RavdessEars

from paraclap.evaluation import EvaluationSettings, evaluate

SEARCH = 'name = "search"\nkind = "retrieval"\nattributes = ["emotion"]\npool_size = 8\n'
STRONG = """
name = "strong"
kind = "multi-label"
classes = ["anger", "calm"]
label_set = "emotion"
positive.anger = { column = "emotion", values = ["anger", "disgust"] }
positive.calm = { column = "emotion", pattern = "^(calm|neutral)$" }
"""


def write_tasks(path: Path, *rows: str) -> str:
    path.write_text("".join(f'[[task]]\ncorpus = "ravdess"\n{row}\n' for row in rows))
    return str(path)


def test_retrieval_and_several_labels_are_evaluated_with_the_same_embeddings(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)
    tasks = write_tasks(tmp_path / "mine.toml", SEARCH, STRONG)
    ears = RavdessEars()

    results = evaluate(["ravdess-emotion", tasks], ears, tmp_path, settings=EvaluationSettings(has_probe=True)).results

    _, search, strong = results
    assert sum(map(len, ears.audio_calls)) == 32
    assert (search.kind, search.metric, search.label, search.classes) == (
        "retrieval",
        "text_to_audio_recall@1",
        "",
        (),
    )
    assert [baseline.name for baseline in search.baselines] == ["chance"]
    assert search.metrics["text_to_audio_recall@1"].value == 0.375
    assert search.baselines[0].metrics["text_to_audio_recall@1"].value == 0.20703125
    assert search.metrics["audio_to_text_map"].value > 0.4
    assert (strong.kind, strong.metric, list(strong.metrics)) == ("multi-label", "auroc", ["auroc"])
    assert list(strong.auroc) == ["anger", "calm"]
    assert strong.metrics["auroc"].value == (strong.auroc["anger"].value + strong.auroc["calm"].value) / 2
    assert strong.auroc["anger"].value > 0.8
    assert (strong.recall, strong.confusion, strong.absent_classes) == ({}, (), ())
    assert next(iter(strong.by_prompts)) == "ensemble"


def test_tasks_in_which_nothing_can_be_measured_are_skipped_with_the_reason(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=1)
    never = STRONG.replace('"anger", "disgust"', '"none"').replace("^(calm|neutral)$", "none")
    silent = SEARCH.replace("emotion", "age_group")

    evaluation = evaluate(
        [write_tasks(tmp_path / "mine.toml", never, silent), "ravdess-gender"], RavdessEars(), tmp_path
    )

    assert [result.task for result in evaluation.results] == ["ravdess-gender"]
    assert {skipped.task: skipped.reason for skipped in evaluation.skipped} == {
        "strong": "nothing can be measured on its 16 clips; "
        "expected a class that is true of some of them and false of others",
        "search": "nothing can be measured on its 16 clips; expected captions of them",
    }


def test_a_class_that_is_true_of_no_clip_is_absent_from_several_labels(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=1)
    tasks = write_tasks(tmp_path / "mine.toml", STRONG.replace("^(calm|neutral)$", "boredom"))

    (result,) = evaluate([tasks], RavdessEars(), tmp_path).results

    assert (result.absent_classes, list(result.auroc)) == (("calm",), ["anger"])


def test_broken_clips_are_left_out_of_every_kind_of_task(tmp_path: Path) -> None:
    folder = make_ravdess(tmp_path, actors=1)
    silent = folder / "Actor_01" / "03-01-05-01-01-01-01.wav"
    soundfile.write(silent, np.full(8000, np.nan, np.float32), 16000, subtype="FLOAT")

    evaluation = evaluate([write_tasks(tmp_path / "mine.toml", SEARCH, STRONG)], RavdessEars(), tmp_path)

    assert [result.clips for result in evaluation.results] == [15, 15]
    assert [[bad.file for bad in result.bad_files] for result in evaluation.results] == [
        ["Actor_01/03-01-05-01-01-01-01.wav"]
    ] * 2
