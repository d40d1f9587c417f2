"""A model of paraclap inside mteb: on the same clips and texts both must find the same, to the last digit."""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tests.audio.clips import make_voice
from tests.evaluation.toys import hash_vector
from tests.inference.voices import embed_alone

from paraclap import ParaClap
from paraclap.audio import convert_audio, read_audio
from paraclap.corpora import list_corpora
from paraclap.errors import AudioError, ConfigError
from paraclap.evaluation import evaluate, load_task
from paraclap.inference import as_mteb_model

TASK = load_task("ravdess-emotion")
WORDS = dict(TASK.published[0].prompts)  # "happiness" is asked as "happy"
RATES = (48_000, 44_100, 22_050, 16_000, 8_000)  # Hz
SETTINGS = {"task_metadata": None, "hf_split": "train", "hf_subset": "default", "prompt_type": None, "batch_size": 8}


@pytest.fixture(scope="module")
def mteb(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return mteb, whose cache lies elsewhere than in the home of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTEB_CACHE", str(tmp_path_factory.mktemp("mteb")))
        return pytest.importorskip("mteb", reason="not installed: mteb, of the extra mteb")


@pytest.fixture(scope="module")
def corpora_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a small RAVDESS: two voices of each emotion by two actors, at five sampling rates."""
    root = tmp_path_factory.mktemp("corpora")
    for number in range(32):
        actor, emotion, repetition = number // 16 + 1, number // 2 % 8 + 1, number % 2 + 1
        file = root / f"ravdess/Actor_{actor:02d}/03-01-{emotion:02d}-01-01-{repetition:02d}-{actor:02d}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        rate = RATES[number % 5]
        voice = make_voice(0.4 + 0.13 * (number % 7), rate, seed=number)[:: number % 3 + 1]  # higher and shorter
        soundfile.write(file, voice * (0.1 + 0.1 * emotion), rate)
    return root


@pytest.fixture(scope="module", params=["tiny", "mini"])
def model(request: pytest.FixtureRequest, tiny_model: Path) -> ParaClap:
    return ParaClap.from_pretrained(tiny_model if request.param == "tiny" else None)


def list_clips(corpora_root: Path) -> list[Path]:
    return sorted((corpora_root / "ravdess").rglob("*.wav"))


def make_task(mteb: Any, corpora_root: Path, *, texts: list[str] | None = None) -> Any:
    """Return mteb's own task with our clips as its data, so that nothing is downloaded; with its own texts if None."""
    import datasets

    clips = list_clips(corpora_root)
    audio = [{"path": clip.name, "bytes": clip.read_bytes()} for clip in clips]  # as the hub's files hold it
    labels = [int(clip.stem.split("-")[2]) - 1 for clip in clips]
    features = datasets.Features({"audio": {"path": datasets.Value("string"), "bytes": datasets.Value("binary")}})
    part = datasets.Dataset.from_dict({"audio": audio}, features=features).cast_column("audio", datasets.Audio())
    task = mteb.get_task("RavdessZeroshot")
    task.dataset = datasets.DatasetDict({"train": part.add_column("labels", labels)})
    task.data_loaded = True
    if texts is not None:
        task.get_candidate_labels = lambda: texts
    return task


def write_task(folder: Path, prompts: dict[str, str]) -> Path:
    """Write our task with other prompts, as a user would."""
    head = {"name": "ravdess-as-mteb", "corpus": "ravdess", "label": "emotion", "label_set": "emotion"}
    lines = ["[[task]]", *(f"{key} = {json.dumps(value)}" for key, value in head.items())]
    lines += [f"classes = {json.dumps(TASK.classes)}", "[[task.published]]", 'name = "mteb"', 'source = "mteb"']
    lines += [f"prompts = {{ {', '.join(f'{name} = {json.dumps(text)}' for name, text in prompts.items())} }}"]
    file = folder / "as-mteb.toml"
    file.write_text("\n".join(lines))
    return file


def load(batches: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Hand out batches as a loader of mteb does."""
    yield from batches


def test_mteb_that_is_not_installed_is_named(clap: ParaClap, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mteb.models", None)

    with pytest.raises(ConfigError, match=r"^mteb is not installed; install it with: pip install 'paraclap\[mteb\]'$"):
        as_mteb_model(clap)


def test_mteb_is_not_loaded_before_a_model_is_made_one_of_it(mteb: Any) -> None:
    code = "import sys; from paraclap.inference import as_mteb_model; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    assert "paraclap.inference.mteb_model" in loaded
    assert not {"mteb", "datasets", "polars"} & set(loaded)


@pytest.mark.filterwarnings("ignore:Precision is ill-defined")  # of classes that are never predicted
@pytest.mark.parametrize("wording", ["published", "mteb"])
def test_our_ravdess_task_and_that_of_mteb_agree_to_the_last_digit(
    mteb: Any, model: ParaClap, corpora_root: Path, tmp_path: Path, wording: str
) -> None:
    task = make_task(mteb, corpora_root, texts=list(WORDS.values()) if wording == "published" else None)
    texts = dict(zip(TASK.classes, task.get_candidate_labels(), strict=True))

    (ours,) = evaluate([str(write_task(tmp_path, texts))], model, corpora_root).results
    scores = mteb.evaluate(
        as_mteb_model(model), task, cache=None, show_progress_bar=False, prediction_folder=tmp_path
    ).task_results[0]

    (theirs,) = scores.scores["train"]
    found = {name: metric.value for name, metric in ours.by_prompts["published"].items()}
    assert ours.clips == 32
    assert theirs["accuracy"] == found["wa"]
    assert [theirs["recall"], theirs["f1"]] == pytest.approx([found["uar"], found["macro_f1"]], abs=1e-15)
    cosines = json.loads((tmp_path / "RavdessZeroshot_predictions.json").read_text())["default"]["train"]
    clips = [str(clip) for clip in list_clips(corpora_root)]
    expected = model.embed_audio(clips) @ model.embed_text(list(texts.values())).T
    assert np.abs(np.asarray(cosines) - expected).max() < 1e-5
    assert np.array_equal(np.argmax(cosines, axis=1), expected.argmax(axis=1))
    assert len(set(expected.argmax(axis=1))) > 1  # else agreement would say nothing


def test_mteb_asks_for_the_same_eight_emotions_in_our_order(mteb: Any) -> None:
    task = mteb.get_task("RavdessZeroshot")

    assert task.get_candidate_labels() == [f"this person is feeling {WORDS[name]}" for name in TASK.classes]
    assert (task.metadata.main_score, task.metadata.eval_splits) == ("accuracy", ["train"])
    statistics = task.metadata.descriptive_stats["train"]
    assert statistics["num_samples"] == 1440
    counts = [statistics["label_statistics"]["labels"][str(number)]["count"] for number in range(8)]
    assert counts == [96, *[192] * 7]


def test_audio_at_any_rate_and_of_any_length_has_the_vector_that_it_has_alone(mteb: Any, clap: ParaClap) -> None:
    voices = [(make_voice(0.3 + 0.4 * number, rate, seed=number), rate) for number, rate in enumerate(RATES)]
    batches = [
        {"audio": [{"array": array, "sampling_rate": rate} for array, rate in voices[:3]], "labels": [0, 1, 2]},
        {"audio": [{"array": array.tolist(), "sampling_rate": rate} for array, rate in voices[3:]], "labels": [0, 1]},
    ]

    embeds = as_mteb_model(clap).encode(load(batches), **SETTINGS)

    alone = [embed_alone(clap, convert_audio(array, sampling_rate=rate)) for array, rate in voices]
    assert embeds.shape == (5, 16)
    assert np.abs(embeds - np.stack(alone)).max() < 1e-5


def test_files_are_read_by_path_or_content_or_decoder(mteb: Any, clap: ParaClap, corpora_root: Path) -> None:
    class Decoder:  # of torchcodec, as datasets hands it out
        def __getitem__(self, key: str) -> Any:
            return dict(zip(("array", "sampling_rate"), soundfile.read(path), strict=True))[key]

    path = list_clips(corpora_root)[1]
    clips = [
        {"path": str(path), "bytes": None},
        {"path": "folder/of/the/hub.wav", "bytes": path.read_bytes()},
        {"path": None, "bytes": path.read_bytes()},
        Decoder(),
    ]

    embeds = as_mteb_model(clap).encode(load([{"audio": clips}]), **SETTINGS)

    assert np.abs(embeds - embed_alone(clap, read_audio(path))).max() < 1e-5


def test_texts_are_embedded_as_they_are(mteb: Any, clap: ParaClap) -> None:
    texts = ["an angry man", "a calm woman", "a speaker is happy"]

    embeds = as_mteb_model(clap).encode(load([{"text": texts[:2]}, {"text": texts[2:]}]), **SETTINGS)

    assert np.abs(embeds - clap.embed_text(texts)).max() < 1e-6


def test_audio_with_its_text_is_the_sum_of_both(mteb: Any, clap: ParaClap) -> None:
    voice = make_voice(0.5, 16_000)
    batch = {"audio": [{"array": voice, "sampling_rate": 16_000}], "text": ["an angry man"]}

    embeds = as_mteb_model(clap).encode(load([batch]), **SETTINGS)

    assert np.allclose(embeds, clap.embed_audio(voice, 16_000) + clap.embed_text(["an angry man"]), atol=1e-6)


def test_similarities_are_cosines(mteb: Any, clap: ParaClap) -> None:
    left, right = (np.stack([hash_vector(f"{side} {n}") for n in range(3)]) for side in ("left", "right"))
    bridge = as_mteb_model(clap)

    assert np.allclose(bridge.similarity(2 * left, right), left @ right.T, atol=1e-6)
    assert np.allclose(bridge.similarity_pairwise(left, 3 * right), (left * right).sum(axis=1), atol=1e-6)


def test_mteb_takes_the_model_for_an_encoder_and_is_told_what_it_is(mteb: Any, tiny_model: Path) -> None:
    clap = ParaClap.from_pretrained(tiny_model)

    bridge = as_mteb_model(clap, licence="cc-by-4.0")

    assert isinstance(bridge, mteb.models.EncoderProtocol)
    meta = bridge.mteb_model_meta
    assert (meta.name, meta.revision, meta.embed_dim) == (f"paraclap/{tiny_model.name}", clap.fingerprint, 16)
    assert (meta.license, meta.framework, meta.modalities) == (
        "cc-by-4.0",
        ["PyTorch", "Transformers"],
        ["audio", "text"],
    )
    assert meta.similarity_fn_name == "cosine"
    assert meta.training_datasets is None  # unknown


def test_mini_brings_its_licence_and_the_tasks_that_it_is_not_zero_shot_on(mteb: Any) -> None:
    meta = as_mteb_model(ParaClap.from_pretrained()).mteb_model_meta

    assert (meta.name, meta.license) == ("paraclap/paraclap-mini", "cc-by-nc-sa-4.0")
    assert meta.training_datasets == {
        *("CREMA_D", "CREMA_DClustering", "CREMADPairClassification"),
        "CAMEOEmotionClassification",
    }
    assert meta.is_zero_shot_on(mteb.get_tasks(tasks=["RavdessZeroshot"])) is True
    assert meta.is_zero_shot_on(mteb.get_tasks(tasks=["CREMA_D"])) is False


@pytest.mark.parametrize(
    ("name", "shown"),
    [("someone/clap", "someone/clap"), ("unnamed", "paraclap/unnamed"), ("runs/of/may", "paraclap/may")],
)
def test_a_hub_id_is_kept_as_a_name_and_of_a_path_the_last_part(
    mteb: Any, clap: ParaClap, name: str, shown: str
) -> None:
    named = ParaClap(clap.model, clap.processor, name=name, training_corpora=["emodb"])

    meta = as_mteb_model(named).mteb_model_meta

    assert (meta.name, meta.training_datasets, meta.license) == (shown, set(), None)


@pytest.mark.filterwarnings("ignore:The task .* is currently in beta")
def test_every_corpus_and_task_of_the_table_exists(mteb: Any) -> None:
    table = tomllib.loads((files("paraclap.inference") / "mteb_tasks.toml").read_text(encoding="utf-8"))

    assert set(table) <= {corpus.name for corpus in list_corpora()}
    silent = [task for tasks in table.values() for task in tasks if "audio" not in mteb.get_task(task).modalities]
    assert silent == []


def test_what_no_model_here_can_embed_is_refused(mteb: Any, clap: ParaClap) -> None:
    bridge = as_mteb_model(clap)

    with pytest.raises(ConfigError, match=r"^mteb hands out image, labels; expected a task of audio or text$"):
        bridge.encode(load([{"labels": [0], "image": [None]}]), **SETTINGS)
    with pytest.raises(ConfigError, match=r"^mteb asks for the precision 'int8'; expected 'float32' or none$"):
        bridge.encode(load([]), precision="int8", **SETTINGS)


def test_a_file_that_is_no_audio_is_named_without_the_place_where_it_was_unpacked(mteb: Any, clap: ParaClap) -> None:
    bridge = as_mteb_model(clap)

    with pytest.raises(AudioError, match=r"^b\.wav: cannot be read as audio"):
        bridge.encode(load([{"audio": [{"path": "a/b.wav", "bytes": b"no audio"}]}]), **SETTINGS)


def test_a_licence_that_mteb_does_not_know_is_refused_with_the_nearest(mteb: Any, clap: ParaClap) -> None:
    with pytest.raises(ConfigError, match=r"^mteb knows no licence 'CC-BY-40'; did you mean 'cc-by-4\.0'\? known: not"):
        as_mteb_model(clap, licence="CC-BY-40")
    licence = "https://example.org/licence"
    assert as_mteb_model(clap, licence=licence).mteb_model_meta.license == licence
