"""How tests set up a service and ask it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import uvicorn
from fastapi.testclient import TestClient

from paraclap.inference import AudioTextModel
from paraclap.service import ServiceSettings, bind, create_app
from paraclap.service.running import name_address

KEY = "a-long-key-of-32-characters-here"


def make_settings(**given: Any) -> ServiceSettings:
    return ServiceSettings(**{"decoders": 1, **given})


@contextmanager
def ask_app(settings: ServiceSettings, model: AudioTextModel) -> Iterator[TestClient]:
    """Yield what asks an application in this process; what goes wrong in it is answered, not raised."""
    app = create_app(settings, model=model)
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


@contextmanager
def listen(settings: ServiceSettings, model: AudioTextModel) -> Iterator[str]:
    """Yield the address of a service that listens on loopback."""
    listener: socket.socket = bind(settings.model_copy(update={"port": 0}))
    server = uvicorn.Server(uvicorn.Config(create_app(settings, model=model), log_config=None, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started and thread.is_alive():
        time.sleep(0.01)
    try:
        yield name_address(listener)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def post(client: TestClient, route: str, file: Path | bytes, **fields: Any) -> httpx2.Response:
    """Send a form with a file."""
    name, content = (file.name, file.read_bytes()) if isinstance(file, Path) else ("upload.wav", file)
    return client.post(route, files={"file": (name, content)}, data=fields)


def problem_of(response: httpx2.Response) -> tuple[int, str]:
    """Return status and sentence of a problem, after checking its form."""
    body = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert body.keys() == {"type", "title", "status", "detail", "error", "request_id"}
    assert body["status"] == response.status_code
    assert body["request_id"] == response.headers["x-request-id"]
    assert "\n" not in body["detail"]
    return response.status_code, body["detail"]
