"""Measure timelines of an hour of real speech: how fast, in how much memory, and how many changes of emotion are found.

    .venv/bin/python -m benchmarks.timeline CORPORA [--corpus emodb ...] [--split dev] [--minutes 60] [--model M]

Clips of corpora below the folder CORPORA are joined, by a seed, to one recording per corpus: turns of 8 to 16 s of one
speaker and one emotion, with pauses of 0.3 s between clips; each turn is of another emotion than the one before. Every
clip has the same level. The hour becomes a temporary file (Opus), and so do three of them. Each run is a process of its
own.

A true change counts as found if a class changes within half a window of it, and a change that is told counts as right
if a true one is within half a window. By chance, as many changes at random places, is beside both.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import soundfile

SAMPLING_RATE = 16_000  # Hz
TURN = (8.0, 16.0)  # s
PAUSE = 0.3  # s
LEVEL = 0.05  # root mean square of every clip
FORMAT = {"format": "OGG", "subtype": "OPUS"}
Times = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Recording:
    """Hold a joined recording: its file, how long it is, and where the emotion changes, in s."""

    file: Path
    duration: float
    changes: Times
    emotions: tuple[str, ...]


def main() -> None:
    """Measure each corpus and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", type=Path, nargs="?", help="folder that holds corpora")
    parser.add_argument("--corpus", action="append", help="which of them; emodb and crema-d if left out")
    parser.add_argument("--split", help="clips of this split alone")
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="of the recording; the long one is three times that"
    )
    parser.add_argument("--window", type=float, default=4.0, help="s that are heard at once")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", help="a model folder or hub id; the model inside the package if left out")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        print(json.dumps(measure(**json.loads(given.child))))
        return
    if given.corpora is None:
        parser.error("name the folder that holds corpora")
    columns = (f"{'corpus, protocol':<34}", f"{'x real time':>12}", f"{'peak MB':>9}", f"{'found':>8}", f"{'right':>8}")
    print(*columns, f"{'chance':>14}", f"{'told':>6}", f"{'true':>6}", sep="")
    with tempfile.TemporaryDirectory() as folder:
        for corpus in given.corpus or ["emodb", "crema-d"]:
            clips = read_clips(corpus, given.corpora, given.split)
            whole = join_clips(clips, 60 * given.minutes, Path(folder) / f"{corpus}.ogg", seed=given.seed)
            task = {"window": given.window, "model": given.model, "emotions": whole.emotions}
            for protocol in ("plain", "own speech as reference"):
                done = run_child({**task, "file": str(whole.file), "is_relative": protocol != "plain"})
                print_line(f"{corpus}, {protocol}", done, whole, given.window)
            long = repeat_file(whole, 3, Path(folder) / f"{corpus}-long.ogg")
            done = run_child({**task, "file": str(long.file), "is_relative": False})
            print_line(f"{corpus}, three times as long", done, long, given.window)


def read_clips(corpus: str, root: Path, split: str | None) -> pd.DataFrame:
    """Return the clips of a corpus with a speaker and an emotion, and where they lie."""
    from paraclap.corpora import find_root, import_corpus

    place = find_root(corpus_info(corpus), root / corpus)
    table = import_corpus(corpus, place).manifest.reset_index()
    if split is not None:
        table = table[table["split"] == split]
    table = table[table["emotion"].notna() & ~table["emotion"].isin(["other", "no_agreement"])]
    return table.assign(path=[str(place / file) for file in table["file"]])


def corpus_info(corpus: str) -> Any:
    """Return the row of a corpus."""
    from paraclap.corpora import load_corpus_info

    return load_corpus_info(corpus)


def join_clips(clips: pd.DataFrame, duration: float, file: Path, *, seed: int) -> Recording:
    """Join clips to turns of one speaker and emotion, and write them as they are drawn."""
    random = np.random.default_rng(seed)
    groups: dict[tuple[str, str], list[str]] = {}
    for speaker, emotion, path in zip(clips["speaker"], clips["emotion"], clips["path"], strict=True):
        groups.setdefault((str(speaker), str(emotion)), []).append(str(path))
    keys = sorted(groups)
    changes, position, last = [], 0.0, ""
    with soundfile.SoundFile(file, "w", SAMPLING_RATE, 1, **FORMAT) as stream:
        while position < duration:
            key = keys[int(random.integers(len(keys)))]
            if key[1] == last:
                continue
            if last:
                changes.append(position)
            begin, length, last = position, random.uniform(*TURN), key[1]
            while position - begin < length:
                samples = read_clip(groups[key][int(random.integers(len(groups[key])))])
                stream.write(samples)
                position += len(samples) / SAMPLING_RATE
    return Recording(file, position, np.array(changes), tuple(sorted({emotion for _, emotion in keys})))


def read_clip(path: str) -> npt.NDArray[np.float32]:
    """Read a clip, bring it to the level of all, and add a pause."""
    from paraclap.audio import read_audio

    samples = read_audio(path)
    scaled = np.clip(samples * (LEVEL / max(1e-6, float(np.sqrt(np.mean(samples**2))))), -1, 1)
    return np.concatenate([scaled, np.zeros(round(PAUSE * SAMPLING_RATE))]).astype(np.float32)


def repeat_file(recording: Recording, times: int, file: Path) -> Recording:
    """Write a recording several times in a row, block by block."""
    with soundfile.SoundFile(file, "w", SAMPLING_RATE, 1, **FORMAT) as stream:
        for _ in range(times):
            for block in soundfile.blocks(recording.file, blocksize=60 * SAMPLING_RATE, dtype="float32"):
                stream.write(block)
    starts = [recording.duration * number for number in range(times)]
    return Recording(
        file, recording.duration * times, np.concatenate(list(shift(recording, starts))), recording.emotions
    )


def shift(recording: Recording, starts: list[float]) -> Iterator[Times]:
    """Yield the changes of each repetition, and where it begins."""
    for start in starts:
        yield np.concatenate([[start] if start else [], recording.changes + start])


def measure(*, file: str, window: float, model: str | None, emotions: list[str], is_relative: bool) -> dict[str, Any]:
    """Make a timeline in this process, and say how long it took, how much memory, and where classes change."""
    from paraclap.inference import OWN_SPEECH, TimelineSettings, load_model
    from paraclap.queries import load_label_set

    clap = load_model(model)
    task = load_label_set("emotion").restrict(tuple(emotions))
    begun = time.perf_counter()
    settings = TimelineSettings(window=window)
    table = clap.timeline(file, task=task, settings=settings, reference=OWN_SPEECH if is_relative else None)
    seconds = time.perf_counter() - begun
    names = table["class"].to_numpy()
    starts, ends = (table.reset_index()[name].dt.total_seconds().to_numpy() for name in ("start", "end"))
    is_change = names[1:] != names[:-1]
    return {
        "seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6,
        "told": ((ends[:-1] + starts[1:]) / 2)[is_change].tolist(),
    }


def run_child(task: dict[str, Any]) -> dict[str, Any]:
    """Measure in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, "--child", json.dumps(task)]
    done: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return done


def share_near(times: Times, others: Times, distance: float) -> float:
    """Return the share of times that have another one within a distance; 0 if there are none."""
    if not len(times) or not len(others):
        return 0.0
    return float(np.mean(np.abs(times[:, None] - others[None, :]).min(axis=1) <= distance))


def print_line(what: str, done: dict[str, Any], recording: Recording, window: float) -> None:
    """Print one run."""
    told = np.array(done["told"])
    random = np.random.default_rng(0).uniform(0, recording.duration, size=len(told))
    found, right = share_near(recording.changes, told, window / 2), share_near(told, recording.changes, window / 2)
    by_chance = (share_near(recording.changes, random, window / 2), share_near(random, recording.changes, window / 2))
    chance = f"{by_chance[0]:.2f}, {by_chance[1]:.2f}"
    print(
        f"{what:<34}{recording.duration / done['seconds']:>12.0f}{done['peak_mb']:>9.0f}{found:>8.2f}{right:>8.2f}"
        f"{chance:>14}{len(told):>6}{len(recording.changes):>6}",
        flush=True,
    )


if __name__ == "__main__":
    main()
