"""The prosody tower: functionals of an utterance, relative to other recordings of its speaker, in small networks."""

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from paraclap.models.configuration import ProsodyTowerConfig
from paraclap.models.functionals import NUM_FUNCTIONALS, compute_functionals, mel_centres
from paraclap.models.mel_tower import MelTowerOutput

_MAX_VALUE = 5.0  # deviations: what is farther out is as far
_LEAST_DEVIATION = 1e-3


class ProsodyTower(PreTrainedModel):
    """Encode functionals of utterances in two branches, one that hears how and one that hears who.

    The first sees functionals relative to what is usual: the mean and variance of reference recordings of the speaker
    or channel, mixed with those of the training speakers as if they were `prior_count` clips. Without references, what
    is usual is that of the training speakers. The level in dB is heard only relative to references. The second branch
    sees the mean of the utterance and its references, as it is.
    """

    config_class = ProsodyTowerConfig
    config: ProsodyTowerConfig
    main_input_name = "input_features"
    base_model_prefix = "prosody_tower"
    input_modalities = ("audio",)
    _supports_sdpa = True  # without attention, every way to compute it is the same
    prior_mean: Tensor  # [S], of the training speakers
    prior_variance: Tensor  # [S], within a speaker
    voice_variance: Tensor  # [S], of all

    def __init__(self, config: ProsodyTowerConfig) -> None:
        super().__init__(config)
        for name, value in (("prior_mean", 0.0), ("prior_variance", 1.0), ("voice_variance", 1.0)):
            self.register_buffer(name, torch.full((NUM_FUNCTIONALS,), value))
        self.relative = _make_branch(NUM_FUNCTIONALS + 1, config.relative_size, config.dropout)
        self.voice = _make_branch(NUM_FUNCTIONALS - 1, config.voice_size, config.dropout)
        self.post_init()

    def summarize(self, input_features: Tensor, audio_attention_mask: Tensor | None = None) -> Tensor:
        """Return the functionals `[B, S]` of frames `[B, F, M + 2]`, of which references are made.

        What an utterance does not have is what is usual.
        """
        mask = (
            input_features.new_ones(input_features.shape[:2]) if audio_attention_mask is None else audio_attention_mask
        )
        found = self.measure(input_features, mask)
        return torch.where(found.isnan(), self.prior_mean.float(), found)

    def measure(self, input_features: Tensor, audio_attention_mask: Tensor) -> Tensor:
        """Return the functionals `[B, S]`, NaN where an utterance does not have one."""
        config = self.config
        centres = mel_centres(config.num_mels, low=config.min_frequency, high=config.max_frequency)
        with torch.autocast(device_type=input_features.device.type, enabled=False):
            return compute_functionals(input_features, audio_attention_mask, centres.to(input_features.device))

    def forward(
        self,
        input_features: Tensor,
        audio_attention_mask: Tensor | None = None,
        references: Tensor | None = None,
        voices: Tensor | None = None,
    ) -> MelTowerOutput:
        """Encode frames `[B, F, M + 2]` with their mask `[B, F]`.

        Args:
            input_features: frames, or functionals `[B, S]` that were measured before.
            audio_attention_mask: 1 where a frame is real.
            references: mean, variance and count of the references of each clip, `[B, 2 S + 1]`; none if None.
            voices: functionals `[B, S]` that the second branch hears instead of its own; for training.
        """
        is_measured = input_features.ndim == 2
        functionals = input_features if is_measured else self.summarize(input_features, audio_attention_mask)
        return MelTowerOutput(pooler_output=self.encode(functionals, references, voices))

    def encode(self, functionals: Tensor, references: Tensor | None = None, voices: Tensor | None = None) -> Tensor:
        """Encode functionals `[B, S]` as `forward` does the frames that they are of, `[B, H]`."""
        if references is None:
            mean, variance, count = self.prior_mean, self.prior_variance, functionals.new_zeros(functionals.shape[0], 1)
        else:
            rows = references.float()
            mean, variance = rows[:, :NUM_FUNCTIONALS], rows[:, NUM_FUNCTIONALS:-1]
            count = rows[:, -1:]
        prior = self.config.prior_count
        share = count / (count + prior)
        usual = share * mean + (1.0 - share) * self.prior_mean
        spread = share * variance + (1.0 - share) * self.prior_variance
        relative = _bound((functionals - usual) / spread.sqrt().clamp(min=_LEAST_DEVIATION))
        # Without references a level tells the microphone, not the voice.
        relative = torch.cat([relative[:, :-1], relative[:, -1:] * share, share], dim=1)
        heard = (count * mean + functionals) / (count + 1.0) if voices is None else voices
        voice = _bound((heard - self.prior_mean) / self.voice_variance.sqrt().clamp(min=_LEAST_DEVIATION))[:, :-1]
        return torch.cat([self.relative(relative.to(self.dtype)), self.voice(voice.to(self.dtype))], dim=1)

    @torch.no_grad()
    def fit_prior(self, functionals: Tensor, speakers: Tensor, corpora: Tensor) -> None:
        """Set what is usual to that of training utterances, each corpus counting alike.

        Of what no utterance has, 0 is usual, with a variance of 1.

        Args:
            functionals: `[N, S]`, NaN where an utterance does not have one.
            speakers: numbers `[N]`, -1 where unknown.
            corpora: numbers `[N]`.
        """
        means, within, total = [], [], []
        numbers = sorted(set(corpora.tolist()))
        for corpus in numbers:
            of_corpus = functionals[corpora == corpus]
            means.append(of_corpus.nanmean(dim=0))
            known = speakers[corpora == corpus]
            names = sorted(set(known[known >= 0].tolist()))
            of_speakers = [_variance(of_corpus[known == speaker]) for speaker in names]
            within.append(torch.stack(of_speakers or [_variance(of_corpus)]).nanmean(dim=0))
        self.prior_mean.copy_(torch.stack(means).nanmean(dim=0).nan_to_num(0.0))
        self.prior_variance.copy_(torch.stack(within).nanmean(dim=0).nan_to_num(1.0))
        for corpus in numbers:
            total.append((functionals[corpora == corpus] - self.prior_mean).square().nanmean(dim=0))
        self.voice_variance.copy_(torch.stack(total).nanmean(dim=0).nan_to_num(1.0))


def _make_branch(in_size: int, out_size: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Dropout(dropout / 5),
        nn.Linear(in_size, out_size),
        nn.LayerNorm(out_size),
        nn.GELU(),
        nn.Dropout(dropout),
        nn.Linear(out_size, out_size),
        nn.LayerNorm(out_size),
        nn.GELU(),
        nn.Dropout(dropout),
    )


def _bound(values: Tensor) -> Tensor:
    return values.clamp(-_MAX_VALUE, _MAX_VALUE)


def _variance(functionals: Tensor) -> Tensor:
    return (functionals - functionals.nanmean(dim=0)).square().nanmean(dim=0)


AutoModel.register(ProsodyTowerConfig, ProsodyTower)
