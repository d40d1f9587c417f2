import numpy as np
from tests.audio.clips import make_voice

from paraclap.audio import SAMPLING_RATE, PitchSettings, ProsodySettings, compute_log_mel, compute_prosody, track_pitch


def test_frames_hold_mels_semitones_above_100_hertz_and_strength() -> None:
    settings, voice = ProsodySettings(), make_voice(1.0, SAMPLING_RATE, 0)

    frames = compute_prosody(voice, settings)

    pitch = track_pitch(voice, PitchSettings())
    np.testing.assert_array_equal(frames[:, :64], compute_log_mel(voice, settings))
    np.testing.assert_allclose(100.0 * 2.0 ** (frames[:, 64] / 12.0), pitch[:, 0], rtol=1e-5)
    np.testing.assert_array_equal(frames[:, 65], pitch[:, 1])
    assert frames.shape[1] == settings.num_channels == 66
    assert frames.dtype == np.float32
    np.testing.assert_array_equal(settings.compute(voice), frames)


def test_the_range_of_pitch_can_be_set() -> None:
    narrow = ProsodySettings(lowest_pitch=300.0, highest_pitch=500.0)

    semitones = compute_prosody(make_voice(1.0, SAMPLING_RATE, 0), narrow)[:, 64]

    assert semitones.min() > 12 * np.log2(290 / 100)
