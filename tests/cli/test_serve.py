import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="the service needs FastAPI: pip install 'paraclap[serve]'")

from tests.cli.conftest import Run
from tests.index.toys import Ear, OtherEar, write_archive

import paraclap.cli.serve as command
from paraclap.index import Index
from paraclap.service import ServiceSettings


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what a service would be started with; none is."""
    found: dict[str, Any] = {}

    def note(settings: ServiceSettings, listener: socket.socket, **_: object) -> None:
        found.update(settings.model_dump())
        listener.close()

    monkeypatch.setattr("paraclap.service.running.serve", note)
    monkeypatch.setattr("paraclap.inference.loading.load_model", lambda *_, **__: None)
    monkeypatch.delenv("PARACLAP_API_KEYS", raising=False)
    return found


def test_options_become_settings(run: Run, settings: dict[str, Any]) -> None:
    done = run("serve", "--port", "0", "--max-mb", "1.5", "--max-batch", "1", "--allow-origin", "https://a.example")

    assert (done.status, done.stderr) == (0, "")
    assert settings["host"] == "127.0.0.1"
    assert settings["max_bytes"] == 1_572_864
    assert (settings["max_batch"], settings["queue_size"]) == (1, 64)
    assert settings["allow_origins"] == ("https://a.example",)


def test_keys_come_from_a_file_or_the_environment(
    run: Run, settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keys").write_text("first-key-of-many-letters\n\nsecond-key-of-many-letters\n")
    monkeypatch.setenv("PARACLAP_API_KEYS", "from-the-environment-1, from-the-environment-2")

    assert run("serve", "--port", "0", "--host", "0.0.0.0", "--key-file", tmp_path / "keys").stderr == ""
    assert [key.get_secret_value() for key in settings["api_keys"]] == [
        "first-key-of-many-letters",
        "second-key-of-many-letters",
    ]
    run("serve", "--port", "0")
    assert len(settings["api_keys"]) == 2


def test_an_open_service_without_a_key_is_warned_of(run: Run, settings: dict[str, Any]) -> None:
    done = run("serve", "--port", "0", "--host", "0.0.0.0")

    assert done.status == 0
    assert done.stderr == (
        "paraclap: 0.0.0.0 is open to other machines, and no API key is asked for; give one with --key-file, or "
        "listen on 127.0.0.1\n"
    )


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        (None, "cannot be read (No such file or directory); expected one key a line"),
        ("\n", "holds no key; expected one a line, of 16 characters or more"),
        ("short", "an API key is shorter than 16 characters or not ASCII; expected a long random one"),
    ],
)
def test_keys_that_are_none_are_refused(
    run: Run, settings: dict[str, Any], tmp_path: Path, keys: str | None, sentence: str
) -> None:
    if keys is not None:
        (tmp_path / "keys").write_text(keys)

    done = run("serve", "--key-file", tmp_path / "keys")

    assert done.status == 1
    assert sentence in done.stderr
    assert settings == {}


def test_a_port_that_is_taken_is_refused_before_the_model_is_loaded(run: Run, settings: dict[str, Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = run("serve", "--port", str(port))

    assert done.status == 1
    assert done.stderr == (
        f"paraclap: cannot listen at 127.0.0.1 port {port} (Address already in use); free it, or choose another "
        "--host or --port\n"
    )


def test_a_setting_out_of_its_range_is_refused(run: Run, settings: dict[str, Any]) -> None:
    done = run("serve", "--port", "70000")

    assert (done.status, done.stderr) == (
        1,
        "paraclap: setting port: Input should be less than or equal to 65535\n",
    )


def test_what_is_not_installed_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None)

    done = run("serve")

    assert (done.status, done.stderr) == (
        1,
        "paraclap: fastapi is not installed; install it with: pip install 'paraclap[serve]'\n",
    )


def test_an_index_of_another_model_is_refused_before_the_service_starts(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("lancedb", reason="the index needs LanceDB: pip install 'paraclap[index]'")
    Index.build(tmp_path / "index", write_archive(tmp_path / "sounds", 2), model=Ear())
    monkeypatch.setattr("paraclap.inference.loading.load_model", lambda *_, **__: OtherEar("other"))

    done = run("serve", "--port", "0", "--index", tmp_path / "index")

    assert (done.status, done.stdout) == (1, "")
    assert len(done.stderr.splitlines()) == 1
    assert (
        "holds vectors of ear (eeeeeeeeeeee), which those of other (oooooooooooo) cannot be compared with"
        in done.stderr
    )


@pytest.mark.skipif(os.name == "nt", reason="signals are those of POSIX")
def test_a_service_answers_and_finishes_when_it_is_told_to_stop(tiny_model: Path) -> None:
    arguments = ["serve", "--model", str(tiny_model), "--port", "0", "--decoders", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "paraclap", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with urllib.request.urlopen(f"{address}/readyz", timeout=30) as response:
            assert json.load(response) == {"status": "ready"}
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()

    assert time.monotonic() - began < 20
    events = [json.loads(line)["event"] for line in errors.splitlines()]
    assert events == ["ready", "stopped"]
    assert process.returncode in (0, -signal.SIGTERM)
