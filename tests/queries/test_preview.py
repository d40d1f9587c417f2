import numpy as np
import pandas as pd
import pytest
from tests.queries.rows import MEASURES, VOCABULARY, draw_table, fitted_bins

from paraclap.errors import QueryError
from paraclap.queries import CaptionSettings, explain_levels
from paraclap.queries.preview import preview_captions


def test_levels_are_explained_and_captions_are_true_and_distinct() -> None:
    for number in range(10):
        table = draw_table(10, seed=7).iloc[number : number + 1]
        (facts,) = VOCABULARY.read_table(table, bins=fitted_bins())

        preview = preview_captions(table, fitted_bins(), CaptionSettings(seed=number), num_captions=7)

        assert [level.attribute for level in preview.levels] == [
            level.attribute for level in explain_levels(fitted_bins(), table)
        ]
        assert len({caption.text for caption in preview.captions}) == len(preview.captions) == 7
        for caption in preview.captions:
            assert caption.facts
            assert all(facts[fact.attribute] <= VOCABULARY.levels_of(fact) for fact in caption.facts)


def test_the_seed_decides_and_settings_hold() -> None:
    table = draw_table(1, seed=8)

    def preview(**settings: object) -> list[str]:
        made = preview_captions(table, fitted_bins(), CaptionSettings(**settings), num_captions=3)  # type: ignore[arg-type]
        assert all(fact.attribute in named for caption in made.captions for fact in caption.facts)
        return [caption.text for caption in made.captions]

    named = set(VOCABULARY.attributes)
    assert preview(seed=1) == preview(seed=1) != preview(seed=2)
    named = {"pitch", "duration", "loudness", "tempo", "pauses", "jitter"} & named
    preview(variant="features", without=tuple(set(VOCABULARY.attributes) - named))


def test_there_are_fewer_captions_where_there_is_less_to_say() -> None:
    table = draw_table(1, seed=8).assign(**dict.fromkeys(MEASURES, np.nan))
    unknown = pd.DataFrame({column: table[column] for column in MEASURES})

    assert preview_captions(unknown, fitted_bins(), CaptionSettings(), num_captions=3).captions == ()
    women = preview_captions(
        unknown.assign(gender="female"), fitted_bins(), CaptionSettings(), num_captions=1000
    ).captions
    assert {fact for caption in women for fact in caption.facts} == {("gender", "female")}
    assert 5 < len(women) < 200


def test_bins_of_nothing_that_was_measured_are_refused() -> None:
    with pytest.raises(QueryError, match=r"^the bins are of .*pitch.*, which was not measured here; fit them with"):
        preview_captions(pd.DataFrame({"gender": ["female"]}), fitted_bins(), CaptionSettings(), num_captions=1)
    with pytest.raises(QueryError, match=r"^no variant 'feature' of captions; did you mean 'features'\?"):
        preview_captions(draw_table(1), fitted_bins(), CaptionSettings(variant="feature"), num_captions=1)
