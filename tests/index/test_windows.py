import pytest

from paraclap.errors import ConfigError
from paraclap.index.windows import Windowing
from paraclap.inference.clips import Clip, plan_windows


@pytest.mark.parametrize("duration", [0.1, 29.9, 30.0, 30.5, 31.0, 39.99, 40.0, 45.3, 61.2, 3600.0])
def test_windows_are_those_in_which_the_model_hears_long_clips(duration: float) -> None:
    expected = [(clip.start, clip.end) for clip in plan_windows(Clip("x", 0.0, duration))]  # type: ignore[arg-type]

    assert Windowing().cut(0.0, duration) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0.0, 3.9, [(0.0, 3.9)]),
        (0.0, 4.0, [(0.0, 4.0)]),
        (0.0, 4.5, [(0.0, 2.0), (2.0, 4.5)]),  # half a second is heard with what is before it
        (1.0, 6.0, [(1.0, 3.0), (3.0, 5.0), (5.0, 6.0)]),
        (1.0, 7.0, [(1.0, 3.0), (3.0, 5.0), (5.0, 7.0)]),
    ],
)
def test_windows_touch_each_other_and_a_short_rest_is_heard_with_the_last(
    start: float, end: float, expected: list[tuple[float, float]]
) -> None:
    assert Windowing(window=2.0, whole=4.0).cut(start, end) == expected


def test_what_is_not_longer_than_a_window_is_one() -> None:
    assert Windowing(window=5.0, whole=0.0).cut(0.0, 5.0) == [(0.0, 5.0)]


@pytest.mark.parametrize(
    ("window", "whole", "message"),
    [
        (0.1, 30.0, "windows of 0.1 s; expected 0.5 to 30 s"),
        (31.0, 30.0, "windows of 31 s; expected 0.5 to 30 s"),
        (10.0, 60.0, "audio of up to 60 s as one window; expected 0 to 30 s"),
        (10.0, float("nan"), "audio of up to nan s as one window"),
    ],
)
def test_windows_beyond_what_a_model_hears_are_refused(window: float, whole: float, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Windowing(window=window, whole=whole)
