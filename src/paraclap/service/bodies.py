"""Bodies with audio: a form with a file and fields, or the bare file with parameters in the address."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO, cast

from starlette.datastructures import UploadFile
from starlette.requests import Request

from paraclap.service.guard import refuse_size
from paraclap.service.problems import RequestError
from paraclap.service.settings import ServiceSettings
from paraclap.service.uploads import StoredFile, UploadFolder

Fields = list[tuple[str, str]]

_MAX_FIELD = 2**14  # bytes of one field
_MORE_FIELDS = 32  # beside queries
_IN_MEMORY = 2**20  # bytes
_RAW_KINDS = ("audio/", "video/", "application/octet-stream")


@asynccontextmanager
async def receive_audio(
    request: Request, folder: UploadFolder, settings: ServiceSettings
) -> AsyncIterator[tuple[StoredFile, Fields]]:
    """Yield the file of a request while it is answered, and its options.

    Raises:
        RequestError: if the body is of another kind, has no file, or a file that is too large.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    fields = request.query_params.multi_items()
    if kind == "multipart/form-data":
        async with request.form(
            max_files=1, max_fields=settings.max_queries + _MORE_FIELDS, max_part_size=_MAX_FIELD
        ) as form:
            fields += [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise RequestError(422, "the form has no file; expected a part 'file' with audio and its file name")
            if (file.size or 0) > settings.max_bytes:
                raise refuse_size(settings.max_bytes)
            stored = await asyncio.to_thread(folder.store, file.file, file.filename or "")
    elif not kind or kind.startswith(_RAW_KINDS):
        name = next((value for key, value in fields if key == "name"), "")
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as content:
            size = 0
            async for part in request.stream():
                size += len(part)
                if size > settings.max_bytes:
                    raise refuse_size(settings.max_bytes)
                content.write(part)
            if size == 0:
                raise RequestError(422, "the body is empty; expected audio, or a form with a part 'file'")
            content.seek(0)
            stored = await asyncio.to_thread(folder.store, cast("BinaryIO", content), name)
    else:
        raise RequestError(
            415,
            f"the body is {kind}; expected multipart/form-data with a part 'file', or the file itself as audio/* or "
            "application/octet-stream",
        )
    try:
        yield stored, fields
    finally:
        folder.remove(stored)
