"""Captions of a whole table: the same for the same seed, whatever the number of processes."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from multiprocessing import get_context

import numpy as np
import pandas as pd

from paraclap.errors import QueryError, list_known
from paraclap.queries.bins import Bins
from paraclap.queries.captions import CaptionSampler
from paraclap.queries.facts import load_vocabulary
from paraclap.queries.tables import read_caption_table

_BLOCK = 5000  # rows that share a generator, so that another number of processes draws the same
_MIN_BLOCKS = 4  # for each process: starting it for fewer takes longer


@dataclass(frozen=True)
class CaptionSettings:
    """Say what captions speak of (see `CaptionSampler`), how many there are of each row, and the seed."""

    variant: str = "all"
    without: tuple[str, ...] = ()
    num_facts: tuple[float, ...] | None = None
    per_utterance: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_facts is not None:
            object.__setattr__(self, "num_facts", tuple(self.num_facts))  # a list could not be looked up
        if self.per_utterance < 1:
            raise QueryError(f"{self.per_utterance} captions of each utterance; expected 1 or more")
        if self.seed < 0:
            raise QueryError(f"the seed is {self.seed}; expected 0 or more")

    def make_sampler(self) -> CaptionSampler:
        """Make a sampler of these settings."""
        attributes = list_variant(self.variant, without=self.without)
        return CaptionSampler(load_vocabulary(), attributes=attributes, num_facts=self.num_facts, negates=True)


def list_variant(variant: str, *, without: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the attributes that a variant of captions speaks of, without some.

    Raises:
        QueryError: if there is no such variant or attribute, or none is left.
    """
    variants, attributes = read_caption_table().variants, load_vocabulary().attributes
    if variant not in variants:
        raise QueryError(f"no variant {variant!r} of captions{list_known(variant, variants)}")
    for name in without:
        if name not in attributes:
            raise QueryError(f"no attribute {name!r}{list_known(name, attributes)}")
    dropped = {*without, *(name for name, row in attributes.items() if row.bins and row.bins.relative_to in without)}
    left = tuple(name for name in variants[variant] or attributes if name not in dropped)
    if not left:
        raise QueryError(f"captions of the variant {variant!r} without {', '.join(without)} speak of nothing")
    return left


def make_captions(
    table: pd.DataFrame,
    settings: CaptionSettings,
    *,
    bins: Bins | None = None,
    num_workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[pd.DataFrame]:
    """Yield the captions of a table, part by part: `caption`, and for each attribute the level that it states.

    Args:
        table: a manifest, with features where there are any (see `join_features`).
        settings: what to speak of, how often, and the seed.
        bins: of the attributes that are measured; without them those are not spoken of.
        num_workers: processes; the captions do not depend on it.
        progress: called with the number of rows that are done, and of all.

    Raises:
        QueryError: if a setting is wrong, or a measure is no number.
        CorpusError: if an age is no number.
    """
    used = _used_columns(bins)
    table = table[[column for column in table.columns if column in used]]
    settings.make_sampler()  # so that what is wrong is said before processes start
    begins = range(0, len(table), _BLOCK)
    blocks = ((number, _cut(table, begin)) for number, begin in enumerate(begins))
    caption_block = partial(_caption_block, settings=settings, bins=bins)
    done = 0
    for part, num_rows in _map_blocks(caption_block, blocks, num_workers=min(num_workers, len(begins) // _MIN_BLOCKS)):
        done += num_rows
        if progress is not None:
            progress(done, len(table))
        yield part


def _cut(table: pd.DataFrame, begin: int) -> pd.DataFrame:
    """Return a block of rows without the file names of all others, which a slice would carry along."""
    block = table.iloc[begin : begin + _BLOCK]
    index = block.index
    return block.set_axis(index.remove_unused_levels()) if isinstance(index, pd.MultiIndex) else block


def _used_columns(bins: Bins | None) -> set[str]:
    """Return the columns that facts are read from, so that processes are sent no more."""
    used = {source.column for row in load_vocabulary().attributes.values() for source in row.sources}
    for fitted in (bins.attributes if bins is not None else {}).values():
        used |= {measure.removeprefix("-") for measure in fitted.measures} | {*fitted.rule.groups, *fitted.rule.needs}
    return used


def _map_blocks(
    caption_block: Callable[[tuple[int, pd.DataFrame]], pd.DataFrame],
    blocks: Iterator[tuple[int, pd.DataFrame]],
    *,
    num_workers: int,
) -> Iterator[tuple[pd.DataFrame, int]]:
    """Yield the captions of blocks in their order, with the rows of each; few blocks are in work at a time."""
    if num_workers <= 1:
        for block in blocks:
            yield caption_block(block), len(block[1])
        return
    with ProcessPoolExecutor(num_workers, mp_context=get_context("spawn")) as pool:
        begun = deque((pool.submit(caption_block, block), len(block[1])) for block in islice(blocks, 2 * num_workers))
        while begun:
            future, num_rows = begun.popleft()
            part = future.result()
            begun.extend((pool.submit(caption_block, block), len(block[1])) for block in islice(blocks, 1))
            yield part, num_rows


@cache
def _make_sampler(settings: CaptionSettings) -> CaptionSampler:
    """Make a sampler once in a process: it remembers how to say what it has said."""
    return settings.make_sampler()


def _caption_block(block: tuple[int, pd.DataFrame], *, settings: CaptionSettings, bins: Bins | None) -> pd.DataFrame:
    number, table = block
    generator = np.random.default_rng([settings.seed, number])
    sampler, vocabulary = _make_sampler(settings), load_vocabulary()
    rows: list[int] = []
    texts: list[str] = []
    stated: dict[str, list[str | None]] = {name: [] for name in vocabulary.attributes}
    for row, facts in enumerate(vocabulary.read_table(table, bins=bins)):
        for _ in range(settings.per_utterance):
            caption = sampler.sample(facts, generator)
            if caption is None:
                continue
            rows.append(row)
            texts.append(caption.text)
            levels = dict(caption.facts)
            for name, column in stated.items():
                column.append(levels.get(name))
    columns = {"caption": texts, **stated}
    return pd.DataFrame(columns, index=table.index.take(rows), dtype="string")
