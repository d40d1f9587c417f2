import pytest
import torch
from tests.models.tiny import make_model, make_tokenizer

from paraclap.training.text_bank import TextBank

TEXTS = ["a man", "an angry woman is speaking", "sad", "a man"]


def test_texts_are_pooled_as_the_model_pools_them() -> None:
    model, tokenizer = make_model(), make_tokenizer()

    pooled = TextBank(model, tokenizer).pool(TEXTS)

    with torch.no_grad():
        alone = [model.pool_text(**tokenizer(text, return_tensors="pt"))[0] for text in TEXTS]
        whole = model.get_text_features(**tokenizer(TEXTS, return_tensors="pt", padding=True))
    assert (pooled - torch.stack(alone)).abs().max() < 1e-5
    assert (model.project_text(pooled) - whole).abs().max() < 1e-5
    assert not pooled.requires_grad


def test_each_text_is_encoded_once() -> None:
    model = make_model()
    lengths: list[int] = []
    model.text_tower.register_forward_hook(lambda _, __, output: lengths.append(len(output.last_hidden_state)))
    bank = TextBank(model, make_tokenizer())

    first = bank.pool(TEXTS)
    again = bank.pool([*TEXTS[::-1], "a child"])

    assert sum(lengths) == 4
    assert torch.equal(first, again[:4].flip(0))


def test_a_restored_bank_has_the_same_digits_and_encodes_nothing_again() -> None:
    model = make_model()
    bank, restored = TextBank(model, make_tokenizer()), TextBank(model, make_tokenizer())
    pooled = bank.pool(TEXTS)
    restored.restore_state(*bank.export_state())
    model.text_tower.register_forward_hook(lambda *_: pytest.fail("a text was encoded again"))

    assert torch.equal(restored.pool(TEXTS), pooled)


def test_the_texts_used_last_are_remembered() -> None:
    model = make_model()
    bank = TextBank(model, make_tokenizer(), max_texts=2)

    first = bank.pool(["a man", "sad", "a child"])
    texts, pooled = bank.export_state()

    assert texts == ["sad", "a child"]
    assert torch.equal(pooled, first[1:])
    assert (bank.pool(["a man"]) - first[:1]).abs().max() < 1e-6
