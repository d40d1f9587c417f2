from typing import Any

import numpy as np
import pytest
import torch
from tests.audio.clips import make_voice
from torch import Tensor
from transformers import AutoFeatureExtractor, AutoModel

from paraclap.audio import SAMPLING_RATE
from paraclap.models import NUM_FUNCTIONALS, ProsodyFeatureExtractor, ProsodyTower, ProsodyTowerConfig

EXTRACTOR = ProsodyFeatureExtractor()
NUM_SAMPLES = (1600, 3333, 16_000, 24_123)


def make_tower() -> ProsodyTower:
    torch.manual_seed(0)
    tower = ProsodyTower(ProsodyTowerConfig(relative_size=24, voice_size=8))
    features, mask = make_inputs(*(16_000 + 800 * n for n in range(8)))
    found = tower.measure(features, mask)
    tower.fit_prior(found, torch.tensor([0, 0, 0, 1, 1, 1, 0, -1]), torch.tensor([0, 0, 0, 0, 0, 0, 1, 1]))
    for variance in (tower.prior_variance, tower.voice_variance):
        variance.clamp_(min=0.01)  # these voices are far more alike than people, and rounding must not decide
    tower.eval()
    return tower


def make_inputs(*num_samples: int) -> tuple[Tensor, Tensor]:
    voices = [make_voice(n / SAMPLING_RATE, SAMPLING_RATE, seed) for seed, n in enumerate(num_samples)]
    batch = EXTRACTOR(voices, return_tensors="pt")
    return batch["input_features"], batch["audio_attention_mask"]


def make_references(tower: ProsodyTower, *, count: float) -> Tensor:
    summaries = tower.summarize(*make_inputs(20_000, 30_000, 25_000))
    row = torch.cat([summaries.mean(dim=0), summaries.var(dim=0, correction=0), torch.tensor([count])])
    return row.expand(len(NUM_SAMPLES), -1)


@torch.no_grad()
def test_a_batch_of_many_gives_what_batches_of_one_give() -> None:
    tower = make_tower()
    features, mask = make_inputs(*NUM_SAMPLES)

    together = tower(features, mask).pooler_output

    assert together.shape == (4, tower.config.hidden_size)
    for row, num_frames in enumerate(mask.sum(dim=1)):
        alone = tower(features[row : row + 1, :num_frames], mask[row : row + 1, :num_frames]).pooler_output
        torch.testing.assert_close(together[row], alone[0], atol=1e-4, rtol=0)


@torch.no_grad()
def test_no_reference_is_a_reference_of_no_clips() -> None:
    tower = make_tower()
    features, mask = make_inputs(*NUM_SAMPLES)

    without = tower(features, mask).pooler_output
    of_none = tower(features, mask, make_references(tower, count=0.0)).pooler_output

    torch.testing.assert_close(of_none, without)


@torch.no_grad()
def test_values_are_relative_to_references_mixed_with_what_is_usual() -> None:
    tower = make_tower()
    seen: list[Tensor] = []
    for branch in (tower.relative, tower.voice):
        branch.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    values = tower.summarize(*make_inputs(*NUM_SAMPLES))
    references = make_references(tower, count=3.0)

    tower.encode(values, references)

    mean, variance = references[0, :NUM_FUNCTIONALS].numpy(), references[0, NUM_FUNCTIONALS:-1].numpy()
    usual = 0.75 * mean + 0.25 * tower.prior_mean.numpy()
    spread = np.maximum(np.sqrt(0.75 * variance + 0.25 * tower.prior_variance.numpy()), 1e-3)
    expected = np.clip((values.numpy() - usual) / spread, -5, 5)
    expected[:, -1] *= 0.75
    np.testing.assert_allclose(seen[0][:, :-1].numpy(), expected, atol=1e-3)
    assert (seen[0][:, -1] == 0.75).all()
    heard = (3 * mean + values.numpy()) / 4
    voice = np.clip((heard - tower.prior_mean.numpy()) / np.sqrt(tower.voice_variance.numpy()), -5, 5)[:, :-1]
    np.testing.assert_allclose(seen[1].numpy(), voice, atol=1e-3)


@torch.no_grad()
def test_the_level_alone_says_nothing_but_counts_beside_references() -> None:
    tower = make_tower()
    values = tower.summarize(*make_inputs(*NUM_SAMPLES))
    louder = values.clone()
    louder[:, -1] += 2.0

    torch.testing.assert_close(tower.encode(louder), tower.encode(values))
    references = make_references(tower, count=3.0)
    assert not torch.allclose(tower.encode(louder, references), tower.encode(values, references), atol=1e-3)


@torch.no_grad()
def test_another_voice_changes_the_second_branch_alone() -> None:
    tower = make_tower()
    features, mask = make_inputs(*NUM_SAMPLES)
    other = tower.summarize(features, mask).roll(1, dims=0)

    own, borrowed = tower(features, mask).pooler_output, tower(features, mask, voices=other).pooler_output

    torch.testing.assert_close(own[:, :24], borrowed[:, :24])
    assert not torch.allclose(own[:, 24:], borrowed[:, 24:], atol=1e-3)


def test_what_is_usual_is_the_mean_of_corpora_and_the_variance_within_speakers() -> None:
    tower = ProsodyTower(ProsodyTowerConfig(relative_size=4, voice_size=4))
    generator = np.random.default_rng(0)
    values = generator.normal(size=(9, NUM_FUNCTIONALS)).astype(np.float32)
    values[2, 5] = np.nan
    speakers, corpora = np.array([0, 0, 0, 1, 1, 1, -1, -1, -1]), np.array([0] * 6 + [1] * 3)

    tower.fit_prior(*map(torch.from_numpy, (values, speakers, corpora)))

    mean = (np.nanmean(values[:6], axis=0) + values[6:].mean(axis=0)) / 2
    within = (np.nanvar(values[:3], axis=0) + values[3:6].var(axis=0)) / 2
    of_all = (np.nanmean((values[:6] - mean) ** 2, axis=0) + ((values[6:] - mean) ** 2).mean(axis=0)) / 2
    np.testing.assert_allclose(tower.prior_mean.numpy(), mean, atol=1e-5)
    np.testing.assert_allclose(tower.prior_variance.numpy(), (within + values[6:].var(axis=0)) / 2, atol=1e-5)
    np.testing.assert_allclose(tower.voice_variance.numpy(), of_all, atol=1e-5)


def test_silence_and_the_shortest_clip_have_a_vector() -> None:
    tower = make_tower()
    batch = EXTRACTOR([np.zeros(16_000, np.float32), make_voice(0.1, SAMPLING_RATE, 0)], return_tensors="pt")

    assert tower(**batch).pooler_output.isfinite().all()


def test_it_is_saved_and_loaded_with_its_prior_and_its_extractor(tmp_path: object) -> None:
    tower = make_tower()
    tower.save_pretrained(tmp_path)
    EXTRACTOR.save_pretrained(tmp_path)

    loaded, extractor = AutoModel.from_pretrained(tmp_path), AutoFeatureExtractor.from_pretrained(tmp_path)

    features, mask = make_inputs(*NUM_SAMPLES)
    torch.testing.assert_close(loaded.eval()(features, mask).pooler_output, tower(features, mask).pooler_output)
    assert isinstance(extractor, ProsodyFeatureExtractor)
    assert extractor.mel_settings == EXTRACTOR.mel_settings


@pytest.mark.parametrize("wrong", [{"prior_count": 0}, {"relative_size": 0}, {"voice_size": 1.5}])
def test_sizes_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        ProsodyTowerConfig(**wrong)
