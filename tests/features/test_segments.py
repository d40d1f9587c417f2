from pathlib import Path

import pytest
from tests.features.corpora import make_manifest

from paraclap.errors import ConfigError
from paraclap.features.segments import Segments

Row = tuple[str, float, float]


def list_rows(rows: list[Row], window: float | None = None, hop: float | None = None, size: int = 3) -> list[Row]:
    """Return the rows of a table of features in seconds."""
    segments = Segments(make_manifest(rows, Path())[0], window=window, hop=hop)
    found = [row for partition in segments.partitions(size) for row in partition]
    assert len(found) == len(segments)
    return [(row.file, row.start / 1e9, row.end / 1e9) for row in found]


def count_by_hand(duration: int, window: int, hop: int) -> list[tuple[int, int]]:
    """Return the windows of an utterance that begins at 0, one after the other."""
    windows: list[tuple[int, int]] = []
    start = 0
    while start + window <= duration:
        windows.append((start, start + window))
        start += hop
    covered = windows[-1][1] if windows else 0
    if not windows or (covered < duration and duration - start >= window / 2):
        windows.append((start, duration))
    return windows


def test_without_windows_the_rows_are_the_utterances() -> None:
    rows = [("b.wav", 0.0, 1.5), ("a.wav", 0.123456789, 2.0), ("b.wav", 1.5, 7.0), ("ä/c.wav", 3.0, 4.0)]

    assert list_rows(rows) == rows


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (10.0, [(0, 3), (3, 6), (6, 9)]),  # 1 s is left: less than half a window
        (10.5, [(0, 3), (3, 6), (6, 9), (9, 10.5)]),
        (9.0, [(0, 3), (3, 6), (6, 9)]),
        (2.0, [(0, 2)]),
        (1.0, [(0, 1)]),  # an utterance has at least one row
        (3.0, [(0, 3)]),
        (4.4, [(0, 3)]),
    ],
)
def test_what_is_left_is_a_window_from_half_a_window_on(duration: float, expected: list[tuple[float, float]]) -> None:
    assert list_rows([("a.wav", 0.0, duration)], 3.0) == [("a.wav", start, end) for start, end in expected]


def test_windows_lie_within_their_utterance() -> None:
    rows = [("a.wav", 1.0, 2.0), ("a.wav", 5.0, 8.5), ("b.wav", 0.25, 3.25)]

    assert list_rows(rows, 2.0, 1.0) == [
        ("a.wav", 1.0, 2.0),
        ("a.wav", 5.0, 7.0),
        ("a.wav", 6.0, 8.0),
        ("a.wav", 7.0, 8.5),
        ("b.wav", 0.25, 2.25),
        ("b.wav", 1.25, 3.25),
    ]


@pytest.mark.parametrize(("window", "hop"), [(3, 3), (3, 1), (4, 3), (2, 5), (7, 2), (1, 1)])
def test_windows_are_those_counted_one_by_one(window: int, hop: int) -> None:
    durations = range(1, 25)

    found = list_rows([(f"{number}.wav", 0.0, float(number)) for number in durations], window, hop)

    expected = [(f"{d}.wav", start, end) for d in durations for start, end in count_by_hand(d, window, hop)]
    assert found == expected


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_partitions_have_the_size_that_is_asked_for(size: int) -> None:
    segments = Segments(make_manifest([("a.wav", 0.0, 5.0), ("b.wav", 0.0, 4.0)], Path())[0], window=1.0)

    sizes = [len(partition) for partition in segments.partitions(size)]

    assert sum(sizes) == len(segments) == 9
    assert set(sizes[:-1]) <= {size}


@pytest.mark.parametrize(
    ("window", "hop", "message"),
    [
        (None, 1.0, r"^hop of 1 s without a window; give the length of the windows too$"),
        (0.05, None, r"^window of 0\.05 s; expected at least 0\.1 s$"),
        (float("nan"), None, r"^window of nan s; expected at least 0\.1 s$"),
        (float("inf"), None, r"^window of inf s; expected at least 0\.1 s$"),
        (1.0, 0.0, r"^hop of 0 s; expected more than 0 s$"),
        (1.0, -1.0, r"^hop of -1 s; expected more than 0 s$"),
        (1.0, float("nan"), r"^hop of nan s; expected more than 0 s$"),
    ],
)
def test_windows_that_make_no_sense_are_refused(window: float | None, hop: float | None, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Segments(make_manifest([("a.wav", 0.0, 1.0)], Path())[0], window=window, hop=hop)
