from functools import partial
from importlib.resources import files
from pathlib import Path

import pandas as pd
import pytest
from benchmarks.fact_truth import Change, Clip, check_captions, hear_in_training, leave, measure_clip

from paraclap.queries import read_bins
from paraclap.training import load_recipe

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.wav"))
BINS = read_bins(Path(str(files("paraclap") / "models" / "mini" / "bins.json")))
RECIPE = load_recipe("mini")


def measure(change: Change) -> pd.DataFrame:
    groups = {"corpus": "examples"}
    clips = [Clip(path, 0.0, 60.0, groups, number) for number, path in enumerate(EXAMPLES)]
    return pd.DataFrame([measure_clip(clip, change=change) for clip in clips])


def test_all_that_is_stated_of_whole_clips_is_measured_again() -> None:
    rows = measure(leave)

    agreed, stated = check_captions(rows, measure(leave), BINS, RECIPE, seed=0)

    assert agreed == stated >= len(EXAMPLES)


@pytest.mark.parametrize("seed", range(3))
def test_little_that_is_stated_of_what_training_hears_is_not_measured_again(seed: int) -> None:
    rows, heard = measure(leave), measure(partial(hear_in_training, recipe=RECIPE))

    assert heard["done"].str.len().sum() and heard["cut"].notna().any()
    agreed, stated = check_captions(rows, heard, BINS, RECIPE, seed=seed)
    assert stated > 0
    assert agreed >= stated - 1


def test_a_measure_that_moved_is_found() -> None:
    rows = measure(leave)
    moved = rows.assign(**{column: -rows[column] for column in rows.columns if rows[column].dtype == float})

    agreed, stated = check_captions(rows, moved, BINS, RECIPE, seed=0)

    assert agreed < stated
