from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.evaluation.corpora import make_baved, make_ravdess
from tests.evaluation.toy_trials import make_manifest, make_multi_label_task, make_task, make_trial
from tests.evaluation.toys import RavdessEars

from paraclap.errors import ConfigError, CorpusError
from paraclap.evaluation import EvaluationSettings, classical_baselines, evaluate
from paraclap.evaluation.classical import MeasuredCorpus, predict_classical
from paraclap.evaluation.classical_baselines import CLASSICAL, ClassicalBaselines
from paraclap.evaluation.intervals import draw_resampling
from paraclap.evaluation.metrics import measure
from paraclap.evaluation.trials import Batch


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put functionals that tell gender and nothing else in the place of openSMILE's; return the corpora measured."""
    corpora: list[str] = []

    def measure_toy(manifest: pd.DataFrame, metadata: Mapping[str, Any], **_: object) -> MeasuredCorpus:
        corpora.append(str(metadata["corpus"]))
        rng = np.random.default_rng(len(manifest))
        functionals = rng.normal(size=(len(manifest), 88)) + 9 * (manifest["gender"] == "male").to_numpy()[:, None]
        return MeasuredCorpus(manifest, metadata, functionals)

    monkeypatch.setattr(classical_baselines, "measure_corpus", measure_toy)
    monkeypatch.setattr(classical_baselines, "find_opensmile", lambda: "a version")
    return corpora


def test_the_classifier_stands_among_the_baselines_of_a_result_plain_and_adapted(
    tmp_path: Path, asked: list[str]
) -> None:
    make_ravdess(tmp_path, actors=4)
    make_baved(tmp_path, speakers=4)
    settings = EvaluationSettings(classical_corpora=("baved",))

    evaluation = evaluate(["ravdess-gender", "ravdess-emotion"], RavdessEars(), tmp_path, settings=settings)

    gender, emotion = ({b.protocol: b for b in r.baselines if b.name == CLASSICAL} for r in evaluation.results)
    assert list(gender) == ["plain", "channel-adapted", "speaker-adapted"]
    assert gender["plain"].metrics["uar"].value == gender["channel-adapted"].metrics["uar"].value == 1.0
    assert gender["speaker-adapted"].metrics["uar"].value < 1.0  # each speaker's own level tells nothing any more
    assert gender["plain"].note == "no language; trained on baved"
    assert emotion == {}
    assert (
        "no baseline of eGeMAPS + linear: the classical classifier finds 0 of the classes" in evaluation.results[1].note
    )
    assert asked.count("baved") == 1


def test_values_and_intervals_are_those_of_the_predictions(
    tmp_path: Path, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ravdess(tmp_path, actors=4)
    make_baved(tmp_path, speakers=4)
    seen: list[Any] = []

    def remember(*given: Any, **named: Any) -> Any:
        seen.append(predict_classical(*given, **named))
        return seen[-1]

    monkeypatch.setattr(classical_baselines, "predict_classical", remember)

    (result,) = evaluate(
        ["ravdess-gender"], RavdessEars(), tmp_path, settings=EvaluationSettings(classical_corpora=("baved",))
    ).results

    found = [baseline for baseline in result.baselines if baseline.name == CLASSICAL]
    assert result.clips == 64
    truth = np.array([0 if number % 2 else 1 for number in range(4) for _ in range(16)])  # even actors are women
    for baseline, prediction in zip(found, seen, strict=True):
        assert baseline.metrics["wa"].value == measure(truth, prediction.predicted, result.classes).metrics["wa"]
        assert baseline.metrics["wa"].low <= baseline.metrics["wa"].value <= baseline.metrics["wa"].high


def test_what_has_no_single_label_has_no_such_baseline(asked: list[str], tmp_path: Path) -> None:
    make_baved(tmp_path, speakers=2)
    single = make_trial(make_task(), make_manifest(emotion=["anger", "calm", "anger"]))
    several = make_trial(make_multi_label_task(), make_manifest(votes=["A", "C", "A:C"]))
    baselines = ClassicalBaselines(["baved"], tmp_path)
    batch = Batch("toy", pd.DataFrame(), {"root": str(tmp_path)}, (), ())

    assert baselines.predict(several, batch, resampling=draw_resampling(several.clips.strata, None)) == ()
    nobody = ClassicalBaselines([], tmp_path)
    assert nobody.predict(single, batch, resampling=draw_resampling(single.clips.strata, None)) == ()


def test_a_corpus_that_is_not_there_and_opensmile_that_is_not_there_are_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lack() -> str:
        raise ConfigError("features need openSMILE")

    with pytest.raises(CorpusError, match="no recording of emodb"):
        ClassicalBaselines(["emodb"], tmp_path)
    monkeypatch.setattr(classical_baselines, "find_opensmile", lack)
    with pytest.raises(ConfigError, match="features need openSMILE"):
        ClassicalBaselines(["emodb"], tmp_path)
