import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.inference.loudness import QUERIES, Loudness, write_turns

from paraclap.errors import ConfigError
from paraclap.inference import Questions, TimelineScanner, TimelineSettings
from paraclap.inference.timeline_batch import BatchReport, plan_outputs, write_batch
from paraclap.inference.timeline_files import named_format

ROOT = Path(__file__).parents[2]
NUM_KILLS = int(os.environ.get("PARACLAP_NUM_KILLS", "3"))  # ten where time does not matter
CSV = named_format("csv")


def run_batch(audio: Path, folder: Path, *, smoothing: float = 1.0, queries: list[str] = QUERIES) -> BatchReport:
    model = Loudness(name="loudness")
    settings = TimelineSettings(smoothing=smoothing, speech=None)
    scanner = TimelineScanner(model, Questions.ask(model, queries), settings=settings)
    return write_batch(scanner, plan_outputs([audio], folder, CSV), folder=folder, chosen=CSV)


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    for number, name in enumerate(("a.wav", "sub/b.wav", "sub/c.flac.wav")):
        write_turns(tmp_path / "audio" / name, [3.0 + number, 6.0])
    return tmp_path / "audio"


def list_files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".paraclap-timelines")
    }


def test_each_recording_becomes_a_file_at_its_place(audio: Path, tmp_path: Path) -> None:
    report = run_batch(audio, tmp_path / "out")

    assert sorted(list_files(tmp_path / "out")) == ["a.csv", "sub/b.csv", "sub/c.flac.csv"]
    assert [path.name for path in report.written] == ["a.csv", "b.csv", "c.flac.csv"]


def test_what_is_there_is_left_and_what_has_changed_is_made_anew(audio: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run_batch(audio, out)
    first = list_files(out)
    times = {path: (out / path).stat().st_mtime_ns for path in first}

    assert len(run_batch(audio, out).unchanged) == 3
    assert {path: (out / path).stat().st_mtime_ns for path in first} == times

    write_turns(audio / "a.wav", [9.0])  # another recording of the same name
    (out / "sub" / "b.csv").write_text("edited")
    (out / "sub" / "c.flac.csv").unlink()
    report = run_batch(audio, out)
    assert len(report.written) == 3
    assert list_files(out)["sub/b.csv"] == first["sub/b.csv"]
    assert list_files(out)["a.csv"] != first["a.csv"]


@pytest.mark.parametrize("change", [{"smoothing": 2.0}, {"queries": ["quiet", "loud"]}])
def test_other_settings_or_questions_make_all_anew(audio: Path, tmp_path: Path, change: dict[str, object]) -> None:
    run_batch(audio, tmp_path / "out")

    assert len(run_batch(audio, tmp_path / "out", **change).written) == 3  # type: ignore[arg-type]


def test_bad_files_are_named_and_the_others_written(audio: Path, tmp_path: Path) -> None:
    (audio / "b.wav").write_bytes(b"no audio")
    write_turns(audio / "silent.wav", [3.0], peaks=(0.0,))

    report = run_batch(audio, tmp_path / "out")

    assert [Path(bad.file).name for bad in report.bad_files] == ["b.wav"]
    assert report.bad_files[0].reason.startswith(f"{audio / 'b.wav'}: cannot be read as audio")
    assert report.empty == [f"{audio / 'silent.wav'}: nothing is heard in 3.0 s; its timeline is empty"]
    assert sorted(list_files(tmp_path / "out")) == ["a.csv", "silent.csv", "sub/b.csv", "sub/c.flac.csv"]


def test_two_recordings_of_one_name_are_refused(audio: Path, tmp_path: Path) -> None:
    write_turns(audio / "a.flac.wav", [1.0]).rename(audio / "a.flac")

    with pytest.raises(
        ConfigError, match=r"a\.flac and .*a\.wav would both be written to .*a\.csv; give each a folder"
    ):
        plan_outputs([audio], tmp_path / "out", CSV)


def start(audio: Path, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.inference.timeline_batch_run", str(audio), str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_a_batch_that_is_killed_anywhere_goes_on_to_the_same_result(tmp_path: Path) -> None:
    audio = tmp_path / "audio"
    for number in range(8):
        write_turns(audio / f"{number}.wav", [5.0 + number, 20.0, 15.0])
    whole = start(audio, tmp_path / "whole")
    begun = time.monotonic()
    assert whole.communicate()[0] == "8 0\n"
    duration = time.monotonic() - begun

    chance, out, num_killed = random.Random(0), tmp_path / "out", 0
    for _ in range(NUM_KILLS):
        process = start(audio, out)
        time.sleep(chance.uniform(0, duration / NUM_KILLS))
        process.kill()
        num_killed += process.wait() != 0
        process.communicate()
    written, unchanged = map(int, start(audio, out).communicate()[0].split())

    assert num_killed > 0
    assert written + unchanged == 8
    assert list_files(out) == list_files(tmp_path / "whole")
