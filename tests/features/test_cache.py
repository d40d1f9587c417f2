import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from paraclap.errors import ConfigError
from paraclap.features import Features
from paraclap.features.cache import FeatureCache


def make_features(first: float, reason: str = "") -> Features:
    values = np.arange(88, dtype=np.float32)
    values[0] = first
    return Features(values, 1.25, reason)


def test_what_is_stored_is_found_as_it_was(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path / "new" / "folder")
    features = {"a": make_features(0.1), "b": make_features(np.nan, "nothing voiced; no rising loudness")}
    cache.store(features)
    cache.close()

    again = FeatureCache(tmp_path / "new" / "folder")
    found = again.find(["b", "nowhere", "a"])
    again.close()

    assert set(found) == {"a", "b"}
    for key, expected in features.items():
        assert np.array_equal(found[key].values, expected.values, equal_nan=True)
        assert found[key].values.dtype == np.float32
        assert (found[key].duration, found[key].reason) == (expected.duration, expected.reason)


def test_two_commands_use_one_cache_at_once(tmp_path: Path) -> None:
    first, second = FeatureCache(tmp_path), FeatureCache(tmp_path)

    first.store({"a": make_features(1.0)})
    second.store({"b": make_features(2.0), "a": make_features(1.0)})

    assert set(first.find(["a", "b"])) == set(second.find(["a", "b"])) == {"a", "b"}
    first.close()
    second.close()


def test_caches_of_earlier_versions_are_read_and_written(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "features.sqlite")) as earlier, earlier:
        earlier.execute(
            "CREATE TABLE features (key TEXT PRIMARY KEY, functionals BLOB, duration REAL, reason TEXT) WITHOUT ROWID"
        )
        row = ("a", np.arange(88, dtype="<f4").tobytes(), 1.25, "nothing voiced")
        earlier.execute("INSERT INTO features VALUES (?, ?, ?, ?)", row)

    with closing(FeatureCache(tmp_path)) as cache:
        found = cache.find(["a"])["a"]
        cache.store({"b": found})

    assert np.array_equal(found.values, np.arange(88))
    assert (found.duration, found.reason) == (1.25, "nothing voiced")
    with closing(sqlite3.connect(tmp_path / "features.sqlite")) as earlier:
        assert earlier.execute("SELECT * FROM features ORDER BY key").fetchall() == [row, ("b", *row[1:])]


def test_a_damaged_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / "features.sqlite").write_bytes(b"no database" * 1000)

    with pytest.raises(
        ConfigError,
        match=r"^the cache of features .+features\.sqlite cannot be used \(file is not a database\); delete it if it "
        r"is damaged, or choose another folder$",
    ):
        FeatureCache(tmp_path)
