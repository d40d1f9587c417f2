import sys

import numpy as np
import numpy.typing as npt
import pytest

from paraclap.errors import ConfigError
from paraclap.evaluation.folds import load_sklearn, plan_folds

Codes = npt.NDArray[np.int64]


def check_folds(truth: Codes, speakers: Codes | None) -> int:
    """Check what every cut must be, and return the number of folds."""
    folds = plan_folds(truth, speakers)
    assert folds is not None
    held_out = np.concatenate([test for _, test in folds])
    assert sorted(held_out) == list(range(len(truth)))
    for train, test in folds:
        assert len(test)
        assert sorted([*train, *test]) == list(range(len(truth)))
        assert set(truth[train]) == set(truth)
        if speakers is not None:
            assert not set(speakers[train]) & set(speakers[test])
    return len(folds)


@pytest.mark.parametrize("seed", range(20))
def test_no_speaker_is_on_both_sides_and_every_class_in_each_training_part(seed: int) -> None:
    rng = np.random.default_rng(seed)
    num_classes, num_speakers = int(rng.integers(2, 6)), int(rng.integers(2, 9))
    grid = np.array([(c, s) for c in range(num_classes) for s in range(num_speakers) if s < 2 or rng.random() < 0.3])
    rows = grid[np.concatenate([np.arange(len(grid)), rng.integers(0, len(grid), 30)])]

    num_folds = check_folds(rows[:, 0], rows[:, 1])

    assert 2 <= num_folds <= num_speakers


def test_classes_that_share_speakers_pairwise_are_held_out_one_speaker_at_a_time() -> None:
    truth, speakers = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 2, 1, 2])  # no cut in two leaves all three

    assert check_folds(truth, speakers) == 3


def test_there_are_five_folds_where_there_are_enough_speakers() -> None:
    truth, speakers = np.tile(np.arange(3), 20), np.repeat(np.arange(20), 3)

    assert check_folds(truth, speakers) == 5


def test_clips_without_speakers_are_cut_one_by_one_each_class_alike() -> None:
    truth = np.repeat([0, 1, 2], [20, 10, 2])

    assert check_folds(truth, None) == 5
    for _, test in plan_folds(truth, None) or []:
        assert [int((truth[test] == number).sum()) for number in (0, 1)] == [4, 2]


@pytest.mark.parametrize(
    ("truth", "speakers"),
    [([0, 0, 1], None), ([0, 0, 1, 1], [0, 1, 0, 0]), ([0, 0, 1, 1], [0, 0, 0, 0])],
    ids=["one clip of a class", "one speaker of a class", "one speaker"],
)
def test_what_cannot_be_held_out_has_no_folds(truth: list[int], speakers: list[int] | None) -> None:
    assert plan_folds(np.array(truth), None if speakers is None else np.array(speakers)) is None


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)

    with pytest.raises(ConfigError, match=r"needs scikit-learn.* pip install 'paraclap\[eval\]'"):
        load_sklearn()
