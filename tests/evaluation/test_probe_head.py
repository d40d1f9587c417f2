import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tests.evaluation.examples import make_vectors

from paraclap.evaluation.folds import plan_folds
from paraclap.evaluation.probe_head import DEFAULT_SETTING, SETTINGS, Kind, choose_setting, cross_validate, fit_head

KINDS: tuple[Kind, ...] = ("linear", "centroid")


@pytest.mark.parametrize("num_classes", [2, 3, 5])
@pytest.mark.parametrize("setting", SETTINGS["linear"])
def test_the_linear_head_is_scikit_learns_logistic_regression(num_classes: int, setting: float) -> None:
    truth = np.random.default_rng(1).permutation(np.arange(60) % num_classes)
    vectors, others = make_vectors(truth), make_vectors(truth, seed=1)
    oracle = LogisticRegression(C=setting, class_weight="balanced", max_iter=10_000)
    oracle.fit(vectors.astype(np.float64), truth)

    shares = fit_head("linear", vectors, truth, setting=setting).predict(others)

    assert np.abs(shares - oracle.predict_proba(others.astype(np.float64))).max() < 1e-12
    assert (shares.argmax(axis=1) == oracle.predict(others.astype(np.float64))).all()


@pytest.mark.parametrize("setting", SETTINGS["centroid"])
def test_the_centroid_head_finds_the_nearest_mean_whatever_its_factor(setting: float) -> None:
    truth = np.arange(30) % 3
    vectors, others = make_vectors(truth), make_vectors(truth, seed=1)
    expected = []
    for other in others.astype(np.float64):
        means = [vectors[truth == number].astype(np.float64).mean(axis=0) for number in range(3)]
        logits = np.array([setting * (mean @ other) / np.linalg.norm(mean) for mean in means])
        expected.append(np.exp(logits) / np.exp(logits).sum())

    shares = fit_head("centroid", vectors, truth, setting=setting).predict(others)

    assert np.abs(shares - np.array(expected)).max() < 1e-12


def test_large_logits_do_not_overflow() -> None:
    truth = np.array([0, 1])
    vectors = np.eye(2, dtype=np.float32)

    shares = fit_head("centroid", vectors, truth, setting=1e6).predict(vectors)

    assert shares.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_a_class_whose_vectors_cancel_out_has_no_direction() -> None:
    vectors = np.array([[1, 0], [-1, 0], [0, 1]], dtype=np.float32)

    shares = fit_head("centroid", vectors, np.array([0, 0, 1]), setting=10.0).predict(vectors)

    assert np.isfinite(shares).all()
    assert shares[2].argmax() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_setting_is_the_one_with_the_least_loss_on_speakers_held_out(kind: Kind) -> None:
    truth, speakers = np.arange(60) % 3, np.arange(60) // 12
    vectors = make_vectors(truth, spread=2.0)
    losses = {}
    for setting in SETTINGS[kind]:
        of_class: dict[int, list[float]] = {0: [], 1: [], 2: []}
        for train, test in plan_folds(truth, speakers) or []:
            head = fit_head(kind, vectors[train], truth[train], setting=setting)
            for clip in test:
                share = head.predict(vectors[clip : clip + 1])[0, truth[clip]]
                of_class[int(truth[clip])].append(-float(np.log(share)))
        losses[setting] = np.mean([np.mean(of_one) for of_one in of_class.values()])

    chosen = choose_setting(kind, vectors, truth, speakers=speakers)

    assert chosen == min(losses, key=losses.__getitem__)
    assert len(set(losses.values())) > 1


def test_noisy_clips_ask_for_more_regularisation_than_clean_ones() -> None:
    truth, speakers = np.arange(60) % 3, np.arange(60) // 12

    noisy = choose_setting("linear", make_vectors(truth, spread=8.0), truth, speakers=speakers)
    clean = choose_setting("linear", make_vectors(truth, spread=0.1), truth, speakers=speakers)

    assert noisy < clean


@pytest.mark.parametrize("kind", KINDS)
def test_where_no_speaker_can_be_held_out_the_setting_is_the_default(kind: Kind) -> None:
    truth = np.arange(12) % 3

    assert choose_setting(kind, make_vectors(truth), truth, speakers=np.zeros(12, dtype=np.int64)) == DEFAULT_SETTING


@pytest.mark.parametrize("kind", KINDS)
def test_every_clip_is_predicted_by_a_head_that_never_saw_its_speaker(kind: Kind) -> None:
    truth, speakers = np.arange(48) % 3, np.arange(48) // 8
    vectors = make_vectors(truth, spread=2.0)
    expected = np.full(48, -1)
    folds = plan_folds(truth, speakers) or []
    for train, test in folds:
        assert not set(speakers[train]) & set(speakers[test])
        setting = choose_setting(kind, vectors[train], truth[train], speakers=speakers[train])
        expected[test] = fit_head(kind, vectors[train], truth[train], setting=setting).predict(vectors[test]).argmax(1)
    told: list[tuple[int, int]] = []

    predicted, num_folds = cross_validate(
        kind, vectors, truth, speakers=speakers, advance=lambda done, total: told.append((done, total))
    )

    assert predicted.tolist() == expected.tolist()
    assert num_folds == len(folds) == 5
    assert told == [(done, 5) for done in range(1, 6)]


def test_a_class_that_only_its_speaker_gives_away_is_not_recognised() -> None:
    rng = np.random.default_rng(0)
    speakers = rng.permutation(np.repeat(np.arange(12), 6))
    truth = rng.permutation(np.arange(12) % 2)[speakers]  # each speaker has one class
    voices = rng.normal(size=(12, 16))[speakers] + 0.1 * rng.normal(size=(72, 16))
    vectors = np.asarray(voices / np.linalg.norm(voices, axis=1, keepdims=True), dtype=np.float32)

    by_speaker, _ = cross_validate("linear", vectors, truth, speakers=speakers)
    by_clip, _ = cross_validate("linear", vectors, truth, speakers=None)

    assert (by_clip == truth).mean() > 0.95
    assert (by_speaker == truth).mean() < 0.75
