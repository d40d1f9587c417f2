import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from paraclap import ParaClap
from paraclap.version import __version__

COMMANDS = ("captions", "classify", "convert", "embed", "evaluate", "export", "features", "probe", "train", "corpus")


def run_module(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-m", "paraclap", *arguments], capture_output=True, text=True, check=False)


def test_the_module_is_the_command() -> None:
    done = run_module("--version")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"paraclap {__version__} ")
    assert "code: Apache-2.0" in done.stdout
    assert "weights of paraclap-mini: CC BY-NC-SA 4.0" in done.stdout


def test_help_names_every_command(run: Run) -> None:
    done = run("--help")

    assert (done.status, done.stderr) == (0, "")
    for command in COMMANDS:
        assert f" {command} " in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_without_what_is_heavy(command: str) -> None:
    code = (
        "import sys\n"
        "from paraclap.cli import main\n"
        f"sys.argv = ['paraclap', '{command}', '--help']\n"
        "try:\n"
        "    main()\n"
        "finally:\n"
        "    heavy = ('torch', 'transformers', 'pandas', 'numpy', 'soundfile', 'sklearn', 'av')\n"
        "    print([name for name in heavy if name in sys.modules], file=sys.stderr)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "[]\n")
    assert "Usage: " in done.stdout


def test_no_arguments_show_help_and_an_unknown_command_is_wrong_usage(run: Run) -> None:
    assert "Usage: " in (run().stdout or run().stderr)
    unknown = run("clasify")
    assert unknown.status == 2
    assert "No such command 'clasify'" in unknown.stderr


def test_an_interrupt_is_one_line_and_status_130(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ParaClap, "from_pretrained", interrupt)

    done = run("classify", tmp_path, "-q", "an angry man")

    assert (done.status, done.stdout, done.stderr) == (130, "", "paraclap: interrupted\n")


@pytest.mark.parametrize("arguments", [("corpus", "list", "--json"), ("--help",)])
def test_a_reader_that_has_gone_is_no_complaint(arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-m", "paraclap", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaint = process.stderr.read()

    assert complaint == ""


def test_an_error_of_several_lines_is_told_in_one(run: Run, tmp_path: Path) -> None:
    done = run("corpus", "info", tmp_path / "two\nlines.parquet")

    assert done.status == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("paraclap: ")


def test_a_file_that_may_not_be_read_is_one_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise PermissionError(13, "Permission denied", "secret.parquet")

    monkeypatch.setattr("paraclap.corpora.read_manifest", refuse)
    done = run("corpus", "info", "secret.parquet")
    expected = "paraclap: secret.parquet may not be read or written by you; change its permissions\n"
    assert (done.status, done.stderr) == (1, expected)
