"""Voices in words and numbers: what a model answers of clips, what is measured in them, and a sentence of both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from paraclap.errors import AudioError, QueryError
from paraclap.inference.clips import Clip
from paraclap.inference.encoding import EncodedClips
from paraclap.inference.scores import compute_probabilities
from paraclap.inference.voice_measures import (
    Measures,
    find_bins,
    is_silent,
    measure_voice,
    name_measuring,
    read_windows,
    will_measure,
)

if TYPE_CHECKING:
    from paraclap.inference.audio_text_model import AudioTextModel
    from paraclap.queries import Answer, Bins, Description, LabelSet

_SILENT = "the recording is silent"


@dataclass(frozen=True)
class VoiceProfile:
    """Hold a sentence about a clip with what it states, all answers of the model, and all that was measured."""

    clip: Clip
    description: "Description"
    answers: "tuple[Answer, ...]"
    measures: Measures
    measured_by: str | None  # what measured, with its licence

    @property
    def sentence(self) -> str:
        """The voice in one sentence."""
        return self.description.sentence

    def as_record(self) -> dict[str, Any]:
        """Return the profile as plain values, as JSON has it."""
        said = [
            {**statement.fact._asdict(), "probability": statement.probability, "hedge": statement.hedge}
            for statement in self.description.statements
        ]
        answers = {
            answer.label_set: {
                "best": answer.best,
                "is_unknown": answer.is_unknown,
                "probability": dict(answer.probability),
                "similarity": dict(answer.similarity),
            }
            for answer in self.answers
        }
        return {
            **self._place(),
            "sentence": self.sentence,
            "said": said,
            "answers": answers,
            "measured": [level.as_record() for level in self.measures.levels],
            "measured_by": self.measured_by,
            "reason": self.measures.reason,
        }

    def as_row(self) -> dict[str, Any]:
        """Return the profile as a row of a table: a column for each probability, and for the level of what is measured.

        A level is empty where it is not known; of a value near an edge it is both levels.
        """
        row = {**self._place(), "sentence": self.sentence}
        for answer in self.answers:
            row |= {f"{answer.label_set}: {label}": share for label, share in answer.probability.items()}
        return row | {level.attribute: " or ".join(level.levels) for level in self.measures.levels}

    def _place(self) -> dict[str, Any]:
        return {"file": self.clip.name, "start": self.clip.start, "end": self.clip.end}


def describe_clips(
    model: "AudioTextModel",
    encoded: EncodedClips,
    *,
    tasks: "Sequence[str | LabelSet] | None" = None,
    measure: bool | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[VoiceProfile]:
    """Describe clips that a model has heard; `AudioTextModel.describe` hears them too.

    Args:
        model: that heard them.
        encoded: what it heard.
        tasks: label sets to ask; those of `profile.toml` if None.
        measure: whether openSMILE measures the voice; if it is installed, if None. Else the model is asked for pitch,
            loudness and the like too.
        progress: told how many clips are described, and how many there are.

    Raises:
        QueryError: if a label set does not exist, stands twice or has a single class.
        ConfigError: if openSMILE is wanted and not installed.
    """
    is_measured = will_measure(measure)
    measured_by = name_measuring() if is_measured else None
    bins = find_bins(model.bins_file) if is_measured else None
    label_sets = choose_label_sets(tasks, is_measured=is_measured)
    answered = list(zip(*(_ask(model, encoded, label_set) for label_set in label_sets), strict=True))
    profiles = []
    for clip, answers in zip(encoded.clips, answered, strict=True):
        profiles.append(_describe(clip, answers, bins, measured_by))
        if progress is not None:
            progress(len(profiles), len(encoded.clips))
    return profiles


def choose_label_sets(tasks: "Sequence[str | LabelSet] | None" = None, *, is_measured: bool) -> "list[LabelSet]":
    """Return the label sets to ask, by default those that make sense for any voice.

    Raises:
        QueryError: if there is none, one does not exist, stands twice or has a single class.
    """
    from paraclap.queries import LabelSet, load_label_set, read_profile_table

    table = read_profile_table()
    asked = tasks
    if asked is None:
        asked = table.label_sets if is_measured else table.label_sets + table.instead_of_measures
    label_sets = [task if isinstance(task, LabelSet) else load_label_set(task) for task in asked]
    names = [label_set.name for label_set in label_sets]
    if not names or len(set(names)) < len(names):
        found = ", ".join(names) or "none"
        raise QueryError(f"label sets to describe a voice by: {found}; expected one or more, each once")
    for label_set in label_sets:
        if len(label_set.classes) < 2:
            raise QueryError(f"label set {label_set.name!r} has a single class; expected two or more to choose from")
    return label_sets


def _ask(model: "AudioTextModel", encoded: EncodedClips, label_set: "LabelSet") -> "list[Answer]":
    """Return the answers of all clips to a label set, as `classify` computes them."""
    from paraclap.queries import Answer, read_profile_table

    if not encoded.clips:
        return []
    classes, text_embeds = model.embed_queries(task=label_set)
    similarity = encoded.embeddings @ text_embeds.T
    probability = compute_probabilities(similarity, model.probability_scale)
    calibration = model.calibration
    has_threshold = calibration is not None and calibration.unknown is not None
    unknown = np.zeros(len(similarity), dtype=bool)
    if calibration is not None and has_threshold and len(classes) >= read_profile_table().unknown_from:
        unknown = calibration.is_unknown(similarity)
    return [
        Answer(
            label_set=label_set.name,
            attribute=label_set.attribute,
            probability=dict(zip(classes, map(float, shares), strict=True)),
            similarity=dict(zip(classes, map(float, cosines), strict=True)),
            is_unknown=bool(is_unknown),
        )
        for shares, cosines, is_unknown in zip(probability, similarity, unknown, strict=True)
    ]


def _describe(clip: Clip, answers: "Sequence[Answer]", bins: "Bins | None", measured_by: str | None) -> VoiceProfile:
    """Measure a clip if there are bins, and put all into a sentence; of what is silent nothing is said."""
    from paraclap.queries import Description, describe_voice, read_profile_table

    said_nothing = describe_voice(())
    try:
        waveforms = read_windows(clip)
    except AudioError as error:  # it went away since it was encoded
        return VoiceProfile(clip, said_nothing, tuple(answers), Measures(reason=str(error)), measured_by)
    if is_silent(waveforms):
        silent = Description(read_profile_table().parts.silent, ())
        return VoiceProfile(clip, silent, tuple(answers), Measures(reason=_SILENT), measured_by)
    measures = Measures() if bins is None else measure_voice(waveforms, bins)
    return VoiceProfile(clip, describe_voice(answers, measures.levels), tuple(answers), measures, measured_by)
