"""Train and dev by speaker, for corpora that have no official split or none with a dev part."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from paraclap.errors import CorpusError

DEV_SHARE = 0.15
SPLIT_SEED = 0  # training and evaluation must cut alike, or a model is tested on speakers it was trained on
_MIN_SPEAKERS = 3  # of one gender, from which on dev gets one of them even if that exceeds its share


def assign_splits(manifest: pd.DataFrame, *, dev_share: float = DEV_SHARE, seed: int = SPLIT_SEED) -> "pd.Series[Any]":
    """Return the split of every utterance, with a dev part whose speakers are in no other.

    Official `test` and `dev` utterances stay what they are; where there is no official dev, it is cut from the rest.
    Rows without a speaker count by `recorder`, where the corpus names one, or else each file as a speaker of its own.
    Women and men are cut separately, each to the share of their utterances; a gender with three speakers or more is
    always in dev. The result does not depend on the order of rows.

    Args:
        manifest: of one corpus.
        dev_share: of the utterances that are neither test nor dev already, between 0 and 1, both excluded.
        seed: another seed draws other speakers; evaluation always cuts with the default.

    Raises:
        CorpusError: if the share is outside of its range, or there are fewer than two speakers to cut.
    """
    if not 0.0 < dev_share < 1.0:
        raise CorpusError(f"dev_share is {dev_share}; expected a number between 0 and 1, both excluded")
    official = _read_column(manifest, "split")
    splits = np.array([split or "train" for split in official], dtype=object)
    if "dev" not in official:
        speakers = np.array(_identify_speakers(manifest), dtype=object)
        is_free = splits == "train"
        genders = np.array(_read_column(manifest, "gender"), dtype=object)[is_free]
        dev = _choose_dev(list(speakers[is_free]), list(genders), dev_share, seed)
        splits[is_free & np.isin(speakers.astype(str), sorted(dev))] = "dev"
    return pd.Series(splits.tolist(), index=manifest.index, name="split")


def _read_column(manifest: pd.DataFrame, name: str) -> list[str | None]:
    if name not in manifest:
        return [None] * len(manifest)
    return [None if pd.isna(value) else str(value) for value in manifest[name]]


def _identify_speakers(manifest: pd.DataFrame) -> list[str]:
    """Return what stands for the speaker of each row, prefixed by its kind so that no two kinds collide."""
    columns = (_read_column(manifest, "speaker"), _read_column(manifest, "recorder"))
    files = manifest.index.get_level_values("file")
    names: list[str] = []
    for speaker, recorder, file in zip(*columns, files, strict=True):
        if speaker is not None:
            names.append(f"speaker:{speaker}")
        else:
            names.append(f"file:{file}" if recorder is None else f"recorder:{recorder}")
    return names


def _choose_dev(speakers: Sequence[str], genders: Sequence[str | None], share: float, seed: int) -> set[str]:
    counts = Counter(speakers)
    if len(counts) < 2:
        raise CorpusError(f"{len(counts)} speaker outside of test; a dev split needs at least 2: use the corpus whole")
    strata = _group_by_gender(speakers, genders)
    dev = {name for stratum in strata for name in _draw(stratum, counts, share, seed)}
    if not dev:
        dev = {_nearest(list(counts), counts, share * len(speakers), seed)}
    if len(dev) == len(counts):
        dev.remove(max(dev, key=lambda name: (counts[name], _rank(name, seed))))
    return dev


def _group_by_gender(speakers: Sequence[str], genders: Sequence[str | None]) -> list[list[str]]:
    """Return the speakers by their usual gender, unknown as a group of its own."""
    votes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for speaker, gender in zip(speakers, genders, strict=True):
        votes[speaker][gender or ""] += 1
    strata: defaultdict[str, list[str]] = defaultdict(list)
    for speaker, vote in sorted(votes.items()):
        strata[max(vote, key=lambda gender: (vote[gender], gender))].append(speaker)
    return [strata[gender] for gender in sorted(strata)]


def _draw(speakers: Sequence[str], counts: Mapping[str, int], share: float, seed: int) -> set[str]:
    """Draw speakers in a seeded order, each if it brings the number of utterances nearer to the share."""
    target = share * sum(counts[name] for name in speakers)
    drawn: set[str] = set()
    total = 0
    for name in sorted(speakers, key=lambda name: _rank(name, seed)):
        if abs(total + counts[name] - target) < abs(total - target):
            drawn.add(name)
            total += counts[name]
    if not drawn and len(speakers) >= _MIN_SPEAKERS:
        drawn.add(_nearest(speakers, counts, target, seed))
    return drawn


def _nearest(speakers: Sequence[str], counts: Mapping[str, int], target: float, seed: int) -> str:
    return min(speakers, key=lambda name: (abs(counts[name] - target), _rank(name, seed)))


def _rank(name: str, seed: int) -> str:
    return hashlib.sha256(f"{seed}:{name}".encode()).hexdigest()
