"""The routes of the API: read a request, ask the engine, answer JSON."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from paraclap.service.answers import VERSION, answer_tasks
from paraclap.service.bodies import receive_audio
from paraclap.service.descriptions import PROBLEM_RESPONSES, describe_answer, describe_operation
from paraclap.service.engine import Engine
from paraclap.service.metrics import CONTENT_TYPE
from paraclap.service.options import (
    ClassifyOptions,
    DescribeOptions,
    EmbedOptions,
    HitOptions,
    Options,
    SearchOptions,
    Texts,
    TimelineOptions,
)
from paraclap.service.problems import RequestError
from paraclap.service.uploads import StoredFile
from paraclap.version import __version__

router = APIRouter(responses=PROBLEM_RESPONSES)
_O = TypeVar("_O", bound=Options)


@router.post(
    "/v1/classify",
    tags=["audio"],
    summary="Answer a question about a voice",
    openapi_extra=describe_operation("classify", ClassifyOptions, has_audio=True),
)
async def classify(request: Request) -> JSONResponse:
    """Give each query or class a probability (softmax over them) and a similarity (cosine)."""
    async with _receive(request, ClassifyOptions) as (engine, stored, options):
        return _answer(engine, await engine.classify(stored, options))


@router.post(
    "/v1/embed/audio",
    tags=["audio"],
    summary="Embed audio",
    openapi_extra=describe_operation("embed_audio", EmbedOptions, has_audio=True),
)
async def embed_audio(request: Request) -> JSONResponse:
    """Return the unit vector of a recording."""
    async with _receive(request, EmbedOptions) as (engine, stored, _):
        encoded = await engine.encode(stored)
        found = [
            {"file": clip.name, "start": clip.start, "end": clip.end, "embedding": vector.tolist()}
            for clip, vector in zip(encoded.clips, encoded.embeddings, strict=True)
        ]
        return _answer(engine, {"fingerprint": engine.model.fingerprint, "embeddings": found})


@router.post("/v1/embed/text", tags=["text"], summary="Embed sentences", openapi_extra=describe_answer("embed_text"))
async def embed_text(texts: Texts, request: Request) -> JSONResponse:
    """Return the unit vector of each sentence."""
    engine = _get_engine(request)
    with engine.admit():
        vectors = await engine.embed_text(texts.texts)
    found = [{"text": text, "embedding": vector.tolist()} for text, vector in zip(texts.texts, vectors, strict=True)]
    return _answer(engine, {"fingerprint": engine.model.fingerprint, "embeddings": found})


@router.post(
    "/v1/timeline",
    tags=["audio"],
    summary="Find what is heard when",
    openapi_extra=describe_operation("timeline", TimelineOptions, has_audio=True),
)
async def timeline(request: Request) -> JSONResponse:
    """Return stretches of speech of one class each, of a recording of any length that is allowed."""
    async with _receive(request, TimelineOptions) as (engine, stored, options):
        return _answer(engine, await engine.make_timeline(stored, options))


@router.post(
    "/v1/describe",
    tags=["audio"],
    summary="Describe a voice",
    openapi_extra=describe_operation("describe", DescribeOptions, has_audio=True),
)
async def describe(request: Request) -> JSONResponse:
    """Return a sentence, the probabilities behind it, and what is measured."""
    async with _receive(request, DescribeOptions) as (engine, stored, options):
        return _answer(engine, await engine.describe(stored, options))


@router.get(
    "/v1/search",
    tags=["index"],
    summary="Find recordings that sound like a sentence",
    openapi_extra=describe_operation("search", SearchOptions, has_audio=False),
)
async def search(request: Request) -> JSONResponse:
    """Return the hits of an index, the best first; their similarity ranks, but is no probability."""
    engine = _get_engine(request)
    options = SearchOptions.of(request.query_params.multi_items())
    with engine.admit():
        return _answer(engine, await engine.search(options))


@router.get("/v1/search/audio", tags=["index"], summary="Listen to a hit", response_class=Response)
async def search_audio(request: Request) -> Response:
    """Return the stretch of a hit as MP3, by the id that a search answered."""
    engine = _get_engine(request)
    options = HitOptions.of(request.query_params.multi_items())
    with engine.admit():
        return Response(await engine.play(options), media_type="audio/mpeg")


@router.get("/v1/tasks", tags=["service"], summary="What can be asked by name")
async def tasks() -> JSONResponse:
    """Return label sets and tasks with their classes."""
    return JSONResponse({"version": VERSION, "tasks": answer_tasks()})


@router.get("/v1/info", tags=["service"], summary="Who answers, and within which limits")
def info(request: Request) -> JSONResponse:
    """Return the model, its licence, the limits of requests, and if there is an index."""
    engine = _get_engine(request)
    return JSONResponse({"version": VERSION, "paraclap": __version__, **engine.describe_self()})


@router.get("/healthz", tags=["service"], summary="Whether the process answers")
async def health() -> JSONResponse:
    """Answer as long as the process does."""
    return JSONResponse({"status": "ok"})


@router.get("/readyz", tags=["service"], summary="Whether requests are answered")
async def readiness(request: Request) -> JSONResponse:
    """Answer 200 if the model is loaded and there is room for a request, else 503."""
    with _get_engine(request).admit():
        return JSONResponse({"status": "ready"})


@router.get("/metrics", tags=["service"], summary="Numbers for Prometheus", response_class=Response)
def metrics(request: Request) -> Response:
    """Return counters and histograms as text."""
    return Response(request.app.state.metrics.render(), media_type=CONTENT_TYPE)


@asynccontextmanager
async def _receive(request: Request, kind: type[_O]) -> AsyncIterator[tuple[Engine, StoredFile, _O]]:
    """Yield engine, file and options of a request that is let in."""
    engine = _get_engine(request)
    async with receive_audio(request, engine.folder, engine.settings) as (stored, fields):
        options = kind.of(fields)
        with engine.admit():
            yield engine, stored, options


def _get_engine(request: Request) -> Engine:
    engine: Engine | None = getattr(request.app.state, "engine", None)
    if engine is None:
        raise RequestError(503, "the service is starting or stopping; try again in 5 s", headers={"Retry-After": "5"})
    return engine


def _answer(engine: Engine, found: dict[str, Any]) -> JSONResponse:
    return JSONResponse({"version": VERSION, "model": engine.model_name, **found})
