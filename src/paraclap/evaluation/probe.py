"""Probes: a small head on the frozen embeddings of one model, which tells a user's own classes apart."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from paraclap.errors import ModelError
from paraclap.evaluation.embedder import Embedder
from paraclap.evaluation.probe_head import Head, Probabilities, Vectors
from paraclap.evaluation.probe_record import ProbeRecord, read_probe, write_probe
from paraclap.records import BadFile

if TYPE_CHECKING:
    from paraclap.inference import AudioInput, AudioTextModel


@dataclass(frozen=True, eq=False)
class Probe:
    """Tell the classes of a user apart, from the embeddings of the model that it was fitted on."""

    record: ProbeRecord
    head: Head

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes."""
        return self.record.classes

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Load a probe that `save` wrote.

        Raises:
            ModelError: if there is none, it has another format version, or a file is damaged, missing or of another
                probe.
        """
        return cls(*read_probe(Path(folder)))

    def save(self, folder: str | Path) -> None:
        """Save the probe as a folder, atomically; an earlier probe in it is replaced.

        Raises:
            ModelError: if the folder holds anything else, is a file or cannot be written.
        """
        write_probe(Path(folder), self.record, self.head)

    def check_model(self, model: Embedder) -> None:
        """Refuse another model than that of the probe.

        Raises:
            ModelError: if the weights are others.
        """
        expected, found = self.record.fingerprints.model, model.fingerprint
        if found != expected:
            raise ModelError(
                f"the probe is for embeddings of {self.record.model!r} ({expected[:12]}), the model is {model.name!r} "
                f"({found[:12]}); use the probe's model, with the same dtype, or fit a probe on this one"
            )

    def predict(self, embeds: Vectors) -> Probabilities:
        """Return the probability of each class, `[N, C]`, from unit vectors `[N, D]` of the probe's model.

        Raises:
            ModelError: if the vectors have another size.
        """
        found = np.shape(embeds)
        if len(found) != 2 or found[1] != self.record.embedding_size:
            raise ModelError(
                f"found an array {list(found)}; expected embeddings [N, {self.record.embedding_size}] of "
                f"{self.record.model!r}, as embed_audio returns them"
            )
        return self.head.predict(embeds)

    def classify(
        self, model: "AudioTextModel", audio: "AudioInput", *, progress: Callable[[int, int], None] | None = None
    ) -> tuple[pd.DataFrame, tuple[BadFile, ...]]:
        """Classify audio, keep what is good and name the files that are bad.

        Args:
            model: that of the probe.
            audio: files, folders or an audformat index.
            progress: told now and then how many clips are done, and how many there are.

        Returns:
            One row a clip with the index `file, start, end`, the probability of each class as columns; the bad files.

        Raises:
            ModelError: if the model is another one.
            AudioError: if nothing was handed in.
        """
        from paraclap.inference import make_index

        self.check_model(model)
        encoded = model.encode(audio, progress=progress)
        shares = self.predict(encoded.embeddings) if encoded.clips else np.zeros((0, len(self.classes)))
        table = pd.DataFrame(shares, index=make_index(encoded.clips), columns=list(self.classes))
        return table, encoded.bad_files
