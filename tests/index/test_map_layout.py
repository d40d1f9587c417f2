import sys
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from paraclap.errors import ConfigError
from paraclap.index.map_layout import choose_method, lay_out

Array = npt.NDArray[np.float32]


def draw_vectors(number: int, size: int = 8, *, seed: int = 0) -> Array:
    """Draw unit vectors in three groups, one after the other."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(3, size))
    vectors = centres[np.arange(number) % 3] + 0.2 * generator.normal(size=(number, size))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


class FakeUmap:
    """Remember how UMAP was called, and give back where it should begin."""

    calls: list[dict[str, Any]]

    def __init__(self, **settings: Any) -> None:
        FakeUmap.calls.append(settings)
        self.begin: Array = settings["init"]

    def fit_transform(self, vectors: Array) -> Array:
        assert len(vectors) == len(self.begin)
        return self.begin


@pytest.fixture
def fake_umap(monkeypatch: pytest.MonkeyPatch) -> type[FakeUmap]:
    module = ModuleType("umap")
    module.UMAP = FakeUmap  # type: ignore[attr-defined]
    FakeUmap.calls = []
    monkeypatch.setitem(sys.modules, "umap", module)
    monkeypatch.setattr("paraclap.index.map_layout.find_spec", lambda name: name)
    return FakeUmap


def test_principal_components_are_those_of_a_singular_value_decomposition() -> None:
    vectors = draw_vectors(50)

    layout = lay_out(vectors, method="pca")

    centred = vectors.astype(np.float64) - vectors.astype(np.float64).mean(axis=0)
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    places = layout.points.astype(np.float64)
    for axis in range(2):
        expected = centred @ axes[axis]
        correlation = np.corrcoef(expected, places[:, axis])[0, 1]
        assert abs(correlation) == pytest.approx(1.0, abs=1e-6)
    shares = singular**2 / (singular**2).sum()
    assert f"across {shares[0]:.0%} of the variance, up {shares[1]:.0%}" in layout.note
    extents = np.ptp(places, axis=0)
    assert extents[0] / extents[1] == pytest.approx(np.ptp(centred @ axes[0]) / np.ptp(centred @ axes[1]), rel=1e-4)


def test_places_lie_between_0_and_1_and_are_the_same_each_time() -> None:
    vectors = draw_vectors(40)

    layout = lay_out(vectors, method="pca")

    assert (layout.points.min(), layout.points.max()) == (0.0, 1.0)
    assert layout.points.dtype == np.float32
    assert (layout.points == lay_out(vectors, method="pca").points).all()


def test_one_row_and_equal_rows_lie_in_the_middle() -> None:
    assert lay_out(draw_vectors(1)).points.tolist() == [[0.5, 0.5]]
    assert lay_out(np.repeat(draw_vectors(1), 5, axis=0), method="pca").points == pytest.approx(0.5)


def test_umap_is_seeded_and_begins_with_principal_components(fake_umap: type[FakeUmap]) -> None:
    vectors = draw_vectors(60)

    layout = lay_out(vectors, seed=3)

    (call,) = fake_umap.calls
    assert (call["random_state"], call["n_jobs"], call["metric"]) == (3, 1, "cosine")
    assert layout.method == "umap"
    assert "seed 3" in layout.note
    assert layout.points == pytest.approx(lay_out(vectors, method="pca").points, abs=1e-3)


def test_umap_keeps_groups_apart_and_is_the_same_for_the_same_seed() -> None:
    pytest.importorskip("umap", reason="needs the extra 'map'")
    vectors = draw_vectors(60)

    first, second = lay_out(vectors, method="umap", seed=1), lay_out(vectors, method="umap", seed=1)

    assert (first.points == second.points).all()
    distances = np.linalg.norm(first.points[:, None] - first.points[None], axis=2) + 9 * np.eye(60)
    nearest = distances.argmin(axis=1)
    assert (nearest % 3 == np.arange(60) % 3).mean() > 0.9


@pytest.mark.parametrize(
    ("wanted", "num_rows", "installed", "chosen"),
    [
        (None, 500, True, "umap"),
        (None, 500, False, "pca"),
        (None, 19, True, "pca"),
        ("pca", 500, True, "pca"),
        ("umap", 20, True, "umap"),
    ],
)
def test_the_method_is_umap_where_it_can_be(
    monkeypatch: pytest.MonkeyPatch, wanted: str | None, num_rows: int, installed: bool, chosen: str
) -> None:
    monkeypatch.setattr("paraclap.index.map_layout.find_spec", lambda name: name if installed else None)

    assert choose_method(wanted, num_rows) == chosen


@pytest.mark.parametrize(
    ("wanted", "num_rows", "installed", "message"),
    [
        ("tsne", 500, True, r"no method 'tsne'; expected umap or pca"),
        (
            "umap",
            500,
            False,
            r"umap-learn is not installed; install it with: pip install 'paraclap\[map\]', or use pca",
        ),
        ("umap", 7, True, r"7 windows are too few for UMAP; expected 20 or more: use pca"),
    ],
)
def test_a_method_that_cannot_be_used_is_refused(
    monkeypatch: pytest.MonkeyPatch, wanted: str, num_rows: int, installed: bool, message: str
) -> None:
    monkeypatch.setattr("paraclap.index.map_layout.find_spec", lambda name: name if installed else None)

    with pytest.raises(ConfigError, match=message):
        choose_method(wanted, num_rows)
