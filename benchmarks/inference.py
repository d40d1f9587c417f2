"""Measure inference on this machine: start-up, clips a second, peak memory; ratios are taken side by side in one run.

    .venv/bin/python benchmarks/inference.py [--model M] [--clips N] [--repeats R] [--long-seconds S]

The audio is made here. Figures are medians with the smallest and largest value; each start is a process of its own.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import soundfile

SAMPLING_RATE = 16_000  # Hz
CLIP_DURATION = 3.0  # s
QUERIES = ["an angry man", "a calm woman", "a tired, quiet voice"]
NUM_ONE_BY_ONE = 40  # clips that are also classified the slow way

EMPTY_APP = """
import typer

app = typer.Typer()


@app.command()
def main() -> None:
    pass


app()
"""


@dataclass(frozen=True)
class Settings:
    """Hold what is measured, and how often."""

    model: str | None
    num_clips: int
    repeats: int
    long_seconds: float


def main() -> None:
    """Measure everything and print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a model folder or hub id; the model inside the package if left out")
    parser.add_argument("--clips", type=int, default=200, help="three-second clips to classify")
    parser.add_argument("--repeats", type=int, default=5, help="runs of everything but the long recording")
    parser.add_argument("--long-seconds", type=float, default=3600.0, help="duration of the long recording")
    parser.add_argument("--child", choices=sorted(CHILDREN), help=argparse.SUPPRESS)
    parser.add_argument("--audio", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    settings = Settings(given.model, given.clips, given.repeats, given.long_seconds)
    if given.child:
        print(json.dumps(CHILDREN[given.child](settings, given.audio)))
        return
    with tempfile.TemporaryDirectory() as folder:
        report(settings, Path(folder))


def report(settings: Settings, folder: Path) -> None:
    """Run every measurement and print its line as soon as it is there."""
    print_machine()
    print(f"{'what':<58}{'median':>10}  {'smallest-largest':<22}reference")
    report_help(settings, folder)
    report_loading(settings)
    clips = write_clips(folder / "clips", settings.num_clips)
    report_clips(settings, clips)
    long = write_noise_and_tones(folder / "long.wav", settings.long_seconds, seed=0)
    done = run_child("long", settings, long)
    print_line("a long recording: x real time", [settings.long_seconds / done["seconds"]])
    print_line(f"peak memory for {settings.long_seconds / 60:.0f} min, MB", [done["peak_mb"]], "at most 1500")


def print_machine() -> None:
    """Say what processor this is, whether it has AMX, and how many threads torch takes."""
    name, flags = platform.processor() or platform.machine(), ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = [line.partition(":") for line in cpuinfo.read_text(encoding="utf-8").splitlines()]
        facts = {key.strip(): value.strip() for key, _, value in lines}
        name, flags = facts.get("model name", name), facts.get("flags", "")
    threads = run_python("import torch; print(torch.get_num_threads())").strip()
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    amx = "with AMX" if "amx_tile" in flags.split() else "without AMX"
    print(f"{name}, {amx}; {os.cpu_count()} processors, {threads} threads; load before the run {load}")
    print(f"Python {platform.python_version()}, {platform.system()}\n")


def report_help(settings: Settings, folder: Path) -> None:
    """Time `paraclap --help` against the help of an empty typer app, in turns."""
    empty = folder / "empty.py"
    empty.write_text(EMPTY_APP)
    ours, theirs = [], []
    for _ in range(settings.repeats):
        theirs.append(time_command([sys.executable, str(empty), "--help"]))
        ours.append(time_command([sys.executable, "-m", "paraclap", "--help"]))
    print_line("paraclap --help, s", ours)
    print_line("an empty typer app --help, s", theirs)
    print_line("paraclap --help / empty app", divide(ours, theirs), "at most 1.5")


def report_loading(settings: Settings) -> None:
    """Time `from_pretrained` after the bare imports of torch and transformers, both in one process."""
    done = [run_child("load", settings) for _ in range(settings.repeats)]
    imports, loads = [run["imports"] for run in done], [run["load"] for run in done]
    print_line("import torch, transformers, s", imports)
    print_line("from_pretrained() after that, s", loads, "at most 3")
    print_line("  of which transformers' own base classes, s", [run["base_classes"] for run in done])
    print_line(
        "imports and from_pretrained() / imports", divide([a + b for a, b in zip(imports, loads, strict=True)], imports)
    )
    print_line("peak memory after the imports, MB", [run["imports_mb"] for run in done])
    print_line("peak memory after loading, MB", [run["peak_mb"] for run in done])


def report_clips(settings: Settings, clips: Path) -> None:
    """Time `classify` on a folder, whole and in the way of the published code."""
    done = run_child("clips", settings, clips)
    rates = [settings.num_clips / seconds for seconds in done["seconds"]]
    slow = [done["num_slow"] / seconds for seconds in done["slow_seconds"]]
    print_line(f"classify {settings.num_clips} clips of {CLIP_DURATION:g} s: clips/s", rates, "at least 20")
    print_line("classify: x real time", [rate * CLIP_DURATION for rate in rates])
    print_line("one by one, texts encoded for every clip: clips/s", slow)
    print_line("classify / one by one, the published way", divide(rates, slow))
    print_line(f"peak memory for {settings.num_clips} clips, MB", [done["peak_mb"]], "at most 1500")


def measure_load(settings: Settings, audio: Path | None) -> dict[str, Any]:
    """Time the bare imports, then the loading of the model."""
    start = time.perf_counter()
    import torch  # noqa: F401
    import transformers  # noqa: F401

    imported = time.perf_counter()
    imports_mb = peak_mb()
    from transformers import PreTrainedModel  # noqa: F401 - "import transformers" alone is lazy

    base_classes = time.perf_counter() - imported
    load_model(settings.model)
    return {
        "imports": imported - start,
        "base_classes": base_classes,
        "load": time.perf_counter() - imported,
        "imports_mb": imports_mb,
        "peak_mb": peak_mb(),
    }


def measure_clips(settings: Settings, audio: Path) -> dict[str, Any]:
    """Time `classify` on a folder after one run that warms up."""
    clap = load_model(settings.model)
    files = sorted(audio.iterdir())
    clap.classify(files, QUERIES)
    seconds = [time_call(lambda: clap.classify(audio, QUERIES)) for _ in range(settings.repeats)]
    highest = peak_mb()
    some = files[:NUM_ONE_BY_ONE]
    slow = [time_call(lambda: [clap.classify(file, QUERIES) for file in some]) for _ in range(settings.repeats)]
    return {"seconds": seconds, "slow_seconds": slow, "num_slow": len(some), "peak_mb": highest}


def measure_long(settings: Settings, audio: Path) -> dict[str, Any]:
    """Time `classify` on one recording."""
    clap = load_model(settings.model)
    return {"seconds": time_call(lambda: clap.classify(audio, QUERIES)), "peak_mb": peak_mb()}


CHILDREN: dict[str, Callable[..., dict[str, Any]]] = {
    "load": measure_load,
    "clips": measure_clips,
    "long": measure_long,
}


def load_model(model: str | None) -> Any:
    """Load a model as a user does."""
    from paraclap import ParaClap

    return ParaClap.from_pretrained(model)


def write_clips(folder: Path, num_clips: int) -> Path:
    """Write three-second clips and return their folder."""
    folder.mkdir()
    for number in range(num_clips):
        write_noise_and_tones(folder / f"{number:04d}.wav", CLIP_DURATION, seed=number)
    return folder


def write_noise_and_tones(path: Path, duration: float, *, seed: int) -> Path:
    """Write harmonics with a moving pitch in noise, in blocks, so that a long file takes no memory here."""
    generator = np.random.default_rng(seed)
    pitch, left, phase = generator.uniform(90, 260), round(duration * SAMPLING_RATE), 0.0
    with soundfile.SoundFile(path, "w", SAMPLING_RATE, 1, subtype="PCM_16") as stream:
        while left > 0:
            size = min(left, 10 * SAMPLING_RATE)
            moving = pitch * (1 + 0.2 * np.sin(np.arange(size) / SAMPLING_RATE * generator.uniform(2, 9)))
            phases = phase + 2 * np.pi * np.cumsum(moving) / SAMPLING_RATE
            tones = sum(np.sin(order * phases) / order for order in range(1, 13))
            stream.write(0.1 * tones + generator.normal(0, 0.02, size))
            phase, left = float(phases[-1]), left - size
    return path


def run_child(name: str, settings: Settings, audio: Path | None = None) -> dict[str, Any]:
    """Run one measurement in a process of its own, so that memory and imports are its own too."""
    command = [sys.executable, __file__, "--child", name, "--clips", str(settings.num_clips)]
    command += ["--repeats", str(settings.repeats), *(["--model", settings.model] if settings.model else [])]
    command += ["--audio", str(audio)] if audio else []
    done: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return done


def run_python(code: str) -> str:
    """Run a line of Python in a process of its own and return what it prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True).stdout


def time_command(command: Sequence[str]) -> float:
    """Return the seconds that a command takes from start to end."""
    return time_call(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))


def time_call(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def peak_mb() -> float:
    """Return the largest resident memory of this process so far, in 1e6 bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


def divide(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return the ratio of each pair of runs."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]


def print_line(what: str, values: Sequence[float], reference: str = "") -> None:
    """Print the median of some values, and the smallest and largest where there are several."""
    spread = f"{min(values):.3g}-{max(values):.3g}" if len(values) > 1 else "one run"
    print(f"{what:<58}{median(values):>10.3g}  {spread:<22}{reference}", flush=True)


if __name__ == "__main__":
    main()
