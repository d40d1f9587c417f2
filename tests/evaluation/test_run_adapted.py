from pathlib import Path
from typing import cast

import numpy as np
import pytest
from tests.evaluation.corpora import TWO_KINDS, make_baved, make_ravdess
from tests.evaluation.toys import RelativeEars, ShiftedEars, ToyEmbedder

from paraclap.errors import ConfigError, ModelError
from paraclap.evaluation import EvaluationSettings, Result, compare_results, evaluate, read_result, rescore
from paraclap.evaluation.results import Adaptation

EMOTIONS = range(1, 9)
BOTH = """
[[task]]
name = "both"
corpus = "both"
parts = ["ravdess", "baved"]
label = "gender"
classes = ["female", "male"]
label_set = "gender"
"""


@pytest.mark.parametrize(
    ("adaptation", "protocol", "num_references", "shifts"),
    [
        ("none", "plain", 0, (10, 20)),
        ("channel", "channel-adapted", 1, (-5, 5)),  # as far as the actors' levels, 10 and 20, are from their mean
        ("speaker", "speaker-adapted", 2, (0, 0)),
    ],
)
def test_what_moves_with_the_speaker_is_undone_by_references_of_the_speaker(
    adaptation: Adaptation, protocol: str, num_references: int, shifts: tuple[int, int], tmp_path: Path
) -> None:
    make_ravdess(tmp_path / "in", actors=2)
    settings = EvaluationSettings(out=tmp_path / "out", adapt=adaptation)
    ears = ShiftedEars()

    (result,) = evaluate(["ravdess-emotion"], ears, tmp_path / "in", settings=settings).results

    right = [[min(max(emotion + shift, 1), 8) == emotion for shift in shifts] for emotion in EMOTIONS]
    assert result.by_prompts["published"]["uar"].value == pytest.approx(np.mean(right))
    assert result.protocol == protocol
    assert [baseline.protocol for baseline in result.baselines] == ["plain", "plain"]  # chance and majority
    assert len(ears.measured) == num_references
    assert read_result(tmp_path / "out" / "ravdess-emotion.json") == result
    assert result.note.startswith(f"{protocol}: {num_references} reference" if num_references else "")


def test_the_probe_learns_from_adapted_vectors_and_has_their_protocol(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)

    plain, adapted = (
        evaluate(
            ["ravdess-emotion"],
            ShiftedEars(),
            tmp_path,
            settings=EvaluationSettings(has_probe=True, adapt=adaptation),
        )
        .results[0]
        .baselines[-1]
        for adaptation in cast("tuple[Adaptation, ...]", ("none", "speaker"))
    )

    assert (plain.name, plain.protocol, plain.metrics["uar"].value) == ("linear probe", "plain", 0.125)
    assert (adapted.name, adapted.protocol, adapted.metrics["uar"].value) == ("linear probe", "speaker-adapted", 1.0)


def test_several_corpora_of_one_task_are_a_channel_each(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=1)
    make_baved(tmp_path, speakers=2)
    (tmp_path / "mine.toml").write_text(BOTH)
    ears = RelativeEars()

    (result,) = evaluate(
        [str(tmp_path / "mine.toml")], ears, tmp_path, settings=EvaluationSettings(adapt="channel")
    ).results

    assert sorted(map(len, ears.measured)) == [6, 16]
    means = {mean: [name for name, heard_with in ears.heard if heard_with == mean] for _, mean in ears.heard}
    assert sorted(map(sorted, means.values())) == sorted(map(sorted, ears.measured))
    assert "channel-adapted: 2 references measured without labels on the 22 clips evaluated" in result.note


def test_one_reference_serves_all_tasks_on_a_corpus_of_every_kind(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)
    (tmp_path / "mine.toml").write_text(TWO_KINDS)
    ears = ShiftedEars()

    results = evaluate(
        ["ravdess-gender", str(tmp_path / "mine.toml")], ears, tmp_path, settings=EvaluationSettings(adapt="channel")
    ).results

    assert [(result.kind, result.protocol) for result in results] == [
        ("single-label", "channel-adapted"),
        ("retrieval", "channel-adapted"),
        ("multi-label", "channel-adapted"),
    ]
    assert [len(files) for files in ears.measured] == [32]
    assert {mean for _, mean in ears.heard} == {15 + 4.5}


def test_with_a_limit_references_are_of_the_clips_that_it_leaves(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)
    ears = RelativeEars()

    evaluate(["ravdess-emotion"], ears, tmp_path, settings=EvaluationSettings(limit=8, adapt="speaker"))

    heard = sorted(name for name, _ in ears.heard)
    assert len(heard) == 8
    assert sorted(name for files in ears.measured for name in files) == heard


def test_robustness_is_measured_with_the_references_of_the_clean_clips(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)
    ears = RelativeEars()
    settings = EvaluationSettings(disturbances=("gain-minus-20db",), adapt="speaker")

    (result,) = evaluate(["ravdess-gender"], ears, tmp_path, settings=settings).results

    assert list(result.robustness) == ["gain-minus-20db"]
    assert len(ears.measured) == 2  # once, on the clean ones


def test_a_second_adapted_evaluation_embeds_nothing_and_a_plain_one_all(tmp_path: Path) -> None:
    make_ravdess(tmp_path / "in", actors=2)
    heard: list[int] = []
    results: list[Result] = []
    for adaptation in cast("tuple[Adaptation, ...]", ("speaker", "speaker", "none", "channel")):
        ears = ShiftedEars()
        settings = EvaluationSettings(cache=tmp_path / "cache", adapt=adaptation)
        results += evaluate(["ravdess-emotion"], ears, tmp_path / "in", settings=settings).results
        heard.append(len(ears.heard))

    assert heard == [32, 0, 32, 32]
    assert results[0] == results[1]


def test_scores_keep_the_protocol_and_protocols_are_compared_in_pairs(tmp_path: Path) -> None:
    make_ravdess(tmp_path / "in", actors=2)
    for adaptation in cast("tuple[Adaptation, ...]", ("none", "speaker")):
        settings = EvaluationSettings(out=tmp_path / adaptation, saves_scores=True, adapt=adaptation)
        (result,) = evaluate(["ravdess-emotion"], ShiftedEars(), tmp_path / "in", settings=settings).results
        assert rescore(tmp_path / adaptation / "ravdess-emotion.scores.parquet")[1].result == result

    (comparison,) = compare_results(tmp_path / "none", tmp_path / "speaker")

    assert (comparison.first.protocol, comparison.second.protocol) == ("plain", "speaker-adapted")
    assert comparison.is_paired
    assert comparison.differences["uar"].value > 0


def test_progress_counts_references_beside_clips(tmp_path: Path) -> None:
    make_ravdess(tmp_path, actors=2)
    steps: list[tuple[str, int, int]] = []

    evaluate(
        ["ravdess-gender"],
        RelativeEars(),
        tmp_path,
        settings=EvaluationSettings(adapt="speaker"),
        progress=lambda *step: steps.append(step),
    )

    assert steps == [
        ("ravdess, references", 16, 32),
        ("ravdess, references", 32, 32),
        ("ravdess", 16, 32),
        ("ravdess", 32, 32),
    ]


def test_a_model_without_references_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    ears = ToyEmbedder()

    with pytest.raises(ModelError, match=r"^toy takes no reference recordings; expected a model that is made for them"):
        evaluate(["ravdess-emotion"], ears, tmp_path, settings=EvaluationSettings(adapt="speaker"))
    assert (ears.audio_calls, ears.waveform_calls, ears.text_calls) == ([], [], [])


def test_an_adaptation_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    settings = EvaluationSettings(adapt=cast("Adaptation", "speakers"))

    with pytest.raises(ConfigError, match=r"^no adaptation 'speakers'; did you mean 'speaker'\? known: none, channel,"):
        evaluate(["ravdess-emotion"], RelativeEars(), tmp_path, settings=settings)
