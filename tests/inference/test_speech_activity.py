import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from paraclap.audio import SAMPLING_RATE, Waveform, read_audio
from paraclap.errors import ConfigError, ModelError
from paraclap.inference import SpeechSettings, speech_activity
from paraclap.inference.speech_activity import SpeechDetector, find_speech

FRAME = 512 / SAMPLING_RATE  # s
CLIPS = sorted((Path(__file__).parents[2] / "examples").glob("*.wav"))
_MISSING = [name for name in ("onnxruntime", "silero_vad") if importlib.util.find_spec(name) is None]
needs_extra = pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)} of the extra vad")


def find_slowly(values: npt.NDArray[np.float32], settings: SpeechSettings, duration: float) -> list[tuple[int, int]]:
    """Return regions in ms, found frame by frame and then millisecond by millisecond."""
    spoken, is_on = [], False
    for value in values:
        is_on = value >= settings.threshold or (is_on and value >= settings.threshold - 0.15)
        spoken.append(is_on)
    line = np.repeat(spoken, 32)

    def drop_short(line: npt.NDArray[np.bool_], kind: bool, least: float, *, inside: bool) -> npt.NDArray[np.bool_]:
        kept, begin = line.copy(), 0
        for stop in range(1, len(line) + 1):
            if stop == len(line) or line[stop] != line[begin]:
                is_inside = begin > 0 and stop < len(line)
                if line[begin] == kind and stop - begin < least * 1000 and (is_inside or not inside):
                    kept[begin:stop] = not kind
                begin = stop
        return kept

    line = drop_short(line, False, settings.min_pause, inside=True)
    line = drop_short(line, True, settings.min_speech, inside=False)
    padded = np.zeros(round(duration * 1000), dtype=bool)
    for place in np.flatnonzero(line):
        padded[max(0, place - round(settings.padding * 1000)) : place + 1 + round(settings.padding * 1000)] = True
    edges = np.flatnonzero(np.diff(np.concatenate([[False], padded, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize(
    "settings",
    [
        SpeechSettings(),
        SpeechSettings(threshold=0.7, min_speech=0.1, min_pause=0.1, padding=0.0),
        SpeechSettings(min_speech=0.0, min_pause=0.0, padding=0.05),
        SpeechSettings(min_speech=1.0, min_pause=0.5, padding=0.4),
    ],
)
def test_regions_are_those_found_slowly(seed: int, settings: SpeechSettings) -> None:
    random = np.random.default_rng(seed)
    values = np.repeat(random.random(40), random.integers(1, 12, size=40)).astype(np.float32)
    duration = len(values) * FRAME - 0.01

    found = find_speech(values, settings, duration=duration)

    assert [(round(a * 1000), round(b * 1000)) for a, b in found] == find_slowly(values, settings, duration)


def test_where_nothing_is_probable_there_is_no_region() -> None:
    assert find_speech(np.zeros(100, dtype=np.float32), SpeechSettings(), duration=3.2) == ()
    assert find_speech(np.zeros(0, dtype=np.float32), SpeechSettings(), duration=0.1) == ()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": 1.0}, "the speech threshold is 1.0; expected one above 0.15 and below 1"),
        ({"threshold": 0.1}, "the speech threshold is 0.1; expected one above"),
        ({"min_speech": -1.0}, "min_speech is -1.0 s; expected 0 or more"),
        ({"padding": float("nan")}, "padding is nan s; expected 0 or more"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SpeechSettings(**settings)


@pytest.mark.parametrize(("name", "missing"), [("silero_vad", "silero-vad"), ("onnxruntime", "onnxruntime|silero-vad")])
def test_what_is_not_installed_is_named_with_the_way_without(
    monkeypatch: pytest.MonkeyPatch, name: str, missing: str
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(speech_activity, "find_spec", lambda asked: None if asked == name else real(asked))

    with pytest.raises(ModelError, match=rf"({missing}).* is not installed.*'paraclap\[vad\]'.*--no-vad"):
        SpeechDetector()


@pytest.fixture(scope="module")
def voices() -> Waveform:
    """Return examples with silence around them."""
    pause = np.zeros(SAMPLING_RATE, dtype=np.float32)
    return np.concatenate([part for clip in CLIPS[:3] for part in (pause, read_audio(clip))])


@needs_extra
def test_the_detector_says_what_its_package_says(voices: Waveform, tmp_path: Path) -> None:
    np.save(tmp_path / "voices.npy", voices)
    code = (  # in a process of its own: importing the package changes the threads of torch
        "import numpy, sys, silero_vad; model = silero_vad.load_silero_vad(sequence=True); "
        "numpy.save(sys.argv[2], model.audio_forward(numpy.load(sys.argv[1])))"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "voices.npy", tmp_path / "said.npy"], check=True)

    found = SpeechDetector().measure([voices])

    assert np.abs(found - np.load(tmp_path / "said.npy")).max() < 1e-5


@needs_extra
def test_where_blocks_are_cut_changes_nothing(voices: Waveform) -> None:
    detector = SpeechDetector()
    whole = detector.measure([voices])

    for size in (100, 512, 777, 16_000):
        blocks = [voices[begin : begin + size] for begin in range(0, len(voices), size)]
        assert np.abs(detector.measure(blocks) - whole).max() < 1e-5
    assert len(whole) == -(-len(voices) // 512)
    assert len(detector.measure([])) == 0


@needs_extra
def test_voices_are_found_and_silence_is_not(voices: Waveform) -> None:
    regions = find_speech(SpeechDetector().measure([voices]), SpeechSettings(), duration=len(voices) / SAMPLING_RATE)

    begin = 0.0
    for clip in CLIPS[:3]:
        length = len(read_audio(clip)) / SAMPLING_RATE
        heard = sum(max(0.0, min(b, begin + 1 + length) - max(a, begin + 1)) for a, b in regions)
        silent = sum(max(0.0, min(b, begin + 0.8) - max(a, begin + 0.3)) for a, b in regions)
        assert heard > 0.6 * length
        assert silent == 0
        begin += 1 + length
