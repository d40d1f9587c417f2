from pathlib import Path

import audformat
import numpy as np
import pandas as pd
import pytest
import soundfile
from tests.evaluation.toys import ToyEmbedder, hash_vector

from paraclap.evaluation import embedder as module
from paraclap.evaluation.embedder import Embedder, embed_clips


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
