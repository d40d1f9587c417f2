import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import audformat
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from tests.index.toys import SIZE, Ear, write_sound

from paraclap.errors import AudioError, ConfigError, QueryError, StoreError
from paraclap.index.mapping import MapSettings, write_map
from paraclap.queries import load_label_set

EVIL = "</script><img src=x onerror=alert(1)> [[data]] & \u2028 ümlaut"


class Shelf:
    """Have rows as an index has."""

    def __init__(self, rows: pd.DataFrame) -> None:
        self.rows = rows
        self.model = Ear()
        vectors = np.random.default_rng(0).normal(size=(len(rows), SIZE))
        self.vectors = np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)

    def read_rows(self) -> tuple[pd.DataFrame, npt.NDArray[np.float32]]:
        return self.rows, self.vectors


def make_shelf(folder: Path, number: int = 30) -> Shelf:
    """Make rows of three files each with windows of 1.5 s, in two folders."""
    files = [str(folder / ("a" if place % 3 else "b #1") / f"{place // 2}%.wav") for place in range(number)]
    starts = [1.5 * (place % 2) for place in range(number)]
    index = audformat.segmented_index(
        files, pd.to_timedelta(starts, unit="s"), pd.to_timedelta([start + 1.5 for start in starts], unit="s")
    )
    columns = {"hash": "x", "duration": 1.5, "gender": ["female", None] * (number // 2), "said": [EVIL] * number}
    return Shelf(pd.DataFrame(columns, index=index))


def read_data(page: Path) -> dict[str, Any]:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page.read_text("utf-8"), re.DOTALL)
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def unpack(text: str, kind: str) -> list[Any]:
    values: list[Any] = np.frombuffer(base64.b64decode(text), dtype=kind).tolist()
    return values


def test_the_page_holds_every_row(tmp_path: Path) -> None:
    shelf = make_shelf(tmp_path / "archive")
    out = tmp_path / "pages" / "map.html"

    report = write_map(shelf, out, colour="gender", settings=MapSettings(method="pca"))

    data = read_data(out)
    assert (report.num_points, report.num_rows, report.method, data["count"]) == (30, 30, "pca", 30)
    assert unquote(data["base"]) == "../archive/"
    files = [data["files"][code] for code in unpack(data["file"], "<u4")]
    expected = [
        Path(name).relative_to(tmp_path / "archive").as_posix() for name in shelf.rows.index.get_level_values(0)
    ]
    assert files == expected
    assert unpack(data["start"], "<f4") == [0.0, 1.5] * 15
    assert unpack(data["end"], "<f4") == [1.5, 3.0] * 15
    assert [data["classes"][code]["name"] for code in unpack(data["class_of"], "u1")] == ["female", "unknown"] * 15
    facts = {fact["name"]: [fact["values"][code] for code in unpack(fact["codes"], "<u4")] for fact in data["facts"]}
    assert facts == {"duration": ["1.5"] * 30, "gender": ["female", ""] * 15, "said": [EVIL] * 30}
    for axis in ("x", "y"):
        assert 0 <= min(unpack(data[axis], "<u2")) <= max(unpack(data[axis], "<u2")) <= 65535
    assert data["players"] is None


def test_what_the_model_answers_colours_with_its_probability(tmp_path: Path) -> None:
    shelf = make_shelf(tmp_path)
    out = tmp_path / "map.html"

    write_map(shelf, out, colour=load_label_set("gender"), settings=MapSettings(method="pca"))

    data = read_data(out)
    assert data["colour_by"] == "gender, as answered"
    assert [label["name"] for label in data["classes"]] == ["female", "male"]
    assert all(50 <= share <= 100 for share in unpack(data["share"], "u1"))
    assert data["base"] == "./"


def test_names_cannot_become_markup_and_only_our_script_may_run(tmp_path: Path) -> None:
    out = tmp_path / "map.html"

    write_map(make_shelf(tmp_path), out, colour="said", settings=MapSettings(title=EVIL, method="pca"))

    text = out.read_text("utf-8")
    assert "<img" not in text
    assert text.count("<script") == text.count("</script>") == 2
    script = text.rpartition("<script>")[2].partition("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    assert "default-src 'none'" in text
    assert not re.search(r"(?:src|href)=\"(?!data:)", text)  # nothing is fetched


def test_the_same_index_gives_the_same_page(tmp_path: Path) -> None:
    pages = []
    for name in ("one.html", "two.html"):
        write_map(make_shelf(tmp_path), tmp_path / name, settings=MapSettings(method="pca"))
        pages.append((tmp_path / name).read_bytes())

    assert pages[0] == pages[1]
    assert read_data(tmp_path / "one.html")["colour_by"] == "emotion, as answered"


def test_of_too_many_rows_some_are_drawn(tmp_path: Path) -> None:
    shelf = make_shelf(tmp_path)
    settings = MapSettings(method="pca", max_points=7)

    report = write_map(shelf, tmp_path / "map.html", colour="gender", settings=settings)

    assert (report.num_points, report.num_rows) == (7, 30)
    assert read_data(tmp_path / "map.html")["count"] == 7


def test_the_page_can_hold_the_sound(tmp_path: Path) -> None:
    files = [write_sound(tmp_path / f"{seed}.wav", seed=seed, duration=1.0) for seed in range(3)]
    index = audformat.segmented_index(
        [str(file) for file in files], pd.to_timedelta([0.0] * 3, unit="s"), pd.to_timedelta([0.5] * 3, unit="s")
    )
    shelf = Shelf(pd.DataFrame({"duration": [0.5] * 3}, index=index))

    write_map(shelf, tmp_path / "map.html", settings=MapSettings(embed=True))

    players = read_data(tmp_path / "map.html")["players"]
    assert len(set(players)) == 3
    assert all(player.startswith("data:audio/mpeg;base64,") for player in players)
    files[1].unlink()
    with pytest.raises(AudioError, match=r"1\.wav.*; leave embed out, or bring the index up to date"):
        write_map(shelf, tmp_path / "map.html", settings=MapSettings(embed=True))


def test_what_cannot_be_drawn_is_refused_and_leaves_no_page(tmp_path: Path) -> None:
    out = tmp_path / "map.html"

    with pytest.raises(StoreError, match=r"the index is empty; add recordings with 'paraclap index build'"):
        write_map(make_shelf(tmp_path, 0), out)
    with pytest.raises(ConfigError, match=r"502 recordings do not fit into a page; expected at most 500"):
        write_map(make_shelf(tmp_path, 502), out, settings=MapSettings(embed=True, method="pca"))
    with pytest.raises(QueryError, match=r"no column 'sex' to colour by; known: hash, duration, gender, said"):
        write_map(make_shelf(tmp_path), out, colour="sex", settings=MapSettings(method="pca"))
    assert not out.exists()
