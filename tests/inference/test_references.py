from pathlib import Path

import numpy as np
import pytest
import torch
from tests.audio.clips import make_voice
from tests.models.tiny import make_tokenizer, save_text_tower

from paraclap.audio import SAMPLING_RATE
from paraclap.errors import AudioError, ModelError
from paraclap.inference import ParaClap, Reference
from paraclap.models import (
    NUM_FUNCTIONALS,
    ParaClapConfig,
    ParaClapModel,
    ParaClapProcessor,
    ProsodyFeatureExtractor,
    ProsodyTowerConfig,
)

VOICES = [make_voice(0.6 + 0.2 * seed, SAMPLING_RATE, seed) for seed in range(5)]


@pytest.fixture(scope="module")
def relative(tmp_path_factory: pytest.TempPathFactory) -> ParaClap:
    """Make a tiny model with a prosody tower, saved and loaded."""
    from transformers import AutoConfig

    torch.manual_seed(0)
    text = AutoConfig.from_pretrained(save_text_tower(tmp_path_factory.mktemp("towers") / "bert"))
    config = ParaClapConfig(ProsodyTowerConfig(relative_size=16, voice_size=8), text, projection_dim=12)
    model = ParaClapModel(config).eval()
    folder = tmp_path_factory.mktemp("models") / "relative"
    model.save_pretrained(folder)
    ParaClapProcessor(ProsodyFeatureExtractor(), make_tokenizer()).save_pretrained(folder)
    return ParaClap.from_pretrained(folder)


def test_a_reference_holds_mean_variance_and_count_of_the_clips(relative: ParaClap) -> None:
    found = relative.measure_reference(VOICES, sampling_rate=SAMPLING_RATE)

    alone = np.concatenate([relative.summarize_waveforms([voice]) for voice in VOICES])
    assert alone.shape == (5, NUM_FUNCTIONALS)
    assert found.count == 5
    np.testing.assert_allclose(found.mean, alone.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(found.variance, alone.var(axis=0), atol=1e-4)


def test_the_fingerprint_tells_references_apart(relative: ParaClap) -> None:
    one, other = (relative.measure_reference(clips, sampling_rate=SAMPLING_RATE) for clips in (VOICES[:2], VOICES[2:]))

    assert one.fingerprint == Reference(one.count, one.mean.copy(), one.variance).fingerprint
    assert len({one.fingerprint, other.fingerprint, Reference(9, one.mean, one.variance).fingerprint}) == 3


def test_vectors_relative_to_references_are_those_of_the_model(relative: ParaClap) -> None:
    reference = relative.measure_reference(VOICES, sampling_rate=SAMPLING_RATE)

    found = relative.embed_audio(VOICES[:2], SAMPLING_RATE, reference=reference)

    inputs = relative.processor(audio=VOICES[:2], sampling_rate=SAMPLING_RATE)
    rows = torch.from_numpy(np.stack([reference.as_row()] * 2))
    with torch.no_grad():
        expected = relative.model.get_audio_features(**inputs, references=rows)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    assert np.abs(found - relative.embed_audio(VOICES[:2], SAMPLING_RATE)).max() > 1e-3


def test_audio_can_be_given_as_reference_at_once(relative: ParaClap) -> None:
    measured = relative.measure_reference(VOICES[2:], sampling_rate=SAMPLING_RATE)
    queries = ["an angry man", "a calm woman"]

    at_once = relative.classify(VOICES[0], queries, sampling_rate=SAMPLING_RATE, reference=VOICES[2:])
    before = relative.classify(VOICES[0], queries, sampling_rate=SAMPLING_RATE, reference=measured)
    encoded = relative.encode(VOICES[0], sampling_rate=SAMPLING_RATE, reference=VOICES[2:])

    np.testing.assert_array_equal(at_once.to_numpy(), before.to_numpy())
    expected = relative.embed_audio(VOICES[0], SAMPLING_RATE, reference=measured)
    np.testing.assert_array_equal(encoded.embeddings, expected)


def test_what_cannot_be_read_is_left_out_of_a_reference(relative: ParaClap, tmp_path: Path) -> None:
    import soundfile

    good, bad = tmp_path / "good.wav", tmp_path / "bad.wav"
    soundfile.write(good, VOICES[0], SAMPLING_RATE)
    bad.write_bytes(b"no audio")

    assert relative.measure_reference([good, bad]).count == 1
    with pytest.raises(AudioError, match=r"no reference can be read .*bad\.wav.*expected one recording or more"):
        relative.measure_reference([bad, tmp_path / "missing.wav"])


def test_a_long_recording_counts_as_its_windows(relative: ParaClap) -> None:
    long = np.tile(VOICES[0], 60)[: 35 * SAMPLING_RATE]

    assert relative.measure_reference(long, sampling_rate=SAMPLING_RATE).count == 4


def test_a_model_that_takes_no_references_says_so(clap: ParaClap) -> None:
    reference = Reference.of(np.zeros((2, NUM_FUNCTIONALS), np.float32))

    assert not clap.takes_references
    with pytest.raises(ModelError, match="takes no reference recordings; leave the reference out"):
        clap.measure_reference(VOICES, sampling_rate=SAMPLING_RATE)
    with pytest.raises(ModelError, match="takes no reference recordings"):
        clap.embed_audio(VOICES, SAMPLING_RATE, reference=reference)
    with pytest.raises(ModelError, match="takes no references; expected paraclap_prosody"):
        clap.model.summarize_audio(torch.zeros(1, 4, 64))


def test_references_of_several_speakers_leave_who_speaks_to_the_clip(relative: ParaClap) -> None:
    channel = relative.measure_reference(VOICES, sampling_rate=SAMPLING_RATE, is_one_speaker=False)
    speaker = relative.measure_reference(VOICES, sampling_rate=SAMPLING_RATE)

    found = relative.embed_audio(VOICES[0], SAMPLING_RATE, reference=channel)

    inputs = relative.processor(audio=VOICES[:1], sampling_rate=SAMPLING_RATE)
    rows = torch.from_numpy(channel.as_row())[None]
    with torch.no_grad():
        own = relative.model.summarize_audio(**inputs)
        pooled = relative.model.pool_audio(**inputs, references=rows, voices=own)
        expected = relative.model.project_audio(pooled)
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)
    assert np.abs(found - relative.embed_audio(VOICES[0], SAMPLING_RATE, reference=speaker)).max() > 1e-4
    assert channel.fingerprint != speaker.fingerprint
