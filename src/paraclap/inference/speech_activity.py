"""Where somebody speaks in a recording: Silero's voice activity detector, and regions made of what it says."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from paraclap.audio import SAMPLING_RATE, Waveform
from paraclap.errors import ConfigError, ModelError

Region = tuple[float, float]  # start and end, s

_FRAME = 512  # samples, 32 ms: what the detector judges at once
_CONTEXT = 64  # samples of the frame before that it hears again
_MEMORY = (1, 1, 128)  # what it remembers of all frames before, twice
_FRAMES_AT_ONCE = 512  # bounds the memory of a long block
_LOWER = 0.15  # below the threshold: where speech that has begun ends
_MODEL = Path("data") / "silero_vad_16k_sequence.onnx"  # in the package silero-vad, from 6.2.3 on


@dataclass(frozen=True)
class SpeechSettings:
    """Say what counts as speech.

    Args:
        threshold: probability from which on a frame begins a region; it ends 0.15 below.
        min_speech: s; what is shorter is no speech.
        min_pause: s; what is shorter belongs to the speech around it.
        padding: s that are added before and after a region.

    Raises:
        ConfigError: if the threshold is not above 0.15 and below 1, or a duration is negative or not finite.
    """

    threshold: float = 0.5
    min_speech: float = 0.25
    min_pause: float = 0.3
    padding: float = 0.1

    def __post_init__(self) -> None:
        if not _LOWER < self.threshold < 1:
            raise ConfigError(f"the speech threshold is {self.threshold}; expected one above {_LOWER} and below 1")
        for field in fields(self)[1:]:
            value = getattr(self, field.name)
            if not 0 <= value < np.inf:
                raise ConfigError(f"{field.name} is {value} s; expected 0 or more")


class SpeechDetector:
    """Tell for each 32 ms of a recording how probable speech is.

    The model comes with the package silero-vad, and is run by onnxruntime: so torch is not asked for, and nothing of
    that package is imported, which would change how many cores torch takes.

    Raises:
        ModelError: if silero-vad or onnxruntime is not installed.
    """

    def __init__(self) -> None:
        spec = find_spec("silero_vad")
        places = [Path(place) / _MODEL for place in (spec.submodule_search_locations or ())] if spec else []
        file = next((place for place in places if place.is_file()), None)
        if file is None or find_spec("onnxruntime") is None:
            missing = "onnxruntime" if file is not None else "silero-vad (6.2.3 or later)"
            raise ModelError(
                f"{missing} is not installed, which finds speech; install it with: pip install 'paraclap[vad]', "
                "or hear all of the recording (--no-vad; in Python speech=None)"
            )
        onnxruntime: Any = import_module("onnxruntime")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1  # its steps are too small to share
        self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def measure(self, blocks: Iterable[Waveform]) -> npt.NDArray[np.float32]:
        """Return the probability of speech of each frame of 32 ms, `[F]`; of the last one, what is there.

        Args:
            blocks: the recording at 16 kHz in pieces `[T]` of any lengths; where it is cut changes nothing.
        """
        memory = {"h": np.zeros(_MEMORY, dtype=np.float32), "c": np.zeros(_MEMORY, dtype=np.float32)}
        heard = np.zeros(_CONTEXT, dtype=np.float32)  # the context of the next frame, and what is too short for one
        found: list[npt.NDArray[np.float32]] = []

        def judge(samples: Waveform) -> None:
            """Judge the frames that are whole, and keep what is left for the next block."""
            nonlocal heard
            heard = np.concatenate([heard, samples])
            if len(heard) < _CONTEXT + _FRAME:
                return
            frames = np.lib.stride_tricks.sliding_window_view(heard, _CONTEXT + _FRAME)[::_FRAME]
            for begin in range(0, len(frames), _FRAMES_AT_ONCE):
                inputs = {"input": np.ascontiguousarray(frames[begin : begin + _FRAMES_AT_ONCE]), **memory}
                names = ["speech_probs", "hn", "cn"]
                probabilities, memory["h"], memory["c"] = self._session.run(names, inputs)
                found.append(np.asarray(probabilities, dtype=np.float32).reshape(-1))
            heard = heard[len(frames) * _FRAME :].copy()

        for block in blocks:
            judge(block)
        rest = len(heard) - _CONTEXT
        if rest:
            judge(np.zeros(_FRAME - rest, dtype=np.float32))
        return np.concatenate(found) if found else np.zeros(0, dtype=np.float32)


def find_speech(
    probabilities: npt.NDArray[np.float32], settings: SpeechSettings, *, duration: float
) -> tuple[Region, ...]:
    """Return the regions of speech, in order and apart from each other.

    Args:
        probabilities: of speech in each frame of 32 ms, `[F]`.
        settings: what counts as speech.
        duration: of the recording in s, beyond which no region goes.
    """
    seconds = _FRAME / SAMPLING_RATE
    regions = [(begin * seconds, stop * seconds) for begin, stop in _find_runs(_is_speech(probabilities, settings))]
    spoken = [region for region in _join(regions, settings.min_pause) if region[1] - region[0] >= settings.min_speech]
    padded = [(max(0.0, a - settings.padding), min(duration, b + settings.padding)) for a, b in spoken]
    return tuple(region for region in _join(padded, 0.0) if region[0] < region[1])


def _is_speech(probabilities: npt.NDArray[np.float32], settings: SpeechSettings) -> npt.NDArray[np.bool_]:
    """Tell which frames are speech, `[F]`: from one at the threshold to one that is clearly below it."""
    begins = probabilities >= settings.threshold
    ends = probabilities < settings.threshold - _LOWER
    places = np.arange(len(probabilities))
    last_begin = np.maximum.accumulate(np.where(begins, places, -1)) if len(places) else places
    last_end = np.maximum.accumulate(np.where(ends, places, -1)) if len(places) else places
    return np.asarray(last_begin > last_end)


def _find_runs(is_in: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return begin and stop of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_in, [False]]).astype(np.int8)))
    return [(int(begin), int(stop)) for begin, stop in edges.reshape(-1, 2)]


def _join(regions: list[Region], min_pause: float) -> list[Region]:
    """Join regions that touch, or that have less than `min_pause` s between them."""
    joined: list[Region] = []
    for start, end in regions:
        if joined and (start <= joined[-1][1] or start - joined[-1][1] < min_pause - 1e-9):
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
