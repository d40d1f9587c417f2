"""Measure the index: a large one against numpy's exact search, and a build of few new files against a whole one.

    .venv/bin/python -m benchmarks.search [--vectors N] [--queries N] [--clips N] [--audio FOLDER]

The vectors are made here: clusters of clusters whose variance falls off from direction to direction as that of
paraclap-mini's embeddings of EmoDB does, around a mean that is far from zero. Half of the queries are examples, drawn
like the rows; half are sentences, which lie elsewhere, as those of audio-text models do: that is the harder half
for an approximate index. The clips are made here too, unless a folder is given. Each part is a process of its own.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from benchmarks.inference import peak_mb, print_line, print_machine, time_call, write_noise_and_tones

from paraclap.index import Index, IndexHeader, SearchSettings, Windowing
from paraclap.index.store import VECTOR, Store, lock_for_writing, measure_size

K = 10
SIZE = 256  # of a vector
ROWS_A_COMMIT = 20_000
NUM_CLUSTERS = 2_000
FALL_OFF = 0.78  # of the variance, from one direction to the next
CLIP_DURATION = 3.0  # s
NEW_SHARE = 0.01

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Settings:
    """Hold what is measured."""

    num_vectors: int
    num_queries: int
    num_clips: int
    audio: Path | None
    folder: Path


def main() -> None:
    """Measure everything and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=1_000_000, help="rows of the large index; 0 leaves it out")
    parser.add_argument("--queries", type=int, default=200, help="half of them examples, half sentences")
    parser.add_argument("--clips", type=int, default=5_000, help="three-second clips of the folder; 0 leaves it out")
    parser.add_argument("--audio", type=Path, help="a folder of audio instead of the clips")
    parser.add_argument("--folder", type=Path, help="where the work lies, kept; a temporary folder if left out")
    parser.add_argument("--child", choices=sorted(CHILDREN), help=argparse.SUPPRESS)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        settings = Settings(given.vectors, given.queries, given.clips, given.audio, folder)
        if given.child:
            print(json.dumps(CHILDREN[given.child](settings)))
            return
        print_machine()
        print(f"{'what':<58}{'median':>10}  {'smallest-largest':<22}reference")
        if settings.num_vectors:
            report_large(settings)
        if settings.num_clips or settings.audio:
            report_increment(settings)


def report_large(settings: Settings) -> None:
    """Build an index of vectors, ask it, and ask numpy the same."""
    run_child("vectors", settings)  # memory of a process counts as that of its children too
    number = settings.num_vectors
    built = run_child("build", settings)
    print_line(f"{number:,} vectors: write the rows, s", [built["rows_seconds"]])
    print_line("tidy and train the vector index (20 s of it waiting), s", [built["train_seconds"]])
    print_line("peak memory of the build, MB", [built["peak_mb"]])
    print_line("size on disk, MB", [built["bytes"] / 1e6], f"the vectors alone: {number * SIZE * 4 / 1e6:.0f}")
    exact, ours = run_child("numpy", settings), run_child("search", settings)
    for name, done in (("numpy, exact", exact), ("Index.search", ours), ("Index.search, exact", ours["exact"])):
        print_line(f"{name}: p50 of a query, ms", [1e3 * float(np.percentile(done["seconds"], 50))])
        print_line(f"{name}: p95 of a query, ms", [1e3 * float(np.percentile(done["seconds"], 95))])
    speed = np.percentile(exact["seconds"], 50) / np.percentile(ours["seconds"], 50)
    print_line("numpy p50 / Index.search p50", [float(speed)])
    recalls = [len({*found} & {*true}) / K for found, true in zip(ours["found"], exact["found"], strict=True)]
    half = settings.num_queries // 2
    print_line(f"recall@{K} of examples", [float(np.mean(recalls[:half]))], "at least 0.95")
    print_line(f"recall@{K} of sentences", [float(np.mean(recalls[half:]))], "at least 0.95")
    print_line("peak memory of numpy, MB", [exact["peak_mb"]])
    print_line("peak memory of Index.search, MB", [ours["peak_mb"]])


def report_increment(settings: Settings) -> None:
    """Build an index of audio, and bring it up to date with one new file in a hundred."""
    done = run_child("increment", settings)
    print_line(f"{done['num_files']:,} files: full build, s", [done["full"]])
    print_line(f"{done['num_new']} new files: incremental build, s", [done["increment"]])
    print_line("no new file: incremental build, s", [done["nothing"]])
    print_line("incremental / full build", [done["increment"] / done["full"]], f"at most {NEW_SHARE * 3:g}")


def make_vectors(number: int, *, seed: int, num_clusters: int = NUM_CLUSTERS) -> Vectors:
    """Return clustered unit vectors `[number, SIZE]`; the clusters are the same for every seed."""
    common = np.random.default_rng(0)
    scale = np.sqrt(FALL_OFF ** np.arange(SIZE) + 1e-4)
    mean = common.standard_normal(SIZE)
    turn, _ = np.linalg.qr(common.standard_normal((SIZE, SIZE)))  # a model's directions are not those of its numbers
    centres = common.standard_normal((num_clusters, SIZE)) * scale
    drawn = np.random.default_rng([1, seed])
    around = drawn.standard_normal((number, SIZE)) * scale
    voices = (centres[drawn.integers(num_clusters, size=number)] + 0.5 * around) @ turn
    return _unit(2.5 * mean / np.linalg.norm(mean) + voices)


def make_sentences(number: int, *, seed: int) -> Vectors:
    """Return unit vectors `[number, SIZE]` whose largest part is shared and lies across the rows."""
    direction = np.random.default_rng(2).standard_normal(SIZE)
    voices = make_vectors(number, seed=seed) - make_vectors(2_000, seed=0).mean(axis=0)
    return _unit(direction / np.linalg.norm(direction) + 0.6 * _unit(voices))


def _unit(vectors: npt.NDArray[Any]) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def write_vectors(settings: Settings) -> dict[str, Any]:
    """Write the vectors of the rows, block by block, and those of the queries."""
    shape = (settings.num_vectors, SIZE)
    rows = np.lib.format.open_memmap(settings.folder / "vectors.npy", "w+", np.dtype(np.float32), shape)
    for number, begin in enumerate(range(0, settings.num_vectors, ROWS_A_COMMIT)):
        rows[begin : begin + ROWS_A_COMMIT] = make_vectors(min(ROWS_A_COMMIT, len(rows) - begin), seed=10 + number)
    half = settings.num_queries // 2
    queries = [make_vectors(half, seed=5), make_sentences(settings.num_queries - half, seed=6)]
    np.save(settings.folder / "queries.npy", np.concatenate(queries))
    return {}


def make_rows(vectors: Vectors, schema: pa.Schema, *, begin: int) -> pa.Table:
    """Return rows of an index, one file each, numbered from `begin` on, of which every other one is female."""
    numbers = range(begin, begin + len(vectors))
    columns = {
        "file": [f"/archive/{number:07d}.wav" for number in numbers],
        "start": np.zeros(len(vectors)),
        "end": np.full(len(vectors), CLIP_DURATION),
        "duration": np.full(len(vectors), CLIP_DURATION),
        "hash": [f"{number:064x}" for number in numbers],
        "modified": pa.array([1_700_000_000_000_000] * len(vectors), pa.timestamp("us", "UTC")),
        "_size": [96_044] * len(vectors),
        "_mtime_ns": [1_700_000_000_000_000_000] * len(vectors),
        "_source": ["path"] * len(vectors),
        "_plan": ["0" * 16] * len(vectors),
        "_row": [0] * len(vectors),
        VECTOR: pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1]),
        "gender": ["female" if number % 2 else "male" for number in numbers],
    }
    return pa.table(columns, schema=schema)


def fill_index(folder: Path, blocks: Iterator[Vectors], *, size: int = SIZE) -> Store:
    """Write vectors into a new index as builds write them, one commit a block; return its store, without tidying."""
    with lock_for_writing(str(folder)):
        store = Store.open_or_create(str(folder), IndexHeader("made", "m" * 64, size, Windowing()))
        if "gender" not in store.metadata_columns:
            store.add_columns({"gender": pa.string()})
        for block in blocks:
            store.write(make_rows(block, store.schema, begin=store.count()))
        return store


def measure_build(settings: Settings) -> dict[str, Any]:
    """Write the rows of the large index, then tidy and train it."""
    vectors = np.load(settings.folder / "vectors.npy", mmap_mode="r")
    blocks = (np.array(vectors[b : b + ROWS_A_COMMIT]) for b in range(0, len(vectors), ROWS_A_COMMIT))
    start = time.perf_counter()
    shutil.rmtree(settings.folder / "index", ignore_errors=True)
    store = fill_index(settings.folder / "index", blocks)
    rows_seconds = time.perf_counter() - start
    train_seconds = time_call(lambda: SearchSettings().maintain(store))
    size = measure_size(store.place)
    return {"rows_seconds": rows_seconds, "train_seconds": train_seconds, "bytes": size, "peak_mb": peak_mb()}


def measure_search(settings: Settings) -> dict[str, Any]:
    """Ask the large index as a user does, and, some of it, exactly."""
    queries = np.load(settings.folder / "queries.npy")
    index = Index.open(settings.folder / "index")
    done = _ask(index, queries)
    done["peak_mb"] = peak_mb()
    exactly = Index.open(settings.folder / "index", settings=SearchSettings(exact=True))
    done["exact"] = _ask(exactly, queries[::10])
    return done


def _ask(index: Index, queries: Vectors) -> dict[str, Any]:
    index.search(queries[0], k=K)
    seconds, found = [], []
    for query in queries:
        start = time.perf_counter()
        hits = index.search(query, k=K)
        seconds.append(time.perf_counter() - start)
        found.append([int(Path(file).stem) for file in hits.index.get_level_values("file")])
    return {"seconds": seconds, "found": found}


def measure_numpy(settings: Settings) -> dict[str, Any]:
    """Ask all vectors in memory, one query at a time."""
    vectors, queries = np.load(settings.folder / "vectors.npy"), np.load(settings.folder / "queries.npy")
    seconds, found = [], []
    for query in queries:
        start = time.perf_counter()
        similarity = vectors @ query
        best = np.argpartition(-similarity, K)[:K]
        best = best[np.argsort(-similarity[best])]
        seconds.append(time.perf_counter() - start)
        found.append(best.tolist())
    return {"seconds": seconds, "found": found, "peak_mb": peak_mb()}


def measure_increment(settings: Settings) -> dict[str, Any]:
    """Index all of a folder but some files, then with them; the model is loaded and warm before."""
    from paraclap import ParaClap

    clap = ParaClap.from_pretrained()
    clips = settings.folder / "clips"
    shutil.rmtree(clips, ignore_errors=True)
    if settings.audio is None:
        clips.mkdir()
        for number in range(settings.num_clips):
            write_noise_and_tones(clips / f"{number:06d}.wav", CLIP_DURATION, seed=number)
    else:
        shutil.copytree(settings.audio, clips)
    files = sorted(path for path in clips.rglob("*") if path.is_file())
    new = files[:: round(1 / NEW_SHARE)]
    clap.embed_audio(new[:1])
    for file in new:
        file.rename(settings.folder / file.name)
    place = settings.folder / "clips.index"
    shutil.rmtree(place, ignore_errors=True)
    seconds = {"full": time_call(lambda: Index.build(place, clips, model=clap))}
    for file in new:
        (settings.folder / file.name).rename(file)
    seconds["increment"] = time_call(lambda: Index.build(place, clips, model=clap))
    seconds["nothing"] = time_call(lambda: Index.build(place, clips, model=clap))
    return {**seconds, "num_files": len(files) - len(new), "num_new": len(new)}


CHILDREN: dict[str, Callable[[Settings], dict[str, Any]]] = {
    "build": measure_build,
    "increment": measure_increment,
    "numpy": measure_numpy,
    "search": measure_search,
    "vectors": write_vectors,
}


def run_child(name: str, settings: Settings) -> dict[str, Any]:
    """Run one measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.search", "--child", name, "--folder", str(settings.folder)]
    command += ["--vectors", str(settings.num_vectors), "--queries", str(settings.num_queries)]
    command += ["--clips", str(settings.num_clips), *(["--audio", str(settings.audio)] if settings.audio else [])]
    done: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return done


if __name__ == "__main__":
    main()
