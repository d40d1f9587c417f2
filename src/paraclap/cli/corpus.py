"""`paraclap corpus`: list the corpora that are known, look at, combine, export and shard manifests."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from paraclap.cli.corpus_import import JsonOption, ManifestOut, import_command, print_result
from paraclap.cli.corpus_shard import shard_command
from paraclap.cli.output import check_table_path, print_json, print_rows, write_rows

if TYPE_CHECKING:
    from paraclap.corpora import CorpusInfo

corpus_app = typer.Typer(
    no_args_is_help=True, help="Turn speech corpora into manifests, and look at, combine, export and shard them."
)
corpus_app.command("import", no_args_is_help=True)(import_command)
corpus_app.command("shard", no_args_is_help=True)(shard_command)

_NUM_COUNTED = 30  # values of a column that are printed; --json has all


@corpus_app.command("list")
def list_command(
    as_json: JsonOption = False,
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the table to a .csv, .json or .parquet file.")
    ] = None,
) -> None:
    """List the corpora that can be imported: language, size, licence, and how sure we are of their layout.

    "form": one signs or applies for it. "use": what paraclap does with it, train a model or only test it. "layout":
    whether the importer was run on the real files, follows descriptions of them, or neither (unverified).
    """
    if out is not None:
        check_table_path(out)
    from paraclap.corpora import list_corpora

    infos = list_corpora()
    rows = [info.describe() for info in infos]
    if out is not None:
        is_json = out.suffix.lower() == ".json"  # a table has one number in a cell, JSON those of all versions
        write_rows(out, rows if is_json else [{**info.describe(), "num_files": _count_files(info)} for info in infos])
    if as_json:
        print_json(rows)
    elif out is None:
        columns = ("name", "language", "hours", "files", "GB", "form", "use", "layout", "licence")
        print_rows(columns, [_list_facts(info) for info in infos])


@corpus_app.command("info", no_args_is_help=True)
def info_command(
    source: Annotated[str, typer.Argument(help="A manifest (.parquet), or the name of a corpus.")],
    as_json: JsonOption = False,
) -> None:
    """Count what is in a manifest, or say what is known about a corpus: licence, citation, where to get it."""
    from paraclap.corpora import load_corpus_info, read_manifest, summarize_manifest

    if Path(source).suffix.lower() == ".parquet":
        facts = summarize_manifest(*read_manifest(Path(source)))
    else:
        facts = _describe(load_corpus_info(source))
    if as_json:
        print_json(facts)
        return
    counts = {**facts.pop("counts", {}), "age": facts.pop("age_histogram", {})}
    facts["findings"] = [finding["message"] for finding in facts.get("findings", [])]
    facts["parts"] = [part["corpus"] for part in facts.get("parts", [])]
    for key, value in facts.items():
        if value not in (None, "", [], {}):
            print(f"{key:<14}  {_format(value)}")
    for column, numbers in counts.items():
        if not numbers:
            continue
        shown = [(value, str(number)) for value, number in list(numbers.items())[:_NUM_COUNTED]]
        if len(numbers) > len(shown):
            shown.append((f"and {len(numbers) - len(shown)} more", "see --json"))
        print_rows((column, "utterances"), shown)


@corpus_app.command("combine", no_args_is_help=True)
def combine_command(
    manifests: Annotated[list[Path], typer.Argument(metavar="MANIFEST", help="Manifests of different corpora.")],
    out: ManifestOut,
    name: Annotated[str, typer.Option("--name", help="Name of the new corpus.")] = "combined",
    dev: Annotated[float | None, typer.Option("--dev", help="Share of dev, of what is not test.")] = None,
    test: Annotated[float | None, typer.Option("--test", help="Share of test; 0 for none.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", help="Another seed draws other speakers.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Join manifests into one, with a new split by speaker, and the corpus, speaker and split that each row had."""
    check_table_path(out, suffixes=(".parquet",))
    from paraclap.corpora import combine_manifests, read_manifest

    given = {"dev_share": dev, "test_share": test, "seed": seed}
    result = combine_manifests(
        [read_manifest(path) for path in manifests],
        name=name,
        **{key: value for key, value in given.items() if value is not None},  # type: ignore[arg-type]
    )
    print_result(result, out, as_json=as_json)


@corpus_app.command("export", no_args_is_help=True)
def export_command(
    manifest: Annotated[Path, typer.Argument(help="A manifest (.parquet).")],
    out: Annotated[
        Path, typer.Option("--out", help="Folder to write: new, empty, or an earlier export, which is replaced.")
    ],
    format_name: Annotated[
        Literal["audformat", "csv"], typer.Option("--format", help="A database, or manifest.csv and metadata.json.")
    ] = "audformat",
) -> None:
    """Write a manifest as an audformat database or as CSV; 'import audformat' or 'import table' read it back as it was.

    Audio is not copied: the folder of the recordings is in the metadata.
    """
    from paraclap.corpora import export_manifest, read_manifest

    table, metadata = read_manifest(manifest)
    export_manifest(table, metadata, out, format=format_name)
    print(f"{out}: {len(table)} utterances as {format_name}")


def _count_files(info: "CorpusInfo") -> int | None:
    """Return the published number of files, of several versions the largest."""
    if info.num_files is None or isinstance(info.num_files, int):
        return info.num_files
    return max(info.num_files.values(), default=None)


def _list_facts(info: "CorpusInfo") -> tuple[str, ...]:
    return (
        info.name,
        ", ".join(info.languages) or "-",
        "-" if info.hours is None else f"{info.hours:.1f}",
        str(_count_files(info) or "-"),
        "-" if info.size_gb is None else f"{info.size_gb:g}",
        "yes" if info.form_needed else "no",
        info.use,
        info.layout.removeprefix("verified on "),
        info.licence,
    )


def _describe(info: "CorpusInfo") -> dict[str, Any]:
    return {
        **info.describe(),
        "examples": list(info.examples),
        "columns": list(info.columns),
        "notes": list(info.notes),
    }


def _format(value: Any) -> str:
    if isinstance(value, list):
        return ("\n" + " " * 16).join(value) if any(" " in str(part) for part in value) else ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{key}: {part}" for key, part in value.items())
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
