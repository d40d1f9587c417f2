import math

import numpy as np
import numpy.typing as npt
import pytest
import torch

from paraclap.training import contrastive_loss
from paraclap.training.losses import attribute_loss


def loop_one_way(logits: npt.NDArray[np.float64], relation: npt.NDArray[np.int64]) -> float:
    losses = []
    for row, kinds in zip(logits, relation, strict=True):
        true = [j for j, kind in enumerate(kinds) if kind == 1]
        if true:
            total = sum(math.exp(row[j]) for j, kind in enumerate(kinds) if kind != -1)
            losses.append(sum(-math.log(math.exp(row[j]) / total) for j in true) / len(true))
    return sum(losses) / len(losses)


def draw(seed: int, shape: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    generator = np.random.default_rng(seed)
    relation = generator.choice([-1, 0, 1], size=shape, p=[0.3, 0.4, 0.3]).astype(np.int8)
    relation[0, 0] = 1
    return torch.tensor(generator.normal(0, 3, shape), dtype=torch.float32), torch.tensor(relation)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (1, 1)])
def test_the_loss_is_that_of_a_plain_loop(seed: int, shape: tuple[int, int]) -> None:
    logits, relation = draw(seed, shape)

    loss = contrastive_loss(logits, relation)

    there = loop_one_way(logits.double().numpy(), relation.numpy())
    back = loop_one_way(logits.T.double().numpy(), relation.T.numpy())
    assert loss.item() == pytest.approx((there + back) / 2, abs=1e-5)


def test_with_one_true_pair_each_it_is_info_nce() -> None:
    logits, _ = draw(0, (7, 7))
    target = torch.arange(7)
    cross_entropy = torch.nn.functional.cross_entropy

    loss = contrastive_loss(logits, torch.eye(7, dtype=torch.int8))

    expected = (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)


def test_what_is_unknown_has_no_say_and_no_gradient() -> None:
    logits, relation = draw(1, (5, 8))
    other = torch.where(relation == -1, logits + 50, logits)
    logits.requires_grad_()

    loss = contrastive_loss(logits, relation)
    loss.backward()  # type: ignore[no-untyped-call]

    assert loss.item() == contrastive_loss(other, relation).item()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()
    assert (logits.grad[relation == -1] == 0).all()
    assert (logits.grad[relation == 1] != 0).any()


def test_a_row_without_a_true_partner_does_not_count() -> None:
    logits, relation = draw(2, (4, 4))
    relation[3] = -1

    assert contrastive_loss(logits, relation).item() == contrastive_loss(logits[:3], relation[:3]).item()


def test_the_loss_of_half_precision_logits_is_computed_in_full() -> None:
    logits, relation = draw(3, (6, 6))
    half = logits.bfloat16()

    assert contrastive_loss(half, relation).dtype == torch.float32
    assert contrastive_loss(half, relation).item() == contrastive_loss(half.float(), relation).item()


def test_the_loss_by_attribute_is_the_mean_over_the_captions_of_each() -> None:
    logits, relation = draw(4, (5, 6))
    relation[0, 1] = relation[0, 2] = relation[1, 4] = 1
    relation[1, 0] = relation[2, 4] = 0
    attributes = ["emotion", None, "gender", "emotion", "gender", None]

    loss = attribute_loss(logits, relation, attributes)

    apart = [contrastive_loss(logits[:, columns], relation[:, columns]) for columns in ([0, 3], [2, 4])]
    assert loss.item() == pytest.approx(sum(part.item() for part in apart) / 2, abs=1e-6)


@pytest.mark.parametrize("attributes", [[None, None], ["gender", None]])
def test_attributes_without_a_true_and_a_false_pair_teach_nothing(attributes: list[str | None]) -> None:
    logits = torch.ones(2, 2, requires_grad=True)

    loss = attribute_loss(logits, torch.tensor([[1, 0], [-1, 1]]), attributes)
    loss.backward()  # type: ignore[no-untyped-call]

    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()
