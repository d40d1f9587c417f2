"""The border to models: what an embedder must offer, and how clips are embedded although some files are broken."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeAlias, cast, runtime_checkable

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.audio import SAMPLING_RATE, Waveform, read_audio
from paraclap.audio import disturb as disturb_waveform
from paraclap.errors import AudioError
from paraclap.evaluation.embedding_cache import ClipHashes, EmbeddingCache, Vector, make_key
from paraclap.records import BadFile
from paraclap.storage import hash_bytes

GROUP_SIZE = 256  # clips handed to the embedder at once: bounds what a broken file can undo, steps the progress bar
_GROUP_DURATION = 600.0  # s, of a group of more than one clip: bounds the memory of waveforms, and what a stop can lose
_NUM_READERS = 2
_ANSWER_STEPS = 100  # to a unit: an answer is told from another, but not from itself on another number of cores

_Embed: TypeAlias = "Callable[[Sequence[int]], npt.NDArray[np.float32]]"  # clips by number to unit vectors [N, D]


class ModelFacts(Protocol):
    """Say which model answered.

    `training_corpora` names the corpora the model was trained on, None where nobody says. `fingerprint` identifies the
    weights. `facts` are what a card says of it, by name.
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

    @property
    def facts(self) -> Mapping[str, str]:
        """Tell what a card says of the model."""


class AudioEmbedder(Protocol):
    """Embed audio as unit vectors; `fingerprint` tells them from those of others."""

    @property
    def fingerprint(self) -> str:
        """Identify what embeds."""

    def embed_audio(
        self, audio: pd.MultiIndex | Sequence[Waveform], sampling_rate: int | None = None
    ) -> npt.NDArray[np.float32]:
        """Embed segments or waveforms as unit vectors `[N, D]`; AudioError for a bad one.

        Args:
            audio: an index `file, start, end`, or waveforms `[T]`.
            sampling_rate: of waveforms, in Hz.
        """


@runtime_checkable
class Embedder(ModelFacts, AudioEmbedder, Protocol):
    """Embed audio and text as unit vectors in one space, and say which model does it."""

    def embed_text(self, texts: list[str]) -> npt.NDArray[np.float32]:
        """Embed texts as unit vectors `[N, D]`."""


class Reference(Protocol):
    """Stand for what a model has measured of other recordings; only the model knows what that is."""

    @property
    def fingerprint(self) -> str:
        """Identify what was measured."""


@runtime_checkable
class ReferenceEmbedder(Embedder, Protocol):
    """Embed audio relative to reference recordings of the same speaker or channel, which need no labels."""

    @property
    def takes_references(self) -> bool:
        """Say whether this very model does; others may have the methods and refuse."""

    def measure_reference(
        self,
        audio: pd.MultiIndex | Sequence[Waveform],
        *,
        sampling_rate: int | None = None,
        is_one_speaker: bool = True,
    ) -> Reference:
        """Measure recordings of a speaker or channel; what cannot be read is left out, AudioError if that is all."""

    def embed_audio(
        self,
        audio: pd.MultiIndex | Sequence[Waveform],
        sampling_rate: int | None = None,
        *,
        reference: Any = None,  # one that this model measured: its own kind, which no one else can name
    ) -> npt.NDArray[np.float32]:
        """Embed segments or waveforms as unit vectors `[N, D]`, relative to a reference if there is one."""


def locate_clips(index: pd.MultiIndex, root: Path) -> pd.MultiIndex:
    """Return an index whose files are relative to a folder with files as they can be opened."""
    files, starts, ends = (index.get_level_values(level) for level in ("file", "start", "end"))
    return pd.MultiIndex.from_arrays([[str(root / file) for file in files], starts, ends], names=index.names)


def embed_clips(
    embedder: AudioEmbedder,
    index: pd.MultiIndex,
    root: Path,
    *,
    cache: EmbeddingCache | None = None,
    disturb: str | None = None,
    advance: Callable[[int], None] | None = None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], list[BadFile]]:
    """Embed the clips of a corpus, each once; leave out and name those that cannot be read.

    Clips go to the embedder in groups of about the same duration, so that little is spent on padding. Where clips are
    disturbed, chance depends on each clip's content alone: neither on the order nor on the folder, and different levels
    of one disturbance draw the same.

    Args:
        embedder: the model.
        index: `file, start, end`, files relative to `root`.
        root: folder of the corpus.
        cache: where embeddings are looked up, and kept after every group; bad clips never are.
        disturb: a name of `read_disturbances`, for clips that are read at 16 kHz and disturbed before they are heard.
        advance: called with the number of clips done, for a progress bar.

    Returns:
        Unit vectors `[N, D]` (zeros where a clip is bad), whether each clip is good `[N]`, and the bad files in order.

    Raises:
        ConfigError: if there is no such disturbance, or the cache cannot be used.
    """
    absolute = locate_clips(index, root)
    hashes = ClipHashes(absolute)
    model = "" if cache is None else _identify(embedder)
    vectors: dict[int, Vector] = {}
    errors: dict[int, AudioError] = {}
    for group in _plan_groups(absolute):
        keys = (
            {} if cache is None else {clip: make_key(hashes[clip], model=model, disturbance=disturb) for clip in group}
        )
        known = {} if cache is None else cache.find([key for key in keys.values() if key is not None])
        vectors |= {clip: known[key] for clip, key in keys.items() if key in known}
        missing = [clip for clip in group if clip not in vectors]
        if disturb is None:
            fresh, bad = _embed_apart(lambda clips: embedder.embed_audio(absolute[list(clips)]), missing)
        else:
            fresh, bad = _embed_disturbed(embedder, absolute, missing, hashes=hashes, name=disturb)
        if cache is not None:
            cache.store({key: fresh[clip] for clip, key in keys.items() if key is not None and clip in fresh})
        vectors |= fresh
        errors |= bad
        if advance:
            advance(len(group))
    size = len(next(iter(vectors.values()))) if vectors else 0
    embeds = np.zeros((len(index), size), dtype=np.float32)
    for clip, vector in vectors.items():
        embeds[clip] = vector
    files = index.get_level_values("file")
    bad_files = [BadFile(str(files[clip]), str(errors[clip]).replace(f"{root}/", "")) for clip in sorted(errors)]
    return embeds, np.asarray([clip not in errors for clip in range(len(index))], dtype=bool), bad_files


def _identify(embedder: AudioEmbedder) -> str:
    """Return what tells the vectors of a model from those of others: its fingerprint, and its answer to a fixed noise.

    Weights alone do not say which layer is pooled, how audio is prepared, or which runtime computes.
    """
    noise = np.random.default_rng(0).normal(0, 0.1, SAMPLING_RATE).astype(np.float32)
    answer = np.rint(embedder.embed_audio([noise], sampling_rate=SAMPLING_RATE) * _ANSWER_STEPS).astype("<i2")
    return f"{embedder.fingerprint} {hash_bytes(answer.tobytes())}"


def _plan_groups(index: pd.MultiIndex) -> Iterator[list[int]]:
    """Yield all clips by duration, so many at a time that they are not too many or too long together."""
    durations = pd.TimedeltaIndex(index.get_level_values("end") - index.get_level_values("start")).total_seconds()
    group: list[int] = []
    total = 0.0
    for clip in np.argsort(durations.to_numpy(), kind="stable").tolist():
        if group and (len(group) == GROUP_SIZE or total + durations[clip] > _GROUP_DURATION):
            yield group
            group, total = [], 0.0
        group.append(clip)
        total += durations[clip]
    if group:
        yield group


def _embed_apart(embed: _Embed, clips: Sequence[int]) -> tuple[dict[int, Vector], dict[int, AudioError]]:
    """Embed clips together; where that fails, halves of them, down to the clips that are at fault."""
    if not clips:
        return {}, {}
    try:
        return dict(zip(clips, embed(clips), strict=True)), {}
    except AudioError as error:
        if len(clips) == 1:
            return {}, {clips[0]: error}
    middle = len(clips) // 2
    (good, bad), (more_good, more_bad) = (_embed_apart(embed, half) for half in (clips[:middle], clips[middle:]))
    return good | more_good, bad | more_bad


def _embed_disturbed(
    embedder: AudioEmbedder, index: pd.MultiIndex, clips: Sequence[int], *, hashes: ClipHashes, name: str
) -> tuple[dict[int, Vector], dict[int, AudioError]]:
    """Embed clips after disturbing them."""

    def read(clip: int) -> Waveform | AudioError:
        file, start, end = cast("tuple[str, pd.Timedelta, pd.Timedelta]", index[clip])
        try:
            waveform = read_audio(file, start=start.total_seconds(), end=None if pd.isna(end) else end.total_seconds())
        except AudioError as error:
            return error
        generator = np.random.default_rng(int(hashes[clip] or "0", 16))
        try:
            return disturb_waveform(waveform, name, generator)
        except AudioError as error:
            return AudioError(f"{file}, disturbed by {name}: {error}")

    with ThreadPoolExecutor(_NUM_READERS) as readers:
        heard = dict(zip(clips, readers.map(read, clips), strict=True))
    waveforms = {clip: found for clip, found in heard.items() if not isinstance(found, AudioError)}

    def embed(chosen: Sequence[int]) -> npt.NDArray[np.float32]:
        try:
            return embedder.embed_audio([waveforms[clip] for clip in chosen], sampling_rate=SAMPLING_RATE)
        except AudioError as error:
            raise AudioError(f"{index[chosen[0]][0]}, disturbed by {name}: {error}") from None

    fresh, bad = _embed_apart(embed, list(waveforms))
    return fresh, bad | {clip: found for clip, found in heard.items() if isinstance(found, AudioError)}
