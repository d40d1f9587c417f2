"""Search over an archive: a store of embeddings that is kept up to date, and is asked in sentences or by example."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paraclap.index.building import BuildReport
    from paraclap.index.header import IndexHeader
    from paraclap.index.hits import list_hits
    from paraclap.index.players import make_player
    from paraclap.index.search_index import Index
    from paraclap.index.searching import SearchSettings
    from paraclap.index.windows import Windowing

_HOMES = {  # imported on first use: the command line shows its help without them
    "BuildReport": "building",
    "Index": "search_index",
    "IndexHeader": "header",
    "SearchSettings": "searching",
    "Windowing": "windows",
    "list_hits": "hits",
    "make_player": "players",
}

__all__ = ["BuildReport", "Index", "IndexHeader", "SearchSettings", "Windowing", "list_hits", "make_player"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"paraclap.index.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'paraclap.index' has no attribute {name!r}")
