"""What is known about a corpus, as one row of data: a TOML file that says where its labels are."""

import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from paraclap.corpora.manifest import FLOAT_COLUMNS, TEXT_COLUMNS, VOCABULARY
from paraclap.errors import CorpusError, near_match

Value = str | float | None

_FORMATS = Literal["csv", "tsv", "kaldi"]
_KALDI_COLUMNS = ("key", "value")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class LabelTable(_Strict):
    """Describe a label file of a corpus and how its rows find their recordings.

    A table of several files (`files`) has a column `part`: the name that the row gives to the file of a line. `kaldi`
    files have two columns, `key` and `value`, divided by the first blank. Cells are stripped of blanks, and keys are
    compared without regard to case.
    """

    file: str | None = None
    files: Mapping[str, str] = Field(default_factory=dict)
    format: _FORMATS
    key: str = "key"
    on: str
    key_is_file: bool = False  # then folder and suffix of the key do not count
    encoding: str = "utf-8-sig"
    decimal: Literal[".", ","] = "."
    required: bool = True

    @property
    def parts(self) -> Mapping[str, str]:
        """Return the table's files by the name of their part."""
        return self.files or {"": self.file or ""}

    @model_validator(mode="after")
    def _check(self) -> "LabelTable":
        if bool(self.file) == bool(self.files):
            raise ValueError("a table needs either 'file' or 'files'")
        if self.format == "kaldi" and self.key != "key":
            raise ValueError("a kaldi table is joined by its first column, 'key'")
        return self


class Column(_Strict):
    """Say where a column of the manifest comes from: a constant, or a source, translated by a map or by ranges.

    A source is a named group of the pattern, or `table.column`. A map lists every code there is; an empty string says
    that the code means "unknown". Ranges are `[first, last, value]`, both ends included.
    """

    value: str | float | None = None
    source: str | None = Field(default=None, alias="from")
    map: Mapping[str, str | float] | None = None
    ranges: tuple[tuple[float, float, str], ...] = ()
    type: Literal["text", "number"] | None = None
    scale: float = 1.0

    @model_validator(mode="after")
    def _check(self) -> "Column":
        if (self.value is None) == (self.source is None):
            raise ValueError("a column needs either 'value' or 'from'")
        if self.value is not None and (self.map or self.ranges):
            raise ValueError("a constant column has no 'map' and no 'ranges'")
        if self.map and self.ranges:
            raise ValueError("a column has either a 'map' or 'ranges'")
        return self

    def is_number(self, name: str) -> bool:
        """Tell if the column holds numbers: the contract decides, or else the row's `type`."""
        return name in FLOAT_COLUMNS or self.type == "number"

    def outcomes(self) -> list[str | float]:
        """List the values that are written in the row itself."""
        written = [self.value, *(self.map or {}).values(), *(value for _, _, value in self.ranges)]
        return [value for value in written if value is not None and value != ""]


class CorpusInfo(_Strict):
    """Describe a corpus: what it is, who may use it, and how its official layout becomes a manifest."""

    name: str
    title: str
    licence: str
    licence_url: str | None = None
    source: str
    citation: str
    version: str
    languages: tuple[str, ...]
    use: Literal["train", "test"]  # what this project does with it; never train on "test"
    form_needed: bool = False
    layout: Literal["verified on real files", "documented", "unverified"]
    num_files: int  # as published
    examples: tuple[str, ...]
    patterns: tuple[str, ...]
    notes: tuple[str, ...] = ()
    tables: Mapping[str, LabelTable] = Field(default_factory=dict)
    columns: Mapping[str, Column]

    def describe(self) -> dict[str, Any]:
        """Return what users ask of a corpus: title, licence, source and the like, as JSON has it."""
        how = {"examples", "patterns", "notes", "tables", "columns"}
        return self.model_dump(exclude=how, mode="json")

    def columns_of(self, table: str) -> list[str]:
        """List the columns of a label table that the manifest is made from, without the made-up `part`."""
        sources = (column.source or "" for column in self.columns.values())
        found = (source.removeprefix(f"{table}.") for source in sources if source.startswith(f"{table}."))
        return sorted({name for name in found if name != "part"})

    @model_validator(mode="after")
    def _check(self) -> "CorpusInfo":
        groups: set[str] = set()
        for pattern in self.patterns:
            try:
                groups |= set(re.compile(pattern).groupindex)
            except re.error as error:
                raise ValueError(f"pattern {pattern!r} is no regular expression ({error})") from None
        for name, table in self.tables.items():
            if table.on not in groups:
                raise ValueError(f"table {name!r} joins on {table.on!r}; the patterns have {_names(groups)}")
        for name, column in self.columns.items():
            self._check_source(name, column.source, groups)
            known = VOCABULARY.get(name)
            for value in column.outcomes():
                if known and value not in known:
                    raise ValueError(f"column {name!r} gives {value!r}; expected one of {', '.join(known)}")
                if isinstance(value, str) == column.is_number(name):
                    expected = "a number" if column.is_number(name) else "text"
                    raise ValueError(f"column {name!r} gives {value!r}; expected {expected}")
            if column.type == "number" and name in TEXT_COLUMNS:
                raise ValueError(f"column {name!r} is text by contract, not a number")
        return self

    def _check_source(self, name: str, source: str | None, groups: set[str]) -> None:
        if source is None or source in groups:
            return
        table, _, label = source.partition(".")
        if table not in self.tables:
            known = _names([*groups, *(f"{table}.COLUMN" for table in self.tables)])
            raise ValueError(f"column {name!r} comes from {source!r}; expected one of {known}")
        if self.tables[table].format == "kaldi" and label not in (*_KALDI_COLUMNS, "part"):
            raise ValueError(f"column {name!r} comes from {source!r}; a kaldi table has key, value and part")


def _names(names: object) -> str:
    return ", ".join(sorted(str(name) for name in names)) if isinstance(names, list | set) else str(names)


def list_corpora() -> list[CorpusInfo]:
    """Return what is known about every corpus of the package, in order of their names."""
    return [load_corpus_info(name) for name in _known_names()]


def load_corpus_info(name: str | Path) -> CorpusInfo:
    """Return what is known about one corpus.

    Args:
        name: of a corpus of the package, or the path of a TOML file with a row of your own.

    Raises:
        CorpusError: if there is no such corpus or file, or the row is not valid.
    """
    path = Path(name)
    if path.suffix.lower() == ".toml":
        try:
            return _parse(path.read_text(encoding="utf-8"), name=path.stem, place=str(path))
        except OSError:
            raise CorpusError(f"no file {path}; expected a TOML file with the row of a corpus") from None
        except UnicodeDecodeError as error:
            raise CorpusError(f"{path} is not UTF-8 text ({error.reason}); expected a TOML file") from None
    known = _known_names()
    if name not in known:
        hint = near_match(str(name), known) or ";"
        raise CorpusError(f"no corpus {str(name)!r}{hint} 'paraclap corpus list' shows all")
    text = (_data_folder() / f"{name}.toml").read_text(encoding="utf-8")
    return _parse(text, name=str(name), place=f"the row of {name}")


def _data_folder() -> Traversable:
    return resources.files("paraclap.corpora") / "data"


def _known_names() -> list[str]:
    names = (entry.name for entry in _data_folder().iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def _parse(text: str, *, name: str, place: str) -> CorpusInfo:
    try:
        row = tomllib.loads(text)
        return CorpusInfo.model_validate({"name": name, **row})
    except tomllib.TOMLDecodeError as error:
        raise CorpusError(f"{place} is not TOML ({error}); expected the row of a corpus") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the row"
        raise CorpusError(f"{place}: {where}: {first['msg']}; see the rows of the package for examples") from None
