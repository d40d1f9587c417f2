import math

import numpy as np
import numpy.typing as npt
import pytest
import torch
from tests.audio.clips import make_voice
from torch import Tensor

from paraclap.audio import SAMPLING_RATE, ProsodySettings, compute_prosody
from paraclap.models import NUM_FUNCTIONALS, compute_functionals, name_functionals
from paraclap.models.functionals import mel_centres

CENTRES = mel_centres(64, low=20.0, high=7600.0)
NAMES = name_functionals(64)


def make_frames(seconds: float = 1.5, seed: int = 0) -> npt.NDArray[np.float32]:
    return compute_prosody(make_voice(seconds, SAMPLING_RATE, seed), ProsodySettings())


def measure(frames: npt.NDArray[np.float32]) -> dict[str, float]:
    found = compute_functionals(torch.from_numpy(frames)[None], torch.ones(1, len(frames)), CENTRES)
    return dict(zip(NAMES, found[0].tolist(), strict=True))


def split_frames(frames: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Return the level in dB of each frame below the loud ones, and which frames are voiced, by their definitions."""
    energy = 10 * np.log10((10.0 ** frames[:, :64].astype(float)).sum(axis=1))
    level = energy - np.quantile(energy, 0.95)
    return level, (level > -35) & (frames[:, 65] > 0.55)


def test_every_functional_has_a_name_of_its_own() -> None:
    assert len(NAMES) == len(set(NAMES)) == NUM_FUNCTIONALS
    assert NAMES[-1] == "level"


def test_statistics_of_pitch_are_those_of_numpy() -> None:
    frames = make_frames()
    voiced = frames[split_frames(frames)[1], 64].astype(float)
    assert len(voiced) > 20

    found = measure(frames)

    assert found["pitch_mean"] == pytest.approx(voiced.mean(), abs=1e-3)
    assert found["pitch_deviation"] == pytest.approx(voiced.std(), abs=1e-3)
    for share in (5, 20, 50, 80, 95):
        assert found[f"pitch_q{share:02}"] == pytest.approx(np.quantile(voiced, share / 100), abs=1e-3)
    assert found["pitch_range"] == pytest.approx(np.quantile(voiced, 0.8) - np.quantile(voiced, 0.2), abs=1e-3)


def test_statistics_of_level_are_those_of_numpy() -> None:
    frames = make_frames()
    level, voiced = split_frames(frames)
    active = level > -35

    found = measure(frames)

    assert found["level_mean"] == pytest.approx(level[active].mean(), abs=1e-3)
    assert found["level_deviation"] == pytest.approx(level[active].std(), abs=1e-3)
    assert found["voiced_level_mean"] == pytest.approx(level[voiced].mean(), abs=1e-3)
    assert found["voiced_share"] == pytest.approx(voiced.sum() / active.sum(), abs=1e-6)
    assert found["active_share"] == pytest.approx(active.mean(), abs=1e-6)


def test_cepstra_are_a_cosine_transform_of_the_spectral_shape() -> None:
    fft = pytest.importorskip("scipy.fft")
    frames = make_frames()
    _, voiced = split_frames(frames)
    mels = frames[:, :64].astype(float)
    shape = np.maximum(10 * mels - 10 * np.log10((10**mels).sum(axis=1, keepdims=True)), -50)
    expected = fft.dct(shape[voiced], type=2, norm="ortho", axis=1)[:, 1:17].mean(axis=0)

    found = measure(frames)

    np.testing.assert_allclose([found[f"cepstra_mean_{n}"] for n in range(16)], expected, atol=2e-2)


def test_spectral_slope_is_that_of_a_line_through_the_bands() -> None:
    frames = make_frames()
    _, voiced = split_frames(frames)
    mels = frames[:, :64].astype(float)
    shape = np.maximum(10 * mels - 10 * np.log10((10**mels).sum(axis=1, keepdims=True)), -50)
    band = (CENTRES.numpy() >= 500) & (CENTRES.numpy() < 1500)
    slopes = [np.polyfit(CENTRES.numpy()[band] / 1000, row[band], 1)[0] for row in shape[voiced]]

    assert measure(frames)["spectrum_mean_3"] == pytest.approx(np.mean(slopes), abs=2e-2)


def test_nothing_but_the_level_depends_on_the_gain() -> None:
    frames = make_frames()
    louder = frames.copy()
    louder[:, :64] += 1.0  # 10 dB

    before, after = measure(frames), measure(louder)

    assert after.pop("level") == pytest.approx(before.pop("level") + 10, abs=1e-3)
    assert after == pytest.approx(before, abs=2e-3, nan_ok=True)


@pytest.mark.parametrize("num_padding", [1, 40, 300])
def test_padding_changes_nothing_whatever_its_content(num_padding: int) -> None:
    frames = torch.from_numpy(make_frames())[None]
    mask = torch.ones(1, frames.shape[1])
    padded = torch.cat([frames, 1e3 * torch.randn(1, num_padding, 66)], dim=1)
    mask_padded = torch.cat([mask, torch.zeros(1, num_padding)], dim=1)

    expected, found = (compute_functionals(*pair, CENTRES) for pair in ((frames, mask), (padded, mask_padded)))

    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-5, equal_nan=True)


def test_what_silence_does_not_have_is_missing_and_never_infinite() -> None:
    silence = np.full((30, 66), -10.0, dtype=np.float32)
    silence[:, 65] = 0.0

    found = measure(silence)

    assert math.isnan(found["pitch_mean"])
    assert math.isnan(found["cepstra_mean_0"])
    assert math.isfinite(found["level_mean"])
    assert not any(math.isinf(value) for value in found.values())


def test_a_single_frame_is_enough() -> None:
    found: Tensor = compute_functionals(torch.from_numpy(make_frames()[50:51])[None], torch.ones(1, 1), CENTRES)

    assert found.shape == (1, NUM_FUNCTIONALS)
    assert not found.isinf().any()
