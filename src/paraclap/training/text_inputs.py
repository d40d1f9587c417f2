"""Captions and prompts as what the text tower takes, or as its pooled output where it is frozen: each text once."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import torch
from torch import Tensor

from paraclap.models import ParaClapModel, ParaClapProcessor, count_max_tokens
from paraclap.training.loading import LoadedBatch

_MAX_TEXTS = 20_000  # remembered at once, some 30 MB


class TextInputs:
    """Turn texts into the inputs of a pass; of a frozen tower its pooled output is remembered for those seen last.

    Args:
        model: whose text tower it is.
        processor: with its tokenizer.
        is_frozen: whether the tower stays as it is.
        max_texts: that are remembered.
    """

    def __init__(
        self, model: ParaClapModel, processor: ParaClapProcessor, *, is_frozen: bool, max_texts: int = _MAX_TEXTS
    ) -> None:
        self._model = model
        self._processor = processor
        self._is_frozen = is_frozen
        self._max_texts = max_texts
        self._max_tokens = count_max_tokens(processor.tokenizer, model.text_tower)
        self._pooled: dict[str, Tensor] = {}

    def collate(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Return the inputs of a pass for texts: tokens, or for a frozen tower `pooled` `[N, H]`."""
        return {"pooled": self.pool(texts)} if self._is_frozen else self._tokenize(texts)

    @torch.no_grad()
    def pool(self, texts: Sequence[str]) -> Tensor:
        """Return pooled texts `[N, H]`, before the projection; of a frozen tower only new ones are encoded."""
        if not self._is_frozen:
            return self._encode(texts)
        self._meet(texts)
        pooled = torch.stack([self._pooled[text] for text in texts])
        for text in texts:  # the ones used last are kept
            self._pooled[text] = self._pooled.pop(text)
        while len(self._pooled) > self._max_texts:
            del self._pooled[next(iter(self._pooled))]
        return pooled

    def meet_ahead(self, batches: Iterator[LoadedBatch], *, first: int, count: int) -> Iterator[LoadedBatch]:
        """Yield batches, before each block of which a frozen tower encodes all captions together that it has not met.

        A few texts take nearly as long as one: the weights of a tower must be read for them. Blocks begin at multiples
        of `count`, so that a run that goes on within one, with the texts that it restores, has the same digits.

        Args:
            batches: of this process.
            first: number of the first one.
            count: batches in a block, which are held in memory together.
        """
        if self._is_frozen:
            yield from islice(batches, -first % count)
            while block := list(islice(batches, count)):
                self._meet(text for batch in block for captions in batch.captions for text in captions)
                yield from block
        yield from batches

    def export_state(self) -> tuple[list[str], Tensor]:
        """Return all texts and their pooled output `[N, H]`, whose last digits depend on what was encoded together."""
        texts = list(self._pooled)
        return texts, torch.stack(list(self._pooled.values())).cpu() if texts else torch.empty(0)

    def restore_state(self, texts: Sequence[str], pooled: Tensor) -> None:
        """Take over what `export_state` returned, so that a resumed run has the same digits."""
        self._pooled = dict(zip(texts, pooled.to(self._model.device).unbind(), strict=True))

    @torch.no_grad()
    def _meet(self, texts: Iterable[str]) -> None:
        new = sorted({text for text in texts if text not in self._pooled})
        if new:
            self._pooled |= dict(zip(new, self._encode(new).unbind(), strict=True))

    def _tokenize(self, texts: Sequence[str]) -> dict[str, Tensor]:
        return dict(self._processor(text=list(texts), max_length=self._max_tokens).to(self._model.device))

    def _encode(self, texts: Sequence[str]) -> Tensor:
        return self._model.pool_text(**self._tokenize(texts)).float()
