from collections import Counter

import pandas as pd
import pytest
from tests.queries.rows import draw_table, fitted_bins

from paraclap.queries import CaptionSettings, make_captions
from paraclap.queries.caption_counts import CaptionCounts


def count(parts: list[pd.DataFrame], num_utterances: int) -> dict[str, object]:
    counts = CaptionCounts()
    for watched, part in zip(counts.watch(parts), parts, strict=True):
        assert watched is part
    return counts.summarize(num_utterances)


def test_counts_are_those_of_a_plain_loop_whatever_the_parts() -> None:
    settings = CaptionSettings(per_utterance=3, num_facts=(2.0, 1.0))
    (captions,) = make_captions(draw_table(60, seed=7), settings, bins=fitted_bins())
    texts: Counter[str] = Counter(captions["caption"])
    facts = [row.drop("caption").dropna().to_dict() for _, row in captions.iterrows()]
    levels: dict[str, Counter[str]] = {}
    for stated in facts:
        for name, level in stated.items():
            levels.setdefault(str(name), Counter())[level] += 1

    whole = count([captions], 70)
    parted = count([captions.iloc[:30], captions.iloc[30:33], captions.iloc[33:]], 70)

    assert parted == whole
    assert (whole["utterances"], whole["captioned"], whole["captions"]) == (70, 60, 180)
    assert whole["distinct"] == len(texts)
    assert whole["most_frequent"] == dict(texts.most_common(10))
    assert whole["num_facts"] == {str(n): c for n, c in sorted(Counter(map(len, facts)).items())}
    assert whole["mean_facts"] == pytest.approx(sum(map(len, facts)) / 180)
    assert whole["levels"] == levels


def test_no_captions_are_counted_too() -> None:
    captions = list(make_captions(pd.DataFrame({"gender": ["other"]}), CaptionSettings()))

    assert count(captions, 1) == {
        "utterances": 1,
        "captioned": 0,
        "captions": 0,
        "distinct": 0,
        "mean_facts": 0.0,
        "num_facts": {},
        "most_frequent": {},
        "levels": {},
    }
