"""What a service does with a request: decode elsewhere, encode in shared batches, answer as the library does."""

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

from paraclap.audio import MIN_DURATION
from paraclap.errors import AudioError, QueryError, list_known
from paraclap.evaluation import find_label_set, load_tasks
from paraclap.inference import (
    OWN_SPEECH,
    AudioTextModel,
    EncodedClips,
    Questions,
    TimelineScanner,
    answer_clips,
    choose_label_sets,
    describe_clips,
    will_measure,
)
from paraclap.inference.clips import plan_windows
from paraclap.queries import LabelSet, list_label_sets
from paraclap.service.answers import answer_timeline, keep_values
from paraclap.service.archive import Archive
from paraclap.service.batching import MicroBatcher
from paraclap.service.decoding import DecoderPool
from paraclap.service.metrics import Metrics
from paraclap.service.model_card import find_licence, find_shown_name
from paraclap.service.options import AskingOptions, ClassifyOptions, DescribeOptions, HitOptions, TimelineOptions
from paraclap.service.problems import RETRY_AFTER, RequestError
from paraclap.service.served_model import ServedModel
from paraclap.service.settings import ServiceSettings
from paraclap.service.uploads import ClipDecoder, StoredFile, UploadedClip, UploadFolder

_MAX_HIT_BYTES = 2**24  # an hour of MP3 is 18 MB; hits last seconds
_LONGEST_WAIT = 60  # s that a client is told to wait
_T = TypeVar("_T")


class Engine:
    """Answer requests with a model, and an index if there is one.

    Raises:
        StoreError: if the index cannot be opened with the model.
        ParaClapError: if decoders cannot start.
    """

    def __init__(self, model: AudioTextModel, settings: ServiceSettings, metrics: Metrics) -> None:
        self.settings, self._metrics = settings, metrics
        self.model = ServedModel(model, on_texts=lambda known: metrics.texts.labels(str(known).lower()).inc())
        self.archive = None if settings.index is None else Archive(settings.index, self.model)
        self.folder = UploadFolder()
        self.decoders = DecoderPool(
            self.folder.path,
            number=settings.decoders,
            timeout=settings.decoding_timeout,
            memory=settings.decoding_memory,
            on_failure=lambda reason: metrics.decoders_replaced.labels(reason).inc(),
        )
        self.model_name = find_shown_name(model.name)
        self._in_flight, self._num_long = 0, 0
        self._mean_seconds = 0.1
        self._batcher = MicroBatcher(
            self.model.encode_clips,
            max_batch=settings.max_batch,
            max_delay=settings.max_delay,
            count_expected=lambda: self._in_flight - self._num_long,
            on_batch=metrics.batches.observe,
        )
        self._openers = ThreadPoolExecutor(settings.decoders, thread_name_prefix="open")
        self._thinkers = ThreadPoolExecutor(1, thread_name_prefix="think")  # texts, sentences, searches
        self._listeners = ThreadPoolExecutor(1, thread_name_prefix="listen")  # long recordings
        self.decoders.wait_until_ready()

    def close(self) -> None:
        """Finish what has begun, and leave nothing behind."""
        for executor in (self._openers, self._listeners, self._thinkers):
            executor.shutdown()
        self._batcher.close()
        self.decoders.close()
        self.model.close()
        self.folder.close()

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Let a request in, if there is room.

        Raises:
            RequestError: if there is none.
        """
        if self._in_flight >= self.settings.queue_size:
            raise self._refuse(self._in_flight * self._mean_seconds)
        self._in_flight += 1
        self._metrics.in_flight.set(self._in_flight)
        began = time.monotonic()
        try:
            yield
        finally:
            self._in_flight -= 1
            self._metrics.in_flight.set(self._in_flight)
            seconds = (time.monotonic() - began) / (self._in_flight + 1)
            self._mean_seconds += 0.05 * (seconds - self._mean_seconds)

    async def classify(self, stored: StoredFile, options: ClassifyOptions) -> dict[str, Any]:
        """Answer a question about a clip, as `paraclap classify --json` does."""
        label_set = self._check_asked(options)
        if options.unknown:
            self._check_threshold(options)
        questions, encoded = await asyncio.gather(
            self._think(lambda: self.model.embed_queries(options.query or None, task=label_set)), self.encode(stored)
        )
        answers = answer_clips(self.model, encoded, *questions, unknown=options.unknown)
        return {"answers": [keep_values(answer, options.values) for answer in answers]}

    async def encode(self, stored: StoredFile) -> EncodedClips:
        """Return the vector of a clip.

        Raises:
            AudioError: if it cannot be read.
        """
        clip = await self._open(stored)
        if len(plan_windows(clip, max_duration=self.model.limits.max_duration)) > 1:
            encoded = await self._listen(lambda: self.model.encode_clips([clip]))
        else:
            encoded = await asyncio.wrap_future(self._batcher.submit(clip))
        if encoded.bad_files:
            raise AudioError(encoded.bad_files[0].reason)
        return encoded

    async def embed_text(self, texts: Sequence[str]) -> Any:
        """Return the vectors of sentences, `[N, D]`."""
        self._check_texts(texts)
        return await self._think(lambda: self.model.embed_text(texts))

    async def make_timeline(self, stored: StoredFile, options: TimelineOptions) -> dict[str, Any]:
        """Tell what is heard when, as `paraclap timeline --json` does."""
        label_set = self._check_asked(options, at_least=2)
        settings = options.make_settings()
        clip = await self._open(stored)

        def scan() -> dict[str, Any]:
            questions = Questions.ask(self.model, options.query or None, task=label_set)
            reference = OWN_SPEECH if options.relative else None
            scanner = TimelineScanner(self.model, questions, settings=settings, reference=reference)
            return answer_timeline(scanner.scan(clip), curves=options.curves)

        return await self._listen(scan)

    async def describe(self, stored: StoredFile, options: DescribeOptions) -> dict[str, Any]:
        """Describe a voice, as `paraclap describe --json` does."""
        asked = [_find_label_set(name) for name in options.task] or None
        is_measured = will_measure(options.measure)
        choose_label_sets(asked, is_measured=is_measured)
        encoded = await self.encode(stored)
        profiles = await self._think(lambda: describe_clips(self.model, encoded, tasks=asked, measure=is_measured))
        return {"profiles": [profile.as_record() for profile in profiles]}

    async def search(self, options: Any) -> dict[str, Any]:
        """Search the index, as `paraclap search --json` does."""
        archive = self._get_archive()
        self._check_texts([*([] if options.q is None else [options.q]), *options.and_, *options.not_], at_least=0)
        if options.k > self.settings.max_hits:
            raise QueryError(f"k is {options.k}; expected at most {self.settings.max_hits}, which this service allows")
        return {"hits": await self._think(lambda: archive.search(options))}

    async def play(self, options: HitOptions) -> bytes:
        """Return the stretch of a hit as MP3."""
        archive = self._get_archive()
        if not self.settings.players:
            raise RequestError(404, "recordings cannot be listened to here; the operator may allow it with --players")
        file, start, end = archive.find(options.id)
        request = {"job": "mp3", "file": file, "start": start, "end": end}
        loop = asyncio.get_running_loop()
        _, content = await loop.run_in_executor(
            self._openers, lambda: self.decoders.ask(request, max_bytes=_MAX_HIT_BYTES)
        )
        return content

    def describe_self(self) -> dict[str, Any]:
        """Return what a client may know of the service."""
        settings, model = self.settings, self.model
        index = None
        if self.archive is not None:
            index = {**self.archive.describe(), "players": settings.players}
        return {
            "model": {
                "name": self.model_name,
                "fingerprint": model.fingerprint,
                "facts": model.facts,
                "licence": find_licence(model.name),
                "takes_references": model.takes_references,
                "answers_unknown": model.calibration is not None and model.calibration.unknown is not None,
            },
            "limits": {
                "max_bytes": settings.max_bytes,
                "max_duration": settings.max_duration,
                "min_duration": MIN_DURATION,
                "max_queries": settings.max_queries,
                "max_query_length": settings.max_query_length,
                "max_hits": settings.max_hits,
            },
            "finds_speech": all(find_spec(name) is not None for name in ("silero_vad", "onnxruntime")),
            "measures": will_measure(None),
            "index": index,
        }

    def list_paths(self) -> list[str | Path]:
        """Return places that no answer may name."""
        return [self.folder.path, *([] if self.archive is None else [self.archive.root])]

    async def _open(self, stored: StoredFile) -> UploadedClip:
        decoder = ClipDecoder(self.decoders, stored, longest=self.settings.max_duration)
        limits, rate = self.model.limits, self.model.sampling_rate
        loop = asyncio.get_running_loop()
        clip = await loop.run_in_executor(
            self._openers, lambda: decoder.open(sampling_rate=rate, max_duration=limits.max_duration)
        )
        self._metrics.audio_seconds.inc(clip.end or 0.0)
        return clip

    async def _think(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thinkers, work)

    async def _listen(self, work: Callable[[], _T]) -> _T:
        """Work on a long recording, one after the other."""
        if self._num_long >= self.settings.long_queue_size:
            raise self._refuse(_LONGEST_WAIT)
        self._num_long += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._listeners, work)
        finally:
            self._num_long -= 1

    def _refuse(self, seconds: float) -> RequestError:
        wait = min(_LONGEST_WAIT, max(1, math.ceil(seconds)))
        return RequestError(
            503,
            f"the service is busy with {self._in_flight} requests; try again in {wait} s",
            headers={RETRY_AFTER: str(wait)},
        )

    def _get_archive(self) -> Archive:
        if self.archive is None:
            raise RequestError(404, "there is no index to search; the operator may give one with --index")
        return self.archive

    def _check_asked(self, options: AskingOptions, *, at_least: int = 1) -> LabelSet | None:
        """Return the label set that is asked, if one is, before any work."""
        options.check(at_least=at_least)
        self._check_texts(options.query, at_least=0)
        return None if options.task is None else _find_label_set(options.task)

    def _check_texts(self, texts: Sequence[str], *, at_least: int = 1) -> None:
        most, longest = self.settings.max_queries, self.settings.max_query_length
        if not at_least <= len(texts) <= most:
            raise QueryError(
                f"found {len(texts)} texts; expected {max(1, at_least)} to {most}, which this service takes"
            )
        too_long = next((text for text in texts if len(text) > longest), None)
        if too_long is not None:
            raise QueryError(f"a text has {len(too_long)} characters, {too_long[:40]!r}...; expected at most {longest}")

    def _check_threshold(self, options: ClassifyOptions) -> None:
        calibration = self.model.calibration
        if calibration is None or calibration.unknown is None:
            raise QueryError(f"{self.model_name} has no threshold below which no query fits; leave 'unknown' out")
        if options.query and len(options.query) < 2:
            raise QueryError("found a single query; expected two or more, of which none may fit")


def _find_label_set(name: str) -> LabelSet:
    """Return a label set or task of the package; never a file, as the command line would.

    Raises:
        QueryError: if there is none.
    """
    asking = [task.name for task in load_tasks().values() if task.label_set]
    known = dict.fromkeys([*list_label_sets(), *asking])
    if name not in known:
        raise QueryError(f"no label set or task {name!r}{list_known(name, known)}")
    return find_label_set(name)
