from pathlib import Path

import audformat
import numpy as np
import pytest
import soundfile
from tests.audio.clips import make_voice
from tests.cli.conftest import Run

from paraclap import ParaClap
from paraclap.storage import read_table


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    folder = tmp_path / "voices"
    folder.mkdir()
    for number in range(3):
        soundfile.write(folder / f"{number}.wav", make_voice(0.4 + number, 16000, seed=number), 16000)
    return folder


def test_the_table_holds_the_vectors_of_the_library(run: Run, tiny_model: Path, voices: Path, tmp_path: Path) -> None:
    out = tmp_path / "sub" / "embeddings.parquet"

    done = run("embed", voices, "--out", out, "--model", tiny_model)

    assert (done.status, done.stdout) == (0, "")
    assert done.stderr == f"{out}: 3 embeddings of 16 dimensions by {tiny_model}\n"
    table, metadata = read_table(out, kind="embeddings")
    clap = ParaClap.from_pretrained(tiny_model)
    assert np.array_equal(table.to_numpy(), clap.embed_audio(voices))
    assert set(table.dtypes) == {np.dtype(np.float32)}
    assert list(table.columns) == [str(number) for number in range(16)]
    assert metadata == {"model": str(tiny_model), "fingerprint": clap.fingerprint}
    expected = clap.classify(voices, ["a man", "a woman"]).index
    assert audformat.is_segmented_index(table)
    assert table.index.tolist() == expected.tolist()


def test_bad_files_are_named_and_the_others_embedded(run: Run, tiny_model: Path, voices: Path, tmp_path: Path) -> None:
    (voices / "1.wav").write_bytes(b"no audio")

    done = run("embed", voices, "--out", tmp_path / "e.parquet", "--model", tiny_model)

    assert done.status == 1
    assert f"paraclap: {voices / '1.wav'}: cannot be read as audio" in done.stderr
    table, _ = read_table(tmp_path / "e.parquet", kind="embeddings")
    assert [Path(file).name for file in table.index.get_level_values("file")] == ["0.wav", "2.wav"]


def test_nothing_is_written_when_no_file_is_good(run: Run, tiny_model: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"no audio")

    done = run("embed", tmp_path / "bad.wav", "--out", tmp_path / "e.parquet", "--model", tiny_model)

    assert done.status == 1
    assert not (tmp_path / "e.parquet").exists()


def test_the_table_must_be_named_parquet(run: Run, voices: Path, tmp_path: Path) -> None:
    done = run("embed", voices, "--out", tmp_path / "e.csv")

    assert done.status == 1
    assert "unknown suffix '.csv'; expected one of .parquet" in done.stderr


@pytest.mark.parametrize("place", ["folder.parquet", "file.txt/e.parquet"])
def test_a_table_that_cannot_be_written_is_refused_before_any_work(run: Run, tmp_path: Path, place: str) -> None:
    (tmp_path / "folder.parquet").mkdir()
    (tmp_path / "file.txt").write_text("text")

    done = run("embed", tmp_path / "nowhere.wav", "--out", tmp_path / place)

    assert (done.status, done.stdout) == (1, "")
    assert f"--out {tmp_path / place}: " in done.stderr
    assert "nowhere" not in done.stderr
