"""Hearing a recording from begin to end, block by block, so that its length costs no memory."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from enum import Enum

import numpy as np
import numpy.typing as npt

from paraclap.audio import MIN_DURATION, SAMPLING_RATE, Waveform, convert_audio
from paraclap.errors import AudioError, ConfigError
from paraclap.inference.audio_text_model import AudioTextModel
from paraclap.inference.clips import Clip
from paraclap.inference.questions import Questions
from paraclap.inference.references import Reference, refuse_references
from paraclap.inference.scores import compute_probabilities
from paraclap.inference.speech_activity import Region, SpeechDetector, find_speech
from paraclap.inference.timeline import SILENCE, Timeline, TimelineSettings, find_spoken_steps, join_path

_BLOCK = 60.0  # s that are read at once
_REST = 1.0  # s; a shorter end is read with the block before it
_MAX_HEARD = 1200.0  # s of overlapping windows that are in memory at once
_MAX_REFERENCE = 256  # windows of a recording's own speech that are its reference: more do not tell more
_PEAK_RATE = 10  # a second
_Window = tuple[int, int]  # first and last sample

Advance = Callable[[float], None]  # told how many more seconds are heard


class OwnSpeech(Enum):
    """Stand for a reference that is the speech of each recording itself."""

    OWN_SPEECH = "own speech"


OWN_SPEECH = OwnSpeech.OWN_SPEECH


class TimelineScanner:
    """Make timelines of recordings.

    Args:
        model: that hears them.
        questions: that it is asked.
        settings: of windows, smoothing and speech.
        reference: other recordings of the speaker or channel, or `OWN_SPEECH`: up to 256 windows of each recording that
            do not overlap and are spread over its speech; as several persons may speak in it, they tell the channel.

    Raises:
        ModelError: if there is a reference and the model takes none, or speech is to be found and the extra for it is
            not installed.
        ConfigError: if a window is longer than the model hears at once.
    """

    def __init__(
        self,
        model: AudioTextModel,
        questions: Questions,
        *,
        settings: TimelineSettings,
        reference: Reference | OwnSpeech | None = None,
    ) -> None:
        if reference is not None and not model.takes_references:
            raise refuse_references(model.name)
        longest = model.limits.max_duration
        if longest is not None and settings.window > longest:
            raise ConfigError(f"window is {settings.window} s; {model.name} hears at most {longest:g} s at once")
        self.model = model
        self.questions = questions
        self.settings = settings
        self.reference = reference
        self._detector = None if settings.speech is None else SpeechDetector()

    def scan(self, recording: Clip, *, advance: Advance | None = None) -> Timeline:
        """Hear a recording twice: where somebody speaks, and then how.

        Args:
            recording: a file, a stretch of one, or an array, at the model's sampling rate.
            advance: told now and then how many more seconds are done; in the end, twice the duration.

        Raises:
            AudioError: if it cannot be read to its end, or is shorter than 0.1 s.
        """
        tell = advance or _ignore
        clip = _check_end(recording.measure())
        duration = (clip.end or 0.0) - clip.start
        peaks, speech = self._find_speech(clip, duration, tell)
        num_steps = max(1, int(duration / self.settings.hop + 0.5))  # the last step is longer or shorter by half a hop
        edges = clip.start + self.settings.hop * np.arange(num_steps + 1, dtype=np.float64)
        edges[-1] = clip.start + duration
        is_spoken = find_spoken_steps(edges, speech)
        windows = _place_windows(clip, edges, self.settings.window)
        spoken = np.flatnonzero(is_spoken)
        probability = np.full((num_steps, len(self.questions.columns)), np.nan, dtype=np.float32)
        reference = self._measure_own(clip, [windows[step] for step in spoken]) if len(spoken) else None
        told = clip.start
        for group, waveforms in _read_groups(clip, windows, spoken):
            encoded = self.model.encode(waveforms, sampling_rate=clip.sampling_rate, reference=reference)
            similarity = encoded.embeddings @ self.questions.text_embeds.T
            probability[group] = compute_probabilities(similarity, self.model.probability_scale)
            tell(float(edges[group[-1] + 1]) - told)
            told = float(edges[group[-1] + 1])
        tell(clip.start + duration - told)
        path = join_path(probability, is_spoken, self.settings)
        return Timeline(clip, self.questions.columns, edges, probability, path, speech, peaks)

    def _find_speech(
        self, clip: Clip, duration: float, tell: Advance
    ) -> tuple[npt.NDArray[np.float32], tuple[Region, ...]]:
        """Return the peaks of a recording and its regions of speech; all of it is one where nobody looks for speech."""
        peaks: list[npt.NDArray[np.float32]] = []

        def hear_blocks() -> Iterator[Waveform]:
            for block in _read_ahead(_cut_blocks(clip)):
                places = np.arange(0, len(block), clip.sampling_rate // _PEAK_RATE)
                peaks.append(np.maximum.reduceat(np.abs(block), places))
                tell(len(block) / clip.sampling_rate)
                yield _at_detector_rate(block, clip.sampling_rate)

        if self._detector is None or self.settings.speech is None:
            for _ in hear_blocks():
                pass
            regions: tuple[Region, ...] = ((0.0, duration),)
        else:
            regions = find_speech(self._detector.measure(hear_blocks()), self.settings.speech, duration=duration)
        found = np.concatenate(peaks)
        is_silent = found.max() < SILENCE
        return found, () if is_silent else tuple((start + clip.start, end + clip.start) for start, end in regions)

    def _measure_own(self, clip: Clip, windows: Sequence[_Window]) -> Reference | None:
        """Return the reference; one of the recording's own speech is measured in windows apart from each other."""
        if not isinstance(self.reference, OwnSpeech):
            return self.reference
        apart = [windows[0]]
        for window in windows[1:]:
            if window[0] >= apart[-1][1]:
                apart.append(window)
        most = max(1, min(_MAX_REFERENCE, int(_MAX_HEARD / self.settings.window)))
        chosen = np.unique(np.linspace(0, len(apart) - 1, num=min(most, len(apart))).round().astype(int))
        waveforms = [_cut(clip, *apart[place]).read() for place in chosen]
        return self.model.measure_reference(waveforms, sampling_rate=clip.sampling_rate, is_one_speaker=False)


def _ignore(_: float) -> None:
    """Tell nobody."""


def _check_end(clip: Clip) -> Clip:
    """Return the clip if its end is there: what is truncated is found now, and not after an hour.

    Raises:
        AudioError: if it is not, or the clip is shorter than 0.1 s.
    """
    duration = (clip.end or 0.0) - clip.start
    if duration < MIN_DURATION:
        raise AudioError(f"{clip.name}: {duration:.3f} s of audio; expected at least {MIN_DURATION} s")
    replace(clip, start=max(clip.start, (clip.end or 0.0) - _REST)).read()
    return clip


def _cut_blocks(clip: Clip) -> Iterator[Clip]:
    start, end = clip.start, clip.end or 0.0
    while start < end:
        stop = start + _BLOCK if end - start >= _BLOCK + _REST else end
        yield replace(clip, start=start, end=stop)
        start = stop


def _read_ahead(clips: Iterable[Clip]) -> Iterator[Waveform]:
    """Yield the samples of clips, the next of which is read while one is worked on."""
    with ThreadPoolExecutor(1) as reader:
        pending = None
        for clip in clips:
            following = reader.submit(clip.read)
            if pending is not None:
                yield pending.result()
            pending = following
        if pending is not None:
            yield pending.result()


def _at_detector_rate(block: Waveform, sampling_rate: int) -> Waveform:
    if sampling_rate == SAMPLING_RATE:
        return block
    return convert_audio(block, sampling_rate=sampling_rate)


def _place_windows(clip: Clip, edges: npt.NDArray[np.float64], length: float) -> list[_Window]:
    """Return the window around the middle of each step, as far as the recording goes, but no shorter than 0.1 s."""
    rate, least = clip.sampling_rate, int(np.ceil(MIN_DURATION * clip.sampling_rate))
    begin, end = round(clip.start * rate), round((clip.end or 0.0) * rate)
    placed = []
    for middle in (edges[:-1] + edges[1:]) / 2:
        first, last = max(begin, round((middle - length / 2) * rate)), min(end, round((middle + length / 2) * rate))
        first = max(begin, min(first, last - least))
        placed.append((first, max(last, min(end, first + least))))
    return placed


def _group(windows: Sequence[_Window], spoken: npt.NDArray[np.int64], rate: int) -> Iterator[npt.NDArray[np.int64]]:
    """Cut steps with speech into groups whose windows are read at once: near each other, and not too many."""
    begin, heard = 0, 0
    for place, step in enumerate(spoken):
        first, last = windows[step]
        is_far = last - windows[spoken[begin]][0] > _BLOCK * rate
        if place > begin and (is_far or heard + last - first > _MAX_HEARD * rate):
            yield spoken[begin:place]
            begin, heard = place, 0
        heard += last - first
    if len(spoken):
        yield spoken[begin:]


def _read_groups(
    clip: Clip, windows: Sequence[_Window], spoken: npt.NDArray[np.int64]
) -> Iterator[tuple[npt.NDArray[np.int64], list[Waveform]]]:
    """Yield groups of steps with the waveforms `[T]` of their windows."""
    groups = list(_group(windows, spoken, clip.sampling_rate))
    least = int(np.ceil(MIN_DURATION * clip.sampling_rate))
    stretches = (_cut(clip, windows[group[0]][0], windows[group[-1]][1]) for group in groups)
    for group, audio in zip(groups, _read_ahead(stretches), strict=True):
        base = windows[group[0]][0]
        # A header may promise some samples more than there are: the last window then hears those before.
        firsts = [min(windows[step][0] - base, max(0, len(audio) - least)) for step in group]
        yield group, [audio[first : windows[step][1] - base] for first, step in zip(firsts, group, strict=True)]


def _cut(clip: Clip, first: int, last: int) -> Clip:
    return replace(clip, start=first / clip.sampling_rate, end=last / clip.sampling_rate)
