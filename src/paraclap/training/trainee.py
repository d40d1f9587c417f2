"""What one pass of training computes: embeddings of audio and captions, with all that is learned inside the pass."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from paraclap.models import ParaClapModel
from paraclap.training.gathering import gather, num_processes, process_rank
from paraclap.training.losses import SIGMOID_BIAS
from paraclap.training.random_states import get_random_states, set_random_states


class Embedded(NamedTuple):
    """Hold vectors of audio `[N, D]` and captions `[M, D]`, and what makes logits of their cosines."""

    audio: Tensor
    text: Tensor
    scale: Tensor
    bias: Tensor


@dataclass(frozen=True)
class Chunk:
    """Hold the inputs of one pass: of the audio tower or its pooled output, and likewise of the text tower."""

    audio: Mapping[str, Tensor]
    text: Mapping[str, Tensor]


LossOf = Callable[[Embedded], Tensor]
_POOLED = "pooled"  # names the output of a frozen tower, computed before


class Trainee(nn.Module):
    """Embed a chunk of a batch; every parameter that is trained takes part, so that processes agree on all of them.

    Args:
        model: what is trained.
        learns_bias: whether the loss has a bias beside the scale.
    """

    def __init__(self, model: ParaClapModel, *, learns_bias: bool = False) -> None:
        super().__init__()
        self.model = model
        self.bias = nn.Parameter(torch.tensor(SIGMOID_BIAS), requires_grad=learns_bias)

    def forward(self, audio: dict[str, Tensor], text: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return unit vectors of audio and of text, the factor from cosine to logit, and the bias."""
        pooled_audio = audio[_POOLED] if _POOLED in audio else self.model.pool_audio(**audio)
        pooled_text = text[_POOLED] if _POOLED in text else self.model.pool_text(**text)
        return (
            self.model.project_audio(pooled_audio),
            self.model.project_text(pooled_text),
            self.model.logit_scale.exp(),
            self.bias + 0.0,
        )


@dataclass(frozen=True)
class Passes:
    """Say how passes are run: where a backward happens, and where processes must not meet yet.

    Args:
        backward: of the accelerator, which scales losses in half precision.
        no_sync: what keeps processes from averaging gradients while inside.
    """

    backward: Callable[[Tensor], None]
    no_sync: Callable[[], AbstractContextManager[Any]] = nullcontext


def backward_batch(
    trainee: Callable[..., Any], chunks: Sequence[Chunk], loss_of: LossOf, *, passes: Passes, is_last: bool = True
) -> Tensor:
    """Add the gradient of a batch's loss to the parameters, and return the loss.

    The loss is that of the whole batch over all processes, however many chunks it passes in: with several, embeddings
    are computed without a gradient first, then the loss and its gradient for every embedding, then each chunk again
    with the gradient of its embeddings (GradCache, Gao et al. 2021). Dropout is the same in both passes.

    Args:
        trainee: from a chunk's inputs to what `Trainee` returns.
        chunks: of this process; every process has as many, of the same sizes.
        loss_of: the loss of all embeddings.
        passes: how passes are run.
        is_last: whether processes average their gradients at the end; otherwise more batches follow before that.
    """
    if len(chunks) == 1:
        with nullcontext() if is_last else passes.no_sync():
            audio, text, scale, bias = trainee(chunks[0].audio, chunks[0].text)
            loss = loss_of(Embedded(gather(audio), gather(text), scale, bias))
            passes.backward(loss)
        return loss.detach()
    states, embedded = [], []
    with torch.no_grad(), passes.no_sync():
        for chunk in chunks:
            states.append(get_random_states())
            embedded.append(Embedded(*trainee(chunk.audio, chunk.text)))
    whole = Embedded(
        *(gather(torch.cat([getattr(part, name) for part in embedded])).requires_grad_() for name in ("audio", "text")),
        *(getattr(embedded[0], name).detach().clone().requires_grad_() for name in ("scale", "bias")),
    )
    loss = loss_of(whole)
    gradients = torch.autograd.grad(loss, list(whole), allow_unused=True)
    of_audio, of_text, of_scale, of_bias = (
        torch.zeros_like(value) if gradient is None else gradient
        for value, gradient in zip(whole, gradients, strict=True)
    )
    audio_parts = torch.split(_own(of_audio), [len(part.audio) for part in embedded])
    text_parts = torch.split(_own(of_text), [len(part.text) for part in embedded])
    for number, chunk in enumerate(chunks):
        ends = number + 1 == len(chunks)
        set_random_states(states[number])
        with nullcontext() if ends and is_last else passes.no_sync():
            audio, text, scale, bias = trainee(chunk.audio, chunk.text)
            carried = (audio.float() * audio_parts[number]).sum() + (text.float() * text_parts[number]).sum()
            if ends:  # all parameters take part in the pass after which processes meet
                carried = carried + scale * of_scale + bias * of_bias
            passes.backward(carried)
    return loss.detach()


def _own(gradient: Tensor) -> Tensor:
    """Return the gradient of this process' rows, times the number of processes, over which gradients are averaged."""
    return gradient.chunk(num_processes())[process_rank()] * num_processes()
