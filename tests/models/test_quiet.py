import pytest
from transformers.utils import logging

from paraclap.models import no_progress_bars
from paraclap.models.quiet import no_load_report


@pytest.mark.parametrize("was_on", [True, False])
def test_progress_bars_are_as_before_afterwards(was_on: bool) -> None:
    found = logging.is_progress_bar_enabled()
    try:
        (logging.enable_progress_bar if was_on else logging.disable_progress_bar)()
        with pytest.raises(RuntimeError, match="stop"), no_progress_bars():
            assert not logging.is_progress_bar_enabled()
            raise RuntimeError("stop")
        assert logging.is_progress_bar_enabled() == was_on
    finally:
        (logging.enable_progress_bar if found else logging.disable_progress_bar)()


def test_the_level_of_the_load_report_is_as_before_afterwards() -> None:
    logger = logging.get_logger("transformers.modeling_utils")
    level = logger.level

    with no_load_report():
        assert not logger.isEnabledFor(logging.WARNING)

    assert logger.level == level
