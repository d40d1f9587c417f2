"""What both decoders say of a file: that it is not theirs, or that a segment is not in it."""

from pathlib import Path

from paraclap.errors import AudioError

PRE_ROLL = 1.5  # s that a lossy decoder gets to settle after a seek
TOLERATED_LOSS = 0.1  # s; encoders' counts are off by less than this


class UnreadableError(Exception):
    """Say that one of the two decoders cannot read a file; the other one may."""


def check_bounds(path: Path, start: float, end: float | None, *, duration: float, promised: float) -> None:
    """Check a segment, in seconds, against what a file holds and what its header promises.

    Raises:
        AudioError: if the segment begins behind the file's end, or reaches into a part that is promised but not there.
    """
    if promised - duration > TOLERATED_LOSS and (end is None or end > duration):
        raise AudioError(
            f"{path}: the file is truncated, {duration:.3f} s of {promised:.3f} s are there; copy or export it again"
        )
    if start >= duration:
        raise AudioError(f"{path}: segment starts at {start} s; the file ends at {duration:.3f} s")


def damaged(path: Path, detail: str) -> AudioError:
    """Make the error for a file that a decoder began to read and could not go on with."""
    return AudioError(
        f"{path}: the file is damaged or truncated ({detail.strip().rstrip('.')}); copy or export it again"
    )
