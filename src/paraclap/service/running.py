"""Listening: take the port before long work, then answer until the service is told to stop."""

import logging.config
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from paraclap.errors import ConfigError
from paraclap.service.logs import LOGGING
from paraclap.service.settings import ServiceSettings

if TYPE_CHECKING:
    from paraclap.inference import AudioTextModel

_KEEP_ALIVE = 15  # s


def bind(settings: ServiceSettings) -> socket.socket:
    """Take the port, without answering yet.

    Raises:
        ConfigError: if it cannot be had.
    """
    listener = None
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        if listener is not None:
            listener.close()
        raise ConfigError(
            f"cannot listen at {settings.host} port {settings.port} ({error.strerror or error}); free it, or choose "
            "another --host or --port"
        ) from None
    return listener


def serve(
    settings: ServiceSettings, listener: socket.socket, *, model: "AudioTextModel", on_ready: Callable[[], None]
) -> None:
    """Answer until a signal comes; then finish what is in flight.

    Args:
        settings: of the service.
        listener: with its port, as `bind` made it.
        model: that answers.
        on_ready: called when the first request can be answered.

    Raises:
        StoreError: if the index cannot be opened, or is of another model.
    """
    import uvicorn

    from paraclap.index import Index
    from paraclap.service.app import create_app

    if settings.index is not None:
        Index.open(settings.index, model=model)  # what an application raises while it starts is logged, not told
    logging.captureWarnings(True)
    logging.config.dictConfig(LOGGING)
    config = uvicorn.Config(
        create_app(settings, model=model),
        log_config=LOGGING,
        access_log=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE,
        timeout_graceful_shutdown=settings.grace,
        ws="none",
    )

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                on_ready()

    Server(config).run(sockets=[listener])


def name_address(listener: socket.socket) -> str:
    """Return the address at which a listener is found."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
