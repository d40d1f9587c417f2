from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from tests.evaluation.corpora import make_baved
from tests.models.tiny import save_model
from tests.training.test_towers import save_audio_tower
from tests.training.tones import MELS, change_recipe

from paraclap import ParaClap
from paraclap.corpora import assign_splits, import_corpus, read_manifest, write_manifest
from paraclap.errors import ConfigError, CorpusError, ModelError
from paraclap.queries import Bins, load_vocabulary, read_bins, write_bins
from paraclap.storage import read_json
from paraclap.training import Recipe, prepare_run
from paraclap.training.audio_inputs import SpectrogramInputs, WaveformInputs
from paraclap.training.clip_audio import FileAudio
from paraclap.training.clips import load_clips
from paraclap.training.made_audio import write_tones
from paraclap.training.model_folder import BestWeights, write_model_folder


def test_the_same_seed_makes_the_same_model(recipe: Recipe) -> None:
    first, again, other = (
        prepare_run(change_recipe(recipe, seed=seed)).model.state_dict()["audio_tower.stem.weight"]
        for seed in (1, 1, 2)
    )

    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_speakers_of_dev_are_not_in_train_whatever_the_seed(recipe: Recipe, manifest: Path) -> None:
    table, _ = read_manifest(manifest)

    splits = [prepare_run(change_recipe(recipe, seed=seed)).clip_sets[0].splits for seed in (0, 5)]

    assert np.array_equal(splits[0], splits[1])
    assert splits[0].tolist() == assign_splits(table).tolist()
    assert not set(table["speaker"][splits[0] == "dev"]) & set(table["speaker"][splits[0] == "train"])


def test_a_corpus_is_imported_and_only_what_its_settings_allow_is_said(recipe: Recipe, tmp_path: Path) -> None:
    folder = make_baved(tmp_path / "corpora", speakers=6)
    settings = {"name": "baved", "attributes": ["gender"], "weight": 2.0}
    loaded = change_recipe(recipe, manifests=[], corpora=[settings], corpora_root=tmp_path / "corpora", cache=tmp_path)

    (clips,) = load_clips(loaded, vocabulary=load_vocabulary(), mel_settings=MELS).clip_sets

    assert (clips.name, clips.settings.weight, len(clips.facts)) == ("baved", 2.0, 18)
    assert all(set(facts) == {"gender"} for facts in clips.facts)
    assert clips.licence == import_corpus("baved", folder).metadata["licence"]


def test_files_that_cannot_be_read_are_left_out_and_told(recipe: Recipe, tmp_path: Path) -> None:
    manifest = write_tones(tmp_path / "tones")
    (tmp_path / "tones" / "male1-2.wav").write_text("no audio")

    run = prepare_run(change_recipe(recipe, manifests=[manifest], cache=tmp_path / "mels"))

    clips = run.clip_sets[0]
    assert len(clips.rows("train")) + len(clips.rows("dev")) == 39
    expected = f"left out: 1 files, the first: {tmp_path / 'tones' / 'male1-2.wav'}: cannot be read as"
    assert expected in run.summary()


def test_a_recipe_without_data_is_refused(recipe: Recipe) -> None:
    with pytest.raises(
        ConfigError, match=r"^recipe tones: no corpora and no manifests; name at least one to train on$"
    ):
        prepare_run(change_recipe(recipe, manifests=[]))


def test_a_corpus_or_manifest_that_is_not_there_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no file .*m\.parquet; expected a manifest"):
        prepare_run(change_recipe(recipe, manifests=[tmp_path / "m.parquet"]))
    with pytest.raises(CorpusError, match=r"no corpus 'emo-db'; did you mean 'emodb'\?"):
        prepare_run(change_recipe(recipe, corpora=[{"name": "emo-db"}], corpora_root=tmp_path))


def test_data_without_two_classes_on_dev_is_refused(recipe: Recipe, manifest: Path, tmp_path: Path) -> None:
    table, metadata = read_manifest(manifest)
    men = table[table["gender"] == "male"].drop(columns="emotion")
    write_manifest(tmp_path / "men.parquet", men, metadata)

    with pytest.raises(
        ConfigError, match=r"^recipe tones: no attribute has two classes on the dev split; add speakers"
    ):
        prepare_run(change_recipe(recipe, manifests=[tmp_path / "men.parquet"]))


def test_data_of_which_nothing_is_known_is_refused(recipe: Recipe, manifest: Path, tmp_path: Path) -> None:
    table, metadata = read_manifest(manifest)
    write_manifest(tmp_path / "m.parquet", table[["speaker"]], metadata)

    with pytest.raises(
        ConfigError, match=r"^made-tones: no clip to train on; found 40 rows, none of train with a known fact$"
    ):
        prepare_run(change_recipe(recipe, manifests=[tmp_path / "m.parquet"]))


def test_a_text_tower_that_is_not_there_is_refused(recipe: Recipe, tmp_path: Path) -> None:
    def with_tower(**values: Any) -> Recipe:
        text_tower = {"package": None, "sha256": None} | values
        return change_recipe(recipe, model=recipe.model.model_dump() | {"text_tower": text_tower})

    with pytest.raises(ModelError, match=r"is no model folder; expected config\.json and model\.safetensors"):
        prepare_run(with_tower(id=str(tmp_path)))
    with pytest.raises(ModelError, match=r"^the text tower 'no/tower' is not here; install it with 'pip install no-to"):
        prepare_run(with_tower(id="no/tower", package="no-tower", sha256="0" * 64))


def test_splits_of_the_makers_are_kept(recipe: Recipe, manifest: Path, tmp_path: Path) -> None:
    table, metadata = read_manifest(manifest)
    held_out = table["speaker"].iloc[0]
    splits = ["test" if speaker == held_out else None for speaker in table["speaker"]]
    write_manifest(tmp_path / "m.parquet", table.assign(split=pd.Series(splits, index=table.index)), metadata)

    (clips,) = prepare_run(change_recipe(recipe, manifests=[tmp_path / "m.parquet"])).clip_sets

    assert (clips.splits == "test").tolist() == [split == "test" for split in splits]


def test_a_corpus_is_named_once(recipe: Recipe, manifest: Path) -> None:
    with pytest.raises(
        ConfigError, match=r"^recipe tones: made-tones stands twice among corpora and manifests; name it once"
    ):
        prepare_run(change_recipe(recipe, manifests=[manifest, manifest]))


def test_a_corpus_whose_files_are_gone_is_refused_with_the_reason(recipe: Recipe, tmp_path: Path) -> None:
    manifest = write_tones(tmp_path / "tones", speakers=3)
    for path in (tmp_path / "tones").glob("*.wav"):
        path.unlink()

    with pytest.raises(
        ConfigError, match=r"^made-tones: no clip to train on; found 24 rows, .*male0-0\.wav: no such f"
    ):
        prepare_run(change_recipe(recipe, manifests=[manifest], cache=tmp_path / "mels"))


def test_captions_of_what_is_measured_rest_on_bins_of_the_train_rows(recipe: Recipe, tmp_path: Path) -> None:
    spoken = {"variant": "all", "without": ["loudness"]}
    run = prepare_run(change_recipe(recipe, captions=spoken, features_cache=tmp_path / "features"))

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
    write_model_folder(tmp_path / "model", run, BestWeights(run.model.state_dict(), step=1, dev={"mean": 0.5}))
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
        prepare_run(change_recipe(recipe, captions={"variant": "features"}))


def test_a_tower_of_waveforms_hears_files_and_no_spectrograms_are_made(recipe: Recipe, tmp_path: Path) -> None:
    tower = save_audio_tower(tmp_path / "hubert", "hubert, layer norm")
    model = {"text_tower": recipe.model.text_tower, "audio_tower": str(tower), "projection_dim": 8}

    run = prepare_run(change_recipe(recipe, model=model, cache=tmp_path / "cache"))

    assert isinstance(run.clip_sets[0].audio, FileAudio)
    assert isinstance(run.inputs, WaveformInputs)
    assert not (tmp_path / "cache").exists()
    assert len(run.planner.plan(0).clips) == 12
    assert isinstance(prepare_run(recipe).inputs, SpectrogramInputs)


def test_what_the_recipe_freezes_is_frozen_and_the_summary_says_so(recipe: Recipe) -> None:
    run = prepare_run(recipe)

    wanting = {name for name, parameter in run.model.named_parameters() if parameter.requires_grad}
    assert wanting == set(run.trained)
    assert {name.partition(".")[0] for name in wanting} == {
        *("audio_tower", "audio_projection", "text_projection", "logit_scale")
    }
    table = {line.split()[0]: line.split()[1:] for line in run.summary().splitlines()}
    assert table["text_tower"][1:] == ["0", "-", "-"]
    assert table["audio_tower"][0] == table["audio_tower"][1] != "0"
    assert table["made-tones:"][:6] == ["32", "train", "clips,", "8", "dev", "clips,"]


def test_a_part_that_does_not_exist_is_refused(recipe: Recipe) -> None:
    with pytest.raises(ConfigError, match=r"^parts: 'audio_towre\.\*' matches no parameter; did you mean 'audio_tower"):
        prepare_run(change_recipe(recipe, parts=[{"match": "audio_towre.*", "train": False}]))


@pytest.mark.parametrize(
    ("parts", "is_remembered"),
    [
        ([{"match": "text_tower.*", "train": False}], True),
        ([], False),
        ([{"match": "*_tower.*", "train": False}], True),
    ],
)
def test_texts_are_remembered_of_a_frozen_text_tower_alone(
    recipe: Recipe, parts: list[dict[str, Any]], is_remembered: bool
) -> None:
    run = prepare_run(change_recipe(recipe, parts=parts))

    assert set(run.texts.collate(["a man"])) & {"pooled", "input_ids"} == {"pooled" if is_remembered else "input_ids"}


@pytest.mark.parametrize(("trains", "is_kept"), [(False, True), (True, False)])
def test_a_text_tower_that_trains_is_no_more_the_one_that_its_package_holds(
    recipe: Recipe, trains: bool, is_kept: bool
) -> None:
    parts = [] if trains else recipe.parts

    run = prepare_run(change_recipe(recipe, model={"init": "paraclap-mini"}, parts=parts))

    assert (run.model.config.text_reference is not None) is is_kept


FROZEN = {"match": "*_tower.*", "train": False}


@pytest.mark.parametrize(
    ("changes", "is_frozen"),
    [
        ({"parts": [FROZEN], "windows_per_clip": 2}, True),
        ({"parts": [FROZEN]}, False),
        ({"windows_per_clip": 2}, False),
        ({"parts": [FROZEN, {"match": "audio_tower.output.*"}], "windows_per_clip": 2}, False),
    ],
)
def test_windows_are_encoded_once_if_they_are_fixed_and_nothing_of_their_tower_trains(
    recipe: Recipe, changes: dict[str, Any], is_frozen: bool
) -> None:
    run = prepare_run(change_recipe(recipe, **changes))

    assert run.hears_frozen_windows is is_frozen
    assert ("the audio tower is frozen: 2 windows a clip are encoded once" in run.summary()) is is_frozen


@pytest.mark.parametrize(("pooling", "is_frozen"), [("mean", True), ("attentive", False)])
def test_a_pooling_that_learns_hears_windows_anew(
    recipe: Recipe, tmp_path: Path, pooling: str, is_frozen: bool
) -> None:
    tower = save_audio_tower(tmp_path / "hubert", "hubert, layer norm")
    model = {"text_tower": recipe.model.text_tower, "audio_tower": str(tower), "audio_pooling": pooling}

    assert prepare_run(change_recipe(recipe, model=model, parts=[FROZEN], windows_per_clip=1)).hears_frozen_windows is (
        is_frozen
    )


def test_a_model_to_start_from_brings_its_bins_and_corpora(recipe: Recipe, tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model")
    bins = Bins(feature_set=None, fingerprint="abc", num_rows=7, attributes={})
    write_bins(folder / "bins.json", bins)
    (folder / "training.json").write_text('{"corpora": [{"name": "emodb"}]}')

    run = prepare_run(change_recipe(recipe, model={"init": str(folder)}))
    write_model_folder(tmp_path / "out", run, BestWeights(run.model.state_dict(), step=1, dev={"mean": 0.5}))

    assert (run.bins, run.ancestors) == (bins, ("emodb",))
    assert read_bins(tmp_path / "out" / "bins.json") == bins
    assert ParaClap.from_pretrained(tmp_path / "out").training_corpora == ("made-tones", "emodb")


def test_a_recipe_may_make_its_own_clips(recipe: Recipe, tmp_path: Path) -> None:
    run = prepare_run(change_recipe(recipe, manifests=[], made_clips=40, cache=tmp_path))

    (clips,) = run.clip_sets
    assert (clips.name, len(clips.facts)) == ("made-tones", 40)
    assert {task.name for task in run.validation.tasks} == {"made-tones-emotion", "made-tones-gender"}
