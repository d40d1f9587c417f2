from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from tests.audio.clips import AAC_MP4, make_voice, write_ffmpeg
from tests.inference.loudness import LOUD, QUERIES, QUIET, Loudness, make_turns, write_turns
from tests.inference.test_speech_activity import needs_extra

from paraclap.audio import SAMPLING_RATE, read_audio
from paraclap.errors import AudioError, ConfigError, ModelError, QueryError
from paraclap.inference import (
    OWN_SPEECH,
    Clip,
    HearingLimits,
    Questions,
    Timeline,
    TimelineScanner,
    TimelineSettings,
    timeline_scan,
)

ALL = TimelineSettings(speech=None)


@pytest.fixture
def model() -> Loudness:
    return Loudness(name="loudness")


def scan(model: Loudness, source: Path, settings: TimelineSettings = ALL, **clip: float) -> Timeline:
    scanner = TimelineScanner(model, Questions.ask(model, QUERIES), settings=settings)
    return scanner.scan(Clip(source, start=clip.get("start", 0.0), end=clip.get("end")))


@pytest.mark.parametrize("settings", [ALL, TimelineSettings(window=1.0, hop=0.25, speech=None)])
def test_changes_are_placed_within_half_a_window(model: Loudness, tmp_path: Path, settings: TimelineSettings) -> None:
    durations = [7.3, 6.0, 9.6, 8.0]

    table = model.timeline(write_turns(tmp_path / "a.wav", durations), QUERIES, settings=settings)

    assert table["class"].tolist() == ["loud", "quiet", "loud", "quiet"]
    starts, ends = (np.array([row[place] for row in seconds(table)]) for place in (1, 2))
    assert np.abs(ends - np.cumsum(durations)).max() <= settings.window / 2
    assert ends[-1] == pytest.approx(sum(durations))
    assert starts.tolist() == pytest.approx([0, *ends[:-1]])


def test_each_step_is_what_classify_says_of_the_window_around_it(model: Loudness, tmp_path: Path) -> None:
    file = write_turns(tmp_path / "a.wav", [3.1, 2.2, 1.4])

    curves = scan(model, file).curves()

    steps = seconds(curves)
    # 0.7 s are more than half a hop: a step of its own.
    assert [(start, end) for _, start, end in steps] == [*((n, n + 1.0) for n in range(6)), (6.0, 6.7)]
    for (_, start, end), row in zip(steps, curves.to_numpy(), strict=True):
        middle = (start + end) / 2
        window = read_audio(file, start=max(0.0, middle - 2), end=min(6.7, middle + 2))
        expected = model.classify(window, QUERIES, sampling_rate=SAMPLING_RATE)
        assert row == pytest.approx(expected.to_numpy()[0], abs=1e-6)


def test_mini_hears_what_classify_hears(tmp_path: Path) -> None:
    from paraclap import ParaClap

    clap = ParaClap.from_pretrained()
    file = tmp_path / "a.wav"
    soundfile.write(file, make_voice(5.0, SAMPLING_RATE), SAMPLING_RATE)
    scanner = TimelineScanner(clap, Questions.ask(clap, task="emotion"), settings=ALL, reference=OWN_SPEECH)

    found = scanner.scan(Clip(file))

    waveform = read_audio(file)
    reference = clap.measure_reference(
        [waveform[: round(2.5 * SAMPLING_RATE)], waveform[round(2.5 * SAMPLING_RATE) :]],
        sampling_rate=SAMPLING_RATE,
        is_one_speaker=False,
    )
    expected = clap.classify(
        waveform[SAMPLING_RATE // 2 : round(4.5 * SAMPLING_RATE)],
        task="emotion",
        sampling_rate=SAMPLING_RATE,
        reference=reference,
    )
    assert found.columns == tuple(expected.columns)
    assert found.curves().iloc[2].to_numpy() == pytest.approx(expected.to_numpy()[0], abs=1e-4)


def test_a_segment_has_the_mean_probability_of_its_class_before_smoothing(model: Loudness, tmp_path: Path) -> None:
    found = scan(model, write_turns(tmp_path / "a.wav", [6.0, 6.0]))

    for segment in found.segments:
        steps = [start >= segment.start and end <= segment.end for _, start, end in seconds(found.curves())]
        assert segment.probability == pytest.approx(found.curves()[segment.name][steps].mean(), abs=1e-6)
        assert segment.probability > 0.6


def seconds(table: pd.DataFrame) -> list[tuple[str, float, float]]:
    """Return file, start and end of each row."""
    rows = table.index.to_frame()
    times = (rows[name].dt.total_seconds().tolist() for name in ("start", "end"))
    return list(zip(rows["file"].tolist(), *times, strict=True))


@pytest.mark.parametrize("block", [1.0, 3.7])
def test_how_much_is_read_at_once_changes_nothing(
    model: Loudness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: float
) -> None:
    file = write_turns(tmp_path / "a.wav", [7.3, 6.0, 9.6])
    whole = scan(model, file)
    monkeypatch.setattr(timeline_scan, "_BLOCK", block)
    monkeypatch.setattr(timeline_scan, "_MAX_HEARD", 8.0)

    found = scan(model, file)

    assert np.abs(found.probability - whole.probability).max() < 1e-6
    assert (found.path == whole.path).all()
    assert len(found.peaks) == pytest.approx(229, abs=22.9)  # a block may end within a tenth of a second
    assert found.peaks.max() == pytest.approx(LOUD, abs=1e-3)


def test_peaks_are_the_largest_samples_of_tenths_of_a_second(model: Loudness, tmp_path: Path) -> None:
    file = write_turns(tmp_path / "a.wav", [1.0, 1.05])
    samples = np.abs(read_audio(file))

    expected = [samples[begin : begin + 1600].max() for begin in range(0, len(samples), 1600)]

    assert scan(model, file).peaks.tolist() == pytest.approx(expected)


@pytest.mark.parametrize("duration", [0.1, 0.13, 0.6, 1.4, 1.6, 4.04])
@pytest.mark.parametrize(("window", "hop"), [(4.0, 1.0), (0.1, 0.1), (0.3, 0.1)])
def test_short_recordings_are_covered_from_begin_to_end(
    model: Loudness, tmp_path: Path, duration: float, window: float, hop: float
) -> None:
    settings = TimelineSettings(window=window, hop=hop, speech=None)

    found = scan(model, write_turns(tmp_path / "a.wav", [duration]), settings)

    steps = np.diff(found.edges)
    assert len(found.segments) == 1
    assert [found.segments[0].start, found.segments[0].end] == pytest.approx([0.0, duration])
    assert len(steps) == 1 or (steps[:-1] == pytest.approx(hop) and hop / 2 <= steps[-1] + 1e-9 <= 1.5 * hop + 2e-9)


def test_a_stretch_of_a_file_has_the_times_of_the_file(model: Loudness, tmp_path: Path) -> None:
    file = write_turns(tmp_path / "a.wav", [6.0, 6.0, 6.0])
    index = pd.MultiIndex.from_arrays(
        [[str(file)], pd.to_timedelta([5.0], unit="s"), pd.to_timedelta([13.0], unit="s")],
        names=["file", "start", "end"],
    )

    table = model.timeline(index, QUERIES, settings=TimelineSettings(window=1.0, hop=0.5, speech=None))

    assert seconds(table) == [
        (str(file), 5.0, pytest.approx(6.0, abs=0.5)),
        (str(file), pytest.approx(6.0, abs=0.5), pytest.approx(12.0, abs=0.5)),
        (str(file), pytest.approx(12.0, abs=0.5), 13.0),
    ]


def test_arrays_are_told_apart_by_their_number(model: Loudness) -> None:
    arrays = [make_turns([6.0]), make_turns([6.0, 6.0])]

    table = model.timeline(arrays, QUERIES, settings=ALL, sampling_rate=SAMPLING_RATE)

    assert table.index.names == ["clip", "start", "end"]
    assert table.index.get_level_values("clip").tolist() == [0, 1, 1]
    assert table["class"].tolist() == ["loud", "loud", "quiet"]


def test_with_its_own_speech_as_reference_a_recording_is_judged_by_what_is_usual_in_it(
    model: Loudness, tmp_path: Path
) -> None:
    file = write_turns(tmp_path / "a.wav", [8.0, 8.0], peaks=(QUIET, QUIET / 10))

    plain = model.timeline(file, QUERIES, settings=ALL)
    own = model.timeline(file, QUERIES, settings=ALL, reference=OWN_SPEECH)
    other = model.timeline(file, QUERIES, settings=ALL, reference=write_turns(tmp_path / "b.wav", [4.0]))

    assert plain["class"].tolist() == other["class"].tolist() == ["quiet"]
    assert own["class"].tolist() == ["loud", "quiet"]


@needs_extra
@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "m4a"])
def test_what_is_no_speech_is_in_no_segment(model: Loudness, tmp_path: Path, suffix: str) -> None:
    clip = read_audio(Path(__file__).parents[2] / "examples" / "woman-high.wav")
    pause = np.zeros(3 * SAMPLING_RATE, dtype=np.float32)
    samples, file = np.concatenate([pause, clip, pause, clip / 10, pause]), tmp_path / f"a.{suffix}"
    if suffix == "m4a":
        write_ffmpeg(file, samples, SAMPLING_RATE, AAC_MP4)
    else:
        soundfile.write(file, samples, SAMPLING_RATE)
    length = len(clip) / SAMPLING_RATE

    found = scan(model, file, TimelineSettings(window=1.0, hop=0.5))

    starts = [3.0, 6.0 + length]
    for start, segment in zip(starts, [found.segments[0], found.segments[-1]], strict=True):
        assert start - 0.2 < segment.start < start + 0.4
        assert segment.end < start + length + 0.4
    assert np.isnan(found.curves().iloc[0]).all()
    assert (found.path[:5] == -1).all()
    assert sum(part.end - part.start for part in found.segments) < 2 * length + 0.8


@needs_extra
def test_a_model_with_another_sampling_rate_finds_the_same_speech(tmp_path: Path) -> None:
    class AtFortyEight(Loudness):
        sampling_rate = 48_000

    file = Path(__file__).parents[2] / "examples" / "man-fast.wav"
    settings = TimelineSettings()
    model, other = Loudness(), AtFortyEight()

    expected = scan(model, file, settings).speech
    scanner = TimelineScanner(other, Questions.ask(other, QUERIES), settings=settings)
    found = scanner.scan(Clip(file, sampling_rate=48_000)).speech

    assert np.array(found) == pytest.approx(np.array(expected), abs=0.05)


@pytest.mark.parametrize("settings", [ALL, pytest.param(TimelineSettings(), marks=needs_extra)])
def test_a_silent_recording_has_an_empty_timeline_and_a_reason(
    model: Loudness, tmp_path: Path, settings: TimelineSettings
) -> None:
    file = write_turns(tmp_path / "a.wav", [5.0], peaks=(0.0,))

    found = scan(model, file, settings)

    assert found.segments == ()
    assert found.explain_empty() == f"{file}: nothing is heard in 5.0 s; its timeline is empty"
    table = model.timeline([file, write_turns(tmp_path / "b.wav", [5.0])], QUERIES, settings=ALL)
    assert seconds(table) == [(str(tmp_path / "b.wav"), 0.0, 5.0)]
    alone = model.timeline(file, QUERIES, settings=settings)
    assert (len(alone), list(alone.index.names), list(alone)) == (0, ["file", "start", "end"], ["class", "probability"])


@needs_extra
def test_a_recording_without_speech_has_an_empty_timeline_and_a_reason(model: Loudness, tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    soundfile.write(file, np.random.default_rng(0).normal(0, 0.01, 5 * SAMPLING_RATE), SAMPLING_RATE)

    assert scan(model, file, TimelineSettings()).explain_empty() == (
        f"{file}: no speech was found in 5.0 s; its timeline is empty"
    )


def test_a_truncated_recording_is_refused_before_it_is_heard(model: Loudness, tmp_path: Path) -> None:
    file = write_turns(tmp_path / "a.wav", [10.0])
    file.write_bytes(file.read_bytes()[:300_000])
    told: list[float] = []
    scanner = TimelineScanner(model, Questions.ask(model, QUERIES), settings=ALL)

    with pytest.raises(AudioError, match=r"a\.wav: the file is truncated, 4\.\d+ s of 10\.000 s are there"):
        scanner.scan(Clip(file), advance=told.append)
    assert told == []


def test_progress_is_twice_the_duration(model: Loudness, tmp_path: Path) -> None:
    told: list[float] = []
    file = write_turns(tmp_path / "a.wav", [130.0])
    scanner = TimelineScanner(model, Questions.ask(model, QUERIES), settings=ALL)

    scanner.scan(Clip(file), advance=told.append)

    assert sum(told) == pytest.approx(260.0)
    assert len(told) >= 4
    assert min(told) >= 0


def test_a_recording_below_a_tenth_of_a_second_is_refused(model: Loudness, tmp_path: Path) -> None:
    with pytest.raises(AudioError, match=r"0\.050 s of audio; expected at least 0\.1 s"):
        scan(model, write_turns(tmp_path / "a.wav", [0.05]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"window": 0.05}, r"window is 0\.05 s; expected 0\.1 to 30\.0 s"),
        ({"window": 31.0}, r"window is 31\.0 s; expected 0\.1 to 30\.0 s"),
        ({"hop": 5.0}, r"hop is 5\.0 s; expected 0\.01 s to the length of a window, 4\.0 s"),
        ({"hop": 0.0}, r"hop is 0\.0 s; expected 0\.01 s"),
        ({"window": float("nan")}, r"window is nan s"),
        ({"smoothing": -1.0}, r"smoothing is -1\.0; expected 0 \(none\) or more"),
        ({"smoothing": float("inf")}, r"smoothing is inf"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TimelineSettings(**settings, speech=None)


def test_what_cannot_be_asked_is_refused(model: Loudness, tmp_path: Path) -> None:
    class Plain(Loudness):
        takes_references = False
        limits = HearingLimits(max_duration=2.0)

    file, plain = write_turns(tmp_path / "a.wav", [3.0]), Plain(name="plain")
    with pytest.raises(QueryError, match="one query alone has no probability; ask at least two"):
        model.timeline(file, ["loud"], settings=ALL)
    with pytest.raises(QueryError, match="found neither queries nor a task"):
        model.timeline(file, settings=ALL)
    with pytest.raises(ModelError, match="plain takes no reference recordings"):
        plain.timeline(file, QUERIES, settings=TimelineSettings(window=1.0, speech=None), reference=OWN_SPEECH)
    with pytest.raises(ConfigError, match=r"window is 4\.0 s; plain hears at most 2 s at once"):
        plain.timeline(file, QUERIES, settings=ALL)
    with pytest.raises(AudioError, match=r"nowhere\.wav: no such file"):
        model.timeline(tmp_path / "nowhere.wav", QUERIES, settings=ALL)
