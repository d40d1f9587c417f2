"""Models of waveform towers on their way to the hub and back, and cut into shards."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file, save_file
from tests.audio.clips import make_voice
from tests.models.tiny import make_model, make_processor
from tests.models.tiny_towers import make_joined, make_joined_processor
from torch import Tensor, ones
from transformers import AutoModel, AutoProcessor

from paraclap.audio import SAMPLING_RATE
from paraclap.errors import ModelError
from paraclap.inference import ParaClap
from paraclap.models import ParaClapModel, ParaClapProcessor, no_progress_bars

VOICES = [make_voice(seconds, SAMPLING_RATE) for seconds in (0.4, 0.9)]
LAYER, GROUP = "wav2vec2, layer norm", "hubert, group norm"
MODELS: dict[str, Callable[[], tuple[ParaClapModel, ParaClapProcessor]]] = {
    "mel": lambda: (make_model(), make_processor()),
    LAYER: lambda: (
        make_joined(LAYER, audio_pooling="attentive", audio_layer="mix"),
        make_joined_processor(LAYER, normalize=True),
    ),
    GROUP: lambda: (make_joined(GROUP, text_pooling="cls"), make_joined_processor(GROUP)),
    "wav2vec2-bert": lambda: (make_joined("wav2vec2-bert"), make_joined_processor("wav2vec2-bert")),
}
PROCESSOR_FILES = {"processor_config.json", "tokenizer.json", "tokenizer_config.json"}


def embed(model: ParaClapModel, processor: ParaClapProcessor) -> np.ndarray[Any, Any]:
    clap = ParaClap(model, processor)
    return np.concatenate([clap.embed_audio(VOICES, SAMPLING_RATE), clap.embed_text(["an angry man"])])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Return what a hub would hold: the files that are committed to it."""
    held: dict[str, bytes] = {}

    def commit(*_: Any, operations: Any, **__: Any) -> str:
        for operation in operations:
            with operation.as_file() as file:
                held[operation.path_in_repo] = file.read()
        return "done"

    def refuse(*_: Any, **__: Any) -> None:
        raise LocalEntryNotFoundError("a new repository has no card")

    create = SimpleNamespace(
        create_repo=lambda *_, **__: SimpleNamespace(repo_id="somebody/model"), create_commit=commit
    )
    for name, answer in vars(create).items():
        monkeypatch.setattr(HfApi, name, lambda self, *args, answer=answer, **options: answer(*args, **options))
        monkeypatch.setattr(f"transformers.utils.hub.{name}", answer, raising=False)  # where it is in older versions
    monkeypatch.setattr("transformers.utils.hub.ModelCard.load", refuse)
    return held


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shard_size", ["50GB", "20KB"])
def test_what_is_pushed_to_the_hub_is_the_whole_model(
    name: str, shard_size: str, hub: dict[str, bytes], tmp_path: Path
) -> None:
    model, processor = MODELS[name]()

    with no_progress_bars():
        model.push_to_hub("somebody/model", max_shard_size=shard_size)
    processor.push_to_hub("somebody/model")

    shards = {file for file in hub if file.endswith(".safetensors")}
    assert (len(shards) > 3) if shard_size == "20KB" else (shards == {"model.safetensors"})
    index = {"model.safetensors.index.json"} if len(shards) > 1 else set()
    assert set(hub) == {"config.json", "README.md", *PROCESSOR_FILES, *shards, *index}
    for file, content in hub.items():
        (tmp_path / file).write_bytes(content)
    again = ParaClap.from_pretrained(tmp_path)
    assert np.array_equal(embed(again.model, again.processor), embed(model, processor))


def save_in_shards(folder: Path, name: str) -> Path:
    model, processor = MODELS[name]()
    with no_progress_bars():
        model.save_pretrained(folder, max_shard_size="20KB")
    processor.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", MODELS)
def test_shards_give_the_same_bits(name: str, tmp_path: Path) -> None:
    save_in_shards(tmp_path, name)

    with no_progress_bars():
        loaded = AutoModel.from_pretrained(tmp_path)

    assert len(list(tmp_path.glob("model-*-of-*.safetensors"))) > 3
    assert not (tmp_path / "model.safetensors").exists()
    assert np.array_equal(embed(loaded, AutoProcessor.from_pretrained(tmp_path)), embed(*MODELS[name]()))


CHANGES: dict[str, tuple[Callable[[dict[str, Tensor], str], Any], str]] = {
    "missing": (lambda weights, key: weights.pop(key), r"missing keys: {key}; the weights do not fit config\.json"),
    "left over": (lambda weights, key: weights.update(extra=ones(1)), r"unexpected keys: extra; the weights do not"),
    "mismatched": (
        lambda weights, key: weights.update({key: ones(1, 2, 3)}),
        r"mismatched keys: {key} of shape \[1, 2, 3\] instead of",
    ),
}


@pytest.mark.parametrize("load", [ParaClapModel.from_pretrained, AutoModel.from_pretrained, ParaClap.from_pretrained])
@pytest.mark.parametrize("change", CHANGES)
def test_keys_of_a_shard_that_do_not_fit_are_named(load: Any, change: str, tmp_path: Path) -> None:
    shard = sorted(save_in_shards(tmp_path, LAYER).glob("model-00002-of-*.safetensors"))[0]
    weights = load_file(shard)
    key = sorted(weights)[0]
    do, message = CHANGES[change]
    do(weights, key)
    save_file(weights, shard, metadata={"format": "pt"})

    with pytest.raises(ModelError, match=message.format(key=key.replace(".", r"\."))), no_progress_bars():
        load(tmp_path)
