"""What every request passes before and after its route: host, key, size and time of its body, log, metrics, headers."""

import asyncio
import hashlib
import hmac
import logging
import time
from urllib.parse import urlsplit
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paraclap.service.logs import log_event
from paraclap.service.metrics import Metrics
from paraclap.service.problems import PathHider, RequestError, make_problem
from paraclap.service.settings import ServiceSettings

_METHODS = ("GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE")
_PROBES = ("/healthz", "/readyz", "/metrics")
_KEPT_FOR_KEYS = ("/v1/", "/metrics")
_GONE = 499  # as proxies log it: the client left before its answer
_FORM_OVERHEAD = 2**20  # bytes that a form may hold beside its file
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class Guard:
    """Wrap an application.

    Args:
        app: that answers.
        settings: what is allowed.
        metrics: where answers are counted.
        hider: of paths in problems.
    """

    def __init__(self, app: ASGIApp, *, settings: ServiceSettings, metrics: Metrics, hider: PathHider) -> None:
        self._app, self._settings, self._metrics, self._hider = app, settings, metrics, hider
        self._keys = [_hash(key.get_secret_value()) for key in settings.api_keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, request_id = time.monotonic(), 0, uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        body = _LimitedBody(receive, self._settings)

        async def send_noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._check(scope, Headers(scope=scope))
            body.check_length(Headers(scope=scope))
            await self._app(scope, body.receive, send_noting)
        except ClientDisconnect:
            status = _GONE
        except Exception as error:
            if not isinstance(error, RequestError):
                log_event("defect", level=logging.ERROR, error=error, id=request_id)
            if status == 0:
                await make_problem(error, request_id, self._hider)(scope, receive, send_noting)
        finally:
            self._note(scope, status, time.monotonic() - began, request_id, body.num_bytes)

    def _check(self, scope: Scope, headers: Headers) -> None:
        """Refuse requests by pages from elsewhere, and those without a key.

        Raises:
            RequestError: if it is one of these.
        """
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        known = self._settings.known_hosts
        if known is not None and host not in known:
            raise RequestError(
                403, f"the host {host!r} is not known here; expected localhost, or start with --allow-host {host}"
            )
        origin = headers.get("origin")
        is_foreign = origin is not None and urlsplit(origin).netloc != headers.get("host")
        if is_foreign and origin not in self._settings.allow_origins and scope["method"] != "OPTIONS":
            raise RequestError(403, "a page of another server asks; expected one that --allow-origin names")
        if self._keys and scope["path"].startswith(_KEPT_FOR_KEYS) and scope["method"] != "OPTIONS":
            self._check_key(headers)

    def _check_key(self, headers: Headers) -> None:
        given = headers.get("x-api-key") or headers.get("authorization", "").removeprefix("Bearer ")
        # Every key is compared, in a time that tells nothing of them.
        if sum(hmac.compare_digest(_hash(given), key) for key in self._keys) == 0:
            found = "a key that is not known" if given else "no key"
            raise RequestError(
                401,
                f"found {found}; expected the header 'Authorization: Bearer KEY' or 'X-API-Key: KEY'",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def _note(self, scope: Scope, status: int, seconds: float, request_id: str, num_bytes: int) -> None:
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"  # a client may invent many
        self._metrics.count_request(route=route, method=method, status=status, seconds=seconds)
        if route not in _PROBES:  # which are asked all the time
            log_event(
                "request",
                id=request_id,
                method=method,
                route=route,
                status=status,
                seconds=round(seconds, 4),
                bytes=num_bytes,
            )


class _LimitedBody:
    """Receive a body that may be neither too large nor too slow."""

    def __init__(self, receive: Receive, settings: ServiceSettings) -> None:
        self._receive, self._max = receive, settings.max_bytes
        self._timeout = settings.upload_timeout
        self._deadline = time.monotonic() + settings.upload_timeout
        self._is_whole = False
        self.num_bytes = 0

    def check_length(self, headers: Headers) -> None:
        """Refuse a body that says it is too large.

        Raises:
            RequestError: if it does.
        """
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._max + _FORM_OVERHEAD:
            raise self._refuse()

    async def receive(self) -> Message:
        """Return the next part of the body.

        Raises:
            RequestError: if the body is too large or too slow.
        """
        if self._is_whole:  # what follows says only that the client has gone
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._deadline - time.monotonic()))
        except TimeoutError:
            raise RequestError(
                408, f"the upload takes more than {self._timeout:g} s; send a smaller file, or over a faster line"
            ) from None
        self.num_bytes += len(message.get("body", b""))
        if self.num_bytes > self._max + _FORM_OVERHEAD:
            raise self._refuse()
        self._is_whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    def _refuse(self) -> RequestError:
        return refuse_size(self._max)


def refuse_size(max_bytes: int) -> RequestError:
    """Make the error for an upload that is too large."""
    return RequestError(
        413,
        f"the upload is larger than {max_bytes:,} bytes, which this service takes; send a shorter or compressed file",
    )


def _hash(key: str) -> bytes:
    """Return a digest, so that keys of any length are compared alike."""
    return hashlib.sha256(key.encode()).digest()
