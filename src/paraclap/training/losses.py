"""Contrastive losses as pure functions of logits and targets."""

from collections.abc import Sequence

import torch
from torch import Tensor


def contrastive_loss(logits: Tensor, relation: Tensor) -> Tensor:
    """Average the cross-entropy of both directions over true, false and unknown pairs.

    In a row, the probability is a softmax over the columns that are not unknown, and the target is shared evenly by the
    true ones; columns likewise. Rows and columns without a true partner do not count. With one true pair in each row
    and column and none unknown this is InfoNCE as in CLIP (Radford et al. 2021).

    Args:
        logits: scaled cosines of audio and text, `[N, M]`.
        relation: 1 for true, 0 for false, -1 for unknown, `[N, M]`.
    """
    return (_one_way(logits, relation) + _one_way(logits.T, relation.T)) / 2


def attribute_loss(logits: Tensor, relation: Tensor, attributes: Sequence[str | None]) -> Tensor:
    """Average the contrastive loss over attributes, each among the captions that speak of it alone.

    Captions with several facts are false if one fact fails, which says little about the others; here each attribute is
    learned by itself.

    Args:
        logits: scaled cosines of audio and text, `[N, M]`.
        relation: 1 for true, 0 for false, -1 for unknown, `[N, M]`.
        attributes: of each caption, None for one that speaks of several, `[M]`.
    """
    losses = []
    for attribute in sorted({name for name in attributes if name is not None}):
        columns = [index for index, name in enumerate(attributes) if name == attribute]
        among = relation[:, columns]
        if ((among == 1).any() & (among == 0).any()).item():
            losses.append(contrastive_loss(logits[:, columns], among))
    return torch.stack(losses).mean() if losses else logits.sum() * 0.0


def _one_way(logits: Tensor, relation: Tensor) -> Tensor:
    is_true = relation == 1
    has_true = is_true.any(dim=1)
    logits, is_true, unknown = logits[has_true].float(), is_true[has_true], relation[has_true] == -1
    log_probability = logits.masked_fill(unknown, float("-inf")).log_softmax(dim=1)
    per_row = -torch.where(is_true, log_probability, 0.0).sum(dim=1) / is_true.sum(dim=1)
    return per_row.mean()
