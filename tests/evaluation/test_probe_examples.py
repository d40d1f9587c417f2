from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from tests.evaluation.examples import Corpus, make_clips

from paraclap.errors import ConfigError, CorpusError
from paraclap.evaluation import ProbeSettings
from paraclap.evaluation.probe_examples import select_examples

MOOD = ProbeSettings("mood")


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """Return 24 clips of three moods by four speakers."""
    return make_clips(tmp_path / "clips")


def with_column(corpus: Corpus, **columns: Any) -> Corpus:
    return corpus[0].assign(**columns), corpus[1]


def test_all_rows_with_a_label_are_examples_in_their_order(corpus: Corpus) -> None:
    examples = select_examples(*corpus, MOOD)

    assert examples.classes == ("angry", "calm", "sad")
    assert [examples.classes[number] for number in examples.clips.truth] == corpus[0]["mood"].tolist()
    assert examples.clips.speaker_names == ("s0", "s1", "s2", "s3")
    assert examples.clips.index.equals(corpus[0].index)
    assert examples.left_out == {}


def test_rows_without_a_label_are_left_out_and_counted(corpus: Corpus) -> None:
    moods = corpus[0]["mood"].where(np.arange(24) % 6 > 0)

    examples = select_examples(*with_column(corpus, mood=moods), MOOD)

    assert len(examples.clips.truth) == 20
    assert examples.left_out == {"without a label": 4}


@pytest.mark.parametrize("dtype", [pd.StringDtype(), pd.StringDtype(na_value=np.nan), pd.CategoricalDtype(), None])
def test_the_test_split_is_left_out_unless_it_is_named(corpus: Corpus, dtype: Any) -> None:
    parts = ["train"] * 6 + ["dev"] * 6 + ["test"] * 6 + [None] * 6
    given = with_column(corpus, split=pd.array(parts, dtype=dtype or object))

    default = select_examples(*given, MOOD)
    dev = select_examples(*given, ProbeSettings("mood", split="dev"))
    test = select_examples(*given, ProbeSettings("mood", split="test"))

    assert (default.clips.speaker_names, default.left_out) == (("s0", "s1", "s3"), {"of the split test": 6})
    assert (dev.clips.speaker_names, dev.left_out) == (("s1",), {"not of the split dev": 18})
    assert test.clips.speaker_names == ("s2",)


def test_classes_can_be_left_out(corpus: Corpus) -> None:
    examples = select_examples(*corpus, ProbeSettings("mood", without=("calm",)))

    assert examples.classes == ("angry", "sad")
    assert examples.left_out == {"of the class calm": 8}


@pytest.mark.parametrize(
    ("values", "classes"),
    [
        ([1, 2] * 12, ("1", "2")),
        ([True, False] * 12, ("False", "True")),
        (pd.Categorical(["b", "a"] * 12), ("a", "b")),
        (pd.array([3, None, 1] * 8, dtype="Int64"), ("1", "3")),
    ],
    ids=["int", "bool", "category", "Int64"],
)
def test_whatever_names_classes_is_read_as_text(corpus: Corpus, values: Any, classes: tuple[str, ...]) -> None:
    examples = select_examples(*with_column(corpus, level=values), ProbeSettings("level"))

    assert examples.classes == classes


def test_an_unknown_speaker_makes_all_unknown(corpus: Corpus) -> None:
    speakers = corpus[0]["speaker"].where(np.arange(24) > 0)

    assert select_examples(*with_column(corpus, speaker=speakers), MOOD).clips.speakers is None


def test_an_unknown_column_is_named_with_the_nearest_one(corpus: Corpus) -> None:
    with pytest.raises(CorpusError, match=r"^the manifest has no column 'moods'; did you mean 'mood'\? known: speaker"):
        select_examples(*corpus, ProbeSettings("moods"))


def test_numbers_are_no_classes(corpus: Corpus) -> None:
    with pytest.raises(CorpusError, match=r"^the column 'arousal' holds numbers; expected classes"):
        select_examples(*with_column(corpus, arousal=np.linspace(0, 1, 24)), ProbeSettings("arousal"))


@pytest.mark.parametrize(
    ("moods", "message"),
    [
        (["sad"] * 24, "^the column 'mood' has only the class 'sad' in the rows used; expected two classes or more$"),
        ([None] * 24, "^the column 'mood' has no label at all in the rows used"),
        (
            ["sad"] * 23 + ["calm"],
            r"^the class 'calm' of 'mood' has 1 usable clip; expected 2 or more of each: .*--with",
        ),
        (
            ["sad"] * 21 + ["a", "b", "c"],
            "^the class 'a' of 'mood' has 1 usable clip, and 2 more classes are as small;",
        ),
    ],
    ids=["one class", "no label", "one clip", "several"],
)
def test_too_few_classes_or_clips_are_refused(corpus: Corpus, moods: list[str | None], message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        select_examples(*with_column(corpus, mood=pd.array(moods, dtype=object)), MOOD)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (ProbeSettings("mood", split="dev"), "^the manifest has no column 'split', so there is no split 'dev'; leave"),
        (
            ProbeSettings("mood", without=("sat",)),
            r"^the column 'mood' has no class 'sat'; did you mean 'sad'\? known:",
        ),
    ],
)
def test_unknown_splits_and_classes_are_refused(corpus: Corpus, settings: ProbeSettings, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        select_examples(*corpus, settings)


def test_a_split_without_rows_is_refused_with_those_there_are(corpus: Corpus) -> None:
    given = with_column(corpus, split=["train"] * 24)

    with pytest.raises(CorpusError, match=r"^the manifest has no row of the split 'dev'; known: train$"):
        select_examples(*given, ProbeSettings("mood", split="dev"))


def test_an_unknown_kind_is_refused(corpus: Corpus) -> None:
    with pytest.raises(
        ConfigError, match=r"^no kind of probe 'lineal'; did you mean 'linear'\? known: linear, centroid"
    ):
        select_examples(*corpus, ProbeSettings("mood", kind="lineal"))  # type: ignore[arg-type]


def test_a_manifest_whose_folder_or_files_are_gone_is_refused(corpus: Corpus, tmp_path: Path) -> None:
    manifest, metadata = corpus
    (tmp_path / "empty").mkdir()

    with pytest.raises(CorpusError, match=r"^no folder .*nowhere, where the recordings were when they were imported"):
        select_examples(manifest, metadata | {"root": str(tmp_path / "nowhere")}, MOOD)
    with pytest.raises(
        CorpusError, match=r"^none of the 24 files is in .*empty, the first is angry 0 0\.wav; expected"
    ):
        select_examples(manifest, metadata | {"root": str(tmp_path / "empty")}, MOOD)
