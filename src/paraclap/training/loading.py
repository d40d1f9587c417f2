"""Batches of steps, read ahead by worker processes; what a step gets does not depend on how many there are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Generator, Tensor
from torch.utils.data import DataLoader, Dataset

from paraclap.errors import ConfigError, ParaClapError
from paraclap.training.audio_inputs import AudioInputs
from paraclap.training.batches import BatchPlan, BatchPlanner
from paraclap.training.frozen_audio import FrozenAudio
from paraclap.training.gathering import num_processes, process_rank


@dataclass(frozen=True)
class LoadedBatch:
    """Hold the plan of a whole batch, and of this process' part the audio and captions of each chunk."""

    plan: BatchPlan
    audio: tuple[dict[str, Tensor], ...]
    captions: tuple[tuple[str, ...], ...]


class BatchData(Dataset[LoadedBatch]):
    """Load the batch of any number.

    Args:
        planner: of batches.
        inputs: how clips are heard.
        frozen: what a frozen tower made of them instead; None if it is not frozen or nothing is kept.
        chunk_size: clips of this process in one chunk; all of them if None.
    """

    def __init__(
        self, planner: BatchPlanner, inputs: AudioInputs, *, frozen: FrozenAudio | None, chunk_size: int | None
    ) -> None:
        self._planner = planner
        self._inputs = inputs
        self._frozen = frozen
        self._chunk_size = chunk_size
        self._rank, self._processes = process_rank(), num_processes()

    def __getitem__(self, number: int) -> LoadedBatch:
        """Plan a batch, and hear this process' part of it."""
        plan = self._planner.plan(number)
        per_clip = len(plan.captions) // len(plan.clips)
        audio, captions = [], []
        for begin, stop in split_batch(len(plan.clips), self._processes, self._rank, self._chunk_size):
            clips = plan.clips[begin:stop]
            if self._frozen is not None:
                audio.append({"pooled": self._frozen.read(clips)})
            else:
                audio.append(self._inputs.prepare(clips))
            captions.append(plan.captions[begin * per_clip : stop * per_clip])
        return LoadedBatch(plan, tuple(audio), tuple(captions))


def split_batch(num_clips: int, processes: int, rank: int, chunk_size: int | None) -> list[tuple[int, int]]:
    """Return begin and end of the chunks of a process in a batch.

    Raises:
        ConfigError: if the clips cannot be shared evenly among the processes.
    """
    share, rest = divmod(num_clips, processes)
    if rest or not share:
        raise ConfigError(f"batch_size {num_clips} with {processes} processes; expected a multiple of their number")
    size = chunk_size or share
    begin = rank * share
    return [(start, min(start + size, begin + share)) for start in range(begin, begin + share, size)]


def load_batches(data: BatchData, numbers: Sequence[int], *, workers: int) -> Iterator[LoadedBatch]:
    """Yield the batches of some numbers in their order, read ahead by so many processes.

    Raises:
        ParaClapError: if a clip can no longer be read, or a batch cannot be planned.
    """
    if not workers:
        yield from (data[number] for number in numbers)
        return
    loader = DataLoader(
        _Answers(data),
        batch_size=None,
        sampler=numbers,
        num_workers=workers,
        collate_fn=_keep,
        generator=Generator(),  # seeds of workers: drawn from torch's own, they would move the chances of dropout
    )
    for answer in loader:
        if isinstance(answer, ParaClapError):
            raise answer
        yield answer


class _Answers(Dataset[LoadedBatch | ParaClapError]):
    """Return errors of ours, to be raised where the run is; torch would put the trace of the worker into them."""

    def __init__(self, data: BatchData) -> None:
        self._data = data

    def __getitem__(self, number: int) -> LoadedBatch | ParaClapError:
        try:
            return self._data[number]
        except ParaClapError as error:
            return error


def _keep(batch: Any) -> Any:
    return batch
