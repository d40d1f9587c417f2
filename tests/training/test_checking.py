import re
from pathlib import Path

from tests.training.tones import change_recipe

from paraclap.training import Recipe, check_run


def test_a_check_says_what_trains_and_what_time_and_memory_it_takes(recipe: Recipe) -> None:
    text = check_run(change_recipe(recipe, steps=1000, validate_every=300))

    assert re.search(r"audio_tower +[\d,]+ +[1-9]", text)
    assert re.search(r"text_tower +[\d,]+ +0", text)
    assert re.search(r"memory: 0\.00 GiB for weights, .* [1-9]?\d\.\d\d GiB in all so far", text)
    found = re.search(
        r"a step takes (\d+\.\d\d) s .* (\d+)% of it waiting for data; 1000 steps .* and 4 validations", text
    )
    assert found is not None
    assert 0 <= int(found[2]) <= 100


def test_a_check_leaves_nothing_behind(recipe: Recipe, tmp_path: Path) -> None:
    check_run(change_recipe(recipe, cache=tmp_path / "cache", accumulation_steps=2))

    assert {path.name for path in tmp_path.iterdir()} == {"cache"}
