import sys
from pathlib import Path

import pytest
from tests.evaluation.corpora import make_ravdess
from tests.evaluation.toys import RavdessEars, ToyEmbedder

from paraclap.errors import ConfigError
from paraclap.evaluation import EvaluationSettings, check_request, evaluate, rescore
from paraclap.evaluation.tasks import load_task


def test_a_limited_evaluation_hears_few_clips_of_each_class_and_says_so(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)
    ears = RavdessEars()

    (result,) = evaluate(["ravdess-emotion"], ears, tmp_path, settings=EvaluationSettings(limit=16)).results

    assert result.sample is not None
    assert result.sample.model_dump() == {"limit": 16, "clips_in_all": 32, "seed": 0}
    assert result.clips == sum(map(len, ears.audio_calls)) == 16
    assert [sum(row) for row in result.confusion] == [2] * 8
    (whole,) = evaluate(["ravdess-emotion"], ears, tmp_path, settings=EvaluationSettings(limit=32)).results
    assert (whole.sample, whole.clips) == (None, 32)


def test_a_note_on_the_copy_of_a_corpus_stands_behind_that_of_the_task(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=1)
    path = tmp_path / "mine.toml"
    path.write_text(
        '[[task]]\nname = "mine"\ncorpus = "ravdess"\nlabel = "gender"\nlabel_set = "gender"\n'
        'classes = ["female", "male"]\nnote = "one actor"\n'
    )
    settings = EvaluationSettings(notes={"ravdess": "found in the attic"})

    results = evaluate([str(path), "ravdess-gender"], RavdessEars(), tmp_path, settings=settings).results

    assert [result.note for result in results] == ["one actor; found in the attic", "found in the attic"]


def test_a_cache_makes_a_second_evaluation_hear_nothing_and_say_the_same(tmp_path: Path) -> None:
    make_ravdess(tmp_path / "in", actors=2)
    settings = EvaluationSettings(disturbances=("noise-10db",), cache=tmp_path / "cache")
    first, second, fresh = ToyEmbedder(), ToyEmbedder(), ToyEmbedder()

    once = evaluate(["ravdess-emotion"], first, tmp_path / "in", settings=settings)
    again = evaluate(["ravdess-emotion", "ravdess-gender"], second, tmp_path / "in", settings=settings)
    without = evaluate(
        ["ravdess-emotion"], fresh, tmp_path / "in", settings=EvaluationSettings(disturbances=("noise-10db",))
    )

    assert sum(map(len, first.audio_calls)) == 32
    assert second.audio_calls == []
    assert [len(call) for call in second.waveform_calls] == [1, 1]  # a noise that tells which model it is
    assert once.results[0] == again.results[0] == without.results[0]


def test_a_cache_does_not_answer_for_another_model(tmp_path: Path) -> None:
    make_ravdess(tmp_path / "in", actors=1)
    settings = EvaluationSettings(cache=tmp_path / "cache")
    evaluate(["ravdess-emotion"], ToyEmbedder(), tmp_path / "in", settings=settings)
    other = RavdessEars()
    other.fingerprint = "e" * 64

    evaluate(["ravdess-emotion"], other, tmp_path / "in", settings=settings)

    assert sum(map(len, other.audio_calls)) == 16


def test_a_probe_is_there_if_it_is_asked_for(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)

    plain, probed = (
        evaluate(
            ["ravdess-emotion"], RavdessEars(), tmp_path, settings=EvaluationSettings(has_probe=has_probe)
        ).results[0]
        for has_probe in (False, True)
    )

    assert [baseline.name for baseline in plain.baselines] == ["chance", "majority"]
    assert [baseline.name for baseline in probed.baselines] == ["chance", "majority", "linear probe"]
    assert probed.baselines[-1].metrics["uar"].value == 1.0  # the vectors tell the emotions apart
    assert probed.model_copy(update={"baselines": plain.baselines}) == plain


def test_scores_are_kept_beside_results_and_give_them_again(tmp_path: Path) -> None:
    make_ravdess(tmp_path / "in", actors=2)
    settings = EvaluationSettings(out=tmp_path / "out", saves_scores=True)

    results = evaluate(["all"], RavdessEars(), tmp_path / "in", settings=settings).results

    names = ("ravdess-emotion", "ravdess-gender")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        f"{name}{suffix}" for name in names for suffix in (".json", ".scores.parquet")
    ]
    for name, result in zip(names, results, strict=True):
        assert rescore(tmp_path / "out" / f"{name}.scores.parquet")[1].result == result


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (EvaluationSettings(limit=0), "limit is 0; expected 1 clip a task or more"),
        (EvaluationSettings(saves_scores=True), r"scores are to be saved and no folder is named; expected one \(out\)"),
        (EvaluationSettings(disturbances=("noise-10",)), "no disturbance 'noise-10'; did you mean 'noise-10db'"),
        (
            EvaluationSettings(notes={"crema": "old"}),
            "a note on 'crema', which no task here is about; known: tess",
        ),
    ],
)
def test_wrong_settings_fail_before_anything_is_embedded(
    settings: EvaluationSettings, message: str, tmp_path: Path
) -> None:
    ears = ToyEmbedder()

    with pytest.raises(ConfigError, match=message):
        evaluate(["tess-emotion"], ears, tmp_path, settings=settings)
    assert ears.audio_calls == ears.text_calls == []


def test_a_probe_needs_scikit_learn_which_is_said_before_anything_is_embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    ears = ToyEmbedder()

    with pytest.raises(ConfigError, match="needs scikit-learn, which is not installed"):
        evaluate(["tess-emotion"], ears, tmp_path, settings=EvaluationSettings(has_probe=True))
    assert ears.text_calls == []


def test_a_note_may_be_on_a_part_of_the_corpora_of_a_task(tmp_path: Path) -> None:
    settings = EvaluationSettings(notes={"crema-d": "rebuilt", "combined": "all", "esd": "old"})

    assert check_request(["combined-age"], tmp_path, settings) == [load_task("combined-age")]
