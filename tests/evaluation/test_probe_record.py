import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file
from tests.evaluation.examples import make_clips
from tests.evaluation.toys import ToyEmbedder

from paraclap.errors import ModelError
from paraclap.evaluation import Probe, ProbeSettings, fit_probe

DAMAGED = r"probe\.safetensors is damaged or of another probe; expected the one that probe\.json tells of"


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Probe:
    corpus = make_clips(tmp_path_factory.mktemp("corpora"))
    return fit_probe(*corpus, embedder=ToyEmbedder(), settings=ProbeSettings("mood"))


@pytest.fixture
def folder(probe: Probe, tmp_path: Path) -> Path:
    """Return the folder of a probe."""
    probe.save(tmp_path / "probe")
    return tmp_path / "probe"


def change(folder: Path, **values: Any) -> None:
    content = json.loads((folder / "probe.json").read_text())
    (folder / "probe.json").write_text(json.dumps(content | values))


def test_an_earlier_probe_is_replaced(probe: Probe, folder: Path) -> None:
    change(folder, format_version=9)

    probe.save(folder)

    assert Probe.load(folder).record == probe.record


@pytest.mark.parametrize("content", ["notes.txt", "probe.txt"])
def test_a_folder_with_anything_else_is_not_written_to(probe: Probe, folder: Path, content: str) -> None:
    (folder / content).write_text("mine")
    before = sorted(path.name for path in folder.iterdir())

    with pytest.raises(ModelError, match=r"probe is not empty, it holds .*; choose an empty or a new folder"):
        probe.save(folder)

    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_file_is_no_place_for_a_probe(probe: Probe, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")

    with pytest.raises(ModelError, match=r"file is a file; expected the name of a folder to write"):
        probe.save(tmp_path / "file")


def test_no_probe_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^no probe .*nowhere; expected a folder that 'paraclap probe fit' wrote"):
        Probe.load(tmp_path / "nowhere")
    with pytest.raises(ModelError, match=r"^no probe "):
        Probe.load(tmp_path)


def test_another_version_is_refused(folder: Path) -> None:
    change(folder, format_version=2, unheard="of")

    with pytest.raises(ModelError, match=r"probe has probe format 2; this paraclap reads 1: fit it again"):
        Probe.load(folder)


@pytest.mark.parametrize(
    ("values", "place"),
    [({"classes": 3}, "classes"), ({"unheard": 1}, "unheard"), ({"kind": "forest"}, "kind")],
)
def test_a_damaged_record_is_refused(folder: Path, values: dict[str, Any], place: str) -> None:
    change(folder, **values)

    with pytest.raises(
        ModelError, match=rf"probe\.json is damaged \({place}: .*\); expected what 'paraclap probe fit'"
    ):
        Probe.load(folder)


def test_a_record_that_is_no_json_is_refused(folder: Path) -> None:
    (folder / "probe.json").write_text("{")
    with pytest.raises(ModelError, match=r"probe\.json is not JSON"):
        Probe.load(folder)
    (folder / "probe.json").write_text("[]")
    with pytest.raises(ModelError, match=r"probe\.json is damaged \(content: "):
        Probe.load(folder)


def test_cut_weights_are_refused(folder: Path) -> None:
    content = (folder / "probe.safetensors").read_bytes()
    (folder / "probe.safetensors").write_bytes(content[:-8])

    with pytest.raises(ModelError, match=DAMAGED):
        Probe.load(folder)


def test_a_single_other_bit_is_refused(folder: Path) -> None:
    content = bytearray((folder / "probe.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "probe.safetensors").write_bytes(bytes(content))

    with pytest.raises(ModelError, match=DAMAGED):
        Probe.load(folder)


def test_weights_of_other_names_or_shapes_are_refused(folder: Path) -> None:
    save_file({"weights": np.zeros((3, 10))}, folder / "probe.safetensors")
    with pytest.raises(ModelError, match=DAMAGED):
        Probe.load(folder)


def test_a_record_of_other_classes_than_the_weights_is_refused(folder: Path) -> None:
    change(folder, classes=["angry", "calm"])

    with pytest.raises(ModelError, match=DAMAGED):
        Probe.load(folder)


def test_missing_weights_are_refused(folder: Path) -> None:
    (folder / "probe.safetensors").unlink()

    with pytest.raises(ModelError, match=r"probe\.safetensors cannot be read \(No such file.*\); expected the weights"):
        Probe.load(folder)
