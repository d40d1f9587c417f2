"""Measure how long a million captions take from a manifest and a features table, and how much memory.

    .venv/bin/python -m benchmarks.captions [--rows 1000000] [--workers 2]

The table is drawn: labels, and the measures that bins need, of the same shape as real ones. Memory is that of the
largest process, for a quarter of the rows and for all, each in a process of its own.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
from benchmarks.inference import print_machine

from paraclap.queries import CaptionSettings, fit_bins, load_vocabulary, make_captions, write_captions

EMOTIONS = ("anger", "fear", "happiness", "neutral", "sadness")


def main() -> None:
    """Measure in processes of their own, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        measure(given.rows, given.workers)
        return
    print_machine()
    for rows in (given.rows // 4, given.rows):
        command = [
            sys.executable,
            "-m",
            "benchmarks.captions",
            "--child",
            f"--rows={rows}",
            f"--workers={given.workers}",
        ]
        subprocess.run(command, check=True)


def measure(num_rows: int, num_workers: int) -> None:
    """Fit bins, make captions and write them; print the time of each and the largest memory."""
    table = draw_table(num_rows)
    begin = time.perf_counter()
    bins = fit_bins(table, load_vocabulary().attributes, feature_set="eGeMAPSv02")
    fitted = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        settings = CaptionSettings()
        parts = make_captions(table, settings, bins=bins, num_workers=num_workers)
        write_captions(Path(folder) / "captions.parquet", parts, manifest=table, settings=settings, bins=bins)
    seconds = time.perf_counter() - fitted
    own, children = (
        resource.getrusage(who).ru_maxrss / 1e3 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(
        f"{num_rows} rows, {num_workers} processes: bins {fitted - begin:.1f} s, captions {seconds:.1f} s, "
        f"{num_rows / seconds:.0f} a second; largest process {max(own, children):.0f} MB"
    )


def draw_table(num_rows: int) -> pd.DataFrame:
    """Draw a manifest with features."""
    generator = np.random.default_rng(0)
    rules = [row.bins for row in load_vocabulary().attributes.values() if row.measured and row.bins is not None]
    measures = sorted({measure.removeprefix("-") for rule in rules for measure in rule.measures})
    ends = pd.to_timedelta(generator.uniform(1, 9, num_rows), unit="s")
    files = [f"part{n // 1000:04d}/{n:08d}.wav" for n in range(num_rows)]
    index = audformat.segmented_index(files, pd.to_timedelta(np.zeros(num_rows), unit="s"), ends)
    columns = {name: generator.normal(5.0, 2.0, num_rows).astype(np.float32) for name in measures}
    labels = {
        "split": np.where(generator.random(num_rows) < 0.9, "train", "dev"),
        "corpus": generator.choice(["one", "two", "three"], num_rows),
        "emotion": generator.choice(EMOTIONS, num_rows),
        "gender": generator.choice(["female", "male"], num_rows),
        "age": generator.integers(5, 90, num_rows).astype(float),
    }
    return pd.DataFrame(labels | columns, index=index)


if __name__ == "__main__":
    main()
