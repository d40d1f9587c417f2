import json
import re
from pathlib import Path

import pandas as pd
import pytest
import soundfile
from tests.audio.clips import make_voice
from tests.cli.conftest import Run
from tests.inference.test_speech_activity import needs_extra

from paraclap import ParaClap
from paraclap.inference import SpeechSettings, TimelineSettings, speech_activity

ASK = ("-q", "an angry man", "-q", "a calm woman")
COLUMNS = ["file", "start", "end", "class", "probability"]


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Return a folder of two recordings, with a broken one between them."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    for number, name in enumerate(("a", "c")):
        soundfile.write(folder / f"{name}.wav", make_voice(3.0 + number, 16000, seed=number), 16000)
    (folder / "b.wav").write_bytes(b"no audio")
    return folder


def test_the_command_says_what_the_library_says(run: Run, tiny_model: Path, recordings: Path) -> None:
    done = run("timeline", recordings, *ASK, "--no-vad", "--model", tiny_model, "--json", "--window", "2")

    rows = json.loads(done.stdout)
    assert done.status == 1
    assert re.fullmatch(rf"paraclap: {re.escape(str(recordings / 'b.wav'))}: cannot be read as audio .*\n", done.stderr)
    clap = ParaClap.from_pretrained(tiny_model)
    files = [recordings / "a.wav", recordings / "c.wav"]
    settings = TimelineSettings(window=2.0, speech=None)
    expected = clap.timeline(files, ["an angry man", "a calm woman"], settings=settings).reset_index()
    assert [list(row) for row in rows] == [COLUMNS] * len(expected)
    assert [row["class"] for row in rows] == expected["class"].tolist()
    assert [row["end"] for row in rows] == pytest.approx(expected["end"].dt.total_seconds().tolist())
    assert [row["probability"] for row in rows] == pytest.approx(expected["probability"].tolist(), abs=1e-6)


def test_the_table_shows_segments(run: Run, tiny_model: Path, recordings: Path) -> None:
    done = run("timeline", recordings / "a.wav", *ASK, "--no-vad", "--model", tiny_model, "--smoothing", "99")

    lines = [re.split(r"\s{2,}", line.strip()) for line in done.stdout.splitlines() if line.strip()]
    assert (done.status, lines[1]) == (0, COLUMNS)
    assert lines[3][:3] == [str(recordings / "a.wav"), "0.00", "3.00"]


@pytest.mark.parametrize("name", ["t.csv", "t.json", "t.parquet", "t.TextGrid", "t.vtt", "t.tsv", "t.txt"])
def test_a_file_is_written_by_its_suffix(
    run: Run, tiny_model: Path, recordings: Path, tmp_path: Path, name: str
) -> None:
    out, plot = tmp_path / "sub" / name, tmp_path / "sub" / "t.png"

    done = run("timeline", recordings / "a.wav", *ASK, "--no-vad", "--model", tiny_model, "--out", out, "--plot", plot)

    assert (done.status, done.stderr) == (0, "")
    assert out.stat().st_size > 0
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_a_folder_holds_one_file_each_and_is_gone_on_with(
    run: Run, tiny_model: Path, recordings: Path, tmp_path: Path
) -> None:
    options = (*ASK, "--no-vad", "--model", tiny_model, "--out", tmp_path / "out", "--format", "csv")

    first, second = run("timeline", recordings, *options), run("timeline", recordings, *options)

    assert (first.status, first.stdout) == (1, "")
    assert first.stderr.splitlines()[0] == f"{tmp_path / 'out'}: 2 written, 0 were there already"
    assert second.stderr.splitlines()[0] == f"{tmp_path / 'out'}: 0 written, 2 were there already"
    assert second.stderr.splitlines()[1].startswith(f"paraclap: {recordings / 'b.wav'}: cannot be read as audio")
    assert list(pd.read_csv(tmp_path / "out" / "a.csv")) == COLUMNS


@needs_extra
def test_without_speech_there_is_a_sentence_and_no_error(run: Run, tiny_model: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", [0.0] * 32000, 16000)

    done = run("timeline", tmp_path / "a.wav", *ASK, "--model", tiny_model, "--json", "--out", tmp_path / "a.vtt")

    assert (done.status, done.stdout) == (0, "[]\n")
    assert done.stderr == f"paraclap: {tmp_path / 'a.wav'}: nothing is heard in 2.0 s; its timeline is empty\n"
    assert (tmp_path / "a.vtt").read_text() == "WEBVTT\n"


def test_without_the_extra_there_is_one_sentence(
    run: Run, tiny_model: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech_activity, "find_spec", lambda _: None)

    done = run("timeline", recordings / "a.wav", *ASK, "--model", tiny_model)

    assert (done.status, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "is not installed, which finds speech; install it with: pip install 'paraclap[vad]'" in done.stderr
    assert "--no-vad" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "give either queries (-q, two or more) or a --task"),
        ((*ASK, "--task", "emotion"), "give either queries (-q, two or more) or a --task"),
        ((*ASK, "--relative", "--reference", "a.wav"), "give either --reference or --relative"),
        ((*ASK, "--no-vad", "--min-pause", "1"), "speech is not looked for, so its min-pause has no say"),
        ((*ASK, "--out", "folder", "--json"), "a folder takes no --json; give --format json"),
    ],
)
def test_wrong_usage_ends_with_status_2(run: Run, recordings: Path, arguments: tuple[str, ...], message: str) -> None:
    done = run("timeline", recordings, *arguments)

    assert (done.status, done.stdout) == (2, "")
    assert message in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--window", "0.05"), "window is 0.05 s; expected 0.1 to 30.0 s"),
        (("--hop", "5"), "hop is 5.0 s; expected 0.01 s to the length of a window, 4.0 s"),
        (("--speech-threshold", "1"), "the speech threshold is 1.0; expected one above 0.15 and below 1"),
        (("--out", "a.xls"), "a.xls: unknown suffix '.xls'; expected one of .csv, "),
        (("--out", "a.vtt"), "a.vtt: a file of the format vtt holds one recording, found 3; write one file each with"),
        (("--out", "folder"), "--out folder is a folder; say with --format what to write: csv, json, "),
        (("--out", "folder", "--format", "cvs"), "no format 'cvs'; did you mean 'csv'? known: "),
        (("--format", "csv"), "--format says how --out is written; add --out FILE or --out FOLDER"),
        (("--plot", "a.png"), "--plot a.png draws one recording, found 3; name one"),
        (("--plot", "a.gif"), "plot a.gif: unknown suffix '.gif'"),
    ],
)
def test_our_errors_are_one_line_and_come_before_any_work(
    run: Run, recordings: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = run("timeline", recordings, *ASK, "--model", "no/such-model", *arguments)

    assert (done.status, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"paraclap: {message}")


def test_one_query_is_refused(run: Run, tiny_model: Path, recordings: Path) -> None:
    done = run("timeline", recordings, "-q", "an angry man", "--no-vad", "--model", tiny_model)

    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.startswith("paraclap: one query alone has no probability; ask at least two")


def test_help_names_the_defaults_of_the_library(run: Run) -> None:
    shown = re.sub(r"[^\w.\]]+", " ", run("timeline", "--help").stdout)

    settings, speech = TimelineSettings(), SpeechSettings()
    assert f"Seconds that are heard at once {settings.window:g}." in shown
    assert f"from one window to the next {settings.hop:g}." in shown
    assert f"What a change of class costs see above {settings.smoothing:g}." in shown
    assert f"from which on it is speech {speech.threshold:g}." in shown
    assert f"shorter speech is left out {speech.min_speech:g}." in shown
    assert f"belong to the speech {speech.min_pause:g}." in shown
    assert f"before and after speech {speech.padding:g}." in shown
