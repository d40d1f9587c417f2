"""Texts through the frozen text tower, each once."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from paraclap.models import ParaClapModel

_MAX_TEXTS = 20_000  # remembered at once, some 30 MB


class TextBank:
    """Remember the pooled output of the frozen text tower for the texts seen last."""

    def __init__(self, model: ParaClapModel, tokenizer: Any, *, max_texts: int = _MAX_TEXTS) -> None:
        self._max_texts = max_texts
        self._model = model
        self._tokenizer = tokenizer
        self._pooled: dict[str, Tensor] = {}

    @torch.no_grad()
    def pool(self, texts: Sequence[str]) -> Tensor:
        """Return pooled texts `[N, H]`, before the projection; only new ones are encoded."""
        new = sorted({text for text in texts if text not in self._pooled})
        if new:
            tokens = self._tokenizer(new, padding=True, truncation=True, return_tensors="pt")
            self._pooled |= dict(zip(new, self._model.pool_text(**tokens).unbind(), strict=True))
        pooled = torch.stack([self._pooled[text] for text in texts])
        for text in texts:  # the ones used last are kept
            self._pooled[text] = self._pooled.pop(text)
        for text in list(self._pooled)[: -self._max_texts]:
            del self._pooled[text]
        return pooled

    def export_state(self) -> tuple[list[str], Tensor]:
        """Return all texts and their pooled output `[N, H]`, whose last digits depend on what was encoded together."""
        texts = list(self._pooled)
        return texts, torch.stack(list(self._pooled.values())) if texts else torch.empty(0)

    def restore_state(self, texts: Sequence[str], pooled: Tensor) -> None:
        """Take over what `export_state` returned, so that a resumed run has the same digits."""
        self._pooled = dict(zip(texts, pooled.unbind(), strict=True))
