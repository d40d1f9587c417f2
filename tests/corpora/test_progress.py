import pytest

from paraclap.corpora.progress import track_progress


@pytest.mark.parametrize(("progress", "is_terminal"), [(True, True), (True, False), (False, True)])
def test_a_bar_is_shown_if_it_is_asked_for_and_stderr_is_a_terminal(
    progress: bool, is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1" if is_terminal else "")  # so rich takes any stream for one, or none

    assert list(track_progress(["a", "b"], "reading files", progress=progress)) == ["a", "b"]

    printed = capsys.readouterr()
    assert printed.out == ""
    assert ("reading files" in printed.err) == (progress and is_terminal)
    if not (progress and is_terminal):
        assert printed.err == ""


def test_what_has_no_length_may_tell_its_total(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")

    assert list(track_progress(iter("ab"), "reading", total=2, progress=True)) == ["a", "b"]
    assert "100%" in capsys.readouterr().err
