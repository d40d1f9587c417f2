import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from tests.queries.rows import VOCABULARY

from paraclap.errors import QueryError
from paraclap.queries import broken, find_broken
from paraclap.queries.tables import BrokenTable

TABLE: dict[str, Any] = tomllib.loads((files("paraclap.queries") / "data" / "broken.toml").read_text(encoding="utf-8"))
MEASURED = {name for name, row in VOCABULARY.attributes.items() if row.measured}
CROPS = {crop["seconds"]: crop["kept"] for crop in TABLE["crops"]}
ALL_KEPT = dict.fromkeys(MEASURED, 1.0)
SMALL = {
    "threshold": 0.9,
    "always": {"crop": ["duration"], "rain": ["accent"]},
    "kept": {"wind": ALL_KEPT | {"pitch": 0.9, "jitter": 0.8999}, "rain": ALL_KEPT | {"tempo": 0.0}, "snow": {}},
    "crops": [{"seconds": 1.0, "kept": ALL_KEPT | {"pitch": 0.5}}, {"seconds": 2.0, "kept": ALL_KEPT}],
}


def list_lost(kept: dict[str, float]) -> set[str]:
    return {name for name in MEASURED if kept[name] < TABLE["threshold"]}


@pytest.fixture
def small_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have facts judged by a table in which each number is chosen for a test."""

    def forget() -> None:
        broken._find_broken.cache_clear()

    monkeypatch.setattr(broken, "read_broken_table", lambda: BrokenTable.model_validate(SMALL))
    forget()
    yield
    forget()


def test_the_table_holds_shares_of_every_measured_attribute() -> None:
    assert 0.5 < TABLE["threshold"] < 1
    for kept in (*TABLE["kept"].values(), *CROPS.values()):
        assert set(kept) == MEASURED
        assert all(0 <= share <= 1 for share in kept.values())
    assert list(CROPS) == sorted(CROPS)


@pytest.mark.parametrize("name", TABLE["kept"])
def test_a_disturbance_breaks_what_too_few_clips_keep(name: str) -> None:
    lost = list_lost(TABLE["kept"][name])

    assert find_broken([name]) == lost | set(TABLE["always"].get(name, ()))
    assert 0 < len(lost) < len(MEASURED)


def test_another_level_speed_or_codec_breaks_what_it_changes_whatever_was_measured() -> None:
    assert "loudness" in find_broken(["gain"])
    assert {"pitch", "tempo", "duration", "gender", "age_group"} <= find_broken(["speed"])
    assert {"harmonicity", "jitter", "shimmer"} <= find_broken(["codec"])


def test_whole_clips_that_nothing_disturbed_keep_every_fact() -> None:
    assert find_broken([]) == frozenset()


@pytest.mark.parametrize(
    ("seconds", "measured"),
    [(1.0, 1.0), (1.49, 1.0), (1.5, 1.5), (1.99, 1.5), (2.0, 2.0), (2.9, 2.0), (3.5, 3.0), (4.0, 4.0), (60.0, 4.0)],
)
def test_a_crop_is_judged_as_the_kindest_measured_one_that_is_not_longer(seconds: float, measured: float) -> None:
    lost = [list_lost(kept) for length, kept in CROPS.items() if length <= measured]

    assert find_broken([], crop_seconds=seconds) == set.intersection(*lost) | {"duration"}


@pytest.mark.parametrize("seconds", [0.0, 0.5, 0.999])
def test_a_crop_shorter_than_all_measured_ones_breaks_all_that_is_measured(seconds: float) -> None:
    assert find_broken([], crop_seconds=seconds) == MEASURED


def test_labels_survive_everything_but_age_and_gender_another_speed() -> None:
    assert find_broken(TABLE["kept"].keys() - {"speed"}, crop_seconds=0.1) == MEASURED
    assert find_broken(TABLE["kept"], crop_seconds=0.1) == MEASURED | {"gender", "age_group"}
    assert MEASURED.isdisjoint({"emotion", "gender", "age_group", "arousal", "valence", "dominance", "style"})


@pytest.mark.usefixtures("small_table")
def test_the_threshold_itself_is_enough() -> None:
    assert find_broken(["wind"]) == {"jitter"}


@pytest.mark.usefixtures("small_table")
def test_an_attribute_that_was_not_looked_at_is_broken() -> None:
    assert find_broken(["snow"]) == MEASURED


@pytest.mark.usefixtures("small_table")
def test_a_crop_breaks_the_duration_whatever_was_measured() -> None:
    assert find_broken([], crop_seconds=1.99) == {"duration", "pitch"}
    assert find_broken([], crop_seconds=2.0) == find_broken([], crop_seconds=100.0) == {"duration"}


@pytest.mark.usefixtures("small_table")
def test_disturbances_and_a_crop_break_what_each_of_them_breaks() -> None:
    assert find_broken(["wind", "rain"]) == find_broken(["rain", "wind", "rain"]) == {"jitter", "tempo", "accent"}
    assert find_broken(["wind"], crop_seconds=1.0) == {"jitter", "pitch", "duration"}


def test_a_disturbance_that_is_not_in_the_table_is_named_with_those_that_are() -> None:
    message = "no disturbance 'nois' in the table of broken facts; did you mean 'noise'? known: tilt, noise, low_pass,"
    with pytest.raises(QueryError, match=f"^{re.escape(message)}"):
        find_broken(["tilt", "nois"], crop_seconds=2.0)
