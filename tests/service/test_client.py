from collections.abc import Iterator
from pathlib import Path

import audformat
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from tests.inference.loudness import QUERIES, make_turns, write_turns
from tests.service.asking import KEY, listen, make_settings
from tests.service.toys import LetterReader

import paraclap
from paraclap.errors import AudioError, ConfigError, QueryError
from paraclap.inference import TimelineSettings
from paraclap.service import Client
from paraclap.service.connection import ServiceError


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with listen(make_settings(api_keys=(KEY,)), LetterReader()) as address:
        yield address


@pytest.fixture(scope="module")
def client(address: str) -> Client:
    return Client(address, api_key=KEY)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    for number in range(3):
        write_turns(folder / f"{number}.wav", [0.3 + number, 0.4])
    return folder


def test_it_is_public() -> None:
    assert paraclap.Client is Client


def test_files_are_classified_as_by_the_library(client: Client, folder: Path) -> None:
    # Alone to the last digit; several clips are multiplied with the texts at once, which rounds otherwise.
    assert_frame_equal(client.classify(folder, QUERIES), LetterReader().classify(folder, QUERIES), rtol=0, atol=1e-6)
    assert client.classify(folder / "0.wav", ["loud"], values="similarity").equals(
        LetterReader().classify(folder / "0.wav", ["loud"], values="similarity")
    )
    alone = folder / "1.wav"
    assert client.classify(alone, task="gender").equals(LetterReader().classify(alone, task="gender"))


def test_arrays_and_stretches_are_classified_as_by_the_library(client: Client, folder: Path) -> None:
    waveforms = [make_turns([0.2, 0.3]), np.stack([make_turns([0.5])] * 2)]
    index = audformat.segmented_index([str(folder / "2.wav")] * 2, ["0s", "1s"], ["0.8s", "2.5s"])

    by_client = client.classify(waveforms, QUERIES, sampling_rate=22_050)
    by_library = LetterReader().classify(waveforms, QUERIES, sampling_rate=22_050)
    assert_frame_equal(by_client, by_library, rtol=0, atol=1e-6)
    assert by_client.index.equals(pd.RangeIndex(2, name="clip"))
    assert_frame_equal(client.classify(index, QUERIES), LetterReader().classify(index, QUERIES), rtol=0, atol=1e-6)


def test_audio_and_texts_are_embedded_as_by_the_library(client: Client, folder: Path) -> None:
    assert np.array_equal(client.embed_audio(folder), LetterReader().embed_audio(folder))
    assert np.array_equal(client.embed_text(QUERIES), LetterReader().embed_text(QUERIES))


def test_voices_are_described_as_by_the_library(client: Client, folder: Path) -> None:
    tasks = ["gender", "age"]

    for file in sorted(folder.iterdir()):
        described = client.describe(file, tasks=tasks, measure=False)
        assert described.equals(LetterReader().describe(file, tasks=tasks, measure=False))


def test_timelines_are_those_of_the_library(client: Client, folder: Path) -> None:
    settings = TimelineSettings(window=0.5, hop=0.25, speech=None)
    arrays = [make_turns([1.0, 1.0]), make_turns([2.0])]

    assert client.timeline(folder, QUERIES, settings=settings).equals(
        LetterReader().timeline(folder, QUERIES, settings=settings)
    )
    assert client.timeline(arrays, QUERIES, settings=settings, sampling_rate=16_000).equals(
        LetterReader().timeline(arrays, QUERIES, settings=settings, sampling_rate=16_000)
    )


def test_the_service_tells_of_itself(client: Client) -> None:
    assert client.info()["model"]["name"] == "unnamed"
    assert client.tasks()["gender"] == ["female", "male"]


def test_errors_are_those_of_the_library(client: Client, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("no audio")

    with pytest.raises(AudioError, match=r"^note\.txt: cannot be read as audio"):
        client.classify(tmp_path / "note.txt", QUERIES)
    with pytest.raises(AudioError, match="no such file"):
        client.classify(tmp_path / "missing.wav", QUERIES)
    with pytest.raises(QueryError, match=r"^no label set or task 'gendre'; did you mean 'gender'\?"):
        client.classify(folder, task="gendre")
    with pytest.raises(QueryError, match=r"^found queries and a task; expected one of both"):
        client.classify(folder, QUERIES, task="gender")
    with pytest.raises(QueryError, match=r"^one query alone has no probability"):
        client.classify(folder, ["loud"])
    with pytest.raises(QueryError, match=r"^values is 'both'; expected 'probability' or 'similarity'$"):
        client.classify(folder, QUERIES, values="both")  # type: ignore[arg-type]
    with pytest.raises(ServiceError, match=r"^there is no index to search"):
        client.search("a")


def test_a_missing_key_and_a_service_that_is_not_there_are_named(address: str) -> None:
    with pytest.raises(ServiceError, match=r"^found no key; expected the header"):
        Client(address).info()
    with pytest.raises(
        ServiceError, match=r"^http://127\.0\.0\.1:9 does not answer \(.+\); is 'paraclap serve' running"
    ):
        Client("http://127.0.0.1:9").info()
    with pytest.raises(ConfigError, match=r"^'localhost' is no address of a service; expected one such as 'http://127"):
        Client("localhost")
