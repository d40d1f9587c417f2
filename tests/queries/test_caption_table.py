import re

import numpy as np
import pandas as pd
import pytest
from tests.queries.rows import VOCABULARY, draw_table, fitted_bins

from paraclap.errors import CorpusError, QueryError
from paraclap.queries import CaptionSampler, caption_table
from paraclap.queries.caption_table import CaptionSettings, list_variant, make_captions

LABELS = {name for name, row in VOCABULARY.attributes.items() if row.bins is None}
RATED = {"arousal", "valence", "dominance"}
MEASURED = set(VOCABULARY.attributes) - LABELS - RATED


def caption(table: pd.DataFrame, *, num_workers: int = 1, **settings: object) -> pd.DataFrame:
    parts = make_captions(
        table,
        CaptionSettings(**settings),  # type: ignore[arg-type]
        bins=fitted_bins(),
        num_workers=num_workers,
    )
    return pd.concat(list(parts))


def test_captions_are_those_of_the_sampler_row_by_row() -> None:
    table = draw_table(40, seed=7)
    sampler, generator = CaptionSampler(VOCABULARY, negates=True), np.random.default_rng([3, 0])
    expected = []
    for number, facts in enumerate(VOCABULARY.read_table(table, bins=fitted_bins())):
        for _ in range(2):
            drawn = sampler.sample(facts, generator)
            assert drawn is not None
            levels = {fact.attribute: fact.level for fact in drawn.facts}
            expected.append((number, drawn.text, levels))

    captions = caption(table, per_utterance=2, seed=3)

    stated = captions.drop(columns="caption")
    assert list(captions.columns) == ["caption", *VOCABULARY.attributes]
    assert captions.index.tolist() == [number for number, _, _ in expected]
    assert captions["caption"].tolist() == [text for _, text, _ in expected]
    assert [row.dropna().to_dict() for _, row in stated.iterrows()] == [levels for _, _, levels in expected]


def test_captions_keep_the_index_of_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caption_table, "_BLOCK", 12)
    table = draw_table(30, seed=7).set_index(pd.MultiIndex.from_product([["a", "b", "c"], range(10)], names=["f", "s"]))
    table.iloc[4, :] = None  # of which nothing can be said

    captions = caption(table)

    assert captions.index.equals(table.index.delete(4))
    assert captions.index.names == ["f", "s"]


def test_the_seed_alone_decides() -> None:
    table = draw_table(100, seed=7)

    pd.testing.assert_frame_equal(caption(table, seed=5), caption(table.copy(), seed=5))
    assert (caption(table, seed=5)["caption"] != caption(table, seed=6)["caption"]).any()


def test_columns_of_which_nothing_is_said_change_nothing() -> None:
    table = draw_table(100, seed=7)
    more = table.assign(transcript="no word of it", split="test")[["transcript", *reversed(table.columns)]]

    pd.testing.assert_frame_equal(caption(more), caption(table))


def test_two_processes_make_the_same_captions_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caption_table, "_BLOCK", 60)
    table = draw_table(290, seed=7)

    alone = caption(table, num_workers=1)

    pd.testing.assert_frame_equal(caption(table, num_workers=2), alone)
    assert len(alone) > 280


def test_rows_that_follow_and_fewer_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caption_table, "_BLOCK", 60)
    table = draw_table(290, seed=7)
    whole = caption(table)

    for rows in (60, 100, 240):
        pd.testing.assert_frame_equal(caption(table.iloc[:rows]), whole[whole.index < rows])


def test_no_two_blocks_are_captioned_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caption_table, "_BLOCK", 20)
    table = draw_table(20, seed=7)

    captions = caption(pd.concat([table, table], ignore_index=True))["caption"]

    assert (captions[:20].to_numpy() != captions[20:].to_numpy()).mean() > 0.8


def test_progress_counts_rows_up_to_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caption_table, "_BLOCK", 40)
    calls: list[tuple[int, int]] = []
    parts = make_captions(
        draw_table(100), CaptionSettings(), bins=fitted_bins(), progress=lambda *call: calls.append(call)
    )

    assert len(list(parts)) == 3
    assert calls == [(40, 100), (80, 100), (100, 100)]


def test_without_bins_only_labels_are_spoken_of() -> None:
    captions = pd.concat(list(make_captions(draw_table(400), CaptionSettings())))

    stated = captions.drop(columns="caption").notna().any()
    assert set(stated[stated].index) == LABELS


@pytest.mark.parametrize(
    ("variant", "attributes"),
    [
        ("emotion", {"emotion"}),
        ("labels", LABELS | RATED),
        ("features", MEASURED - {"pitch_for_gender"}),  # which says the gender
        ("all", set(VOCABULARY.attributes)),
    ],
)
def test_a_variant_speaks_of_its_attributes(variant: str, attributes: set[str]) -> None:
    assert set(list_variant(variant)) == attributes

    stated = caption(draw_table(3000), variant=variant).drop(columns="caption").notna().any()

    assert set(stated[stated].index) == attributes


def test_a_variant_may_go_without_some_attributes() -> None:
    order = list(list_variant("labels"))

    assert list(list_variant("labels", without=["emotion", "pitch"])) == [n for n in order if n != "emotion"]
    assert set(list_variant("labels")) == LABELS | RATED
    assert set(list_variant("all", without=sorted(MEASURED))) == LABELS | RATED
    assert "gender" not in caption(draw_table(300), variant="labels", without=("gender",)).dropna(axis=1, how="all")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"variant": "label"}, "no variant 'label' of captions; did you mean 'labels'? known: emotion, labels,"),
        ({"without": ("emotoin",)}, "no attribute 'emotoin'; did you mean 'emotion'? known: emotion, intensity,"),
        (
            {"variant": "emotion", "without": ("emotion", "pitch")},
            "captions of the variant 'emotion' without emotion, pitch speak of nothing",
        ),
        ({"per_utterance": 0}, "0 captions of each utterance; expected 1 or more"),
        ({"seed": -1}, "the seed is -1; expected 0 or more"),
        ({"num_facts": ()}, "shares of captions by number of facts []; expected numbers from 0, one above it"),
    ],
)
def test_settings_that_cannot_be_are_refused_before_work(settings: dict[str, object], message: str) -> None:
    with pytest.raises(QueryError, match=f"^{re.escape(message)}"):
        caption(draw_table(10), num_workers=2, **settings)


def test_text_where_numbers_are_expected_is_refused() -> None:
    table = draw_table(10).astype({"duration": object, "age": object})

    with pytest.raises(QueryError, match=r"^the column 'duration' holds more than numbers; leave them out"):
        caption(table.assign(duration="long"))
    with pytest.raises(CorpusError, match=r"^age is 'old'; expected a number: leave it out where it is unknown$"):
        caption(table.assign(age="old"))
