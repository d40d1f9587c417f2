"""The page of a map: one file with all numbers in it, drawn on a canvas by a small script of ours."""

import base64
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.index.map_colours import Colouring
from paraclap.index.map_layout import Layout
from paraclap.version import __version__

_SIZE = 65535  # of both axes, in the page


@dataclass(frozen=True)
class MapContent:
    """Hold what a map shows: rows with an audformat index and what is known of them, their places and their classes.

    `players` are the addresses of the sound of all rows, where the page holds it.
    """

    title: str
    rows: pd.DataFrame
    layout: Layout
    colouring: Colouring
    players: Sequence[str] | None = None


def render_map(content: MapContent, *, folder: Path) -> str:
    """Return the page; all names in it are text, whatever they hold.

    Args:
        content: what it shows.
        folder: where the page will lie, from which it finds the files.
    """
    script, style = _read("map_page.js"), _read("map_page.css")
    digest = base64.b64encode(hashlib.sha256(f"\n{script}".encode()).digest()).decode("ascii")
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:; "
        "media-src 'self' data: file: http: https:"
    )
    num_files = content.rows.index.get_level_values("file").nunique()
    summary = f"{len(content.rows):,} dots of {num_files:,} files, coloured by {content.colouring.name}."
    filling = {
        "policy": policy,
        "version": __version__,
        "title": escape(content.title),
        "summary": escape(summary),
        "colour_by": escape(content.colouring.name),
        "note": escape(" ".join((content.layout.note, content.colouring.note)).strip()),
        "style": style,
        "data": _dump(_collect(content, folder)),
        "script": script,
    }
    return _fill(_read("map_page.html"), filling)


def _collect(content: MapContent, folder: Path) -> dict[str, Any]:
    """Return what the script reads."""
    index, colouring = content.rows.index, content.colouring
    codes, names = pd.factorize(index.get_level_values("file"))
    base, paths = _find_paths([str(name) for name in names], folder)
    places = np.round(content.layout.points.astype(np.float64).clip(0, 1) * _SIZE).astype(np.uint16)
    shares = None if colouring.shares is None else np.round(colouring.shares * 100).astype(np.uint8)
    return {
        "count": len(content.rows),
        "x": _pack(places[:, 0]),
        "y": _pack(places[:, 1]),
        "class_of": _pack(colouring.codes.astype(np.uint8)),
        "share": None if shares is None else _pack(shares),
        "classes": [
            {"name": name, "colour": colour} for name, colour in zip(colouring.classes, colouring.colours, strict=True)
        ],
        "colour_by": colouring.name,
        "file": _pack(codes.astype(np.uint32)),
        "files": paths,
        "base": base,
        "start": _pack(_seconds(index, "start")),
        "end": _pack(_seconds(index, "end")),
        "facts": [_describe_column(content.rows[name]) for name in content.rows],
        "players": content.players,
    }


def _find_paths(names: Sequence[str], folder: Path) -> tuple[str, list[str]]:
    """Return the address of the folder that holds all files, as seen from the page, and the paths below it."""
    full = [Path(name).absolute() for name in names]
    common = Path(os.path.commonpath([path.parent for path in full]))
    try:
        base = quote(Path(os.path.relpath(common, folder.absolute())).as_posix())
    except ValueError:  # on another drive
        base = common.as_uri()
    return f"{base}/", [path.relative_to(common).as_posix() for path in full]


def _seconds(index: pd.Index, level: str) -> npt.NDArray[np.float32]:
    return pd.to_timedelta(index.get_level_values(level)).total_seconds().to_numpy().astype(np.float32)


def _describe_column(column: "pd.Series[Any]") -> dict[str, Any]:
    """Return a column as its distinct values, the first of them empty for what is missing, and their numbers."""
    texts = column.map(lambda value: f"{value:.4g}" if isinstance(value, float) else str(value), na_action="ignore")
    codes, values = pd.factorize(texts)
    return {
        "name": str(column.name),
        "values": ["", *map(str, values)],
        "codes": _pack((codes + 1).astype(np.uint32)),
    }


def _pack(values: npt.NDArray[Any]) -> str:
    """Return numbers as base64, little-endian."""
    little = np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))
    return base64.b64encode(little.tobytes()).decode("ascii")


def _dump(value: Any) -> str:
    """Return a value as JSON that can stand in a page: nothing in it can end the element that holds it."""
    text = json.dumps(value, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _fill(template: str, filling: Mapping[str, str]) -> str:
    """Fill each [[name]] of a template; what is filled in is not looked at again."""
    parts = template.split("[[")
    filled = [parts[0]]
    for part in parts[1:]:
        name, _, rest = part.partition("]]")
        filled.append(filling[name] + rest)
    return "".join(filled)


def _read(name: str) -> str:
    return (files("paraclap.index") / name).read_text(encoding="utf-8")
