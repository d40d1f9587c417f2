"""A plain folder of audio, whose paths may say something by a pattern."""

from pathlib import Path

from paraclap.corpora.findings import Finding, count_files, report_unreadable
from paraclap.corpora.layout import walk_audio
from paraclap.corpora.manifest import TEXT
from paraclap.corpora.rows import compile_pattern
from paraclap.corpora.sources.source import Source, check_folder
from paraclap.corpora.utterances import Utterance
from paraclap.errors import CorpusError


def read_folder(root: str | Path, *, pattern: str | None = None) -> Source:
    """Read a folder of audio: every file is an utterance, and named groups of a pattern are its columns.

    Args:
        root: the folder, searched recursively.
        pattern: regular expression for whole paths relative to the root, without their suffix, such as
            `(?P<speaker>[^/]+)/(?P<emotion>[a-z]+)_.*`, regardless of case; files that do not fit it are left out.

    Raises:
        CorpusError: if there is no such folder, it holds no audio, or the pattern is none or fits no file.
    """
    folder = check_folder(root, "a folder with audio")
    closed: list[str] = []
    files = sorted(walk_audio(folder, on_unreadable=closed.append))
    findings = report_unreadable(closed)
    if not files:
        raise CorpusError(f"{folder}: no audio file in this folder; expected suffixes like .wav, .flac, .ogg, .mp3")
    if pattern is None:
        return Source(folder.name, folder, [Utterance(file, {}) for file in files], {}, findings=findings)
    try:
        wanted = compile_pattern(pattern)
    except ValueError as error:
        raise CorpusError(f"{error}; expected one with named groups such as (?P<speaker>[^/]+)") from None
    utterances: list[Utterance] = []
    others: list[str] = []
    for file in files:
        match = wanted.fullmatch(str(Path(file).with_suffix("")))
        if match is None:
            others.append(file)
        else:
            utterances.append(Utterance(file, {name: value or "" for name, value in match.groupdict().items()}))
    if not utterances:
        raise CorpusError(f"{folder}: no file fits the pattern {pattern!r}; found {len(files)}, such as {files[0]}")
    if others:
        findings.append(
            Finding("other audio", count_files(others, "left out, because they do not fit the pattern"), tuple(others))
        )
    return Source(folder.name, folder, utterances, dict.fromkeys(wanted.groupindex, TEXT), findings=findings)
