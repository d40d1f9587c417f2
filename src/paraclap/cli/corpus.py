"""`paraclap corpus`: list the corpora that are known, import one from its official layout, look at a manifest."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paraclap.cli.output import check_table_path, print_json, print_rows, report_bad_files, write_rows

if TYPE_CHECKING:
    from paraclap.corpora import CorpusInfo

corpus_app = typer.Typer(
    no_args_is_help=True, help="Import speech corpora from their official layout and look at them."
)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@corpus_app.command("list")
def list_command(
    as_json: _Json = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the table to a .csv, .json or .parquet file.")
    ] = None,
) -> None:
    """List the corpora that can be imported, with their licences."""
    if out is not None:
        check_table_path(out)
    from paraclap.corpora import list_corpora

    infos = list_corpora()
    rows = [info.describe() for info in infos]
    if out is not None:
        write_rows(out, rows)
    if as_json:
        print_json(rows)
    elif out is None:
        cells = [(row["name"], ", ".join(row["languages"]) or "-", str(row["num_files"]), row["use"]) for row in rows]
        details = [(info.licence, info.title) for info in infos]
        print_rows(
            ("name", "language", "files", "use", "licence", "title"),
            [(*cell, *detail) for cell, detail in zip(cells, details, strict=True)],
        )


@corpus_app.command("import")
def import_command(
    name: Annotated[
        str, typer.Argument(help="Name of a corpus ('paraclap corpus list'), or a TOML file with a row of your own.")
    ],
    root: Annotated[Path, typer.Argument(help="Folder of the corpus, or the folder that holds it under its name.")],
    out: Annotated[Path, typer.Option("--out", help="Manifest to write (.parquet).")],
    as_json: _Json = False,
) -> None:
    """Write the manifest of a corpus; files that cannot be used are named, left out, and make the exit status 1."""
    check_table_path(out, suffixes=(".parquet",))
    from paraclap.corpora import import_corpus, summarize_manifest, write_manifest

    result = import_corpus(name, root, progress=True)
    write_manifest(out, result.manifest, result.metadata)
    summary = summarize_manifest(result.manifest, result.metadata)
    for note in result.notes:
        print(f"paraclap: {summary['corpus']}: {note}", file=sys.stderr)
    if as_json:
        bad_files = [{"file": bad.file, "reason": bad.reason} for bad in result.findings]
        print_json({"out": str(out), **summary, "notes": list(result.notes), "bad_files": bad_files})
    else:
        speakers = "unknown" if summary["speakers"] is None else summary["speakers"]
        print(f"{out}: {summary['utterances']} utterances, {summary['hours']:.2f} h, speakers: {speakers}")
    report_bad_files(result.findings)


@corpus_app.command("info")
def info_command(
    source: Annotated[str, typer.Argument(help="A manifest (.parquet), or the name of a corpus.")],
    as_json: _Json = False,
) -> None:
    """Count what is in a manifest, or say what is known about a corpus."""
    from paraclap.corpora import load_corpus_info, read_manifest, summarize_manifest

    if Path(source).suffix.lower() == ".parquet":
        facts = summarize_manifest(*read_manifest(Path(source)))
    else:
        facts = _describe(load_corpus_info(source))
    if as_json:
        print_json(facts)
        return
    for key, value in facts.items():
        if key != "counts" and value not in (None, "", []):
            print(f"{key:<12}  {_format(value)}")
    for column, counts in facts.get("counts", {}).items():
        print_rows((column, "utterances"), [(value, str(count)) for value, count in counts.items()])


def _describe(info: "CorpusInfo") -> dict[str, Any]:
    return {
        **info.describe(),
        "examples": list(info.examples),
        "columns": list(info.columns),
        "notes": list(info.notes),
    }


def _format(value: Any) -> str:
    if isinstance(value, list):
        return ("\n" + " " * 14).join(value) if any(" " in str(part) for part in value) else ", ".join(map(str, value))
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
