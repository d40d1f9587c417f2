"""Measure how often what `paraclap describe` says is true, by attribute and by how sure it sounds.

    .venv/bin/python -m benchmarks.statements emodb.parquet crema-d.parquet [--model M] [--clips 250]

Manifests are those of 'paraclap corpus import'; of their split "dev" so many clips are described, evenly chosen. A
statement counts where the corpus says something of its attribute. A model asked for ten emotions may name one that
the corpus does not have, which is then wrong: it is what a user meets, and harder than a task of the corpus' classes.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import audformat
import pandas as pd

from paraclap.corpora import read_manifest
from paraclap.inference import AudioTextModel, VoiceProfile, describe_clips, load_model
from paraclap.queries import RowFacts, load_vocabulary, read_profile_table

TASKS = ("emotion", "gender", "age")  # what corpora label
Counts = Counter[tuple[str, str, bool]]  # attribute, hedge, whether it is true -> statements


def main() -> None:
    """Describe clips, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifests", nargs="+", type=Path)
    parser.add_argument("--model", help="a model folder or hub id; the model inside the package if left out")
    parser.add_argument("--clips", type=int, default=250, help="of each manifest at most")
    given = parser.parse_args()
    clap = load_model(given.model)
    print(f"{clap.name}, weights {clap.fingerprint[:16]}\n")
    print(f"{'manifest':24} {'attribute':10} {'hedge':9} {'said':>5} {'true':>5} {'share':>6}")
    for manifest in given.manifests:
        counts = describe_dev(clap, manifest, given.clips)
        for attribute in dict.fromkeys(attribute for attribute, _, _ in counts):
            for hedge in (row.word for row in read_profile_table().hedges):
                num_true, num_false = counts[attribute, hedge, True], counts[attribute, hedge, False]
                if number := num_true + num_false:
                    share = f"{num_true / number:6.2f}"
                    print(f"{manifest.stem:24} {attribute:10} {hedge or 'plain':9} {number:5} {num_true:5} {share}")


def describe_dev(clap: AudioTextModel, manifest: Path, num_clips: int) -> Counts:
    """Describe clips of the dev split of a manifest, and count what was said of them."""
    table, metadata = read_manifest(manifest)
    dev = table[table["split"] == "dev"]
    dev = dev.iloc[:: max(1, len(dev) // num_clips)]
    files, starts, ends = (dev.index.get_level_values(level) for level in ("file", "start", "end"))
    root = Path(metadata["root"])
    index = audformat.segmented_index([str(root / file) for file in files], starts, ends)
    encoded = clap.encode(index)
    if encoded.bad_files:
        raise SystemExit(encoded.bad_files[0].reason)
    return count_statements(describe_clips(clap, encoded, tasks=TASKS, measure=False), dev)


def count_statements(profiles: Sequence[VoiceProfile], table: pd.DataFrame) -> Counts:
    """Count the statements of profiles that the labels of the rows say something of."""
    counts: Counts = Counter()
    for profile, facts in zip(profiles, load_vocabulary().read_table(table), strict=True):
        counts.update(_judge(profile, facts))
    return counts


def _judge(profile: VoiceProfile, facts: RowFacts) -> list[tuple[str, str, bool]]:
    vocabulary = load_vocabulary()
    return [
        (said.fact.attribute, said.hedge, facts[said.fact.attribute] <= vocabulary.levels_of(said.fact))
        for said in profile.description.statements
        if said.fact.attribute in facts
    ]


if __name__ == "__main__":
    main()
