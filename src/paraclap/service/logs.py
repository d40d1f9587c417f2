"""Log lines as JSON, one an event, on stderr; nothing of what was said or asked is in them."""

import json
import logging
import traceback
from datetime import UTC, datetime
from typing import Any

LOGGER = logging.getLogger("paraclap.service")

LOGGING: dict[str, Any] = {  # as logging.config and uvicorn take it
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "paraclap.service.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json", "stream": "ext://sys.stderr"}},
    "loggers": {
        name: {"handlers": ["stderr"], "level": level, "propagate": False}
        for name, level in {"paraclap.service": "INFO", "uvicorn": "WARNING", "py.warnings": "WARNING"}.items()
    },
}


class JsonFormatter(logging.Formatter):
    """Make one line of JSON of a record: time, level, event, and the fields that it was logged with."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"time": moment, "level": record.levelname.lower(), "event": record.getMessage()}
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            # Where it happened, but not its words: they may quote what somebody sent.
            line["at"] = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(record.exc_info[2])][-12:]
        return json.dumps(line, ensure_ascii=False)


def log_event(event: str, *, level: int = logging.INFO, error: BaseException | None = None, **fields: Any) -> None:
    """Log an event with its fields."""
    LOGGER.log(level, event, extra={"fields": fields}, exc_info=error)
