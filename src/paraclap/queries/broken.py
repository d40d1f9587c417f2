"""Which facts disturbances and a crop break, from a table that was measured."""

from collections.abc import Iterable, Mapping
from functools import cache
from math import prod

from paraclap.errors import QueryError, list_known
from paraclap.queries.tables import BrokenTable, read_attributes, read_broken_table


def find_broken(disturbances: Iterable[str], *, crop_seconds: float | None = None) -> frozenset[str]:
    """Return the attributes of which nothing can be said any more: they are dropped, or measured again.

    The shares of clips that keep their level are multiplied over all that was done.

    Args:
        disturbances: what was done to a clip, by name.
        crop_seconds: to which length it was cut; None if it is whole. Judged as the kindest of the measured crops that
            are not longer.

    Raises:
        QueryError: if the table knows no such disturbance.
    """
    return _find_broken(frozenset(disturbances), crop_seconds)


@cache
def _find_broken(names: frozenset[str], crop_seconds: float | None) -> frozenset[str]:
    table = read_broken_table()
    unknown = sorted(names - table.kept.keys() - table.always.keys())
    if unknown:
        known = list_known(unknown[0], [*table.kept, *table.always])
        raise QueryError(f"no disturbance {unknown[0]!r} in the table of broken facts{known}")
    kept: list[Mapping[str, float]] = [table.kept[name] for name in sorted(names) if name in table.kept]
    done = set(names)
    if crop_seconds is not None:
        kept.append(_keep_after_crop(table, crop_seconds))
        done.add("crop")
    measured = (name for name, row in read_attributes().items() if row.measured)
    lost = {name for name in measured if prod(shares.get(name, 0.0) for shares in kept) < table.threshold}
    return frozenset(lost.union(*(table.always.get(name, ()) for name in done)))


def _keep_after_crop(table: BrokenTable, seconds: float) -> Mapping[str, float]:
    kept: dict[str, float] = {}
    for crop in table.crops:
        if crop.seconds <= seconds:
            kept = {name: max(share, kept.get(name, 0.0)) for name, share in crop.kept.items()}
    return kept
