import numpy as np
import pytest

from paraclap.errors import QueryError
from paraclap.evaluation.metrics import measure
from paraclap.evaluation.tasks import load_task
from paraclap.evaluation.zero_shot import (
    ENSEMBLE,
    PUBLISHED,
    compare_prompt_set,
    list_prompt_sets,
    predict_classes,
    zero_shot_uar,
)
from paraclap.queries import embed_classes, load_label_set


def unit(rng: np.random.Generator, *shape: int) -> np.ndarray:
    vectors = rng.normal(size=shape)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)


def test_a_class_is_the_renormalised_mean_of_its_prompts() -> None:
    rng = np.random.default_rng(0)
    prompts = [unit(rng, 3, 5), unit(rng, 1, 5)]

    classes = embed_classes(prompts)

    mean = prompts[0].mean(axis=0)
    assert classes[0] == pytest.approx(mean / np.linalg.norm(mean), abs=1e-6)
    assert classes[1] == pytest.approx(prompts[1][0], abs=1e-6)
    assert classes.dtype == np.float32


def test_prompts_that_cancel_out_give_no_nan() -> None:
    assert embed_classes([np.array([[1.0, 0.0], [-1.0, 0.0]])]).tolist() == [[0.0, 0.0]]


def test_the_nearest_class_wins_as_in_a_loop() -> None:
    rng = np.random.default_rng(1)
    audio, classes = unit(rng, 40, 6), unit(rng, 4, 6)

    expected = [max(range(4), key=lambda c: float(audio[n] @ classes[c])) for n in range(40)]

    assert predict_classes(audio, classes).tolist() == expected


def test_of_equal_classes_the_first_wins() -> None:
    classes = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]])

    assert predict_classes(np.array([[1.0, 0.0]]), classes).tolist() == [1]


def test_clips_are_compared_with_the_mean_direction_of_the_prompts_of_each_class() -> None:
    texts = {"low": np.array([1.0, 0.0]), "deep": np.array([0.8, 0.6]), "high": np.array([0.0, 1.0])}
    audio = np.array([[1.0, 0.0], [0.6, 0.8]])

    similarities = compare_prompt_set(audio, {"a": ("low", "deep"), "b": ("high",)}, texts)

    first = np.array([0.9, 0.3]) / np.hypot(0.9, 0.3)
    assert similarities == pytest.approx(np.stack([audio @ first, audio[:, 1]], axis=1), abs=1e-6)
    assert similarities.dtype == np.float32


def test_what_is_predicted_from_similarities_is_the_nearest_class() -> None:
    rng = np.random.default_rng(3)
    audio, texts = unit(rng, 50, 6), dict(zip("abcde", unit(rng, 5, 6), strict=True))
    prompts = {"one": ("a", "b"), "two": ("c",), "three": ("d", "e")}

    similarities = compare_prompt_set(audio, prompts, texts)

    classes = embed_classes([np.stack([texts[text] for text in several]) for several in prompts.values()])
    assert similarities.argmax(axis=1).tolist() == predict_classes(audio, classes).tolist()


def test_the_wordings_of_a_task_are_our_ensemble_the_published_ones_and_each_template() -> None:
    label_set = load_label_set("emotion")

    sets = list_prompt_sets(load_task("ravdess-emotion"), label_set)

    assert list(sets) == ["ensemble", "published", "published-clsp-rerun", "published-mteb", *label_set.templates]
    assert list(sets)[:2] == [ENSEMBLE, PUBLISHED]
    assert sets["published"]["fear"] == ("fearful",)
    assert sets["published-clsp-rerun"]["fear"] == ("fear",)
    for prompts in sets.values():
        assert tuple(prompts) == load_task("ravdess-emotion").classes
    for number, template in enumerate(label_set.templates):
        assert sets[template]["anger"] == (sets["ensemble"]["anger"][number],)


def test_zero_shot_uar_equals_the_measured_one() -> None:
    rng = np.random.default_rng(2)
    audio = unit(rng, 60, 8)
    texts = {"low": unit(rng, 2, 8), "medium": unit(rng, 3, 8), "high": unit(rng, 1, 8)}
    truth = rng.integers(2, size=60)  # "high" never occurs

    uar = zero_shot_uar(audio, [list(texts)[n] for n in truth], list(texts), list(texts.values()))

    predicted = predict_classes(audio, embed_classes(list(texts.values())))
    assert uar == pytest.approx(measure(truth, predicted, list(texts)).metrics["uar"])


@pytest.mark.parametrize("labels", [["joy"], []])
def test_zero_shot_uar_refuses_labels_that_are_no_class(labels: list[str]) -> None:
    with pytest.raises(QueryError, match=r"to score; expected some, each one of \['low'\]"):
        zero_shot_uar(np.ones((len(labels), 2)), labels, ["low"], [np.ones((1, 2))])
