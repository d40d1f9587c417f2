import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import audformat
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from paraclap.corpora import combine_manifests
from paraclap.errors import CorpusError, QueryError
from paraclap.evaluation import classical as module
from paraclap.evaluation.classical import (
    MIN_CLIPS,
    SETTING,
    MeasuredCorpus,
    measure_corpus,
    predict_classical,
    standardize,
)
from paraclap.evaluation.results import Adaptation
from paraclap.evaluation.tasks import Task
from paraclap.features import feature_names

CLASSES = ("anger", "sadness", "calm")
DIRECTIONS = np.random.default_rng(42).normal(size=(len(CLASSES), 88))


def make_task(**changes: object) -> Task:
    fields = {"name": "toy", "corpus": "toy", "label": "emotion", "classes": CLASSES, "label_set": "emotion"}
    return Task.model_validate({**fields, **changes})


def make_corpus(
    name: str, *, speakers: int = 3, classes: Sequence[str] = CLASSES, per_class: int = 6, seed: int = 0
) -> MeasuredCorpus:
    """Make functionals that scatter around a direction of their class, on a channel, by speakers who differ."""
    rng = np.random.default_rng(seed)
    labels = [label for label in classes for _ in range(per_class)] * speakers
    names = np.repeat([f"s{number}" for number in range(speakers)], len(classes) * per_class)
    numbers = [CLASSES.index(label) if label in CLASSES else 0 for label in labels]
    voices = rng.normal(size=(speakers, 88))[np.repeat(np.arange(speakers), len(classes) * per_class)]
    spoken = DIRECTIONS[numbers] + voices + 5 * rng.exponential(size=(len(labels), 88))
    functionals = (spoken * rng.uniform(0.5, 2, 88) + 5 * rng.normal(size=88)).astype(np.float32)
    functionals[rng.random(functionals.shape) < 0.1] = np.nan
    index = audformat.segmented_index(
        [f"{number}.wav" for number in range(len(labels))],
        pd.to_timedelta([0.0] * len(labels), unit="s"),
        pd.to_timedelta([1.0] * len(labels), unit="s"),
    )
    manifest = pd.DataFrame({"speaker": names, "emotion": labels}, index=index)
    return MeasuredCorpus(manifest, describe(name), functionals)


def describe(name: str) -> dict[str, Any]:
    facts = {"licence": "none", "source": "made here", "citation": "none", "version": "1", "languages": ["en"]}
    return {"corpus": name, "root": f"/corpora/{name}", **facts}


def change(corpus: MeasuredCorpus, **columns: Any) -> MeasuredCorpus:
    return MeasuredCorpus(corpus.manifest.assign(**columns), corpus.metadata, corpus.functionals)


def mislabel(corpus: MeasuredCorpus, mask: npt.NDArray[np.bool_] | None = None) -> MeasuredCorpus:
    """Give all clips, or those of a mask, another class: who learns from them predicts others."""
    wrong = corpus.manifest["emotion"].map(dict(zip(CLASSES, (*CLASSES[1:], CLASSES[0]), strict=True)))
    return change(corpus, emotion=wrong if mask is None else corpus.manifest["emotion"].where(~mask, wrong))


def concatenate(*corpora: MeasuredCorpus) -> MeasuredCorpus:
    """Join utterances of one corpus, whose files get other names."""
    manifest = pd.concat([corpus.manifest for corpus in corpora])
    files = [f"{number}.wav" for number in range(len(manifest))]
    index = audformat.segmented_index(files, *(manifest.index.get_level_values(level) for level in ("start", "end")))
    functionals = np.concatenate([corpus.functionals for corpus in corpora])
    return MeasuredCorpus(manifest.set_axis(index), corpora[0].metadata, functionals)


def predict(
    train: Sequence[MeasuredCorpus], test: MeasuredCorpus, task: Task | None = None, adaptation: Adaptation = "none"
) -> npt.NDArray[np.int64]:
    return predict_classical(train, test, task or make_task(), adaptation=adaptation).predicted


def number_classes(corpus: MeasuredCorpus) -> npt.NDArray[np.int64]:
    return np.array([CLASSES.index(label) for label in corpus.manifest["emotion"]])


def fit_oracle(functionals: npt.NDArray[Any], truth: npt.NDArray[np.int64]) -> Any:
    model = LogisticRegression(C=SETTING, class_weight="balanced", max_iter=10_000)
    return make_pipeline(SimpleImputer(strategy="median"), model).fit(functionals, truth)


def scale_groups(functionals: npt.NDArray[Any], groups: Sequence[object]) -> npt.NDArray[Any]:
    """Standardise each group by scikit-learn."""
    scaled = np.empty(functionals.shape)
    for group in set(groups):
        rows = np.array([one == group for one in groups])
        scaled[rows] = StandardScaler().fit_transform(functionals[rows].astype(np.float64))
    return scaled


A, B = make_corpus("a", seed=1), make_corpus("b", speakers=2, per_class=7, seed=2)
TEST = make_corpus("toy", speakers=4, seed=3)
LEARNED = np.concatenate([A.functionals, B.functionals]).astype(np.float64)
TRUTH = np.concatenate([number_classes(A), number_classes(B)])


def test_plain_predictions_are_those_of_scikit_learn_on_pooled_corpora() -> None:
    scaler = StandardScaler().fit(LEARNED)
    expected = fit_oracle(scaler.transform(LEARNED), TRUTH).predict(scaler.transform(TEST.functionals))

    found = predict_classical([A, B], TEST, make_task())

    assert found.predicted.tolist() == expected.tolist()
    assert found.predicted.dtype == np.int64
    assert len(set(found.predicted)) > 1
    assert (found.classes_known, found.corpora, found.note) == (CLASSES, ("a", "b"), "")


def test_by_channel_each_corpus_is_standardised_by_itself() -> None:
    learned = np.concatenate([scale_groups(corpus.functionals, ["all"] * len(corpus.manifest)) for corpus in (A, B)])
    tested = scale_groups(TEST.functionals, ["all"] * len(TEST.manifest))

    found = predict([A, B], TEST, adaptation="channel")

    assert found.tolist() == fit_oracle(learned, TRUTH).predict(tested).tolist()


@pytest.mark.parametrize(("adaptation", "num_channels"), [("channel", 1), ("speaker", 4)])
def test_adaptation_undoes_what_channels_or_voices_do_to_all_clips(adaptation: Adaptation, num_channels: int) -> None:
    rng = np.random.default_rng(7)
    channels = np.arange(len(TEST.manifest)) * num_channels // len(TEST.manifest)
    gains, shifts = rng.uniform(0.1, 9, (num_channels, 88)), rng.normal(0, 99, (num_channels, 88))
    moved = MeasuredCorpus(TEST.manifest, TEST.metadata, TEST.functionals * gains[channels] + shifts[channels])

    found = predict([A, B], moved, adaptation=adaptation)

    assert found.tolist() == predict([A, B], TEST, adaptation=adaptation).tolist()
    assert found.tolist() != predict([A, B], moved).tolist()


def test_by_speaker_the_corpus_stands_in_for_speakers_who_are_unknown_or_have_few_clips() -> None:
    names = TEST.manifest["speaker"].tolist()
    names[:20] = [None] * 20
    names[20 : 20 + MIN_CLIPS] = ["enough"] * MIN_CLIPS
    names[-MIN_CLIPS + 1 :] = ["rare"] * (MIN_CLIPS - 1)
    test = change(TEST, speaker=pd.array(names, dtype="string"))
    learned = np.concatenate([scale_groups(corpus.functionals, list(corpus.manifest["speaker"])) for corpus in (A, B)])
    by_speaker = scale_groups(TEST.functionals, names)
    by_corpus = scale_groups(TEST.functionals, ["all"] * len(names))
    is_sure = np.array([name not in (None, "rare") for name in names])

    found = predict([A, B], test, adaptation="speaker")

    expected = fit_oracle(learned, TRUTH).predict(np.where(is_sure[:, None], by_speaker, by_corpus))
    assert found.tolist() == expected.tolist()


def test_without_speakers_a_speaker_is_the_corpus() -> None:
    corpora = [MeasuredCorpus(one.manifest[["emotion"]], one.metadata, one.functionals) for one in (A, B, TEST)]

    found = predict(corpora[:2], corpora[2], adaptation="speaker")

    assert found.tolist() == predict(corpora[:2], corpora[2], adaptation="channel").tolist()


def test_standardising_does_not_count_what_is_missing_and_leaves_constants_at_zero() -> None:
    nan = float("nan")
    functionals = np.array([[1.0, 7.1, nan, nan], [3.0, 7.1, nan, 2.0], [nan, 7.1, nan, 4.0], [10.0, 5.0, 1.0, 6.0]])

    found = standardize(functionals, np.array([0, 0, 0, 1]))

    expected = [[-1, 0, nan, nan], [1, 0, nan, -1], [nan, 0, nan, 1], [0, 0, 0, 0]]
    assert np.allclose(found, np.array(expected), atol=1e-12, equal_nan=True)


@pytest.mark.parametrize("adaptation", ["none", "channel", "speaker"])
def test_a_functional_that_no_clip_has_changes_nothing(adaptation: Adaptation) -> None:
    lacking = [MeasuredCorpus(one.manifest, one.metadata, one.functionals.copy()) for one in (A, B, TEST)]
    constant = [MeasuredCorpus(one.manifest, one.metadata, one.functionals.copy()) for one in (A, B, TEST)]
    for one, other in zip(lacking, constant, strict=True):
        one.functionals[:, 0] = np.nan
        other.functionals[:, 0] = 1.0

    found = predict(lacking[:2], lacking[2], adaptation=adaptation)

    assert found.tolist() == predict(constant[:2], constant[2], adaptation=adaptation).tolist()


@pytest.mark.parametrize("adaptation", ["none", "channel", "speaker"])
def test_labels_of_the_tested_clips_are_not_used(adaptation: Adaptation) -> None:
    hidden = change(TEST, emotion="anger")

    assert predict([A, B], hidden, adaptation=adaptation).tolist() == predict([A, B], TEST, None, adaptation).tolist()


def test_classes_that_no_corpus_has_are_never_predicted_and_named() -> None:
    one = make_corpus("a", classes=("anger", "calm", "boredom"), seed=1)
    other = make_corpus("b", classes=("anger", "boredom"), seed=2)

    found = predict_classical([one, other], TEST, make_task())

    assert set(found.predicted) == {0, 2}
    assert found.classes_known == ("anger", "calm")
    assert found.note == "never predicts sadness, which no corpus to learn from has"


def test_clips_that_could_not_be_measured_are_not_learned_from() -> None:
    broken = make_corpus("a", per_class=2, seed=5)
    broken.functionals[:] = np.nan
    mixed = concatenate(A, change(broken, emotion="calm"))

    assert predict([mixed, B], TEST).tolist() == predict([A, B], TEST).tolist()


SPLITS = [("train", True), ("dev", True), (None, True), ("test", False)]


@pytest.mark.parametrize(("split", "is_learned"), SPLITS)
@pytest.mark.parametrize("kind", ["string", "object"])
def test_of_other_corpora_all_but_the_test_split_is_learned_from(
    split: str | None, is_learned: bool, kind: str
) -> None:
    joined = concatenate(A, mislabel(make_corpus("a", seed=4)))
    splits = pd.Series(["train"] * len(A.manifest), index=A.manifest.index).reset_index(drop=True)
    splits = splits.reindex(range(len(joined.manifest)), fill_value=split).astype(pd.api.types.pandas_dtype(kind))

    found = predict([change(joined, split=splits.array), B], TEST)

    assert found.tolist() == predict([joined if is_learned else A, B], TEST).tolist()
    assert predict([joined, B], TEST).tolist() != predict([A, B], TEST).tolist()


def split_test_corpus() -> tuple[MeasuredCorpus, MeasuredCorpus]:
    """Return a corpus of 4 speakers, two of them train, one dev, one test, and the clips of its test split."""
    splits = TEST.manifest["speaker"].map({"s0": "train", "s1": "train", "s2": "dev", "s3": "test"})
    whole = change(TEST, split=splits)
    return whole, whole.keep((splits == "test").to_numpy())


def test_of_the_tested_corpus_the_train_split_alone_is_learned_from() -> None:
    whole, test = split_test_corpus()
    train = whole.keep((whole.manifest["split"] == "train").to_numpy())

    found = predict_classical(
        [mislabel(whole, (whole.manifest["split"] != "train").to_numpy()), A], test, make_task(split="test")
    )

    assert found.predicted.tolist() == predict([rename(train), A], test).tolist()
    assert found.corpora == ("toy", "a")


def test_tested_speakers_are_not_learned_from_whatever_their_split() -> None:
    whole, test = split_test_corpus()
    some = test.keep(np.arange(9))
    is_tested_speaker = (whole.manifest["speaker"] == "s3").to_numpy()
    leaking = change(mislabel(whole, is_tested_speaker), split="train")

    found = predict([leaking], some)

    assert found.tolist() == predict([rename(leaking.keep(~is_tested_speaker))], some).tolist()
    assert found.tolist() != predict([rename(leaking)], some).tolist()


def test_tested_clips_of_unknown_speakers_are_not_learned_from() -> None:
    whole, test = split_test_corpus()
    is_tested = (whole.manifest["split"] == "test").to_numpy()
    leaking = change(mislabel(whole, is_tested), split="train", speaker=None)

    found = predict([leaking], test)

    assert found.tolist() == predict([rename(leaking.keep(~is_tested))], test).tolist()
    assert found.tolist() != predict([rename(leaking)], test).tolist()


def test_a_corpus_is_not_trained_on_its_own_clips() -> None:
    message = (
        r"^the classical classifier finds 0 of the classes of task 'toy' to learn \(toy left out: it is the corpus "
        r"that is tested, and has no split that holds anything out\); expected two or more in the column 'emotion': "
        r"name more corpora to train on$"
    )
    with pytest.raises(CorpusError, match=message):
        predict_classical([TEST], TEST, make_task())

    found = predict_classical([TEST, A, B], TEST, make_task())

    assert found.predicted.tolist() == predict([A, B], TEST).tolist()
    assert found.corpora == ("a", "b")
    assert found.note.startswith("toy left out: it is the corpus that is tested")


def test_a_corpus_that_is_tested_whole_is_left_out() -> None:
    found = predict_classical([change(TEST, split="train"), A], TEST, make_task())

    assert found.corpora == ("a",)
    assert found.note == (
        "toy left out: all of its clips are tested, of tested speakers, held out or cannot be measured"
    )


def rename(corpus: MeasuredCorpus) -> MeasuredCorpus:
    """Let a corpus be another one, of other speakers."""
    kept = corpus.manifest.drop(columns=["speaker", "corpus", "corpus_speaker", "split"], errors="ignore")
    return MeasuredCorpus(kept, describe("renamed"), corpus.functionals)


def combine(*corpora: MeasuredCorpus) -> MeasuredCorpus:
    """Join corpora as `paraclap corpus combine` does."""
    joined = combine_manifests([(one.manifest, dict(one.metadata)) for one in corpora], name="joined")
    rows = {
        f"{one.metadata['corpus']}/{file}": row
        for one in corpora
        for file, row in zip(one.manifest.index.get_level_values("file"), one.functionals, strict=True)
    }
    functionals = np.stack([rows[file] for file in joined.manifest.index.get_level_values("file")])
    return MeasuredCorpus(joined.manifest, joined.metadata, functionals)


def test_of_a_combined_manifest_nothing_that_is_tested_is_learned_from() -> None:
    whole, test = split_test_corpus()
    some = test.keep(np.arange(9))
    combined = change(combine(A, whole), split="train")
    is_tested_speaker = combined.manifest["corpus"].eq("toy") & combined.manifest["corpus_speaker"].eq("s3")
    leaking = mislabel(combined, is_tested_speaker.to_numpy())

    found = predict([leaking], some)

    assert found.tolist() == predict([rename(leaking.keep(~is_tested_speaker.to_numpy()))], some).tolist()
    assert found.tolist() != predict([rename(leaking)], some).tolist()


def test_of_a_part_of_a_combined_test_nothing_that_is_tested_is_learned_from() -> None:
    is_tested_speaker = TEST.manifest["speaker"].isin(["s0", "s1"]).to_numpy()
    leaking = change(mislabel(TEST, is_tested_speaker), split="train")
    combined = combine(A, TEST)
    chosen = combined.manifest["corpus"].eq("toy") & combined.manifest["corpus_speaker"].isin(["s0", "s1"])
    test = combined.keep(np.flatnonzero(chosen)[::2])

    found = predict([leaking], test, make_task(corpus="joined"))

    assert found.tolist() == predict([rename(leaking.keep(~is_tested_speaker))], test).tolist()
    assert found.tolist() != predict([rename(leaking)], test).tolist()


def test_by_channel_parts_of_a_combined_manifest_are_channels_of_their_own() -> None:
    combined = change(combine(A, B), split="train")

    found = predict([combined], TEST, adaptation="channel")

    assert found.tolist() == predict([A, B], TEST, adaptation="channel").tolist()


def test_raw_labels_are_learned_from_the_tested_corpus_alone() -> None:
    whole, test = split_test_corpus()
    named = [change(corpus, label=corpus.manifest["emotion"]) for corpus in (whole, A)]

    found = predict_classical(named, test, make_task(label="label"))

    assert found.corpora == ("toy",)
    assert found.note == "a left out: its column 'label' is in words of its own"


def test_corpora_without_the_column_or_the_classes_are_left_out_with_the_reason() -> None:
    other = make_corpus("d", classes=("boredom", "disgust"), seed=4)
    silent = MeasuredCorpus(A.manifest[["speaker"]], describe("e"), A.functionals)

    found = predict_classical([other, A, silent, B], TEST, make_task())

    assert found.predicted.tolist() == predict([A, B], TEST).tolist()
    assert found.note == (
        "d left out: none of its clips to learn from has a class of the task in 'emotion'; "
        "e left out: it has no column 'emotion'"
    )


def test_numbers_become_classes_of_training_as_of_the_test() -> None:
    ages = {"anger": 5.0, "sadness": 30.0, "calm": 70.0}
    intervals = {"child": (0, 13), "adult": (20, 50), "old": (60, 130)}
    task = make_task(label="age", classes=["child", "adult", "old"], intervals=intervals)
    corpora = [change(corpus, age=corpus.manifest["emotion"].map(ages).astype(float)) for corpus in (A, B, TEST)]

    assert predict(corpora[:2], corpora[2], task).tolist() == predict([A, B], TEST).tolist()


@pytest.mark.parametrize(
    ("train", "reason"),
    [
        ([], "no corpus is named"),
        ([make_corpus("a", classes=("anger",))], "only a is there"),
        ([make_corpus("d", classes=("boredom",))], "d left out: none of its clips to learn from has a class"),
    ],
)
def test_too_little_to_learn_from_is_one_sentence(train: list[MeasuredCorpus], reason: str) -> None:
    with pytest.raises(
        CorpusError, match=rf"of the classes of task 'toy' to learn \({reason}.*\); expected two or more"
    ):
        predict_classical(train, TEST, make_task())


def test_a_task_of_another_kind_is_refused() -> None:
    task = Task(name="found", corpus="toy", kind="retrieval", attributes=("gender",))

    with pytest.raises(QueryError, match=r"^task 'found' is retrieval; expected a single-label one"):
        predict_classical([A], TEST, task)


def test_a_corpus_is_measured_by_the_cache_of_features(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[object] = []
    table = pd.DataFrame(A.functionals, columns=list(feature_names())).assign(duration=1.0, reason="")

    def load(*arguments: object, **options: object) -> tuple[pd.DataFrame, None]:
        asked.extend([*arguments, options])
        return table, None

    monkeypatch.setattr(module, "load_features", load)

    measured = measure_corpus(A.manifest, A.metadata, cache=tmp_path)

    assert np.array_equal(measured.functionals, A.functionals, equal_nan=True)
    assert measured.manifest is A.manifest
    assert asked == [A.manifest, A.metadata, {"cache": tmp_path, "progress": None}]


def test_scikit_learn_is_imported_when_it_is_needed() -> None:
    heavy = ("torch", "sklearn", "opensmile")
    code = f"import sys, paraclap.evaluation.classical; print([name for name in {heavy} if name in sys.modules])"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
