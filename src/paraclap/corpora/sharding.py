"""A manifest and its audio as tar shards in the WebDataset layout, which are read in place by the manifest beside them.

A sample is one utterance: `{key}.{suffix}` with its audio, then `{key}.json` with its labels. So any share of the
shards is a corpus of its own, and no utterance needs what lies in another shard. One that is a whole file keeps the
bytes of that file; of a longer file it is cut out as the models hear it, mono at 16 kHz, without loss.
"""

import json
import re
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import audformat
import pandas as pd

from paraclap.corpora.manifest import METADATA_KEYS, check_manifest, write_manifest
from paraclap.corpora.shard_samples import Sample, Samples
from paraclap.errors import ConfigError, CorpusError
from paraclap.records import BadFile
from paraclap.storage import check_empty, hash_bytes, hash_table, read_json, write_atomic, write_json

MANIFEST_NAME = "manifest.parquet"
Progress = Callable[[int, int], None]  # utterances done, utterances in all

_OURS = re.compile(r"shard-\d{6,}\.(tar|json)")
_HALF = (".shard-", f".{MANIFEST_NAME}.")  # begins of the names under which files are written
_BLOCK = 512  # bytes, to which tar fills up headers and members; two empty ones are the end


@dataclass(frozen=True)
class ShardSettings:
    """Say how much goes into a shard, whichever is reached first, and in which order.

    They are filled in the order of the manifest, or in one drawn with a seed: then each is a fair sample of the whole.
    """

    max_clips: int | None = None
    max_megabytes: float = 500.0  # of 10^6 bytes; an utterance above it has a shard of its own
    shuffle_seed: int | None = None


@dataclass(frozen=True)
class ShardedCorpus:
    """Hold the manifest of the shards, how many there are and were there before, and what could not be used."""

    manifest: pd.DataFrame
    num_shards: int
    num_kept: int
    bad_files: tuple[BadFile, ...] = ()


@dataclass(frozen=True)
class _Shard:
    """Say what went into a shard: row, member and duration in ns of each clip; what could not; the row that follows."""

    fingerprint: str
    clips: Sequence[tuple[int, str, int]]
    bad_files: Sequence[Mapping[str, str]]
    next_row: int


@dataclass(frozen=True)
class _Job:
    """Hold what all shards of a call have in common."""

    samples: Samples
    settings: ShardSettings
    fingerprint: str
    progress: Progress


def write_shards(
    manifest: pd.DataFrame,
    metadata: Mapping[str, Any],
    folder: str | Path,
    *,
    settings: ShardSettings | None = None,
    progress: Progress | None = None,
) -> ShardedCorpus:
    """Write the utterances of a manifest, with their audio, as `shard-000000.tar`, ..., and `manifest.parquet`.

    The same input gives the same bytes. A shard is there as a whole or not at all; when it is stopped, and run again,
    it goes on with the first shard that is missing. Utterances whose audio cannot be used are left out and listed.

    Args:
        manifest: as `read_manifest` returns it.
        metadata: as `read_manifest` returns it.
        folder: new, empty, or as an earlier call with the same arguments left it when it was stopped.
        settings: how much goes into a shard, and in which order.
        progress: told now and then how many utterances are done, and how many there are.

    Raises:
        ConfigError: if a size of the settings is not above zero.
        CorpusError: if the manifest breaks the contract, the metadata lacks a key, the folder holds something else, the
            disk is full, or not one utterance can be used.
        ParaClapError: if the folder cannot be made or written to.
    """
    check_manifest(manifest)
    missing = [key for key in METADATA_KEYS if key not in metadata]
    if missing:
        raise CorpusError(f"the metadata lacks {', '.join(missing)}; pass what read_manifest returned")
    settings = settings or ShardSettings()
    for unit, size in (("clips", settings.max_clips), ("MB", settings.max_megabytes)):
        if size is not None and not size > 0:
            raise ConfigError(f"shards of {size} {unit}; expected a size above zero")
    target = Path(folder).resolve()
    root, corpus = str(metadata["root"]), str(metadata["corpus"])
    made_from = [hash_table(manifest.astype(str)), root, corpus, asdict(settings)]
    fingerprint = hash_bytes(json.dumps(made_from).encode())
    _check_folder(target, fingerprint)
    if settings.shuffle_seed is not None:
        manifest = manifest.sample(frac=1, random_state=settings.shuffle_seed)
    samples = Samples(manifest, root=Path(root), corpus=corpus)
    job = _Job(samples, settings, fingerprint, progress or _tell_nobody)
    shards: list[_Shard] = []
    num_kept, row = 0, 0
    while row < len(samples):
        path = target / f"shard-{len(shards):06d}.tar"
        shard = _find_finished(path)
        if shard is None:
            shard = _write_shard(path, row, job)
        else:
            num_kept += 1
        shards.append(shard)
        row = shard.next_row
        job.progress(row, len(samples))
    return _finish(manifest, metadata, target, shards=shards, num_kept=num_kept)


def _tell_nobody(done: int, total: int) -> None:
    pass


def _check_folder(folder: Path, fingerprint: str) -> None:
    """Refuse a folder with anything in it but the unfinished shards of the same call; remove what is half written."""
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    half = [name for name in names if name.startswith(_HALF)]
    whole = [name for name in names if name not in half]
    if MANIFEST_NAME in whole and "shard-000000.tar" in whole:
        raise CorpusError(f"{folder} holds shards that are complete; choose an empty or a new folder")
    notes = [name for name in whole if name.endswith(".json")]
    noted = {name.replace(".json", ".tar") for name in notes}
    if not all(_OURS.fullmatch(name) for name in whole) or not noted.issuperset(set(whole).difference(notes)):
        check_empty(folder, error_type=CorpusError)
    if notes and read_json(folder / notes[0])["fingerprint"] != fingerprint:
        raise CorpusError(
            f"{folder} holds shards of another manifest, or of other sizes or order; choose an empty or a new folder"
        )
    if not names:
        check_empty(folder, error_type=CorpusError)  # a file is no folder
    for name in half:
        (folder / name).unlink()


def _find_finished(path: Path) -> _Shard | None:
    """Return what an earlier call noted of a shard, if that is there."""
    note = path.with_suffix(".json")
    return _Shard(**read_json(note)) if path.is_file() and note.is_file() else None


def _write_shard(path: Path, row: int, job: _Job) -> _Shard:
    """Write a shard from a row on, and note beside it what went in; without any clip it is not written."""
    clips: list[tuple[int, str, int]] = []
    bad_files: list[dict[str, str]] = []
    try:
        with write_atomic(path) as temporary:
            with tarfile.open(temporary, "w", format=tarfile.PAX_FORMAT) as tar:
                while row < len(job.samples) and len(clips) != job.settings.max_clips:
                    sample = job.samples.read(row)
                    if isinstance(sample, BadFile):
                        bad_files.append(asdict(sample))
                    elif clips and _measure_with(sample, tar.offset) > job.settings.max_megabytes * 10**6:
                        break  # the next shard begins with it
                    else:
                        name = sample.key + sample.suffix
                        _add(tar, name, sample.audio)
                        _add(tar, f"{sample.key}.json", sample.labels)
                        clips.append((row, name, sample.duration))
                    row += 1
                    job.progress(row, len(job.samples))
            shard = _Shard(job.fingerprint, clips, bad_files, row)
            write_json(path.with_suffix(".json"), asdict(shard))  # before the shard, which counts only beside it
        if not clips:  # all that was left is bad
            path.unlink()
            path.with_suffix(".json").unlink()
    except OSError as error:
        raise CorpusError(
            f"{path} cannot be written ({error.strerror}); make room and run it again: it goes on with this shard"
        ) from None
    return shard


def _measure_with(sample: Sample, offset: int) -> int:
    """Return the bytes of an archive that ends with a sample, if its names are ASCII of at most 100 letters."""
    padded = sum(_BLOCK + -(-len(content) // _BLOCK) * _BLOCK for content in (sample.audio, sample.labels))
    return -(-(offset + padded + 2 * _BLOCK) // tarfile.RECORDSIZE) * tarfile.RECORDSIZE


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)  # of nobody, written in 1970: the same bytes at all times and places
    info.size = len(content)
    tar.addfile(info, BytesIO(content))


def _finish(
    manifest: pd.DataFrame, metadata: Mapping[str, Any], folder: Path, *, shards: Sequence[_Shard], num_kept: int
) -> ShardedCorpus:
    """Write the manifest of all shards, and remove the notes beside them."""
    written = [(number, *clip) for number, shard in enumerate(shards) for clip in shard.clips]
    bad_files = [BadFile(**bad) for shard in shards for bad in shard.bad_files]
    if not written:
        raise CorpusError(
            f"{metadata['root']}: none of the {len(manifest)} utterances can be used; the first: {bad_files[0].reason}"
        )
    sharded = manifest.iloc[[row for _, row, _, _ in written]]
    sharded.index = audformat.segmented_index(
        [f"shard-{number:06d}.tar/{member}" for number, _, member, _ in written],
        pd.to_timedelta([0] * len(written), unit="ns"),
        pd.to_timedelta([duration for *_, duration in written], unit="ns"),
    )
    write_manifest(folder / MANIFEST_NAME, sharded, {**metadata, "root": str(folder)})
    for note in folder.glob("shard-*.json"):
        note.unlink()
    num_shards = sum(bool(shard.clips) for shard in shards)
    return ShardedCorpus(sharded, num_shards, num_kept, tuple(sorted(bad_files, key=lambda bad: bad.file)))
