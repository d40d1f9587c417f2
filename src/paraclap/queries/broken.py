"""Which facts a disturbance or a crop breaks, from a table that was measured."""

from collections.abc import Iterable, Mapping
from functools import cache

from paraclap.errors import QueryError, list_known
from paraclap.queries.tables import read_attributes, read_broken_table


def find_broken(disturbances: Iterable[str], *, crop_seconds: float | None = None) -> frozenset[str]:
    """Return the attributes of which nothing can be said any more: they are dropped, or measured again.

    Args:
        disturbances: what was done to a clip, by name.
        crop_seconds: to which length it was cut; None if it is whole. Judged as the kindest of the
            measured crops that are not longer.

    Raises:
        QueryError: if the table knows no such disturbance.
    """
    return frozenset().union(*(_break_by(name) for name in disturbances), _break_by_crop(crop_seconds))


@cache
def _break_by(name: str) -> frozenset[str]:
    table = read_broken_table()
    if name not in table.kept:
        raise QueryError(f"no disturbance {name!r} in the table of broken facts{list_known(name, table.kept)}")
    return _not_kept(table.kept[name]) | set(table.always.get(name, ()))


@cache
def _break_by_crop(seconds: float | None) -> frozenset[str]:
    if seconds is None:
        return frozenset()
    table = read_broken_table()
    kept: dict[str, float] = {}
    for crop in table.crops:
        if crop.seconds <= seconds:
            kept = {name: max(share, kept.get(name, 0.0)) for name, share in crop.kept.items()}
    return _not_kept(kept) | set(table.always.get("crop", ()))


def _not_kept(kept: Mapping[str, float]) -> frozenset[str]:
    """Return the measured attributes that too few clips keep; one that was not looked at counts as broken."""
    measured = (name for name, row in read_attributes().items() if row.measured)
    return frozenset(name for name in measured if kept.get(name, 0.0) < read_broken_table().threshold)
