"""`paraclap serve`: the same answers over HTTP, and a page to ask them on."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paraclap.cli.options import DeviceOption, DtypeOption, ModelOption
from paraclap.errors import ConfigError

if TYPE_CHECKING:
    from paraclap.service import ServiceSettings

_NEEDED = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")
_KEYS = "PARACLAP_API_KEYS"


def serve(
    model: ModelOption = None,
    index: Annotated[
        str | None, typer.Option("--index", help="The folder of an index to search ('paraclap index build').")
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen at; 127.0.0.1, this machine only.")
    ] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port to listen at; 8000. 0 takes any.")] = None,
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file", help=f"A file of API keys, one a line; or set {_KEYS}. Without keys none is asked for."
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option("--allow-origin", help="Let pages of another server ask: https://example.org. Repeatable."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="A name under which a proxy makes this machine known. Repeatable."),
    ] = None,
    players: Annotated[
        bool, typer.Option("--players", help="Let everybody who may search also listen to the hits.")
    ] = False,
    max_mb: Annotated[float | None, typer.Option("--max-mb", help="Megabytes of one upload; 50.")] = None,
    max_duration: Annotated[float | None, typer.Option("--max-duration", help="Seconds of audio; 3600.")] = None,
    max_batch: Annotated[
        int | None, typer.Option("--max-batch", help="Requests that share a batch; 16. 1 never shares one.")
    ] = None,
    queue_size: Annotated[
        int | None, typer.Option("--queue-size", help="Requests that may wait; 64. More are answered 503.")
    ] = None,
    decoders: Annotated[
        int | None, typer.Option("--decoders", help="Processes that decode audio; one a core, up to 4.")
    ] = None,
    device: DeviceOption = None,
    dtype: DtypeOption = None,
) -> None:
    r"""Answer over HTTP, with a page for people and an API for programs.

    Example: paraclap serve, and open http://127.0.0.1:8000

    Every answer is the one that 'paraclap classify --json' and its like print. Nothing of an upload is kept. Other
    machines are let in by --host 0.0.0.0; give an API key then (--key-file).

    Needs: pip install 'paraclap\[serve]'
    """
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ConfigError(
            f"{missing[0].replace('_', '-')} is not installed; install it with: pip install 'paraclap[serve]'"
        )
    given: dict[str, Any] = {
        "model": model,
        "index": index,
        "host": host,
        "port": port,
        "allow_origins": tuple(allow_origin or ()) or None,
        "allow_hosts": tuple(allow_host or ()) or None,
        "players": players or None,
        "max_bytes": None if max_mb is None else round(max_mb * 2**20),
        "max_duration": max_duration,
        "max_batch": max_batch,
        "queue_size": queue_size,
        "decoders": decoders,
        "device": device,
        "dtype": dtype,
        "api_keys": _read_keys(key_file) or None,
    }
    settings = _make_settings({name: value for name, value in given.items() if value is not None})
    if not settings.is_local and not settings.api_keys:
        print(
            f"paraclap: {settings.host} is open to other machines, and no API key is asked for; "
            "give one with --key-file, or listen on 127.0.0.1",
            file=sys.stderr,
        )
    from paraclap.service import bind, serve
    from paraclap.service.running import name_address

    with bind(settings) as listener:  # before the model is loaded: what would fail, fails at once
        from paraclap.inference import load_model

        loaded = load_model(settings.model, device=settings.device, dtype=settings.dtype)
        serve(settings, listener, model=loaded, on_ready=lambda: typer.echo(name_address(listener)))


def _read_keys(file: Path | None) -> tuple[str, ...]:
    """Return the API keys of a file, or of the environment.

    Raises:
        ConfigError: if the file cannot be read or holds none.
    """
    if file is None:
        return tuple(key for key in os.environ.get(_KEYS, "").replace(",", " ").split() if key)
    try:
        keys = tuple(line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise ConfigError(f"--key-file {file} cannot be read ({reason}); expected one key a line") from None
    if not keys:
        raise ConfigError(f"--key-file {file} holds no key; expected one a line, of 16 characters or more")
    return keys


def _make_settings(given: dict[str, Any]) -> "ServiceSettings":
    """Check settings.

    Raises:
        ConfigError: if a value is out of its range.
    """
    from pydantic import ValidationError

    from paraclap.service import ServiceSettings

    try:
        return ServiceSettings(**given)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]  # a key is no text for a terminal
        name = str(first["loc"][0]).replace("_", "-")
        raise ConfigError(f"setting {name}: {first['msg'].removeprefix('Value error, ')}") from None
