"""Builds that are killed for real. PARACLAP_NUM_KILLS=10 kills ten times instead of three."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lancedb", reason="the index needs LanceDB: pip install 'paraclap[index]'")

from benchmarks.search import fill_index, make_vectors
from tests.index.toys import Ear, write_sound

from paraclap.errors import StoreError
from paraclap.index import Index, SearchSettings

NUM_FILES = 60
BUILD = """
import sys, time
from pathlib import Path
from paraclap.index import Index, SearchSettings, building
from tests.index.toys import Ear
building._WINDOWS_AT_ONCE, building._COMMIT_EVERY = 5, 0.0
def tell(done, total):
    print(done, flush=True)
    time.sleep(0.02)
Index.build(sys.argv[1], sys.argv[2], model=Ear(), progress=tell)
print("done", flush=True)
"""


def start_build(index: Path, archive: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", BUILD, str(index), str(archive)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=Path(__file__).parents[2])


def wait_for(process: subprocess.Popen[str], number: int) -> None:
    """Read what a build tells until it has done that many files, or is done."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == "done" or int(line) >= number:
            return


@pytest.fixture
def changed(tmp_path: Path) -> tuple[Path, Path]:
    """Return an index and its archive, in which since then most files have changed, came or went."""
    archive = tmp_path / "archive"
    for number in range(NUM_FILES // 2):
        write_sound(archive / f"{number:03d}.wav", seed=number, duration=0.15)
    Index.build(tmp_path / "index", archive, model=Ear())
    for number in range(10, NUM_FILES):
        write_sound(archive / f"{number:03d}.wav", seed=1000 + number, duration=0.2)
    for number in range(3):
        (archive / f"{number:03d}.wav").unlink()
    return tmp_path / "index", archive


def test_a_build_that_was_killed_again_and_again_ends_like_one_that_was_not(
    changed: tuple[Path, Path], tmp_path: Path
) -> None:
    index, archive = changed
    rng = np.random.default_rng(0)

    for _ in range(int(os.environ.get("PARACLAP_NUM_KILLS", "3"))):
        with start_build(index, archive) as process:
            wait_for(process, int(rng.integers(0, 40)))
            time.sleep(float(rng.uniform(0, 0.08)))
            process.kill()
        files = Index.open(index).read_rows()[0].index.get_level_values("file")
        assert not files.has_duplicates
    resumed = Index.build(index, archive, model=Ear())

    rows, vectors = resumed.read_rows()
    expected, expected_vectors = Index.build(tmp_path / "fresh", archive, model=Ear()).read_rows()
    assert rows.equals(expected)
    assert np.allclose(vectors, expected_vectors, atol=1e-6)


def test_others_search_while_one_writes_and_no_second_one_may_write(changed: tuple[Path, Path]) -> None:
    index, archive = changed
    reader = Index.open(index, model=Ear())
    with start_build(index, archive) as process:
        wait_for(process, 1)
        process.send_signal(signal.SIGSTOP)  # so that it cannot be done before we are

        with pytest.raises(StoreError, match="is being written by another process; wait until it is done"):
            Index.build(index, archive, model=Ear())
        assert len(reader.search("a voice", k=5)) == 5

        process.send_signal(signal.SIGCONT)
        numbers = set()
        while process.poll() is None:
            hits = reader.search("a voice", k=1000)
            assert not hits.index.has_duplicates
            numbers.add(len(hits))
            time.sleep(0.01)
    assert process.returncode == 0
    assert len(reader.search("a voice", k=1000)) == NUM_FILES - 3
    assert min(numbers) >= NUM_FILES // 2 - 3


def test_an_index_that_was_killed_before_its_table_was_there_is_begun_anew(tmp_path: Path) -> None:
    write_sound(tmp_path / "archive" / "0.wav", seed=0)
    (tmp_path / "index" / "windows.lance" / "data").mkdir(parents=True)
    (tmp_path / "index" / "write.lock").touch()

    with pytest.raises(StoreError, match=r"no index in .*; expected one that 'paraclap index build' wrote"):
        Index.open(tmp_path / "index")
    assert len(Index.build(tmp_path / "index", tmp_path / "archive", model=Ear())) == 1


def test_a_vector_index_is_trained_where_there_is_none_and_again_when_much_is_new(tmp_path: Path) -> None:
    settings = SearchSettings(exact_below=1_000)
    store = fill_index(tmp_path / "index", iter([make_vectors(1_200, seed=1)]))
    assert store.count_indexed() == (0, 0)  # as after a kill before the training was done

    settings.maintain(store)
    assert store.count_indexed() == (1_200, 0)

    fill_index(tmp_path / "index", iter([make_vectors(100, seed=2)]))
    settings.maintain(store)
    assert store.count_indexed() == (1_200, 100)  # they are compared one by one until then

    fill_index(tmp_path / "index", iter([make_vectors(100, seed=3)]))
    settings.maintain(store)
    assert store.count_indexed() == (1_400, 0)

    store.delete_files([f"/archive/{number:07d}.wav" for number in range(500)])
    settings.maintain(store)
    assert store.count_indexed() == (0, 0)
