"""Problem details (RFC 9457): every error as JSON with one sentence, the right status, and no path of the server."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from paraclap.errors import ParaClapError, StoreError

RETRY_AFTER = "Retry-After"
_SHORTEST_PATH = 4  # characters; shorter ones, such as "/", stand in any text
_TITLES = {413: "Content Too Large", 422: "Unprocessable Content"}  # as RFC 9110 has them


class RequestError(ParaClapError):
    """Say that a request cannot be answered as it is, with the status that says why."""

    def __init__(self, status: int, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = dict(headers or {})


class PathHider:
    """Take paths of the server out of sentences that go to a client, and leave the last name of each."""

    def __init__(self, paths: Iterable[str | Path]) -> None:
        self._paths: list[str] = []
        self.add(paths)

    def add(self, paths: Iterable[str | Path]) -> None:
        """Hide more paths."""
        texts = {*self._paths, *(str(path).rstrip("/\\") for path in paths)}
        self._paths = sorted((text for text in texts if _is_path(text)), key=len, reverse=True)

    def hide(self, text: str) -> str:
        """Return the text without them."""
        for path in self._paths:
            text = text.replace(path, Path(path).name)
        return text


def make_problem(error: Exception, request_id: str, hider: PathHider) -> JSONResponse:
    """Return the answer for an error.

    What is of the library is the client's to mend (422); a store that cannot be read now may be later (503); anything
    else is a defect, of which the client learns only under which id the log has it.
    """
    headers: dict[str, str] = {}
    match error:
        case RequestError():
            status, detail, headers = error.status, str(error), error.headers
        case StoreError():
            status, detail, headers = 503, str(error), {RETRY_AFTER: "5"}
        case ParaClapError():
            status, detail = 422, str(error)
        case RequestValidationError():
            status, detail = 422, explain_validation(error.errors())
        case HTTPException():
            status, detail, headers = error.status_code, _explain_status(error), dict(error.headers or {})
        case _:
            status, detail = 500, f"something went wrong here; the log of the service tells more under {request_id}"
    is_known = isinstance(error, ParaClapError) and not isinstance(error, RequestError)
    body = {
        "type": "about:blank",
        "title": _TITLES.get(status) or HTTPStatus(status).phrase,
        "status": status,
        "detail": hider.hide(" ".join(detail.split())),
        "error": type(error).__name__ if is_known else "RequestError",
        "request_id": request_id,
    }
    return JSONResponse(body, status, headers=headers, media_type="application/problem+json")


def explain_validation(errors: Iterable[Any]) -> str:
    """Return the first of pydantic's errors about a request as one sentence."""
    first = next(iter(errors))
    place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path"))
    problem = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "missing" and not place:
        return "the body is empty; expected JSON, as /openapi.json shows it"
    if first["type"] == "json_invalid":
        return "the body is no JSON; expected what /openapi.json shows"
    found = "" if first["type"] == "missing" else f", found {_shorten(first.get('input'))}"
    return f"parameter {place!r}: {problem[:1].lower()}{problem[1:]}{found}" if place else f"{problem}{found}"


def read_request_id(request: Request) -> str:
    """Return what the log calls a request."""
    return str(getattr(request.state, "request_id", ""))


def _explain_status(error: HTTPException) -> str:
    match error.status_code:
        case 404:
            return "there is nothing at this address; /openapi.json lists what there is"
        case 405:
            allowed = (error.headers or {}).get("Allow", "another one")
            return f"this address does not take that method; expected {allowed}"
        case 400:
            return f"the request cannot be parsed ({str(error.detail).rstrip('.')}); expected what /openapi.json shows"
        case _:
            return str(error.detail)


def _is_path(text: str) -> bool:
    """Tell if a text can only be meant as a place: a bare name also stands in sentences."""
    return len(text) >= _SHORTEST_PATH and ("/" in text or "\\" in text)


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
