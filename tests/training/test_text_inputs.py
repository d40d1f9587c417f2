from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from tests.models.tiny import MAX_TOKENS, make_model, make_processor

from paraclap.models import ParaClapModel
from paraclap.training.loading import LoadedBatch
from paraclap.training.text_inputs import TextInputs

TEXTS = ["a man", "an angry woman is speaking", "sad", "a man"]
LONG = "a calm voice " * 40


def make_inputs(model: ParaClapModel, *, is_frozen: bool = True, **options: int) -> TextInputs:
    return TextInputs(model, make_processor(), is_frozen=is_frozen, **options)


def count_encoded(model: ParaClapModel) -> list[int]:
    """Return a list that gets the number of texts of every pass through the text tower."""
    counts: list[int] = []
    model.text_tower.register_forward_hook(lambda _, __, output: counts.append(len(output.last_hidden_state)))
    return counts


@pytest.mark.parametrize("is_frozen", [True, False])
def test_texts_are_pooled_as_the_model_pools_them(is_frozen: bool) -> None:
    model, processor = make_model(), make_processor()

    pooled = make_inputs(model, is_frozen=is_frozen).pool([*TEXTS, LONG])

    with torch.no_grad():
        alone = [model.pool_text(**processor(text=text, max_length=MAX_TOKENS))[0] for text in [*TEXTS, LONG]]
    assert (pooled - torch.stack(alone)).abs().max() < 1e-5
    assert not pooled.requires_grad


def test_of_a_frozen_tower_a_pass_takes_the_pooled_output() -> None:
    inputs = make_inputs(make_model())

    collated = inputs.collate(TEXTS)

    assert set(collated) == {"pooled"}
    assert torch.equal(collated["pooled"], inputs.pool(TEXTS))


def test_for_a_tower_that_trains_a_pass_takes_tokens_cut_at_its_length() -> None:
    model, processor = make_model(), make_processor()
    processor.tokenizer.model_max_length = 10**30  # of tokenizers that know no limit
    counts = count_encoded(model)

    collated = TextInputs(model, processor, is_frozen=False).collate([*TEXTS, LONG])

    assert counts == []
    assert collated["input_ids"].shape == (5, MAX_TOKENS)
    assert model.get_text_features(**collated).requires_grad
    expected = processor(text=TEXTS)
    length = expected["input_ids"].shape[1]
    assert torch.equal(collated["input_ids"][:4, :length], expected["input_ids"])
    assert collated["attention_mask"].sum(dim=1).tolist() == [*expected["attention_mask"].sum(dim=1), MAX_TOKENS]


def test_each_text_passes_a_frozen_tower_once() -> None:
    model = make_model()
    counts = count_encoded(model)
    inputs = make_inputs(model)

    first = inputs.pool(TEXTS)
    again = inputs.pool([*TEXTS[::-1], "a child"])

    assert counts == [3, 1]
    assert torch.equal(first, again[:4].flip(0))


def test_nothing_is_remembered_of_a_tower_that_trains() -> None:
    model = make_model()
    inputs = make_inputs(model, is_frozen=False)
    before = inputs.pool(TEXTS)
    with torch.no_grad():
        model.text_tower.embeddings.word_embeddings.weight.mul_(2)

    after = inputs.pool(TEXTS)

    assert not torch.allclose(before, after)
    assert inputs.export_state()[0] == []


def make_batches(captions: Sequence[str]) -> Iterator[LoadedBatch]:
    """Yield a batch for each caption, said of two clips in a chunk each."""
    plan: Any = None
    yield from (LoadedBatch(plan, ({}, {}), ((caption,), (caption, "sad"))) for caption in captions)


def test_captions_of_batches_to_come_pass_a_frozen_tower_together() -> None:
    model = make_model()
    counts = count_encoded(model)
    inputs = make_inputs(model)

    seen = []
    for batch in inputs.meet_ahead(make_batches(["a", "b", "a", "c", "d"]), first=2, count=3):
        inputs.collate(batch.captions[1])
        seen.append((batch.captions[0], list(counts)))

    # The first batch is the last of its block; "a" and "c" are met with the rest of theirs.
    assert seen == [(("a",), [2]), (("b",), [2, 2]), (("a",), [2, 2]), (("c",), [2, 2]), (("d",), [2, 2, 1])]


def test_captions_for_a_tower_that_trains_are_not_encoded_ahead() -> None:
    model = make_model()
    counts = count_encoded(model)

    batches = list(make_inputs(model, is_frozen=False).meet_ahead(make_batches(["a", "b"]), first=0, count=2))

    assert [batch.captions[0] for batch in batches] == [("a",), ("b",)]
    assert counts == []


def test_restored_texts_have_the_same_digits_and_are_not_encoded_again() -> None:
    model = make_model()
    inputs, restored = make_inputs(model), make_inputs(model)
    pooled = inputs.pool(TEXTS)
    restored.restore_state(*inputs.export_state())
    model.text_tower.register_forward_hook(lambda *_: pytest.fail("a text was encoded again"))

    assert torch.equal(restored.pool(TEXTS), pooled)


def test_where_nothing_is_remembered_there_is_nothing_to_restore() -> None:
    inputs = make_inputs(make_model())

    inputs.restore_state(*inputs.export_state())

    assert inputs.export_state()[0] == []


def test_the_texts_used_last_are_remembered() -> None:
    inputs = make_inputs(make_model(), max_texts=2)

    first = inputs.pool(["a man", "sad", "a child"])
    texts, pooled = inputs.export_state()

    assert texts == ["sad", "a child"]
    assert torch.equal(pooled, first[1:])
    inputs.pool(["sad"])
    assert (inputs.pool(["a man"]) - first[:1]).abs().max() < 1e-6
    assert inputs.export_state()[0] == ["sad", "a man"]
