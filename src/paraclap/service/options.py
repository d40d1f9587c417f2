"""What requests may say beside their audio: the options of each route, checked and explained in one place."""

from collections.abc import Iterable
from typing import Any, Literal, Self, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from paraclap.errors import list_known
from paraclap.inference import SpeechSettings, TimelineSettings
from paraclap.service.problems import RequestError, explain_validation


class Options(BaseModel):
    """Hold the options of a route; every one may be a field of a form or a parameter of the address."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @classmethod
    def of(cls, fields: Iterable[tuple[str, str]]) -> Self:
        """Check fields as they came.

        Raises:
            RequestError: if one is unknown, stands twice where one is expected, or has a wrong value.
        """
        names = {info.alias or name: info for name, info in cls.model_fields.items()}
        values: dict[str, Any] = {}
        for name, value in fields:
            if name not in names:
                raise RequestError(422, f"no parameter {name!r}{list_known(name, list(names))}")
            if get_origin(names[name].annotation) is list:
                values.setdefault(name, []).append(value)
            elif name in values:
                raise RequestError(422, f"parameter {name!r} stands twice; expected it once")
            else:
                values[name] = value
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise RequestError(422, explain_validation(error.errors())) from None


class EmbedOptions(Options):
    """Hold what can be said of audio to embed: nothing but its name."""

    name: str | None = Field(None, description="How the answer calls the audio, if the body is the file itself.")


class AskingOptions(EmbedOptions):
    """Hold what is asked of audio: queries, or a task."""

    query: list[str] = Field([], description="Any sentence about a voice. Repeatable.")
    task: str | None = Field(None, description="Instead of queries: a label set or task, as /v1/tasks lists them.")

    def check(self, *, at_least: int = 1) -> None:
        """Refuse what cannot be asked.

        Raises:
            RequestError: if there are neither queries nor a task, both, or too few queries.
        """
        if bool(self.query) == (self.task is not None):
            found = "both 'query' and 'task'" if self.query else "neither 'query' nor 'task'"
            raise RequestError(422, f"found {found}; expected one of both, such as query=an angry man")
        if self.query and len(self.query) < at_least:
            raise RequestError(422, f"found a single query; expected {at_least} or more, of which each has a share")


class ClassifyOptions(AskingOptions):
    """Hold what is asked of a clip, and which numbers are wanted."""

    values: Literal["probability", "similarity"] | None = Field(
        None, description="Answer with these numbers only; both if left out."
    )
    unknown: bool = Field(False, description='Answer "none of these" where the model finds that no query fits.')


class TimelineOptions(AskingOptions):
    """Hold what is asked of a recording, and how it is heard."""

    window: float | None = Field(None, description="Seconds that are heard at once; 4.")
    hop: float | None = Field(None, description="Seconds from one window to the next; 1.")
    smoothing: float | None = Field(None, description="What a change of class costs; 1. 0 takes each window as it is.")
    vad: bool = Field(True, description="Find speech first, or hear all of the recording.")
    speech_threshold: float | None = Field(None, description="Probability from which on it is speech; 0.5.")
    min_speech: float | None = Field(None, description="Seconds; shorter speech is left out; 0.25.")
    min_pause: float | None = Field(None, description="Seconds; shorter pauses belong to the speech; 0.3.")
    padding: float | None = Field(None, description="Seconds added before and after speech; 0.1.")
    relative: bool = Field(False, description="Take the recording's own speech as the reference.")
    curves: bool = Field(False, description="Answer with the probabilities of each step too.")

    def make_settings(self) -> TimelineSettings:
        """Return how the recording is heard.

        Raises:
            RequestError: if something is said of speech that is not looked for.
            ConfigError: if a value is out of its range.
        """
        how = {"window": self.window, "hop": self.hop, "smoothing": self.smoothing}
        speech = {
            "threshold": self.speech_threshold,
            "min_speech": self.min_speech,
            "min_pause": self.min_pause,
            "padding": self.padding,
        }
        stated = _keep_stated(speech)
        if stated and not self.vad:
            raise RequestError(422, f"speech is not looked for (vad=false), so its {next(iter(stated))} has no say")
        return TimelineSettings(**_keep_stated(how), speech=SpeechSettings(**stated) if self.vad else None)


class DescribeOptions(EmbedOptions):
    """Hold what a voice is described by."""

    task: list[str] = Field([], description="Ask this label set or task instead of those that fit any voice.")
    measure: bool | None = Field(None, description="Measure with openSMILE; if it is installed, if left out.")


class SearchOptions(Options):
    """Hold what is searched in an index."""

    q: str | None = Field(None, description="Any sentence about a voice.")
    k: int = Field(10, ge=1, description="Hits wanted.")
    where: str | None = Field(None, max_length=1000, description="Condition over the columns of the index, as in SQL.")
    and_: list[str] = Field([], alias="and", description="A sentence that shall fit too. Repeatable.")
    not_: list[str] = Field([], alias="not", description="A sentence that shall not fit. Repeatable.")
    all_windows: bool = Field(False, description="Every window, not only the best one of each file.")
    exact: bool = Field(False, description="Compare with every row also in a large index.")


class HitOptions(Options):
    """Hold which hit of a search is to be heard."""

    id: str = Field(max_length=64, description="Of a hit, as a search answered it.")


class Texts(BaseModel):
    """Hold sentences to embed."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"examples": [{"texts": ["an angry man"]}]}
    )

    texts: list[str]


_Number = TypeVar("_Number", bound=float)


def _keep_stated(values: "dict[str, _Number | None]") -> "dict[str, _Number]":
    return {name: value for name, value in values.items() if value is not None}
