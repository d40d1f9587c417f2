from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tests.evaluation.toy_trials import make_manifest, make_retrieval_task, make_task, make_trial

from paraclap.evaluation import measure_retrieval
from paraclap.evaluation.intervals import Resampling, draw_resampling
from paraclap.evaluation.retrieval_pools import POOL_SEED, RECALL_AT, expect_by_chance, measure_pools
from paraclap.evaluation.trials import Captions, Trial

Array = npt.NDArray[Any]
Vectors = npt.NDArray[np.float32]
Queries = list[tuple[int, int, float]]  # the clip of each query, the rank of its first right answer, its precision


def draw_vectors(number: int, seed: int) -> Vectors:
    vectors = np.random.default_rng(seed).normal(size=(number, 6))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def make_search(
    num_clips: int = 25, *, pool_size: int = 10, num_pools: int = 10, seed: int = 0
) -> tuple[Trial, Vectors, dict[str, Vectors]]:
    """Make a trial in which most clips have a caption of their own, true of it and of some others, and vectors."""
    rng = np.random.default_rng(seed)
    speakers = [f"s{number % 3}" for number in range(num_clips)]
    task = make_retrieval_task(pool_size=pool_size, num_pools=num_pools)
    trial = make_trial(task, make_manifest(gender=["female"] * num_clips, speaker=speakers))
    places = np.flatnonzero(rng.random(num_clips) < 0.8)
    relation = rng.choice([-1, 0, 1], size=(num_clips, len(places)), p=[0.2, 0.7, 0.1]).astype(np.int8)
    relation[places, np.arange(len(places))] = 1
    texts = tuple(f"caption of {place}" for place in places)
    captions = Captions(texts, places, relation)
    text_embeds = dict(zip(texts, draw_vectors(len(texts), seed + 1), strict=True))
    return Trial(task, trial.clips, {}, "0" * 64, captions=captions), draw_vectors(num_clips, seed + 2), text_embeds


def sort_all(queries: list[tuple[int, Vectors]], answers: list[Vectors], relation: Array) -> Queries:
    """Sort all known answers to each query and look where the right ones are."""
    found = []
    for (clip, query), kinds in zip(queries, relation, strict=True):
        known = [number for number in range(len(answers)) if kinds[number] != -1]
        ranking = sorted(known, key=lambda number: -float(np.dot(query, answers[number])))
        hits = [rank for rank, number in enumerate(ranking, start=1) if kinds[number] == 1]
        if hits:
            precision = np.mean([count / rank for count, rank in enumerate(hits, start=1)])
            found.append((clip, hits[0], float(precision)))
    return found


def search(trial: Trial, audio: Vectors, texts: dict[str, Vectors]) -> dict[str, Queries]:
    """Cut the shuffled clips into pools and sort all of each one."""
    assert trial.captions is not None
    size, order = trial.task.pool_size, np.random.default_rng(POOL_SEED).permutation(len(trial.clips))
    pools = [order[begin : begin + size] for begin in range(0, len(order), size)]
    whole = [pool for pool in pools if len(pool) == size][: trial.task.num_pools] or [order]
    found: dict[str, Queries] = {"text_to_audio": [], "audio_to_text": []}
    for pool in whole:
        clips = sorted(pool)
        captions = [m for m, place in enumerate(trial.captions.places) if place in clips]
        relation = trial.captions.relation[clips][:, captions]
        asking = [(int(trial.captions.places[m]), texts[trial.captions.texts[m]]) for m in captions]
        heard = [(clip, audio[clip]) for clip in clips]
        found["text_to_audio"] += sort_all(asking, [audio[clip] for clip in clips], relation.T)
        found["audio_to_text"] += sort_all(heard, [vector for _, vector in asking], relation)
    return found


def summarize(way: str, queries: Queries) -> dict[str, float]:
    ranks = [rank for _, rank, _ in queries]
    recalls = {f"{way}_recall@{k}": float(np.mean([rank <= k for rank in ranks])) for k in RECALL_AT}
    precisions = [precision for _, _, precision in queries]
    return recalls | {f"{way}_median_rank": float(np.median(ranks)), f"{way}_map": float(np.mean(precisions))}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("pool_size", [4, 10, 25, 100])
def test_pools_are_searched_as_a_full_sort_does(pool_size: int, seed: int) -> None:
    trial, audio, texts = make_search(pool_size=pool_size, seed=seed)
    resampling = draw_resampling(trial.clips.strata, trial.clips.speakers, num_draws=2)

    drawn = measure_pools(trial, audio, texts, resampling=resampling)

    by_way = search(trial, audio, texts)
    expected = {name: value for way, queries in by_way.items() for name, value in summarize(way, queries).items()}
    assert {name: one.value for name, one in drawn.items()} == pytest.approx(expected)
    assert list(drawn)[:5] == [
        f"text_to_audio_{name}" for name in ("recall@1", "recall@5", "recall@10", "median_rank", "map")
    ]


def test_one_pool_of_all_clips_is_retrieval_among_all_clips() -> None:
    trial, audio, texts = make_search(pool_size=100)
    assert trial.captions is not None

    drawn = measure_pools(trial, audio, texts, resampling=draw_resampling(trial.clips.strata, None, num_draws=2))

    vectors = np.stack([texts[text] for text in trial.captions.texts])
    whole = measure_retrieval(audio, vectors, trial.captions.relation)
    for way in ("text_to_audio", "audio_to_text"):
        metrics = getattr(whole, way)
        assert drawn[f"{way}_recall@5"].value == metrics.recall_at_5
        assert drawn[f"{way}_median_rank"].value == metrics.median_rank
        assert drawn[f"{way}_map"].value == metrics.mean_average_precision


@pytest.mark.parametrize("num_pools", [1, 2, 10])
def test_no_clip_is_in_two_pools_and_those_in_none_change_nothing(num_pools: int) -> None:
    trial, audio, texts = make_search(25, pool_size=10, num_pools=num_pools)
    resampling = Resampling("clips", np.arange(25), np.eye(25, dtype=np.float32), "")  # a clip a draw

    draws = measure_pools(trial, audio, texts, resampling=resampling)["audio_to_text_recall@10"].draws

    asked = np.flatnonzero(~np.isnan(draws))
    by_way = search(trial, audio, texts)
    assert asked.tolist() == sorted(clip for clip, _, _ in by_way["audio_to_text"])  # each clip once
    assert 8 * min(num_pools, 2) <= len(asked) <= 10 * min(num_pools, 2)
    others = np.random.default_rng(POOL_SEED).permutation(25)[10 * min(num_pools, 2) :]
    deaf = audio.copy()
    deaf[others] = -1.0
    again = measure_pools(trial, deaf, texts, resampling=resampling)
    expected = np.mean([precision for *_, precision in by_way["audio_to_text"]])
    assert again["audio_to_text_map"].value == pytest.approx(expected)


HAND_MADE = np.array([[1, 1, 1], [3, 0, 0], [0, 1, 2], [2, 2, 0], [0, 0, 0]], dtype=np.float32)


@pytest.mark.parametrize("method", ["speakers", "clips"])
def test_draws_are_those_of_queries_repeated_as_often_as_their_clip_was_drawn(method: str) -> None:
    trial, audio, texts = make_search(pool_size=12)
    if method == "speakers":
        assert trial.clips.speakers is not None
        resampling = Resampling("speakers", trial.clips.speakers, HAND_MADE, "")
    else:
        weights = np.random.default_rng(0).multinomial(25, np.full(25, 1 / 25), size=5).astype(np.float32)
        weights[-1] = 0
        resampling = Resampling("clips", np.arange(25), weights, "")

    drawn = measure_pools(trial, audio, texts, resampling=resampling)

    for way, queries in search(trial, audio, texts).items():
        for number, weights in enumerate(resampling.weights):
            repeated = [query for query in queries for _ in range(int(weights[resampling.units[query[0]]]))]
            if not repeated:
                assert np.isnan([one.draws[number] for one in drawn.values()]).all()
                continue
            expected = summarize(way, repeated)
            assert {name: drawn[name].draws[number] for name in expected} == pytest.approx(expected)


def test_a_median_between_two_ranks_is_their_middle_in_every_draw() -> None:
    task = make_retrieval_task(pool_size=100)
    trial = make_trial(task, make_manifest(gender=["female"] * 4))
    relation = np.eye(4, dtype=np.int8)
    captions = Captions(("a", "b", "c", "d"), np.arange(4), relation)
    trial = Trial(task, trial.clips, {}, "0" * 64, captions=captions)
    weights = np.array([[1, 1, 1, 1], [1, 0, 0, 1], [2, 0, 0, 1], [1, 0, 0, 2], [0, 0, 0, 3]], dtype=np.float32)
    audio = np.array([[1.0, 0.0], [0.9, 0.1], [0.8, 0.2], [0.7, 0.3]], dtype=np.float32)
    texts = dict.fromkeys("abcd", np.array([1.0, 0.0], dtype=np.float32))  # ranks 1, 2, 3 and 4

    drawn = measure_pools(trial, audio, texts, resampling=Resampling("clips", np.arange(4), weights, ""))

    assert drawn["text_to_audio_median_rank"].value == 2.5
    assert drawn["text_to_audio_median_rank"].draws.tolist() == [2.5, 2.5, 1.0, 4.0, 4.0]


def test_chance_is_the_mean_recall_of_vectors_that_know_nothing() -> None:
    trial, _, _ = make_search(20, pool_size=8)
    assert trial.captions is not None
    resampling = draw_resampling(trial.clips.strata, None, num_draws=1)
    recalls: dict[str, list[float]] = {}
    for seed in range(400):
        audio, vectors = draw_vectors(20, 2 * seed), draw_vectors(len(trial.captions.texts), 2 * seed + 1)
        texts = dict(zip(trial.captions.texts, vectors, strict=True))
        for name, one in measure_pools(trial, audio, texts, resampling=resampling).items():
            recalls.setdefault(name, []).append(one.value)

    chance = expect_by_chance(trial)

    assert list(chance) == [f"{way}_recall@{k}" for way in ("text_to_audio", "audio_to_text") for k in RECALL_AT]
    for name, value in chance.items():
        assert value == pytest.approx(np.mean(recalls[name]), abs=0.02)
    assert chance["text_to_audio_recall@1"] < chance["text_to_audio_recall@5"] < 1.0


def test_without_captions_nothing_is_measured() -> None:
    trial, audio, _ = make_search()
    nothing = Captions((), np.array([], dtype=np.int64), np.zeros((25, 0), dtype=np.int8))
    trial = Trial(trial.task, trial.clips, {}, "0" * 64, captions=nothing)

    assert measure_pools(trial, audio, {}, resampling=draw_resampling(trial.clips.strata, None)) == {}
    assert expect_by_chance(trial) == {}


def test_a_task_of_another_kind_has_no_captions() -> None:
    trial = make_trial(make_task(), make_manifest(emotion=["anger", "calm"]))

    with pytest.raises(ValueError, match="task 'toy' has no captions: it is single-label"):
        expect_by_chance(trial)
