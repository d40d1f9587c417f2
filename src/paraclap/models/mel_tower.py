"""The mel tower: a small residual network on log-mel spectrograms, blind to padding and to the rest of the batch."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoModel, PreTrainedModel
from transformers import initialization as init
from transformers.utils import ModelOutput

from paraclap.models.audio_pooling import pool_statistics
from paraclap.models.configuration import MelTowerConfig


@dataclass
class MelTowerOutput(ModelOutput):
    """Hold the frames `[B, F', H']`, their mask `[B, F']` and the pooled output `[B, H]`."""

    last_hidden_state: Tensor | None = None
    frame_mask: Tensor | None = None
    pooler_output: Tensor | None = None


class _FrameNorm(nn.Module):
    """Normalise over frequency and channels within each frame, so that no other frame has a say."""

    def __init__(self, num_bands: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(num_bands, channels))
        self.bias = nn.Parameter(torch.zeros(num_bands, channels))

    def forward(self, x: Tensor) -> Tensor:
        last = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias)
        return last.permute(0, 3, 1, 2)


class _Block(nn.Module):
    """Two 3x3 convolutions with a shortcut; padded frames are set to zero after each convolution.

    The shortcut is not normalised: it carries the course of energy, which tells much of emotion.
    """

    def __init__(self, in_channels: int, out_channels: int, *, num_bands: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.norm1 = _FrameNorm(num_bands, out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = _FrameNorm(num_bands, out_channels)
        self.shortcut = (
            nn.Identity()
            if stride == 1 and in_channels == out_channels
            else nn.Conv2d(in_channels, out_channels, 1, bias=False)
        )

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        mask = mask[:, :: self.stride]
        keep = mask[:, None, :, None].to(x.dtype)
        hidden = F.relu(self.norm1(self.conv1(x))) * keep
        hidden = self.norm2(self.conv2(hidden))
        # Strided here, not in the shortcut: oneDNN breaks memory in the backward of a strided 1x1 kernel on 8 channels.
        return F.relu(hidden + self.shortcut(x[:, :, :: self.stride, :: self.stride])) * keep, mask


class MelTower(PreTrainedModel):
    """Encode log-mel spectrograms; every statistic is taken over an utterance's own frames."""

    config_class = MelTowerConfig
    config: MelTowerConfig
    main_input_name = "input_features"
    base_model_prefix = "mel_tower"
    input_modalities = ("audio",)
    _supports_sdpa = True  # without attention, every way to compute it is the same

    def __init__(self, config: MelTowerConfig) -> None:
        super().__init__(config)
        widths = config.channels
        num_bands = _halve(config.num_mels)
        self.stem = nn.Conv2d(1, widths[0], 5, stride=2, padding=2, bias=False)
        blocks = []
        for stage, width in enumerate(widths):
            for index in range(config.depth):
                stride = 2 if stage > 0 and index == 0 else 1
                num_bands = _halve(num_bands) if stride == 2 else num_bands
                previous = widths[max(0, stage - 1)] if index == 0 else width
                blocks.append(_Block(previous, width, num_bands=num_bands, stride=stride))
        self.blocks = nn.ModuleList(blocks)
        self.frame = nn.Linear(widths[-1] * num_bands, config.hidden_size)
        self.frame_norm = nn.LayerNorm(config.hidden_size)
        self.attention = nn.Sequential(
            nn.Linear(config.hidden_size, config.hidden_size // 4), nn.Tanh(), nn.Linear(config.hidden_size // 4, 1)
        )
        self.dropout = nn.Dropout(config.dropout)
        self.output = nn.Linear(2 * config.hidden_size, config.hidden_size)
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """Keep the variance through convolutions and layers with ReLU (He et al. 2015)."""
        super()._init_weights(module)
        if isinstance(module, nn.Conv2d | nn.Linear):
            init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, input_features: Tensor, audio_attention_mask: Tensor | None = None) -> MelTowerOutput:
        """Encode spectrograms `[B, F, M]` with their mask `[B, F]`, 1 where a frame is real."""
        if audio_attention_mask is None:
            audio_attention_mask = input_features.new_ones(input_features.shape[:2])
        mask = audio_attention_mask.bool()
        x = (input_features * mask[..., None])[:, None].contiguous(memory_format=torch.channels_last)  # [B, 1, F, M]
        mask = mask[:, ::2]
        x = F.relu(self.stem(x)) * mask[:, None, :, None].to(x.dtype)
        for block in self.blocks:
            x, mask = block(x, mask)
        frames = x.permute(0, 2, 1, 3).flatten(2)  # [B, F', C * M']
        frames = F.relu(self.frame_norm(self.frame(frames)))
        return MelTowerOutput(last_hidden_state=frames, frame_mask=mask, pooler_output=self._pool(frames, mask))

    def _pool(self, frames: Tensor, mask: Tensor) -> Tensor:
        """Take the attention-weighted mean and standard deviation over real frames (Okabe et al. 2018)."""
        scores = self.attention(frames).squeeze(-1).float().masked_fill(~mask, float("-inf"))
        statistics = pool_statistics(frames, scores.softmax(dim=-1))
        pooled: Tensor = self.output(self.dropout(statistics))
        return pooled


def _halve(size: int) -> int:
    return -(-size // 2)


AutoModel.register(MelTowerConfig, MelTower)
