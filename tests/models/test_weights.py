import hashlib

import pytest
import torch
from tests.models.tiny import make_model
from torch import Tensor

from paraclap.models import hash_weights

STATE = {
    "a": torch.arange(6, dtype=torch.float32).reshape(2, 3),
    "b": torch.tensor([1, 2]),
    "scale": torch.tensor(2.5),
    "flags": torch.tensor([True, False]),
    "half": torch.tensor([0.5], dtype=torch.bfloat16),
    "empty": torch.zeros(0, 4),
}
CHANGES: dict[str, dict[str, Tensor]] = {
    "a value": {"a": STATE["a"] + torch.eye(2, 3) * 1e-6},
    "the sign of zero": {"a": torch.where(STATE["a"] == 0, -0.0, STATE["a"])},
    "a scalar": {"scale": torch.tensor(2.5000002)},
    "a shape": {"a": STATE["a"].reshape(3, 2)},
    "a type": {"b": STATE["b"].int()},
    "a name": {"c": STATE["b"]},
    "an order of values": {"b": STATE["b"].flip(0)},
}


def test_the_fingerprint_is_what_it_was() -> None:
    lines = b"a torch.float32 (2, 3)\n" + STATE["a"].numpy().tobytes() + b"scale torch.float32 ()\n2.5"

    assert hash_weights({"scale": STATE["scale"], "a": STATE["a"]}) == hashlib.sha256(lines).hexdigest()


def test_the_order_of_keys_and_the_layout_in_memory_change_nothing() -> None:
    shuffled = {key: STATE[key] for key in sorted(STATE, reverse=True)} | {"a": STATE["a"].T.contiguous().T}

    assert hash_weights(shuffled) == hash_weights(STATE)
    assert hash_weights(
        {key: value.clone().requires_grad_(value.is_floating_point()) for key, value in STATE.items()}
    ) == (hash_weights(STATE))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_every_change_changes_the_fingerprint(change: dict[str, Tensor]) -> None:
    assert hash_weights(STATE | change) != hash_weights(STATE)


def test_two_models_of_one_seed_have_one_fingerprint() -> None:
    assert hash_weights(make_model().state_dict()) == hash_weights(make_model().state_dict())
    assert hash_weights(make_model().state_dict()) != hash_weights(make_model(seed=1).state_dict())
