"""Measure how well an index answers: precision@10 by attribute against chance, on the dev speakers of corpora.

    .venv/bin/python -m benchmarks.search_quality M.parquet ... [--folder DIR] [--split dev] [--per-class]

Takes manifests ('paraclap corpus import') and prints Markdown. Each class of the label sets is asked as its first
prompt, and as its prompt ensemble; a hit counts where the labels of the corpus say that the class is true of it, and
hits of which they say nothing are passed over. Chance is the share of the class among the rows of which the labels say
something. The second table is of pairs: one class that shall fit, and one of another attribute that shall not, at
several weights.
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from paraclap.index import Index, SearchSettings
from paraclap.inference import load_model
from paraclap.queries import Fact, LabelSet, load_label_set, load_vocabulary

if TYPE_CHECKING:
    from paraclap.inference import AudioTextModel

K = 10
LABEL_SETS = ("emotion", "gender", "age", "arousal", "valence", "dominance")
FEWEST = 10  # rows of a class, and rows of other classes
WEIGHTS = (0.25, 0.5, 1.0, 2.0)

Truth = npt.NDArray[np.float64]  # 1 true, 0 false, NaN unknown, of each row


@dataclass(frozen=True)
class Archive:
    """Hold the index of a corpus, and what its labels say of each row of the split, by label set and class."""

    name: str
    place: Path
    where: str
    rows: dict[tuple[str, str, str], int]
    truths: dict[tuple[str, str], Truth]


@dataclass(frozen=True)
class Precision:
    """Hold the precision of a class asked in several ways, and its share among the rows."""

    corpus: str
    label_set: str
    label: str
    chance: float
    found: tuple[float, ...]


def main() -> None:
    """Build an index of each manifest, ask it, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifests", nargs="+", type=Path)
    parser.add_argument("--folder", type=Path, help="where the indices lie, kept; a temporary folder if left out")
    parser.add_argument("--split", default="dev")
    parser.add_argument("--model", help="a model folder or hub id; the model inside the package if left out")
    parser.add_argument("--per-class", action="store_true", help="a line for each class, not each label set")
    given = parser.parse_args()
    clap = load_model(given.model)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        archives = [read_archive(folder, path, clap, split=given.split) for path in given.manifests]
        single = [row for archive in archives for row in measure_classes(archive, clap)]
        pairs = [row for archive in archives for row in measure_pairs(archive, clap)]
    print_table(single, ["first prompt", "prompt ensemble"], per_class=given.per_class)
    if pairs:
        print_table(pairs, ["without --not", *(f"weight {weight:g}" for weight in WEIGHTS)], per_class=given.per_class)


def read_archive(folder: Path, manifest: Path, clap: "AudioTextModel", *, split: str) -> Archive:
    """Bring the index of a manifest up to date, and say what is true of the rows of one split."""
    index = Index.build(folder / f"{manifest.stem}.index", manifest, model=clap)
    table = index.read_rows()[0]
    table = table[table["split"] == split]
    vocabulary = load_vocabulary()
    facts = vocabulary.read_table(table)
    truths = {}
    for name in LABEL_SETS:
        label_set = load_label_set(name)
        for label in label_set.classes:
            levels = vocabulary.levels_of(Fact(str(label_set.attribute), label))
            truth = [_compare(row.get(str(label_set.attribute)), levels) for row in facts]
            truths[name, label] = np.array(truth, dtype=np.float64)
    rows = {(file, str(start), str(end)): number for number, (file, start, end) in enumerate(table.index)}
    return Archive(manifest.stem, folder / f"{manifest.stem}.index", f"split = '{split}'", rows, truths)


def _compare(possible: frozenset[str] | None, levels: frozenset[str]) -> float:
    """Return 1 where only levels of a class are possible, 0 where none is, NaN where the labels do not say."""
    if not possible or (possible & levels and possible - levels):
        return float("nan")
    return 1.0 if possible <= levels else 0.0


def measure_classes(archive: Archive, clap: "AudioTextModel") -> Iterator[Precision]:
    """Yield the precision of each class that the split has, and has not, often enough."""
    index = Index.open(archive.place, model=clap)
    for (name, label), truth in archive.truths.items():
        if _is_askable(truth):
            prompts = load_label_set(name).prompts[label]
            found = [_ask(index, archive, truth, words, ()) for words in (prompts[:1], prompts)]
            yield Precision(archive.name, name, label, float(np.nanmean(truth)), tuple(found))


def measure_pairs(archive: Archive, clap: "AudioTextModel") -> Iterator[Precision]:
    """Yield the precision of "a class of one attribute, but not a class of another", at several weights."""
    classes = [key for key, truth in archive.truths.items() if _is_askable(truth)]
    for (name, label), (other_name, other) in product(classes, classes):
        truth = archive.truths[name, label] * (1 - archive.truths[other_name, other])
        if name == other_name or not _is_askable(truth):
            continue
        words, unwanted = _first_prompt(load_label_set(name), label), _first_prompt(load_label_set(other_name), other)
        found = [_ask(Index.open(archive.place, model=clap), archive, truth, [words], ())]
        for weight in WEIGHTS:
            index = Index.open(archive.place, model=clap, settings=SearchSettings(not_weight=weight))
            found.append(_ask(index, archive, truth, [words], [unwanted]))
        yield Precision(archive.name, f"{name}, not {other_name}", label, float(np.nanmean(truth)), tuple(found))


def _first_prompt(label_set: LabelSet, label: str) -> str:
    return label_set.prompts[label][0]


def _is_askable(truth: Truth) -> bool:
    return bool(np.nansum(truth) >= FEWEST and np.nansum(1 - truth) >= FEWEST)


def _ask(index: Index, archive: Archive, truth: Truth, words: Sequence[str], unwanted: Sequence[str]) -> float:
    """Return the share of true ones among the first hits of which the labels say something."""
    hits = index.search(list(words), k=len(truth), where=archive.where, not_=unwanted, all_windows=True)
    found = np.array([truth[archive.rows[file, str(start), str(end)]] for file, start, end in hits.index])
    return float(found[~np.isnan(found)][:K].mean())


def print_table(precisions: Sequence[Precision], columns: Sequence[str], *, per_class: bool) -> None:
    """Print means over the classes of each label set, or a line for each class."""
    key = (lambda row: (row.corpus, row.label_set, row.label)) if per_class else lambda row: (row.corpus, row.label_set)
    print(f"| corpus | asked | classes | chance | {' | '.join(columns)} |")
    print(f"|---|---|---|---|{'---|' * len(columns)}")
    for names in dict.fromkeys(map(key, precisions)):
        rows = [row for row in precisions if key(row) == names]
        values = [float(np.mean([row.chance for row in rows])), *np.mean([row.found for row in rows], axis=0)]
        cells = " | ".join(f"{value:.2f}" for value in values)
        print(f"| {names[0]} | {': '.join(names[1:])} | {len(rows)} | {cells} |")
    print()


if __name__ == "__main__":
    main()
