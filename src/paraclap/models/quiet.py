"""Loading and saving without what transformers prints: bars for models that load in a moment, a table of bad keys."""

from collections.abc import Iterator
from contextlib import contextmanager

from transformers.utils import logging


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Switch transformers' progress bars off, and back on if they were on."""
    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()


@contextmanager
def no_load_report() -> Iterator[None]:
    """Keep transformers' table of bad keys from being printed, where they are raised as one sentence."""
    logger = logging.get_logger("transformers.modeling_utils")
    was_disabled = logger.disabled
    logger.disabled = True  # not its level: at WARNING or above, it checks a plan for sharding and complains of it
    try:
        yield
    finally:
        logger.disabled = was_disabled
