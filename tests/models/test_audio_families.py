import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.audio.clips import make_voice
from tests.models.tiny import make_processor, make_text_config, save_model, save_text_tower
from tests.models.tiny_towers import TOWERS, make_audio_config, make_joined, make_joined_processor
from torch import Tensor
from transformers import (
    AutoFeatureExtractor,
    AutoModel,
    AutoProcessor,
    BertConfig,
    Wav2Vec2FeatureExtractor,
    WhisperModel,
    pipeline,
)

from paraclap.audio import SAMPLING_RATE
from paraclap.errors import ModelError
from paraclap.inference import ParaClap
from paraclap.models import (
    AudioPooling,
    ParaClapConfig,
    ParaClapModel,
    ParaClapProcessor,
    find_frame_mask,
    load_audio_families,
    no_progress_bars,
    pool_statistics,
    run_audio_encoder,
)

VOICES = [make_voice(seconds, SAMPLING_RATE) for seconds in (0.4, 0.55, 1.1)]


@torch.no_grad()
def embed(model: ParaClapModel, processor: ParaClapProcessor, clips: list[Any]) -> Tensor:
    return model.get_audio_features(**processor(audio=clips, sampling_rate=SAMPLING_RATE))


def measure_change(model: ParaClapModel, processor: ParaClapProcessor, clips: list[Any]) -> float:
    """Return how far padding moves the first clip, relative to the length of its vector, which is 1."""
    return float((embed(model, processor, clips)[0] - embed(model, processor, clips[:1])[0]).norm())


def test_every_family_has_a_tower_here() -> None:
    own = {name for name, family in load_audio_families().items() if family.frames == "own"}
    assert own == {"paraclap_mel", "paraclap_prosody"}
    assert {model_type for model_type, _ in TOWERS.values()} == set(load_audio_families()) - own


@pytest.mark.parametrize("tower", TOWERS)
def test_a_tower_sees_padding_exactly_if_its_family_says_so(tower: str) -> None:
    model = make_joined(tower)
    change = measure_change(model, make_joined_processor(tower), VOICES)
    assert (change > 1e-3) if model.config.sees_padding else (change < 1e-5)


@pytest.mark.parametrize("tower", TOWERS)
def test_a_clip_has_the_same_vector_alone_and_among_others(tower: str, tmp_path: Path) -> None:
    clap = ParaClap(make_joined(tower), make_joined_processor(tower), batch_size=3)
    generator = np.random.default_rng(0)
    clips = [make_voice(float(seconds), SAMPLING_RATE) for seconds in generator.uniform(0.15, 1.5, size=6)]
    together = clap.embed_audio([*clips, *clips[::-1]], SAMPLING_RATE)
    alone = np.concatenate([clap.embed_audio(clip, SAMPLING_RATE) for clip in clips])
    assert np.abs(together[:6] - alone).max() < 1e-5
    assert np.abs(together[6:] - alone[::-1]).max() < 1e-5


@pytest.mark.parametrize("tower", TOWERS)
def test_a_saved_model_gives_the_same_bits(tower: str, tmp_path: Path) -> None:
    model, processor = make_joined(tower), make_joined_processor(tower, normalize=False)
    with no_progress_bars():
        model.save_pretrained(tmp_path)
        processor.save_pretrained(tmp_path)
        loaded = AutoModel.from_pretrained(tmp_path).eval()
    again = AutoProcessor.from_pretrained(tmp_path)
    assert torch.equal(embed(loaded, again, VOICES), embed(model, processor, VOICES))


@pytest.mark.parametrize(
    ("tower", "options"),
    [
        ("wav2vec2, layer norm", {"audio_pooling": "attentive"}),
        ("wavlm, layer norm", {"audio_layer": "mix"}),
        ("hubert, layer norm", {"audio_layer": 1}),
        ("whisper", {"audio_pooling": "attentive", "audio_layer": "mix"}),
        ("audio-spectrogram-transformer", {"audio_pooling": "cls"}),
        ("wav2vec2-bert", {"audio_pooling": "attentive", "audio_layer": -2}),
    ],
)
def test_pooling_and_layers_do_not_see_padding_either(tower: str, options: dict[str, Any]) -> None:
    model = make_joined(tower, **options)
    assert measure_change(model, make_joined_processor(tower), VOICES) < 1e-5


@torch.no_grad()
@pytest.mark.parametrize("tower", ["wav2vec2, layer norm", "wav2vec2-bert", "hubert, layer norm"])
def test_the_mean_is_that_of_a_clips_own_frames(tower: str) -> None:
    model, processor = make_joined(tower), make_joined_processor(tower)
    inputs = processor(audio=VOICES[:1], sampling_rate=SAMPLING_RATE)
    (values,) = (value for name, value in inputs.items() if name.startswith("input"))
    frames = model.audio_tower(values, attention_mask=inputs["audio_attention_mask"]).last_hidden_state[0]
    pooled = model.audio_pooling(model.audio_tower, values, inputs["audio_attention_mask"])[0]
    torch.testing.assert_close(pooled, sum(frames) / len(frames), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_of_a_spectrogram_transformer_only_patches_with_audio_count() -> None:
    tower = "audio-spectrogram-transformer"
    model, processor = make_joined(tower), make_joined_processor(tower)
    inputs = processor(audio=VOICES[:1], sampling_rate=SAMPLING_RATE)
    hidden = run_audio_encoder(model.audio_tower, inputs["input_values"], None).last_hidden_state
    real = find_frame_mask(model.audio_tower, inputs["audio_attention_mask"], hidden)[0]
    # 0.4 s are 38 frames of 25 ms every 10 ms, in which 4 patches begin; there are 12 bands and 101 times.
    assert real[2:].reshape(12, 101).sum(dim=1).tolist() == [4] * 12
    assert real[:2].tolist() == [False, False]


@torch.no_grad()
def test_of_a_whisper_only_frames_with_audio_count() -> None:
    model, processor = make_joined("whisper"), make_joined_processor("whisper")
    inputs = processor(audio=VOICES[:2], sampling_rate=SAMPLING_RATE)
    hidden = run_audio_encoder(model.audio_tower, inputs["input_features"], None).last_hidden_state
    assert find_frame_mask(model.audio_tower, inputs["audio_attention_mask"], hidden).sum(dim=1).tolist() == [20, 28]


def test_statistics_are_those_of_numpy() -> None:
    values = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    weights = np.array([[0.5, 0.25, 0.25, 0, 0], [0.2, 0.2, 0.2, 0.2, 0.2]], dtype=np.float32)
    pooled = pool_statistics(torch.from_numpy(values), torch.from_numpy(weights)).numpy()
    for clip in range(2):
        mean = np.average(values[clip], axis=0, weights=weights[clip])
        variance = np.average((values[clip] - mean) ** 2, axis=0, weights=weights[clip])
        np.testing.assert_allclose(pooled[clip], [*mean, *np.sqrt(variance + 1e-5)], rtol=1e-5, atol=1e-6)


@torch.no_grad()
def test_a_mix_begins_as_the_mean_of_all_layers() -> None:
    model, processor = make_joined("hubert, layer norm"), make_joined_processor("hubert, layer norm")
    inputs = processor(audio=VOICES[:1], sampling_rate=SAMPLING_RATE)["input_values"]
    states = model.audio_tower(inputs, output_hidden_states=True).hidden_states
    mix = AudioPooling(32, len(states), pooling="mean", layer="mix")
    expected = torch.stack([state.mean(dim=1) for state in states]).mean(dim=0)
    torch.testing.assert_close(mix(model.audio_tower, inputs, None), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("tower", "options", "message"),
    [
        ("whisper", {"audio_pooling": "cls"}, "audio_pooling is 'cls'; for whisper expected 'mean' or 'attentive'"),
        ("whisper", {"audio_layer": 3}, "audio_layer is 3; expected a number up to 2"),
        ("whisper", {"audio_layer": "last"}, "audio_layer is 'last'; expected a number, 'mix' or None"),
    ],
)
def test_pooling_that_a_tower_does_not_have_is_refused(tower: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        ParaClapConfig(make_audio_config(tower), make_text_config(), **options)


def test_an_unknown_audio_tower_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"no audio tower of the type 'bert'; .*known: paraclap_mel, paraclap_prosody, "
    ):
        ParaClapConfig(BertConfig(), make_text_config())


def test_normalisation_is_a_setting_that_is_saved(tmp_path: Path) -> None:
    loud = [10 * clip for clip in VOICES]
    for normalize in (False, True):
        processor = make_joined_processor("wav2vec2, layer norm", normalize=normalize)
        processor.save_pretrained(tmp_path / str(normalize))
        again = AutoProcessor.from_pretrained(tmp_path / str(normalize))
        quiet = again(audio=VOICES, sampling_rate=SAMPLING_RATE)["input_values"]
        same = torch.allclose(quiet, again(audio=loud, sampling_rate=SAMPLING_RATE)["input_values"], atol=1e-3)
        assert same == normalize


def save_towers(folder: Path) -> tuple[str, str]:
    """Save a tiny wav2vec 2.0, with its feature extraction, and a tiny BERT, as hub folders would hold them."""
    torch.manual_seed(1)
    with no_progress_bars():
        AutoModel.from_config(make_audio_config("wav2vec2, layer norm")).save_pretrained(folder / "audio")
    Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder / "audio")
    return str(folder / "audio"), str(save_text_tower(folder / "text"))


def test_two_folders_of_towers_become_a_model(tmp_path: Path) -> None:
    audio, text = save_towers(tmp_path)
    with no_progress_bars():
        model = ParaClapModel.from_towers(audio, text, projection_dim=16, text_pooling="cls").eval()
        tower = AutoModel.from_pretrained(audio)
    processor = ParaClapProcessor.from_towers(audio, text)
    assert model.config.audio_config.model_type == "wav2vec2"
    assert all(torch.equal(value, model.audio_tower.state_dict()[key]) for key, value in tower.state_dict().items())
    assert processor.feature_extractor.settings["do_normalize"] is True
    changed = ParaClapProcessor.from_towers(audio, text, normalize=False)
    assert changed.feature_extractor.settings["do_normalize"] is False
    assert embed(model, processor, VOICES).shape == (3, 16)


def test_a_whisper_gives_its_encoder(tmp_path: Path) -> None:
    with no_progress_bars():
        WhisperModel(make_audio_config("whisper")).save_pretrained(tmp_path / "audio")
        model = ParaClapModel.from_towers(str(tmp_path / "audio"), str(save_text_tower(tmp_path / "text")))
    assert not [key for key in model.state_dict() if "decoder" in key]


def test_a_mel_tower_may_be_a_tower_too(tmp_path: Path) -> None:
    with no_progress_bars():
        folder = save_model(tmp_path / "model")
        tower = ParaClapModel.from_pretrained(folder).audio_tower
        tower.save_pretrained(tmp_path / "audio")
        text = str(save_text_tower(tmp_path / "text"))
        model = ParaClapModel.from_towers(str(tmp_path / "audio"), text, projection_dim=16).eval()
    processor = ParaClapProcessor.from_towers(str(tmp_path / "audio"), text)
    assert type(processor.feature_extractor) is type(make_processor().feature_extractor)
    assert embed(model, processor, VOICES).shape == (3, 16)


def test_towers_that_cannot_be_read_or_joined_are_refused(tmp_path: Path) -> None:
    audio, text = save_towers(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        ModelError,
        match=r"no tower '.*empty' that can be read \(it has no config\.json\); expected a folder or a hub id",
    ):
        ParaClapConfig.from_towers(str(tmp_path / "empty"), text)
    with pytest.raises(ModelError, match="cannot be joined: no audio tower of the type 'bert'"):
        ParaClapConfig.from_towers(text, text)
    with pytest.raises(ModelError, match="cannot be joined: text_pooling is 'max'; expected 'mean' or 'cls'"):
        ParaClapConfig.from_towers(audio, text, text_pooling="max")
    with pytest.raises(ModelError, match="no audio tower of the type 'bert'"):
        ParaClapProcessor.from_towers(text, text)


def test_the_pipeline_of_transformers_works_on_waveform_towers(tmp_path: Path) -> None:
    tower = "wav2vec2, layer norm"
    with no_progress_bars():
        make_joined(tower).save_pretrained(tmp_path)
    make_joined_processor(tower).save_pretrained(tmp_path)
    assert AutoFeatureExtractor.from_pretrained(tmp_path).tower_type == "wav2vec2"
    answers = pipeline("zero-shot-audio-classification", model=str(tmp_path))(
        VOICES[0], candidate_labels=["angry", "calm"], hypothesis_template="a {} voice"
    )
    clap = ParaClap.from_pretrained(tmp_path)
    expected = clap.classify(VOICES[0], ["a angry voice", "a calm voice"], sampling_rate=SAMPLING_RATE).iloc[0]
    assert sorted(answer["score"] for answer in answers) == pytest.approx(sorted(expected), abs=1e-5)


def test_a_tower_that_hears_ten_seconds_hears_long_clips_in_even_windows() -> None:
    tower = "audio-spectrogram-transformer"
    clap = ParaClap(make_joined(tower), make_joined_processor(tower))
    long = make_voice(21.0, SAMPLING_RATE)
    parts = clap.embed_audio([long[place * 112_000 : (place + 1) * 112_000] for place in range(3)], SAMPLING_RATE)
    mean = parts.mean(axis=0)
    np.testing.assert_allclose(clap.embed_audio(long, SAMPLING_RATE)[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_a_text_tower_without_a_tokenizer_of_its_own_is_refused(tmp_path: Path) -> None:
    audio, text = save_towers(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (Path(text) / name).unlink()
    with pytest.raises(ModelError, match=r"text' has no tokenizer; expected tokenizer\.json or vocab\.txt"):
        ParaClapProcessor.from_towers(audio, text)
