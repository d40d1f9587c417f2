"""How a client talks to a service: forms and JSON over the standard library's HTTP, errors as the library's own."""

import contextlib
import http.client
import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

from paraclap import errors
from paraclap.errors import AudioError, ConfigError, ParaClapError
from paraclap.inference.clips import Clip

Field = tuple[str, str]

_MAX_TRIES = 5  # of a service that is busy
_MAX_WAIT = 10.0  # s between two tries


class ServiceError(ParaClapError):
    """Say that a service does not answer, or that its answer is none of ours."""


@dataclass(frozen=True)
class Upload:
    """Hold what is sent as a file."""

    name: str
    content: bytes

    @classmethod
    def of(cls, clip: Clip) -> "Upload":
        """Return a file as it is, a stretch of one or an array as a WAV file of its samples.

        Raises:
            AudioError: if a file cannot be read.
        """
        if isinstance(clip.source, Path) and clip.start == 0 and clip.end is None and clip.source.is_file():
            try:
                return cls(clip.source.name, clip.source.read_bytes())
            except OSError as error:
                raise AudioError(f"{clip.name}: cannot be opened ({error.strerror})") from None
        import soundfile

        stream = io.BytesIO()
        samples = clip.measure().read() if isinstance(clip.source, Path) else clip.read()
        soundfile.write(stream, samples, clip.sampling_rate, format="WAV", subtype="FLOAT")
        return cls(f"{Path(clip.name).stem}.wav", stream.getvalue())


class Connection:
    """Send requests to one service, again after a while if it is busy.

    Args:
        address: such as "http://127.0.0.1:8000".
        api_key: if the service asks for one.
        timeout: s that an answer may take.

    Raises:
        ConfigError: if the address is none.
    """

    def __init__(self, address: str, *, api_key: str | None, timeout: float) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ConfigError(f"{address!r} is no address of a service; expected one such as 'http://127.0.0.1:8000'")
        self._address, self._timeout = address.rstrip("/"), timeout
        self._headers = {"Accept": "application/json"}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"

    def get(self, route: str, fields: Sequence[Field]) -> dict[str, Any]:
        """Return the answer to a question without a body."""
        query = f"?{urlencode(fields, quote_via=quote)}" if fields else ""
        return self._send(urllib.request.Request(f"{self._address}{route}{query}", headers=self._headers))

    def send_json(self, route: str, value: Any) -> dict[str, Any]:
        """Return the answer to a body of JSON."""
        return self._post(route, json.dumps(value).encode(), "application/json")

    def send_audio(self, route: str, upload: Upload, fields: Sequence[Field]) -> dict[str, Any]:
        """Return the answer to a form with a file."""
        boundary = uuid4().hex
        name = upload.name.encode(errors="backslashreplace").decode().replace('"', "%22").replace("\n", " ")
        parts = [f'name="{field}"\r\n\r\n{value}'.encode() for field, value in fields]
        head = f'name="file"; filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'
        parts.append(head.encode() + upload.content)
        opening = f"--{boundary}\r\nContent-Disposition: form-data; ".encode()
        body = (
            b"".join([piece for part in parts for piece in (opening, part, b"\r\n")]) + f"--{boundary}--\r\n".encode()
        )
        return self._post(route, body, f"multipart/form-data; boundary={boundary}")

    def _post(self, route: str, body: bytes, kind: str) -> dict[str, Any]:
        headers = {**self._headers, "Content-Type": kind}
        return self._send(urllib.request.Request(f"{self._address}{route}", body, headers, method="POST"))

    def _send(self, request: urllib.request.Request) -> dict[str, Any]:
        for number in range(1, _MAX_TRIES + 1):
            try:
                with urllib.request.urlopen(request, timeout=self._timeout) as response:
                    return self._parse(response.read())
            except urllib.error.HTTPError as error:
                with error:
                    if error.code == http.client.SERVICE_UNAVAILABLE and number < _MAX_TRIES:
                        time.sleep(_read_wait(error.headers.get("Retry-After")))
                        continue
                    raise _make_error(error) from None
            except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
                reason = getattr(error, "reason", None) or error
                raise ServiceError(
                    f"{self._address} does not answer ({reason}); is 'paraclap serve' running there?"
                ) from None
        raise AssertionError("unreachable: the last try returns or raises")

    def _parse(self, content: bytes) -> dict[str, Any]:
        with contextlib.suppress(ValueError):
            answer = json.loads(content)
            if isinstance(answer, dict) and answer.get("version") == 1:
                return answer
        raise ServiceError(
            f"{self._address} answers something else than this version of paraclap knows; is it a 'paraclap serve', "
            "and of the same version?"
        )


def _make_error(error: urllib.error.HTTPError) -> ParaClapError:
    """Return the library's error that a problem names."""
    problem: Any = None
    with contextlib.suppress(ValueError, OSError, http.client.HTTPException):
        problem = json.loads(error.read())
    if not isinstance(problem, dict) or not isinstance(problem.get("detail"), str):
        return ServiceError(f"the service answers with status {error.code} and no reason; is it a 'paraclap serve'?")
    kind = getattr(errors, str(problem.get("error")), ServiceError)
    is_ours = isinstance(kind, type) and issubclass(kind, ParaClapError)
    return (kind if is_ours else ServiceError)(problem["detail"])


def _read_wait(value: str | None) -> float:
    """Return the s that a busy service asks to wait."""
    return min(_MAX_WAIT, float(value)) if value is not None and value.isdigit() else 1.0
