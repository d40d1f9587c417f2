"""Models of waveform towers on their way to the hub and back, and cut into shards."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from huggingface_hub import HfApi, ModelCard
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors.torch import load_file, save_file
from tests.audio.clips import make_voice
from tests.inference.test_calibration import make_calibration
from tests.models.tiny import make_model, make_processor
from tests.models.tiny_towers import make_joined, make_joined_processor
from torch import Tensor, no_grad, ones
from torch.nn import Linear
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

    def load_card(*_: Any, **__: Any) -> ModelCard:
        if "README.md" not in held:
            raise LocalEntryNotFoundError("a new repository has no card")
        return ModelCard(held["README.md"].decode(), ignore_metadata_errors=True)

    create = SimpleNamespace(
        create_repo=lambda *_, **__: SimpleNamespace(repo_id="somebody/model"), create_commit=commit
    )
    for name, answer in vars(create).items():
        monkeypatch.setattr(HfApi, name, lambda self, *args, answer=answer, **options: answer(*args, **options))
        for module in ("utils.hub", "modeling_utils"):  # where they are in older versions
            monkeypatch.setattr(f"transformers.{module}.{name}", answer, raising=False)
    monkeypatch.setattr("transformers.utils.hub.ModelCard.load", load_card)
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


SIDE_FILES = {
    "README.md": "---\nlicense: cc-by-nc-sa-4.0\ntags:\n- speech\n---\n\n# mine\n\nTrained on emodb.\n",
    "LICENSE": "CC BY-NC-SA 4.0\n",
    "training.json": '{"corpora": [{"name": "emodb"}]}',
    "bins.json": "{}",
    "calibration.json": make_calibration().model_dump_json(),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a model folder as training writes it: in half precision, and with all that it says of its weights."""
    model, processor = MODELS["mel"]()
    state = {name: value.half() if value.ndim else value for name, value in model.state_dict().items()}
    with no_progress_bars():
        model.save_pretrained(tmp_path / "trained", state_dict=state)
    processor.save_pretrained(tmp_path / "trained")
    for name, text in SIDE_FILES.items():
        (tmp_path / "trained" / name).write_text(text)
    return tmp_path / "trained"


def find_side_files(hub: dict[str, bytes]) -> dict[str, str]:
    return {name: hub[name].decode() for name in SIDE_FILES if name in hub}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_loaded_model_brings_its_card_and_licence_and_can_be_loaded_again(
    dtype: str, folder: Path, hub: dict[str, bytes], tmp_path: Path
) -> None:
    clap = ParaClap.from_pretrained(folder, dtype=dtype)

    with no_progress_bars():
        clap.model.push_to_hub("somebody/model")
    clap.processor.push_to_hub("somebody/model")

    assert find_side_files(hub) == SIDE_FILES
    assert set(hub) == {"config.json", "model.safetensors", *PROCESSOR_FILES, *SIDE_FILES}
    (tmp_path / "again").mkdir()
    for file, content in hub.items():
        (tmp_path / "again" / file).write_bytes(content)
    again = ParaClap.from_pretrained(tmp_path / "again", dtype=dtype)
    assert again.training_corpora == ("emodb",)
    assert np.array_equal(embed(again.model, again.processor), embed(clap.model, clap.processor))


def test_the_card_of_the_folder_replaces_that_of_the_hub(folder: Path, hub: dict[str, bytes]) -> None:
    hub["README.md"] = b"---\ntags: []\n---\n\n# the card of other weights\n"

    with no_progress_bars():
        AutoModel.from_pretrained(folder).push_to_hub("somebody/model")

    assert find_side_files(hub) == SIDE_FILES


def test_only_what_the_folder_has_is_brought(folder: Path, hub: dict[str, bytes]) -> None:
    (folder / "README.md").unlink()
    (folder / "bins.json").unlink()
    (folder / "calibration.json").unlink()

    with no_progress_bars():
        ParaClapModel.from_pretrained(folder).push_to_hub("somebody/model")

    assert set(find_side_files(hub)) == {"README.md", "LICENSE", "training.json"}
    assert "automatically generated" in hub["README.md"].decode()


@pytest.mark.parametrize("place", ["trained", "elsewhere"])
def test_saving_with_push_to_hub_brings_them_too(place: str, folder: Path, hub: dict[str, bytes]) -> None:
    with no_progress_bars():
        model = ParaClapModel.from_pretrained(folder)
        model.save_pretrained(str(folder.parent / place), push_to_hub=True)

    assert find_side_files(hub) == SIDE_FILES
    assert {name: (folder.parent / place / name).read_text() for name in SIDE_FILES} == SIDE_FILES


@pytest.mark.parametrize("name", ["logit_scale", "audio_projection.linear1.weight"])
def test_what_a_folder_says_does_not_come_along_with_other_weights(
    name: str, folder: Path, hub: dict[str, bytes]
) -> None:
    model = ParaClapModel.from_pretrained(folder)
    with no_grad():
        model.get_parameter(name).view(-1)[0] += 0.01

    with no_progress_bars():
        model.push_to_hub("somebody/model")

    assert set(hub) == {"config.json", "model.safetensors", "README.md"}
    assert "automatically generated" in hub["README.md"].decode()


def test_a_model_with_layers_of_its_own_leaves_them_behind_too(folder: Path, hub: dict[str, bytes]) -> None:
    model = ParaClapModel.from_pretrained(folder)
    model.extra = Linear(1, 1)

    with no_progress_bars():
        model.push_to_hub("somebody/model")

    assert set(find_side_files(hub)) == {"README.md"}


def test_a_model_partly_in_another_precision_and_another_folder_at_work_brings_them(
    folder: Path, hub: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parent)
    model = ParaClapModel.from_pretrained(folder.name)
    model.text_tower.bfloat16()
    monkeypatch.chdir("/")

    with no_progress_bars():
        model.push_to_hub("somebody/model")

    assert find_side_files(hub) == SIDE_FILES


def test_saving_alone_copies_nothing_of_the_folder(folder: Path, tmp_path: Path) -> None:
    with no_progress_bars():
        ParaClapModel.from_pretrained(folder).save_pretrained(tmp_path / "copy")

    assert {path.name for path in (tmp_path / "copy").iterdir()} == {"config.json", "model.safetensors"}


def test_a_model_whose_folder_is_gone_is_not_pushed_without_its_licence(folder: Path, hub: dict[str, bytes]) -> None:
    model = ParaClapModel.from_pretrained(folder)
    shutil.rmtree(folder)

    with pytest.raises(ModelError, match=r"^no model '.*trained'; expected a model folder or"), no_progress_bars():
        model.push_to_hub("somebody/model")

    assert hub == {}


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
    assert {tensor.data_ptr() % 64 for tensor in loaded.parameters()} == {0}  # or last digits would differ
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
