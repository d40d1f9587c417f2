"""Reference recordings of a speaker or channel: the statistics by which a model normalises what it hears."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from paraclap.audio import Waveform
from paraclap.errors import AudioError, ModelError
from paraclap.inference.clips import AudioInput, Clip, plan_windows

Summaries = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Reference:
    """Hold what is known of other recordings of a speaker or channel, without labels.

    Args:
        count: how many clips were heard.
        mean: of the statistics of those clips, `[S]`.
        variance: over the clips, `[S]`; zeros of a single one.
        is_one_speaker: whether one person speaks in all of them, and in what is heard relative to them; otherwise they
            tell the channel, and who speaks is heard from each clip alone.
    """

    count: int
    mean: Summaries
    variance: Summaries
    is_one_speaker: bool = True

    @classmethod
    def of(cls, summaries: Summaries, *, is_one_speaker: bool = True) -> "Reference":
        """Make a reference of the statistics of clips `[N, S]`."""
        values = summaries.astype(np.float64)
        mean, variance = values.mean(axis=0).astype(np.float32), values.var(axis=0).astype(np.float32)
        return cls(len(values), mean, variance, is_one_speaker)

    @cached_property
    def fingerprint(self) -> str:
        """What identifies the reference."""
        # Not by paraclap.storage, which needs pandas: the ONNX runtime does without.
        counted = f"{self.count} {self.is_one_speaker}".encode()
        return hashlib.sha256(counted + self.mean.tobytes() + self.variance.tobytes()).hexdigest()

    def as_row(self) -> Summaries:
        """Return mean, variance and count in one row `[2 S + 1]`, as the audio tower takes them."""
        return np.concatenate([self.mean, self.variance, np.array([self.count], dtype=np.float32)])


ReferenceInput: TypeAlias = "Reference | AudioInput | None"


def summarize_clips(
    clips: Iterable[Clip],
    summarize: Callable[[Sequence[Waveform]], Summaries],
    *,
    batch_size: int,
    max_duration: float | None,
) -> Summaries:
    """Return the statistics of the windows of clips, `[N, S]`; what cannot be read is left out.

    Args:
        clips: that are heard.
        summarize: from waveforms to their statistics, `[B, S]`.
        batch_size: clips whose windows are heard together at least.
        max_duration: s that the model hears at once, if that is limited.

    Raises:
        AudioError: if nothing of it can be read.
    """
    summaries: list[Summaries] = []
    reasons: list[str] = []
    waveforms: list[Waveform] = []
    for clip in clips:
        try:
            waveforms += [window.read() for window in plan_windows(clip.measure(), max_duration=max_duration)]
        except AudioError as error:
            reasons.append(str(error))
        if len(waveforms) >= batch_size:
            summaries.append(summarize(waveforms))
            waveforms = []
    if waveforms:
        summaries.append(summarize(waveforms))
    if not summaries:
        raise AudioError(f"no reference can be read ({reasons[0]}); expected one recording or more")
    return np.concatenate(summaries)


def refuse_references(name: str) -> ModelError:
    """Make the error for a model that is given a reference and takes none."""
    return ModelError(
        f"{name} takes no reference recordings; leave the reference out, or use a model that is made for "
        "them, such as paraclap-mini"
    )
