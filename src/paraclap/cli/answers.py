"""How answers about clips are printed: a column a query or class, or the three most probable ones of many."""

from typing import TYPE_CHECKING, Any, Literal

from paraclap.cli.output import print_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

Answer = dict[str, Any]  # file, start, end, probability by column, best: a column, or "none of these"

_MAX_COLUMNS = 5  # of a table that fits a terminal
_PLURALS = {"query": "queries", "class": "classes"}


def print_answers(
    answers: "Sequence[Answer]", columns: "Sequence[str]", *, noun: Literal["query", "class"] = "query"
) -> None:
    """Print a table of the probability of each column; of many columns, only the three most probable of each clip."""
    if len(columns) <= _MAX_COLUMNS:
        rows = [
            [answer["file"], *(f"{answer['probability'][column]:.2f}" for column in columns), answer["best"]]
            for answer in answers
        ]
        print_rows(["file", *columns, "best"], rows, title=f"probability of each {noun}")
        return
    rows = []
    for answer in answers:
        shares = sorted(answer["probability"].items(), key=lambda item: -item[1])
        first, *others = (f"{column} {share:.2f}" for column, share in shares[:3])
        if answer["best"] not in answer["probability"]:
            first = f"{answer['best']} ({first})"
        rows.append([answer["file"], first, *others])
    title = f"the most probable of {len(columns)} {_PLURALS[noun]}"
    print_rows(["file", "best", "second", "third"], rows, title=title)


def flatten_answer(answer: Answer) -> Answer:
    """Return an answer as a row of a table: its numbers by query or class become columns such as "probability: sad"."""
    flat: Answer = {}
    for key, value in answer.items():
        flat |= (
            {f"{key}: {column}": number for column, number in value.items()}
            if isinstance(value, dict)
            else {key: value}
        )
    return flat
