"""The index that a service searches: hits without paths of the server, and ids by which they can be listened to."""

import hmac
import os
import re
import secrets
from base64 import urlsafe_b64encode
from collections import OrderedDict
from pathlib import Path, PurePath
from threading import Lock
from typing import TYPE_CHECKING, Any

from paraclap.errors import QueryError
from paraclap.index import Index, SearchSettings, list_hits
from paraclap.index.store import Store
from paraclap.service.model_card import find_shown_name
from paraclap.service.problems import RequestError

if TYPE_CHECKING:
    from paraclap.inference import AudioTextModel
    from paraclap.service.options import SearchOptions

_REMEMBERED = 20_000  # hits that may be listened to
_ID_SIZE = 16  # bytes
_HIDDEN = "file"  # a column of paths
_PATH_COLUMN = re.compile(r"\b(?:file|_source|_plan)\b", re.IGNORECASE)  # anywhere: comments hide quotes
_Stretch = tuple[str, float, float]


class Archive:
    """Search an index for clients that shall learn nothing of where its files lie.

    Raises:
        StoreError: if there is no index, or it is of another model.
    """

    def __init__(self, place: str, model: "AudioTextModel") -> None:
        self.place = place
        self._index = Index.open(place, model=model)
        self._exact = Index.open(place, model=model, settings=SearchSettings(exact=True))
        self.root = _find_root(Store.open(place).read([_HIDDEN])[_HIDDEN].to_pylist())
        self._secret = secrets.token_bytes(_ID_SIZE)
        self._stretches: OrderedDict[str, _Stretch] = OrderedDict()
        self._lock = Lock()

    def describe(self) -> dict[str, Any]:
        """Return what clients may know of the index."""
        columns = {name: kind for name, kind in self._index.columns.items() if name != _HIDDEN}
        return {"windows": len(self._index), "model": find_shown_name(self._index.header.model), "columns": columns}

    def search(self, options: "SearchOptions") -> list[dict[str, Any]]:
        """Return hits as `paraclap search --json` does, with an id, and files relative to their common folder.

        Raises:
            QueryError: if nothing is asked, or the condition does not parse or asks for paths.
        """
        if options.q is None and not options.and_:
            raise QueryError("nothing is asked; give a sentence such as q=a tired old man")
        if options.where is not None:
            _check_condition(options.where)
        index = self._exact if options.exact else self._index
        hits = index.search(
            options.q,
            k=options.k,
            where=options.where,
            and_=options.and_,
            not_=options.not_,
            all_windows=options.all_windows,
        )
        return [self._name_hit(hit) for hit in list_hits(hits)]

    def find(self, hit_id: str) -> _Stretch:
        """Return file, start and end of a hit.

        Raises:
            RequestError: if no search answered with that id lately.
        """
        with self._lock:
            stretch = self._stretches.get(hit_id)
        if stretch is None:
            raise RequestError(404, "no hit has this id, or it is too old; search again")
        return stretch

    def _name_hit(self, hit: dict[str, Any]) -> dict[str, Any]:
        """Return a hit with an id, and the name of its file that a client may see."""
        stretch = (hit["file"], hit["start"], hit["end"])
        shown = {**hit, "file": self._shorten(hit["file"])}
        return {"rank": shown.pop("rank"), "id": self._remember(stretch), **shown}

    def _remember(self, stretch: _Stretch) -> str:
        digest = hmac.digest(self._secret, repr(stretch).encode(), "sha256")[:_ID_SIZE]
        hit_id = urlsafe_b64encode(digest).decode().rstrip("=")
        with self._lock:
            self._stretches[hit_id] = stretch
            self._stretches.move_to_end(hit_id)
            while len(self._stretches) > _REMEMBERED:
                self._stretches.popitem(last=False)
        return hit_id

    def _shorten(self, file: str) -> str:
        path = PurePath(file)
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.name


def _find_root(files: list[str]) -> Path:
    """Return the folder that all files share."""
    folders = {os.path.dirname(file) for file in files}  # noqa: PTH120  # of very many
    return Path(os.path.commonpath(folders)) if folders else Path("/")


def _check_condition(where: str) -> None:
    """Refuse a condition over paths: what it lets through would tell, letter by letter, where files lie.

    Raises:
        QueryError: if it names such a column.
    """
    if _PATH_COLUMN.search(where):
        raise QueryError(
            "the condition has the word 'file', a column that holds paths of the server; expected other columns, "
            "as /v1/info lists them"
        )
