from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.audio.clips import make_voice
from tests.cli.conftest import Run

from paraclap import ParaClap
from paraclap.corpora import read_manifest
from paraclap.storage import read_table


@pytest.fixture
def manifest(run: Run, tmp_path: Path) -> Path:
    """Return the manifest of five voices in a folder, the last of which is then damaged."""
    (tmp_path / "voices").mkdir()
    for number in range(5):
        soundfile.write(tmp_path / f"voices/{number}.wav", make_voice(0.5, 16_000, seed=number), 16_000)
    done = run("corpus", "import", "folder", tmp_path / "voices", "--out", tmp_path / "m.parquet")
    assert done.status == 0, done.stderr
    (tmp_path / "voices/4.wav").write_bytes(b"no audio")
    return tmp_path / "m.parquet"


def test_good_files_are_sharded_bad_ones_named_and_the_status_is_1(run: Run, manifest: Path, tmp_path: Path) -> None:
    done = run("corpus", "shard", manifest, "--out", tmp_path / "shards", "--clips-per-shard", "3")

    assert done.status == 1
    assert done.stdout == f"{tmp_path / 'shards'}: 4 utterances in 2 shards\n"
    assert done.stderr.startswith(f"paraclap: {tmp_path / 'voices/4.wav'}: cannot be read as audio")
    table, metadata = read_manifest(tmp_path / "shards/manifest.parquet")
    files = ["shard-000000.tar/0.wav", "shard-000000.tar/1.wav", "shard-000000.tar/2.wav", "shard-000001.tar/3.wav"]
    assert table.index.get_level_values("file").tolist() == files
    assert metadata["root"] == str(tmp_path / "shards")


def test_size_and_order_can_be_chosen(run: Run, manifest: Path, tmp_path: Path) -> None:
    (tmp_path / "voices/4.wav").write_bytes((tmp_path / "voices/0.wav").read_bytes())

    done = run("corpus", "shard", manifest, "--out", tmp_path / "shards", "--max-mb", "0.001", "--shuffle", "3")

    assert (done.status, done.stderr) == (0, "")
    assert done.stdout == f"{tmp_path / 'shards'}: 5 utterances in 5 shards\n"
    files = read_manifest(tmp_path / "shards/manifest.parquet")[0].index.get_level_values("file")
    assert [file.partition("/")[0] for file in files] == [f"shard-{number:06d}.tar" for number in range(5)]
    assert sorted(file.partition("/")[2] for file in files) != [file.partition("/")[2] for file in files]


def test_what_cannot_be_done_is_one_line(run: Run, manifest: Path, tmp_path: Path) -> None:
    done = run("corpus", "shard", manifest, "--out", tmp_path / "shards", "--max-mb", "0")
    assert (done.status, done.stderr) == (1, "paraclap: shards of 0.0 MB; expected a size above zero\n")

    done = run("corpus", "shard", manifest, "--out", tmp_path / "voices")
    assert done.status == 1
    assert done.stderr == f"paraclap: {tmp_path}/voices is not empty, it holds 0.wav; choose an empty or a new folder\n"


def test_clips_in_shards_are_embedded_as_the_files_are(
    run: Run, manifest: Path, tiny_model: Path, tmp_path: Path
) -> None:
    run("corpus", "shard", manifest, "--out", tmp_path / "shards")
    archive = tmp_path / "shards/shard-000000.tar"

    done = run(
        "embed",
        archive,
        archive / "none.wav",
        tmp_path / "x.tar",
        "--out",
        tmp_path / "e.parquet",
        "--model",
        tiny_model,
    )

    assert done.status == 1
    assert done.stderr.splitlines()[1:] == [
        f"paraclap: {archive}/none.wav: the archive has no such member; 'tar -tf shard-000000.tar' lists those it has",
        f"paraclap: {tmp_path}/x.tar: no such file or folder",
    ]
    table, _ = read_table(tmp_path / "e.parquet", kind="embeddings")
    assert table.index.get_level_values("file").tolist() == [f"{archive}/{number}.wav" for number in range(4)]
    voices = [tmp_path / f"voices/{number}.wav" for number in range(4)]
    assert np.array_equal(table.to_numpy(), ParaClap.from_pretrained(tiny_model).embed_audio(voices))


def test_the_help_says_what_it_is_for(run: Run) -> None:
    done = run("corpus", "shard", "--help")

    assert done.status == 0
    for word in ("WebDataset", "--clips-per-shard", "--max-mb", "--shuffle", "goes on when it is run again"):
        assert word in done.stdout
