"""A drawn manifest with features, as the commands that make them would write them."""

import re
from dataclasses import dataclass
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
from tests.cli.conftest import Outcome
from tests.queries.rows import MEASURES, draw_table

from paraclap.corpora import write_manifest
from paraclap.features import FEATURE_SET, feature_names
from paraclap.queries import join_features
from paraclap.storage import hash_table, write_table

RATED = ["arousal", "valence", "dominance"]
MEASURED = [measure for measure in MEASURES if measure not in RATED]
FACTS = {"licence": "none", "source": "drawn", "citation": "none", "version": "1", "languages": ["de"]}


@dataclass(frozen=True)
class Drawn:
    """Hold a manifest with features, and where they are written."""

    folder: Path
    manifest: pd.DataFrame
    features: pd.DataFrame

    @property
    def paths(self) -> tuple[Path, str, Path]:
        return self.folder / "m.parquet", "--features", self.folder / "f.parquet"

    @property
    def table(self) -> pd.DataFrame:
        return join_features(self.manifest, corpus="drawn", features=self.features)

    def save(self) -> None:
        write_manifest(self.folder / "m.parquet", self.manifest, {"corpus": "drawn", "root": "nowhere", **FACTS})
        described = {"feature_set": FEATURE_SET, "corpus": "drawn", "manifest": hash_table(self.manifest[[]])}
        metadata = {**described, "window": None, "hop": None}
        write_table(self.folder / "f.parquet", self.features, kind="features", metadata=metadata)


def draw(folder: Path) -> Drawn:
    """Draw and write a manifest of 400 utterances of two corpora, and their features."""
    table = draw_table(400, seed=7)
    times = pd.to_timedelta(np.arange(len(table)), unit="s")
    table.index = audformat.segmented_index(["one.wav"] * len(table), times, times + pd.Timedelta(seconds=1))
    features = pd.DataFrame(0.5, index=table.index, columns=list(feature_names()), dtype="float32")
    features = features.assign(duration=1.0, reason=pd.array([""] * len(table), dtype="string"))
    features[MEASURED] = table[MEASURED]
    manifest = table.drop(columns=MEASURED)
    manifest[RATED] = 1 / (1 + np.exp(-manifest[RATED]))
    made = Drawn(folder, manifest, features)
    made.save()
    return made


def assert_refused(done: Outcome, message: str) -> None:
    """Check that a command ended with one line, that matches."""
    assert (done.status, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert re.search(message, done.stderr), done.stderr
