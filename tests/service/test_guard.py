import json
import logging
import socket
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.inference.loudness import QUERIES, write_turns
from tests.service.asking import KEY, ask_app, listen, make_settings, post, problem_of
from tests.service.toys import LetterReader

from paraclap.service.engine import Engine
from paraclap.service.logs import JsonFormatter


def test_without_a_key_nothing_is_answered_but_the_page_and_the_probes(clip: Path) -> None:
    with ask_app(make_settings(api_keys=(KEY, f"other-{KEY}")), LetterReader()) as client:
        for route in ("/v1/info", "/v1/tasks", "/metrics", "/v1/nothing"):
            status, detail = problem_of(client.get(route))
            assert status == 401
            assert detail.startswith("found no key; expected the header 'Authorization: Bearer KEY'")
        assert client.get("/v1/info").headers["www-authenticate"] == "Bearer"
        status, detail = problem_of(client.get("/v1/info", headers={"authorization": f"Bearer {KEY}x"}))
        assert detail.startswith("found a key that is not known")
        assert KEY not in detail
        assert client.get("/healthz").status_code == 200
        assert client.get("/v1/info", headers={"authorization": f"Bearer {KEY}"}).status_code == 200
        assert client.get("/v1/info", headers={"x-api-key": f"other-{KEY}"}).status_code == 200


def test_a_page_of_another_server_is_refused_unless_it_is_allowed(service: TestClient) -> None:
    status, detail = problem_of(service.get("/healthz", headers={"origin": "http://evil.example"}))

    assert (status, detail.split(";")[0]) == (403, "a page of another server asks")
    assert service.get("/healthz", headers={"origin": "http://127.0.0.1"}).status_code == 200
    assert "access-control-allow-origin" not in service.get("/healthz").headers
    with ask_app(make_settings(allow_origins=("https://good.example",)), LetterReader()) as client:
        found = client.get("/healthz", headers={"origin": "https://good.example"})
        assert found.headers["access-control-allow-origin"] == "https://good.example"
        assert client.get("/healthz", headers={"origin": "http://evil.example"}).status_code == 403


def test_a_name_that_points_here_from_elsewhere_is_refused_on_loopback(service: TestClient) -> None:
    status, detail = problem_of(service.get("/healthz", headers={"host": "evil.example:8000"}))

    assert status == 403
    assert (
        detail
        == "the host 'evil.example' is not known here; expected localhost, or start with --allow-host evil.example"
    )
    assert service.get("/healthz", headers={"host": "localhost:8000"}).status_code == 200
    with ask_app(make_settings(allow_hosts=("voices.example",)), LetterReader()) as client:
        assert client.get("/healthz", headers={"host": "voices.example"}).status_code == 200


def test_an_upload_that_is_too_large_is_413_before_and_after_it_is_here(clip: Path) -> None:
    with ask_app(make_settings(max_bytes=1000), LetterReader()) as client:
        for response in (
            post(client, "/v1/classify", b"x" * 1001, query="a"),
            client.post("/v1/classify", content=b"x" * 1001, headers={"content-type": "audio/wav"}),
            client.post("/v1/classify", content=b"x" * 3_000_000, headers={"content-type": "audio/wav"}),
            client.post("/v1/classify", content=iter([b"x" * 2_000_000] * 2), headers={"content-type": "audio/wav"}),
        ):
            status, detail = problem_of(response)
            assert status == 413
            assert detail.startswith("the upload is larger than 1,000 bytes, which this service takes; send a shorter")


def test_an_upload_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with ask_app(make_settings(max_duration=1.0), LetterReader()) as client:
        file = write_turns(tmp_path / "long.wav", [1.5])

        status, detail = problem_of(post(client, "/v1/timeline", file, query=QUERIES, vad="false"))

        assert status == 422
        assert detail == "long.wav: 1.5 s of audio; this service takes at most 1 s: send it in parts"


def test_a_slow_upload_is_ended_and_others_are_answered() -> None:
    with listen(make_settings(upload_timeout=0.5), LetterReader()) as address:
        port = int(address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=10) as slow:
            head = (
                "POST /v1/classify HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: audio/wav\r\nContent-Length: 99\r\n\r\n"
            )
            slow.sendall(head.encode() + b"RIFF")
            answer = b""
            while part := slow.recv(4096):
                answer += part

        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"the upload takes more than 0.5 s; send a smaller file, or over a faster line" in answer


def test_a_full_queue_is_503_with_the_seconds_to_wait(service: TestClient, clip: Path) -> None:
    engine: Engine = service.app.state.engine  # type: ignore[attr-defined]
    engine._in_flight += engine.settings.queue_size
    try:
        response = post(service, "/v1/classify", clip, query=QUERIES)
        status, detail = problem_of(response)
        assert problem_of(service.get("/readyz"))[0] == 503
    finally:
        engine._in_flight -= engine.settings.queue_size

    assert status == 503
    assert detail.startswith("the service is busy with 64 requests; try again in ")
    assert 1 <= int(response.headers["retry-after"]) <= 60
    assert post(service, "/v1/classify", clip, query=QUERIES).status_code == 200


def test_a_defect_is_500_and_says_nothing_but_where_the_log_has_it(
    service: TestClient, clip: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine: Engine = service.app.state.engine  # type: ignore[attr-defined]

    def fail(*_: object) -> None:
        raise RuntimeError("a secret in /srv/place")

    monkeypatch.setattr(engine, "classify", fail)
    with caplog.at_level(logging.ERROR, "paraclap.service"):
        status, detail = problem_of(post(service, "/v1/classify", clip, query="a"))

    assert status == 500
    assert detail.startswith("something went wrong here; the log of the service tells more under ")
    line = json.loads(JsonFormatter().format(caplog.records[-1]))
    assert (line["event"], line["error"], line["id"]) == ("defect", "RuntimeError", detail.split()[-1])
    assert "secret" not in json.dumps(line)


def test_each_request_is_one_line_of_json_without_what_was_asked(
    service: TestClient, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "paraclap.service"):
        post(service, "/v1/classify", clip, query=["a very private question", "b"])

    line = json.loads(JsonFormatter().format(caplog.records[-1]))
    assert line.keys() == {"time", "level", "event", "id", "method", "route", "status", "seconds", "bytes"}
    assert (line["event"], line["method"], line["route"], line["status"]) == ("request", "POST", "/v1/classify", 200)
    assert line["bytes"] > clip.stat().st_size


def test_nothing_of_an_upload_is_left(service: TestClient, clip: Path) -> None:
    folder = service.app.state.engine.folder.path  # type: ignore[attr-defined]

    for content in (clip.read_bytes(), b"no audio"):
        post(service, "/v1/classify", content, query=QUERIES)

    assert list(folder.iterdir()) == []
    assert folder.stat().st_mode & 0o77 == 0
