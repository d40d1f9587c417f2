import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file
from tests.audio.clips import make_voice
from tests.cli.conftest import Run, run
from tests.evaluation.corpora import make_ravdess
from tests.inference.tiny_clap import RATE, embed_by_transformers, make_clap_processor, save_clap
from tests.inference.voices import write_voices

from paraclap.audio import read_audio
from paraclap.errors import ConfigError, ModelError
from paraclap.evaluation import Embedder, read_result
from paraclap.inference import LaionClap, TextCutWarning
from paraclap.storage import read_table

__all__ = ["run"]  # the fixture of the command line

QUERIES = ["an angry man", "a calm woman", "nobody at all"]
DURATIONS = [0.1, 3.0, 10.0, 0.9, 24.5, 7.5, 10.4, 0.5]


@pytest.fixture(scope="module", params=["unfused", "fused"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a model with and without feature fusion."""
    return save_clap(tmp_path_factory.mktemp("clap") / request.param, is_fused=request.param == "fused")


@pytest.fixture(scope="module")
def unfused(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clap(tmp_path_factory.mktemp("clap") / "unfused")


@pytest.fixture
def copy(unfused: Path, tmp_path: Path) -> Path:
    """Return a copy that a test may spoil."""
    return Path(shutil.copytree(unfused, tmp_path / "copy"))


@pytest.fixture(scope="module")
def clap(folder: Path) -> LaionClap:
    return LaionClap.from_pretrained(folder)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return write_voices(tmp_path / "voices", DURATIONS)


def test_it_has_the_face_of_every_model(clap: LaionClap, folder: Path, files: list[Path]) -> None:
    embedder: Embedder = clap

    answer = clap.classify(files, QUERIES)

    assert (embedder.name, embedder.training_corpora, clap.sampling_rate) == (str(folder), None, RATE)
    assert clap.logit_scale == pytest.approx(1 / 0.07)
    assert len(clap.fingerprint) == 64
    assert clap.fingerprint == LaionClap.from_pretrained(folder).fingerprint
    assert (answer.shape, list(answer.columns)) == ((len(files), 3), QUERIES)
    assert answer.sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-6)
    assert answer.to_numpy().std(axis=0).min() > 1e-4  # or the other tests would show nothing


@pytest.mark.parametrize("duration", [0.1, 0.33, 3.3, 5.0, 9.99, 10.0])
def test_up_to_10_s_the_vector_is_that_of_transformers(clap: LaionClap, duration: float) -> None:
    voice = make_voice(duration, RATE)

    embeds = clap.embed_audio(voice, RATE)

    assert np.abs(embeds[0] - embed_by_transformers(clap.model, clap.processor, voice)).max() < 1e-5
    assert embeds.dtype == np.float32


@pytest.mark.parametrize("duration", [10.001, 10.5, 20.0, 24.5, 31.3])
def test_a_long_clip_is_the_mean_of_all_its_windows_weighted_by_duration(
    clap: LaionClap, duration: float, tmp_path: Path
) -> None:
    voice = make_voice(duration, RATE)
    soundfile.write(tmp_path / "a.wav", voice, RATE, subtype="FLOAT")
    number = int(np.ceil(duration / 10))
    edges = [round(duration * place / number * RATE) for place in range(number + 1)]
    parts = [voice[begin:end] for begin, end in pairwise(edges)]
    assert sum(len(part) for part in parts) == len(voice)
    total = sum(len(part) * embed_by_transformers(clap.model, clap.processor, part) for part in parts)

    for embeds in (clap.embed_audio(voice, RATE), clap.embed_audio(tmp_path / "a.wav")):
        assert np.abs(embeds[0] - total / np.linalg.norm(total)).max() < 1e-5


def test_the_same_clip_gives_the_same_vector_alone_and_in_any_batch(clap: LaionClap, files: list[Path]) -> None:
    together = clap.embed_audio(files)
    alone = np.concatenate([clap.embed_audio(path) for path in files])
    other_way = clap.embed_audio(files[::-1])[::-1]

    assert np.abs(together - alone).max() < 1e-5
    assert np.abs(together - other_way).max() < 1e-5


def test_chance_decides_nothing(clap: LaionClap, files: list[Path]) -> None:
    first = clap.embed_audio(files)
    np.random.seed(7)  # what transformers draws from
    torch.manual_seed(7)

    assert np.array_equal(first, clap.embed_audio(files))


def test_files_are_heard_at_48_khz(clap: LaionClap, files: list[Path]) -> None:
    expected = embed_by_transformers(clap.model, clap.processor, read_audio(files[1], sampling_rate=RATE))

    assert np.abs(clap.embed_audio(files[1])[0] - expected).max() < 1e-5
    samples, rate = soundfile.read(files[1], dtype="float32")
    assert rate == 16000
    assert np.abs(clap.embed_audio(samples, sampling_rate=16000)[0] - expected).max() < 1e-5


def test_a_window_that_rounds_to_one_sample_more_is_not_cut_by_chance(clap: LaionClap) -> None:
    voice = make_voice(11.0, RATE)

    embeds = clap.encode_waveforms([voice[: 10 * RATE + 1], voice[: 10 * RATE]])

    assert np.array_equal(embeds[0], embeds[1])


def test_texts_are_embedded_one_like_many_and_too_long_ones_are_cut(clap: LaionClap) -> None:
    texts = [*QUERIES, "a sad voice " * 500]

    with pytest.warns(TextCutWarning, match=r"has 1502 tokens, the text tower takes 48: "):
        together = clap.embed_text(texts)

    assert np.abs(np.linalg.norm(together, axis=1) - 1).max() < 1e-6
    assert np.abs(together - np.concatenate([clap.embed_text([text]) for text in texts])).max() < 1e-5
    cut = clap.processor.tokenizer(texts[-1], truncation=True, max_length=48, return_tensors="pt")
    with torch.no_grad():
        output = clap.model.get_text_features(cut["input_ids"], attention_mask=cut["attention_mask"])
    assert np.abs(together[-1] - getattr(output, "pooler_output", output)[0].numpy()).max() < 1e-5


def test_a_tokenizer_that_knows_no_limit_still_gives_what_the_tower_takes(copy: Path) -> None:
    clap = LaionClap.from_pretrained(copy)
    with pytest.warns(TextCutWarning):
        expected = clap.embed_text(["a sad voice " * 500])
    clap.processor.tokenizer.model_max_length = int(1e30)  # as some tokenizer_config.json say

    assert np.array_equal(clap.embed_text(["a sad voice " * 500]), expected)


@pytest.mark.parametrize(("dtype", "tolerance"), [("bfloat16", 0.1), ("float16", 0.02)])
def test_half_precision_gives_nearly_the_same_vectors(
    clap: LaionClap, folder: Path, files: list[Path], dtype: str, tolerance: float
) -> None:
    half = LaionClap.from_pretrained(folder, dtype=dtype, batch_size=3)

    embeds = half.embed_audio(files)

    assert (half.batch_size, half.model.dtype) == (3, getattr(torch, dtype))
    assert 0 < np.abs(embeds - clap.embed_audio(files)).max() < tolerance


def spoil_processor(folder: Path, **options: Any) -> None:
    make_clap_processor(**options).save_pretrained(folder)


def edit_weights(folder: Path, edit: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    weights = load_file(folder / "model.safetensors")
    edit(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


SPOILS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "fusion": (
        lambda folder: spoil_processor(folder, is_fused=True),
        r"the processor's truncation is 'fusion'; expected 'rand_trunc', as the model was trained",
    ),
    "mels": (
        lambda folder: spoil_processor(folder, feature_size=64),
        r"the processor makes 101 frames of 64 mels; expected at most 128 of 32, as the audio tower hears",
    ),
    "frames": (
        lambda folder: spoil_processor(folder, hop_length=2400),
        r"the processor makes 201 frames of 32 mels; expected at most 128 of 32",
    ),
    "tokenizer": (
        lambda folder: (folder / "tokenizer.json").unlink(),
        r"has no processor that can be loaded \(.+\); expected processor_config\.json or preprocessor_config\.json",
    ),
    "missing": (
        lambda folder: edit_weights(folder, lambda weights: weights.pop("audio_projection.linear1.weight")),
        r"missing keys: audio_projection\.linear1\.weight; the weights do not fit config\.json",
    ),
    "unexpected": (
        lambda folder: edit_weights(folder, lambda weights: weights.update({"head.weight": torch.zeros(2)})),
        r"unexpected keys: head\.weight;",
    ),
    "mismatched": (
        lambda folder: edit_weights(folder, lambda weights: weights.update({"logit_scale_a": torch.zeros(2)})),
        r"mismatched keys: logit_scale_a of shape \[2\] instead of \[\];",
    ),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), r"has no weights; expected model\.safe"),
    "config": (
        lambda folder: (folder / "config.json").write_text(
            json.dumps({"model_type": "clap", "text_config": {"vocab_size": "many"}})
        ),
        r"config\.json: Validation error for field 'vocab_size': .+ got str .+; expected that of a ClapModel$|"
        r"the processor makes 101 frames of 32 mels; expected at most 1024 of 64",  # transformers 5.0 checks no types
    ),
}


@pytest.mark.parametrize("spoil", SPOILS)
def test_parts_that_do_not_fit_are_refused(copy: Path, spoil: str) -> None:
    do, message = SPOILS[spoil]
    do(copy)

    with pytest.raises(ModelError, match=message):
        LaionClap.from_pretrained(copy)


def test_tables_that_some_versions_save_and_others_do_not_are_no_leftovers(copy: Path, unfused: Path) -> None:
    def drop(weights: dict[str, torch.Tensor]) -> None:
        tables = [key for key in weights if key.endswith(("position_ids", "token_type_ids", "position_index"))]
        assert tables
        for key in tables:
            del weights[key]
        weights["audio_model.position_ids"] = torch.zeros(1)

    edit_weights(copy, drop)

    assert LaionClap.from_pretrained(copy).fingerprint == LaionClap.from_pretrained(unfused).fingerprint


def test_what_cannot_be_loaded_is_refused(unfused: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^device 'cuda:99' cannot be used"):
        LaionClap.from_pretrained(unfused, device="cuda:99")
    with pytest.raises(ModelError, match=r"^no dtype 'int8'; expected one of float32, bfloat16, float16$"):
        LaionClap.from_pretrained(unfused, dtype="int8")
    with pytest.raises(ConfigError, match=r"^batch_size is 0; expected 1 or more$"):
        LaionClap.from_pretrained(unfused, batch_size=0)
    with pytest.raises(ModelError, match=r"is no model folder; expected config\.json"):
        LaionClap.from_pretrained(tmp_path)


def test_the_command_line_classifies_with_it(run: Run, unfused: Path, files: list[Path]) -> None:
    asked = [option for query in QUERIES for option in ("-q", query)]

    done = run("classify", files[0].parent, *asked, "--model", unfused, "--json")

    assert (done.status, done.stderr) == (0, "")
    answers = json.loads(done.stdout)
    expected = LaionClap.from_pretrained(unfused).classify(files, QUERIES)
    assert [answer["end"] for answer in answers] == DURATIONS
    shown = np.array([list(answer["probability"].values()) for answer in answers])
    assert np.abs(shown - expected.to_numpy()).max() < 1e-5


def test_the_command_line_embeds_with_it(run: Run, unfused: Path, files: list[Path], tmp_path: Path) -> None:
    done = run("embed", *files, "--out", tmp_path / "e.parquet", "--model", unfused)

    assert done.status == 0
    table, metadata = read_table(tmp_path / "e.parquet", kind="embeddings")
    clap = LaionClap.from_pretrained(unfused)
    assert np.abs(table.to_numpy() - clap.embed_audio(files)).max() < 1e-5
    assert metadata == {"model": str(unfused), "fingerprint": clap.fingerprint}


def test_the_command_line_evaluates_it(run: Run, unfused: Path, tmp_path: Path) -> None:
    make_ravdess(tmp_path / "corpora", actors=1)
    options = ("--corpora", tmp_path / "corpora", "--out", tmp_path / "results")

    done = run("evaluate", "--task", "ravdess-emotion", *options, "--model", unfused)

    assert done.status == 0
    result = read_result(tmp_path / "results" / "ravdess-emotion.json")
    assert (result.clips, result.model) == (16, str(unfused))
    assert 0 <= result.by_prompts["published"]["uar"].value <= 1
