"""What an import found to be wrong with a corpus, in one report: a sentence each, with the files it is about."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from paraclap.records import BadFile

Kind = Literal[
    "bad file",  # missing, unreadable, or of a duration that cannot be
    "left out",  # for another reason
    "suspicious duration",
    "audio without labels",
    "labels without audio",
    "unknown label",
    "tables disagree",
    "missing label file",
    "repeated file",
    "other audio",
    "unreadable folder",
    "count",
    "duplicate content",
    "speaker in two splits",
    "uncut corpus",
]

_NUM_CODES = 10  # of a source that are unknown and get a finding each
_NUM_SHOWN = 5  # files of a finding that are named; the rest is counted


@dataclass(frozen=True)
class Finding:
    """Say one thing that is wrong with a corpus, in one sentence, and which files it is about."""

    kind: Kind
    message: str
    files: tuple[str, ...] = ()

    def describe(self) -> dict[str, Any]:
        """Return the finding as JSON has it, with the first files and the number of all."""
        return {
            "kind": self.kind,
            "message": self.message,
            "files": list(self.files[:_NUM_SHOWN]),
            "num_files": len(self.files),
        }


def count_files(files: Sequence[str], what: str) -> str:
    """Return "3 files WHAT, such as a.wav", or for one file its name."""
    if len(files) == 1:
        return f"1 file {what}: {files[0]}"
    return f"{len(files)} files {what}, such as {files[0]}"


def report_unreadable(folders: Iterable[str]) -> list[Finding]:
    """Return the folders that could not be listed as one finding, or nothing."""
    closed = tuple(sorted(folders))
    if not closed:
        return []
    message = f"{len(closed)} folder{'s' * (len(closed) > 1)} cannot be read, such as {closed[0]}: check the rights"
    return [Finding("unreadable folder", message, closed)]


def report_bad_files(bad_files: Iterable[BadFile]) -> list[Finding]:
    """Return the files that could not be used as one finding, or nothing."""
    bad = sorted(bad_files, key=lambda bad: bad.file)
    if not bad:
        return []
    files = tuple(file.file for file in bad)
    return [Finding("bad file", f"{count_files(files, 'left out')} ({bad[0].reason})", files)]


def report_unknown_labels(unknown: Mapping[str, Sequence[str]]) -> list[Finding]:
    """Return one finding for each of the first unknown codes of a source, and one for its others.

    Args:
        unknown: the files by the message that a code gave, which begins with "SOURCE is".
    """
    by_source: defaultdict[str, list[str]] = defaultdict(list)
    for message in unknown:
        by_source[message.partition(" is ")[0]].append(message)
    findings: list[Finding] = []
    for source, messages in by_source.items():
        for message in messages[:_NUM_CODES]:
            files = tuple(unknown[message])
            text = f"{message}; unknown in {count_files(files, 'of the manifest')}"
            findings.append(Finding("unknown label", text, files))
        rest = messages[_NUM_CODES:]
        if rest:
            files = tuple(dict.fromkeys(file for message in rest for file in unknown[message]))
            text = f"{source} has {len(rest)} more unknown values, in {count_files(files, 'of the manifest')}"
            findings.append(Finding("unknown label", text, files))
    return findings
