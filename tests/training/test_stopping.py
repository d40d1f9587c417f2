import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from paraclap.training.stopping import EarlyStopping, StopRequest, stop_on_signals

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class UsualHandlerError(Exception):
    """Raised by the handlers that are there before."""


@pytest.fixture(autouse=True)
def usual_handlers() -> Iterator[None]:
    """Set handlers to be found again, so that no signal of these tests can end the test run."""

    def handle(number: int, frame: object) -> None:
        raise UsualHandlerError(signal.Signals(number).name)

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_noted_and_the_old_handler_comes_back(number: signal.Signals) -> None:
    with stop_on_signals() as stop:
        assert stop.requested is None
        os.kill(os.getpid(), number)
        assert stop.requested == number.name

    with pytest.raises(UsualHandlerError, match=number.name):
        os.kill(os.getpid(), number)


def test_the_old_handlers_come_back_after_an_error() -> None:
    handlers = [signal.getsignal(number) for number in SIGNALS]

    with pytest.raises(ValueError, match="of the run"), stop_on_signals():
        raise ValueError("of the run")

    assert [signal.getsignal(number) for number in SIGNALS] == handlers


@pytest.mark.parametrize("first", SIGNALS)
def test_ctrl_c_after_a_request_ends_at_once(first: signal.Signals) -> None:
    with stop_on_signals() as stop:
        os.kill(os.getpid(), first)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)

        assert stop.requested == first.name


def test_a_second_sigterm_changes_nothing() -> None:
    with stop_on_signals() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)

        assert stop.requested == "SIGTERM"


def test_outside_the_main_thread_nothing_is_noted() -> None:
    handlers = [signal.getsignal(number) for number in SIGNALS]
    seen: list[object] = []

    def work() -> None:
        with stop_on_signals() as stop:
            seen.extend([stop, *(signal.getsignal(number) for number in SIGNALS)])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [StopRequest(None), *handlers]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # it has threads of torch; the worker only sleeps
def test_a_forked_worker_dies_of_sigterm_and_leaves_ctrl_c_to_its_parent() -> None:
    with stop_on_signals() as stop:
        worker = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        worker.start()
        assert worker.pid is not None
        for _ in range(3):
            os.kill(worker.pid, signal.SIGINT)
            time.sleep(0.05)
        alive = worker.is_alive()
        worker.terminate()
        worker.join(timeout=10)

    assert alive
    assert worker.exitcode == -signal.SIGTERM
    assert stop.requested is None


def test_a_run_stops_after_so_many_validations_without_a_better_one() -> None:
    stopping = EarlyStopping(2)

    due = []
    for is_better in (True, False, True, False, False, False, True):
        stopping.update(is_better=is_better)
        due.append((stopping.count, stopping.is_due))

    assert due == [(0, False), (1, False), (0, False), (1, False), (2, True), (3, True), (0, False)]


def test_the_count_goes_on_from_a_checkpoint() -> None:
    stopping = EarlyStopping(3, count=2)
    assert not stopping.is_due

    stopping.update(is_better=False)

    assert stopping.is_due


def test_without_patience_no_run_stops_early() -> None:
    assert not EarlyStopping(None, count=1000).is_due
