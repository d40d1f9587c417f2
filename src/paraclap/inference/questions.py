"""What a model is asked: texts that are checked before any work, and the columns of an answer with their vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from paraclap.errors import QueryError
from paraclap.inference.encoding import Embeddings

if TYPE_CHECKING:
    from paraclap.inference.audio_text_model import AudioTextModel
    from paraclap.queries import LabelSet


@dataclass(frozen=True, eq=False)
class Questions:
    """Hold queries or classes that are compared with each other, what is said of each, and unit vectors `[C, D]`."""

    prompts: Mapping[str, Sequence[str]]
    text_embeds: Embeddings

    @property
    def columns(self) -> tuple[str, ...]:
        """The queries or classes, in order."""
        return tuple(self.prompts)

    @classmethod
    def ask(
        cls,
        model: "AudioTextModel",
        queries: Sequence[str] | None = None,
        *,
        task: "str | LabelSet | None" = None,
    ) -> "Questions":
        """Embed queries, or the classes of a label set.

        Raises:
            QueryError: as `AudioTextModel.embed_queries` does, and if there is a single query.
        """
        from paraclap.queries import load_label_set

        label_set = load_label_set(task) if isinstance(task, str) else task
        columns, text_embeds = model.embed_queries(queries, task=label_set)
        if len(columns) < 2:
            raise QueryError(
                "one query alone has no probability; ask at least two, such as 'an angry man', 'a calm man'"
            )
        prompts = {query: (query,) for query in columns} if label_set is None else label_set.prompts
        return cls(dict(prompts), text_embeds)


def check_texts(texts: Sequence[str]) -> list[str]:
    """Return texts that can be asked.

    Raises:
        QueryError: if there is none, one is empty, or they are no list of texts.
    """
    if isinstance(texts, str):
        raise QueryError(f"found the text {texts!r}; expected a list of texts: put it in brackets")
    if not len(texts):
        raise QueryError("no query; ask at least one sentence, such as 'an angry man'")
    for number, text in enumerate(texts, start=1):
        if not isinstance(text, str):
            raise QueryError(f"query {number} of {len(texts)} is {text!r}; expected a sentence")
        if not text.strip():
            raise QueryError(f"query {number} of {len(texts)} is empty; expected a sentence")
    return [str(text) for text in texts]
