import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.evaluation.corpora import make_baved, make_ravdess
from tests.evaluation.toys import RavdessEars, ToyEmbedder

from paraclap.corpora import assign_splits, import_corpus
from paraclap.errors import ConfigError, CorpusError, QueryError
from paraclap.evaluation import (
    EvaluationSettings,
    evaluate,
    load_tasks,
    resolve_tasks,
    write_result,
)
from paraclap.evaluation.tasks import load_task


def test_two_tasks_of_one_corpus_read_audio_and_texts_once(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)
    ears = RavdessEars()

    evaluation = evaluate(["ravdess-emotion", "ravdess-gender"], ears, tmp_path)

    emotion, gender = evaluation.results
    heard = [file for call in ears.audio_calls for file in call]
    assert len(heard) == len(set(heard)) == emotion.clips == gender.clips == 32
    texts = [text for call in ears.text_calls for text in call]
    assert len(texts) == len(set(texts))
    asked = {
        text
        for result in (emotion, gender)
        for prompts in result.prompts.values()
        for several in prompts.values()
        for text in several
    }
    assert asked == set(texts)
    assert (evaluation.skipped, evaluation.bad_files) == ((), ())


def test_an_embedder_that_hears_the_truth_is_always_right_and_one_that_is_deaf_is_at_chance(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)

    (right,) = evaluate(["ravdess-emotion"], RavdessEars(), tmp_path).results
    (deaf,) = evaluate(["ravdess-emotion"], RavdessEars(is_deaf=True), tmp_path).results

    assert right.by_prompts["published"]["uar"].value == 1.0
    assert right.by_prompts["published"]["largest_share"].value == 1 / 8
    assert set(deaf.recall) == set(load_task("ravdess-emotion").classes)
    assert deaf.metrics["uar"].value == 1 / 8
    assert deaf.metrics["largest_share"].value == 1.0


def test_results_are_written_one_file_a_task_and_equal_what_is_returned(tmp_path: Path) -> None:
    make_ravdess(tmp_path / "in", actors=2)

    evaluation = evaluate(["all"], RavdessEars(), tmp_path / "in", settings=EvaluationSettings(out=tmp_path / "out"))

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["ravdess-emotion.json", "ravdess-gender.json"]
    for result in evaluation.results:
        again = write_result(tmp_path / "again", result)
        assert (tmp_path / "out" / again.name).read_bytes() == again.read_bytes()
    assert str(tmp_path) not in (tmp_path / "out" / "ravdess-emotion.json").read_text()


def test_tasks_without_their_corpus_are_skipped_with_the_reason(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=1)

    evaluation = evaluate(["all"], RavdessEars(), tmp_path)

    assert [result.task for result in evaluation.results] == ["ravdess-emotion", "ravdess-gender"]
    reasons = {skipped.task: skipped.reason for skipped in evaluation.skipped}
    assert len(evaluation.skipped) == len(reasons)
    assert set(reasons) == {name for name in load_tasks() if not name.startswith("ravdess")}
    assert "no recording of tess; expected files like" in reasons["tess-emotion"]
    assert "no recording of baker; expected files like" in reasons["combined-age"]


def test_a_task_that_a_corpus_is_too_small_for_is_skipped_with_the_reason(tmp_path: Path) -> None:
    make_baved(tmp_path, speakers=1)

    evaluation = evaluate(["baved-arousal"], ToyEmbedder(), tmp_path)

    assert evaluation.results == ()
    assert "a cut needs at least 2" in evaluation.skipped[0].reason


def test_classes_that_never_occur_are_named(tmp_path: Path) -> None:
    folder = make_baved(tmp_path, speakers=4)
    for path in sorted(folder.rglob("*.wav")):
        if path.stem.split("-")[4] != "0":
            path.unlink()

    evaluation = evaluate(["baved-arousal"], ToyEmbedder(), tmp_path)

    assert evaluation.results[0].absent_classes == ("normal", "high")


def test_one_broken_file_among_good_ones_is_named_and_the_rest_scored(tmp_path: Path) -> None:
    folder = make_ravdess(tmp_path, actors=2)
    broken = folder / "Actor_01" / "03-01-05-01-01-01-01.wav"
    broken.write_bytes(b"RIFF no audio")
    silent = folder / "Actor_02" / "03-01-05-01-01-01-02.wav"
    soundfile.write(silent, np.full(8000, np.nan, np.float32), 16000, subtype="FLOAT")  # a good header, bad samples

    evaluation = evaluate(["ravdess-emotion", "ravdess-gender"], RavdessEars(), tmp_path)

    files = ["Actor_01/03-01-05-01-01-01-01.wav", "Actor_02/03-01-05-01-01-01-02.wav"]
    assert [bad.file for bad in evaluation.bad_files] == files
    for result in evaluation.results:
        assert result.clips == 30
        assert [bad.file for bad in result.bad_files] == files
        assert not any(str(tmp_path) in bad.reason for bad in result.bad_files)


def test_a_corpus_of_unreadable_clips_is_skipped(tmp_path: Path) -> None:
    folder = make_ravdess(tmp_path, actors=1)
    for path in folder.rglob("*.wav"):
        soundfile.write(path, np.full(8000, np.nan, np.float32), 16000, subtype="FLOAT")

    evaluation = evaluate(
        ["ravdess-gender"], RavdessEars(), tmp_path, settings=EvaluationSettings(out=tmp_path / "out")
    )

    assert evaluation.results == ()
    assert "none of its 16 clips in" in evaluation.skipped[0].reason
    assert len(evaluation.bad_files) == 16


def test_dev_tasks_are_scored_on_the_dev_split_that_training_holds_out(tmp_path: Path) -> None:
    folder = make_baved(tmp_path, speakers=8)
    manifest = import_corpus("baved", folder).manifest
    dev = manifest[assign_splits(manifest) == "dev"]

    ears = ToyEmbedder(training_corpora=("baved",))
    (result,) = evaluate(["baved-arousal"], ears, tmp_path).results

    heard = [Path(file).relative_to(folder).as_posix() for call in ears.audio_calls for file in call]
    assert sorted(heard) == sorted(dev.index.get_level_values("file"))
    assert 0 < result.clips < len(manifest)
    assert result.overlap.trained_on_corpus is True
    assert (
        result.overlap.note == "trained on baved; its dev speakers were held out, and the checkpoint was chosen on them"
    )


def test_progress_counts_the_clips_of_a_corpus(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=1)
    steps: list[tuple[str, int, int]] = []

    evaluate(["ravdess-gender"], RavdessEars(), tmp_path, progress=lambda *step: steps.append(step))

    assert steps == [("ravdess", 16, 16)]


def test_tasks_are_resolved_in_order_and_each_once() -> None:
    names = [task.name for task in resolve_tasks(["tess-emotion", "all", "tess-emotion"])]

    assert names == ["tess-emotion", *[name for name in load_tasks() if name != "tess-emotion"]]


def test_wrong_requests_fail_before_anything_is_embedded(tmp_path: Path) -> None:
    ears = ToyEmbedder()
    with pytest.raises(QueryError, match=r"no task named; expected at least one"):
        evaluate([], ears, tmp_path)
    with pytest.raises(QueryError, match=r"no task 'tess-emotions'; did you mean 'tess-emotion'\?"):
        evaluate(["tess-emotions"], ears, tmp_path)
    with pytest.raises(CorpusError, match=r"no folder .*nowhere; expected one that holds corpora"):
        evaluate(["tess-emotion"], ears, tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"file is a file; expected a folder for the results"):
        evaluate(["tess-emotion"], ears, tmp_path, settings=EvaluationSettings(out=tmp_path / "file"))
    assert ears.audio_calls == ears.text_calls == []


def test_a_result_does_not_depend_on_where_the_corpus_lies(tmp_path: Path) -> None:
    written = []
    for place in ("here", "there"):
        make_ravdess(tmp_path / place, actors=2)
        settings = EvaluationSettings(out=tmp_path / place / "out")
        evaluate(["ravdess-emotion"], RavdessEars(), tmp_path / place, settings=settings)
        written.append(json.loads((tmp_path / place / "out" / "ravdess-emotion.json").read_text()))

    assert written[0] == written[1]


def test_evaluation_imports_neither_torch_nor_audmetric() -> None:
    code = "import sys, paraclap.evaluation; print([name for name in ('torch', 'audmetric') if name in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_tasks_of_ones_own_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    row = {"name": "mine", "corpus": "tess", "label": "gender", "label_set": "gender"}
    lines = [f'{key} = "{value}"' for key, value in row.items()]
    path.write_text("\n".join(["[[task]]", *lines, 'classes = ["female", "male"]']))

    tasks = resolve_tasks([str(path), "tess-emotion", "all"])

    assert [task.name for task in tasks][:3] == ["mine", "tess-emotion", next(iter(load_tasks()))]
    with pytest.raises(QueryError, match=r"^no file .*none\.toml; expected tasks in TOML$"):
        resolve_tasks([str(tmp_path / "none.toml")])
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(QueryError, match=r"mine\.toml cannot be read as text \(.*\); expected tasks in TOML$"):
        resolve_tasks([str(path)])
