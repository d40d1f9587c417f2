import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from paraclap.errors import ConfigError
from paraclap.features import Features
from paraclap.features.cache import FeatureCache, default_cache_folder


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


def test_a_damaged_cache_is_named(tmp_path: Path) -> None:
    (tmp_path / "features.sqlite").write_bytes(b"no database" * 1000)

    with pytest.raises(
        ConfigError,
        match=r"^the cache of features .+features\.sqlite cannot be used \(file is not a database\); delete it if it "
        r"is damaged, or choose another folder$",
    ):
        FeatureCache(tmp_path)


def test_a_cache_that_is_damaged_while_it_is_used_is_named(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path)
    with closing(sqlite3.connect(cache.path)) as other:
        other.execute("DROP TABLE features")

    with pytest.raises(ConfigError, match=r"features\.sqlite cannot be used \(no such table: features\)"):
        cache.find(["a"])
    with pytest.raises(ConfigError, match=r"features\.sqlite cannot be used \(no such table: features\)"):
        cache.store({"a": make_features(1.0)})
    cache.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")

    with pytest.raises(
        ConfigError, match=r"^the cache of features .+ cannot be used \((Not a directory|File exists)\);"
    ):
        FeatureCache(tmp_path / "file" / "folder")
    with pytest.raises(ConfigError, match=r"^the cache of features .+ cannot be used \(File exists\);"):
        FeatureCache(tmp_path / "file")


@pytest.mark.parametrize(
    ("platform", "expected"), [("linux", "xdg"), ("win32", "local"), ("darwin", "home/Library/Caches")]
)
def test_the_cache_lies_where_the_system_keeps_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, expected: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))

    assert default_cache_folder() == tmp_path / expected / "paraclap"


def test_without_settings_the_cache_lies_in_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME")

    assert default_cache_folder() == tmp_path / ".cache" / "paraclap"
