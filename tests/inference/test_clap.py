from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.audio.clips import make_voice
from tests.cli.conftest import Run, run
from tests.inference.voices import embed_alone, write_voices

from paraclap import ParaClap
from paraclap.audio import SAMPLING_RATE, read_audio
from paraclap.errors import ConfigError, ModelError
from paraclap.inference import compute_probabilities
from paraclap.queries import load_label_set
from paraclap.storage import write_json

__all__ = ["run"]  # the fixture of the command line

QUERIES = ["an angry man", "a calm woman", "nobody at all"]
DURATIONS = [0.1, 0.35, 3.0, 0.9, 7.5, 1.2, 0.5]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    return write_voices(tmp_path, DURATIONS)


def test_similarity_is_the_dot_product_of_unit_vectors(clap: ParaClap, files: list[Path]) -> None:
    audio, text = clap.embed_audio(files), clap.embed_text(QUERIES)

    similarity = clap.classify(files, QUERIES, values="similarity")

    for vectors in (audio, text):
        assert vectors.dtype == np.float32
        assert np.abs(np.linalg.norm(vectors, axis=1) - 1).max() < 1e-6
    assert audio.shape == (7, 16)
    assert list(similarity.columns) == QUERIES
    assert np.array_equal(similarity.to_numpy(), audio @ text.T)
    assert similarity.to_numpy().std(axis=0).min() > 0.01  # or the other tests would show nothing


def test_probability_is_the_softmax_of_scale_times_similarity(clap: ParaClap, files: list[Path]) -> None:
    similarity = clap.classify(files, QUERIES, values="similarity").to_numpy()

    probability = clap.classify(files, QUERIES)

    scale = float(clap.model.logit_scale.detach().exp())
    assert clap.logit_scale == scale == pytest.approx(1 / 0.07)
    expected = torch.softmax(torch.tensor(scale * similarity.astype(np.float64)), dim=1).numpy()
    assert np.abs(probability.to_numpy() - expected).max() < 1e-6
    assert np.abs(probability.sum(axis=1) - 1).max() < 1e-6


def test_a_batch_of_many_is_one_by_one(clap: ParaClap, files: list[Path]) -> None:
    together = clap.embed_audio(files)

    assert np.abs(together - [embed_alone(clap, read_audio(path)) for path in files]).max() < 1e-5
    assert np.abs(together - np.concatenate([clap.embed_audio(path) for path in files])).max() < 1e-5
    assert np.array_equal(together, clap.embed_audio(files))


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_the_batch_size_changes_nothing_and_is_kept_to(
    clap: ParaClap, tiny_model: Path, files: list[Path], batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ParaClap.from_pretrained(tiny_model, batch_size=batch_size)
    sizes: list[int] = []
    features: Callable[..., torch.Tensor] = other.model.get_audio_features

    def count(input_features: torch.Tensor, audio_attention_mask: torch.Tensor) -> torch.Tensor:
        sizes.append(len(input_features))
        return features(input_features, audio_attention_mask)

    monkeypatch.setattr(other.model, "get_audio_features", count)

    assert np.abs(other.embed_audio(files) - clap.embed_audio(files)).max() < 1e-5
    assert max(sizes) <= batch_size
    assert sum(sizes) == len(files)


def test_long_clips_share_no_batch_that_is_too_large(clap: ParaClap, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[torch.Size] = []
    features: Callable[..., torch.Tensor] = clap.model.get_audio_features

    def count(input_features: torch.Tensor, audio_attention_mask: torch.Tensor) -> torch.Tensor:
        shapes.append(input_features.shape)
        return features(input_features, audio_attention_mask)

    monkeypatch.setattr(clap.model, "get_audio_features", count)
    clap.embed_audio([make_voice(30.0, SAMPLING_RATE)] * 7, SAMPLING_RATE)

    assert sum(len_ for len_, *_ in shapes) == 7
    assert max(shape[0] * shape[1] for shape in shapes) <= 16_000  # frames, 160 s


def test_the_order_of_files_changes_nothing_but_the_order(clap: ParaClap, files: list[Path]) -> None:
    order = np.random.default_rng(0).permutation(len(files))

    shuffled = clap.classify([files[n] for n in order], QUERIES)

    expected = clap.classify(files, QUERIES).iloc[order]
    assert shuffled.index.equals(expected.index)
    assert np.abs(shuffled.to_numpy() - expected.to_numpy()).max() < 1e-5


def test_the_level_of_a_recording_changes_little(clap: ParaClap) -> None:
    voice = make_voice(1.0, SAMPLING_RATE)

    embeds = clap.embed_audio([voice, 0.1 * voice, 4 * voice], SAMPLING_RATE)

    assert np.abs(embeds - embeds[0]).max() < 1e-4


def test_texts_are_embedded_one_like_many(clap: ParaClap) -> None:
    texts = [f"speaker number {n} " * (n % 3 + 1) for n in range(70)]

    together = clap.embed_text(texts)

    assert together.shape == (70, 16)
    assert np.abs(together - np.concatenate([clap.embed_text([text]) for text in texts])).max() < 1e-5


def test_a_task_is_one_column_a_class_with_the_mean_of_its_prompts(clap: ParaClap, files: list[Path]) -> None:
    label_set = load_label_set("gender")
    means = [clap.embed_text(prompts).astype(np.float64).mean(axis=0) for prompts in label_set.prompts.values()]
    classes = np.stack([mean / np.linalg.norm(mean) for mean in means])

    by_name = clap.classify(files, task="gender", values="similarity")

    assert list(by_name.columns) == ["female", "male"]
    assert np.abs(by_name.to_numpy() - clap.embed_audio(files) @ classes.T).max() < 1e-6
    assert by_name.equals(clap.classify(files, task=label_set, values="similarity"))


def test_probabilities_of_nothing_are_nothing() -> None:
    assert compute_probabilities(np.zeros((0, 0), np.float32), 10.0).shape == (0, 0)
    assert compute_probabilities(np.zeros((0, 3), np.float32), 10.0).shape == (0, 3)


@pytest.mark.parametrize(("dtype", "tolerance"), [("bfloat16", 0.1), ("float16", 0.02)])
def test_half_precision_gives_nearly_the_same_vectors(
    clap: ParaClap, tiny_model: Path, files: list[Path], dtype: str, tolerance: float
) -> None:
    half = ParaClap.from_pretrained(tiny_model, dtype=dtype)

    embeds = half.embed_audio(files)

    assert {p.dtype for p in half.model.parameters()} == {getattr(torch, dtype)}
    assert embeds.dtype == half.embed_text(QUERIES).dtype == np.float32
    assert 0 < np.abs(embeds - clap.embed_audio(files)).max() < tolerance


def test_a_model_knows_its_name_fingerprint_and_training_corpora(tiny_model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    first = ParaClap.from_pretrained(tiny_model)
    first.model.save_pretrained(folder)
    first.processor.save_pretrained(folder)
    write_json(folder / "training.json", {"corpora": [{"name": "emodb"}, {"name": "nemo"}]})

    again = ParaClap.from_pretrained(str(folder))

    assert (first.name, first.training_corpora) == (str(tiny_model), None)
    assert (again.name, again.training_corpora) == (str(folder), ("emodb", "nemo"))
    assert first.fingerprint == again.fingerprint
    assert len(first.fingerprint) == 64
    with torch.no_grad():
        again.model.logit_scale += 0.1
    del again.fingerprint
    assert first.fingerprint != again.fingerprint


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "cuda:99"}, r"^device 'cuda:99' cannot be used \(.+\); found cpu"),
        ({"device": "abacus"}, "^device 'abacus' cannot be used; found cpu"),
        ({"dtype": "int8"}, r"^no dtype 'int8'; expected one of float32, bfloat16, float16$"),
    ],
)
def test_a_device_or_dtype_that_is_not_there_is_refused(
    tiny_model: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        ParaClap.from_pretrained(tiny_model, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("part", ["audio", "text"])
def test_what_overflows_in_half_precision_is_refused_with_one_sentence(
    run: Run, tiny_model: Path, tmp_path: Path, part: str
) -> None:
    loud = ParaClap.from_pretrained(tiny_model)
    with torch.no_grad():
        weight = getattr(loud.model, f"{part}_projection").linear1.weight
        weight *= 6e4 / weight.abs().max()  # just below what float16 holds
    loud.model.save_pretrained(tmp_path / "loud")
    loud.processor.save_pretrained(tmp_path / "loud")
    (file,) = write_voices(tmp_path / "voices", [0.5])
    ask = ("classify", file, "-q", QUERIES[0], "-q", QUERIES[1], "--model", tmp_path / "loud", "--dtype")

    half, brain = run(*ask, "float16"), run(*ask, "bfloat16")

    what = {"audio": "clips", "text": "texts"}[part]
    assert (half.status, half.stdout) == (1, "")
    assert half.stderr == (
        f"paraclap: {tmp_path / 'loud'} makes vectors of {what} that are NaN, infinite or zero; "
        "where they overflow, use dtype='bfloat16' or 'float32'\n"
    )
    assert (brain.status, brain.stderr) == (0, "")


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_size_below_one_is_refused(tiny_model: Path, batch_size: int) -> None:
    with pytest.raises(ConfigError, match=rf"^batch_size is {batch_size}; expected 1 or more$"):
        ParaClap.from_pretrained(tiny_model, batch_size=batch_size)


@pytest.mark.parametrize("file", ["tokenizer.json", "processor_config.json"])
def test_a_folder_without_a_processor_is_refused(tiny_model: Path, tmp_path: Path, file: str) -> None:
    for path in tiny_model.iterdir():
        if path.name != file:
            (tmp_path / path.name).write_bytes(path.read_bytes())

    with pytest.raises(
        ModelError, match=r"has no processor that can be loaded \(.+\); expected processor_config\.json"
    ):
        ParaClap.from_pretrained(tmp_path)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"is no model folder; expected config\.json and model\.safetensors"):
        ParaClap.from_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"^no model 'no/such-model': there is no such folder, and the hub did not"):
        ParaClap.from_pretrained("no/such-model")
