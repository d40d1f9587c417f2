import re
from typing import Any

import numpy as np
import pytest
import torch
from tests.audio.clips import make_voice

from paraclap.audio import SAMPLING_RATE
from paraclap.models import (
    MelSettings,
    ParaClapFeatureExtractor,
    compute_log_mel,
    normalize_log_mel,
    pad_log_mels,
)

EXTRACTOR = ParaClapFeatureExtractor()
VOICES = [make_voice(duration, SAMPLING_RATE, seed) for seed, duration in enumerate((0.5, 0.1, 1.01))]


def test_spectrograms_are_padded_with_zeros_behind_their_mask() -> None:
    short, long = np.ones((2, 3), dtype=np.float32), np.full((4, 3), 2, dtype=np.float32)

    features, mask = pad_log_mels([short, long])

    assert features[:, :, 0].tolist() == [[1, 1, 0, 0], [2, 2, 2, 2]]
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]


def test_features_are_normalised_log_mels_whatever_else_is_in_the_batch() -> None:
    batch = EXTRACTOR(VOICES, sampling_rate=SAMPLING_RATE)

    assert batch["audio_attention_mask"].sum(axis=1).tolist() == [50, 10, 101]
    for voice, features in zip(VOICES, batch["input_features"], strict=True):
        alone = normalize_log_mel(compute_log_mel(voice, MelSettings()), MelSettings())
        np.testing.assert_array_equal(features[: len(alone)], alone)
        assert not features[len(alone) :].any()


def test_one_waveform_is_a_batch_of_one() -> None:
    expected = EXTRACTOR([VOICES[0]])["input_features"]

    ways: list[Any] = [VOICES[0], VOICES[0][None], VOICES[0].tolist(), torch.from_numpy(VOICES[0])]
    for one in ways:
        np.testing.assert_allclose(EXTRACTOR(one)["input_features"], expected, atol=1e-5)


def test_tensors_come_out_if_they_are_asked_for() -> None:
    batch = EXTRACTOR(VOICES, return_tensors="pt")

    assert batch["input_features"].shape == (3, 101, 64)
    assert batch["input_features"].dtype == torch.float32
    assert batch["audio_attention_mask"].dtype == torch.int64


@pytest.mark.parametrize(
    ("audio", "rate", "message"),
    [
        (VOICES, 8000, "audio has 8000 Hz; this model hears 16000 Hz: resample it first"),
        ([], SAMPLING_RATE, "found no audio; expected one waveform or more"),
        ([np.zeros((2, 1600))], SAMPLING_RATE, "found audio of shape (2, 1600); expected waveforms [T] of one channel"),
        ([np.zeros(1600), np.zeros(0)], SAMPLING_RATE, "found audio of shape (0,); expected waveforms [T]"),
    ],
)
def test_what_is_no_batch_of_waveforms_is_refused(audio: list[np.ndarray], rate: int, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        EXTRACTOR(audio, sampling_rate=rate)


def test_settings_survive_their_dictionary() -> None:
    extractor = ParaClapFeatureExtractor(feature_size=20, hop_size=80, max_frequency=4000.0, dynamic_range=6.0)

    again = ParaClapFeatureExtractor.from_dict(extractor.to_dict())

    assert again.mel_settings == extractor.mel_settings
    assert again.mel_settings == MelSettings(num_mels=20, hop_size=80, max_frequency=4000.0, dynamic_range=6.0)
    assert ParaClapFeatureExtractor().mel_settings == MelSettings()
