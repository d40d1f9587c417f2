"""Contrastive losses as pure functions of logits and of what is true, false or unknown, chosen by name."""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from paraclap.errors import ConfigError, list_known

LossKind = Literal["contrastive", "clip", "sigmoid"]
PairLoss = Callable[[Tensor, Tensor], Tensor]  # of logits and relation, both [N, M]
SIGMOID_BIAS = -10.0  # where the learned bias starts: most pairs are false (Zhai et al. 2023, section 3.2)


def find_targets(kind: LossKind, relation: Tensor) -> Tensor:
    """Return the relation that a loss learns from: the facts as they are, or with `clip` whose caption it is.

    Args:
        kind: of the loss.
        relation: 1 for true, 0 for false, -1 for unknown, `[N, M]`; with `clip` the captions of the first clip come
            first, then as many of each other one.

    Raises:
        ConfigError: if there is no such loss, or with `clip` M is no multiple of N.
    """
    _check_kind(kind)
    if kind != "clip":
        return relation
    num_clips, num_captions = relation.shape
    if not num_clips or num_captions % num_clips:
        raise ConfigError(
            f"found {num_captions} captions of {num_clips} clips; loss 'clip' needs as many captions of every clip"
        )
    owner = torch.arange(num_captions, device=relation.device) // (num_captions // num_clips)
    return F.one_hot(owner, num_clips).T.to(relation.dtype)


def compute_loss(
    kind: LossKind, logits: Tensor, relation: Tensor, *, bias: Tensor | None = None, smoothing: float = 0.0
) -> Tensor:
    """Compute the loss of a name: `contrastive` and `sigmoid` learn from facts, `clip` from whose caption it is.

    Args:
        kind: of the loss.
        logits: scaled cosines of audio and text, `[N, M]`.
        relation: 1 for true, 0 for false, -1 for unknown, `[N, M]`, as `find_targets` returns it.
        bias: the learned scalar of `sigmoid`; the others have no use for one, for a constant changes no softmax.
        smoothing: see `contrastive_loss`.

    Raises:
        ConfigError: if there is no such loss, `sigmoid` has no bias or is to be smoothed, with `clip` a caption is not
            that of one clip alone, or logits, relation or smoothing do not fit.
    """
    _check_kind(kind)
    if kind == "sigmoid":
        if bias is None or smoothing:
            raise ConfigError(
                f"loss 'sigmoid' with {'no bias' if bias is None else f'smoothing {smoothing:g}'}; "
                "it needs a learned bias, and no smoothing"
            )
        return sigmoid_loss(logits, relation, bias)
    if kind == "clip" and not ((relation != -1).all() & ((relation == 1).sum(dim=0) == 1).all()).item():
        raise ConfigError("loss 'clip' with captions of no clip, of several or of unknown ones; ask find_targets first")
    return contrastive_loss(logits, relation, smoothing=smoothing)


def contrastive_loss(logits: Tensor, relation: Tensor, *, smoothing: float = 0.0) -> Tensor:
    """Average the cross-entropy of both directions over true, false and unknown pairs.

    In a row, the probability is a softmax over the columns that are not unknown, and the target is shared evenly by the
    true ones; columns likewise. Rows and columns without a true partner do not count; the loss is 0 if none has one.
    With one true pair in each row and column and none unknown this is InfoNCE as in CLIP (Radford et al. 2021).

    Args:
        logits: scaled cosines of audio and text, `[N, M]`.
        relation: 1 for true, 0 for false, -1 for unknown, `[N, M]`.
        smoothing: the share of the target, in [0, 1), that all pairs of a row that are not unknown have evenly.

    Raises:
        ConfigError: if logits and relation differ in shape or are empty, or the smoothing is outside of [0, 1).
    """
    _check_pairs(logits, relation)
    if not 0 <= smoothing < 1:
        raise ConfigError(f"smoothing {smoothing:g}; expected a share from 0 to below 1")
    return (_one_way(logits, relation, smoothing) + _one_way(logits.T, relation.T, smoothing)) / 2


def sigmoid_loss(logits: Tensor, relation: Tensor, bias: Tensor) -> Tensor:
    """Sum the binary cross-entropy of all pairs that are not unknown, and divide by the clips, as in SigLIP.

    Every pair is a question of its own: -log sigmoid(z) for a true one, -log sigmoid(-z) for a false one, with
    z = logit + bias (Zhai et al. 2023, section 3.2). A clip all of whose pairs are unknown still counts as a clip.

    Args:
        logits: scaled cosines of audio and text, `[N, M]`.
        relation: 1 for true, 0 for false, -1 for unknown, `[N, M]`.
        bias: a learned scalar, `SIGMOID_BIAS` at the start.

    Raises:
        ConfigError: if logits and relation differ in shape or are empty.
    """
    _check_pairs(logits, relation)
    sign = torch.where(relation == 1, 1.0, -1.0)
    per_pair = -F.logsigmoid(sign * (logits.float() + bias.float()))
    return per_pair.masked_fill(relation == -1, 0.0).sum() / len(logits)


def attribute_loss(
    logits: Tensor, relation: Tensor, attributes: Sequence[str | None], *, pair_loss: PairLoss = contrastive_loss
) -> Tensor:
    """Average a loss over attributes, each among the captions that speak of it alone and by how many these are.

    Captions with several facts are false if one fact fails, which says little about the others; here each attribute is
    learned by itself. Attributes without a true and a false pair do not count; the loss is 0 if none has both.

    Args:
        logits: scaled cosines of audio and text, `[N, M]`.
        relation: 1 for true, 0 for false, -1 for unknown, `[N, M]`, as `find_targets` returns it.
        attributes: of each caption, None for one that speaks of several, `[M]`.
        pair_loss: the loss within an attribute, such as `partial(compute_loss, "sigmoid", bias=bias)`.

    Raises:
        ConfigError: if logits and relation differ in shape or are empty, or there are not as many attributes as
            captions.
    """
    _check_pairs(logits, relation)
    if len(attributes) != logits.shape[1]:
        raise ConfigError(f"found attributes of {len(attributes)} captions; expected {logits.shape[1]}")
    losses, counts = [], []
    for attribute in sorted({name for name in attributes if name is not None}):
        columns = [index for index, name in enumerate(attributes) if name == attribute]
        among = relation[:, columns]
        if ((among == 1).any() & (among == 0).any()).item():
            losses.append(pair_loss(logits[:, columns], among))
            counts.append(float(len(columns)))
    if not losses:
        return logits.sum() * 0.0
    return (torch.stack(losses) * logits.new_tensor(counts)).sum() / sum(counts)


def _one_way(logits: Tensor, relation: Tensor, smoothing: float) -> Tensor:
    has_true = (relation == 1).any(dim=1)  # a row of nothing but unknown pairs would be a softmax over nothing: NaN
    logits, relation = logits[has_true].float(), relation[has_true]
    is_true, unknown = relation == 1, relation == -1
    log_probability = logits.masked_fill(unknown, float("-inf")).log_softmax(dim=1).masked_fill(unknown, 0.0)
    target = (1 - smoothing) * _spread(is_true) + smoothing * _spread(~unknown)
    return -(target * log_probability).sum() / max(1, len(logits))


def _spread(chosen: Tensor) -> Tensor:
    """Share 1 evenly among the chosen pairs of each row."""
    return chosen / chosen.sum(dim=1, keepdim=True)


def _check_kind(kind: str) -> None:
    if kind not in get_args(LossKind):
        raise ConfigError(f"no loss {kind!r}{list_known(kind, get_args(LossKind))}")


def _check_pairs(logits: Tensor, relation: Tensor) -> None:
    if logits.shape != relation.shape or logits.ndim != 2 or not logits.numel():
        raise ConfigError(
            f"found logits {list(logits.shape)} and a relation {list(relation.shape)}; "
            "expected both [clips, captions], with one of each at least"
        )
