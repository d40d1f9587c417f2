"""`paraclap search`: find the recordings of an index that sound like a sentence, or like another recording."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paraclap.cli.options import DeviceOption, JsonOption, ModelOption
from paraclap.cli.output import TABLE_SUFFIXES, check_table_path, print_json, print_rows, write_rows

if TYPE_CHECKING:
    pass

_PAGE_SUFFIX = ".html"
_OWN = ("rank", "file", "start", "end", "similarity")
_LONGEST_VALUE = 16  # characters, of a column that is shown in a terminal
_MAX_COLUMNS = 6


def search(
    index: Annotated[str, typer.Argument(metavar="IDX", help="The folder of an index ('paraclap index build').")],
    query: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="Any sentence about a voice; may be left out with --like.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Hits wanted.")] = 10,
    where: Annotated[
        str | None, typer.Option("--where", help="Condition over the columns of the index, as SQL has it.")
    ] = None,
    like: Annotated[Path | None, typer.Option("--like", help="A recording that sounds like what is wanted.")] = None,
    and_: Annotated[list[str] | None, typer.Option("--and", help="A sentence that shall fit too. Repeatable.")] = None,
    not_: Annotated[list[str] | None, typer.Option("--not", help="A sentence that shall not fit. Repeatable.")] = None,
    all_windows: Annotated[
        bool, typer.Option("--all-windows", help="Show every window, not only the best one of each file.")
    ] = False,
    exact: Annotated[bool, typer.Option("--exact", help="Compare with every row also in a large index.")] = False,
    model: ModelOption = None,
    as_json: JsonOption = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", help="Also write the hits to a .csv, .json or .parquet file, or an .html page to listen."
        ),
    ] = None,
    device: DeviceOption = None,
) -> None:
    """Find the recordings that sound like a sentence.

    Example: paraclap search archive.index "a tired old man" -k 10

    Each hit has its similarity (cosine): it ranks, but is no probability. Conditions narrow the search, examples and
    further sentences turn it:

    paraclap search archive.index "a tired voice" --where "gender = 'female' and duration > 2" --not "a whisper"

    paraclap search archive.index --like clip.wav --out hits.html
    """
    if out is not None:
        check_table_path(out, suffixes=(*TABLE_SUFFIXES, _PAGE_SUFFIX))
    from paraclap.errors import QueryError
    from paraclap.index import Index, SearchSettings, list_hits

    if query is None and like is None and not and_:
        raise QueryError('nothing is asked; give a sentence such as "a tired old man", or --like with a recording')
    settings = SearchSettings(exact=exact)
    archive = Index.open(index, model=_load(model, device), settings=settings)
    hits = archive.search(query, k=k, where=where, like=like, and_=and_ or (), not_=not_ or (), all_windows=all_windows)
    rows = list_hits(hits)
    if as_json:
        print_json(rows)
    elif rows:
        _print_hits(rows)
    else:
        typer.echo("nothing found: no row of the index fulfils the condition", err=True)
    if out is not None and out.suffix.lower() == _PAGE_SUFFIX:
        from paraclap.index.hits_page import render_hits
        from paraclap.storage import write_atomic

        asked = [*([query] if query else []), *([f"like {like.name}"] if like else []), *(and_ or ())]
        title = ", and ".join(asked) + "".join(f", not {text}" for text in not_ or ())
        note = f"{len(rows)} hits in {index}" + (f" where {where}" if where else "")
        with write_atomic(out) as temporary:
            temporary.write_text(render_hits(hits, title=title, note=note), encoding="utf-8")
    elif out is not None:
        write_rows(out, rows)


def _load(name: str | None, device: str | None) -> Any:
    """Return the model if anything was said of it; the index knows its own."""
    if name is None and device is None:
        return None
    from paraclap.inference import load_model

    return load_model(name, device=device)


def _print_hits(rows: list[dict[str, Any]]) -> None:
    """Print hits for people, with those columns of manifests that fit beside the file."""
    names = [name for name in rows[0] if name not in _OWN]
    short = [name for name in names if 0 < max(len(_format(row[name])) for row in rows) <= _LONGEST_VALUE]
    shown = short[:_MAX_COLUMNS]
    table = [
        [
            *(str(row["rank"]), f"{row['similarity']:.3f}", _shorten_path(row["file"])),
            *(f"{row[edge]:.2f}" for edge in ("start", "end")),
            *(_format(row[name]) for name in shown),
        ]
        for row in rows
    ]
    left_out = [name for name in names if name not in shown]
    title = f"--json and --out also have {', '.join(left_out)}" if left_out else None
    print_rows(["rank", "similarity", "file", "start", "end", *shown], table, title=title)


def _shorten_path(file: str) -> str:
    """Return a path as one would type it here."""
    path = Path(file)
    return path.relative_to(Path.cwd()).as_posix() if path.is_relative_to(Path.cwd()) else file


def _format(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:g}" if isinstance(value, float) else str(value)
