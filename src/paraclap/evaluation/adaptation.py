"""Adaptation without labels: clips of a corpus or a speaker share a reference, relative to which a model hears them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import numpy.typing as npt
import pandas as pd

from paraclap.audio import Waveform
from paraclap.errors import AudioError, ModelError
from paraclap.evaluation.embedder import (
    Embedder,
    Reference,
    ReferenceEmbedder,
    embed_clips,
    locate_clips,
)
from paraclap.evaluation.embedding_cache import EmbeddingCache
from paraclap.evaluation.results import PROTOCOLS, Protocol
from paraclap.evaluation.trials import Trial
from paraclap.records import BadFile
from paraclap.storage import hash_bytes

_NO_REFERENCE = -1


@dataclass(frozen=True)
class RelativeEmbedder:
    """Embed audio relative to one reference; the fingerprint is that of model and reference, so no vectors mix."""

    model: ReferenceEmbedder
    reference: Reference

    @property
    def fingerprint(self) -> str:
        """Identify the weights and the reference."""
        return hash_bytes(f"{self.model.fingerprint} {self.reference.fingerprint}".encode())

    def embed_audio(
        self, audio: pd.MultiIndex | Sequence[Waveform], sampling_rate: int | None = None
    ) -> npt.NDArray[np.float32]:
        """Embed segments or waveforms as unit vectors `[N, D]`; AudioError for a bad one."""
        return self.model.embed_audio(audio, sampling_rate, reference=self.reference)


@dataclass(frozen=True, eq=False)
class References:
    """Hold the references of `N` clips.

    `numbers` `[N]` say which of `embedders` hears a clip, -1 where nothing of its corpus or speaker could be heard;
    those clips are in `bad_files`, by number. `has_known_speaker` `[N]` is false where the reference is that of the
    corpus though it should be the speaker's.
    """

    protocol: Protocol
    embedders: tuple[RelativeEmbedder, ...]
    numbers: npt.NDArray[np.int64]
    has_known_speaker: npt.NDArray[np.bool_]
    bad_files: Mapping[int, BadFile]

    def adapt_trial(self, trial: Trial, rows: npt.NDArray[np.int64], is_good: npt.NDArray[np.bool_]) -> Trial:
        """Return a trial that has the protocol, and in its note how many references of how many clips there are.

        Args:
            trial: with some of the `N` clips.
            rows: of the `N` clips in the manifest, sorted, `[N]`.
            is_good: which of them could be heard, `[N]`.
        """
        places = np.searchsorted(rows, trial.clips.rows)
        places = places[is_good[places]]
        num_references = len(np.unique(self.numbers[places]))
        num_unknown = int(np.count_nonzero(~self.has_known_speaker[places]))
        notes = [
            trial.note,
            f"{self.protocol}: {num_references} {'reference' if num_references == 1 else 'references'} "
            f"measured without labels on the {np.count_nonzero(is_good)} clips evaluated, the tested ones among them",
        ]
        if num_unknown:
            notes.append(f"{num_unknown} of the clips have the reference of the corpus, as their speaker is unknown")
        return replace(trial, protocol=self.protocol, note="; ".join(note for note in notes if note))


def check_takes_references(embedder: Embedder) -> ReferenceEmbedder:
    """Return a model that can be adapted, or refuse it.

    Raises:
        ModelError: if it takes no references.
    """
    if isinstance(embedder, ReferenceEmbedder) and embedder.takes_references:
        return embedder
    raise ModelError(
        f"{embedder.name} takes no reference recordings; expected a model that is made for them to adapt it to a "
        "channel or speaker: evaluate it without adaptation, or another one"
    )


def measure_references(
    embedder: Embedder,
    manifest: pd.DataFrame,
    metadata: Mapping[str, Any],
    *,
    adaptation: Literal["channel", "speaker"],
    advance: Callable[[int], None] | None = None,
) -> References:
    """Measure the references of clips on these clips themselves; no label is used, and broken files are left out.

    Args:
        embedder: the model.
        manifest: the `N` clips that are evaluated and no others.
        metadata: of the manifest, which says where the files are.
        adaptation: "channel" for one reference a corpus, of a combined manifest one a part; "speaker" for one a
            speaker, where clips of an unknown one get that of the corpus.
        advance: called with the number of clips whose reference is measured, for a progress bar.

    Raises:
        ModelError: if the model takes no references.
    """
    model, root = check_takes_references(embedder), Path(metadata["root"])
    index = cast("pd.MultiIndex", manifest.index)
    absolute = locate_clips(index, root)
    origins = pd.factorize(find_origins(manifest, metadata))[0]
    has_known_speaker = np.ones(len(manifest), dtype=bool)
    groups, num_origins = origins, int(origins.max()) + 1
    if adaptation == "speaker":
        speakers = pd.factorize(find_speakers(manifest, metadata))[0]  # -1 where unknown
        has_known_speaker = speakers >= 0
        groups = np.where(has_known_speaker, num_origins + speakers, origins)
    embedders: list[RelativeEmbedder] = []
    numbers = np.full(len(manifest), _NO_REFERENCE, dtype=np.int64)
    bad_files: dict[int, BadFile] = {}
    for group in np.unique(groups):
        heard = np.flatnonzero((origins if group < num_origins else groups) == group)  # of a corpus all its clips
        members = np.flatnonzero(groups == group)
        try:
            reference = model.measure_reference(absolute[heard], is_one_speaker=bool(group >= num_origins))
            embedders.append(RelativeEmbedder(model, reference))
            numbers[members] = len(embedders) - 1
        except AudioError:
            for clip in members.tolist():
                reason = _find_reason(model, absolute[[clip]]).replace(f"{root}/", "")
                bad_files[clip] = BadFile(str(index[clip][0]), reason)
        if advance:
            advance(len(members))
    return References(PROTOCOLS[adaptation], tuple(embedders), numbers, has_known_speaker, bad_files)


def embed_adapted(
    references: References,
    index: pd.MultiIndex,
    root: Path,
    *,
    cache: EmbeddingCache | None = None,
    disturb: str | None = None,
    advance: Callable[[int], None] | None = None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], list[BadFile]]:
    """Embed clips, each relative to its reference, and return what `embed_clips` returns.

    Clips that are disturbed are heard relative to the references of the clean ones.

    Args:
        references: of the `N` clips.
        index: `file, start, end`, files relative to `root`.
        root: folder of the corpus.
        cache: as of `embed_clips`; what is kept is kept by the reference, too.
        disturb: as of `embed_clips`.
        advance: as of `embed_clips`.

    Raises:
        ConfigError: if there is no such disturbance, or the cache cannot be used.
    """
    bad_files = dict(references.bad_files)
    is_good = np.zeros(len(index), dtype=bool)
    embeds = np.zeros((len(index), 0), dtype=np.float32)
    for number, embedder in enumerate(references.embedders):
        clips = np.flatnonzero(references.numbers == number)
        vectors, is_heard, unheard = embed_clips(
            embedder, index[clips], root, cache=cache, disturb=disturb, advance=advance
        )
        is_good[clips] = is_heard
        bad_files |= dict(zip(clips[~is_heard].tolist(), unheard, strict=True))
        if is_heard.any():
            embeds = embeds if embeds.shape[1] else np.zeros((len(index), vectors.shape[1]), dtype=np.float32)
            embeds[clips] = vectors
    if advance and references.bad_files:
        advance(len(references.bad_files))
    return embeds, is_good, [bad_files[clip] for clip in sorted(bad_files)]


def find_origins(manifest: pd.DataFrame, metadata: Mapping[str, Any]) -> "pd.Series[Any]":
    """Return the corpus that each row comes from: of a combined manifest, one of its parts."""
    if "corpus" in manifest:
        return manifest["corpus"].astype(object)
    return pd.Series(str(metadata["corpus"]), index=manifest.index, dtype=object)


def find_speakers(manifest: pd.DataFrame, metadata: Mapping[str, Any]) -> "pd.Series[Any]":
    """Return whom each row has in which corpus, as they are called there; missing where unknown."""
    names = next((name for name in ("corpus_speaker", "speaker") if name in manifest), None)
    if names is None:
        return pd.Series(None, index=manifest.index, dtype=object)
    return find_origins(manifest, metadata) + "/" + manifest[names].astype(object)


def _find_reason(model: ReferenceEmbedder, clip: pd.MultiIndex) -> str:
    """Return why a clip cannot be heard."""
    try:
        model.measure_reference(clip)
    except AudioError as error:
        return str(error)
    return "it could not be measured with the other clips of its speaker or corpus"
