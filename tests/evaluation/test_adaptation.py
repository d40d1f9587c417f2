from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import audformat
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import soundfile
from tests.evaluation.toy_trials import make_speakers, make_task, make_trial
from tests.evaluation.toys import WORDS, RelativeEars, ToyEmbedder, ToyReference

from paraclap.errors import ModelError
from paraclap.evaluation import ReferenceEmbedder
from paraclap.evaluation.adaptation import (
    References,
    RelativeEmbedder,
    check_takes_references,
    embed_adapted,
    measure_references,
)
from paraclap.evaluation.embedder import Embedder, embed_clips
from paraclap.evaluation.embedding_cache import EmbeddingCache
from paraclap.evaluation.trials import Trial

LEVELS = (0.1, 0.2, 0.6, 0.3, 0.5, 0.4)
_BROKEN = 0.0
Corpus = tuple[pd.DataFrame, dict[str, Any]]


def make_corpus(root: Path, levels: tuple[float, ...] = LEVELS, **columns: Any) -> Corpus:
    """Write a square wave of each level, its root mean square; a level of 0 becomes a file that is no audio."""
    root.mkdir(parents=True, exist_ok=True)
    for number, level in enumerate(levels):
        path = root / f"{number}.wav"
        if level == _BROKEN:
            path.write_bytes(b"no audio")
        else:
            wave = level * np.where(np.arange(4800) // 16 % 2 == 0, 1.0, -1.0)
            soundfile.write(path, wave, 16000, subtype="FLOAT")
    files = [f"{number}.wav" for number in range(len(levels))]
    index = audformat.segmented_index(files, [0] * len(files), [pd.Timedelta("0.3s")] * len(files))
    return pd.DataFrame(columns, index=index), {"corpus": "toy", "root": str(root)}


def measure(
    corpus: Corpus, adaptation: Literal["channel", "speaker"] = "speaker", ears: RelativeEars | None = None
) -> References:
    return measure_references(ears or RelativeEars(), *corpus, adaptation=adaptation)


def embed(
    references: References, corpus: Corpus, **options: Any
) -> tuple[npt.NDArray[np.float32], list[bool], list[str]]:
    manifest, metadata = corpus
    assert isinstance(manifest.index, pd.MultiIndex)
    vectors, is_good, bad = embed_adapted(references, manifest.index, Path(metadata["root"]), **options)
    return vectors, is_good.tolist(), [f"{item.file}: {item.reason}" for item in bad]


def expect(levels: list[float], means: list[float]) -> npt.NDArray[np.float64]:
    rows = np.zeros((len(levels), len(WORDS)))
    rows[:, 0], rows[:, 1] = 1.0, np.array(levels) - np.array(means)
    return np.asarray(rows / np.sqrt((rows**2).sum(axis=1, keepdims=True)))


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[EmbeddingCache]:
    with closing(EmbeddingCache(tmp_path / "cache")) as opened:
        yield opened


@pytest.mark.parametrize(
    ("adaptation", "columns", "means"),
    [
        ("channel", {"speaker": list("abcabc")}, [0.35] * 6),
        ("channel", {}, [0.35] * 6),
        ("channel", {"corpus": list("xxxyyy")}, [0.3] * 3 + [0.4] * 3),
        ("speaker", {"speaker": list("ababab")}, [0.4, 0.3] * 3),
        ("speaker", {"speaker": ["a", "b", None, "b", "a", None]}, [0.3, 0.25, 0.35, 0.25, 0.3, 0.35]),
        ("speaker", {}, [0.35] * 6),
        (
            "speaker",
            {"corpus": list("xxxyyy"), "corpus_speaker": ["a", "a", None, "a", "b", None]},
            [0.15, 0.15, 0.3, 0.3, 0.5, 0.4],
        ),
    ],
    ids=["a corpus", "no column", "two corpora", "speakers", "unknown", "no speaker", "namesakes and unknown of two"],
)
def test_clips_are_heard_relative_to_the_mean_of_their_corpus_or_speaker(
    adaptation: Literal["channel", "speaker"], columns: dict[str, Any], means: list[float], tmp_path: Path
) -> None:
    corpus = make_corpus(tmp_path, **columns)

    references = measure(corpus, adaptation)
    vectors, is_good, bad = embed(references, corpus)

    assert vectors == pytest.approx(expect(list(LEVELS), means), abs=1e-6)
    assert (is_good, bad) == ([True] * 6, [])
    assert references.protocol == f"{adaptation}-adapted"
    assert len(references.embedders) == len(set(references.numbers.tolist()))


def test_speakers_may_be_missing_as_tables_have_it(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path, speaker=pd.array(["a", pd.NA, "a", pd.NA, "a", "a"], dtype="string"))

    references = measure(corpus)

    assert references.has_known_speaker.tolist() == [True, False, True, False, True, True]
    vectors, *_ = embed(references, corpus)
    assert vectors == pytest.approx(expect(list(LEVELS), [0.4, 0.35, 0.4, 0.35, 0.4, 0.4]), abs=1e-6)


def test_broken_files_are_left_out_of_references_and_named(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path, (0.1, _BROKEN, 0.3, _BROKEN, 0.5, _BROKEN), speaker=list("aaabbc"))

    references = measure(corpus)
    vectors, is_good, bad = embed(references, corpus)

    assert is_good == [True, False, True, False, True, False]
    assert vectors[is_good] == pytest.approx(expect([0.1, 0.3, 0.5], [0.2, 0.2, 0.5]), abs=1e-6)
    assert np.flatnonzero(np.any(vectors, axis=1)).tolist() == [0, 2, 4]
    assert [line.partition(": ")[0] for line in bad] == ["1.wav", "3.wav", "5.wav"]
    assert all(line.partition(": ")[2].startswith(line[:5]) for line in bad)  # the last has no reference at all
    assert not any(str(tmp_path) in line for line in bad)


def test_a_corpus_of_broken_files_gives_no_vectors_and_every_reason(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path, (_BROKEN,) * 3)
    done: list[int] = []

    vectors, is_good, bad = embed(measure(corpus, "channel"), corpus, advance=done.append)

    assert (vectors.shape, is_good, sum(done)) == ((3, 0), [False] * 3, 3)
    assert [line.partition(": ")[2][:5] for line in bad] == ["0.wav", "1.wav", "2.wav"]


def test_plain_vectors_and_those_of_other_references_do_not_mix_in_the_cache(
    tmp_path: Path, cache: EmbeddingCache
) -> None:
    corpus = make_corpus(tmp_path / "in", speaker=list("ababab"))
    part = (corpus[0].iloc[:4], corpus[1])
    index = corpus[0].index
    assert isinstance(index, pd.MultiIndex)
    expected = [embed(measure(one, how), one)[0] for one in (corpus, part) for how in ("channel", "speaker")]

    for ears, is_first in ((RelativeEars(), True), (RelativeEars(), False)):
        plain, *_ = embed_clips(ears, index, tmp_path / "in", cache=cache)
        found = [
            embed(measure(one, how, ears), one, cache=cache)[0]
            for one in (corpus, part)
            for how in ("channel", "speaker")
        ]
        assert plain == pytest.approx(expect(list(LEVELS), [0.0] * 6), abs=1e-6)
        assert all(np.array_equal(one, other) for one, other in zip(found, expected, strict=True))
        assert len(ears.heard) == (6 + 6 + 6 + 4 + 4 if is_first else 0)


def test_a_fingerprint_is_that_of_the_model_and_the_reference() -> None:
    one, other = RelativeEars(), RelativeEars()
    other.fingerprint = "e" * 64

    found = {RelativeEmbedder(ears, ToyReference(mean)).fingerprint for ears in (one, other) for mean in (0.1, 0.2)}

    assert len(found | {one.fingerprint, other.fingerprint}) == 6
    assert RelativeEmbedder(one, ToyReference(0.1)).fingerprint in found


def test_disturbed_clips_are_heard_relative_to_the_reference_of_the_clean_ones(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path, speaker=list("ababab"))

    vectors, is_good, _ = embed(measure(corpus), corpus, disturb="gain-minus-20db")

    assert all(is_good)
    assert vectors == pytest.approx(expect([level / 10 for level in LEVELS], [0.4, 0.3] * 3), abs=1e-5)


def test_every_clip_is_counted_once_while_references_are_measured(tmp_path: Path) -> None:
    manifest, metadata = make_corpus(tmp_path, speaker=["a", "b", None, "b", "a", None])
    done: list[int] = []

    measure_references(RelativeEars(), manifest, metadata, adaptation="speaker", advance=done.append)

    assert done == [2, 2, 2]


def test_the_corpus_is_measured_only_for_those_who_need_it(tmp_path: Path) -> None:
    ears = RelativeEars()

    measure(make_corpus(tmp_path, speaker=list("aabbcc")), "speaker", ears)

    assert ears.measured == [["0.wav", "1.wav"], ["2.wav", "3.wav"], ["4.wav", "5.wav"]]


class Refuser(RelativeEars):
    """Have the methods, as every model of the package, but take no references."""

    takes_references = False


@pytest.mark.parametrize("ears", [ToyEmbedder(), Refuser()], ids=["without methods", "that says so"])
def test_a_model_that_takes_no_references_is_refused_in_a_sentence(ears: Embedder, tmp_path: Path) -> None:
    message = (
        r"^toy takes no reference recordings; expected a model that is made for them to adapt it to a channel or "
        r"speaker: evaluate it without adaptation, or another one$"
    )
    with pytest.raises(ModelError, match=message):
        check_takes_references(ears)
    with pytest.raises(ModelError, match=message):
        measure_references(ears, *make_corpus(tmp_path), adaptation="channel")


def test_the_toys_are_told_apart_by_their_methods() -> None:
    assert isinstance(RelativeEars(), ReferenceEmbedder)
    assert not isinstance(ToyEmbedder(), ReferenceEmbedder)


def adapt(trial: Trial, numbers: list[int], known: list[bool], good: list[bool]) -> Trial:
    references = References("speaker-adapted", (), np.array(numbers), np.array(known), {})
    return references.adapt_trial(trial, np.arange(len(numbers)), np.array(good))


def test_the_note_of_a_trial_counts_references_clips_and_unknown_speakers() -> None:
    trial = make_trial(make_task(classes=["anger", "calm", "sadness"]), make_speakers(2, 2))

    all_known = adapt(replace(trial, note="old"), [0, 0, 1, 1], [True] * 4, [True] * 4)
    some_unknown = adapt(trial, [0, 0, 0, -1], [True, False, False, False], [True, True, True, False])

    assert (all_known.protocol, some_unknown.protocol) == ("speaker-adapted", "speaker-adapted")
    assert all_known.note == (
        "old; speaker-adapted: 2 references measured without labels on the 4 clips evaluated, "
        "the tested ones among them"
    )
    assert some_unknown.note == (
        "speaker-adapted: 1 reference measured without labels on the 3 clips evaluated, the tested ones among them; "
        "2 of the clips have the reference of the corpus, as their speaker is unknown"
    )


def test_references_of_a_channel_are_not_said_to_be_of_one_speaker(tmp_path: Path) -> None:
    channel, speaker = RelativeEars(), RelativeEars()

    measure(make_corpus(tmp_path), "channel", channel)
    measure(make_corpus(tmp_path, speaker=["a"] * len(LEVELS)), "speaker", speaker)

    assert not any(channel.asked_of_one)
    assert any(speaker.asked_of_one)
