"""HTTP, command line, client and library say the same, to the last digit."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from fastapi.testclient import TestClient
from tests.audio.clips import AAC_MP4, make_voice, write_ffmpeg
from tests.cli.conftest import Run, run
from tests.service.asking import ask_app, make_settings, post

from paraclap import ParaClap

QUERIES = ["an angry man", "a calm woman", "a child"]

__all__ = ["run"]  # the fixture


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with recordings of several kinds, lengths and rates."""
    folder = tmp_path_factory.mktemp("recordings")
    soundfile.write(folder / "short.wav", make_voice(1.2, 16_000), 16_000)
    soundfile.write(folder / "other-rate.flac", make_voice(2.3, 44_100), 44_100)
    soundfile.write(folder / "opus.ogg", make_voice(1.7, 48_000), 48_000, subtype="OPUS")
    soundfile.write(folder / "stereo.mp3", np.stack([make_voice(1.4, 22_050)] * 2).T, 22_050)
    write_ffmpeg(folder / "phone.m4a", make_voice(1.5, 16_000), 16_000, AAC_MP4)
    soundfile.write(folder / "long.wav", make_voice(34.5, 16_000), 16_000)
    return folder


@pytest.fixture(scope="module")
def service(tiny_model: Path) -> Iterator[TestClient]:
    with ask_app(make_settings(), ParaClap.from_pretrained(tiny_model)) as client:
        yield client


@pytest.mark.parametrize("name", ["short.wav", "other-rate.flac", "opus.ogg", "stereo.mp3", "phone.m4a", "long.wav"])
def test_one_clip_is_answered_alike(
    service: TestClient, run: Run, folder: Path, tiny_model: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    options = [part for query in QUERIES for part in ("-q", query)]

    by_http = post(service, "/v1/classify", folder / name, query=QUERIES).json()["answers"]
    by_command = json.loads(run("classify", name, *options, "--model", tiny_model, "--json").stdout)
    by_library = ParaClap.from_pretrained(tiny_model).classify(name, QUERIES)

    assert by_http == by_command
    assert by_http[0]["probability"] == by_library.iloc[0].to_dict()
    vector = post(service, "/v1/embed/audio", folder / name).json()["embeddings"][0]["embedding"]
    assert np.array_equal(np.float32(vector), ParaClap.from_pretrained(tiny_model).embed_audio(name)[0])


@pytest.mark.parametrize(
    ("route", "key", "options", "fields"),
    [
        ("timeline", "segments", ["--task", "gender", "--no-vad"], {"task": "gender", "vad": "false"}),
        ("describe", "profiles", ["--no-measure", "--task", "age"], {"measure": "false", "task": "age"}),
        ("classify", "answers", ["--task", "ravdess-emotion"], {"task": "ravdess-emotion"}),
    ],
)
def test_other_commands_are_answered_alike(
    service: TestClient,
    run: Run,
    folder: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    route: str,
    key: str,
    options: list[str],
    fields: dict[str, Any],
) -> None:
    monkeypatch.chdir(folder)

    by_http = post(service, f"/v1/{route}", folder / "long.wav", **fields).json()[key]

    assert by_http == json.loads(run(route, "long.wav", *options, "--model", tiny_model, "--json").stdout)


def test_the_folder_of_a_model_is_no_part_of_its_name(service: TestClient, folder: Path, tiny_model: Path) -> None:
    answer = post(service, "/v1/classify", folder / "short.wav", query=QUERIES)

    assert answer.json()["model"] == "tiny"
    assert str(tiny_model.parent) not in answer.text + service.get("/v1/info").text
