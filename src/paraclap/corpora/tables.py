"""Label files of a corpus (CSV, TSV, Kaldi) as rows by key, stripped of the blanks that they come with."""

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath

from paraclap.corpora.rows import LabelTable
from paraclap.errors import CorpusError

Rows = Mapping[str, Mapping[str, str]]

_COMMA_NUMBER = re.compile(r"-?\d+,\d+")


class _Tsv(csv.excel_tab):
    quoting = csv.QUOTE_NONE  # quotes mean nothing in the TSV files of corpora: a sentence may begin with one


def read_label_table(table: LabelTable, root: Path, *, columns: Collection[str] = ()) -> Rows | None:
    """Read a label table as its rows by key, the keys in lower case; None if an optional file is not there.

    Args:
        table: what the row of the corpus says about it.
        root: folder of the corpus.
        columns: that a CSV or TSV file must have, beside its key.

    Raises:
        CorpusError: if a required file is missing, a file is not what the row says, or two lines of one key disagree.
    """
    rows: dict[str, Mapping[str, str]] = {}
    for part, name in table.parts.items():
        path = root / name
        if not path.is_file():
            if table.required:
                raise CorpusError(f"no file {path}; the labels are in it: the corpus must be complete")
            return None
        for row in _read_lines(path, table, columns):
            key = normalize_key(row[table.key], is_file=table.key_is_file)
            line = {**row, "part": part} if table.files else row
            if rows.setdefault(key, line) != line:
                raise CorpusError(
                    f"{path}: two lines for {row[table.key]!r} disagree; expected one: remove the wrong one"
                )
    return rows


def normalize_key(key: str, *, is_file: bool) -> str:
    """Return a key as it is compared: in lower case, and for a file name without folder and suffix."""
    return (PurePosixPath(key).stem if is_file else key).casefold()


def _read_lines(path: Path, table: LabelTable, columns: Collection[str]) -> Iterator[dict[str, str]]:
    try:
        text = path.read_text(encoding=table.encoding)
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is not {table.encoding} text ({error.reason}); expected the official file") from None
    if table.format == "kaldi":
        pairs = (line.split(maxsplit=1) for line in text.split("\n") if line.strip())
        yield from ({"key": pair[0], "value": pair[1].strip() if len(pair) > 1 else ""} for pair in pairs)
        return
    lines = csv.reader(io.StringIO(text, newline=""), csv.excel if table.format == "csv" else _Tsv)
    names = [cell.strip() for cell in next(lines, [])]
    missing = [name for name in (table.key, *columns) if name not in names]
    if missing:
        found = ", ".join(names) or "none"
        raise CorpusError(
            f"{path} has the columns {found}; expected {missing[0]!r} among them: is it the official file?"
        )
    for cells in lines:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) < len(names):
            raise CorpusError(
                f"{path}: a line has {len(cells)} cells, {cells!r}; expected {len(names)}: the file is damaged"
            )
        row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
        yield {name: _with_point(cell) for name, cell in row.items()} if table.decimal == "," else row


def _with_point(cell: str) -> str:
    return cell.replace(",", ".") if _COMMA_NUMBER.fullmatch(cell) else cell
