"""From the frames of an audio encoder to one vector: a layer or a mix of layers, pooled over what is real."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from paraclap.models.audio_families import find_frame_mask, run_audio_encoder


class AudioPooling(nn.Module):
    """Pool the frames of an encoder `[B, F', H]` to `[B, H]`, or `[B, 2 H]` for attentive statistics.

    Padding has no say: it is masked in every sum.

    Args:
        hidden_size: of the encoder's frames, H.
        num_layers: hidden states of the encoder, the one before its first layer included.
        pooling: "tower" (the encoder's own), "mean", "attentive" (mean and standard deviation, weighted by attention;
            Okabe et al. 2018) or "cls" (the first token).
        layer: which hidden state; None for the last, "mix" for a learned weighting of all (ELMo, Peters et al. 2018).
    """

    def __init__(self, hidden_size: int, num_layers: int, *, pooling: str, layer: int | str | None) -> None:
        super().__init__()
        self.pooling = pooling
        self.layer = layer
        if layer == "mix":
            self.layer_weights = nn.Parameter(torch.zeros(num_layers))
        if pooling == "attentive":
            width = max(1, hidden_size // 4)
            self.attention = nn.Sequential(nn.Linear(hidden_size, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, encoder: Any, inputs: Tensor, mask: Tensor | None, **own: Tensor) -> Tensor:
        """Encode waveforms `[B, T]` or spectrograms `[B, F, M]` with the mask of what is real, and pool them.

        What else is given goes to a tower that pools by itself.
        """
        if self.pooling == "tower":
            pooled: Tensor = run_audio_encoder(encoder, inputs, mask, **own).pooler_output
            return pooled
        options = {} if self.layer is None else {"output_hidden_states": True}
        output = run_audio_encoder(encoder, inputs, mask, **options)
        hidden = self._choose(output)
        if self.pooling == "cls":
            return hidden[:, 0]
        real = find_frame_mask(encoder, mask, output.last_hidden_state)
        return self._attend(hidden, real) if self.pooling == "attentive" else _average(hidden, real)

    def _choose(self, output: Any) -> Tensor:
        if self.layer is None:
            last: Tensor = output.last_hidden_state
            return last
        if self.layer != "mix":
            chosen: Tensor = output.hidden_states[int(self.layer)]
            return chosen
        states = torch.stack(output.hidden_states)  # [layers, B, F', H]
        return torch.einsum("l,lbfh->bfh", self.layer_weights.softmax(dim=0).to(states.dtype), states)

    def _attend(self, hidden: Tensor, real: Tensor) -> Tensor:
        scores = self.attention(hidden).squeeze(-1).float().masked_fill(~real, float("-inf"))
        return pool_statistics(hidden, scores.softmax(dim=-1))


def pool_statistics(hidden: Tensor, weights: Tensor) -> Tensor:
    """Return mean and standard deviation `[B, 2 H]` of frames `[B, F', H]` by weights `[B, F']` of sum 1."""
    values, shares = hidden.float(), weights[..., None]
    mean = (shares * values).sum(dim=1)
    variance = (shares * (values - mean[:, None]).square()).sum(dim=1)
    return torch.cat([mean, (variance + 1e-5).sqrt()], dim=-1).to(hidden.dtype)


def _average(hidden: Tensor, real: Tensor) -> Tensor:
    """Return the mean of real frames; in float32, because half precision loses sums over a minute."""
    weights = F.normalize(real.float(), p=1.0, dim=1)
    return torch.einsum("bf,bfh->bh", weights, hidden.float()).to(hidden.dtype)
