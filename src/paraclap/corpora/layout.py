"""The files of a corpus on disk: which of them fit its official layout, and what their names say."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from paraclap.audio import AUDIO_SUFFIXES
from paraclap.corpora.rows import CorpusInfo, compile_pattern, load_corpus_info
from paraclap.errors import CorpusError

_PLACE = "place_"  # name of the group that holds the folders between the root and an official path
_SHARE_OF_A_COPY = 0.9  # of the recordings; from there on, what is there twice is the corpus and not a stray file


@dataclass(frozen=True)
class Recording:
    """Hold a file, relative to the root of its corpus, and the named groups that its path gave."""

    file: str
    groups: Mapping[str, str]


@dataclass(frozen=True)
class Layout:
    """Hold what was found below a root: recordings, repeats of them, audio that fits no pattern, closed folders."""

    recordings: tuple[Recording, ...]
    repeats: tuple[str, ...]
    others: tuple[str, ...]
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Search:
    """Hold what a walk met: audio, folders that cannot be listed, and places of a corpus, "" for the folder itself."""

    files: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    places: set[str] = field(default_factory=set)


def find_root(name: str | Path | CorpusInfo, corpora_root: str | Path) -> Path:
    """Return the folder of a corpus: `corpora_root/NAME` in any case, `corpora_root`, or the only folder below it.

    Raises:
        CorpusError: if the corpus is unknown, the folder does not exist or cannot be read, nothing in it is in the
            corpus' layout, or several folders below it are.
    """
    info = name if isinstance(name, CorpusInfo) else load_corpus_info(name)
    root = Path(corpora_root).absolute()
    try:
        root = root.resolve() if ".." in root.parts else root
        if not root.is_dir():
            found = "this is a file" if root.exists() else "no such folder"
            raise CorpusError(f"{root}: {found}; expected the folder that holds {info.name}")
        inside = sorted(
            entry for entry in root.iterdir() if entry.name.casefold() == info.name.casefold() and entry.is_dir()
        )
    except OSError as error:
        raise CorpusError(
            f"{root}: cannot be read ({error.strerror}); expected the folder that holds {info.name}"
        ) from None
    patterns = _compile(info.patterns)
    searched: dict[Path, _Search] = {}
    for candidates in (inside, [root]):
        searched |= {folder: _search(folder, patterns) for folder in candidates}
        found_in = [folder for folder in candidates if "" in searched[folder].places]
        if len(found_in) > 1:
            raise _two_copies(info, root, [folder.name for folder in found_in])
        if found_in:
            return found_in[0]
    for folder, search in searched.items():
        if len(search.places) > 1:
            raise _two_copies(info, folder, sorted(search.places))
        if search.places:
            return folder / search.places.pop()
    audio, unreadable = searched[root].files, searched[root].unreadable
    found = f"found {len(audio)} audio files, such as {min(audio)}" if audio else "found no audio file at all"
    if unreadable:
        found += f", and could not look into {unreadable[0]}"
    examples = " or ".join(info.examples)
    raise CorpusError(
        f"{root}: no recording of {info.name}; expected files like {examples} (any audio suffix), {found}"
    )


def scan_layout(info: CorpusInfo, root: Path) -> Layout:
    """Sort the audio files below a root into recordings, repeats and others.

    Two files whose paths give the same groups (those of `identity`, if the row names any) are copies of one recording:
    the one nearest to the root counts.

    Raises:
        CorpusError: if the corpus is there twice.
    """
    patterns, ignored = _compile(info.patterns), _compile(info.ignored)
    recordings: dict[tuple[tuple[str, str], ...], Recording] = {}
    repeats: list[str] = []
    kept: dict[str, str] = {}  # the recording that each of them repeats
    others: list[str] = []
    elsewhere: list[str] = []
    unreadable: list[str] = []
    files = walk_audio(root, on_unreadable=unreadable.append)
    for file in sorted(files, key=lambda file: (file.count("/"), file)):
        match = _find_match(patterns, file)
        if match is None or match[_PLACE]:
            if match is not None:
                elsewhere.append(match[_PLACE])
            if match is not None or _find_match(ignored, file) is None:
                others.append(file)
            continue
        groups = {name: value for name, value in match.groupdict().items() if value is not None and name != _PLACE}
        told_apart = info.identity or sorted(groups)
        identity = tuple((name, groups.get(name, "").casefold()) for name in told_apart)
        if identity in recordings:
            repeats.append(file)
            kept[file] = recordings[identity].file
        else:
            recordings[identity] = Recording(file, groups)
    in_order = sorted(recordings.values(), key=lambda recording: recording.file)
    if elsewhere and len(elsewhere) >= _SHARE_OF_A_COPY * len(in_order):
        raise _two_copies(info, root, ["", min(elsewhere)])
    if repeats and len(repeats) >= _SHARE_OF_A_COPY * len(in_order):
        raise _two_copies_in_one_place(info, root, kept=kept[repeats[0]], again=repeats[0])
    return Layout(tuple(in_order), tuple(repeats), tuple(sorted(others)), tuple(sorted(unreadable)))


def walk_audio(root: Path, *, on_unreadable: Callable[[str], None] | None = None) -> Iterator[str]:
    """Yield the audio files below a folder, relative to it with slashes, in no order, without hidden ones.

    Args:
        root: the folder; folders that it links to are entered once, unless they hold the link itself.
        on_unreadable: is told of folders that cannot be listed.
    """
    start = len(str(root / "_")) - 1
    entered = {root.resolve()}

    def report(error: OSError) -> None:
        if on_unreadable is not None:
            on_unreadable(str(error.filename)[start:] or ".")

    for folder, folders, names in os.walk(root, onerror=report, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".") and _is_new(Path(folder) / name, entered)]
        inside = folder[start:].replace(os.sep, "/")
        prefix = f"{inside}/" if inside else ""
        for name in names:
            # Archives from a Mac hold "._name.wav" files, which are no audio.
            if not name.startswith(".") and f".{name.rpartition('.')[2]}".lower() in AUDIO_SUFFIXES:
                yield prefix + name


def _compile(patterns: Iterable[str]) -> list[re.Pattern[str]]:
    return [compile_pattern(rf"(?P<{_PLACE}>(?:.*?/)??)(?:{pattern})") for pattern in patterns]


def _find_match(patterns: Sequence[re.Pattern[str]], file: str) -> re.Match[str] | None:
    stem = file.rpartition(".")[0]
    return next((match for pattern in patterns if (match := pattern.fullmatch(stem))), None)


def _match(patterns: Sequence[re.Pattern[str]], file: str) -> str | None:
    """Return the folders before the official path of a file, "" if it is at its place, None if it fits no pattern."""
    match = _find_match(patterns, file)
    return None if match is None else match[_PLACE].rstrip("/")


def _is_new(folder: Path, entered: set[Path]) -> bool:
    """Tell if a folder is no link, or a link to one that was not entered and does not hold the link itself."""
    try:
        if not folder.is_symlink():
            return True
    except OSError:  # the walk will stumble over it, and say so
        return True
    target = folder.resolve()
    if target in entered or folder.parent.resolve().is_relative_to(target):
        return False
    entered.add(target)
    return True


def _search(folder: Path, patterns: Sequence[re.Pattern[str]]) -> _Search:
    """Walk a folder until a recording is at its official path, or to the end: the first of a large corpus will do."""
    search = _Search()
    for file in walk_audio(folder, on_unreadable=search.unreadable.append):
        search.files.append(file)
        place = _match(patterns, file)
        if place is not None:
            search.places.add(place)
        if place == "":
            break
    return search


def _two_copies(info: CorpusInfo, root: Path, places: Sequence[str]) -> CorpusError:
    folders = [place.rstrip("/") or "." for place in places]
    return CorpusError(
        f"{root}: more than one copy of {info.name}, in {' and in '.join(folders[:3])}; "
        f"give the folder of the one to import, such as {root / folders[-1]}"
    )


def _two_copies_in_one_place(info: CorpusInfo, root: Path, *, kept: str, again: str) -> CorpusError:
    """Name the folders of two copies, or where no folder holds one of them (another suffix, say) the files."""
    paths = [list(PurePosixPath(file).with_suffix("").parts) for file in (kept, again)]
    tail: list[str] = []
    while all(paths) and paths[0][-1].casefold() == paths[1][-1].casefold():
        tail.insert(0, paths[0].pop())
        paths[1].pop()
    if tail and paths[0] != paths[1] and _match(_compile(info.patterns), f"{'/'.join(tail)}.") == "":
        return _two_copies(info, root, ["/".join(path) for path in paths])
    return CorpusError(
        f"{root}: more than one copy of {info.name}, such as {kept} and {again}; "
        "keep one of them, or let the groups of the pattern tell them apart"
    )
