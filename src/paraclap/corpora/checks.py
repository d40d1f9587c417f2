"""Checks of a whole manifest: counts against the published ones, speakers in two splits, files of the same content."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from paraclap.corpora.findings import Finding
from paraclap.corpora.progress import track_progress
from paraclap.corpora.rows import CorpusInfo
from paraclap.storage import hash_file

_NUM_NAMED = 10  # values that lack files, named in a message; the rest is counted


def check_counts(info: CorpusInfo, manifest: pd.DataFrame) -> list[Finding]:
    """Compare the files of a manifest with the totals that were published, and say where some are missing."""
    found = manifest.index.get_level_values("file").nunique()
    findings: list[Finding] = []
    if isinstance(info.num_files, Mapping):
        if found not in info.num_files.values():
            published = ", ".join(f"{number} in {version}" for version, number in info.num_files.items())
            findings.append(Finding("count", f"{found} files are here; published are {published}"))
    elif info.num_files is not None and found != info.num_files:
        findings.append(Finding("count", f"{found} of {info.num_files} published files are here"))
    if info.num_speakers is not None:
        speakers = manifest["speaker"].nunique() if "speaker" in manifest else 0
        if speakers != info.num_speakers:
            findings.append(Finding("count", f"{speakers} of {info.num_speakers} published speakers are here"))
    for column, expected in info.counts.items():
        counts = manifest[column].value_counts().sort_index().to_dict() if column in manifest else {}
        totals = dict.fromkeys(counts, expected) if isinstance(expected, int) else dict(expected)
        off = [
            f"{value} {counts.get(value, 0)} of {total}"
            for value, total in totals.items()
            if counts.get(value) != total
        ]
        if off:
            more = f" and {len(off) - _NUM_NAMED} more" if len(off) > _NUM_NAMED else ""
            findings.append(Finding("count", f"files by {column}: {', '.join(off[:_NUM_NAMED])}{more}"))
    return findings


def find_version(info: CorpusInfo, manifest: pd.DataFrame) -> str:
    """Return the version of the corpus: the one whose published number of files is here, or the row's."""
    found = manifest.index.get_level_values("file").nunique()
    versions = info.num_files if isinstance(info.num_files, Mapping) else {}
    return next((version for version, number in versions.items() if number == found), info.version)


def check_splits(manifest: pd.DataFrame) -> list[Finding]:
    """Report the speakers who are in more than one split."""
    if "speaker" not in manifest or "split" not in manifest:
        return []
    known = manifest[["speaker", "split"]].dropna()
    num_splits = known.groupby("speaker")["split"].nunique()
    shared = num_splits[num_splits > 1].index
    if not len(shared):
        return []
    files = tuple(known.index.get_level_values("file")[known["speaker"].isin(shared)].unique())
    who = "speaker is" if len(shared) == 1 else "speakers are"
    message = f"{len(shared)} {who} in more than one split, such as {shared[0]}, with {len(files)} files"
    return [Finding("speaker in two splits", message, files)]


def check_content(manifest: pd.DataFrame, root: Path, *, progress: bool = False) -> list[Finding]:
    """Report the files whose content is the same to the byte; only files of one size are read."""
    by_size: defaultdict[int, list[str]] = defaultdict(list)
    for file in manifest.index.get_level_values("file").unique():
        by_size[(root / file).stat().st_size].append(file)
    suspects = [file for files in by_size.values() if len(files) > 1 for file in files]
    by_hash: defaultdict[str, list[str]] = defaultdict(list)
    for file in track_progress(suspects, "hashing files", progress=progress):
        by_hash[hash_file(root / file)].append(file)
    same = [files for files in by_hash.values() if len(files) > 1]
    if not same:
        return []
    copies = tuple(file for files in same for file in files)
    message = f"{len(copies)} files have the content of another, such as {' and '.join(same[0][:2])}"
    return [Finding("duplicate content", message, copies)]
