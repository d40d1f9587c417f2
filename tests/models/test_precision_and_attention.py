"""How a model computes: attention, precision and device, chosen when it is loaded or made of towers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.audio.clips import make_voice
from tests.models.tiny import make_text_config, make_tokenizer, save_model
from tests.models.tiny_towers import TOWERS, make_audio_config, make_joined, make_joined_processor
from torch import Tensor
from transformers import AutoModel, BertModel, Wav2Vec2FeatureExtractor

from paraclap.audio import SAMPLING_RATE
from paraclap.errors import ModelError
from paraclap.inference import ParaClap
from paraclap.models import ParaClapModel, ParaClapProcessor, no_progress_bars

VOICES = [make_voice(seconds, SAMPLING_RATE) for seconds in (0.4, 0.55, 1.1)]
WITHOUT_SDPA = ("wavlm, group norm", "wavlm, layer norm")
TOWER = "wav2vec2, layer norm"
Make = Callable[..., ParaClapModel]


def save_joined(folder: Path, tower: str = TOWER) -> Path:
    with no_progress_bars():
        make_joined(tower).save_pretrained(folder)
    make_joined_processor(tower).save_pretrained(folder)
    return folder


def save_towers(folder: Path, *, dtype: torch.dtype = torch.float32) -> tuple[str, str]:
    """Save a tiny wav2vec 2.0 and a tiny BERT as hub folders would hold them, in the precision given."""
    torch.manual_seed(1)
    with no_progress_bars():
        AutoModel.from_config(make_audio_config(TOWER)).to(dtype).save_pretrained(folder / "audio")
        BertModel(make_text_config()).to(dtype).save_pretrained(folder / "text")
    Wav2Vec2FeatureExtractor().save_pretrained(folder / "audio")
    make_tokenizer().save_pretrained(folder / "text")
    return str(folder / "audio"), str(folder / "text")


@pytest.fixture(params=["from_pretrained", "AutoModel", "from_towers"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Return a function that loads a model, or makes one of towers, with options."""
    if request.param == "from_towers":
        towers = save_towers(tmp_path)

        def join(**options: Any) -> ParaClapModel:
            torch.manual_seed(2)  # of the projections
            model = ParaClapModel.from_towers(*towers, projection_dim=16, **options)
            model.eval()
            return model

        return join
    load = ParaClapModel.from_pretrained if request.param == "from_pretrained" else AutoModel.from_pretrained
    folder = save_joined(tmp_path)
    return lambda **options: load(folder, **options)


@torch.no_grad()
def embed(model: ParaClapModel, tower: str = TOWER) -> Tensor:
    inputs = make_joined_processor(tower)(audio=VOICES[:1], text=["an angry man"], sampling_rate=SAMPLING_RATE)
    audio = {name: value for name, value in inputs.items() if name in ("input_values", "input_features")}
    audio = {name: value.to(model.dtype) for name, value in audio.items()}
    embeds = model.get_audio_features(**audio, audio_attention_mask=inputs["audio_attention_mask"])
    return torch.cat([embeds, model.get_text_features(inputs["input_ids"])]).float()


def find_attention(model: ParaClapModel) -> list[str]:
    return [tower.config._attn_implementation for tower in (model.audio_tower, model.text_tower)]


def test_attention_can_be_chosen_and_changes_nothing(make: Make) -> None:
    with no_progress_bars():
        models = {name: make(attn_implementation=name) for name in (None, "sdpa", "eager")}

    assert [find_attention(model) for model in models.values()] == [["sdpa"] * 2, ["sdpa"] * 2, ["eager"] * 2]
    for model in models.values():
        assert (embed(model) - embed(models["eager"])).abs().max() < 1e-5


def test_each_tower_may_have_its_own_attention(make: Make) -> None:
    with no_progress_bars():
        model = make(attn_implementation={"audio_config": "eager", "text_config": "sdpa"})

    assert find_attention(model) == ["eager", "sdpa"]


@pytest.mark.parametrize("tower", [name for name in TOWERS if name not in WITHOUT_SDPA])
def test_every_family_gives_the_same_vectors_by_any_attention(tower: str, tmp_path: Path) -> None:
    save_joined(tmp_path, tower)
    if not make_joined(tower).audio_tower._supports_sdpa:
        pytest.skip(f"this version of transformers has no sdpa for {tower}")
    with no_progress_bars():
        models = [ParaClapModel.from_pretrained(tmp_path, attn_implementation=name) for name in ("sdpa", "eager")]

    assert (embed(models[0], tower) - embed(models[1], tower)).abs().max() < 1e-5


def test_our_mel_tower_has_every_attention_for_it_has_none(tmp_path: Path) -> None:
    folder = save_model(tmp_path)
    with no_progress_bars():
        models = [ParaClapModel.from_pretrained(folder, attn_implementation=name) for name in ("sdpa", "eager")]

    found = [
        ParaClap(model, ParaClapProcessor.from_pretrained(folder)).embed_audio(VOICES, SAMPLING_RATE)
        for model in models
    ]
    assert (found[0] == found[1]).all()
    assert [find_attention(model)[1] for model in models] == ["sdpa", "eager"]


@pytest.mark.parametrize("tower", WITHOUT_SDPA)
def test_attention_that_a_tower_does_not_have_is_one_sentence(tower: str, tmp_path: Path) -> None:
    save_joined(tmp_path, tower)
    message = (
        r"^attn_implementation 'sdpa' cannot be used \(WavLMModel does not support .*\); expected None, 'sdpa' or "
        r"'eager', or one of both for each of 'audio_config' and 'text_config'$"
    )
    with pytest.raises(ModelError, match=message):
        ParaClapModel.from_pretrained(tmp_path, attn_implementation="sdpa")
    with no_progress_bars():
        assert find_attention(ParaClapModel.from_pretrained(tmp_path)) == ["eager", "sdpa"]


def test_attention_that_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    towers, folder = save_towers(tmp_path), save_joined(tmp_path / "joined")
    for load in (ParaClapModel.from_towers, ParaClapModel.from_pretrained):
        with pytest.raises(
            ModelError, match=r"^attn_implementation 'abacus' cannot be used \(Specified .*\); expected"
        ):
            load(*(towers if load == ParaClapModel.from_towers else [folder]), attn_implementation="abacus")


def test_what_has_nothing_to_do_with_attention_is_left_to_transformers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = save_joined(tmp_path)
    monkeypatch.setattr(ParaClapModel, "post_init", lambda self: int("no number"))

    with pytest.raises(ValueError, match="invalid literal"):
        ParaClapModel.from_pretrained(folder, attn_implementation="sdpa")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_can_be_chosen_and_gives_nearly_the_same_vectors(make: Make, dtype: torch.dtype) -> None:
    with no_progress_bars():
        half, full = make(dtype=dtype), make()

    assert {value.dtype for value in half.parameters()} == {dtype}
    assert {value.dtype for value in full.parameters()} == {torch.float32}
    assert 0 < (embed(half) - embed(full)).abs().max() < 0.1


@pytest.mark.parametrize("stored", [torch.bfloat16, torch.float16])
def test_towers_stored_in_half_precision_become_a_model_in_single_precision(
    tmp_path: Path, stored: torch.dtype
) -> None:
    towers = save_towers(tmp_path, dtype=stored)
    with no_progress_bars():
        model = ParaClapModel.from_towers(*towers, projection_dim=16).eval()
        kept = AutoModel.from_pretrained(towers[0])

    assert {value.dtype for value in model.state_dict().values()} == {torch.float32}
    assert kept.dtype == stored
    assert all(
        torch.equal(value.float(), model.audio_tower.state_dict()[key]) for key, value in kept.state_dict().items()
    )
    assert embed(model).shape == (2, 16)


def test_a_model_of_towers_is_put_on_the_device_asked_for(tmp_path: Path) -> None:
    towers = save_towers(tmp_path)
    with no_progress_bars():
        assert ParaClapModel.from_towers(*towers, device="meta").device == torch.device("meta")
        assert ParaClapModel.from_towers(*towers).device == torch.device("cpu")
