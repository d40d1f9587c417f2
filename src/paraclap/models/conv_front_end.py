"""The convolutions from waveform to frames of wav2vec 2.0 and its relatives, computed faster on a CPU."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_BLOCK = 100  # frames of the output computed together, 2 s: what lies between the layers stays small enough for caches


class ConvFrontEnd(nn.Module):
    """Compute what a feature encoder of transformers computes, with its own layers and the names of their weights.

    Where no gradient is asked of a CPU, each convolution is one product of matrices on frames `[B, F, C]`, so that
    neither the norms nor the products need a transposed copy, and the audio goes through in blocks. Each output frame
    hears a fixed stretch of samples, so blocks change nothing.
    """

    def __init__(self, feature_encoder: Any) -> None:
        super().__init__()
        self.conv_layers = feature_encoder.conv_layers
        strides = [layer.conv.stride[0] for layer in self.conv_layers]
        reaches = [layer.conv.kernel_size[0] - 1 for layer in self.conv_layers]
        self._hop = math.prod(strides)  # samples
        self._window = 1 + sum(reach * math.prod(strides[:place]) for place, reach in enumerate(reaches))  # samples

    def forward(self, input_values: Tensor) -> Tensor:
        """Return frames `[B, C, F]` of waveforms `[B, T]`."""
        num_frames = (input_values.shape[1] - self._window) // self._hop + 1
        is_traced = torch.compiler.is_compiling() or torch.jit.is_tracing()  # type: ignore[attr-defined,no-untyped-call]
        if torch.is_grad_enabled() or is_traced or input_values.device.type != "cpu" or num_frames < 1:
            return self._encode_as_transformers(input_values)
        kernels = [layer.conv.weight.permute(0, 2, 1).flatten(1).contiguous() for layer in self.conv_layers]
        frames = [self._encode(waveform, kernels, num_frames) for waveform in input_values.contiguous()]
        return torch.stack(frames).transpose(1, 2)

    def _freeze_parameters(self) -> None:
        """Freeze all, by the name under which transformers calls it."""
        self.requires_grad_(requires_grad=False)

    def _encode_as_transformers(self, input_values: Tensor) -> Tensor:
        hidden = input_values[:, None]
        if self.training and torch.is_grad_enabled() and any(weight.requires_grad for weight in self.parameters()):
            hidden.requires_grad_()  # re-entrant gradient checkpointing gives no gradients where no input asks for them
        for layer in self.conv_layers:
            hidden = layer(hidden)
        return hidden

    def _encode(self, waveform: Tensor, kernels: list[Tensor], num_frames: int) -> Tensor:
        """Return frames `[F, C]` of one waveform `[T]`."""
        blocks = []
        for begin in range(0, num_frames, _BLOCK):
            stop = min(num_frames, begin + _BLOCK)
            hidden = waveform[begin * self._hop : (stop - 1) * self._hop + self._window, None]
            for layer, kernel in zip(self.conv_layers, kernels, strict=True):
                hidden = layer.activation(layer.layer_norm(_convolve(hidden, layer.conv, kernel)))
            blocks.append(hidden)
        return torch.cat(blocks)


def speed_up_front_end(encoder: Any) -> None:
    """Replace the feature encoder of an audio tower, if all its layers have a norm within each frame."""
    feature_encoder = getattr(encoder, "feature_extractor", None)
    layers = getattr(feature_encoder, "conv_layers", [])
    if layers and all(isinstance(getattr(layer, "layer_norm", None), nn.LayerNorm) for layer in layers):
        encoder.feature_extractor = ConvFrontEnd(feature_encoder)


def _convolve(frames: Tensor, conv: nn.Conv1d, kernel: Tensor) -> Tensor:
    """Convolve contiguous frames `[F, C]` with a kernel `[C', k C]`, as the product of overlapping rows with it."""
    (size,), (stride,), channels = conv.kernel_size, conv.stride, frames.shape[1]
    rows = frames.as_strided(((len(frames) - size) // stride + 1, size * channels), (stride * channels, 1))
    return F.linear(rows, kernel, conv.bias)
