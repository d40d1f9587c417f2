"""What a probe is and was worth, and its way to a folder and back: probe.json beside probe.safetensors, no pickle."""

from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from paraclap.errors import ModelError, ParaClapError
from paraclap.evaluation.probe_head import Head, Kind
from paraclap.evaluation.results import Fingerprints, IntervalMethod, Metric, Overlap, SkippedFile
from paraclap.storage import check_empty, hash_bytes, read_json, write_folder_atomic, write_json

FORMAT_VERSION = 1
RECORD_NAME = "probe.json"
WEIGHTS_NAME = "probe.safetensors"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Validation(_Record):
    """Hold what cross-validation found: every clip predicted once by a head that has not seen its fold.

    `by` says what was held out together, `note` what that leaves open. `confusion` counts clips, true classes as rows.
    """

    protocol: Literal["plain"] = "plain"
    by: Literal["speaker", "clip"]
    folds: int
    clips: int
    clips_by_class: dict[str, int]
    speakers: int | None
    metrics: dict[str, Metric]
    recall: dict[str, float]
    confusion: tuple[tuple[int, ...], ...]
    interval: IntervalMethod
    overlap: Overlap
    note: str


class ProbeRecord(_Record):
    """Hold all of a probe but its weights, of which `weights` is the SHA-256.

    `setting` is what was chosen from `SETTINGS` for the head. `left_out` counts rows by the reason.
    """

    format_version: int = FORMAT_VERSION
    kind: Kind
    setting: float
    label: str
    classes: tuple[str, ...]
    model: str
    embedding_size: int
    corpus: str
    split: str | None
    left_out: dict[str, int]
    bad_files: tuple[SkippedFile, ...]
    validation: Validation
    fingerprints: Fingerprints
    weights: str
    versions: dict[str, str]


def hash_head(head: Head) -> str:
    """Return the SHA-256 of the file that holds a head."""
    return hash_bytes(_serialize(head))


def check_place(folder: Path) -> None:
    """Refuse, before any work, what is not the place of a probe: a new or empty folder, or an earlier probe.

    Raises:
        ModelError: if it is a file, cannot be looked into, or holds anything else.
    """
    is_probe = folder.is_dir() and {path.name for path in folder.iterdir()} == {RECORD_NAME, WEIGHTS_NAME}
    if not is_probe:
        check_empty(folder, error_type=ModelError)


def write_probe(folder: Path, record: ProbeRecord, head: Head) -> None:
    """Write a probe as a folder, atomically; an earlier one in it is replaced.

    Raises:
        ModelError: if the folder holds anything else, is a file or cannot be written.
    """
    check_place(folder)
    with write_folder_atomic(folder, error_type=ModelError, replace=True) as new:
        (new / WEIGHTS_NAME).write_bytes(_serialize(head))
        write_json(new / RECORD_NAME, record.model_dump(mode="json"))


def read_probe(folder: Path) -> tuple[ProbeRecord, Head]:
    """Read a probe as `write_probe` wrote it.

    Raises:
        ModelError: if there is none, it has another format version, or a file is damaged, missing or of another probe.
    """
    if not (folder / RECORD_NAME).is_file():
        raise ModelError(f"no probe {folder}; expected a folder that 'paraclap probe fit' wrote, with {RECORD_NAME}")
    try:
        content = read_json(folder / RECORD_NAME)
    except ParaClapError as error:
        raise ModelError(str(error)) from None
    found = content.get("format_version") if isinstance(content, dict) else None
    if isinstance(found, int) and found != FORMAT_VERSION:
        raise ModelError(f"{folder} has probe format {found}; this paraclap reads {FORMAT_VERSION}: fit it again")
    try:
        record = ProbeRecord.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "content"
        raise ModelError(
            f"{folder / RECORD_NAME} is damaged ({place}: {first['msg']}); expected what 'paraclap probe fit' wrote: "
            "copy it or fit it again"
        ) from None
    return record, _read_head(folder / WEIGHTS_NAME, record)


def _serialize(head: Head) -> bytes:
    content: bytes = save({"bias": np.ascontiguousarray(head.bias), "weights": np.ascontiguousarray(head.weights)})
    return content


def _read_head(file: Path, record: ProbeRecord) -> Head:
    damaged = f"{file} is damaged or of another probe; expected the one that {RECORD_NAME} tells of: copy both again"
    try:
        content = file.read_bytes()
        arrays = load(content)
        head = Head(arrays["weights"], arrays["bias"])
    except OSError as error:
        raise ModelError(f"{file} cannot be read ({error.strerror}); expected the weights of the probe") from None
    except (SafetensorError, KeyError):
        raise ModelError(damaged) from None
    shapes = head.weights.shape, head.bias.shape
    expected = (len(record.classes), record.embedding_size), (len(record.classes),)
    if hash_bytes(content) != record.weights or shapes != expected:
        raise ModelError(damaged)
    return head
