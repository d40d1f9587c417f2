from itertools import pairwise
from pathlib import Path

import audformat
import numpy as np
import pytest
import soundfile
from tests.audio.clips import make_voice
from tests.inference.voices import embed_alone, write_voice

from paraclap import ParaClap
from paraclap.audio import SAMPLING_RATE, read_audio
from paraclap.inference import Clip
from paraclap.inference.clips import plan_windows


@pytest.mark.parametrize(
    ("duration", "borders"),
    [
        (0.5, [0, 0.5]),
        (30.0, [0, 30]),
        (30.1, [0, 10, 20, 30.1]),
        (30.9, [0, 10, 20, 30.9]),
        (31.0, [0, 10, 20, 30, 31]),
        (40.0, [0, 10, 20, 30, 40]),
        (40.5, [0, 10, 20, 30, 40.5]),
        (42.0, [0, 10, 20, 30, 40, 42]),
    ],
)
@pytest.mark.parametrize("start", [0.0, 0.1, 7.3])
def test_only_clips_above_30_s_are_cut_and_a_rest_below_1_s_joins_the_last_window(
    start: float, duration: float, borders: list[float]
) -> None:
    windows = plan_windows(Clip(Path("a.wav"), start, start + duration))

    assert np.allclose([window.start for window in windows], start + np.array(borders[:-1]))
    assert np.allclose([window.end or 0 for window in windows], start + np.array(borders[1:]))
    assert windows[0].start == start
    assert windows[-1].end == start + duration
    assert all(a.end == b.start for a, b in pairwise(windows))


def test_the_windows_of_a_long_array_are_its_samples_each_once() -> None:
    samples = make_voice(40.5, SAMPLING_RATE)

    windows = plan_windows(Clip(samples).measure())

    assert len(windows) == 4
    assert np.array_equal(np.concatenate([window.read() for window in windows]), samples)


def test_the_windows_of_a_long_file_are_its_samples_each_once(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "a.wav", 31.7)

    windows = plan_windows(Clip(path).measure())

    assert len(windows) == 4
    assert np.array_equal(np.concatenate([window.read() for window in windows]), read_audio(path))


@pytest.mark.parametrize(("start", "end"), [(0.0, 42.3), (1.5, 41.75), (2.0, 32.0)])
def test_a_long_clip_is_the_mean_of_its_windows_weighted_by_duration(
    tmp_path: Path, clap: ParaClap, start: float, end: float
) -> None:
    samples = make_voice(42.3, SAMPLING_RATE)
    soundfile.write(tmp_path / "a.wav", samples, SAMPLING_RATE, subtype="FLOAT")
    clip = samples[round(start * SAMPLING_RATE) : round(end * SAMPLING_RATE)]
    window = 10 * SAMPLING_RATE
    parts = [clip] if len(clip) <= 3 * window else [clip[at : at + window] for at in range(0, len(clip), window)]
    if len(parts) > 1 and len(parts[-1]) < SAMPLING_RATE:
        parts[-2:] = [np.concatenate(parts[-2:])]
    total = sum(len(part) * embed_alone(clap, part) for part in parts)
    expected = total / np.linalg.norm(total)

    index = audformat.segmented_index([str(tmp_path / "a.wav")], [f"{start}s"], [f"{end}s"])
    assert np.abs(clap.embed_audio(index)[0] - expected).max() < 1e-5
    assert np.abs(clap.embed_audio(clip, SAMPLING_RATE)[0] - expected).max() < 1e-5


def test_a_long_file_is_never_decoded_at_once(tmp_path: Path, clap: ParaClap, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_voice(tmp_path / "a.wav", 95.0)
    sizes: list[int] = []
    read = soundfile.SoundFile.read

    def count(self: soundfile.SoundFile, frames: int = -1, **options: object) -> object:
        found = read(self, frames, **options)
        sizes.append(len(found))
        return found

    monkeypatch.setattr(soundfile.SoundFile, "read", count)
    clap.embed_audio(path)

    assert len(sizes) == 10
    assert max(sizes) <= 10 * SAMPLING_RATE
    assert sum(sizes) == 95 * SAMPLING_RATE


def test_a_long_file_with_a_broken_part_is_bad_as_a_whole(tmp_path: Path, clap: ParaClap) -> None:
    samples = make_voice(41.0, SAMPLING_RATE)
    samples[35 * SAMPLING_RATE] = np.nan
    soundfile.write(tmp_path / "bad.wav", samples, SAMPLING_RATE, subtype="FLOAT")
    good = write_voice(tmp_path / "good.wav", 1.0)

    encoded = clap.encode([tmp_path / "bad.wav", good])

    assert [clip.source for clip in encoded.clips] == [good]
    assert [bad.file for bad in encoded.bad_files] == [(tmp_path / "bad.wav").as_posix()]
    assert encoded.bad_files[0].reason.endswith(
        "samples are NaN or infinite; expected finite numbers: export the file again"
    )
