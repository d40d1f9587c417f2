import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.audio.clips import make_voice
from tests.models.published import make_state, save_state, save_towers
from tests.models.tiny import make_model, make_processor, save_model, save_text_tower
from tests.models.tiny_towers import make_audio_config
from tests.training.engines import find_differing
from transformers import AutoModel, BertModel

from paraclap import ParaClap
from paraclap.audio import SAMPLING_RATE
from paraclap.errors import ModelError
from paraclap.models import ParaClapFeatureExtractor, convert_checkpoint, no_progress_bars
from paraclap.queries import Bins, write_bins
from paraclap.training.settings import ModelSettings
from paraclap.training.towers import StartingPoint, build_start

SIZES = {"channels": [16, 32], "hidden_size": 16, "projection_dim": 8, "projection_dropout": 0.1, "dropout": 0.3}


@pytest.fixture(scope="module")
def hubert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_audio_tower(tmp_path_factory.mktemp("towers") / "hubert", "hubert, layer norm")


def save_audio_tower(folder: Path, name: str) -> Path:
    torch.manual_seed(5)
    with no_progress_bars():
        AutoModel.from_config(make_audio_config(name)).save_pretrained(folder)  # of a Whisper, its decoder too
    return folder


def make_settings(text_tower: Path, **values: Any) -> ModelSettings:
    return ModelSettings.model_validate({"text_tower": {"id": str(text_tower)}} | values)


def embed(start: StartingPoint) -> tuple[torch.Tensor, torch.Tensor]:
    inputs = start.processor(
        audio=[make_voice(1.0, SAMPLING_RATE, 0)], text=["a calm man"], sampling_rate=SAMPLING_RATE
    )
    with torch.no_grad():
        output = start.model.eval()(**inputs)
    return output.audio_embeds, output.text_embeds


def find_unwanted(start: StartingPoint) -> set[str]:
    return {name for name, parameter in start.model.named_parameters() if not parameter.requires_grad}


def test_a_new_mel_tower_stands_beside_the_text_tower_of_a_folder(tower: Path) -> None:
    start = build_start(make_settings(tower, **SIZES, depth=2))

    config = start.model.config
    audio = config.audio_config
    assert (audio.channels, audio.depth, audio.hidden_size, audio.dropout) == ([16, 32], 2, 16, 0.3)
    assert (config.projection_dim, config.projection_dropout, config.text_pooling) == (8, 0.1, "mean")
    assert config.text_reference is None
    expected = BertModel.from_pretrained(tower).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in start.model.text_tower.state_dict().items())
    assert isinstance(start.processor.feature_extractor, ParaClapFeatureExtractor)
    assert [embeds.shape for embeds in embed(start)] == [(1, 8), (1, 8)]
    assert (start.bins, start.ancestors) == (None, ())


def test_a_text_tower_in_a_package_is_kept_by_reference() -> None:
    settings = ModelSettings.model_validate(SIZES)

    model = build_start(settings).model

    tower = settings.text_tower
    assert model.config.text_reference == {"id": tower.id, "package": tower.package, "sha256": tower.sha256}


def test_somebody_s_audio_tower_hears_with_its_own_feature_extraction(tower: Path, hubert: Path) -> None:
    sizes = {"projection_dim": 8, "projection_dropout": 0.1}

    start = build_start(make_settings(tower, audio_tower=str(hubert), **sizes))

    model = start.model
    expected = AutoModel.from_pretrained(hubert).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in model.audio_tower.state_dict().items())
    assert (model.config.audio_pooling, model.config.audio_layer, model.dtype) == ("mean", None, torch.float32)
    assert start.processor.feature_extractor.tower_type == "hubert"
    assert [embeds.shape for embeds in embed(start)] == [(1, 8), (1, 8)]


def test_pooling_layer_and_normalisation_are_those_of_the_recipe(tower: Path, hubert: Path) -> None:
    text = {"id": str(tower), "pooling": "cls"}
    choices = {"audio_pooling": "attentive", "audio_layer": "mix", "normalize": False}

    plain = build_start(make_settings(tower, audio_tower=str(hubert)))
    chosen = build_start(ModelSettings.model_validate({"audio_tower": str(hubert), "text_tower": text, **choices}))

    config = chosen.model.config
    assert (config.audio_pooling, config.audio_layer, config.text_pooling) == ("attentive", "mix", "cls")
    extractors = [start.processor.feature_extractor.to_dict() for start in (plain, chosen)]
    assert extractors[0] != extractors[1]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (
            {"audio_pooling": "max"},
            r"cannot be joined: audio_pooling is 'max'; for hubert expected 'mean' or 'attentiv",
        ),
        ({"audio_layer": 9}, r"cannot be joined: audio_layer is 9; expected a number up to 2$"),
    ],
)
def test_what_does_not_fit_an_audio_tower_is_refused(
    tower: Path, hubert: Path, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        build_start(make_settings(tower, audio_tower=str(hubert), **values))


def test_an_audio_tower_that_is_not_there_or_none_is_refused(tower: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nowhere"):
        build_start(make_settings(tower, audio_tower=str(tmp_path / "nowhere")))
    with pytest.raises(ModelError, match=r"no audio tower of the type 'bert'"):
        build_start(make_settings(tower, audio_tower=str(tower)))


def test_a_text_tower_whose_weights_do_not_fit_is_refused(tower: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    for path in tower.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = load_file(tower / "model.safetensors")
    weights["cls.bias"] = weights.pop("pooler.dense.bias")
    save_file(weights, tmp_path / "model.safetensors")

    with pytest.raises(ModelError, match=r"does not fit its config\.json: pooler\.dense\.bias, cls\.bias; expected an"):
        build_start(make_settings(tmp_path))


@pytest.mark.parametrize(
    ("name", "layer", "unused"),
    [
        ("wav2vec2, group norm", None, ["masked_spec_embed"]),
        ("wav2vec2, layer norm", "mix", ["masked_spec_embed", "encoder.layer_norm."]),
        ("hubert, layer norm", 1, ["masked_spec_embed", "encoder.layer_norm.", "encoder.layers.1."]),
        ("data2vec-audio", -2, ["masked_spec_embed", "encoder.layers.1."]),
        ("whisper", None, ["embed_positions."]),  # which it keeps fixed itself
    ],
)
def test_what_no_embedding_depends_on_wants_no_gradient_and_all_else_gets_one_in_every_pass(
    tower: Path, tmp_path: Path, name: str, layer: int | str | None, unused: list[str]
) -> None:
    folder = save_audio_tower(tmp_path / "tower", name)
    start = build_start(make_settings(tower, audio_tower=str(folder), audio_layer=layer))
    processor, model = start.processor, start.model.train()
    inputs = processor(audio=[make_voice(1.0, SAMPLING_RATE, 0)] * 2, text=["a", "sad"], sampling_rate=SAMPLING_RATE)

    expected = ("text_tower.pooler.", *(f"audio_tower.{part}" for part in unused))
    assert find_unwanted(start) == {key for key, _ in model.named_parameters() if key.startswith(expected)}
    for _ in range(5):  # no layer is skipped by chance
        model.zero_grad(set_to_none=True)
        model(**inputs, return_loss=True).loss.backward()
        assert {key for key, p in model.named_parameters() if p.grad is None} == find_unwanted(start)


def test_a_mel_tower_has_nothing_that_no_embedding_depends_on(tower: Path) -> None:
    start = build_start(make_settings(tower, **SIZES))

    assert find_unwanted(start) == {"text_tower.pooler.dense.weight", "text_tower.pooler.dense.bias"}


def test_training_goes_on_from_a_model_folder(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model", seed=3)

    start = build_start(ModelSettings(init=str(folder)))

    expected = StartingPoint(make_model(3), make_processor())
    assert not find_differing(start.model.state_dict(), expected.model.state_dict(), rtol=0, atol=0)
    for found, known in zip(embed(start), embed(expected), strict=True):
        assert torch.allclose(found, known, rtol=0, atol=1e-6)  # where weights lie in memory decides on last digits
    assert start.model.dtype == torch.float32
    assert (start.bins, start.ancestors) == (None, ())
    assert find_unwanted(start) == {"text_tower.pooler.dense.weight", "text_tower.pooler.dense.bias"}


def test_bins_and_corpora_of_the_model_before_are_inherited(tmp_path: Path) -> None:
    folder = save_model(tmp_path / "model")
    bins = Bins(feature_set=None, fingerprint="abc", num_rows=7, attributes={})
    write_bins(folder / "bins.json", bins)
    training = {"corpora": [{"name": "emodb"}, {"name": "nemo"}], "inherited_corpora": ["baved"]}
    (folder / "training.json").write_text(json.dumps(training))

    start = build_start(ModelSettings(init=str(folder)))

    assert start.bins == bins
    assert start.ancestors == ("emodb", "nemo", "baved")
    assert ParaClap.from_pretrained(folder).training_corpora == start.ancestors


def test_the_model_inside_the_package_can_be_trained_further() -> None:
    start = build_start(ModelSettings(init="paraclap-mini"))

    assert start.model.config.text_reference is not None
    assert "emodb" in start.ancestors
    assert start.bins is not None


def test_a_published_checkpoint_can_be_trained_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    towers = save_towers(tmp_path / "towers")
    convert = partial(convert_checkpoint, audio_tower=towers.audio, text_tower=towers.text)
    monkeypatch.setattr("paraclap.inference.clap.convert_checkpoint", convert)
    state = make_state()
    save_state(tmp_path / "published" / "best.pth.tar", state)

    start = build_start(ModelSettings(init=str(tmp_path / "published")))

    assert start.bins is None
    assert torch.equal(start.model.logit_scale.detach(), state["logit_scale"])


def test_a_model_to_start_from_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is no model folder; expected config\.json"):
        build_start(ModelSettings(init=str(tmp_path)))


def test_a_text_tower_alone_is_no_model_to_start_from(tmp_path: Path) -> None:
    folder = save_text_tower(tmp_path / "bert")

    with pytest.raises(ModelError, match=r"holds a model of type 'bert'; expected 'paraclap'"):
        build_start(ModelSettings(init=str(folder)))
