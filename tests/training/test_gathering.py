import pytest
import torch
from tests.training.two_processes import run_in_two
from torch import Tensor, distributed

from paraclap.errors import ConfigError
from paraclap.training.gathering import gather, let_main, num_processes, process_rank, wait_for_main


def test_one_process_gathers_its_own_rows() -> None:
    rows = torch.randn(3, 4, requires_grad=True)
    weights = torch.arange(12.0).reshape(3, 4)

    gathered = gather(rows)
    (gathered * weights).sum().backward()  # type: ignore[no-untyped-call]

    assert torch.equal(gathered, rows)
    assert rows.grad is not None
    assert torch.equal(rows.grad, weights)
    assert (num_processes(), process_rank()) == (1, 0)


def test_one_process_waits_for_none() -> None:
    with wait_for_main():
        pass
    with pytest.raises(ValueError, match="as it was"), wait_for_main():
        raise ValueError("as it was")


def fail() -> None:
    raise ConfigError(f"the folder is full, says process {process_rank()}")


def test_an_error_of_the_first_process_is_raised() -> None:
    done: list[int] = []
    let_main(lambda: done.append(1))
    assert done == [1]
    with pytest.raises(ConfigError, match=r"^the folder is full, says process 0$"):
        let_main(fail)


def gather_in_turn() -> tuple[Tensor, Tensor, list[int], str]:
    """Gather two rows of each process, use them twice, and note in which order processes come to their turn."""
    distributed.init_process_group("gloo")
    rank = process_rank()
    rows = torch.full((2, 3), float(rank + 1), requires_grad=True)
    gathered = gather(rows)
    weights = torch.arange(12.0).reshape(4, 3)
    loss = (gathered * weights).sum() + gathered.square().sum()
    loss.backward()  # type: ignore[no-untyped-call]
    store = distributed.distributed_c10d._get_default_store()
    with wait_for_main():
        turn = store.add("turn", 1)
    turns: list[int] = [0, 0]
    distributed.all_gather_object(turns, turn)
    said = ""
    try:
        let_main(fail)
    except ConfigError as error:
        said = str(error)
    with pytest.raises(ValueError, match="in the first"), wait_for_main():
        raise ValueError("in the first process, and then in the others")
    assert rows.grad is not None
    return gathered.detach(), rows.grad, turns, said


def test_two_processes_gather_all_rows_in_their_order_and_each_gets_the_gradient_of_its_own() -> None:
    (first, first_gradient, turns, first_said), (second, second_gradient, _, second_said) = run_in_two(gather_in_turn)

    assert torch.equal(first, second)
    assert torch.equal(first[:, 0], torch.tensor([1.0, 1.0, 2.0, 2.0]))
    expected = 2 * (torch.arange(12.0).reshape(4, 3) + 2 * first)  # of both processes' losses, which are the same
    assert torch.equal(torch.cat([first_gradient, second_gradient]), expected)
    assert turns == [1, 2]
    assert first_said == second_said == "the folder is full, says process 0"
