"""Timelines of many recordings, one file each, which a stopped command goes on with where it was."""

import glob
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from paraclap.audio import hash_audio
from paraclap.cache_file import CacheFile
from paraclap.errors import AudioError, ConfigError
from paraclap.inference.clips import Clip, gather_clips
from paraclap.inference.references import Reference
from paraclap.inference.timeline import Timeline
from paraclap.inference.timeline_files import TimelineFormat, write_timelines
from paraclap.inference.timeline_scan import OwnSpeech, TimelineScanner
from paraclap.records import BadFile
from paraclap.storage import hash_bytes, hash_file
from paraclap.version import __version__

_STATE_FILE = ".paraclap-timelines.sqlite"
Progress = Callable[[int, int], None]  # seconds heard, seconds in all; each recording is heard twice


@dataclass
class BatchReport:
    """Name what was written, what was there already, what has no speech, and the files that are bad."""

    written: list[Path] = field(default_factory=list)
    unchanged: list[Path] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)  # a sentence each
    bad_files: list[BadFile] = field(default_factory=list)


def plan_outputs(paths: Iterable[str | Path], folder: Path, chosen: TimelineFormat) -> dict[Path, Path]:
    """Return for each recording the file to write: with its name, at its place below the folder that was named.

    Raises:
        ConfigError: if two recordings would become the same file.
    """
    outputs: dict[Path, Path] = {}
    owners: dict[Path, Path] = {}
    for given in map(Path, paths):
        for clip in gather_clips(given):
            source = clip.source
            if not isinstance(source, Path) or source in outputs:
                continue
            inside = source.relative_to(given) if source != given else Path(source.name)
            output = folder / inside.with_suffix(chosen.suffixes[0])
            if output in owners:
                raise ConfigError(
                    f"{owners[output]} and {source} would both be written to {output}; give each a folder of its own"
                )
            owners[output] = source
            outputs[source] = output
    return outputs


def scan_recordings(
    scanner: TimelineScanner,
    sources: Sequence[Path],
    *,
    is_done: Callable[[Path], bool] | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[Path, Timeline | BadFile]]:
    """Yield the timeline of each recording, or why it has none.

    Args:
        scanner: that hears them.
        sources: files.
        is_done: tells which ones are left out.
        progress: told now and then how many seconds are done, and how many there are.
    """
    clips: list[tuple[Path, Clip | BadFile]] = []
    for source in sources:
        try:
            clips.append((source, replace(Clip(source), sampling_rate=scanner.model.sampling_rate).measure()))
        except AudioError as error:
            clips.append((source, BadFile(source.as_posix(), str(error))))
    total = sum(2 * (clip.end or 0.0) for _, clip in clips if isinstance(clip, Clip))
    heard = 0.0

    def advance(seconds: float) -> None:
        nonlocal heard
        heard += seconds
        if progress is not None:
            progress(round(min(heard, total)), round(total))

    for source, clip in clips:
        if isinstance(clip, BadFile):
            yield source, clip
            continue
        before = heard
        if is_done is None or not is_done(source):
            try:
                yield source, scanner.scan(clip, advance=advance)
            except AudioError as error:
                yield source, BadFile(source.as_posix(), str(error))
        advance(before + 2 * (clip.end or 0.0) - heard)


def write_batch(
    scanner: TimelineScanner,
    outputs: dict[Path, Path],
    *,
    folder: Path,
    chosen: TimelineFormat,
    progress: Progress | None = None,
) -> BatchReport:
    """Write one file a recording; those that are there, made of the same audio by the same means, are left as they are.

    What each file was made of, and its own content, is kept by its hash in a small database in the folder, after the
    file is whole: so a command may be stopped anywhere, and files that were changed since are made anew.

    Args:
        scanner: that hears the recordings.
        outputs: the file to write for each recording, as `plan_outputs` says.
        folder: that they lie in.
        chosen: format of the files.
        progress: as of `scan_recordings`.

    Raises:
        ParaClapError: if a file or the folder cannot be written; what was written before stays.
    """
    report = BatchReport()
    state = CacheFile(folder / _STATE_FILE, content="timelines", columns={"made_of": "TEXT", "written": "TEXT"})
    means = _describe_means(scanner, chosen)
    origins: dict[Path, str] = {}

    def is_done(source: Path) -> bool:
        output = outputs[source]
        origins[source] = hash_bytes(f"{means} {hash_audio(source)}".encode())
        key = output.relative_to(folder).as_posix()
        known = state.find([key]).get(key)
        done = known is not None and output.is_file() and known == (origins[source], hash_file(output))
        if done:
            report.unchanged.append(output)
        return done

    try:
        for source, found in scan_recordings(scanner, list(outputs), is_done=is_done, progress=progress):
            if isinstance(found, BadFile):
                report.bad_files.append(found)
                continue
            output = outputs[source]
            _remove_left_overs(output)
            write_timelines(output, [found], chosen)
            state.store({output.relative_to(folder).as_posix(): (origins[source], hash_file(output))})
            report.written.append(output)
            reason = found.explain_empty()
            report.empty += [reason] if reason else []
    finally:
        state.close()
    return report


def _describe_means(scanner: TimelineScanner, chosen: TimelineFormat) -> str:
    """Return a fingerprint of all that decides about a file beside the recording."""
    reference = scanner.reference
    means = {
        "version": __version__,
        "model": scanner.model.fingerprint,
        "scale": scanner.model.probability_scale,
        "questions": {column: list(prompts) for column, prompts in scanner.questions.prompts.items()},
        "settings": asdict(scanner.settings),
        "reference": reference.fingerprint if isinstance(reference, Reference) else None,
        "relative": isinstance(reference, OwnSpeech),
        "format": chosen.name,
    }
    return hash_bytes(json.dumps(means).encode())


def _remove_left_overs(output: Path) -> None:
    """Remove what a killed command had begun to write in place of a file."""
    for path in output.parent.glob(f".{glob.escape(output.name)}.*{glob.escape(output.suffix)}"):
        path.unlink(missing_ok=True)
