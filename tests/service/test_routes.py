from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient
from tests.inference.loudness import QUERIES, write_turns
from tests.service.asking import ask_app, make_settings, post, problem_of
from tests.service.toys import LetterReader

from paraclap.inference import OWN_SPEECH, TimelineSettings
from paraclap.version import __version__

UNHEARD = TimelineSettings(window=1.0, hop=0.5, speech=None)


def test_a_clip_is_classified_as_by_the_library(service: TestClient, clip: Path) -> None:
    answer = post(service, "/v1/classify", clip, query=QUERIES).json()

    shares = LetterReader().classify(clip, QUERIES).iloc[0].to_dict()
    cosines = LetterReader().classify(clip, QUERIES, values="similarity").iloc[0].to_dict()
    assert answer == {
        "version": 1,
        "model": "unnamed",
        "answers": [
            {
                "file": "call.wav",
                "start": 0.0,
                "end": 0.6,
                "similarity": cosines,
                "probability": shares,
                "best": max(cosines, key=lambda query: cosines[query]),
            }
        ],
    }


def test_a_bare_body_is_answered_as_a_form(service: TestClient, clip: Path) -> None:
    of_form = post(service, "/v1/classify", clip, query=QUERIES)

    parameters = {"query": QUERIES, "name": "some/folder/call.wav"}
    of_body = service.post(
        "/v1/classify", content=clip.read_bytes(), params=parameters, headers={"content-type": "audio/wav"}
    )

    assert of_body.json() == of_form.json()


def test_only_the_values_that_are_wanted_are_answered(service: TestClient, clip: Path) -> None:
    (answer,) = post(service, "/v1/classify", clip, query=QUERIES, values="similarity").json()["answers"]

    assert answer.keys() == {"file", "start", "end", "similarity", "best"}


def test_a_single_query_has_no_probability(service: TestClient, clip: Path) -> None:
    (answer,) = post(service, "/v1/classify", clip, query="loud").json()["answers"]

    assert answer["probability"] == {}
    assert answer["similarity"].keys() == {"loud"}


def test_a_task_is_asked_by_its_name(service: TestClient, clip: Path) -> None:
    (answer,) = post(service, "/v1/classify", clip, task="gender").json()["answers"]

    assert answer["probability"] == LetterReader().classify(clip, task="gender").iloc[0].to_dict()


def test_audio_is_embedded_as_by_the_library(service: TestClient, clip: Path) -> None:
    answer = post(service, "/v1/embed/audio", clip).json()

    (found,) = answer["embeddings"]
    assert np.array_equal(np.float32(found["embedding"]), LetterReader().embed_audio(clip)[0])
    assert answer["fingerprint"] == LetterReader.fingerprint


def test_a_long_recording_is_embedded_in_windows_as_by_the_library(service: TestClient, tmp_path: Path) -> None:
    file = write_turns(tmp_path / "long.wav", [20.0, 14.5])

    (found,) = post(service, "/v1/embed/audio", file).json()["embeddings"]

    assert np.array_equal(np.float32(found["embedding"]), LetterReader().embed_audio(file)[0])
    assert found["end"] == 34.5


def test_texts_are_embedded_as_by_the_library(service: TestClient) -> None:
    answer = service.post("/v1/embed/text", json={"texts": ["loud", "a calm woman"]}).json()

    vectors = np.array([found["embedding"] for found in answer["embeddings"]], dtype=np.float32)
    assert np.array_equal(vectors, LetterReader().embed_text(["loud", "a calm woman"]))
    assert [found["text"] for found in answer["embeddings"]] == ["loud", "a calm woman"]


def test_a_timeline_is_that_of_the_library(service: TestClient, tmp_path: Path) -> None:
    file = write_turns(tmp_path / "turns.wav", [4.0, 3.0, 4.0])

    answer = post(
        service, "/v1/timeline", file, query=QUERIES, vad="false", window="1", hop="0.5", curves="true"
    ).json()

    expected = LetterReader().timeline(file, QUERIES, settings=UNHEARD)
    assert [part["class"] for part in answer["segments"]] == expected["class"].tolist() == ["loud", "quiet", "loud"]
    assert [part["probability"] for part in answer["segments"]] == expected["probability"].tolist()
    assert [part["start"] for part in answer["segments"]] == [
        start.total_seconds() for start in expected.index.get_level_values("start")
    ]
    assert (answer["file"], answer["duration"], answer["empty"]) == ("turns.wav", 11.0, None)
    assert answer["curves"]["columns"] == QUERIES
    assert len(answer["curves"]["edges"]) == len(answer["curves"]["probability"]) + 1 == 23


def test_a_timeline_may_be_relative_to_the_recording(service: TestClient, tmp_path: Path) -> None:
    file = write_turns(tmp_path / "turns.wav", [3.0, 3.0], peaks=[0.02, 0.01])

    answer = post(
        service, "/v1/timeline", file, query=QUERIES, vad="false", window="1", hop="0.5", relative="true"
    ).json()

    expected = LetterReader().timeline(file, QUERIES, settings=UNHEARD, reference=OWN_SPEECH)
    assert [part["class"] for part in answer["segments"]] == expected["class"].tolist() == ["loud", "quiet"]


def test_why_a_timeline_is_empty_is_said(service: TestClient, tmp_path: Path) -> None:
    file = write_turns(tmp_path / "silence.wav", [2.0], peaks=[0.0])

    answer = post(service, "/v1/timeline", file, query=QUERIES, vad="false").json()

    assert answer["segments"] == []
    assert answer["empty"] == "silence.wav: nothing is heard in 2.0 s; its timeline is empty"


def test_a_voice_is_described_as_by_the_library(service: TestClient, clip: Path) -> None:
    (profile,) = post(service, "/v1/describe", clip, task=["gender", "age"], measure="false").json()["profiles"]

    row = LetterReader().describe(clip, tasks=["gender", "age"], measure=False).iloc[0]
    assert profile["sentence"] == row["sentence"]
    assert profile["file"] == "call.wav"
    assert profile["answers"]["gender"]["probability"]["female"] == row["gender: female"]


def test_tasks_are_listed_with_their_classes(service: TestClient) -> None:
    tasks = {task["name"]: task for task in service.get("/v1/tasks").json()["tasks"]}

    assert tasks["gender"] == {"name": "gender", "kind": "label set", "classes": ["female", "male"]}
    assert tasks["ravdess-gender"]["kind"] == "task"


def test_the_service_tells_of_itself(service: TestClient) -> None:
    answer = service.get("/v1/info").json()

    assert answer["paraclap"] == __version__
    assert answer["model"]["name"] == "unnamed"
    assert answer["model"]["licence"] is None
    assert answer["limits"]["max_bytes"] == 50 * 2**20
    assert answer["index"] is None


def test_the_licence_of_the_model_in_the_package_is_told(clip: Path) -> None:
    model = LetterReader(name="paraclap-mini")
    with ask_app(make_settings(), model) as client:
        assert client.get("/v1/info").json()["model"]["licence"] == "CC BY-NC-SA 4.0"


def test_probes_and_metrics_answer(service: TestClient, clip: Path) -> None:
    post(service, "/v1/classify", clip, query=QUERIES)

    assert service.get("/healthz").json() == {"status": "ok"}
    assert service.get("/readyz").json() == {"status": "ready"}
    text = service.get("/metrics").text
    assert 'paraclap_requests_total{method="POST",route="/v1/classify",status="200"}' in text
    assert "paraclap_batch_clips_count" in text
    assert 'paraclap_texts_total{known="true"}' in text


def test_the_openapi_document_has_an_example_of_every_route(service: TestClient) -> None:
    paths = service.get("/openapi.json").json()["paths"]

    posts = {path: rule["post"] for path, rule in paths.items() if "post" in rule}
    assert posts.keys() == {"/v1/classify", "/v1/embed/audio", "/v1/embed/text", "/v1/timeline", "/v1/describe"}
    for path, operation in posts.items():
        assert operation["responses"]["200"]["content"]["application/json"]["example"]["version"] == 1, path
    assert "multipart/form-data" in posts["/v1/classify"]["requestBody"]["content"]
    names = [parameter["name"] for parameter in paths["/v1/search"]["get"]["parameters"]]
    assert names == ["q", "k", "where", "and", "not", "all_windows", "exact"]


@pytest.mark.parametrize(
    ("route", "fields", "status", "sentence"),
    [
        ("/v1/classify", {}, 422, "found neither 'query' nor 'task'; expected one of both, such as query=an angry man"),
        ("/v1/classify", {"query": "a", "task": "b"}, 422, "found both 'query' and 'task'; expected one of both"),
        ("/v1/classify", {"quarry": "a"}, 422, "no parameter 'quarry'; did you mean 'query'?"),
        ("/v1/classify", {"query": ["a", "a"]}, 422, "query 'a' stands twice; ask each one once"),
        ("/v1/classify", {"query": " "}, 422, "query 1 of 1 is empty; expected a sentence"),
        ("/v1/classify", {"query": "a" * 501}, 422, "a text has 501 characters"),
        ("/v1/classify", {"query": [str(n) for n in range(65)]}, 422, "found 65 texts; expected 1 to 64"),
        ("/v1/classify", {"query": "a", "values": "both"}, 422, "parameter 'values': input should be 'probability' or"),
        ("/v1/classify", {"task": "gendre"}, 422, "no label set or task 'gendre'; did you mean 'gender'?"),
        ("/v1/classify", {"task": "/etc/some.toml"}, 422, "no label set or task '/etc/some.toml'"),
        ("/v1/classify", {"query": ["a", "b"], "unknown": "true"}, 422, "unnamed has no threshold below which"),
        ("/v1/timeline", {"query": "a"}, 422, "found a single query; expected 2 or more"),
        ("/v1/timeline", {"query": ["a", "b"], "hop": "x"}, 422, "parameter 'hop': input should be a valid number"),
        ("/v1/timeline", {"query": ["a", "b"], "hop": ["1", "2"]}, 422, "parameter 'hop' stands twice"),
        ("/v1/timeline", {"query": ["a", "b"], "hop": "9"}, 422, "hop is 9.0 s; expected 0.01 s to the length of a"),
        ("/v1/timeline", {"query": ["a", "b"], "hop": "nan"}, 422, "parameter 'hop': input should be a finite number"),
        (
            "/v1/timeline",
            {"query": ["a", "b"], "vad": "false", "padding": "1"},
            422,
            "speech is not looked for (vad=false), so its padding has no say",
        ),
        ("/v1/describe", {"task": ["age", "age"]}, 422, "label sets to describe a voice by: age, age"),
    ],
)
def test_what_cannot_be_asked_is_one_sentence(
    service: TestClient, clip: Path, route: str, fields: dict[str, str], status: int, sentence: str
) -> None:
    found, detail = problem_of(post(service, route, clip, **fields))

    assert found == status
    assert detail.startswith(sentence)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "upload.wav: the file is empty"),
        (b"some text, and no audio at all", "upload.wav: cannot be read as audio"),
    ],
)
def test_what_is_no_audio_is_one_sentence(service: TestClient, content: bytes, sentence: str) -> None:
    status, detail = problem_of(post(service, "/v1/classify", content, query="a"))

    assert status == 422
    assert detail.startswith(sentence)


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "sentence"),
    [
        ("GET", "/nothing", {}, 404, "there is nothing at this address; /openapi.json lists what there is"),
        ("GET", "/v1/classify", {}, 405, "this address does not take that method; expected POST"),
        ("POST", "/v1/embed/text", {}, 422, "the body is empty; expected JSON"),
        ("POST", "/v1/embed/text", {"json": {"texts": []}}, 422, "found 0 texts; expected 1 to 64"),
        ("POST", "/v1/embed/text", {"json": {"texts": [1]}}, 422, "parameter 'texts.0': input should be a valid"),
        ("POST", "/v1/embed/text", {"json": {}}, 422, "parameter 'texts': field required"),
        (
            "POST",
            "/v1/embed/text",
            {"content": "{", "headers": {"content-type": "application/json"}},
            422,
            "the body is no JSON",
        ),
        ("POST", "/v1/classify", {"json": {}}, 415, "the body is application/json; expected multipart/form-data"),
        ("POST", "/v1/classify", {}, 422, "the body is empty; expected audio, or a form with a part 'file'"),
        ("POST", "/v1/classify", {"files": {"sound": b"x"}}, 422, "the form has no file; expected a part 'file'"),
        (
            "POST",
            "/v1/classify",
            {"files": [("file", b"x"), ("file", b"y")]},
            400,
            "the request cannot be parsed (Too many files. Maximum number of files is 1)",
        ),
        ("GET", "/v1/search", {"params": {"q": "a"}}, 404, "there is no index to search"),
        ("GET", "/v1/search/audio", {"params": {"id": "a"}}, 404, "there is no index to search"),
        ("GET", "/v1/search/audio", {}, 422, "parameter 'id': field required"),
        ("GET", "/v1/search", {"params": {"k": "0"}}, 422, "parameter 'k': input should be greater than or equal"),
    ],
)
def test_every_wrong_request_is_a_problem(
    service: TestClient, method: str, path: str, options: dict[str, object], status: int, sentence: str
) -> None:
    found, detail = problem_of(service.request(method, path, **options))  # type: ignore[arg-type]

    assert found == status
    assert detail.startswith(sentence)
