import hashlib
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import audformat
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import soundfile
from tests.evaluation.toys import ToyEmbedder, hash_vector

from paraclap.audio import MIN_DURATION, SAMPLING_RATE, Waveform, disturb, read_audio
from paraclap.errors import AudioError, ConfigError
from paraclap.evaluation import embedder as module
from paraclap.evaluation.embedder import Embedder, embed_clips
from paraclap.evaluation.embedding_cache import EmbeddingCache


def make_files(root: Path, durations: list[float]) -> pd.MultiIndex:
    """Write noise of these durations in seconds; a negative one becomes a file that is no audio."""
    files = []
    for number, duration in enumerate(durations):
        files.append(f"sub/{number}.wav")
        path = root / files[-1]
        path.parent.mkdir(exist_ok=True)
        if duration > 0:
            noise = np.random.default_rng(number).normal(0, 0.1, round(duration * 16000))
            soundfile.write(path, noise, 16000)
        else:
            path.write_bytes(b"no audio")
    ends = [pd.Timedelta(seconds=abs(duration)) for duration in durations]
    index: pd.MultiIndex = audformat.segmented_index(files, [0] * len(files), ends)
    return index


def test_the_toy_is_an_embedder() -> None:
    assert isinstance(ToyEmbedder(), Embedder)


def test_vectors_come_in_the_order_of_the_clips_and_groups_by_duration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GROUP_SIZE", 2)
    index = make_files(tmp_path, [0.5, 0.2, 0.4, 0.3, 0.6])
    toy = ToyEmbedder()
    done: list[int] = []

    embeds, good, bad = embed_clips(toy, index, tmp_path, advance=done.append)

    assert np.array_equal(embeds, np.stack([hash_vector(str(number)) for number in range(5)]))
    assert [[Path(file).stem for file in call] for call in toy.audio_calls] == [["1", "3"], ["2", "0"], ["4"]]
    assert done == [2, 2, 1]
    assert good.all()
    assert bad == []


def test_broken_files_are_named_without_the_root_and_the_rest_is_embedded(tmp_path: Path) -> None:
    index = make_files(tmp_path, [0.2, -0.2, 0.2, 0.2, 0.2, 0.2, -0.2, 0.2])

    embeds, good, bad = embed_clips(ToyEmbedder(), index, tmp_path)

    assert np.flatnonzero(~good).tolist() == [1, 6]
    assert np.array_equal(embeds[good], np.stack([hash_vector(str(number)) for number in (0, 2, 3, 4, 5, 7)]))
    assert [item.file for item in bad] == ["sub/1.wav", "sub/6.wav"]
    assert bad[0].reason.startswith("sub/1.wav")
    assert str(tmp_path) not in bad[0].reason


def test_a_corpus_of_broken_files_gives_no_vectors(tmp_path: Path) -> None:
    embeds, good, bad = embed_clips(ToyEmbedder(), make_files(tmp_path, [-0.2, -0.3]), tmp_path)

    assert embeds.shape == (2, 0)
    assert not good.any()
    assert len(bad) == 2


class Ears(ToyEmbedder):
    """Hear a waveform as its level in dB and its duration, among others."""

    def __init__(self, *, fingerprint: str = "f" * 64, layer: int = 0) -> None:
        super().__init__()
        self.fingerprint = fingerprint
        self._layer = layer

    def hear(self, waveform: Waveform) -> npt.NDArray[np.float32]:
        level, duration = np.sqrt(np.mean(np.square(waveform))), len(waveform) / SAMPLING_RATE
        heard = np.array([1.0 + self._layer, level, duration])
        return np.asarray(heard / np.linalg.norm(heard), dtype=np.float32)

    @property
    def heard(self) -> list[str]:
        """The files asked for, in order."""
        return [Path(file).stem for call in self.audio_calls for file in call]


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[EmbeddingCache]:
    with closing(EmbeddingCache(tmp_path / "cache")) as opened:
        yield opened


def test_what_is_cached_is_not_heard_again_and_equals_what_was_heard(tmp_path: Path, cache: EmbeddingCache) -> None:
    index = make_files(tmp_path, [0.2, 0.3, -0.2, 0.4])
    plain, fresh, again = (Ears() for _ in range(3))
    expected = embed_clips(plain, index, tmp_path)

    first = embed_clips(fresh, index, tmp_path, cache=cache)
    second = embed_clips(again, index, tmp_path, cache=cache)

    for embeds, good, bad in (first, second):
        assert np.array_equal(embeds, expected[0])
        assert good.tolist() == expected[1].tolist() == [True, True, False, True]
        assert bad == expected[2]
    assert fresh.heard == plain.heard
    assert set(again.heard) == {"2"}  # bad files are tried again: they may be mended


def test_only_what_is_not_cached_is_heard(tmp_path: Path, cache: EmbeddingCache) -> None:
    index = make_files(tmp_path, [0.2, 0.3, 0.4, 0.5])
    embed_clips(Ears(), index[[1, 3]], tmp_path, cache=cache)
    ears = Ears()

    embeds, _, _ = embed_clips(ears, index[[3, 2, 1, 0]], tmp_path, cache=cache)

    assert ears.heard == ["0", "2"]
    assert np.array_equal(embeds, embed_clips(Ears(), index[[3, 2, 1, 0]], tmp_path)[0])


def test_a_file_that_was_mended_or_changed_is_heard(tmp_path: Path, cache: EmbeddingCache) -> None:
    index = make_files(tmp_path, [0.2, -0.3, 0.4])
    embed_clips(Ears(), index, tmp_path, cache=cache)
    soundfile.write(tmp_path / "sub/1.wav", np.random.default_rng(7).normal(0, 0.1, 4800), 16000)
    soundfile.write(tmp_path / "sub/2.wav", np.random.default_rng(8).normal(0, 0.1, 6400), 16000)
    ears = Ears()

    _, good, bad = embed_clips(ears, index, tmp_path, cache=cache)

    assert ears.heard == ["1", "2"]
    assert good.all()
    assert bad == []


@pytest.mark.parametrize("other", [Ears(fingerprint="e" * 64), Ears(layer=1)], ids=["weights", "layer"])
def test_models_of_other_weights_or_with_other_answers_share_nothing(
    tmp_path: Path, cache: EmbeddingCache, other: Ears
) -> None:
    index = make_files(tmp_path, [0.2, 0.3])
    embed_clips(Ears(), index, tmp_path, cache=cache)

    embed_clips(other, index, tmp_path, cache=cache)

    assert other.heard == ["0", "1"]


def test_an_interrupted_run_keeps_the_groups_that_were_done(
    tmp_path: Path, cache: EmbeddingCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GROUP_SIZE", 2)
    index = make_files(tmp_path, [0.2, 0.3, 0.4, 0.5, 0.6])

    def stop(done: int) -> None:
        if len(first.audio_calls) == 2:
            raise KeyboardInterrupt

    first, second = Ears(), Ears()
    with pytest.raises(KeyboardInterrupt):
        embed_clips(first, index, tmp_path, cache=cache, advance=stop)
    done: list[int] = []

    embeds, _, _ = embed_clips(second, index, tmp_path, cache=cache, advance=done.append)

    assert (first.heard, second.heard, done) == (["0", "1", "2", "3"], ["4"], [2, 2, 1])
    assert np.array_equal(embeds, embed_clips(Ears(), index, tmp_path)[0])


def disturb_by_hand(path: Path, index: pd.MultiIndex, name: str) -> Waveform:
    """Read and disturb the one clip of an index."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    ((_, start, end),) = index
    seed = hashlib.sha256(f"{digest} {start.value} {end.value}".encode()).hexdigest()
    waveform = read_audio(path, start=start.total_seconds(), end=end.total_seconds())
    return disturb(waveform, name, np.random.default_rng(int(seed, 16)))


@pytest.mark.parametrize("name", ["noise-10db", "crop-1s", "opus", "speed-1.1"])
def test_disturbed_clips_are_heard_as_waveforms_that_depend_on_content_and_place_alone(
    tmp_path: Path, name: str
) -> None:
    index = make_files(tmp_path, [1.5, 1.2])
    ears, reverse, moved = Ears(), Ears(), Ears()

    embeds, good, bad = embed_clips(ears, index, tmp_path, disturb=name)

    ((longer, shorter),) = [call[::-1] for call in ears.waveform_calls]
    assert np.array_equal(longer, disturb_by_hand(tmp_path / "sub/0.wav", index[:1], name))
    assert np.array_equal(shorter, disturb_by_hand(tmp_path / "sub/1.wav", index[1:], name))
    assert np.array_equal(embeds, np.stack([ears.hear(longer), ears.hear(shorter)]))
    assert good.all()
    assert bad == []
    assert ears.audio_calls == []
    assert np.array_equal(embed_clips(reverse, index[::-1], tmp_path, disturb=name)[0], embeds[::-1])
    shutil.move(tmp_path / "sub", tmp_path / "elsewhere" / "sub")
    assert np.array_equal(embed_clips(moved, index, tmp_path / "elsewhere", disturb=name)[0], embeds)


def test_segments_of_one_file_are_disturbed_apart(tmp_path: Path) -> None:
    make_files(tmp_path, [1.5])
    places = pd.to_timedelta([0.0, 0.3, 0.3], unit="s"), pd.to_timedelta([0.8, 0.8, 1.1], unit="s")
    index: pd.MultiIndex = audformat.segmented_index(["sub/0.wav"] * 3, *places)
    ears = Ears()

    embeds, _, _ = embed_clips(ears, index, tmp_path, disturb="noise-10db")

    by_hand = [disturb_by_hand(tmp_path / "sub/0.wav", index[[clip]], "noise-10db") for clip in range(3)]
    assert np.array_equal(embeds, np.stack([ears.hear(waveform) for waveform in by_hand]))


def test_two_levels_of_noise_are_the_same_noise(tmp_path: Path) -> None:
    index = make_files(tmp_path, [1.0])
    loud, soft = Ears(), Ears()
    embed_clips(loud, index, tmp_path, disturb="noise-10db")
    embed_clips(soft, index, tmp_path, disturb="noise-20db")
    clean = read_audio(tmp_path / "sub/0.wav")

    (loud_noise,), (soft_noise,) = ([heard - clean for heard in ears.waveform_calls[0]] for ears in (loud, soft))

    assert np.allclose(loud_noise, soft_noise * 10**0.5, atol=1e-6)


def test_disturbed_clips_are_cached_apart_from_clean_ones(tmp_path: Path, cache: EmbeddingCache) -> None:
    index = make_files(tmp_path, [0.5, 0.6])
    clean, disturbed = embed_clips(Ears(), index, tmp_path, cache=cache), Ears()
    heard = embed_clips(disturbed, index, tmp_path, cache=cache, disturb="noise-10db")
    again = Ears()

    found = embed_clips(again, index, tmp_path, cache=cache, disturb="noise-10db")

    assert np.array_equal(found[0], heard[0])
    assert not np.array_equal(found[0], clean[0])
    assert [len(call) for call in disturbed.waveform_calls] == [1, 2]  # what identifies the model comes first
    assert [len(call) for call in again.waveform_calls] == [1]


def test_clips_that_cannot_be_read_or_disturbed_are_named_and_the_rest_is_heard(tmp_path: Path) -> None:
    index = make_files(tmp_path, [0.2, -0.3, 0.105, 0.4])  # speed-1.1 leaves 0.095 s of the third
    ears = DeafToShort()

    embeds, good, bad = embed_clips(ears, index, tmp_path, disturb="speed-1.1")

    assert good.tolist() == [True, False, False, True]
    assert not embeds[~good].any()
    assert embeds[good].all()
    assert [item.file for item in bad] == ["sub/1.wav", "sub/2.wav"]
    assert bad[0].reason.startswith("sub/1.wav: cannot be read as audio")
    assert bad[1].reason == "sub/2.wav, disturbed by speed-1.1: array 0: too short"


class DeafToShort(Ears):
    """Refuse waveforms below 0.1 s."""

    def hear(self, waveform: Waveform) -> npt.NDArray[np.float32]:
        if len(waveform) < MIN_DURATION * SAMPLING_RATE:
            raise AudioError("array 0: too short")
        return super().hear(waveform)


def test_a_disturbance_that_does_not_exist_is_refused_before_anything_is_heard(tmp_path: Path) -> None:
    ears = Ears()

    with pytest.raises(ConfigError, match=r"^no disturbance 'noise'.+known: gain-minus-6db"):
        embed_clips(ears, make_files(tmp_path, [0.5]), tmp_path, disturb="noise")
    assert ears.waveform_calls == []


def test_waveforms_of_long_clips_are_held_in_smaller_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GROUP_DURATION", 1.0)
    index = make_files(tmp_path, [0.3, 0.3, 0.3, 0.5, 0.6, 1.2])
    ears = Ears()
    done: list[int] = []

    embed_clips(ears, index, tmp_path, disturb="noise-10db", advance=done.append)

    assert [[round(len(heard) / SAMPLING_RATE, 3) for heard in call] for call in ears.waveform_calls] == [
        [0.3, 0.3, 0.3],
        [0.5],
        [0.6],
        [1.2],
    ]
    assert done == [3, 1, 1, 1]


def test_no_clips_give_no_vectors(tmp_path: Path) -> None:
    embeds, good, bad = embed_clips(Ears(), make_files(tmp_path, [0.2])[:0], tmp_path)

    assert embeds.shape == (0, 0)
    assert good.shape == (0,)
    assert good.dtype == bool
    assert bad == []
