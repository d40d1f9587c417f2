"""Measure which facts survive what training does to clips, and whether what captions state stays true.

    .venv/bin/python -m benchmarks.fact_truth kept MANIFEST FEATURES     # prints the table queries/data/broken.toml
    .venv/bin/python -m benchmarks.fact_truth check MANIFEST FEATURES    # 200 captions, with and without augmentation

Training disturbs spectrograms, which openSMILE cannot read; here waveforms are disturbed alike, with the same random
strengths (a mask is silence here, the mean there). Each corpus is spoken of as the recipe says. The clips that are
checked are not those that the table was measured on. A fact is stated only away from the edges of its bin, and kept if
the level that is measured again, with no margin, is the same. Bins are fitted on the train split, clips drawn from it.
"""

import argparse
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from paraclap.audio import (
    SAMPLING_RATE,
    Waveform,
    crop,
    read_audio,
)
from paraclap.corpora import assign_splits, read_manifest
from paraclap.features import FEATURE_SET, extract_features, feature_names, read_features
from paraclap.queries import Bins, CaptionSampler, find_broken, fit_bins, join_features, load_vocabulary
from paraclap.training import Recipe, load_recipe
from paraclap.training.augmentation import (
    SPECTROGRAM_DISTURBANCES,
    WAVEFORM_DISTURBANCES,
    disturb_waveform,
    draw_disturbances,
)
from paraclap.training.settings import AugmentationSettings

NUM_CLIPS = 350  # that the table is measured on
NUM_CHECKED = 200
CROPS = (1.0, 1.5, 2.0, 3.0, 4.0)  # s
NUM_BANDS = 64  # of the spectrograms that training disturbs
_GROUPS = ("corpus", "channel", "gender")
Change = Callable[[Waveform, np.random.Generator], tuple[Waveform, Sequence[str], float]]  # and what was done, and cut


@dataclass(frozen=True)
class Clip:
    """Hold where a clip is, what bins are looked up by, and the number that seeds what is done to it."""

    path: Path
    start: float
    end: float
    groups: dict[str, Any]
    number: int

    def read(self) -> Waveform:
        """Read the clip."""
        return read_audio(self.path, start=self.start, end=self.end)


def main() -> None:
    """Measure what is asked for, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["kept", "check"])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("features", type=Path)
    parser.add_argument("--clips", type=int, help=f"{NUM_CLIPS}, or {NUM_CHECKED} to check, if left out")
    parser.add_argument("--recipe", default="mini", help="whose augmentation and crops are used")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    manifest, metadata = read_manifest(given.manifest)
    features, _ = read_features(given.features, manifest=manifest, metadata=metadata)
    table = join_features(manifest, corpus=metadata["corpus"], features=features)
    table = table.assign(split=assign_splits(table))
    num_clips = given.clips or (NUM_CLIPS if given.what == "kept" else NUM_CHECKED)
    recipe = load_recipe(given.recipe)
    silent = [corpus.name for corpus in recipe.corpora if corpus.attributes is not None]  # nothing measured is said
    table = table[~table["corpus"].isin(silent)]
    bins = fit_bins(table, load_vocabulary().attributes, feature_set=FEATURE_SET)
    print(f"# {num_clips} train clips of {metadata['corpus']}, bins {bins.fingerprint[:16]}, seed {given.seed}")
    if given.what == "kept":
        print_kept(table, metadata, bins, recipe.augmentation, num_clips, given.seed)
    else:
        print_truth(table, metadata, bins, recipe, num_clips, given.seed)


def print_kept(
    table: pd.DataFrame, metadata: dict[str, Any], bins: Bins, settings: AugmentationSettings, num_clips: int, seed: int
) -> None:
    """Print, for every disturbance and crop, the share of clips whose stated level is the one measured again."""
    rows = draw_rows(table, num_clips, seed)
    print("[kept]")
    for name in WAVEFORM_DISTURBANCES:
        again = measure_again(rows, metadata, partial(_disturb_alone, name=name, settings=settings))
        print(f"{name} = {{ {_show(_count_kept(rows, again, bins))} }}")
    for seconds in CROPS:
        longer = draw_rows(table[table["duration"] > seconds + 0.1], num_clips, seed)
        again = measure_again(longer, metadata, partial(_crop_alone, seconds=seconds))
        print(f"\n[[crops]]\nseconds = {seconds}\nkept = {{ {_show(_count_kept(longer, again, bins))} }}")


def print_truth(
    table: pd.DataFrame, metadata: dict[str, Any], bins: Bins, recipe: Recipe, num_clips: int, seed: int
) -> None:
    """Print the share of stated levels that are measured again, for whole clips and as training hears them."""
    rows = draw_rows(table, num_clips, seed, skip=NUM_CLIPS)
    for name, change in (
        ("without augmentation", leave),
        ("with augmentation", partial(hear_in_training, recipe=recipe)),
    ):
        again = measure_again(rows, metadata, change)
        agreed, stated = check_captions(rows, again, bins, recipe, seed)
        print(f"{name}: {agreed} of {stated} stated levels are measured again, {agreed / max(1, stated):.3f}")


def check_captions(rows: pd.DataFrame, again: pd.DataFrame, bins: Bins, recipe: Recipe, seed: int) -> tuple[int, int]:
    """Caption rows as training would after what was done to them; count levels that are measured again, and all."""
    vocabulary = load_vocabulary()
    sampler = CaptionSampler(
        vocabulary, attributes=[n for n in recipe.captions.attributes if vocabulary.attributes[n].measured]
    )
    placed = {name: bins.place(again, name) for name in bins.attributes}
    generator = np.random.default_rng(seed)
    agreed = stated = 0
    for number, facts in enumerate(vocabulary.read_table(rows, bins=bins)):
        done, cut = again["done"].iloc[number], again["cut"].iloc[number]
        broken = find_broken(done.split(), crop_seconds=None if np.isnan(cut) else float(cut))
        caption = sampler.sample({name: known for name, known in facts.items() if name not in broken}, generator)
        for name, level in caption.facts if caption is not None else ():
            if name in placed:
                stated += 1
                agreed += placed[name][number] == level
    return agreed, stated


def draw_rows(table: pd.DataFrame, num_rows: int, seed: int, *, skip: int = 0) -> pd.DataFrame:
    """Draw rows of the train split after some, equally many of each corpus where there are enough."""
    train = table[(table["split"] == "train") & (table["reason"] == "")]
    shuffled = train.iloc[np.random.default_rng(seed).permutation(len(train))]
    rank = shuffled.groupby("corpus", observed=True).cumcount()
    return shuffled.iloc[np.argsort(rank.to_numpy(), kind="stable")[skip : skip + num_rows]]


def measure_again(rows: pd.DataFrame, metadata: dict[str, Any], change: Change) -> pd.DataFrame:
    """Change the audio of rows and measure it; with their groups, what was done, and to what length they were cut."""
    levels = (rows.index.get_level_values(name) for name in ("file", "start", "end"))
    groups = rows[[column for column in _GROUPS if column in rows]].to_dict("records")
    clips = [
        Clip(Path(metadata["root"]) / file, start.total_seconds(), end.total_seconds(), group, number)
        for number, (file, start, end, group) in enumerate(zip(*levels, groups, strict=True))
    ]
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        return pd.DataFrame(list(pool.map(partial(measure_clip, change=change), clips, chunksize=8)))


def measure_clip(clip: Clip, *, change: Change) -> dict[str, Any]:
    """Change the audio of a clip and measure it; with its groups, what was done, and to what length it was cut."""
    waveform, done, cut = change(clip.read(), np.random.default_rng([7, clip.number]))
    features = extract_features(waveform)
    measured = dict(zip(feature_names(), features.values.tolist(), strict=True))
    return clip.groups | measured | {"duration": features.duration, "done": " ".join(done), "cut": cut}


def leave(waveform: Waveform, generator: np.random.Generator) -> tuple[Waveform, Sequence[str], float]:
    """Do nothing to a waveform."""
    return waveform, (), np.nan


def _disturb_alone(
    waveform: Waveform, generator: np.random.Generator, *, name: str, settings: AugmentationSettings
) -> tuple[Waveform, Sequence[str], float]:
    return disturb_waveform(waveform, (name,), settings, generator), (name,), np.nan


def _crop_alone(
    waveform: Waveform, generator: np.random.Generator, *, seconds: float
) -> tuple[Waveform, Sequence[str], float]:
    start = generator.uniform(0, max(0.0, len(waveform) / SAMPLING_RATE - seconds))
    return crop(waveform, start_seconds=start, duration_seconds=seconds), (), seconds


def hear_in_training(
    waveform: Waveform, generator: np.random.Generator, *, recipe: Recipe
) -> tuple[Waveform, Sequence[str], float]:
    """Cut and disturb a waveform as a batch of training does a spectrogram."""
    seconds, cut = generator.uniform(*recipe.crop_seconds), np.nan
    if len(waveform) / SAMPLING_RATE > seconds:
        waveform, _, cut = _crop_alone(waveform, generator, seconds=seconds)
    done = draw_disturbances(SPECTROGRAM_DISTURBANCES, recipe.augmentation, generator)
    return disturb_waveform(waveform, done, recipe.augmentation, generator), done, cut


def _count_kept(rows: pd.DataFrame, again: pd.DataFrame, bins: Bins) -> dict[str, float]:
    """Return, for each measured attribute, the share of rows with a stated level that have it again."""
    vocabulary = load_vocabulary()
    facts = vocabulary.read_table(rows, bins=bins)
    kept = {}
    for name in bins.attributes:
        placed = bins.place(again, name)
        stated = [
            (*known[name], level) for known, level in zip(facts, placed, strict=True) if len(known.get(name, ())) == 1
        ]
        if vocabulary.attributes[name].measured and stated:
            kept[name] = sum(before == after for before, after in stated) / len(stated)
    return kept


def _show(kept: dict[str, float]) -> str:
    return ", ".join(f"{name} = {share:.3f}" for name, share in kept.items())


if __name__ == "__main__":
    main()
