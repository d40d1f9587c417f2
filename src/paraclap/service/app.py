"""The application: routes, page, guard and problems around an engine that lives as long as the service."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from paraclap.errors import ParaClapError
from paraclap.service.engine import Engine
from paraclap.service.guard import Guard
from paraclap.service.logs import log_event
from paraclap.service.metrics import Metrics
from paraclap.service.problems import PathHider, make_problem, read_request_id
from paraclap.service.routes import router
from paraclap.service.settings import ServiceSettings
from paraclap.version import __version__

if TYPE_CHECKING:
    from paraclap.inference import AudioTextModel

_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "media-src 'self' blob: data:; connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Permissions-Policy": "microphone=(self)",
    "Cache-Control": "no-cache",
}
_DESCRIPTION = (
    "Free-text questions about how somebody speaks. Answers are guesses of a research model about how a voice sounds, "
    "not facts about a person. Each answer is the one of the library and of the command line."
)


def create_app(settings: ServiceSettings, *, model: "AudioTextModel | None" = None) -> FastAPI:
    """Make the application, which loads its model when it starts.

    Args:
        settings: of the service.
        model: that answers; the one that the settings name if None.
    """
    metrics = Metrics()
    hider = PathHider(_list_own_paths(settings))

    @asynccontextmanager
    async def live(app: FastAPI) -> AsyncIterator[None]:
        engine = await asyncio.to_thread(_start, settings, model, metrics)
        hider.add(engine.list_paths())
        app.state.engine = engine
        log_event("ready", model=engine.model_name, index=settings.index is not None, decoders=settings.decoders)
        try:
            yield
        finally:
            app.state.engine = None
            await asyncio.to_thread(engine.close)
            log_event("stopped")

    app = FastAPI(
        title="paraclap", version=__version__, description=_DESCRIPTION, lifespan=live, docs_url=None, redoc_url=None
    )
    app.state.metrics = metrics

    async def explain(request: Request, error: Exception) -> Response:
        return make_problem(error, read_request_id(request), hider)

    for kind in (ParaClapError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, explain)
    app.include_router(router)
    _add_page(app, Path(str(files("paraclap.service") / "page")))
    if settings.allow_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.allow_origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key"],
            expose_headers=["Retry-After", "X-Request-ID"],
        )
    app.add_middleware(Guard, settings=settings, metrics=metrics, hider=hider)
    return app


def _start(settings: ServiceSettings, model: "AudioTextModel | None", metrics: Metrics) -> Engine:
    if model is None:
        from paraclap.inference import load_model

        model = load_model(settings.model, device=settings.device, dtype=settings.dtype)
    return Engine(model, settings, metrics)


def _add_page(app: FastAPI, folder: Path) -> None:
    """Serve the files of a folder by their names, and its index.html at the root."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not any(part.startswith(("_", ".")) for part in file.relative_to(folder).parts):
            name = file.relative_to(folder).as_posix()
            app.add_api_route(
                "/" if name == "index.html" else f"/{name}",
                _make_sender(file),
                methods=["GET", "HEAD"],
                include_in_schema=False,
                response_class=Response,
            )


def _make_sender(file: Path) -> Callable[[], Awaitable[FileResponse]]:
    async def send() -> FileResponse:
        return FileResponse(file, headers=_PAGE_HEADERS)

    return send


def _list_own_paths(settings: ServiceSettings) -> list[str | Path]:
    given = [place for place in (settings.model, settings.index) if place]
    return [
        *given,
        *(Path(place).absolute() for place in given),
        Path.cwd(),
        Path.home(),
        sys.prefix,
        Path(__file__).parents[2],
    ]
