"""How far answers hold when audio is disturbed: change of the metrics, and how near the embeddings stay."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from paraclap.evaluation.intervals import draw_resampling
from paraclap.evaluation.measuring import bound_all, compare_all, draw_metrics
from paraclap.evaluation.results import Robustness
from paraclap.evaluation.trials import Trial
from paraclap.evaluation.zero_shot import ENSEMBLE, compare_prompt_set

# After the catalogue of tests in arXiv 2312.06270; each is a row of audio/data/disturbances.toml.
DISTURBANCES = (
    "gain-minus-20db",
    "noise-20db",
    "noise-10db",
    "low-pass-4khz",
    "mp3",
    "telephone",
    "reverb-0.5s",
    "crop-1s",
)


def measure_robustness(
    trial: Trial,
    clean: npt.NDArray[Any],
    disturbed: npt.NDArray[Any],
    text_embeds: Mapping[str, npt.NDArray[Any]],
    *,
    logit_scale: float,
) -> Robustness:
    """Compare a model's answers to clean and disturbed clips, by our prompt ensemble.

    Args:
        trial: a task that is not of retrieval, with its `N` clips.
        clean: unit vectors `[N, D]`.
        disturbed: those of the same clips when disturbed, `[N, D]`.
        text_embeds: the unit vector `[D]` of every prompt, by its text.
        logit_scale: of the model.
    """
    clips, prompts = trial.clips, trial.prompt_sets[ENSEMBLE]
    resampling = draw_resampling(clips.strata, clips.speakers)
    before, after = (
        draw_metrics(
            trial.task,
            clips,
            compare_prompt_set(embeds, prompts, text_embeds),
            resampling=resampling,
            logit_scale=logit_scale,
        )
        for embeds in (clean, disturbed)
    )
    similarity = np.einsum("nd,nd->n", np.asarray(clean, np.float64), np.asarray(disturbed, np.float64))
    return Robustness(metrics=bound_all(after), change=compare_all(before, after), similarity=float(similarity.mean()))
