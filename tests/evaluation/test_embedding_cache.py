import shutil
from contextlib import closing
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
import pytest
import soundfile

from paraclap.audio import disturbance_table
from paraclap.errors import ConfigError
from paraclap.evaluation import embedding_cache as module
from paraclap.evaluation.embedding_cache import ClipHashes, EmbeddingCache, make_key


def write_noise(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(seed).normal(0, 0.1, 8000), 16000)
    return path


def hash_clip(path: Path, start: float = 0.0, end: float = 0.5) -> str | None:
    index: pd.MultiIndex = audformat.segmented_index(
        [str(path)], [pd.Timedelta(seconds=start)], [pd.Timedelta(seconds=end)]
    )
    return ClipHashes(index)[0]


def test_vectors_that_are_stored_are_found_bit_by_bit(tmp_path: Path) -> None:
    vectors = {str(number): np.random.default_rng(number).normal(size=16).astype(np.float32) for number in range(3)}
    with closing(EmbeddingCache(tmp_path / "new")) as cache:
        cache.store(vectors)

    with closing(EmbeddingCache(tmp_path / "new")) as again:
        found = again.find(["2", "nowhere", "0"])

    assert set(found) == {"0", "2"}
    assert all(np.array_equal(found[key], vectors[key]) and found[key].dtype == np.float32 for key in found)


def test_a_damaged_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / "embeddings.sqlite").write_bytes(b"no database" * 1000)

    with pytest.raises(ConfigError, match=r"^the cache of embeddings .+embeddings\.sqlite cannot be used"):
        EmbeddingCache(tmp_path)


def test_a_clip_is_its_content_and_its_place_wherever_the_file_lies(tmp_path: Path) -> None:
    path = write_noise(tmp_path / "here" / "a.wav", seed=0)
    moved = Path(shutil.copy(path, tmp_path / "b.wav"))
    other = write_noise(tmp_path / "here" / "c.wav", seed=1)
    clips = [hash_clip(path), hash_clip(other), hash_clip(path, start=0.1), hash_clip(path, end=0.4)]

    assert hash_clip(moved) == clips[0]
    assert len(set(clips)) == 4
    assert hash_clip(tmp_path / "nowhere.wav") is None


def test_a_file_of_many_clips_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def read_file(path: Path) -> str:
        read.append(path)
        return path.name

    monkeypatch.setattr(module, "hash_audio", read_file)
    starts = pd.to_timedelta([0.0, 0.1, 0.2], unit="s")
    index: pd.MultiIndex = audformat.segmented_index(["a.wav", "b.wav", "a.wav"], starts, starts + pd.Timedelta("1s"))
    hashes = ClipHashes(index)

    assert read == []
    assert len({hashes[clip] for clip in (0, 1, 2, 0)}) == 3
    assert read == [Path("a.wav"), Path("b.wav")]


def test_keys_tell_clips_models_and_disturbances_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [("a", "m", None), ("b", "m", None), ("a", "n", None), ("a", "m", "noise-10db"), ("a", "m", "noise-20db")]
    keys = [make_key(clip, model=model, disturbance=disturbance) for clip, model, disturbance in asked]

    assert len(set(keys)) == len(asked)
    assert make_key(None, model="m", disturbance=None) is None
    loud = disturbance_table.NoiseRow(kind="noise", snr_db=0)
    monkeypatch.setattr(module, "read_disturbances", lambda: {"noise-10db": loud})
    assert make_key("a", model="m", disturbance="noise-10db") not in keys
