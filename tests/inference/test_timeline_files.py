import errno
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from paraclap.errors import ConfigError, ParaClapError
from paraclap.inference import Clip, Timeline
from paraclap.inference.timeline_files import FORMATS, find_format, named_format, write_timelines
from paraclap.inference.timeline_plot import plot_timeline, thin_peaks

CLASSES = ("anger", 'says "a & b" <c>')


def make_timeline(path: list[int], name: str = "talk.wav") -> Timeline:
    """Make a timeline of steps of 1 s, all but 0.25 s at both ends of it speech where there is a class."""
    probability = np.array([[np.nan] * 2 if n < 0 else [0.75 - 0.5 * n, 0.25 + 0.5 * n] for n in path])
    edges = np.arange(len(path) + 1, dtype=np.float64)
    speech = ((0.25, len(path) - 0.25),) if min(path) >= 0 else ((0.25, 1.0), (2.0, len(path) - 0.25))
    peaks = np.full(10 * len(path), 0.5, dtype=np.float32)
    clip = Clip(Path(name), 0.0, float(len(path)))
    return Timeline(clip, CLASSES, edges, probability.astype(np.float32), np.array(path), speech, peaks)


TALK = make_timeline([0, -1, 0, 1, 1])


def test_a_textgrid_has_no_gaps_and_doubles_quotes(tmp_path: Path) -> None:
    write_timelines(tmp_path / "a.TextGrid", [TALK], named_format("textgrid"))

    lines = (tmp_path / "a.TextGrid").read_text().splitlines()
    assert lines[:8] == [
        *('File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", "xmax = 5.000000"),
        *("tiers? <exists>", "size = 2", "item []:"),
    ]
    values = [line.strip().partition(" = ")[2] for line in lines[8:] if " = " in line]
    tier = ['"IntervalTier"', '"class"', "0", "5.000000", "6"]
    assert values[: len(tier)] == tier
    times = ["0.000000", "0.250000", "1.000000", "2.000000", "3.000000", "4.750000", "5.000000"]
    texts = ["", "anger", "", "anger", 'says ""a & b"" <c>', ""]
    rows = [value for row in zip(times, times[1:], [f'"{text}"' for text in texts], strict=False) for value in row]
    assert values[len(tier) : len(tier) + len(rows)] == rows
    assert '"probability"' in values
    assert '"0.750"' in values


def test_webvtt_has_a_cue_a_segment_and_escapes(tmp_path: Path) -> None:
    write_timelines(tmp_path / "a.vtt", [TALK], named_format("vtt"))

    assert (tmp_path / "a.vtt").read_text() == (
        "WEBVTT\n\n"
        "00:00:00.250 --> 00:00:01.000\nanger (0.75)\n\n"
        "00:00:02.000 --> 00:00:03.000\nanger (0.75)\n\n"
        '00:00:03.000 --> 00:00:04.750\nsays "a &amp; b" &lt;c&gt; (0.75)\n'
    )


def test_elan_gets_tier_begin_end_and_annotation(tmp_path: Path) -> None:
    write_timelines(tmp_path / "a.tsv", [make_timeline([0, 1])], named_format("elan"))

    assert (tmp_path / "a.tsv").read_text() == (
        "tier\tbegin\tend\tannotation\n"
        'class\t0.250\t1.000\tanger\nclass\t1.000\t1.750\tsays "a & b" <c>\n'
        "probability\t0.250\t1.000\t0.750\nprobability\t1.000\t1.750\t0.750\n"
    )


def test_audacity_gets_start_end_and_label(tmp_path: Path) -> None:
    write_timelines(tmp_path / "a.txt", [make_timeline([0, 0])], named_format("audacity"))

    assert (tmp_path / "a.txt").read_text() == "0.250000\t1.750000\tanger (0.75)\n"


@pytest.mark.parametrize("name", ["csv", "json", "parquet"])
def test_tables_hold_several_recordings(tmp_path: Path, name: str) -> None:
    file = tmp_path / f"a.{name}"

    write_timelines(file, [make_timeline([0, 0]), make_timeline([1], name="other.wav")], named_format(name))

    expected = [
        {"file": "talk.wav", "start": 0.25, "end": 1.75, "class": "anger", "probability": 0.75},
        {"file": "other.wav", "start": 0.25, "end": 0.75, "class": CLASSES[1], "probability": 0.75},
    ]
    if name == "json":
        assert json.loads(file.read_text()) == expected
    else:
        read = pd.read_csv(file) if name == "csv" else pd.read_parquet(file)
        assert read.to_dict("records") == expected


def test_an_empty_timeline_is_a_file_of_every_format(tmp_path: Path) -> None:
    empty = make_timeline([-1, -1, -1])

    for known in FORMATS.values():
        write_timelines(tmp_path / f"{known.name}{known.suffixes[0]}", [empty], known)

    assert list(pd.read_csv(tmp_path / "csv.csv")) == ["file", "start", "end", "class", "probability"]
    assert pd.read_parquet(tmp_path / "parquet.parquet").dtypes.astype(str).tolist()[1:3] == ["float64", "float64"]
    assert json.loads((tmp_path / "json.json").read_text()) == []
    assert (tmp_path / "vtt.vtt").read_text() == "WEBVTT\n"
    assert (tmp_path / "textgrid.TextGrid").read_text().count("intervals: size = 1") == 2
    assert (tmp_path / "audacity.txt").read_text() == ""


@pytest.mark.parametrize(
    ("file", "name", "expected"),
    [
        *(
            ("a.csv", None, "csv"),
            ("a.textgrid", None, "textgrid"),
            ("a.TXT", None, "audacity"),
            ("a.tsv", None, "elan"),
        ),
        ("a.txt", "elan", "elan"),
    ],
)
def test_formats_are_found_by_suffix_or_name(file: str, name: str | None, expected: str) -> None:
    assert find_format(Path(file), name).name == expected


@pytest.mark.parametrize(
    ("file", "name", "message"),
    [
        ("a.xls", None, r"a\.xls: unknown suffix '\.xls'; expected one of \.csv, \.json, .*or a folder and --format"),
        ("a.csv", "elan", r"a\.csv: the suffix '\.csv' is not of the format elan; expected \.tsv or \.txt"),
        ("a.csv", "cvs", r"no format 'cvs'; did you mean 'csv'\? known: csv, json"),
    ],
)
def test_other_formats_are_refused(file: str, name: str | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        find_format(Path(file), name)


def test_a_format_of_one_recording_takes_no_two(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"of the format vtt holds one recording, found 2; write one file each with"):
        write_timelines(tmp_path / "a.vtt", [TALK, TALK], named_format("vtt"))


def test_a_full_disk_is_one_sentence_and_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.vtt"
    file.write_text("before")

    def fail(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fail)
    with pytest.raises(ParaClapError, match=r"a\.vtt cannot be written \(No space left on device\); make room"):
        write_timelines(file, [TALK], named_format("vtt"))
    assert file.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["a.vtt"]


def test_a_plot_is_a_picture_and_thin_peaks_are_the_largest(tmp_path: Path) -> None:
    plot_timeline(tmp_path / "a.png", TALK)

    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    peaks = np.random.default_rng(0).random(1001).astype(np.float32)
    assert thin_peaks(peaks, 100).tolist() == [peaks[begin : begin + 11].max() for begin in range(0, 1001, 11)]
    assert thin_peaks(peaks, 2000).tolist() == peaks.tolist()
    with pytest.raises(ConfigError, match=r"plot .*a\.gif: unknown suffix '\.gif'; expected one of \.png, \.pdf"):
        plot_timeline(tmp_path / "a.gif", TALK)
