"""Measure `paraclap features` against openSMILE called bare with two processes, side by side in one run.

    .venv/bin/python -m benchmarks.features [--clips N] [--repeats R] [--rows N]

The clips are made here: 3 s of a buzz with a moving pitch, PCM at 16 kHz. One reference reads them with soundfile
and calls `opensmile.Smile` on the signals, in a pool of two processes, without tables; the other is its `process_files`
with two processes. Ours has two workers and an empty cache, and writes the table. Each run is a process of its own,
started and imported before the clock, and the ways take turns; figures are medians with the smallest and largest value.
Peak memory is that of our main process for N rows and 4 N rows of one long recording, too short to be measured, so that
there can be many of them.
"""

import argparse
import json
import multiprocessing
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import soundfile

SAMPLING_RATE = 16_000  # Hz
CLIP_DURATION = 3.0  # s
ROW_DURATION = 0.05  # s, of the rows of the test of memory
NUM_PROCESSES = 2
METADATA = {"corpus": "benchmark"}


def main() -> None:
    """Make the clips, measure all ways, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=600, help="clips to measure")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each way")
    parser.add_argument("--rows", type=int, default=20_000, help="rows of the test of memory; none if 0")
    parser.add_argument("--child", choices=sorted(CHILDREN), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(CHILDREN[given.child](given.folder, given.rows)))
        return
    from benchmarks.inference import print_machine

    print_machine()
    with tempfile.TemporaryDirectory() as name:
        report_speed(Path(name), given.clips, given.repeats)
        if given.rows:
            report_memory(Path(name), given.rows)


def report_speed(folder: Path, num_clips: int, repeats: int) -> None:
    """Print the clips a second of each way, and the ratios."""
    (folder / "clips").mkdir()
    for number in range(num_clips):
        soundfile.write(folder / f"clips/{number:05}.wav", make_voice(CLIP_DURATION, number), SAMPLING_RATE)
    ways = ["bare calls", "process_files", "paraclap"]
    runs: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way in ways:
            runs[way].append(run_child(way, folder))
    print(f"{num_clips} clips of {CLIP_DURATION:g} s, {NUM_PROCESSES} processes, {repeats} runs each")
    print(f"{'way':<16}{'clips/s':>10}  {'smallest-largest':<18}{'processor time a clip, ms':>26}")
    for way in ways:
        rates = [num_clips / run["seconds"] for run in runs[way]]
        work = median(run["processor"] for run in runs[way]) / num_clips * 1000
        print(f"{way:<16}{median(rates):>10.1f}  {f'{min(rates):.1f}-{max(rates):.1f}':<18}{work:>26.1f}")
    for way in ways[:-1]:
        for what, unit in (("speed", "seconds"), ("speed by processor time", "processor")):
            ratios = [bare[unit] / own[unit] for bare, own in zip(runs[way], runs["paraclap"], strict=True)]
            print(f"{what} of paraclap / {way}: {median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")


def report_memory(folder: Path, num_rows: int) -> None:
    """Print the peak memory for some rows and four times as many."""
    with soundfile.SoundFile(folder / "long.wav", "w", SAMPLING_RATE, 1) as stream:
        minute = make_voice(60.0, 0)
        for _ in range(int(4 * num_rows * ROW_DURATION / 60.0) + 1):
            stream.write(minute)
    for number in (num_rows, 4 * num_rows):
        measured = run_child("rows", folder, number)
        print(
            f"{number} rows: peak memory {measured['megabytes']:.0f} MB, of a worker {measured['worker']:.0f} MB, "
            f"in {measured['seconds']:.0f} s"
        )


def make_voice(duration: float, seed: int) -> Any:
    """Make a buzz with a moving pitch and some noise, within [-0.5, 0.5]."""
    generator = np.random.default_rng(seed)
    times = np.arange(round(duration * SAMPLING_RATE)) / SAMPLING_RATE
    pitch = generator.uniform(90, 240) * (1 + 0.2 * np.sin(2 * np.pi * generator.uniform(0.5, 2) * times))
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLING_RATE
    buzz = np.sum([np.sin(k * phase) / k for k in range(1, 15)], axis=0) * (np.sin(2 * np.pi * 3 * times) > -0.6)
    return 0.2 * buzz + generator.normal(0, 0.01, len(times))


def run_child(way: str, folder: Path, num_rows: int = 0) -> dict[str, float]:
    """Measure one way in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.features", "--child", way, "--folder", folder, "--rows", num_rows]
    result = subprocess.run([*map(str, command)], check=True, stdout=subprocess.PIPE, text=True)
    measured: dict[str, float] = json.loads(result.stdout)
    return measured


def measure_bare_calls(folder: Path, _: int) -> dict[str, float]:
    """Call openSMILE on the signals, in a pool of processes that inherit what is imported."""
    import opensmile  # noqa: F401

    files = [str(path) for path in sorted((folder / "clips").iterdir())]
    with stopwatch() as measured, multiprocessing.get_context("fork").Pool(NUM_PROCESSES) as pool:
        pool.map(call_smile, files, chunksize=16)
        pool.close()
        pool.join()
    return measured


def call_smile(file: str) -> Any:
    """Read and measure one file."""
    samples, rate = soundfile.read(file, dtype="float32")
    return load_smile()(samples, rate)


@cache
def load_smile() -> Any:
    """Load openSMILE once a process."""
    import opensmile

    return opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)


def measure_process_files(folder: Path, _: int) -> dict[str, float]:
    """Let openSMILE's package do it all."""
    import opensmile

    files = [str(path) for path in sorted((folder / "clips").iterdir())]
    smile = opensmile.Smile(
        opensmile.FeatureSet.eGeMAPSv02,
        opensmile.FeatureLevel.Functionals,
        num_workers=NUM_PROCESSES,
        multiprocessing=True,
    )
    with stopwatch() as measured:
        smile.process_files(files)
    return measured


def measure_paraclap(folder: Path, _: int) -> dict[str, float]:
    """Write the features table of all clips."""
    import audformat

    files = sorted(path.name for path in (folder / "clips").iterdir())
    index = audformat.segmented_index(files, [0.0] * len(files), [f"{CLIP_DURATION}s"] * len(files))
    return extract(folder / "clips", index)


def measure_rows(folder: Path, num_rows: int) -> dict[str, float]:
    """Write the features table of many short rows of one long recording."""
    import audformat
    import pandas as pd

    starts = pd.to_timedelta(np.arange(num_rows) * round(ROW_DURATION * 1e9), unit="ns")
    index = audformat.segmented_index(["long.wav"] * num_rows, starts, starts + pd.Timedelta(ROW_DURATION, unit="s"))
    return extract(folder, index)


def extract(root: Path, index: Any) -> dict[str, float]:
    """Write a features table with an empty cache."""
    import pandas as pd

    from paraclap.features import extract_manifest

    manifest, metadata = pd.DataFrame(index=index), METADATA | {"root": str(root)}
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "f.parquet"
        with stopwatch() as measured:
            result = extract_manifest(manifest, metadata, out, cache=Path(name), num_workers=NUM_PROCESSES)
    assert not result.bad_files and not result.num_cached
    return measured


@contextmanager
def stopwatch() -> Iterator[dict[str, float]]:
    """Measure seconds, processor time of this process and those that it started and joined, and peak memory in MB."""
    measured: dict[str, float] = {}
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    start, before = time.perf_counter(), sum(sum(resource.getrusage(each)[:2]) for each in who)
    yield measured
    measured["seconds"] = time.perf_counter() - start
    measured["processor"] = sum(sum(resource.getrusage(each)[:2]) for each in who) - before
    measured["megabytes"], measured["worker"] = (resource.getrusage(each).ru_maxrss / 1024 for each in who)


CHILDREN = {
    "bare calls": measure_bare_calls,
    "process_files": measure_process_files,
    "paraclap": measure_paraclap,
    "rows": measure_rows,
}

if __name__ == "__main__":
    main()
