"""Timelines as files: tables, and what Praat, video players, ELAN and Audacity read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from paraclap.errors import ConfigError, ParaClapError, list_known
from paraclap.inference.timeline import Timeline
from paraclap.storage import write_atomic, write_json

_COLUMNS = ("file", "start", "end", "class", "probability")


@dataclass(frozen=True)
class TimelineFormat:
    """Describe a format: its suffixes, of which the first names files, and how one recording becomes text.

    Formats without such a text are tables of rows, which hold any number of recordings.
    """

    name: str
    suffixes: tuple[str, ...]
    to_text: Callable[[Timeline], str] | None = None

    @property
    def holds_many(self) -> bool:
        """Whether a file holds more than one recording."""
        return self.to_text is None


def list_rows(timelines: Sequence[Timeline]) -> list[dict[str, Any]]:
    """Return the segments of recordings as rows: file, start and end in s, class, probability."""
    return [
        dict(zip(_COLUMNS, (line.clip.name, part.start, part.end, part.name, part.probability), strict=True))
        for line in timelines
        for part in line.segments
    ]


def find_format(path: Path, name: str | None = None) -> TimelineFormat:
    """Return the format of a file to write: the one named, or that of its suffix.

    Raises:
        ConfigError: if there is no such format, or the suffix is of none, or of another one than is named.
    """
    suffix = path.suffix.lower()
    if name is None:
        for known in FORMATS.values():
            if suffix == known.suffixes[0].lower():
                return known
        suffixes = ", ".join(known.suffixes[0] for known in FORMATS.values())
        raise ConfigError(
            f"{path}: unknown suffix {path.suffix!r}; expected one of {suffixes}, or a folder and --format"
        )
    found = named_format(name)
    if suffix not in [known.lower() for known in found.suffixes]:
        expected = " or ".join(found.suffixes)
        raise ConfigError(f"{path}: the suffix {path.suffix!r} is not of the format {name}; expected {expected}")
    return found


def named_format(name: str) -> TimelineFormat:
    """Return a format by its name.

    Raises:
        ConfigError: if there is none of this name.
    """
    if name not in FORMATS:
        raise ConfigError(f"no format {name!r}{list_known(name, FORMATS)}")
    return FORMATS[name]


def write_timelines(path: Path, timelines: Sequence[Timeline], chosen: TimelineFormat) -> None:
    """Write timelines to one file, atomically.

    Raises:
        ConfigError: if the format holds one recording, and there are more or none.
        ParaClapError: if the file cannot be written, such as on a full disk.
    """
    if chosen.to_text is not None:
        check_number(path, len(timelines), chosen)
    try:
        with write_atomic(path) as temporary:
            if chosen.to_text is not None:
                text = chosen.to_text(timelines[0])
                temporary.write_text(text, encoding="utf-8", newline="\n", errors="backslashreplace")
            else:
                _write_rows(temporary, list_rows(timelines), chosen.name)
    except OSError as error:
        raise ParaClapError(
            f"{path} cannot be written ({error.strerror or error}); make room or choose another place"
        ) from None


def _write_rows(path: Path, rows: list[dict[str, Any]], name: str) -> None:
    if name == "json":
        write_json(path, rows)
        return
    import pandas as pd

    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    table = table.astype({"start": float, "end": float, "probability": float})  # of an empty one too
    if name == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)


def check_number(path: Path, number: int, chosen: TimelineFormat) -> None:
    """Refuse to write several recordings to a file that holds one.

    Raises:
        ConfigError: if that is so.
    """
    if not chosen.holds_many and number != 1:
        raise ConfigError(
            f"{path}: a file of the format {chosen.name} holds one recording, found {number}; "
            f"write one file each with --out FOLDER --format {chosen.name}"
        )


def _to_textgrid(timeline: Timeline) -> str:
    """Return Praat's long text format, https://www.fon.hum.uva.nl/praat/manual/TextGrid_file_formats.html."""
    end = timeline.clip.end or 0.0
    marks = {
        "class": [_one_line(segment.name) for segment in timeline.segments],
        "probability": [f"{segment.probability:.3f}" for segment in timeline.segments],
    }
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end:.6f}"]
    lines += ["tiers? <exists>", f"size = {len(marks)}", "item []:"]
    for number, (tier, texts) in enumerate(marks.items(), start=1):
        intervals = _fill_gaps(timeline, texts, end)
        lines += [f"    item [{number}]:", '        class = "IntervalTier"', f'        name = "{tier}"']
        lines += ["        xmin = 0", f"        xmax = {end:.6f}", f"        intervals: size = {len(intervals)}"]
        for place, (start, stop, text) in enumerate(intervals, start=1):
            quoted = text.replace('"', '""')
            lines += [f"        intervals [{place}]:", f"            xmin = {start}", f"            xmax = {stop}"]
            lines += [f'            text = "{quoted}"']
    return "\n".join(lines) + "\n"


def _fill_gaps(timeline: Timeline, texts: Sequence[str], end: float) -> list[tuple[str, str, str]]:
    """Return intervals without gaps from 0 to the end, empty ones between segments; times as they are written."""
    zero, last = f"{0:.6f}", f"{end:.6f}"
    edges = [(zero, zero), *((f"{part.start:.6f}", f"{part.end:.6f}") for part in timeline.segments), (last, last)]
    labels = ["", *texts, ""]
    filled = []
    for ((_, before), (start, stop)), text in zip(pairwise(edges), labels[1:], strict=True):
        filled += [(before, start, ""), (start, stop, text)]
    return [(start, stop, text) for start, stop, text in filled if float(start) < float(stop)]


def _to_webvtt(timeline: Timeline) -> str:
    """Return WebVTT, https://www.w3.org/TR/webvtt1/: one cue a segment."""
    cues = ["WEBVTT\n"]
    for segment in timeline.segments:
        name = _one_line(segment.name).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        times = f"{_clock(segment.start)} --> {_clock(segment.end)}"
        cues.append(f"{times}\n{name} ({segment.probability:.2f})\n")
    return "\n".join(cues)


def _to_elan(timeline: Timeline) -> str:
    """Return lines for ELAN's import of tab-delimited text: tier, begin and end in s, annotation."""
    lines = ["tier\tbegin\tend\tannotation"]
    for segment in timeline.segments:
        lines.append(f"class\t{segment.start:.3f}\t{segment.end:.3f}\t{_one_line(segment.name)}")
    for segment in timeline.segments:
        lines.append(f"probability\t{segment.start:.3f}\t{segment.end:.3f}\t{segment.probability:.3f}")
    return "\n".join(lines) + "\n"


def _to_audacity(timeline: Timeline) -> str:
    """Return a label track of Audacity, https://manual.audacityteam.org/man/importing_and_exporting_labels.html."""
    return "".join(
        f"{part.start:.6f}\t{part.end:.6f}\t{_one_line(part.name)} ({part.probability:.2f})\n"
        for part in timeline.segments
    )


def _clock(seconds: float) -> str:
    """Return hours, minutes, seconds and milliseconds, 00:00:00.000."""
    milliseconds = round(seconds * 1000)
    hours, rest = divmod(milliseconds, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


FORMATS = {
    known.name: known
    for known in (
        TimelineFormat("csv", (".csv",)),
        TimelineFormat("json", (".json",)),
        TimelineFormat("parquet", (".parquet",)),
        TimelineFormat("textgrid", (".TextGrid",), _to_textgrid),
        TimelineFormat("vtt", (".vtt",), _to_webvtt),
        TimelineFormat("elan", (".tsv", ".txt"), _to_elan),
        TimelineFormat("audacity", (".txt",), _to_audacity),
    )
}
