import numpy as np
import numpy.typing as npt
import pytest
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]
from sklearn.metrics import balanced_accuracy_score, log_loss, roc_auc_score
from sklearn.utils.class_weight import compute_sample_weight

from paraclap.errors import ConfigError
from paraclap.evaluation import Problem, choose_unknown_threshold, expected_calibration_error, fit_temperature
from paraclap.inference import compute_probabilities


def draw_problem(seed: int, *, num_clips: int = 200, num_classes: int = 4, gain: float = 0.15) -> Problem:
    """Draw cosines of which the true class has somewhat more, and classes of unlike sizes."""
    generator = np.random.default_rng(seed)
    shares = np.arange(1, num_classes + 1) / sum(range(1, num_classes + 1))
    truth = generator.choice(num_classes, num_clips, p=shares)
    similarity = generator.normal(0.2, 0.15, (num_clips, num_classes))
    similarity[np.arange(num_clips), truth] += gain
    return Problem(similarity.astype(np.float32), truth)


def softmax(logits: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    shares = np.exp(logits)
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


PROBLEMS = [draw_problem(0), draw_problem(1, num_classes=2, gain=0.05), draw_problem(2, num_clips=70, num_classes=6)]


def test_the_scale_is_that_of_the_lowest_log_loss_balanced_by_class() -> None:
    def loss(scale: float) -> float:
        losses = [
            log_loss(
                p.truth,
                softmax(scale * p.similarity.astype(np.float64)),
                sample_weight=compute_sample_weight("balanced", p.truth),
                labels=range(p.similarity.shape[1]),
            )
            for p in PROBLEMS
        ]
        return float(np.mean(losses))

    expected = minimize_scalar(loss, bounds=(0.1, 100), method="bounded", options={"xatol": 1e-7}).x

    assert fit_temperature(PROBLEMS) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("scale", [3.0, 20.0])
def test_the_scale_that_made_the_labels_is_found_again(scale: float) -> None:
    generator = np.random.default_rng(0)
    similarity = generator.normal(0, 0.2, (40_000, 3)).astype(np.float32)
    chances = compute_probabilities(similarity, scale).cumsum(axis=1)
    truth = (generator.random((40_000, 1)) > chances[:, :2]).sum(axis=1)

    assert fit_temperature([Problem(similarity, truth)]) == pytest.approx(scale, rel=0.05)


def test_how_often_a_class_or_the_clips_of_a_task_occur_changes_nothing() -> None:
    problem = PROBLEMS[0]
    rows = np.concatenate([np.arange(200), np.repeat(np.flatnonzero(problem.truth == 1), 5), np.arange(200)])
    rows = np.concatenate([rows, np.flatnonzero(problem.truth != 1)])  # 7 times class 1, 3 times the others
    repeated = Problem(problem.similarity[rows], problem.truth[rows])

    assert fit_temperature([repeated, PROBLEMS[1]]) == pytest.approx(fit_temperature([problem, PROBLEMS[1]]))


@pytest.mark.parametrize(("sign", "expected"), [(1, 1000.0), (-1, 0.1)])
def test_a_model_that_is_always_right_or_always_wrong_has_a_scale_at_the_end(sign: int, expected: float) -> None:
    similarity = sign * np.eye(3, dtype=np.float32)

    assert fit_temperature([Problem(similarity, np.arange(3))]) == expected


def test_without_a_dev_task_no_scale_is_fitted() -> None:
    with pytest.raises(ConfigError, match=r"^no dev task to fit a scale on; expected at least one$"):
        fit_temperature([])


def test_the_calibration_error_is_that_computed_by_hand() -> None:
    probabilities = np.array([[0.55, 0.45], [0.4, 0.6], [0.58, 0.42], [0.9, 0.1], [0.05, 0.95]])
    truth = np.array([0, 0, 1, 0, 1])

    # With ten bins: (0.5, 0.6] has confidences 0.55, 0.6, 0.58, one right; (0.8, 0.9] and (0.9, 1] one each, right.
    expected = 3 / 5 * abs((0.55 + 0.6 + 0.58) / 3 - 1 / 3) + 1 / 5 * abs(0.9 - 1) + 1 / 5 * abs(0.95 - 1)
    assert expected_calibration_error(probabilities, truth, num_bins=10) == pytest.approx(expected)


@pytest.mark.parametrize("num_bins", [1, 4, 15])
def test_the_calibration_error_is_that_of_a_loop_over_bins(num_bins: int) -> None:
    problem = PROBLEMS[2]
    probabilities = softmax(9.0 * problem.similarity.astype(np.float64))
    confidence, is_right = probabilities.max(axis=1), probabilities.argmax(axis=1) == problem.truth
    expected = 0.0
    for number in range(num_bins):
        inside = (confidence > number / num_bins) & (confidence <= (number + 1) / num_bins)
        if inside.any():
            expected += inside.mean() * abs(is_right[inside].mean() - confidence[inside].mean())

    assert expected_calibration_error(probabilities, problem.truth, num_bins=num_bins) == pytest.approx(expected)


def test_certain_answers_have_the_error_of_their_mistakes() -> None:
    certain = np.eye(2)[[0, 0, 1, 1]]

    assert expected_calibration_error(certain, np.array([0, 0, 1, 1])) == 0
    assert expected_calibration_error(certain, np.array([0, 1, 1, 1])) == 0.25


def leave_out(problem: Problem, number: int, kind: str, scale: float) -> tuple[npt.NDArray[np.float64], list[bool]]:
    """Score clips that are not asked about one class, as the docstring says it."""
    others = np.array([np.delete(row, number) for row in problem.similarity.astype(np.float64)])
    if kind == "similarity":
        return others.max(axis=1), [label != number for label in problem.truth]
    chance = 1 / others.shape[1]
    stretched = (softmax(scale * others).max(axis=1) - chance) / (1 - chance)
    return stretched, [label != number for label in problem.truth]


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_the_threshold_is_the_best_of_all_in_a_search_over_left_out_classes(shift: float) -> None:
    generator = np.random.default_rng(5)
    problems = [  # a level of its own for every clip makes cosines worse to compare across clips
        Problem((p.similarity + shift * generator.normal(size=(len(p.truth), 1))).astype(np.float32), p.truth)
        for p in PROBLEMS
    ]
    asked = [p for p in problems if p.similarity.shape[1] > 2]

    rule = choose_unknown_threshold(problems, 8.0)

    assert rule is not None
    trials = {
        kind: [[leave_out(p, number, kind, 8.0) for number in range(p.similarity.shape[1])] for p in asked]
        for kind in ("probability", "similarity")
    }
    aurocs = {
        kind: np.mean([np.mean([roc_auc_score(known, scores) for scores, known in task]) for task in tasks])
        for kind, tasks in trials.items()
    }
    assert rule.auroc == pytest.approx(aurocs, abs=1e-6)
    assert rule.score == max(aurocs, key=lambda kind: aurocs[kind]) == ("probability" if shift else "similarity")

    def judge(threshold: float) -> float:
        tasks = trials[rule.score]
        return float(
            np.mean([np.mean([balanced_accuracy_score(k, s >= threshold) for s, k in task]) for task in tasks])
        )

    assert rule.balanced_accuracy == pytest.approx(judge(rule.threshold))
    grid = np.quantile(
        np.concatenate([scores for task in trials[rule.score] for scores, _ in task]), np.arange(40) / 40
    )
    assert max(judge(threshold) for threshold in grid) <= rule.balanced_accuracy + 1e-9


def test_a_class_that_stands_apart_is_told_without_an_error() -> None:
    similarity = np.where(np.eye(3, dtype=bool)[[0, 0, 1, 1, 2, 2]], 0.8, 0.1).astype(np.float32)

    rule = choose_unknown_threshold([Problem(similarity, np.array([0, 0, 1, 1, 2, 2]))], 10.0)

    assert rule is not None
    assert (rule.balanced_accuracy, rule.auroc) == (1.0, {"probability": 1.0, "similarity": 1.0})
    assert rule.score == "probability"
    assert 0.1 < rule.threshold < 0.9


def test_with_two_classes_none_can_be_left_out() -> None:
    assert choose_unknown_threshold([PROBLEMS[1]], 10.0) is None


def test_a_class_without_clips_is_not_left_out() -> None:
    problem = draw_problem(3, num_classes=3)
    wider = Problem(np.column_stack([problem.similarity, np.full(200, -1.0)]).astype(np.float32), problem.truth)

    rule, expected = (choose_unknown_threshold([one], 100.0) for one in (wider, problem))

    assert rule is not None
    assert expected is not None
    assert rule.auroc["similarity"] == pytest.approx(expected.auroc["similarity"])


def test_clips_that_are_all_alike_have_a_threshold_that_tells_nothing() -> None:
    rule = choose_unknown_threshold([Problem(np.full((6, 3), 0.5, np.float32), np.array([0, 1, 2] * 2))], 10.0)

    assert rule is not None
    assert (rule.balanced_accuracy, rule.auroc["similarity"]) == (0.5, 0.5)
