import math
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
import torch

from paraclap.errors import ConfigError
from paraclap.training.losses import (
    SIGMOID_BIAS,
    LossKind,
    PairLoss,
    attribute_loss,
    compute_loss,
    contrastive_loss,
    find_targets,
    sigmoid_loss,
)

Floats = npt.NDArray[np.float64]
Kinds = npt.NDArray[np.int8]
BIAS = torch.tensor(-2.0)
SIGMOID: PairLoss = partial(sigmoid_loss, bias=BIAS)


def loop_one_way(logits: Floats, relation: Kinds, smoothing: float) -> float:
    losses = []
    for row, kinds in zip(logits, relation, strict=True):
        true, known = (
            [j for j, kind in enumerate(kinds) if kind == 1],
            [j for j, kind in enumerate(kinds) if kind != -1],
        )
        if true:
            total = sum(math.exp(row[j]) for j in known)
            share = {j: (1 - smoothing) * (j in true) / len(true) + smoothing / len(known) for j in known}
            losses.append(sum(-share[j] * math.log(math.exp(row[j]) / total) for j in known))
    return sum(losses) / max(1, len(losses))


def loop_contrastive(logits: Floats, relation: Kinds, smoothing: float = 0.0) -> float:
    return (loop_one_way(logits, relation, smoothing) + loop_one_way(logits.T, relation.T, smoothing)) / 2


def loop_sigmoid(logits: Floats, relation: Kinds, bias: float) -> float:
    total = 0.0
    for (i, j), kind in np.ndenumerate(relation):
        if kind != -1:
            probability = 1 / (1 + math.exp(-logits[i, j] - bias))
            total -= math.log(probability if kind == 1 else 1 - probability)
    return total / len(logits)


def slope(loss: Callable[[Floats], float], logits: Floats, step: float = 1e-5) -> Floats:
    """Differentiate a loop by the difference between two steps, pair by pair."""
    gradient = np.zeros_like(logits)
    for place in np.ndindex(logits.shape):
        moved = np.zeros_like(logits)
        moved[place] = step
        gradient[place] = (loss(logits + moved) - loss(logits - moved)) / (2 * step)
    return gradient


def gradient_of(loss: torch.Tensor, leaf: torch.Tensor) -> Floats:
    (gradient,) = torch.autograd.grad(loss, leaf)
    return np.asarray(gradient.double().numpy(), dtype=np.float64)


def draw(seed: int, shape: tuple[int, int]) -> tuple[torch.Tensor, torch.Tensor]:
    generator = np.random.default_rng(seed)
    relation = generator.choice([-1, 0, 1], size=shape, p=[0.3, 0.4, 0.3]).astype(np.int8)
    relation[0, 0] = 1
    return torch.tensor(generator.normal(0, 3, shape), dtype=torch.float32), torch.tensor(relation)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (1, 1)])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_and_its_gradient_are_those_of_a_plain_loop(
    seed: int, shape: tuple[int, int], smoothing: float
) -> None:
    logits, relation = draw(seed, shape)
    logits.requires_grad_()

    loss = contrastive_loss(logits, relation, smoothing=smoothing)

    loop = partial(loop_contrastive, relation=relation.numpy(), smoothing=smoothing)
    numbers = logits.detach().double().numpy()
    assert loss.item() == pytest.approx(loop(numbers), abs=1e-5)
    assert gradient_of(loss, logits) == pytest.approx(slope(loop, numbers), abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [(6, 6), (4, 9), (1, 1)])
def test_the_sigmoid_loss_and_its_gradients_are_those_of_a_plain_loop(seed: int, shape: tuple[int, int]) -> None:
    logits, relation = draw(seed, shape)
    logits.requires_grad_()
    bias = BIAS.clone().requires_grad_()

    loss = sigmoid_loss(logits, relation, bias)

    loop = partial(loop_sigmoid, relation=relation.numpy(), bias=BIAS.item())
    numbers = logits.detach().double().numpy()
    step = 1e-5
    by_bias = (loop(numbers, bias=BIAS.item() + step) - loop(numbers, bias=BIAS.item() - step)) / (2 * step)
    assert loss.item() == pytest.approx(loop(numbers), rel=1e-5)
    (found,) = torch.autograd.grad(loss, bias, retain_graph=True)
    assert found.item() == pytest.approx(by_bias, abs=1e-4)
    assert gradient_of(loss, logits) == pytest.approx(slope(loop, numbers), abs=1e-5)


def test_the_sigmoid_loss_of_large_logits_is_finite() -> None:
    logits = torch.tensor([[200.0, 200.0], [-200.0, -200.0]], requires_grad=True)

    loss = sigmoid_loss(logits, torch.tensor([[1, 0], [1, 0]]), torch.tensor(SIGMOID_BIAS))

    assert loss.item() == pytest.approx((190 + 210) / 2)
    assert gradient_of(loss, logits) == pytest.approx(np.array([[0, 0.5], [-0.5, 0]]))


def test_with_one_true_pair_each_it_is_info_nce() -> None:
    logits, _ = draw(0, (7, 7))
    target = torch.arange(7)
    cross_entropy = torch.nn.functional.cross_entropy

    loss = contrastive_loss(logits, torch.eye(7, dtype=torch.int8))

    expected = (cross_entropy(logits, target) + cross_entropy(logits.T, target)) / 2
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)


def test_clip_is_the_loss_of_each_caption_with_the_clip_that_it_was_made_for() -> None:
    logits, relation = draw(0, (3, 6))  # two captions a clip
    cross_entropy = torch.nn.functional.cross_entropy

    loss = compute_loss("clip", logits, find_targets("clip", relation))

    own = torch.stack([logits.log_softmax(dim=1)[i, [2 * i, 2 * i + 1]].mean() for i in range(3)])
    expected = (cross_entropy(logits.T, torch.tensor([0, 0, 1, 1, 2, 2])) - own.mean()) / 2
    assert loss.item() == pytest.approx(expected.item(), abs=1e-6)


def test_clip_asks_whose_caption_it_is_and_the_others_what_is_true() -> None:
    relation = torch.tensor([[1, 1, -1, 0], [1, 0, 1, 1]], dtype=torch.int8)

    targets = find_targets("clip", relation)

    assert targets.tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]
    assert targets.dtype == relation.dtype
    assert find_targets("contrastive", relation) is relation
    assert find_targets("sigmoid", relation) is relation


@pytest.mark.parametrize("pair_loss", [contrastive_loss, partial(contrastive_loss, smoothing=0.3), SIGMOID])
def test_what_is_unknown_has_no_say_and_no_gradient(pair_loss: PairLoss) -> None:
    logits, relation = draw(1, (5, 8))
    other = torch.where(relation == -1, logits + 50, logits)
    logits.requires_grad_()

    loss = pair_loss(logits, relation)

    gradient = gradient_of(loss, logits)
    known = relation.numpy() != -1
    assert loss.item() == pair_loss(other, relation).item()
    assert np.isfinite(gradient).all()
    assert not gradient[~known].any()
    assert gradient[known].any()


def test_a_row_without_a_true_partner_does_not_count() -> None:
    logits, relation = draw(2, (4, 4))
    relation[3] = -1

    assert contrastive_loss(logits, relation).item() == contrastive_loss(logits[:3], relation[:3]).item()


@pytest.mark.parametrize("pair_loss", [contrastive_loss, partial(contrastive_loss, smoothing=0.3), SIGMOID])
@pytest.mark.parametrize("kind", [0, -1])
def test_rows_and_columns_without_a_true_partner_leave_no_nan(pair_loss: PairLoss, kind: int) -> None:
    logits, relation = draw(2, (4, 6))
    logits.requires_grad_()
    relation[2:], relation[:, 3:] = kind, kind

    assert np.isfinite(gradient_of(pair_loss(logits, relation), logits)).all()

    relation[:] = kind
    nothing_true = pair_loss(logits, relation)
    gradient = gradient_of(nothing_true, logits)
    assert math.isfinite(nothing_true.item())
    assert np.isfinite(gradient).all()
    if pair_loss is not SIGMOID or kind == -1:
        assert nothing_true.item() == 0
        assert not gradient.any()


@pytest.mark.parametrize("pair_loss", [contrastive_loss, SIGMOID])
def test_the_loss_of_half_precision_logits_is_computed_in_full(pair_loss: PairLoss) -> None:
    logits, relation = draw(3, (6, 6))
    half = logits.bfloat16()

    assert pair_loss(half, relation).dtype == torch.float32
    assert pair_loss(half, relation).item() == pair_loss(half.float(), relation).item()


@pytest.mark.parametrize("pair_loss", [contrastive_loss, SIGMOID])
def test_a_logit_that_is_not_a_number_shows_in_the_loss(pair_loss: PairLoss) -> None:
    logits, relation = draw(3, (6, 6))
    logits[0, 0] = float("nan")

    assert math.isnan(pair_loss(logits, relation).item())


def test_a_loss_is_chosen_by_its_name() -> None:
    logits, relation = draw(5, (4, 4))
    own = torch.eye(4, dtype=torch.int8)

    assert compute_loss("contrastive", logits, relation, smoothing=0.1).item() == (
        contrastive_loss(logits, relation, smoothing=0.1).item()
    )
    assert compute_loss("contrastive", logits, relation, bias=BIAS).item() == contrastive_loss(logits, relation).item()
    assert compute_loss("clip", logits, find_targets("clip", relation), smoothing=0.1).item() == (
        contrastive_loss(logits, own, smoothing=0.1).item()
    )
    assert compute_loss("sigmoid", logits, relation, bias=BIAS).item() == sigmoid_loss(logits, relation, BIAS).item()


def test_the_loss_by_attribute_is_the_mean_over_attributes_by_their_captions() -> None:
    logits, relation = draw(4, (5, 6))
    relation[0, 1] = relation[0, 2] = relation[1, 4] = 1
    relation[1, 0] = relation[2, 4] = 0
    attributes = ["emotion", None, "gender", "emotion", "gender", "gender"]

    loss = attribute_loss(logits, relation, attributes)

    apart = [contrastive_loss(logits[:, columns], relation[:, columns]) for columns in ([0, 3], [2, 4, 5])]
    assert loss.item() == pytest.approx((2 * apart[0].item() + 3 * apart[1].item()) / 5, abs=1e-6)


@pytest.mark.parametrize("attributes", [[None, None], ["gender", None]])
def test_attributes_without_a_true_and_a_false_pair_teach_nothing(attributes: list[str | None]) -> None:
    logits = torch.ones(2, 2, requires_grad=True)

    loss = attribute_loss(logits, torch.tensor([[1, 0], [-1, 1]]), attributes)
    loss.backward()  # type: ignore[no-untyped-call]

    assert loss.item() == 0
    assert logits.grad is not None
    assert not logits.grad.any()


@pytest.mark.parametrize("kind", ["contrastive", "clip", "sigmoid"])
def test_the_loss_by_attribute_is_that_of_the_chosen_name(kind: LossKind) -> None:
    logits, relation = draw(6, (3, 6))
    relation[0, 1], relation[1, 1], relation[1, 4], relation[2, 4] = 1, 0, 1, 0
    bias = BIAS if kind == "sigmoid" else None
    targets = find_targets(kind, relation)

    loss = attribute_loss(
        logits,
        targets,
        [None, "age", "age", "tempo", "tempo", "tempo"],
        pair_loss=partial(compute_loss, kind, bias=bias),
    )

    loop = partial(loop_sigmoid, bias=BIAS.item()) if kind == "sigmoid" else loop_contrastive
    numbers, kinds = logits.double().numpy(), targets.numpy()
    apart = [loop(numbers[:, columns], kinds[:, columns]) for columns in ([1, 2], [3, 4, 5])]
    assert loss.item() == pytest.approx((2 * apart[0] + 3 * apart[1]) / 5, rel=1e-5)


def test_a_loss_of_no_known_name_is_refused() -> None:
    logits, relation = draw(0, (2, 2))
    message = r"no loss 'sigmod'; did you mean 'sigmoid'\? known: contrastive, clip, sigmoid"

    with pytest.raises(ConfigError, match=message):
        compute_loss("sigmod", logits, relation)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=message):
        find_targets("sigmod", relation)  # type: ignore[arg-type]


def test_what_a_loss_lacks_or_does_not_know_is_refused() -> None:
    logits, relation = draw(0, (2, 2))

    with pytest.raises(ConfigError, match="loss 'sigmoid' with no bias; it needs a learned bias"):
        compute_loss("sigmoid", logits, relation)
    with pytest.raises(ConfigError, match=r"loss 'sigmoid' with smoothing 0\.1; it needs .* no smoothing"):
        compute_loss("sigmoid", logits, relation, bias=BIAS, smoothing=0.1)
    for smoothing in (-0.1, 1.0, float("nan")):
        with pytest.raises(ConfigError, match=r"smoothing .*; expected a share from 0 to below 1"):
            contrastive_loss(logits, relation, smoothing=smoothing)


@pytest.mark.parametrize("relation", [[[1, 1], [0, 1]], [[1, 0], [-1, 1]], [[1, 0], [0, 0]]])
def test_clip_refuses_facts(relation: list[list[int]]) -> None:
    with pytest.raises(ConfigError, match="captions of no clip, of several or of unknown ones; ask find_targets first"):
        compute_loss("clip", torch.ones(2, 2), torch.tensor(relation))


@pytest.mark.parametrize("shape", [(2, 3), (0, 3)])
def test_clip_needs_as_many_captions_of_every_clip(shape: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=f"found 3 captions of {shape[0]} clips; .* as many captions of every clip"):
        find_targets("clip", torch.zeros(shape))


@pytest.mark.parametrize("shapes", [((2, 3), (3, 2)), ((4,), (4,)), ((0, 3), (0, 3)), ((3, 0), (3, 0))])
def test_logits_and_relation_that_do_not_fit_are_refused(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    logits, relation = torch.ones(shapes[0]), torch.ones(shapes[1])

    for loss in (contrastive_loss, SIGMOID, partial(attribute_loss, attributes=["age"] * 3)):
        with pytest.raises(ConfigError, match=r"found logits \[.*\] and a relation \[.*\]; expected both \[clips, cap"):
            loss(logits, relation)


def test_attributes_of_other_captions_are_refused() -> None:
    with pytest.raises(ConfigError, match="found attributes of 2 captions; expected 3"):
        attribute_loss(torch.ones(1, 3), torch.ones(1, 3), ["age", None])
