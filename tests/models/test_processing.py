from pathlib import Path

import numpy as np
import pytest
import torch
from tests.audio.clips import make_voice
from tests.models.tiny import make_processor, save_model
from transformers import AutoFeatureExtractor, AutoProcessor, AutoTokenizer

from paraclap.audio import SAMPLING_RATE
from paraclap.models import ParaClapFeatureExtractor, ParaClapProcessor

PROCESSOR = make_processor()
VOICE = make_voice(0.5, SAMPLING_RATE)


def test_text_alone_becomes_padded_tokens() -> None:
    inputs = PROCESSOR(text=["a man", "angry woman speaker"])

    assert set(inputs) == set(PROCESSOR.tokenizer.model_input_names)
    assert inputs["attention_mask"].tolist() == [[1, 1, 1, 1, 0], [1, 1, 1, 1, 1]]
    assert PROCESSOR.tokenizer.convert_ids_to_tokens(inputs["input_ids"][0]) == ["[CLS]", "a", "man", "[SEP]", "[PAD]"]


def test_one_text_is_a_batch_of_one() -> None:
    assert torch.equal(PROCESSOR(text="a man")["input_ids"], PROCESSOR(text=["a man"])["input_ids"])


def test_long_texts_are_cut_at_what_the_tower_takes() -> None:
    assert PROCESSOR(text="calm " * 500)["input_ids"].shape == (1, PROCESSOR.tokenizer.model_max_length)


def test_audio_alone_becomes_spectrograms() -> None:
    inputs = PROCESSOR(audio=[VOICE, VOICE[:1600]], sampling_rate=SAMPLING_RATE)

    assert set(inputs) == {"input_features", "audio_attention_mask"}
    assert inputs["input_features"].shape == (2, 50, 64)
    assert inputs["audio_attention_mask"].sum(dim=1).tolist() == [50, 10]


def test_both_are_prepared_as_each_alone() -> None:
    both = PROCESSOR(text=["a man"], audio=VOICE, sampling_rate=SAMPLING_RATE)

    apart = dict(PROCESSOR(text=["a man"])) | dict(PROCESSOR(audio=VOICE))
    assert set(both) == set(apart) == set(PROCESSOR.model_input_names) - {"token_type_ids"}
    assert all(torch.equal(both[name], apart[name]) for name in apart)


def test_neither_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^found neither text nor audio; pass text=, audio= or both$"):
        PROCESSOR()


def test_another_sampling_rate_is_refused() -> None:
    message = r"^audio has 44100 Hz; this model hears 16000 Hz: resample it first$"
    with pytest.raises(ValueError, match=message):
        PROCESSOR(audio=VOICE, sampling_rate=44_100)


def test_arrays_come_out_if_they_are_asked_for() -> None:
    inputs = PROCESSOR(text=["a man"], audio=VOICE, return_tensors="np")

    assert {type(value) for value in inputs.values()} == {np.ndarray}


def test_a_processor_survives_its_folder(tmp_path: Path) -> None:
    save_model(tmp_path)

    for again in (ParaClapProcessor.from_pretrained(tmp_path), AutoProcessor.from_pretrained(tmp_path)):
        assert isinstance(again, ParaClapProcessor)
        for inputs in ({"text": ["a calm man", "a"]}, {"audio": VOICE}):
            expected = PROCESSOR(**inputs)
            found = again(**inputs)
            assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_its_parts_are_found_by_the_auto_classes(tmp_path: Path) -> None:
    save_model(tmp_path)

    extractor = AutoFeatureExtractor.from_pretrained(tmp_path)

    assert isinstance(extractor, ParaClapFeatureExtractor)
    assert extractor.mel_settings == PROCESSOR.feature_extractor.mel_settings
    assert (
        AutoTokenizer.from_pretrained(tmp_path)(["a man"])["input_ids"] == PROCESSOR.tokenizer(["a man"])["input_ids"]
    )
