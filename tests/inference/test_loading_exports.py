"""Folders that `paraclap export` wrote, loaded like any other model; that they agree with torch stands elsewhere."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.audio.clips import make_voice
from tests.cli.conftest import Run, run
from tests.evaluation.corpora import make_ravdess
from tests.inference.test_onnx_runtime import write_settings
from tests.inference.voices import write_voices

from paraclap import ParaClap
from paraclap.errors import ConfigError, ModelError
from paraclap.evaluation import read_result
from paraclap.inference import OnnxClap, load_model
from paraclap.models.onnx_export import export_onnx
from paraclap.models.onnx_settings import ModelOrigin
from paraclap.storage import read_table

__all__ = ["run"]  # the fixture of the command line

_MISSING = [name for name in ("onnx", "onnxruntime", "onnxscript") if importlib.util.find_spec(name) is None]
needs_extra = pytest.mark.skipif(bool(_MISSING), reason=f"not installed: {', '.join(_MISSING)} of the extra onnx")

QUERIES = ["an angry man", "a calm woman"]
ASK = ("-q", QUERIES[0], "-q", QUERIES[1])
VOICES = [make_voice(seconds, 16_000) for seconds in (0.4, 1.1)]


@pytest.fixture(scope="module")
def export(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the tiny model, exported."""
    clap, folder = ParaClap.from_pretrained(tiny_model), tmp_path_factory.mktemp("onnx") / "graphs"
    export_onnx(clap.model, clap.processor, folder, origin=ModelOrigin("tiny", ("emodb",)))
    return folder


@needs_extra
def test_an_exported_folder_is_loaded_as_what_it_is(export: Path, tiny_model: Path) -> None:
    model = load_model(export, device="cpu", dtype="float32", batch_size=3)

    assert isinstance(model, OnnxClap)
    assert (model.name, model.training_corpora, model.batch_size) == ("tiny", ("emodb",), 3)
    assert np.abs(model.embed_audio(VOICES, 16_000) - load_model(tiny_model).embed_audio(VOICES, 16_000)).max() < 1e-5
    assert load_model(str(export)).batch_size == 16


@needs_extra
def test_the_command_line_classifies_with_it(run: Run, export: Path, tiny_model: Path, tmp_path: Path) -> None:
    write_voices(tmp_path / "voices", [0.4, 31.0])

    runs = [run("classify", tmp_path / "voices", *ASK, "--model", model, "--json") for model in (export, tiny_model)]

    assert [(done.status, done.stderr) for done in runs] == [(0, "")] * 2
    found, expected = ([list(answer["similarity"].values()) for answer in json.loads(of.stdout)] for of in runs)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@needs_extra
def test_the_command_line_embeds_and_evaluates_with_it(
    run: Run, export: Path, tiny_model: Path, tmp_path: Path
) -> None:
    files = write_voices(tmp_path / "voices", [0.4, 0.9])
    make_ravdess(tmp_path / "corpora", actors=1)
    evaluate = ("evaluate", "--task", "ravdess-gender", "--corpora", tmp_path / "corpora")

    assert run("embed", *files, "--out", tmp_path / "e.parquet", "--model", export).status == 0
    assert run(*evaluate, "--out", tmp_path / "onnx", "--model", export).status == 0
    assert run(*evaluate, "--out", tmp_path / "torch", "--model", tiny_model).status == 0

    clap = ParaClap.from_pretrained(tiny_model)
    table, metadata = read_table(tmp_path / "e.parquet", kind="embeddings")
    assert np.abs(table.to_numpy() - clap.embed_audio(files)).max() < 1e-5
    assert metadata == {"model": "tiny", "fingerprint": clap.fingerprint}
    results = [read_result(tmp_path / name / "ravdess-gender.json") for name in ("onnx", "torch")]
    assert results[0].by_prompts == results[1].by_prompts
    assert (results[0].model, results[0].clips) == ("tiny", 16)


@needs_extra
def test_it_is_loaded_without_torch(export: Path) -> None:
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['torch', 'transformers', 'onnx', 'onnxscript']))\n"  # None: an import fails
        "from paraclap.cli import main\n"
        f"sys.argv = ['paraclap', 'classify', 'examples', '-q', 'a man', '-q', 'a woman', '--model', {str(export)!r}]\n"
        "main()\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")
    assert "probability of each query" in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"device": "cuda"}, r" is an exported model; expected the device 'cpu', found 'cuda'$"),
        ({"dtype": "bfloat16"}, r" is an exported model; expected the dtype 'float32', found 'bfloat16'$"),
    ],
)
def test_an_exported_model_runs_on_the_cpu_in_single_precision(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        load_model(write_settings(tmp_path), **options)  # type: ignore[arg-type]


def test_a_batch_size_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^batch_size is 0; expected 1 or more$"):
        load_model(write_settings(tmp_path), batch_size=0)


def test_without_onnxruntime_the_command_names_the_extra(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    write_settings(tmp_path)

    for command in (("classify", tmp_path, *ASK), ("embed", tmp_path, "--out", tmp_path / "e.parquet")):
        done = run(*command, "--model", tmp_path)

        assert (done.status, done.stdout) == (1, "")
        assert done.stderr == (
            "paraclap: onnxruntime is not installed; install it with: pip install 'paraclap[onnx]'\n"
        )


def test_a_damaged_export_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "onnx.json").write_text("{")

    with pytest.raises(ModelError, match=r"onnx\.json is damaged; export the model again with 'paraclap export'$"):
        load_model(tmp_path)
