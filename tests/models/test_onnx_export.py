import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import torch
from tests.audio.clips import make_voice
from tests.models.tiny import make_model, make_processor
from tests.models.tiny_towers import make_joined, make_joined_processor

from paraclap import ParaClap
from paraclap.errors import ModelError
from paraclap.inference import OnnxClap
from paraclap.models import ParaClapModel, hash_weights
from paraclap.models.onnx_export import export_onnx
from paraclap.models.onnx_settings import ModelOrigin

_MISSING = [name for name in ("onnx", "onnxruntime", "onnxscript") if importlib.util.find_spec(name) is None]
needs_extra = pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)} of the extra onnx")

# The exporter follows a batch of two clips, of 1 and 0.6 s. Durations in s, of what it never saw.
BATCHES = [(0.1,), (0.13, 2.3, 0.9), (1.0,) * 5, (0.2, 7.0), (12.0,)]
EVEN_BATCHES = [(0.1,), (0.9,) * 3, (7.0,)]
TEXTS = [["a"], ["an angry man", "sad", "a calm voice, a happy speaker", "ünïcode"], ["the speaker is happy " * 100]]


@dataclass(frozen=True)
class Exported:
    """A model, and what became of it."""

    torch: ParaClap
    onnx: OnnxClap
    folder: Path


def make_mel() -> ParaClap:
    return ParaClap(make_model(), make_processor(), name="tiny", training_corpora=["emodb"])


def make_layer_norm() -> ParaClap:
    tower = "wav2vec2, layer norm"
    model = make_joined(tower, audio_pooling="attentive", audio_layer="mix", text_pooling="cls")
    return ParaClap(model, make_joined_processor(tower, normalize=True))


def make_group_norm() -> ParaClap:
    tower = "hubert, group norm"
    return ParaClap(make_joined(tower), make_joined_processor(tower, normalize=False))


MODELS: dict[str, Callable[[], ParaClap]] = {"mel": make_mel, "layer": make_layer_norm, "group": make_group_norm}


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Exported]:
    """Return a function that exports a model of `MODELS`, each once: it takes many seconds."""

    @cache
    def export_once(name: str) -> Exported:
        clap, folder = MODELS[name](), tmp_path_factory.mktemp("onnx") / name
        export_onnx(clap.model, clap.processor, folder, origin=ModelOrigin(clap.name, clap.training_corpora))
        return Exported(clap, OnnxClap(folder), folder)

    return export_once


@pytest.fixture(params=MODELS)
def exported(request: pytest.FixtureRequest, export: Callable[[str], Exported]) -> Exported:
    return export(request.param)


@pytest.fixture
def mel(export: Callable[[str], Exported]) -> Exported:
    return export("mel")


def make_clips(durations: tuple[float, ...]) -> list[npt.NDArray[np.float32]]:
    return [make_voice(duration, 16_000, seed) for seed, duration in enumerate(durations)]


def compare(found: Any, expected: Any) -> float:
    return float((np.linalg.norm(found - expected, axis=1) / np.linalg.norm(expected, axis=1)).max())


@needs_extra
def test_the_graphs_agree_with_torch_on_sizes_and_paddings_they_were_not_made_with(exported: Exported) -> None:
    batches = EVEN_BATCHES if exported.torch.limits.sees_padding else BATCHES
    for batch in map(make_clips, batches):
        assert compare(exported.onnx.encode_waveforms(batch), exported.torch.encode_waveforms(batch)) < 1e-4
    for texts in TEXTS:
        assert compare(exported.onnx.encode_texts(texts), exported.torch.encode_texts(texts)) < 1e-4


@needs_extra
def test_batches_and_padding_change_nothing(exported: Exported) -> None:
    clips = make_clips((0.5, 2.0, 0.9, 1.3))

    together = exported.onnx.embed_audio(clips, 16_000)

    alone = np.concatenate([exported.onnx.embed_audio(clip, 16_000) for clip in clips])
    assert compare(together, alone) < 1e-4
    assert compare(together, exported.torch.embed_audio(clips, 16_000)) < 1e-4


@needs_extra
def test_the_runtime_knows_what_the_model_knows(exported: Exported) -> None:
    for name in ("name", "training_corpora", "fingerprint", "sampling_rate", "limits"):
        assert getattr(exported.onnx, name) == getattr(exported.torch, name)
    assert exported.onnx.logit_scale == pytest.approx(exported.torch.logit_scale)
    assert sorted(path.name for path in exported.folder.iterdir()) == [
        *("audio.onnx", "onnx.json", "text.onnx", "tokenizer.json")
    ]


@needs_extra
def test_files_and_long_recordings_are_heard_as_by_torch(mel: Exported, tmp_path: Path) -> None:
    for name, duration, rate in (("a.wav", 0.7, 22_050), ("b.flac", 43.0, 16_000)):
        soundfile.write(tmp_path / name, make_voice(duration, rate), rate)

    found = mel.onnx.embed_audio(tmp_path)

    assert compare(found, mel.torch.embed_audio(tmp_path)) < 1e-4
    answers = [clap.classify(tmp_path, ["an angry man", "a calm woman"]) for clap in (mel.onnx, mel.torch)]
    assert answers[0].index.equals(answers[1].index)
    assert np.abs(answers[0].to_numpy() - answers[1].to_numpy()).max() < 1e-4


@needs_extra
def test_arrays_and_texts_need_onnxruntime_numpy_and_tokenizers_alone(mel: Exported, tmp_path: Path) -> None:
    clips = make_clips((0.4, 1.1))
    np.savez(tmp_path / "clips.npz", *clips)
    allowed = ("onnxruntime", "numpy", "tokenizers", "paraclap")
    others = ("torch", "transformers", "pandas", "pyarrow", "audformat", "pydantic", "soundfile", "soxr", "av", "onnx")
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({others!r}))\n"  # None: an import fails
        "import numpy as np\n"
        "from paraclap.inference import OnnxClap\n"
        f"clap = OnnxClap({str(mel.folder)!r})\n"
        f"clips = np.load({str(tmp_path / 'clips.npz')!r})\n"
        "audio = clap.embed_audio([clips[name] for name in clips.files], 16_000)\n"
        f"np.savez({str(tmp_path / 'found.npz')!r}, audio=audio, text=clap.embed_text(['an angry man']))\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, ""), f"{done.stderr}\nallowed: {allowed}"
    found = np.load(tmp_path / "found.npz")
    assert compare(found["audio"], mel.torch.embed_audio(clips, 16_000)) < 1e-4
    assert compare(found["text"], mel.torch.embed_text(["an angry man"])) < 1e-4


@needs_extra
def test_int8_gives_smaller_graphs_and_nearly_the_same_vectors_whatever_the_batch(
    mel: Exported, tmp_path: Path
) -> None:
    clap = mel.torch
    export_onnx(clap.model, clap.processor, tmp_path / "int8", int8=True)
    rounded = OnnxClap(tmp_path / "int8")
    clips, texts = make_clips((0.3, 2.0)), ["an angry man", "sad", "a calm voice is a happy voice"]

    audio, text = rounded.embed_audio(clips, 16_000), rounded.embed_text(texts)

    assert 0 < compare(audio, clap.embed_audio(clips, 16_000)) < 0.1
    assert 0 < compare(text, clap.embed_text(texts)) < 0.1
    assert compare(audio, np.concatenate([rounded.embed_audio(clip, 16_000) for clip in clips])) < 1e-4
    assert compare(text, np.concatenate([rounded.embed_text([of]) for of in texts])) < 1e-4
    assert rounded.fingerprint == f"{clap.fingerprint}-int8"
    for name in ("audio.onnx", "text.onnx"):
        assert (tmp_path / "int8" / name).stat().st_size < (mel.folder / name).stat().st_size


@needs_extra
def test_no_path_of_this_machine_is_in_the_files(mel: Exported) -> None:
    for path in mel.folder.iterdir():
        assert b"site-packages" not in path.read_bytes()
        assert str(Path(__file__).parents[2]).encode() not in path.read_bytes()


@needs_extra
def test_the_licence_goes_with_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clap = make_mel()
    clap.model.config.text_reference = {"id": "nobody/tiny", "package": "tiny", "sha256": "0"}
    (tmp_path / "LICENSE").write_text("research only")
    write_empty_graphs(monkeypatch)

    export_onnx(clap.model, clap.processor, tmp_path / "a", origin=ModelOrigin("tiny", None, tmp_path / "LICENSE"))
    export_onnx(make_model(), clap.processor, tmp_path / "b")

    notes = [json.loads((tmp_path / name / "onnx.json").read_text())["licence"] for name in "ab"]
    assert notes == [
        "The graphs hold the weights of tiny and of its text tower nobody/tiny, each with its own licence: "
        "see LICENSE beside this file.",
        "The graphs hold the weights of unnamed and stay under its licence.",
    ]
    assert (tmp_path / "a" / "LICENSE").read_text() == "research only"
    assert not (tmp_path / "b" / "LICENSE").exists()


@needs_extra
def test_a_model_is_left_as_it_was(mel: Exported) -> None:
    model = make_model()

    assert mel.torch.fingerprint == hash_weights(model.state_dict())
    assert not mel.torch.model.training
    assert mel.torch.model.logit_scale.requires_grad


def write_empty_graphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let exports skip the graphs."""
    monkeypatch.setattr("paraclap.models.onnx_export._Graph.write", lambda graph, example: None)
    monkeypatch.setattr("paraclap.models.onnx_export._Graph.check", lambda graph, batches: None)


def pretend_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paraclap.models.onnx_export._PACKAGES", ())


@pytest.mark.parametrize("name", ["onnx", "onnxscript", "onnxruntime"])
def test_an_extra_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr("paraclap.models.onnx_export._PACKAGES", (name,))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(ModelError, match=rf"^{name} is not installed, which exports models: run pip install 'paraclap"):
        export_onnx(make_model(), make_processor(), tmp_path / "out")


def test_a_folder_that_is_not_empty_or_cannot_be_written_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_installed(monkeypatch)
    (tmp_path / "file").write_text("text")
    for folder, message in (
        (tmp_path, r"is not empty, it holds file; choose an empty or a new folder$"),
        (tmp_path / "file", r"is a file; expected the name of a folder to write$"),
        (tmp_path / "file" / "out", r"cannot be written \(Not a directory\); choose another place$"),
    ):
        with pytest.raises(ModelError, match=message):
            export_onnx(make_model(), make_processor(), folder)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("tower", ["wav2vec2-bert", "whisper", "audio-spectrogram-transformer"])
def test_a_tower_whose_spectrograms_the_runtime_cannot_make_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tower: str
) -> None:
    pretend_installed(monkeypatch)

    with pytest.raises(ModelError, match=rf"^an audio tower of the type {tower} cannot be exported: the ONNX runtime"):
        export_onnx(make_joined(tower), make_joined_processor(tower), tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_half_precision_and_a_tokenizer_without_its_file_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_installed(monkeypatch)
    half: ParaClapModel = make_model().to(torch.bfloat16)
    processor = make_processor()

    with pytest.raises(ModelError, match=r"^the model is torch\.bfloat16 on cpu; expected torch\.float32 on cpu$"):
        export_onnx(half, processor, tmp_path / "out")

    monkeypatch.setattr(processor, "tokenizer", object())
    with pytest.raises(ModelError, match=r"^object has no tokenizer\.json; expected a tokenizer of tokenizers"):
        export_onnx(make_model(), processor, tmp_path / "out")


@needs_extra
def test_what_the_exporter_cannot_follow_is_one_sentence_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("no such operator.\nand a long story")

    monkeypatch.setattr(torch.onnx, "export", fail)

    message = r"^audio\.onnx cannot be made \(RuntimeError: no such operator\); this tower cannot be exported with the"
    with pytest.raises(ModelError, match=message):
        export_onnx(make_model(), make_processor(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@needs_extra
def test_a_graph_that_differs_from_the_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paraclap.models.onnx_export.TOLERANCE", 1e-12)

    with pytest.raises(ModelError, match=r"^audio\.onnx differs from the model by .*; expected less than 1e-12: this"):
        export_onnx(make_model(), make_processor(), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
