import os
import tarfile
from dataclasses import replace
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
import pytest
from tests.inference.voices import write_voice

from paraclap.audio import MelSettings, compute_log_mel, read_audio
from paraclap.training import mel_cache
from paraclap.training.mel_cache import MelCache, open_mel_cache


@pytest.fixture
def manifest(tmp_path: Path) -> pd.DataFrame:
    """Return two segments of one file, a file that is no audio, and another file."""
    write_voice(tmp_path / "in" / "a.wav", 1.0)
    write_voice(tmp_path / "in" / "b.wav", 0.4, seed=1)
    (tmp_path / "in" / "bad.wav").write_text("no audio")
    index = audformat.segmented_index(
        ["a.wav", "bad.wav", "a.wav", "b.wav"], ["0s", "0s", "0.25s", "0s"], ["1s", "1s", "0.75s", "0.4s"]
    )
    return pd.DataFrame({"gender": ["male"] * 4}, index=index)


def open_cache(folder: Path, manifest: pd.DataFrame, settings: MelSettings | None = None) -> MelCache:
    return open_mel_cache(
        manifest, root=folder / "in", settings=settings or MelSettings(), folder=folder / "mels", name="voices"
    )


def test_spectrograms_are_those_of_the_segments_to_half_precision(tmp_path: Path, manifest: pd.DataFrame) -> None:
    cache = open_cache(tmp_path, manifest)

    for row, (file, start, end) in enumerate([("a", 0, 1), ("bad", 0, 0), ("a", 0.25, 0.75), ("b", 0, 0.4)]):
        assert cache.duration(row) == pytest.approx(end - start)
        if file == "bad":
            continue
        expected = compute_log_mel(read_audio(tmp_path / "in" / f"{file}.wav", start=start, end=end), MelSettings())
        log_mel = cache.read(row)
        assert log_mel.dtype == np.float32
        assert np.abs(log_mel - expected).max() < 0.005
        assert np.array_equal(cache.read(row, start=0.03, seconds=0.1), log_mel[3:13])
        assert np.array_equal(cache.read(row, start=end - start - 0.04, seconds=0.1), log_mel[-4:])
        assert np.array_equal(cache.read(row, seconds=10.0), log_mel)
        assert np.array_equal(cache.read(row, start=0.05), log_mel[5:])


def test_seconds_are_those_of_the_settings(tmp_path: Path, manifest: pd.DataFrame) -> None:
    cache = open_cache(tmp_path, manifest, replace(MelSettings(), hop_size=320))

    assert cache.duration(0) == pytest.approx(1.0)
    assert cache.read(0).shape == (50, 64)
    assert np.array_equal(cache.read(0, start=0.5, seconds=0.2), cache.read(0)[25:35])


def test_files_that_cannot_be_read_are_named_also_by_an_opened_cache(tmp_path: Path, manifest: pd.DataFrame) -> None:
    for _ in range(2):
        (bad,) = open_cache(tmp_path, manifest).bad_files
        assert bad.file == str(tmp_path / "in" / "bad.wav")
        assert "cannot be read as audio" in bad.reason


def test_a_cache_that_is_there_is_opened_without_reading_audio(
    tmp_path: Path, manifest: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_cache(tmp_path, manifest)
    monkeypatch.setattr(mel_cache, "_fill", lambda *_, **__: pytest.fail("read again"))

    again = open_cache(tmp_path, manifest.assign(gender="female"))  # labels change no spectrogram

    assert np.array_equal(again.read(3), first.read(3))


def test_other_clips_or_settings_have_a_cache_of_their_own(tmp_path: Path, manifest: pd.DataFrame) -> None:
    open_cache(tmp_path, manifest)

    shorter = open_cache(tmp_path, manifest.iloc[2:])
    coarser = open_cache(tmp_path, manifest, replace(MelSettings(), num_mels=20))

    assert len(list((tmp_path / "mels").glob("*.npy"))) == 3
    assert shorter.duration(0) == 0.5
    assert coarser.read(0).shape == (100, 20)


@pytest.mark.parametrize("suffix", [".json", ".npy"])
def test_a_cache_of_which_a_part_is_gone_is_made_again(tmp_path: Path, manifest: pd.DataFrame, suffix: str) -> None:
    before = open_cache(tmp_path, manifest).read(2)
    next((tmp_path / "mels").glob(f"*{suffix}")).unlink()

    assert np.array_equal(open_cache(tmp_path, manifest).read(2), before)


@pytest.mark.parametrize("holder", ["a.wav", "shard.tar"])
def test_files_and_shards_that_are_written_again_mean_a_new_cache(tmp_path: Path, holder: str) -> None:
    folder = tmp_path / "in"
    write_voice(folder / "a.wav", 0.5)
    with tarfile.open(folder / "shard.tar", "w") as shard:
        shard.add(folder / "a.wav", "a.wav")
    file = "a.wav" if holder == "a.wav" else "shard.tar/a.wav"
    manifest = pd.DataFrame(index=audformat.segmented_index([file], ["0s"], ["0.5s"]))
    first = open_cache(tmp_path, manifest).read(0)

    os.utime(folder / holder, (1, 1))

    assert np.array_equal(open_cache(tmp_path, manifest).read(0), first)
    assert len(list((tmp_path / "mels").glob("*.npy"))) == 2
