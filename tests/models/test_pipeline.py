import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.audio.clips import make_voice
from tests.models.tiny import make_model, make_processor, save_model
from transformers import pipeline

from paraclap.audio import SAMPLING_RATE
from paraclap.errors import ModelError

TASK = "zero-shot-audio-classification"
LABELS = ["angry", "calm", "old"]
VOICE = make_voice(1.2, SAMPLING_RATE)


@torch.no_grad()
def test_the_pipeline_of_transformers_ranks_labels_as_the_model_does(tmp_path: Path) -> None:
    classify = pipeline(TASK, model=str(save_model(tmp_path)))

    answers = classify(VOICE, candidate_labels=LABELS, hypothesis_template="a {} voice")

    inputs = make_processor()(text=[f"a {label} voice" for label in LABELS], audio=VOICE)
    expected = make_model()(**inputs).logits_per_audio.softmax(dim=-1)[0].numpy()
    np.testing.assert_allclose([answer["score"] for answer in answers], sorted(expected, reverse=True), atol=1e-5)
    assert [answer["label"] for answer in answers] == [LABELS[i] for i in np.argsort(-expected)]


def test_the_pipeline_refuses_weights_that_do_not_fit(tmp_path: Path) -> None:
    weights = load_file(save_model(tmp_path) / "model.safetensors")
    del weights["logit_scale"]
    save_file(weights, tmp_path / "model.safetensors")

    with pytest.raises(ModelError, match=re.escape("missing keys: logit_scale; the weights do not fit config.json")):
        pipeline(TASK, model=str(tmp_path))
