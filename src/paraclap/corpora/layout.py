"""The files of a corpus on disk: which of them fit its official layout, and what their names say."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from paraclap.audio import AUDIO_SUFFIXES
from paraclap.corpora.rows import CorpusInfo, load_corpus_info
from paraclap.errors import CorpusError


@dataclass(frozen=True)
class Recording:
    """Hold a file, relative to the root of its corpus, and the named groups that its path gave."""

    file: str
    groups: Mapping[str, str]


@dataclass(frozen=True)
class Layout:
    """Hold what was found below a root: the recordings, repeats of them, and audio that fits no pattern."""

    recordings: tuple[Recording, ...]
    repeats: tuple[str, ...]
    others: tuple[str, ...]


def find_root(name: str | Path | CorpusInfo, corpora_root: str | Path) -> Path:
    """Return the folder of a corpus: `corpora_root/NAME` in any case, or else `corpora_root` itself.

    Raises:
        CorpusError: if the corpus is unknown, the folder does not exist, or neither holds a file in its layout.
    """
    info = name if isinstance(name, CorpusInfo) else load_corpus_info(name)
    root = Path(corpora_root).absolute()
    if not root.is_dir():
        found = "this is a file" if root.exists() else "no such folder"
        raise CorpusError(f"{root}: {found}; expected the folder that holds {info.name}")
    inside = sorted(
        entry for entry in root.iterdir() if entry.name.casefold() == info.name.casefold() and entry.is_dir()
    )
    patterns = _compile(info)
    for candidate in (*inside, root):
        if any(_match(patterns, file) is not None for file in _walk_audio(candidate)):
            return candidate
    audio = sorted(_walk_audio(root))
    found = f"found {len(audio)} audio files, such as {audio[0]}" if audio else "found no audio file at all"
    examples = " or ".join(info.examples)
    raise CorpusError(
        f"{root}: no recording of {info.name}; expected files like {examples} (any audio suffix), {found}"
    )


def scan_layout(info: CorpusInfo, root: Path) -> Layout:
    """Sort the audio files below a root into recordings, repeats and others.

    Two files whose paths give the same groups are copies of one recording, as in archives that hold everything twice:
    the one nearest to the root counts.
    """
    patterns = _compile(info)
    recordings: dict[tuple[tuple[str, str], ...], Recording] = {}
    repeats: list[str] = []
    others: list[str] = []
    for file in sorted(_walk_audio(root), key=lambda file: (file.count("/"), file)):
        groups = _match(patterns, file)
        if groups is None:
            others.append(file)
            continue
        identity = tuple(sorted((name, value.casefold()) for name, value in groups.items()))
        if identity in recordings:
            repeats.append(file)
        else:
            recordings[identity] = Recording(file, groups)
    in_order = sorted(recordings.values(), key=lambda recording: recording.file)
    return Layout(tuple(in_order), tuple(repeats), tuple(others))


def _compile(info: CorpusInfo) -> list[re.Pattern[str]]:
    return [re.compile(pattern, re.IGNORECASE) for pattern in info.patterns]


def _match(patterns: list[re.Pattern[str]], file: str) -> dict[str, str] | None:
    """Return the named groups of the first pattern that fits, without those that took no part."""
    stem = str(PurePosixPath(file).with_suffix(""))
    for pattern in patterns:
        match = pattern.fullmatch(stem)
        if match:
            return {name: value for name, value in match.groupdict().items() if value is not None}
    return None


def _walk_audio(root: Path) -> Iterator[str]:
    for folder, _, names in os.walk(root):
        for name in names:
            # Archives from a Mac hold "._name.wav" files, which are no audio.
            if not name.startswith(".") and PurePosixPath(name).suffix.lower() in AUDIO_SUFFIXES:
                yield (Path(folder) / name).relative_to(root).as_posix()
