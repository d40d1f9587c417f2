"""The border to models: what an embedder must offer, and how clips are embedded although some files are broken."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.errors import AudioError
from paraclap.records import BadFile

GROUP_SIZE = 256  # clips handed to the embedder at once: bounds what a broken file can undo, steps the progress bar


@runtime_checkable
class Embedder(Protocol):
    """Embed audio and text as unit vectors in one space, and say which model does it.

    `training_corpora` names the corpora the model was trained on, None where nobody says. `fingerprint` identifies the
    weights.
    """

    @property
    def name(self) -> str:
        """Name the model."""

    @property
    def fingerprint(self) -> str:
        """Identify the weights."""

    @property
    def logit_scale(self) -> float:
        """Give the factor from cosine to logit."""

    @property
    def training_corpora(self) -> tuple[str, ...] | None:
        """Name the corpora of the training, None if unknown."""

    def embed_audio(self, audio: pd.MultiIndex) -> npt.NDArray[np.float32]:
        """Embed the segments of an index `file, start, end` as unit vectors `[N, D]`; AudioError for a bad file."""

    def embed_text(self, texts: list[str]) -> npt.NDArray[np.float32]:
        """Embed texts as unit vectors `[N, D]`."""


def embed_clips(
    embedder: Embedder, index: pd.MultiIndex, root: Path, *, advance: Callable[[int], None] | None = None
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], list[BadFile]]:
    """Embed the clips of a corpus, each once; leave out and name those that cannot be read.

    Clips go to the embedder in groups of about the same duration, so that little is spent on padding.

    Args:
        embedder: the model.
        index: `file, start, end`, files relative to `root`.
        root: folder of the corpus.
        advance: called with the number of clips done, for a progress bar.

    Returns:
        Unit vectors `[N, D]` (zeros where a clip is bad), whether each clip is good `[N]`, and the bad files in order.
    """
    paths = [str(root / file) for file in index.get_level_values("file")]
    absolute = pd.MultiIndex.from_arrays(
        [paths, index.get_level_values("start"), index.get_level_values("end")], names=index.names
    )
    durations = absolute.get_level_values("end") - absolute.get_level_values("start")
    order = np.argsort(durations.to_numpy(), kind="stable")
    rows: dict[int, npt.NDArray[np.float32]] = {}
    reasons: dict[int, str] = {}

    def embed(clips: Sequence[int]) -> None:
        try:
            embedded = embedder.embed_audio(absolute[list(clips)])
        except AudioError as error:
            if len(clips) == 1:
                reasons[clips[0]] = str(error).replace(f"{root}/", "")
                return
            middle = len(clips) // 2
            embed(clips[:middle])
            embed(clips[middle:])
            return
        rows.update(zip(clips, embedded, strict=True))

    for begin in range(0, len(order), GROUP_SIZE):
        group = order[begin : begin + GROUP_SIZE].tolist()
        embed(group)
        if advance:
            advance(len(group))
    size = len(next(iter(rows.values()))) if rows else 0
    embeds = np.zeros((len(index), size), dtype=np.float32)
    for clip, row in rows.items():
        embeds[clip] = row
    files = index.get_level_values("file")
    bad = [BadFile(str(files[clip]), reasons[clip]) for clip in sorted(reasons)]
    return embeds, np.asarray([clip not in reasons for clip in range(len(index))]), bad
