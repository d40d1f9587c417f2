from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tests.evaluation.corpora import make_baved
from tests.training.tones import write_tones

from paraclap.corpora import assign_splits, import_corpus, read_manifest, write_manifest
from paraclap.errors import ConfigError, CorpusError, ModelError
from paraclap.models import MelSettings
from paraclap.queries import load_vocabulary, read_bins
from paraclap.storage import read_json
from paraclap.training import Recipe, prepare_run
from paraclap.training.clips import load_clips
from paraclap.training.model_folder import write_model_folder


def changed(recipe: Recipe, **changes: Any) -> Recipe:
    return Recipe.model_validate(recipe.model_dump() | changes)


def test_the_same_seed_makes_the_same_model(recipe: Recipe) -> None:
    first, again, other = (
        prepare_run(changed(recipe, seed=seed)).model.state_dict()["audio_tower.stem.weight"] for seed in (1, 1, 2)
    )

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_text_tower_is_the_one_of_the_folder(recipe: Recipe, tower: Path) -> None:
    from transformers import BertModel

    model = prepare_run(recipe).model

    expected = BertModel.from_pretrained(tower).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in model.text_tower.state_dict().items())
    assert model.config.text_reference is None


def test_speakers_of_dev_are_not_in_train_whatever_the_seed(recipe: Recipe, manifest: Path) -> None:
    table, _ = read_manifest(manifest)

    splits = [prepare_run(changed(recipe, seed=seed)).clip_sets[0].splits for seed in (0, 5)]

    assert np.array_equal(splits[0], splits[1])
    assert splits[0].tolist() == assign_splits(table).tolist()
    assert not set(table["speaker"][splits[0] == "dev"]) & set(table["speaker"][splits[0] == "train"])


def test_a_corpus_is_imported_and_only_what_its_settings_allow_is_said(recipe: Recipe, tmp_path: Path) -> None:
    folder = make_baved(tmp_path / "corpora", speakers=6)
    settings = {"name": "baved", "attributes": ["gender"], "weight": 2.0}
    loaded = changed(recipe, manifests=[], corpora=[settings], corpora_root=tmp_path / "corpora", cache=tmp_path)

    (clips,) = load_clips(loaded, vocabulary=load_vocabulary(), mel_settings=MelSettings()).clip_sets

    assert (clips.name, clips.settings.weight, len(clips.facts)) == ("baved", 2.0, 18)
    assert all(set(facts) == {"gender"} for facts in clips.facts)
    assert clips.licence == import_corpus("baved", folder).metadata["licence"]


def test_files_that_cannot_be_read_are_left_out_and_told(recipe: Recipe, tmp_path: Path) -> None:
    manifest = write_tones(tmp_path / "tones")
    (tmp_path / "tones" / "male1-2.wav").write_text("no audio")

    run = prepare_run(changed(recipe, manifests=[manifest], cache=tmp_path / "mels"))

    clips = run.clip_sets[0]
    assert len(clips.rows("train")) + len(clips.rows("dev")) == 39
    expected = f"left out: 1 files, the first: {tmp_path / 'tones' / 'male1-2.wav'}: cannot be read as"
    assert expected in run.summary()


def test_a_recipe_without_data_is_refused(recipe: Recipe) -> None:
    with pytest.raises(
        ConfigError, match=r"^recipe tones: no corpora and no manifests; name at least one to train on$"
    ):
        prepare_run(changed(recipe, manifests=[]))


def test_a_corpus_or_manifest_that_is_not_there_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no file .*m\.parquet; expected a manifest"):
        prepare_run(changed(recipe, manifests=[tmp_path / "m.parquet"]))
    with pytest.raises(CorpusError, match=r"no corpus 'emo-db'; did you mean 'emodb'\?"):
        prepare_run(changed(recipe, corpora=[{"name": "emo-db"}], corpora_root=tmp_path))


def test_data_without_two_classes_on_dev_is_refused(recipe: Recipe, manifest: Path, tmp_path: Path) -> None:
    table, metadata = read_manifest(manifest)
    men = table[table["gender"] == "male"].drop(columns="emotion")
    write_manifest(tmp_path / "men.parquet", men, metadata)

    with pytest.raises(
        ConfigError, match=r"^recipe tones: no attribute has two classes on the dev split; add speakers"
    ):
        prepare_run(changed(recipe, manifests=[tmp_path / "men.parquet"]))


def test_data_of_which_nothing_is_known_is_refused(recipe: Recipe, manifest: Path, tmp_path: Path) -> None:
    table, metadata = read_manifest(manifest)
    write_manifest(tmp_path / "m.parquet", table[["speaker"]], metadata)

    with pytest.raises(
        ConfigError, match=r"^tones: no clip to train on; found 40 rows, none of train with a known fact$"
    ):
        prepare_run(changed(recipe, manifests=[tmp_path / "m.parquet"]))


def test_a_text_tower_that_is_not_there_or_none_is_refused(recipe: Recipe, tower: Path, tmp_path: Path) -> None:
    def with_tower(**values: Any) -> Recipe:
        text_tower = {"package": None, "sha256": None} | values
        return changed(recipe, model=recipe.model.model_dump() | {"text_tower": text_tower})

    with pytest.raises(ModelError, match=r"is no model folder; expected config\.json and model\.safetensors"):
        prepare_run(with_tower(id=str(tmp_path)))
    with pytest.raises(ModelError, match=r"^the text tower 'no/tower' is not here; install it with 'pip install no-to"):
        prepare_run(with_tower(id="no/tower", package="no-tower", sha256="0" * 64))
    from safetensors.torch import load_file, save_file

    for path in tower.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = load_file(tower / "model.safetensors")
    weights["cls.bias"] = weights.pop("pooler.dense.bias")
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(ModelError, match=r"does not fit its config\.json: pooler\.dense\.bias, cls\.bias; expected an"):
        prepare_run(with_tower(id=str(tmp_path)))


def test_splits_of_the_makers_are_kept(recipe: Recipe, manifest: Path, tmp_path: Path) -> None:
    table, metadata = read_manifest(manifest)
    held_out = table["speaker"].iloc[0]
    splits = ["test" if speaker == held_out else None for speaker in table["speaker"]]
    write_manifest(tmp_path / "m.parquet", table.assign(split=pd.Series(splits, index=table.index)), metadata)

    (clips,) = prepare_run(changed(recipe, manifests=[tmp_path / "m.parquet"])).clip_sets

    assert (clips.splits == "test").tolist() == [split == "test" for split in splits]


def test_a_corpus_is_named_once(recipe: Recipe, manifest: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^recipe tones: tones stands twice among corpora and manifests; name it once"
    ):
        prepare_run(changed(recipe, manifests=[manifest, manifest]))


def test_a_corpus_whose_files_are_gone_is_refused_with_the_reason(recipe: Recipe, tmp_path: Path) -> None:
    manifest = write_tones(tmp_path / "tones", speakers=3, clips=1)
    for path in (tmp_path / "tones").glob("*.wav"):
        path.unlink()

    with pytest.raises(ConfigError, match=r"^tones: no clip to train on; found 6 rows, .*male0-0\.wav: no such file$"):
        prepare_run(changed(recipe, manifests=[manifest], cache=tmp_path / "mels"))


def test_captions_of_what_is_measured_rest_on_bins_of_the_train_rows(recipe: Recipe, tmp_path: Path) -> None:
    spoken = {"variant": "all", "without": ["loudness"]}
    run = prepare_run(changed(recipe, captions=spoken, features_cache=tmp_path / "features"))

    (clips,) = run.clip_sets
    assert run.bins is not None
    assert run.bins.feature_set == "eGeMAPSv02"
    assert run.bins.num_rows == (clips.splits == "train").sum()
    assert {"pitch", "loudness"} <= set(run.bins.attributes)
    by_gender = {
        gender: [facts for facts in clips.facts if facts["gender"] == {gender}] for gender in ("male", "female")
    }
    assert {level for facts in by_gender["male"] for level in facts.get("pitch", ())} <= {"low", "normal"}
    assert {level for facts in by_gender["female"] for level in facts.get("pitch", ())} <= {"normal", "high"}
    assert "loudness" not in run.summary().split("captions speak of")[1].split("\n")[0].replace("loudness_", "")
    write_model_folder(tmp_path / "model", run, best_step=1, dev={"mean": 0.5})
    assert read_bins(tmp_path / "model" / "bins.json") == run.bins
    assert "opensmile" in read_json(tmp_path / "model" / "training.json")["versions"]


def test_captions_of_labels_need_no_features(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paraclap.training.run.find_opensmile", lambda: pytest.fail("it was looked for"))

    assert prepare_run(recipe).bins is None


def test_without_opensmile_a_run_says_at_once_what_else_one_can_do(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> str:
        raise ConfigError("openSMILE is not installed")

    monkeypatch.setattr("paraclap.training.run.find_opensmile", fail)
    monkeypatch.setattr("paraclap.training.run.load_clips", lambda *_, **__: pytest.fail("data was loaded"))
    message = r"^openSMILE is not installed; or train on captions from labels alone: --set captions\.variant=labels$"

    with pytest.raises(ConfigError, match=message):
        prepare_run(changed(recipe, captions={"variant": "features"}))
