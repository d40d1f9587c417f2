import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from tests.audio.clips import make_voice
from tests.models.published import (
    State,
    Towers,
    embed_as_published,
    make_state,
    respell,
    save_state,
    save_towers,
)
from tests.models.tiny import make_tokenizer, save_model
from tests.models.tower_packages import forbid_network
from torch import Tensor
from transformers import AutoModel, AutoProcessor

from paraclap.audio import SAMPLING_RATE
from paraclap.errors import ModelError
from paraclap.models import ParaClapModel, ParaClapProcessor, hash_weights, resolve_folder
from paraclap.models.conversion import convert_checkpoint, write_converted
from paraclap.models.published_card import AUDIO_TOWER, TEXT_TOWER
from paraclap.models.weights import drop_position_ids, find_published_checkpoint
from paraclap.storage import hash_file

GOLDEN = Path(__file__).parents[3] / "shared" / "golden"
NEEDS_GOLDEN = pytest.mark.skipif(not GOLDEN.is_dir(), reason="the published numbers (shared/golden) are not here")
TEXTS = ["the speaker is angry", "a calm woman", "sad"]
VOICES = [make_voice(seconds, SAMPLING_RATE, seed) for seed, seconds in enumerate((1.3, 0.4, 2.0))]
NESTINGS: dict[str, Callable[[State], Any]] = {
    "plain": lambda state: state,
    "as older versions spell it": respell,
    "in a larger checkpoint": lambda state: {"epoch": 3, "state_dict": state},
    "of a model in parallel": lambda state: {f"module.{key}": value for key, value in state.items()},
}


@pytest.fixture(scope="module")
def towers(tmp_path_factory: pytest.TempPathFactory) -> Towers:
    return save_towers(tmp_path_factory.mktemp("towers"))


def distance(found: Tensor, expected: Tensor) -> float:
    """Return the largest relative distance of rows."""
    return float(((found - expected).norm(dim=-1) / expected.norm(dim=-1)).max())


@torch.no_grad()
def embed(
    model: ParaClapModel, processor: ParaClapProcessor, voices: list[Any], texts: list[str]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return embeddings before normalisation, and logits, of clips in one batch."""
    inputs = processor(audio=voices, text=texts, sampling_rate=SAMPLING_RATE)
    tokens = {key: inputs[key] for key in inputs if key not in ("input_values", "audio_attention_mask")}
    pooled = model.audio_pooling(model.audio_tower, inputs["input_values"], inputs["audio_attention_mask"])
    text = model.text_projection(model.pool_text(**tokens))
    return model.audio_projection(pooled), text, model(**inputs).logits_per_audio


@pytest.mark.parametrize("is_alone", [True, False], ids=["alone", "in a padded batch"])
@pytest.mark.parametrize("nesting", NESTINGS)
def test_a_converted_model_computes_what_the_published_code_computes(
    nesting: str, is_alone: bool, towers: Towers, tmp_path: Path
) -> None:
    state = make_state()
    file = save_state(tmp_path / "best.pth.tar", NESTINGS[nesting](state))
    tokens = make_tokenizer()(TEXTS, padding=True, return_tensors="pt")
    published = [embed_as_published(state, torch.from_numpy(voice), tokens) for voice in VOICES]

    model, processor = convert_checkpoint(file, **towers.names)

    assert not model.training
    if is_alone:
        found = [embed(model, processor, [voice], TEXTS) for voice in VOICES]
        audio, text, logits = (torch.cat(part) for part in zip(*found, strict=True))
        text = text[: len(TEXTS)]
    else:
        audio, text, logits = embed(model, processor, VOICES, TEXTS)
    assert distance(audio, torch.cat([a for a, _, _ in published])) < 1e-4
    assert distance(text, published[0][1]) < 1e-4
    assert distance(logits, torch.cat([similarity for _, _, similarity in published])) < 1e-4


def test_half_precision_becomes_single_precision(towers: Towers, tmp_path: Path) -> None:
    half = {key: value.half() for key, value in make_state().items()}

    model, _ = convert_checkpoint(save_state(tmp_path / "half.tar", half), **towers.names)
    same, _ = convert_checkpoint(
        save_state(tmp_path / "same.tar", {key: value.float() for key, value in half.items()}), **towers.names
    )

    assert {value.dtype for value in model.state_dict().values()} == {torch.float32}
    assert hash_weights(model.state_dict()) == hash_weights(same.state_dict())


def test_the_configuration_says_how_the_published_model_works(towers: Towers, tmp_path: Path) -> None:
    model, processor = convert_checkpoint(save_state(tmp_path / "best.pth.tar", make_state()), **towers.names)

    config = model.config
    assert (config.audio_pooling, config.audio_layer, config.text_pooling) == ("mean", None, "cls")
    assert (config.projection_dim, config.projection_dropout) == (24, 0.5)
    assert config.logit_scale_init_value == pytest.approx(2.9)
    assert float(model.logit_scale.detach()) == pytest.approx(2.9)
    assert processor.feature_extractor.settings["do_normalize"] is False
    assert {value.dtype for value in model.state_dict().values()} == {torch.float32}


def test_waveforms_are_not_normalised(towers: Towers, tmp_path: Path) -> None:
    _, processor = convert_checkpoint(save_state(tmp_path / "best.pth.tar", make_state()), **towers.names)

    inputs = processor(audio=VOICES[0] * 0.1, sampling_rate=SAMPLING_RATE)

    assert np.array_equal(inputs["input_values"][0].numpy(), VOICES[0] * np.float32(0.1))


def test_texts_are_cut_where_the_text_tower_ends(towers: Towers, tmp_path: Path) -> None:
    _, processor = convert_checkpoint(save_state(tmp_path / "best.pth.tar", make_state()), **towers.names)

    assert processor(text=["a " * 500])["input_ids"].shape == (1, 48)


def test_normalisation_that_the_folder_asks_for_is_not_done(towers: Towers, tmp_path: Path) -> None:
    own = save_towers(tmp_path)
    settings = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "do_normalize": True, "sampling_rate": 16000}
    (Path(own.audio) / "preprocessor_config.json").write_text(json.dumps(settings))

    _, processor = convert_checkpoint(save_state(tmp_path / "best.pth.tar", make_state()), **own.names)

    assert processor.feature_extractor.settings["do_normalize"] is False


def test_a_written_folder_loads_as_the_very_same_model(towers: Towers, tmp_path: Path) -> None:
    file = save_state(tmp_path / "best.pth.tar", respell(make_state()))

    written = write_converted(file, tmp_path / "sub" / "model", **towers.names)

    model, processor = convert_checkpoint(file, **towers.names)
    for load in (ParaClapModel.from_pretrained, AutoModel.from_pretrained):
        loaded = load(tmp_path / "sub" / "model")
        assert hash_weights(loaded.state_dict()) == hash_weights(model.state_dict())
        assert hash_weights(loaded.state_dict()) == hash_weights(written.state_dict())
        reread = AutoProcessor.from_pretrained(tmp_path / "sub" / "model")
        ours, theirs = embed(loaded, reread, VOICES, TEXTS), embed(model, processor, VOICES, TEXTS)
        assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    assert {path.name for path in (tmp_path / "sub").iterdir()} == {"model"}
    assert {path.name for path in (tmp_path / "sub" / "model").iterdir()} == {
        "LICENSE",
        "README.md",
        "config.json",
        "model.safetensors",
        "processor_config.json",
        "tokenizer.json",
        "tokenizer_config.json",
    }


def test_a_written_folder_names_no_folder_of_this_machine(towers: Towers, tmp_path: Path) -> None:
    write_converted(save_state(tmp_path / "best.pth.tar", make_state()), tmp_path / "model", **towers.names)

    places = [str(tmp_path).encode(), str(Path(towers.audio).parent).encode()]
    files = [path for path in (tmp_path / "model").iterdir() if any(place in path.read_bytes() for place in places)]
    assert files == []


def test_the_card_says_where_the_model_comes_from_and_what_is_known_of_its_licence(
    towers: Towers, tmp_path: Path
) -> None:
    file = save_state(tmp_path / "best.pth.tar", make_state())
    write_converted(file, tmp_path / "model", **towers.names)

    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    licence = (tmp_path / "model" / "LICENSE").read_text(encoding="utf-8")
    for fact in ("github.com/KeiKinn/ParaCLAP", "huggingface.co/KeiKinn/paraclap", "arxiv.org/abs/2406.07203"):
        assert fact in card
    assert hash_file(file) in card
    assert "to 24 dimensions" in card
    assert "of the type wav2vec2, read from a folder" in card
    assert licence in card
    for fact in ("states no licence", "CC BY-NC-SA 4.0", "Apache-2.0", "MSP-Podcast"):
        assert fact in licence


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    cache = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(cache))
    return cache


def test_the_published_towers_are_the_default_and_come_from_the_hub(hub_cache: Path, tmp_path: Path) -> None:
    towers = save_towers(tmp_path)
    for folder, name in ((towers.audio, AUDIO_TOWER), (towers.text, TEXT_TOWER)):
        entry = hub_cache / f"models--{name.replace('/', '--')}"
        (entry / "refs").mkdir(parents=True)
        (entry / "refs" / "main").write_text("0" * 40)
        (entry / "snapshots").mkdir()
        Path(folder).rename(entry / "snapshots" / ("0" * 40))

    write_converted(save_state(tmp_path / "best.pth.tar", make_state()), tmp_path / "model")

    card = (tmp_path / "model" / "README.md").read_text(encoding="utf-8")
    assert f"Audio tower: `{AUDIO_TOWER}` (CC BY-NC-SA 4.0). Text tower: `{TEXT_TOWER}` (Apache-2.0)." in card
    assert isinstance(ParaClapModel.from_pretrained(tmp_path / "model"), ParaClapModel)


def test_a_tower_that_the_hub_does_not_give_is_named(hub_cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=rf"^no tower {AUDIO_TOWER!r} that can be read \(.+\); expected a folder or a"):
        convert_checkpoint(save_state(tmp_path / "best.pth.tar", make_state()))


def test_no_network_is_used_for_folders(towers: Towers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = save_state(tmp_path / "best.pth.tar", make_state())
    forbid_network(monkeypatch)

    assert isinstance(write_converted(file, tmp_path / "model", **towers.names), ParaClapModel)


def test_a_folder_with_something_in_it_is_left_alone_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")

    with pytest.raises(ModelError, match=r"out is not empty, it holds notes\.txt; choose an empty or a new folder$"):
        write_converted(tmp_path / "nowhere.tar", tmp_path / "out")
    with pytest.raises(ModelError, match=r"notes\.txt is a file; expected the name of a folder to write$"):
        write_converted(tmp_path / "nowhere.tar", tmp_path / "out" / "notes.txt")
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


def test_an_empty_folder_is_filled(towers: Towers, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    write_converted(save_state(tmp_path / "best.pth.tar", make_state()), tmp_path / "out", **towers.names)

    assert (tmp_path / "out" / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("part", "error"),
    [
        (ParaClapModel, SafetensorError("No space left on device")),
        (ParaClapProcessor, OSError(28, "No space left on device")),  # after the weights
    ],
)
def test_nothing_is_left_of_a_conversion_that_failed(
    part: type, error: Exception, towers: Towers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    file = save_state(tmp_path / "best.pth.tar", make_state())
    monkeypatch.setattr(part, "save_pretrained", fail)

    with pytest.raises(ModelError, match=r"out cannot be written \(No space left on device\); choose another place$"):
        write_converted(file, tmp_path / "out", **towers.names)
    assert [path.name for path in tmp_path.iterdir()] == ["best.pth.tar"]


def test_a_place_below_a_file_is_refused(towers: Towers, tmp_path: Path) -> None:
    file = save_state(tmp_path / "best.pth.tar", make_state())

    with pytest.raises(ModelError, match=r"best\.pth\.tar/out cannot be written \(.+\); choose another place$"):
        write_converted(file, file / "out", **towers.names)


def test_the_layout_of_the_published_hub_repository_is_recognised(tmp_path: Path) -> None:
    file = save_state(tmp_path / "hub" / "best.pth.tar", {})
    save_state(save_model(tmp_path / "model") / "best.pth.tar", {})

    assert find_published_checkpoint(tmp_path / "hub") == file
    assert find_published_checkpoint(tmp_path / "model") is None
    assert find_published_checkpoint(tmp_path) is None
    assert resolve_folder(str(tmp_path / "hub"), accept_checkpoint=True) == tmp_path / "hub"
    assert resolve_folder(str(tmp_path / "model"), accept_checkpoint=True) == tmp_path / "model"


def test_a_published_checkpoint_is_no_model_folder_before_it_is_converted(tmp_path: Path) -> None:
    file = save_state(tmp_path / "best.pth.tar", {})

    message = f"expected a model folder: write one with 'paraclap convert {file} --out DIR', or load it with ParaClap."
    with pytest.raises(ModelError, match=re.escape(message)):
        ParaClapModel.from_pretrained(tmp_path)


def test_positions_are_dropped_if_they_count_up_and_refused_if_not() -> None:
    weights = {"p": torch.arange(5)[None], "q": torch.tensor([0, 1, 3]), "r": torch.ones(1)}

    drop_position_ids(weights, "p", source="it")
    drop_position_ids(weights, "nothing", source="it")

    assert sorted(weights) == ["q", "r"]
    with pytest.raises(ModelError, match=r"^it: q is not 0 to 2; expected a BERT tower$"):
        drop_position_ids(weights, "q", source="it")


@NEEDS_GOLDEN
@pytest.mark.parametrize("is_old", [False, True], ids=["today's keys", "older keys"])
@pytest.mark.parametrize("is_alone", [True, False], ids=["alone", "in a padded batch"])
def test_the_numbers_of_the_published_code_come_out(is_old: bool, is_alone: bool, tmp_path: Path) -> None:
    expected = np.load(GOLDEN / "expected.npz")
    voices = [expected[f"audio_{number}"] for number in range(4)]
    texts = json.loads((GOLDEN / "texts.json").read_text(encoding="utf-8"))["texts"]
    state = torch.load(GOLDEN / "best.pth.tar", weights_only=True)
    file = save_state(tmp_path / "best.pth.tar", respell(state)) if is_old else GOLDEN / "best.pth.tar"
    towers = Towers(str(GOLDEN / "audio_tower"), str(GOLDEN / "text_tower"))

    write_converted(file, tmp_path / "model", **towers.names)

    model = ParaClapModel.from_pretrained(tmp_path / "model")
    processor = ParaClapProcessor.from_pretrained(tmp_path / "model")
    batches = [[voice] for voice in voices] if is_alone else [voices]
    found = [embed(model, processor, batch, texts) for batch in batches]
    assert distance(torch.cat([audio for audio, _, _ in found]), torch.from_numpy(expected["audio_embeds"])) < 1e-4
    assert distance(found[0][1], torch.from_numpy(expected["text_embeds"])) < 1e-4
    assert distance(torch.cat([logits for _, _, logits in found]), torch.from_numpy(expected["similarity"])) < 1e-4
    assert float(model.logit_scale.detach().exp()) == pytest.approx(float(expected["logit_scale"]), rel=1e-6)
