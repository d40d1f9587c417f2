"""Fixed windows of clips through a frozen audio tower, once: heads then train from what it pooled."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from numpy.lib.format import dtype_to_descr, write_array_header_1_0
from torch import Tensor

from paraclap.errors import ParaClapError
from paraclap.models import ParaClapModel, hash_weights
from paraclap.storage import hash_bytes, read_json, write_json
from paraclap.training.audio_inputs import AudioInputs
from paraclap.training.batches import BatchPlanner, PlannedClip
from paraclap.training.clips import ClipSet
from paraclap.training.progress import show_progress
from paraclap.training.recipe import Recipe

_CLIPS_AT_ONCE = 16
Hear = Callable[[Sequence[PlannedClip]], Tensor]  # to pooled vectors [N, H]


class FrozenAudio:
    """Give the pooled output of a frozen tower for planned windows."""

    def __init__(self, pooled: Sequence[npt.NDArray[np.float32]], rows: Sequence[npt.NDArray[np.intp]]) -> None:
        self._pooled = pooled  # of each corpus [rows, windows, H]
        self._places = [{int(row): place for place, row in enumerate(of_set)} for of_set in rows]

    def read(self, clips: Sequence[PlannedClip]) -> Tensor:
        """Return pooled windows `[N, H]`."""
        found = [self._pooled[c.clip_set][self._places[c.clip_set][c.row], c.view.window] for c in clips]
        return torch.from_numpy(np.stack(found))


def open_frozen_audio(
    recipe: Recipe, clip_sets: Sequence[ClipSet], planner: BatchPlanner, *, model: ParaClapModel, inputs: AudioInputs
) -> FrozenAudio:
    """Open the windows of all train clips; those that are not there yet are computed and kept in the recipe's cache.

    Work that was stopped goes on where it was.

    Raises:
        ParaClapError: if the cache cannot be written, such as to a full disk.
    """
    key = _describe(recipe, model, inputs)
    rows = [clips.rows("train") for clips in clip_sets]
    pooled = []
    for number, (clips, of_set) in enumerate(zip(clip_sets, rows, strict=True)):
        name = hash_bytes(f"{key} {number} {clips.name} {clips.fingerprint} {of_set.tolist()}".encode())[:16]
        file = recipe.cache / f"{clips.name}-windows-{name}.npy"
        if not file.is_file():
            plans = [
                PlannedClip(number, int(row), view) for row in of_set for view in planner.list_windows(number, int(row))
            ]
            _fill(file, plans, recipe.windows_per_clip, lambda part: hear_pooled(model, inputs, part), clips.name)
        pooled.append(np.load(file, mmap_mode="r"))
    return FrozenAudio(pooled, rows)


@torch.no_grad()
def hear_pooled(model: ParaClapModel, inputs: AudioInputs, clips: Sequence[PlannedClip]) -> Tensor:
    """Return the pooled output `[N, H]` of a frozen audio tower for planned clips, in float32."""
    model.audio_tower.eval()
    return inputs.pool(model, [inputs.hear(clip) for clip in clips]).float().cpu()


def _describe(recipe: Recipe, model: ParaClapModel, inputs: AudioInputs) -> str:
    """Return all that decides what is heard and how it is encoded; weights alone do not tell strides or layers."""
    tower = {key: value for key, value in model.state_dict().items() if key.startswith(("audio_tower.", "audio_pool"))}
    heard = recipe.model_dump(mode="json", include={"seed", "augmentation", "crop_seconds", "windows_per_clip"})
    config = {name: model.config.to_dict()[name] for name in ("audio_config", "audio_pooling", "audio_layer")}
    return f"{hash_weights(tower)} {json.dumps([heard, config], sort_keys=True)} {inputs.describe()}"


def _fill(file: Path, plans: Sequence[PlannedClip], windows: int, hear: Hear, name: str) -> None:
    """Compute windows into a file beside the cache, which takes its place when all are there."""
    partial, progress = file.with_suffix(".partial.npy"), file.with_suffix(".json")
    is_begun = partial.is_file() and progress.is_file()
    state = read_json(progress) if is_begun else {"windows": 0, "bytes": 0}
    done = int(state["windows"])
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with (
            partial.open("r+b" if is_begun else "wb") as stream,
            show_progress(f"windows of {name}", len(plans), first=done) as advance,
        ):
            stream.seek(state["bytes"])
            for begin in range(done, len(plans), _CLIPS_AT_ONCE):
                vectors = hear(plans[begin : begin + _CLIPS_AT_ONCE]).numpy()
                if not begin:
                    shape = (len(plans) // windows, windows, vectors.shape[1])
                    header = {"descr": dtype_to_descr(vectors.dtype), "fortran_order": False, "shape": shape}
                    write_array_header_1_0(stream, header)
                stream.write(vectors.tobytes())
                stream.flush()
                write_json(progress, {"windows": begin + len(vectors), "bytes": stream.tell()})
                advance(len(vectors))
        partial.replace(file)
        progress.unlink()
    except OSError as error:
        raise ParaClapError(
            f"{file} cannot be written ({error.strerror}); make room or choose another cache, then start again: "
            "what is computed is kept"
        ) from None
