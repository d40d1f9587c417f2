import re

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from tests.queries.rows import VOCABULARY, draw_table, make_binned

from paraclap.errors import QueryError
from paraclap.queries import Bins, fit_bins
from paraclap.queries.bins import Edges

Numbers = npt.NDArray[np.float64]


def make_table(values: Numbers, split: str = "train", **columns: object) -> pd.DataFrame:
    return pd.DataFrame({"h": values, "split": split} | columns)


def draw_numbers(count: int = 500, seed: int = 0) -> Numbers:
    return np.random.default_rng(seed).normal(size=count)


def find_edges(bins: Bins, measure: str = "h") -> Edges:
    pooled = bins.attributes["height"].measures[measure].pooled
    assert pooled is not None
    return pooled


def test_edges_and_margins_are_quantiles_of_the_known_values() -> None:
    values = draw_numbers()
    values[[3, 5, 8]] = [np.nan, np.inf, -np.inf]
    known = values[np.isfinite(values)]

    edges = find_edges(fit_bins(make_table(values), make_binned("h")))

    assert edges.edges == pytest.approx(tuple(np.quantile(known, [0.3, 0.7])))
    assert edges.limits == pytest.approx(tuple(np.quantile(known, [0.25, 0.35, 0.65, 0.75])))
    assert edges.num_rows == 497


def test_quantiles_and_margin_are_those_of_the_data_row() -> None:
    values = draw_numbers()

    edges = find_edges(fit_bins(make_table(values), make_binned("h", quantiles=(0.2, 0.7), margin=0.1)))

    assert edges.edges == pytest.approx(tuple(np.quantile(values, [0.2, 0.7])))
    assert edges.limits == pytest.approx(tuple(np.quantile(values, [0.1, 0.3, 0.6, 0.8])))


def test_quantiles_can_be_given_for_an_attribute() -> None:
    values = draw_numbers()

    bins = fit_bins(make_table(values), make_binned("h"), quantiles={"height": (0.1, 0.5)})

    assert find_edges(bins).edges == pytest.approx(tuple(np.quantile(values, [0.1, 0.5])))
    assert bins.attributes["height"].rule.quantiles == (0.1, 0.5)


def test_the_edges_of_a_measure_that_is_turned_around_are_those_of_its_negative() -> None:
    values = draw_numbers()
    rule = {"quantiles": (0.2, 0.6)}

    turned = find_edges(fit_bins(make_table(values), make_binned("-h", **rule)), "-h")
    negative = find_edges(fit_bins(make_table(-values), make_binned("h", **rule)))

    assert turned.edges == pytest.approx((-negative.edges[1], -negative.edges[0]))
    assert turned.limits == pytest.approx(tuple(-limit for limit in reversed(negative.limits)))


def test_edges_in_the_unit_of_the_measure_are_taken_as_they_are() -> None:
    bins = fit_bins(make_table(draw_numbers()), make_binned("h", edges=(2.0, 6.0)))

    assert find_edges(bins) == Edges(edges=(2.0, 6.0), margins=((2.0, 2.0), (6.0, 6.0)), num_rows=500)


@pytest.mark.parametrize(
    ("shares", "edges"),
    [
        ((585, 672, 678), (0.25, 0.75)),  # as in baved
        ((200, 400, 400), (0.25, 0.75)),
        ((400, 400, 200), (0.25, 0.75)),
        ((500, 100, 400), (0.25, 0.75)),
        ((300, 400, 300), (0.25, 0.75)),  # both edges are between two values
    ],
)
def test_the_edges_of_a_rating_scale_lie_between_its_values(
    shares: tuple[int, int, int], edges: tuple[float, float]
) -> None:
    values = np.repeat([0.0, 0.5, 1.0], shares)
    table = make_table(values)
    bins = fit_bins(table, make_binned("h"))

    found = find_edges(bins).edges

    assert 0 < found[0] < 0.5 < found[1] < 1
    assert bins.apply(table)["height"].tolist() == np.repeat([1, 2, 4], shares).tolist()
    assert bins.place(table, "height") == np.repeat(["low", "normal", "high"], shares).tolist()
    if shares != (300, 400, 300):
        assert found == edges


@pytest.mark.parametrize("seed", range(40))
def test_the_edges_lie_within_their_margins_however_many_rows_share_a_value(seed: int) -> None:
    generator = np.random.default_rng(seed)
    scale = np.sort(generator.random(int(generator.integers(3, 9))))
    shares = generator.dirichlet(np.full(len(scale), 2.0))
    values = generator.choice(scale, size=400, p=shares)
    values[: int(generator.integers(100))] = generator.random()  # which one value more shares
    values[100:150] = generator.random(50)

    edges = find_edges(fit_bins(make_table(values), make_binned("h", margin=0.1)))

    low_begin, low_end, high_begin, high_end = edges.limits
    assert low_begin <= edges.edges[0] <= low_end <= high_begin <= edges.edges[1] <= high_end


@pytest.mark.parametrize("shares", [(300, 400, 300), (299, 401, 300), (600, 800, 600)])
def test_an_edge_between_two_ratings_has_no_margin(shares: tuple[int, int, int]) -> None:
    edges = find_edges(fit_bins(make_table(np.repeat([0.0, 0.5, 1.0], shares)), make_binned("h")))

    assert edges == Edges(edges=(0.25, 0.75), margins=((0.25, 0.25), (0.75, 0.75)), num_rows=sum(shares))


def test_the_edges_of_a_finer_scale_keep_all_rows_of_a_value_together() -> None:
    values = np.round(np.random.default_rng(0).random(2000) * 6) / 6
    table = make_table(values)
    bins = fit_bins(table, make_binned("h"))

    low, high = find_edges(bins).edges

    assert low not in values and high not in values
    assert np.mean(values <= low) == pytest.approx(0.3, abs=1 / 12)
    assert np.mean(values < high) == pytest.approx(0.7, abs=1 / 12)


def test_a_group_with_enough_rows_has_edges_of_its_own() -> None:
    values = draw_numbers(160)
    corpus = ["a"] * 100 + ["b"] * 30 + ["c"] * 29 + [None]

    bins = fit_bins(make_table(values, corpus=corpus), make_binned("h", within=["corpus"]))

    groups = bins.attributes["height"].measures["h"].groups
    assert list(groups) == ["corpus"] and set(groups["corpus"]) == {"a", "b"}
    assert groups["corpus"]["a"].edges == pytest.approx(tuple(np.quantile(values[:100], [0.3, 0.7])))
    assert groups["corpus"]["b"].edges == pytest.approx(tuple(np.quantile(values[100:130], [0.3, 0.7])))
    assert find_edges(bins).edges == pytest.approx(tuple(np.quantile(values, [0.3, 0.7])))


def test_a_group_in_which_all_are_alike_has_no_edges_of_its_own() -> None:
    values = np.concatenate([draw_numbers(100), np.zeros(50)])

    bins = fit_bins(make_table(values, corpus=["a"] * 100 + ["b"] * 50), make_binned("h", within=["corpus"]))

    assert set(bins.attributes["height"].measures["h"].groups["corpus"]) == {"a"}


def test_what_is_relative_to_gender_is_never_pooled() -> None:
    values, gender = draw_numbers(100), ["female"] * 50 + ["male"] * 40 + ["other"] * 10
    attributes = make_binned("h", relative_to="gender", within=["corpus"])

    measure = fit_bins(make_table(values, gender=gender, corpus="a"), attributes).attributes["height"].measures["h"]

    assert measure.pooled is None
    assert set(measure.groups) == {"gender"} and set(measure.groups["gender"]) == {"female", "male"}
    assert fit_bins(make_table(values), attributes).attributes == {}
    assert fit_bins(make_table(values, gender="female"), attributes).attributes != {}


def test_only_rows_of_the_train_split_count() -> None:
    table = draw_table(600, seed=1)
    others = table["split"] != "train"
    changed = table.copy()
    changed.loc[others, ["duration", "arousal"]] = 1e6
    changed.loc[others, "corpus"] = "three"

    assert fit_bins(changed, VOCABULARY.attributes) == fit_bins(table, VOCABULARY.attributes)
    assert fit_bins(table[~others], VOCABULARY.attributes) == fit_bins(table, VOCABULARY.attributes)


def test_the_fingerprint_is_that_of_the_train_rows() -> None:
    table = make_table(draw_numbers(100))
    table.loc[90:, "split"] = "dev"
    fingerprint = fit_bins(table, make_binned("h")).fingerprint

    assert re.fullmatch("[0-9a-f]{64}", fingerprint)
    assert fit_bins(table.assign(other=1.0), make_binned("h")).fingerprint == fingerprint
    moved = table.assign(h=table["h"] + 1e-9 * (table.index == 3))
    assert fit_bins(moved, make_binned("h")).fingerprint != fingerprint


def test_the_fingerprint_is_that_of_the_groups_too() -> None:
    table, attributes = make_table(draw_numbers(100)), make_binned("h", within=["corpus"])

    one = fit_bins(table.assign(corpus=["a"] * 50 + ["b"] * 50), attributes)
    other = fit_bins(table.assign(corpus=["a", "b"] * 50), attributes)

    assert one.attributes != other.attributes
    assert one.fingerprint != other.fingerprint
    assert fit_bins(table.assign(corpus="a"), make_binned("h")) == fit_bins(table, make_binned("h"))


def test_bins_name_the_feature_set_and_count_the_train_rows() -> None:
    table = draw_table(600, seed=1)

    bins = fit_bins(table, VOCABULARY.attributes, feature_set="eGeMAPSv02")

    assert bins.feature_set == "eGeMAPSv02"
    assert bins.num_rows == (table["split"] == "train").sum()
    assert set(bins.attributes) == {name for name, row in VOCABULARY.attributes.items() if row.bins is not None}


def test_what_is_not_measured_in_enough_rows_is_left_out() -> None:
    values = draw_numbers(100)
    values[29:] = np.nan

    assert fit_bins(make_table(values), make_binned("h")).attributes == {}
    assert fit_bins(make_table(draw_numbers(100)), make_binned("h", "width")).attributes == {}
    assert fit_bins(make_table(draw_numbers(100)), make_binned("width")).attributes == {}
    assert set(fit_bins(make_table(draw_numbers(30)), make_binned("h")).attributes) == {"height"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            np.full(100, 7.0),
            "height: the edges of h coincide at 7 on 100 train rows, so that low and high are the same; leave this "
            "attribute out (without), or fit on rows that differ",
        ),
        (
            np.repeat([0.0, 0.5, 1.0], [10, 30, 60]),
            "height: the edges of h coincide at 0.75 on 100 train rows, so that",
        ),
    ],
)
def test_edges_that_coincide_are_refused(values: Numbers, message: str) -> None:
    with pytest.raises(QueryError, match=f"^{re.escape(message)}"):
        fit_bins(make_table(values), make_binned("h"))


@pytest.mark.parametrize("table", [make_table(draw_numbers(40), split="dev"), pd.DataFrame({"h": draw_numbers(40)})])
def test_a_table_without_train_rows_is_refused(table: pd.DataFrame) -> None:
    message = "none of 40 rows is of the train split, on which alone bins are fitted; give bins that were fitted before"
    with pytest.raises(QueryError, match=f"^{message}$"):
        fit_bins(table, make_binned("h"))


@pytest.mark.parametrize(
    ("quantiles", "message"),
    [
        (
            {"pich": (0.2, 0.8)},
            "quantiles for 'pich', which has no bins; did you mean 'pitch'? known: arousal, valence,",
        ),
        ({"emotion": (0.2, 0.8)}, "quantiles for 'emotion', which has no bins; known: arousal,"),
        ({"duration": (0.2, 0.8)}, "quantiles for 'duration', whose edges are fixed at (1.5, 10.0); leave them out"),
        ({"pitch": (0.8, 0.2)}, "pitch: quantiles 0.8 and 0.2, margin 0.05; expected two between 0 and 1 and apart"),
        ({"pitch": (0.02, 0.8)}, "pitch: quantiles 0.02 and 0.8, margin 0.05; expected two between 0 and 1 and apart"),
        ({"pitch": (0.5, 0.55)}, "pitch: quantiles 0.5 and 0.55, margin 0.05; expected two between 0 and 1 and apart"),
        ({"pitch": (float("nan"), 0.8)}, "pitch: quantiles nan and 0.8, margin 0.05; expected two between 0 and 1"),
    ],
)
def test_quantiles_that_cannot_be_are_refused(quantiles: dict[str, tuple[float, float]], message: str) -> None:
    with pytest.raises(QueryError, match=f"^{re.escape(message)}"):
        fit_bins(draw_table(100), VOCABULARY.attributes, feature_set="made", quantiles=quantiles)


def test_text_where_numbers_are_expected_is_refused() -> None:
    table = make_table(draw_numbers(40)).astype({"h": object})
    table.loc[3, "h"] = "tall"

    with pytest.raises(QueryError, match=r"^the column 'h' holds more than numbers; leave them out where they are unk"):
        fit_bins(table, make_binned("h"))


def test_a_scale_of_two_values_has_low_and_high() -> None:
    table = pd.DataFrame({"h": np.repeat([0.0, 1.0], [85, 15]), "split": "train"})

    bins = fit_bins(table, make_binned("h"))

    assert bins.place(pd.DataFrame({"h": [0.0, 1.0]}), "height") == ["low", "high"]


def test_what_is_measured_has_no_bins_without_features() -> None:
    table = pd.DataFrame({"duration": np.arange(100.0), "split": "train"})

    assert "duration" not in fit_bins(table, VOCABULARY.attributes).attributes
    assert "duration" in fit_bins(table, VOCABULARY.attributes, feature_set="made").attributes
