import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from paraclap.cache_file import CacheFile, default_cache_folder
from paraclap.errors import ConfigError


def open_file(folder: Path) -> CacheFile:
    return CacheFile(folder / "things.sqlite", content="things", columns={"size": "REAL", "name": "TEXT"})


def test_rows_that_are_stored_are_found_by_key(tmp_path: Path) -> None:
    with closing(open_file(tmp_path / "new" / "folder")) as file:
        file.store({"a": (1.5, "one"), "b": (2.5, "two")})
        file.store({"b": (3.5, "three")})
        file.store({})

    with closing(open_file(tmp_path / "new" / "folder")) as again:
        assert again.find(["b", "nowhere", "a"]) == {"a": (1.5, "one"), "b": (3.5, "three")}
        assert again.find([]) == {}


def test_any_number_of_keys_may_be_asked_for(tmp_path: Path) -> None:
    rows = {str(number): (float(number), "x") for number in range(1234)}
    with closing(open_file(tmp_path)) as file:
        file.store(rows)

        assert file.find([*rows, *map(str, range(2000, 3000))]) == rows


def test_of_rows_that_cannot_all_be_stored_none_is(tmp_path: Path) -> None:
    with closing(open_file(tmp_path)) as file:
        with pytest.raises(
            ConfigError, match=r"things\.sqlite cannot be used \(table things has 3 columns but 2 values"
        ):
            CacheFile(file.path, content="things", columns={"size": "REAL"}).store({"a": (1.0,)})
        with pytest.raises(ConfigError, match=r"cannot be used \(.+binding"):
            file.store({"a": (1.0, "one"), "b": (2.0,)})

        assert file.find(["a", "b"]) == {}


def test_two_commands_use_one_file_at_once(tmp_path: Path) -> None:
    with closing(open_file(tmp_path)) as first, closing(open_file(tmp_path)) as second:
        first.store({"a": (1.0, "one")})
        second.store({"b": (2.0, "two"), "a": (1.0, "one")})

        assert set(first.find(["a", "b"])) == set(second.find(["a", "b"])) == {"a", "b"}


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "things.sqlite").write_bytes(b"no database" * 1000)

    with pytest.raises(
        ConfigError,
        match=r"^the cache of things .+things\.sqlite cannot be used \(file is not a database\); delete it if it "
        r"is damaged, or choose another folder$",
    ):
        open_file(tmp_path)


def test_a_file_that_is_damaged_while_it_is_used_is_named(tmp_path: Path) -> None:
    with closing(open_file(tmp_path)) as file:
        with closing(sqlite3.connect(file.path)) as other:
            other.execute("DROP TABLE things")

        with pytest.raises(ConfigError, match=r"things\.sqlite cannot be used \(no such table: things\)"):
            file.find(["a"])
        with pytest.raises(ConfigError, match=r"things\.sqlite cannot be used \(no such table: things\)"):
            file.store({"a": (1.0, "one")})


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")

    with pytest.raises(ConfigError, match=r"^the cache of things .+ cannot be used \((Not a directory|File exists)\);"):
        open_file(tmp_path / "file" / "folder")
    with pytest.raises(ConfigError, match=r"^the cache of things .+ cannot be used \(File exists\);"):
        open_file(tmp_path / "file")


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
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    assert default_cache_folder() == tmp_path / ".cache" / "paraclap"
