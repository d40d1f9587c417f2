"""Places on a map: vectors in two dimensions, by UMAP or by principal components; the same each time."""

import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from paraclap.errors import ConfigError

Method = Literal["umap", "pca"]
Points = npt.NDArray[np.float32]

_NUM_NEIGHBOURS = 15
_MIN_DISTANCE = 0.1
_FEWEST = 20  # rows that have neighbourhoods; fewer are laid out by principal components
_INITIAL_EXTENT = 10.0  # of the places that UMAP begins from, as its own are
_INITIAL_NOISE = 1e-4  # of them too, so that equal vectors part


@dataclass(frozen=True)
class Layout:
    """Hold places `[N, 2]` from 0 to 1, both axes to the same scale, the method, and what distances mean."""

    points: Points
    method: Method
    note: str


def choose_method(wanted: str | None, num_rows: int) -> Method:
    """Return the method that is wanted; if nobody says, UMAP where it is installed and there are enough rows.

    Raises:
        ConfigError: if the method does not exist, or UMAP is wanted and not installed or for too few rows.
    """
    if wanted not in (None, "umap", "pca"):
        raise ConfigError(f"no method {wanted!r}; expected umap or pca")
    is_installed = find_spec("umap") is not None
    if wanted == "umap" and not is_installed:
        raise ConfigError("umap-learn is not installed; install it with: pip install 'paraclap[map]', or use pca")
    if wanted == "umap" and num_rows < _FEWEST:
        raise ConfigError(f"{num_rows} windows are too few for UMAP; expected {_FEWEST} or more: use pca")
    if wanted == "pca" or not is_installed or num_rows < _FEWEST:
        return "pca"
    return "umap"


def lay_out(vectors: npt.NDArray[np.float32], *, method: str | None = None, seed: int = 0) -> Layout:
    """Place vectors `[N, D]` in two dimensions, near ones near each other.

    Args:
        vectors: of unit length, one or more.
        method: "umap" or "pca"; see `choose_method` if None.
        seed: of UMAP; principal components need none.

    Raises:
        ConfigError: as of `choose_method`.
    """
    chosen = choose_method(method, len(vectors))
    places, shares = _find_components(vectors)
    note = (
        f"Principal components: across {shares[0]:.0%} of the variance, up {shares[1]:.0%}. Distances are true in "
        "these two directions; what differs in others may lie on one spot."
    )
    if chosen == "umap":
        places = _run_umap(vectors, places, seed)
        note = f"UMAP, seed {seed}. What lies near sounds alike; how far apart groups lie means little."
    return Layout(_fit_square(places), chosen, note)


def _find_components(vectors: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.float64], tuple[float, float]]:
    """Return the two principal components `[N, 2]`, and the share of the variance along each.

    The sign of an axis, which is anybody's choice, makes the largest weight positive.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    variances, axes = np.linalg.eigh(centred.T @ centred)  # ascending
    chosen = axes[:, ::-1][:, :2]  # [D, 2]
    chosen = chosen * np.where(chosen[np.abs(chosen).argmax(axis=0), [0, 1]] < 0, -1.0, 1.0)
    total = max(float(variances.sum()), np.finfo(np.float64).tiny)
    return centred @ chosen, (float(variances[-1]) / total, float(variances[-2]) / total)


def _run_umap(vectors: npt.NDArray[np.float32], places: npt.NDArray[np.float64], seed: int) -> Any:
    """Return places `[N, 2]` by UMAP (McInnes et al. 2018), begun from the principal components, in one thread."""
    import umap

    noise = np.random.default_rng(seed).normal(scale=_INITIAL_NOISE, size=places.shape)
    begin = _INITIAL_EXTENT * (_fit_square(places) + noise)
    mapper = umap.UMAP(
        n_neighbors=_NUM_NEIGHBOURS,
        min_dist=_MIN_DISTANCE,
        metric="cosine",
        init=begin.astype(np.float32),
        random_state=seed,
        n_jobs=1,
    )
    with warnings.catch_warnings():  # of its parts: what a user could do about them is nothing
        warnings.simplefilter("ignore")
        return mapper.fit_transform(vectors)


def _fit_square(places: Any) -> Points:
    """Scale places `[N, 2]` to 0 to 1, in the middle of the shorter direction."""
    low, high = places.min(axis=0), places.max(axis=0)
    extent = max(float((high - low).max()), float(np.finfo(np.float32).tiny))
    return np.asarray((places - (low + high) / 2) / extent + 0.5, dtype=np.float32)
