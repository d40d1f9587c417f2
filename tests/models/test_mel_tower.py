import math

import numpy as np
import pytest
import torch
from tests.audio.clips import make_voice
from torch import Tensor, nn
from transformers import AutoModel

from paraclap.audio import SAMPLING_RATE
from paraclap.models import MelTower, MelTowerConfig, ParaClapFeatureExtractor

EXTRACTOR = ParaClapFeatureExtractor()
NUM_SAMPLES = (1600, 1601, 3333, 16_000, 24_123, 40_000)


def make_tower(depth: int = 1, channels: tuple[int, ...] = (16, 32), hidden_size: int = 16) -> MelTower:
    torch.manual_seed(0)
    tower = MelTower(MelTowerConfig(channels=list(channels), depth=depth, hidden_size=hidden_size))
    with torch.no_grad():
        for parameter in tower.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    tower.eval()
    return tower


def make_inputs(*num_samples: int) -> tuple[Tensor, Tensor]:
    voices = [make_voice(n / SAMPLING_RATE, SAMPLING_RATE, seed) for seed, n in enumerate(num_samples)]
    batch = EXTRACTOR(voices, return_tensors="pt")
    return batch["input_features"], batch["audio_attention_mask"]


@pytest.mark.parametrize(
    "tower",
    [make_tower(), make_tower(depth=2, channels=(8, 8, 12)), make_tower(channels=(32, 64, 128, 256), hidden_size=512)],
    ids=["tiny", "deep", "as large as mini"],
)
@torch.no_grad()
def test_a_batch_of_many_gives_what_batches_of_one_give(tower: MelTower) -> None:
    features, mask = make_inputs(*NUM_SAMPLES)

    together = tower(features, mask)

    for row, num_frames in enumerate(mask.sum(dim=1)):
        alone = tower(features[row : row + 1, :num_frames], mask[row : row + 1, :num_frames])
        num_hidden = alone.last_hidden_state.shape[1]
        torch.testing.assert_close(together.pooler_output[row], alone.pooler_output[0], atol=1e-5, rtol=0)
        torch.testing.assert_close(
            together.last_hidden_state[row, :num_hidden], alone.last_hidden_state[0], atol=1e-5, rtol=0
        )
        assert together.frame_mask[row].tolist() == [n < num_hidden for n in range(together.frame_mask.shape[1])]


@pytest.mark.parametrize("num_samples", [1600, 7000])
@pytest.mark.parametrize("num_padding", [1, 2, 3, 17, 500])
@torch.no_grad()
def test_padding_changes_nothing_whatever_its_length_and_content(num_samples: int, num_padding: int) -> None:
    tower = make_tower()
    features, mask = make_inputs(num_samples)
    garbage = 1000 * torch.randn(1, num_padding, features.shape[2])

    padded = tower(torch.cat([features, garbage], dim=1), nn.functional.pad(mask, (0, num_padding)))

    torch.testing.assert_close(padded.pooler_output, tower(features, mask).pooler_output, atol=1e-5, rtol=0)


@torch.no_grad()
def test_the_order_of_a_batch_changes_nothing() -> None:
    tower = make_tower()
    features, mask = make_inputs(*NUM_SAMPLES)
    order = torch.tensor([3, 0, 5, 1, 4, 2])

    torch.testing.assert_close(
        tower(features[order], mask[order]).pooler_output, tower(features, mask).pooler_output[order], atol=1e-5, rtol=0
    )


@torch.no_grad()
def test_without_a_mask_every_frame_is_real() -> None:
    tower = make_tower()
    features, mask = make_inputs(5000)

    assert torch.equal(tower(features).pooler_output, tower(features, mask).pooler_output)


@pytest.mark.parametrize("channels", [(8,), (8, 16), (4, 8, 8, 16)])
@pytest.mark.parametrize("num_samples", [1600, 1760, 16_001])
@torch.no_grad()
def test_every_stage_halves_the_frames(channels: tuple[int, ...], num_samples: int) -> None:
    features, mask = make_inputs(num_samples, 1600)
    num_frames = math.ceil(num_samples / 160)
    for _ in channels:
        num_frames = math.ceil(num_frames / 2)

    output = make_tower(channels=channels)(features, mask)

    assert output.last_hidden_state.shape == (2, num_frames, 16)
    assert output.frame_mask.shape == (2, num_frames)
    assert output.frame_mask[0].all()
    assert output.pooler_output.shape == (2, 16)


def test_padding_gets_no_gradient_and_every_real_frame_does() -> None:
    tower = make_tower()
    features, mask = make_inputs(1600, 8000)
    features.requires_grad_()

    tower(features, mask).pooler_output.sum().backward()

    assert features.grad is not None
    reached = features.grad.abs().sum(dim=2) > 0
    assert torch.equal(reached, mask.bool())


@torch.no_grad()
def test_pooling_is_the_attentive_mean_and_deviation_over_real_frames() -> None:
    tower = make_tower()
    frames, mask = torch.randn(3, 9, 16), torch.arange(9)[None] < torch.tensor([[9], [1], [4]])

    pooled = tower._pool(frames, mask)

    for row, count in enumerate((9, 1, 4)):
        scores = [float(tower.attention(frame)) for frame in frames[row, :count]]
        weights = np.exp(scores) / np.exp(scores).sum()
        values = frames[row, :count].double().numpy()
        mean = sum(weight * value for weight, value in zip(weights, values, strict=True))
        variance = sum(weight * (value - mean) ** 2 for weight, value in zip(weights, values, strict=True))
        statistics = torch.from_numpy(np.concatenate([mean, np.sqrt(variance + 1e-5)])).float()
        torch.testing.assert_close(pooled[row], tower.output(statistics), atol=1e-5, rtol=0)


def test_new_convolutions_keep_the_variance() -> None:
    torch.manual_seed(0)
    tower = MelTower(MelTowerConfig())

    convolutions = [module for module in tower.modules() if isinstance(module, nn.Conv2d)]

    assert len(convolutions) == 12
    for module in convolutions:
        fan_in = module.weight[0].numel()
        assert module.weight.detach().std().item() == pytest.approx(math.sqrt(2 / fan_in), rel=0.15)


def test_dropout_acts_in_training_only() -> None:
    tower = make_tower()
    features, mask = make_inputs(5000)

    assert torch.equal(tower(features, mask).pooler_output, tower(features, mask).pooler_output)
    tower.train()
    assert not torch.equal(tower(features, mask).pooler_output, tower(features, mask).pooler_output)


def test_the_tower_is_registered_for_its_config() -> None:
    assert isinstance(AutoModel.from_config(MelTowerConfig(channels=[8], hidden_size=16)), MelTower)
