from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from fastapi.testclient import TestClient

pytest.importorskip("lancedb", reason="the index needs LanceDB: pip install 'paraclap[index]'")

import audformat
from tests.index.toys import Ear, write_sound
from tests.service.asking import ask_app, make_settings, problem_of

from paraclap.index import Index


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index of four sounds in two folders, with labels."""
    folder = tmp_path_factory.mktemp("secret-place")
    files = [write_sound(folder / "ab"[number % 2] / f"{number}.wav", seed=number) for number in range(4)]
    table = pd.DataFrame(
        {"gender": ["female", "male", "female", None]}, index=audformat.filewise_index([str(file) for file in files])
    )
    Index.build(folder / "index", table, model=Ear())
    return folder / "index"


@pytest.fixture(scope="module")
def service(place: Path) -> Iterator[TestClient]:
    with ask_app(make_settings(index=str(place), players=True), Ear()) as client:
        yield client


def test_hits_are_those_of_the_library_without_the_folder(service: TestClient, place: Path) -> None:
    answer = service.get("/v1/search", params={"q": "a tired voice", "k": "3", "not": ["a child", "a shout"]}).json()

    expected = Index.open(place, model=Ear()).search("a tired voice", k=3, not_=["a child", "a shout"])
    files = [Path(file).relative_to(place.parent).as_posix() for file in expected.index.get_level_values("file")]
    assert [hit["file"] for hit in answer["hits"]] == files
    assert [hit["similarity"] for hit in answer["hits"]] == expected["similarity"].tolist()
    assert [hit["rank"] for hit in answer["hits"]] == [1, 2, 3]
    assert answer["hits"][0].keys() == {"rank", "id", "file", "start", "end", "similarity", "gender"}


def test_a_condition_narrows_the_search(service: TestClient) -> None:
    hits = service.get("/v1/search", params={"q": "a", "where": "gender = 'female'"}).json()["hits"]

    assert [hit["gender"] for hit in hits] == ["female", "female"]


def test_a_hit_can_be_listened_to_by_its_id(service: TestClient) -> None:
    hit = service.get("/v1/search", params={"q": "a"}).json()["hits"][0]

    sound = service.get("/v1/search/audio", params={"id": hit["id"]})

    assert sound.status_code == 200
    assert sound.headers["content-type"] == "audio/mpeg"
    assert sound.content[:1] == b"\xff" or sound.content[:3] == b"ID3"
    assert len(hit["id"]) == 22


@pytest.mark.parametrize("hit_id", ["0", "../../a/0.wav", "a/0.wav"])
def test_no_other_file_can_be_listened_to(service: TestClient, hit_id: str) -> None:
    status, detail = problem_of(service.get("/v1/search/audio", params={"id": hit_id}))

    assert (status, detail) == (404, "no hit has this id, or it is too old; search again")


def test_nobody_listens_unless_the_operator_allows_it(place: Path) -> None:
    with ask_app(make_settings(index=str(place)), Ear()) as client:
        hit = client.get("/v1/search", params={"q": "a"}).json()["hits"][0]
        status, detail = problem_of(client.get("/v1/search/audio", params={"id": hit["id"]}))
        assert client.get("/v1/info").json()["index"]["players"] is False

    assert (status, detail) == (404, "recordings cannot be listened to here; the operator may allow it with --players")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "nothing is asked; give a sentence such as q=a tired old man"),
        ({"q": " "}, "query 1 of 1 is empty"),
        ({"q": "a", "k": "101"}, "k is 101; expected at most 100, which this service allows"),
        ({"q": "a", "where": "gendre = 1"}, "the condition 'gendre = 1' is not understood"),
        ({"q": "a", "where": "file like '/srv/%'"}, "the condition has the word 'file'"),
        ({"q": "a", "where": "/* ' */ `FILE` > 'a' /* ' */"}, "the condition has the word 'file'"),
        ({"q": "a", "where": "_source = 'a'"}, "the condition has the word 'file'"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(service: TestClient, fields: dict[str, str], sentence: str) -> None:
    status, detail = problem_of(service.get("/v1/search", params=fields))

    assert status == 422
    assert detail.startswith(sentence)


def test_no_answer_names_a_place_of_the_server(service: TestClient, place: Path) -> None:
    requests: list[tuple[str, dict[str, str]]] = [
        ("/v1/info", {}),
        ("/v1/search", {"q": "a"}),
        ("/v1/search", {"q": "a", "where": "nothing = 1"}),
        ("/v1/search", {"q": "a", "where": "duration > 'x'"}),
        ("/v1/search", {"q": "a", "where": "duration >"}),
        ("/v1/search/audio", {"id": "x"}),
    ]
    for route, fields in requests:
        text = service.get(route, params=fields).text
        assert "secret-place" not in text, (route, fields)
        assert str(Path.cwd()) not in text


def test_the_service_tells_what_there_is_to_search(service: TestClient) -> None:
    index = service.get("/v1/info").json()["index"]

    assert (index["windows"], index["model"], index["players"]) == (4, "ear", True)
    assert index["columns"]["gender"] == "text"
    assert "file" not in index["columns"]
