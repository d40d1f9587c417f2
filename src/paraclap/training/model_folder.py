"""The model folder at the end of a run: weights, processor, card, licence, and what it was trained from."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch
from torch import Tensor

from paraclap.inference import Calibration, write_calibration
from paraclap.models import hash_weights, no_progress_bars
from paraclap.queries import hash_tables, write_bins
from paraclap.storage import write_atomic, write_json
from paraclap.training.calibrating import describe_calibration
from paraclap.training.clips import ClipSet
from paraclap.training.recipe import Recipe
from paraclap.training.run import TrainingRun
from paraclap.version import __version__

_PACKAGES = ("torch", "transformers", "numpy", "pandas", "audformat", "soundfile", "soxr")


@dataclass(frozen=True)
class BestWeights:
    """Hold the weights that dev chose: the whole state dict, after which step, and what they are worth there.

    `dev` has the metrics. Without a `calibration`, the model folder says nothing of probabilities.
    """

    weights: Mapping[str, Tensor]
    step: int
    dev: Mapping[str, float]
    calibration: Calibration | None = None


def write_model_folder(folder: Path, run: TrainingRun, best: BestWeights) -> None:
    """Write the model of a run with all that belongs to it.

    Args:
        folder: of the model, whose files are replaced.
        run: whose model it is.
        best: its weights.
    """
    model, recipe, weights = run.model.eval(), run.recipe, best.weights
    dtype = getattr(torch, recipe.save_dtype)
    state = {key: value.to(dtype) if value.is_floating_point() else value for key, value in weights.items()}
    state["logit_scale"] = weights["logit_scale"].float()
    loaded = {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    with no_progress_bars():
        model.save_pretrained(folder, state_dict=state)  # which empties it
    run.processor.save_pretrained(folder)
    packages = (*_PACKAGES, *(["opensmile"] if recipe.captions.needs_features else []))
    write_json(
        folder / "training.json",
        {
            "recipe": recipe.model_dump(mode="json"),
            "best_step": best.step,
            "dev": dict(best.dev),
            "started_from": recipe.model.init,
            "inherited_corpora": list(run.ancestors),
            "queries_fingerprint": hash_tables(),
            "corpora": [_describe(clips) for clips in run.clip_sets],
            "weights_fingerprint": hash_weights(loaded),  # what ParaClap.fingerprint says after loading
            "versions": {
                "paraclap": __version__,  # its own word: it may run from its sources, not installed
                **{name: version(name) for name in packages},
                "python": platform.python_version(),
            },
        },
    )
    if run.bins is not None:
        write_bins(folder / "bins.json", run.bins)
    if best.calibration is not None:
        write_calibration(folder, best.calibration)
    with write_atomic(folder / "README.md") as temporary:
        temporary.write_text(write_card(recipe, run.clip_sets, best.dev, best.calibration), encoding="utf-8")
    with write_atomic(folder / "LICENSE") as temporary:
        temporary.write_text(recipe.licence_text or f"{recipe.licence}\n", encoding="utf-8")


def write_card(
    recipe: Recipe, clip_sets: Sequence[ClipSet], dev: Mapping[str, float], calibration: Calibration | None = None
) -> str:
    """Write the model card: data, licences, dev figures, what a probability means, limits."""
    corpora = "\n".join(
        f"| {c.name} | {len(c.rows('train'))} | {len(c.rows('dev'))} | {c.licence} | {c.settings.note} |"
        for c in clip_sets
    )
    figures = "\n".join(f"| {name} | {value:.3f} | {_find_note(name, clip_sets)} |" for name, value in dev.items())
    if calibration is not None:
        figures += f"\n\n{describe_calibration(calibration)}"
    return _CARD.format(name=recipe.name, licence=recipe.licence, corpora=corpora, figures=figures)


def _find_note(task: str, clip_sets: Sequence[ClipSet]) -> str:
    return next((c.settings.note for c in clip_sets if task.startswith(f"{c.name}-")), "")


def _describe(clips: ClipSet) -> dict[str, object]:
    return {
        "name": clips.name,
        "licence": clips.licence,
        "train_clips": len(clips.rows("train")),
        "dev_clips": len(clips.rows("dev")),
        "manifest_fingerprint": clips.fingerprint,
    }


_CARD = """---
license: {licence}
library_name: paraclap
pipeline_tag: zero-shot-audio-classification
tags: [speech, paralinguistics, emotion]
---

# {name}

A contrastive language-audio model that answers free-text questions about how somebody speaks, trained with paraclap
after the method of [ParaCLAP](https://arxiv.org/abs/2406.07203). `training.json` holds its recipe, seed, versions and
data fingerprints.

## Data

| corpus | train clips | dev clips | licence of the corpus | note |
|---|---|---|---|---|
{corpora}

## Figures on the dev split

Zero-shot UAR with paraclap's prompt ensembles (of `retrieval-...` what the name says), on speakers of the training
corpora who were kept out of training. The checkpoint was chosen by the mean, so these are not test results, and they
stand here without intervals; corpora that the model never saw are harder.

| task | value | note |
|---|---|---|
{figures}

## Limits

The answers say how a voice sounds, not what a person feels or is. Most of the speech is acted, by few speakers, in few
languages. Do not use it for decisions about people.
"""
