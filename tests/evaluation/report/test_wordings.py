import random
from itertools import combinations

import numpy as np
import pytest
from tests.evaluation.report.made import TEMPLATES, make_result, make_retrieval_result, rename_model, score_templates

from paraclap.evaluation.report.collecting import Entry
from paraclap.evaluation.report.wordings import (
    RankChange,
    count_changed_orders,
    find_rank_changes,
    find_source,
    is_published,
    list_templates,
    measure_spread,
)
from paraclap.evaluation.tasks import load_task


def enter(name: str, uars: tuple[float, ...], *, ensemble: float) -> Entry:
    return Entry(make_result(**rename_model(name, "d"), by_prompts=score_templates(uars, ensemble=ensemble)), name)


def test_single_templates_are_what_is_neither_ours_nor_published() -> None:
    assert list_templates(make_result()) == list(TEMPLATES)
    assert [is_published(name) for name in ("published", "published-x", "publishedx", "ensemble")] == [
        True,
        True,
        False,
        False,
    ]


def test_the_spread_is_that_of_numpy() -> None:
    spread = measure_spread(make_result())

    assert spread is not None
    assert (spread.worst, spread.best, spread.num_templates) == (TEMPLATES[2], TEMPLATES[0], 3)
    assert spread.mean == pytest.approx(np.mean([0.8, 0.7, 0.6]))
    assert spread.deviation == pytest.approx(np.std([0.8, 0.7, 0.6], ddof=1))
    of_accuracy = measure_spread(make_result(), "wa")
    assert of_accuracy is not None
    assert of_accuracy.mean == pytest.approx(0.65)


def test_one_template_has_no_deviation_and_no_template_no_spread() -> None:
    one = make_result(by_prompts={TEMPLATES[0]: make_result().by_prompts[TEMPLATES[0]]})
    spread = measure_spread(one)

    assert spread is not None
    assert spread.deviation == 0.0
    assert measure_spread(make_retrieval_result()) is None
    assert measure_spread(make_result(), "spearman") is None


def test_changes_of_rank_between_two_models_are_counted() -> None:
    better, worse = enter("better", (0.5, 0.6, 0.7), ensemble=0.6), enter("worse", (0.6, 0.6, 0.6), ensemble=0.5)

    assert find_rank_changes([worse, better]) == [RankChange("better", "worse", 3, 1, 1)]
    assert count_changed_orders([worse, better]) == (2, 3)


def test_the_order_of_models_of_equal_ensembles_is_no_order() -> None:
    assert find_rank_changes([enter(name, (0.5, 0.6, 0.7), ensemble=0.6) for name in "ab"]) == []


def test_only_templates_that_both_models_have_are_compared() -> None:
    one, other = enter("one", (0.5, 0.6, 0.7), ensemble=0.6), enter("other", (0.6, 0.5, 0.6), ensemble=0.5)
    prompts = {name: scores for name, scores in other.result.by_prompts.items() if name != TEMPLATES[0]}
    other = Entry(other.result.model_copy(update={"by_prompts": prompts}), "other")

    assert find_rank_changes([one, other]) == [RankChange("one", "other", 2, 0, 0)]
    assert count_changed_orders([one, other]) == (0, 2)


@pytest.mark.parametrize("seed", range(5))
def test_changes_of_rank_are_those_of_sorting(seed: int) -> None:
    rng = random.Random(seed)
    uars = {name: [rng.random() for _ in range(4)] for name in "abcd"}  # of three templates and the ensemble
    entries = [enter(name, tuple(values[:3]), ensemble=values[3]) for name, values in uars.items()]

    rankings = [sorted(uars, key=lambda name: -uars[name][place]) for place in range(4)]
    expected_pairs = {}
    for one, other in combinations(uars, 2):
        pair = (one, other) if uars[one][3] > uars[other][3] else (other, one)
        expected_pairs[pair] = sum(ranks.index(pair[0]) > ranks.index(pair[1]) for ranks in rankings[:3])

    assert {(one.better, one.worse): one.num_reversed for one in find_rank_changes(entries)} == expected_pairs
    assert count_changed_orders(entries) == (sum(ranks != rankings[3] for ranks in rankings[:3]), 3)


def test_the_source_of_published_prompts_is_found_if_they_are_those_of_the_package() -> None:
    task = load_task("ravdess-emotion")
    first = {name: (prompt,) for name, prompt in task.published[0].prompts.items()}
    result = make_result(task=task.name, prompts={"published": first, "published-other": {"anger": ("angry",)}})

    assert find_source(result, "published") == task.published[0].source
    assert find_source(result, "published-other") == ""
    assert find_source(make_result(), "published") == ""
