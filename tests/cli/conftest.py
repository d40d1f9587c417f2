import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from paraclap.cli import main


@dataclass(frozen=True)
class Outcome:
    """What a run of the command line left behind."""

    status: int
    stdout: str
    stderr: str


Run = Callable[..., Outcome]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the `paraclap` command in this process."""
    monkeypatch.setenv("COLUMNS", "200")  # so that messages about usage are not wrapped
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)  # which main replaces

    def run_main(*arguments: str | Path) -> Outcome:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", ["paraclap", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        status = exit_.value.code
        assert isinstance(status, int)
        return Outcome(status, *capsys.readouterr())

    return run_main
