import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from tests.queries.rows import VOCABULARY, draw_table, fitted_bins, make_binned, read_facts

from paraclap.errors import QueryError
from paraclap.queries import Bins, explain_levels, fit_bins
from paraclap.queries.bins import MeasuredLevel, levels_of_mask

SEEN = np.arange(101.0)  # whose quantiles are its values
LOW, BELOW, NORMAL, ABOVE, HIGH = {"low"}, {"low", "normal"}, {"normal"}, {"normal", "high"}, {"high"}


def fit(*measures: str, train: pd.DataFrame | None = None, **rule: object) -> Bins:
    table = pd.DataFrame({"h": SEEN, "w": SEEN}) if train is None else train
    return fit_bins(table.assign(split="train"), make_binned(*measures, **rule))


def apply(bins: Bins, **columns: object) -> list[set[str]]:
    return [set(levels_of_mask(mask)) for mask in bins.apply(pd.DataFrame(columns))["height"].tolist()]


def judge_slowly(value: float, seen: npt.NDArray[np.float64], margin: float) -> set[str]:
    """Return the levels that a value may have if the edges are anywhere within the margins."""
    lows = [np.quantile(seen, 0.3 - margin), np.quantile(seen, 0.3 + margin)]
    highs = [np.quantile(seen, 0.7 - margin), np.quantile(seen, 0.7 + margin)]
    levels = set()
    for low in lows:
        for high in highs:
            levels.add("low" if value <= low else "high" if value >= high else "normal")
    return levels


@pytest.mark.parametrize("margin", [0.0, 0.05, 0.1])
def test_levels_are_those_of_a_plain_loop(margin: float) -> None:
    seen = np.random.default_rng(0).normal(size=400)
    values = np.random.default_rng(1).normal(size=300)
    bins = fit("h", train=pd.DataFrame({"h": seen}), margin=margin)
    table = pd.DataFrame({"h": values})

    assert apply(bins, h=values) == [judge_slowly(value, seen, margin) for value in values]
    assert [{level} for level in bins.place(table, "height")] == [judge_slowly(value, seen, 0.0) for value in values]


@pytest.mark.parametrize(
    ("value", "levels"),
    [
        (-1e9, LOW),
        (25, LOW),  # the margin is open where normal begins
        (25.01, BELOW),
        (35, BELOW),
        (35.01, NORMAL),
        (64.99, NORMAL),
        (65, ABOVE),
        (74.99, ABOVE),
        (75, HIGH),
        (1e9, HIGH),
        (float("nan"), set()),
        (float("inf"), set()),
        (float("-inf"), set()),
        (None, set()),
        (pd.NA, set()),
    ],
)
def test_near_an_edge_two_levels_remain_possible(value: object, levels: set[str]) -> None:
    assert apply(fit("h"), h=pd.Series([value], dtype=object)) == [levels]


def test_a_measure_that_is_turned_around_is_high_where_it_is_small() -> None:
    assert apply(fit("-h"), h=[0.0, 30.0, 50.0, 70.0, 100.0]) == [HIGH, ABOVE, NORMAL, BELOW, LOW]
    assert fit("-h").place(pd.DataFrame({"h": [0.0, 50.0, 100.0]}), "height") == ["high", "normal", "low"]


def test_a_measure_is_turned_around_like_its_negative() -> None:
    values = np.random.default_rng(0).normal(size=500)
    rule = {"quantiles": (0.15, 0.6)}

    turned = fit("-h", train=pd.DataFrame({"h": values}), **rule)
    negative = fit("h", train=pd.DataFrame({"h": -values}), **rule)

    assert apply(turned, h=values) == apply(negative, h=-values)


@pytest.mark.parametrize(
    ("h", "w", "levels"),
    [
        (0, 0, LOW),
        (50, 50, NORMAL),
        (100, 100, HIGH),
        (0, 50, BELOW),  # they disagree: either may be right
        (50, 0, BELOW),
        (50, 100, ABOVE),
        (0, 30, BELOW),
        (30, 30, BELOW),
        (70, 50, ABOVE),
        (0, 100, set()),
        (100, 0, set()),
        (30, 100, set()),
        (30, 70, set()),
        (float("nan"), 0, set()),
        (0, float("nan"), set()),
    ],
)
def test_of_several_measures_what_they_leave_possible_is_known(h: float, w: float, levels: set[str]) -> None:
    assert apply(fit("h", "w"), h=[h], w=[w]) == [levels]


def test_measures_that_disagree_have_no_place() -> None:
    table = pd.DataFrame({"h": [0.0, 0.0, 0.0, 100.0], "w": [100.0, 50.0, 20.0, 100.0]})

    assert fit("h", "w").place(table, "height") == [None, None, "low", "high"]


def test_an_attribute_of_which_a_measure_is_not_there_is_unknown() -> None:
    assert apply(fit("h", "w"), h=[0.0, 100.0]) == [set(), set()]
    assert fit("h", "w").place(pd.DataFrame({"w": [0.0]}), "height") == [None]


def test_edges_in_the_unit_of_the_measure_part_the_levels_sharply() -> None:
    bins = fit("h", edges=(2.0, 6.0))

    assert apply(bins, h=[1.9, 2.0, 2.1, 5.9, 6.0, 6.1]) == [LOW, LOW, NORMAL, NORMAL, HIGH, HIGH]


GROUPED = pd.DataFrame(
    {
        "h": np.concatenate([SEEN, SEEN + 1000, SEEN + 2000]),
        "corpus": ["a"] * 202 + ["b"] * 101,
        "channel": [None] * 101 + ["phone"] * 101 + ["room"] * 101,
    }
)


@pytest.mark.parametrize(
    ("corpus", "channel", "values", "group"),
    [
        ("b", None, (2000, 2100), "corpus b"),
        ("b", "phone", (1000, 1100), "channel phone"),
        ("a", "room", (2000, 2100), "channel room"),
        ("c", "phone", (1000, 1100), "channel phone"),
        ("a", None, (0, 1100), "corpus a"),
        ("c", "car", (0, 2100), "pooled"),  # neither is known
        (None, None, (0, 2100), "pooled"),
    ],
)
def test_a_row_gets_the_edges_of_its_first_group_that_has_any(
    corpus: str | None, channel: str | None, values: tuple[float, float], group: str
) -> None:
    bins = fit("h", train=GROUPED, within=("channel", "corpus"))
    low, high = ({"h": [value], "corpus": [corpus], "channel": [channel]} for value in values)

    assert (apply(bins, **low), apply(bins, **high)) == ([LOW], [HIGH])
    assert [found.group for found in explain_levels(bins, pd.DataFrame(low))] == [group]


def test_groups_that_are_numbers_are_explained_as_they_are_applied() -> None:
    train = pd.DataFrame({"h": np.concatenate([SEEN, SEEN + 1000]), "channel": [1] * 101 + [2] * 101})
    bins = fit("h", train=train, within=["channel"])

    for channel, level in ((1, HIGH), (2, LOW), (3, NORMAL)):
        (explained,) = explain_levels(bins, pd.DataFrame({"h": [550.0], "channel": [channel]}))
        assert set(explained.levels) == level
        assert apply(bins, h=[550.0], channel=[channel]) == [level]
        assert explained.group == ("pooled" if channel == 3 else f"channel {channel}")


def test_the_order_of_the_groups_is_that_of_the_data_row() -> None:
    phone = {"h": [0.0, 1000.0], "corpus": ["a", "a"], "channel": ["phone", "phone"]}

    assert apply(fit("h", train=GROUPED, within=("channel", "corpus")), **phone) == [LOW, LOW]
    assert apply(fit("h", train=GROUPED, within=("corpus", "channel")), **phone) == [LOW, NORMAL]


def test_without_the_columns_of_its_groups_a_row_gets_the_pooled_edges() -> None:
    assert apply(fit("h", train=GROUPED, within=("channel", "corpus")), h=[50.0, 1050.0, 2050.0]) == [
        LOW,
        NORMAL,
        HIGH,
    ]


def test_rows_of_different_groups_are_told_apart_in_one_table() -> None:
    bins = fit("h", train=GROUPED, within=("corpus",))

    assert apply(bins, h=[2050.0, 2050.0, 2050.0], corpus=["b", "a", "z"]) == [NORMAL, HIGH, HIGH]


def test_what_is_relative_to_gender_is_unknown_where_the_gender_is() -> None:
    train = pd.DataFrame({"h": np.concatenate([SEEN, SEEN + 1000]), "gender": ["male"] * 101 + ["female"] * 101})
    bins = fit("h", train=train, relative_to="gender")

    assert apply(bins, h=[100.0, 1000.0, 500.0, 500.0], gender=["male", "female", "other", None]) == [
        HIGH,
        LOW,
        set(),
        set(),
    ]
    assert apply(bins, h=[100.0]) == [set()]


def test_an_attribute_is_unknown_where_its_needs_are_not_met() -> None:
    train = pd.DataFrame({"h": SEEN, "w": SEEN})
    bins = fit("h", train=train, needs={"w": 20.0})
    w = [19.99, 20.0, 1000.0, np.nan, None, -np.inf]

    assert apply(bins, h=[100.0] * 6, w=pd.Series(w, dtype=object)) == [set(), HIGH, HIGH, set(), set(), set()]
    assert bins.place(pd.DataFrame({"h": [100.0, 100.0], "w": [19.0, 21.0]}), "height") == ["high", "high"]
    assert apply(bins, h=[100.0]) == [set()]  # nobody measured what it needs


def test_all_needs_are_to_be_met() -> None:
    bins = fit("h", train=pd.DataFrame({"h": SEEN, "v": SEEN, "w": SEEN}), needs={"v": 20.0, "w": 30.0})

    assert apply(bins, h=[0.0] * 3, v=[20.0, 20.0, 19.0], w=[30.0, 29.0, 30.0]) == [LOW, set(), set()]


def test_edges_are_those_of_the_rows_whose_needs_are_met() -> None:
    noise = pd.DataFrame({"h": SEEN - 5000, "w": 0.0})
    train = pd.concat([pd.DataFrame({"h": SEEN, "w": 1.0}), noise, noise.assign(w=np.nan)], ignore_index=True)

    needy, plain = fit("h", train=train, needs={"w": 1.0}), fit("h")

    assert needy.attributes["height"].measures == plain.attributes["height"].measures


def test_of_a_voice_that_is_noise_only_pitch_and_its_like_are_unknown() -> None:
    table = draw_table(300, seed=2)
    voiced, noisy = (fitted_bins().apply(table.assign(HNRdBACF_sma3nz_amean=level)) for level in (1.0, 0.9))

    silenced = {name for name, masks in voiced.items() if masks.any() and not noisy[name].any()}

    assert silenced == {
        "pitch",
        "pitch_for_gender",
        "pitch_variation",
        "jitter",
        "shimmer",
        "roughness",
        "vocal_effort",
        "tempo",
        "pauses",
    }
    kept = set(voiced) - silenced - {"harmonicity", "breathiness"}
    assert all((voiced[name] == noisy[name]).all() for name in kept)


@pytest.mark.parametrize(("mask", "levels"), [(0, set()), (1, LOW), (2, NORMAL), (4, HIGH), (6, ABOVE), (3, BELOW)])
def test_bits_stand_for_levels(mask: int, levels: set[str]) -> None:
    assert levels_of_mask(mask) == levels


def test_the_order_of_rows_changes_nothing() -> None:
    table = draw_table(300, seed=2)
    order = np.random.default_rng(0).permutation(300)

    whole = fitted_bins().apply(table)
    shuffled = fitted_bins().apply(table.iloc[order])

    assert set(whole) == {name for name, row in VOCABULARY.attributes.items() if row.bins is not None}
    assert all((shuffled[name] == masks[order]).all() for name, masks in whole.items())
    assert all((fitted_bins().apply(table.iloc[[7]])[name] == masks[7]).all() for name, masks in whole.items())


def test_without_bins_nothing_that_is_binned_is_known() -> None:
    assert read_facts({"arousal": 0.9, "duration": 3.0, "gender": "male"}) == {"gender": {"male"}}


def test_text_where_numbers_are_expected_is_refused() -> None:
    message = r"^the column 'h' holds more than numbers; leave them out where they are unknown$"
    with pytest.raises(QueryError, match=message):
        fit("h").apply(pd.DataFrame({"h": [1.0, "tall"]}))


def test_levels_are_explained_by_value_and_edges() -> None:
    bins = fit("h", "-w", train=GROUPED.assign(w=GROUPED["h"]), within=("corpus",))
    table = pd.DataFrame({"h": [2071.0, 0.0], "w": [2030.0, 0.0], "corpus": ["b", "a"]})

    assert explain_levels(bins, table) == [
        MeasuredLevel("height", "h", 2071.0, (2030.0, 2070.0), "corpus b", ("normal", "high"), True),
        MeasuredLevel("height", "-w", 2030.0, (2030.0, 2070.0), "corpus b", ("normal", "high"), True),
    ]


def test_what_has_no_edges_or_is_not_there_is_not_explained() -> None:
    train = pd.DataFrame({"h": SEEN, "gender": "male"})
    bins = fit("h", train=train, relative_to="gender")

    assert explain_levels(bins, pd.DataFrame({"h": [3.0]})) == []
    assert explain_levels(bins, pd.DataFrame({"gender": ["male"]})) == []
    (missing,) = explain_levels(fit("h"), pd.DataFrame({"h": [np.nan]}))
    assert np.isnan(missing.value) and missing.levels == () and missing.group == "pooled"


def test_it_is_explained_that_a_value_is_not_to_be_relied_on() -> None:
    bins = fit("h", train=pd.DataFrame({"h": SEEN, "w": SEEN}), needs={"w": 20.0})

    (noise,) = explain_levels(bins, pd.DataFrame({"h": [100.0], "w": [19.0]}))
    (voice,) = explain_levels(bins, pd.DataFrame({"h": [100.0], "w": [20.0]}))

    assert (noise.value, noise.levels, noise.is_reliable) == (100.0, (), False)
    assert (voice.value, voice.levels, voice.is_reliable) == (100.0, ("high",), True)
