"""A client with the library's method names, whose answers are those of the library, given by a service."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from paraclap.errors import QueryError
from paraclap.inference.audio_text_model import Values
from paraclap.inference.clips import AudioInput, Clip, gather_clips, make_index
from paraclap.inference.encoding import Embeddings
from paraclap.inference.questions import check_texts
from paraclap.service.connection import Connection, Field, Upload

if TYPE_CHECKING:
    import pandas as pd

    from paraclap.inference import TimelineSettings

_AT_ONCE = 4  # requests; the service makes batches of them
_TIMEOUT = 300.0  # s


class Client:
    """Ask a service what one would ask `ParaClap`.

    Files are sent as they are; arrays, and stretches of files, as their samples at 16 kHz.

    Args:
        address: such as "http://127.0.0.1:8000".
        api_key: if the service asks for one.
        timeout: s that an answer may take.
    """

    def __init__(self, address: str, *, api_key: str | None = None, timeout: float = _TIMEOUT) -> None:
        self._connection = Connection(address, api_key=api_key, timeout=timeout)

    def classify(
        self,
        audio: AudioInput,
        queries: Sequence[str] | None = None,
        *,
        task: str | None = None,
        values: Values = "probability",
        sampling_rate: int | None = None,
    ) -> "pd.DataFrame":
        """Compare audio with queries, or with the classes of a label set.

        Args:
            audio: file, folder, array `[T]`, a list of them, or an audformat index.
            queries: any sentences.
            task: a label set such as "emotion", instead of queries.
            values: "probability" or "similarity" (cosine).
            sampling_rate: of arrays, in Hz.

        Returns:
            One row a clip with the index `file, start, end` (arrays: their number), one column a query or class.

        Raises:
            AudioError: if a file cannot be read, here or there.
            QueryError: if the question cannot be asked.
            ServiceError: if the service does not answer.
        """
        import pandas as pd

        if values not in ("probability", "similarity"):
            raise QueryError(f"values is {values!r}; expected 'probability' or 'similarity'")
        if values == "probability" and queries is not None and len(queries) == 1:
            raise QueryError("one query alone has no probability; ask at least two, or values='similarity'")
        fields = [*_ask(queries, task), ("values", values)]
        clips, answers = self._send_clips("/v1/classify", audio, fields, sampling_rate)
        found = [answer["answers"][0] for answer in answers]
        rows = np.array([list(answer[values].values()) for answer in found], dtype=np.float32)
        return pd.DataFrame(rows, index=_index(clips, found), columns=list(found[0][values]))

    def describe(
        self,
        audio: AudioInput,
        *,
        tasks: Sequence[str] | None = None,
        measure: bool | None = None,
        sampling_rate: int | None = None,
    ) -> "pd.DataFrame":
        """Describe voices: a sentence, the probabilities of label sets, and levels of what is measured.

        Args:
            audio: as of `classify`.
            tasks: names of label sets to ask; those that make sense for any voice if None.
            measure: whether openSMILE measures the voice; if the service has it, if None.
            sampling_rate: of arrays, in Hz.

        Raises:
            AudioError: if a file cannot be read, here or there.
            QueryError: if a label set does not exist or stands twice.
            ServiceError: if the service does not answer.
        """
        import pandas as pd

        fields = [("task", task) for task in tasks or ()]
        if measure is not None:
            fields.append(("measure", str(measure).lower()))
        clips, answers = self._send_clips("/v1/describe", audio, fields, sampling_rate)
        profiles = [answer["profiles"][0] for answer in answers]
        return pd.DataFrame([_flatten(profile) for profile in profiles], index=_index(clips, profiles))

    def timeline(
        self,
        audio: AudioInput,
        queries: Sequence[str] | None = None,
        *,
        task: str | None = None,
        settings: "TimelineSettings | None" = None,
        sampling_rate: int | None = None,
    ) -> "pd.DataFrame":
        """Find what is heard when in long recordings: stretches of speech of one class.

        Args:
            audio: as of `classify`.
            queries: two or more sentences.
            task: a label set such as "emotion", instead of queries.
            settings: windows, smoothing, and what counts as speech.
            sampling_rate: of arrays, in Hz.

        Returns:
            One row a stretch with the index `file, start, end` (arrays: `clip, start, end`), columns `class` and
            `probability`.

        Raises:
            AudioError: if a recording cannot be read to its end.
            QueryError: if there are fewer than two queries, one is empty or stands twice.
            ServiceError: if the service does not answer.
        """
        import pandas as pd

        fields = [*_ask(queries, task), *_list_settings(settings)]
        clips, answers = self._send_clips("/v1/timeline", audio, fields, sampling_rate)
        tables = [_tabulate(clip, answer["segments"]) for clip, answer in zip(clips, answers, strict=True)]
        if any(not isinstance(clip.source, Path) for clip in clips):
            return pd.concat(tables, keys=range(len(tables)), names=["clip"])
        return pd.concat(tables)

    def embed_audio(self, audio: AudioInput, sampling_rate: int | None = None) -> Embeddings:
        """Embed audio as unit vectors `[N, D]`, float32.

        Args:
            audio: as of `classify`.
            sampling_rate: of arrays, in Hz.

        Raises:
            AudioError: if a file cannot be read, here or there.
            ServiceError: if the service does not answer.
        """
        _, answers = self._send_clips("/v1/embed/audio", audio, [], sampling_rate)
        return np.array([answer["embeddings"][0]["embedding"] for answer in answers], dtype=np.float32)

    def embed_text(self, texts: Sequence[str]) -> Embeddings:
        """Embed sentences as unit vectors `[N, D]`, float32.

        Raises:
            QueryError: if there is no text, one is empty, or there are more than the service takes.
            ServiceError: if the service does not answer.
        """
        answer = self._connection.send_json("/v1/embed/text", {"texts": check_texts(texts)})
        return np.array([found["embedding"] for found in answer["embeddings"]], dtype=np.float32)

    def search(
        self,
        query: str | None = None,
        *,
        k: int = 10,
        where: str | None = None,
        and_: Sequence[str] = (),
        not_: Sequence[str] = (),
    ) -> "pd.DataFrame":
        """Return what sounds most like a sentence in the index of the service, as `Index.search` does.

        Files are named relative to the folder that all of them share.

        Args:
            query: a sentence.
            k: rows wanted.
            where: condition of SQL over the columns that `info` lists.
            and_: sentences that shall fit as well.
            not_: sentences that shall not fit.

        Raises:
            QueryError: if nothing is asked, a sentence is empty, or the condition does not parse.
            ServiceError: if the service has no index, or does not answer.
        """
        import pandas as pd

        given = {"q": query, "k": str(k), "where": where}
        fields = [(name, value) for name, value in given.items() if value is not None]
        fields += [("and", text) for text in and_] + [("not", text) for text in not_]
        hits = self._connection.get("/v1/search", fields)["hits"]
        clips = [Clip(Path(hit["file"]), hit["start"], hit["end"]) for hit in hits]
        left_out = ("rank", "id", "file", "start", "end")
        rows = [{name: value for name, value in hit.items() if name not in left_out} for hit in hits]
        table = pd.DataFrame(rows, index=make_index(clips), columns=None if rows else ["similarity"])
        return table.astype({"similarity": np.float32})

    def info(self) -> dict[str, Any]:
        """Return the model, its licence, the limits of requests, and what there is of an index.

        Raises:
            ServiceError: if the service does not answer.
        """
        return self._connection.get("/v1/info", [])

    def tasks(self) -> dict[str, list[str]]:
        """Return the classes of each label set and task.

        Raises:
            ServiceError: if the service does not answer.
        """
        return {task["name"]: task["classes"] for task in self._connection.get("/v1/tasks", [])["tasks"]}

    def _send_clips(
        self, route: str, audio: AudioInput, fields: list[Field], sampling_rate: int | None
    ) -> tuple[list[Clip], list[dict[str, Any]]]:
        """Send each clip in a request of its own, several at once, and return the answers in order."""
        clips = gather_clips(audio, sampling_rate=sampling_rate)
        with ThreadPoolExecutor(min(_AT_ONCE, len(clips))) as senders:
            pending = [senders.submit(self._send_clip, route, clip, fields) for clip in clips]
            try:
                return clips, [future.result() for future in pending]
            finally:
                senders.shutdown(cancel_futures=True)

    def _send_clip(self, route: str, clip: Clip, fields: list[Field]) -> dict[str, Any]:
        return self._connection.send_audio(route, Upload.of(clip), fields)


def _ask(queries: Sequence[str] | None, task: str | None) -> list[Field]:
    """Return queries or a task as fields.

    Raises:
        QueryError: if there is neither or both.
    """
    if (queries is None) == (task is None):
        found = "neither queries nor a task" if task is None else "queries and a task"
        raise QueryError(f"found {found}; expected one of both, such as queries=['an angry man', 'a calm woman']")
    return [("task", str(task))] if queries is None else [("query", text) for text in check_texts(queries)]


def _list_settings(settings: "TimelineSettings | None") -> list[Field]:
    if settings is None:
        return []
    values = {"window": settings.window, "hop": settings.hop, "smoothing": settings.smoothing}
    if settings.speech is None:
        return [*((name, repr(value)) for name, value in values.items()), ("vad", "false")]
    speech = settings.speech
    values |= {
        "speech_threshold": speech.threshold,
        "min_speech": speech.min_speech,
        "min_pause": speech.min_pause,
        "padding": speech.padding,
    }
    return [(name, repr(value)) for name, value in values.items()]


def _index(clips: Sequence[Clip], found: Sequence[dict[str, Any]]) -> "pd.Index":
    """Return the index of clips with the ends that the service found; those of stretches were known."""
    ended = [
        clip if clip.end is not None else replace(clip, end=answer["end"])
        for clip, answer in zip(clips, found, strict=True)
    ]
    return make_index(ended)


def _flatten(profile: dict[str, Any]) -> dict[str, Any]:
    """Return a profile as `VoiceProfile.as_row` does, without its place."""
    row: dict[str, Any] = {"sentence": profile["sentence"]}
    for label_set, answer in profile["answers"].items():
        row |= {f"{label_set}: {label}": share for label, share in answer["probability"].items()}
    return row | {level["attribute"]: " or ".join(level["levels"]) for level in profile["measured"]}


def _tabulate(clip: Clip, segments: Sequence[dict[str, Any]]) -> "pd.DataFrame":
    """Return segments as `Timeline.to_table` does."""
    import pandas as pd

    table = pd.DataFrame(
        {
            "class": pd.Series([segment["class"] for segment in segments], dtype="object"),
            "probability": pd.Series([segment["probability"] for segment in segments], dtype="float64"),
        }
    )
    starts = [clip.start + segment["start"] for segment in segments]
    ends = [clip.start + segment["end"] for segment in segments]
    if not isinstance(clip.source, Path):
        times = [pd.to_timedelta(edge, unit="s") for edge in (starts, ends)]
        return table.set_index(pd.MultiIndex.from_arrays(times, names=["start", "end"]))
    places = [replace(clip, start=start, end=end) for start, end in zip(starts, ends, strict=True)]
    return table.set_index(make_index(places))
