"""References in training: which other clips a clip is heard relative to, and what a tower gets of them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from paraclap.models import ParaClapModel, ProsodyTower
from paraclap.training.clips import ClipSet
from paraclap.training.settings import ReferenceSettings

if TYPE_CHECKING:
    from paraclap.training.audio_inputs import AudioInputs
    from paraclap.training.batches import BatchPlanner, PlannedClip

_BATCH_SIZE = 64  # clips summarised together
_Summaries = npt.NDArray[np.float32]


class ReferenceChoice:
    """Choose the references of train clips, of the same speaker or the same corpus.

    Args:
        clip_sets: the corpora.
        settings: how many and of whom.
    """

    def __init__(self, clip_sets: Sequence[ClipSet], settings: ReferenceSettings) -> None:
        self.settings = settings
        self._rows = [clips.rows("train") for clips in clip_sets]
        self._speakers = [clips.speakers for clips in clip_sets]
        self._of_speaker: dict[tuple[int, int], npt.NDArray[np.intp]] = {}

    def draw(self, clip_set: int, row: int, generator: np.random.Generator) -> tuple[int, ...]:
        """Draw the rows of a clip's references, the clip itself perhaps among them; none in a share of cases."""
        settings = self.settings
        chances = generator.random(3)
        if chances[0] < settings.none:
            return ()
        pool = self._rows[clip_set] if chances[1] < settings.channel else self._list_own(clip_set, row)
        number = min(int(np.exp(chances[2] * np.log(settings.most + 1))), len(pool))
        return tuple(int(place) for place in generator.choice(pool, number, replace=False)) if number else ()

    def draw_voice(self, generator: np.random.Generator) -> tuple[int, int] | None:
        """Draw a corpus and a row whose voice is heard instead of a clip's own; None for its own."""
        if generator.random() >= self.settings.other_voice:
            return None
        clip_set = int(generator.integers(len(self._rows)))
        return clip_set, int(generator.choice(self._rows[clip_set]))

    def _list_own(self, clip_set: int, row: int) -> npt.NDArray[np.intp]:
        """Return the train rows of a row's speaker; none if nobody knows who speaks."""
        speakers, rows = self._speakers[clip_set], self._rows[clip_set]
        speaker = -1 if speakers is None else int(speakers[row])
        if speakers is None or speaker < 0:
            return rows[:0]
        key = (clip_set, speaker)
        if key not in self._of_speaker:
            self._of_speaker[key] = rows[speakers[rows] == speaker]
        return self._of_speaker[key]


class TrainingReferences:
    """Hold what a tower summarises of every clip, undisturbed, and of its fixed windows if there are some.

    Args:
        summaries: of the rows of each corpus, `[N, S]`.
    """

    def __init__(self, summaries: Sequence[_Summaries]) -> None:
        self._summaries = list(summaries)
        self._size = summaries[0].shape[1]
        self.windows: list[list[_Summaries]] = []  # of each corpus and window, `[N, S]`

    def look_up(self, clips: "Sequence[PlannedClip]") -> Tensor | None:
        """Return what was summarised of planned clips, `[B, S]`; None if it was not of all."""
        found = [self._find(clip) for clip in clips]
        known = [values for values in found if values is not None]
        return torch.from_numpy(np.stack(known)) if len(known) == len(found) else None

    def _find(self, clip: "PlannedClip") -> _Summaries | None:
        if clip.references:
            return np.asarray(self._summaries[clip.clip_set][clip.row])
        return np.asarray(self.windows[clip.clip_set][clip.view.window][clip.row]) if self.windows else None

    def collate(self, clips: "Sequence[PlannedClip]") -> dict[str, Tensor]:
        """Return `references` `[B, 2 S + 1]` and `voices` `[B, S]` of planned clips."""
        references = np.zeros((len(clips), 2 * self._size + 1), dtype=np.float32)
        voices = np.zeros((len(clips), self._size), dtype=np.float32)
        for place, clip in enumerate(clips):
            chosen = self._summaries[clip.clip_set][list(clip.references)]
            own = self._summaries[clip.clip_set][[clip.row, *clip.references]].mean(axis=0)
            if len(chosen):
                references[place] = np.concatenate([chosen.mean(axis=0), chosen.var(axis=0), [len(chosen)]])
            voices[place] = own if clip.voice is None else self._summaries[clip.voice[0]][clip.voice[1]]
        return {"references": torch.from_numpy(references), "voices": torch.from_numpy(voices)}


def prepare_references(
    model: ParaClapModel, clip_sets: Sequence[ClipSet], inputs: "AudioInputs", *, is_new: bool
) -> TrainingReferences | None:
    """Summarise all clips of a run for a tower that takes references; None for another.

    Args:
        model: of the run.
        clip_sets: its corpora.
        inputs: how clips are heard.
        is_new: whether what is usual is yet to be found, from the train clips.
    """
    tower = model.audio_tower
    if not isinstance(tower, ProsodyTower):
        return None
    measured = [
        _measure(tower, clips, partial(inputs.hear_whole, number), inputs, rows=np.arange(len(clips.facts)))
        for number, clips in enumerate(clip_sets)
    ]
    if is_new:
        _fit(tower, clip_sets, measured)
    return TrainingReferences([_fill_missing(values, tower) for values in measured])


def measure_windows(
    model: ParaClapModel, clip_sets: Sequence[ClipSet], inputs: "AudioInputs", planner: "BatchPlanner"
) -> list[list[_Summaries]]:
    """Return what a tower summarises of the fixed windows of train clips, `[N, S]` of each corpus and window."""
    tower = model.audio_tower

    def hear(clip_set: int, window: int, row: int) -> npt.NDArray[np.float32]:
        return inputs.hear(planner.plan_window(clip_set, row, window))

    measured = []
    for number, clips in enumerate(clip_sets):
        rows = clips.rows("train")
        of_windows = [
            _measure(tower, clips, partial(hear, number, window), inputs, rows=rows)
            for window in range(planner.num_windows)
        ]
        measured.append([_fill_missing(values, tower) for values in of_windows])
    return measured


def _fill_missing(functionals: _Summaries, tower: ProsodyTower) -> _Summaries:
    """Replace what clips do not have by what is usual, as the tower does with what it hears."""
    return np.where(np.isnan(functionals), tower.prior_mean.cpu().numpy(), functionals)


@torch.no_grad()
def _measure(
    tower: ProsodyTower,
    clips: ClipSet,
    hear: "Callable[[int], npt.NDArray[np.float32]]",
    inputs: "AudioInputs",
    *,
    rows: npt.NDArray[np.intp],
) -> _Summaries:
    """Return the functionals `[N, S]` of a corpus; NaN where a clip is not heard or has none."""
    durations = np.array([clips.audio.duration(int(row)) for row in rows])
    found = np.full((len(clips.facts), len(tower.prior_mean)), np.nan, dtype=np.float32)
    order = np.argsort(durations, kind="stable")
    order = order[durations[order] > 0]
    for begin in range(0, len(order), _BATCH_SIZE):
        part = rows[order[begin : begin + _BATCH_SIZE]]
        given = inputs.collate([hear(int(row)) for row in part])
        on_device = [given[name].to(tower.device) for name in ("input_features", "audio_attention_mask")]
        found[part] = tower.measure(*on_device).cpu().numpy()
    return found


def _fit(tower: ProsodyTower, clip_sets: Sequence[ClipSet], measured: Sequence[_Summaries]) -> None:
    functionals, speakers, corpora = [], [], []
    for number, (clips, values) in enumerate(zip(clip_sets, measured, strict=True)):
        rows = clips.rows("train")
        known = np.full(len(values), -1) if clips.speakers is None else clips.speakers
        functionals.append(values[rows])
        speakers.append(known[rows])
        corpora.append(np.full(len(rows), number))
    tower.fit_prior(*(torch.from_numpy(np.concatenate(parts)) for parts in (functionals, speakers, corpora)))
