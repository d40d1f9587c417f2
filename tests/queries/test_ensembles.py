import numpy as np
import numpy.typing as npt
import pytest

from paraclap.errors import QueryError
from paraclap.queries import embed_classes


def test_a_class_is_the_unit_mean_of_its_prompts() -> None:
    generator = np.random.default_rng(0)
    prompts = [generator.normal(size=(count, 12)).astype(np.float32) for count in (1, 7, 3)]

    embeds = embed_classes(prompts)

    assert embeds.dtype == np.float32
    for own, embed in zip(prompts, embeds, strict=True):
        total = sum(vector.astype(np.float64) for vector in own)
        np.testing.assert_allclose(embed, total / np.sqrt((total**2).sum()), atol=1e-6)


def test_prompts_that_cancel_out_give_no_nan() -> None:
    assert embed_classes([np.array([[1.0, 0.0], [-1.0, 0.0]])]).tolist() == [[0.0, 0.0]]


@pytest.mark.parametrize("prompts", [[], [np.ones((2, 3)), np.ones((0, 3))]])
def test_nothing_to_average_is_refused(prompts: list[npt.NDArray[np.float64]]) -> None:
    with pytest.raises(QueryError, match=r"^found no class, or a class without prompts; expected one prompt or more"):
        embed_classes(prompts)
