"""Measure what a model makes of words: held-out ones, negation, and two attributes in one prompt.

    .venv/bin/python -m benchmarks.words [--model M] [--corpora ROOT]

Held-out words (queries/data/held_out.toml) and those of captions are classified by their meaning, each by the prompts
of its classes; beside that, a word is taken for the level of the nearest word of captions, by the text tower alone and
in the shared space. With a folder of corpora also with audio: the dev clips of the tasks of emotion on dev. Clips are
embedded once and kept in the user's cache.
"""

import argparse
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from paraclap.cache_file import default_cache_folder
from paraclap.evaluation import load_tasks
from paraclap.evaluation.embedder import embed_clips
from paraclap.evaluation.embedding_cache import EmbeddingCache
from paraclap.evaluation.text_side import (
    NEGATIONS,
    EmbedTexts,
    Vectors,
    WordAnswer,
    ask_for_two,
    classify_words,
    compare_negations,
    find_nearest_words,
    list_held_out_words,
    list_trained_words,
    rank_by_words,
    share_right,
)
from paraclap.evaluation.trials import Batch, Trial, prepare_batches
from paraclap.inference import AudioTextModel, ParaClap, load_model
from paraclap.queries import load_label_set

GENDERS = ("female", "male")


@dataclass(frozen=True)
class Heard:
    """Hold the clips of a task that could be heard: their unit vectors `[N, D]`, and what is known of them."""

    trial: Trial
    embeds: Vectors


def main() -> None:
    """Measure, and print tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a model folder or hub id; the model inside the package if left out")
    parser.add_argument("--corpora", type=Path, help="folder that holds corpora; words alone if left out")
    given = parser.parse_args()
    clap = load_model(given.model)
    print(f"{clap.name}, weights {clap.fingerprint[:16]}\n")
    spaces: dict[str, EmbedTexts] = {"shared space": clap.embed_text}
    if isinstance(clap, ParaClap):
        spaces["text tower"] = lambda texts: pool_texts(clap, texts)
    print_words(spaces)
    print_cosines(spaces)
    if given.corpora is not None:
        heard = hear_clips(clap, given.corpora)
        print_negations(clap, heard)
        print_two_attributes(clap, heard)


def pool_texts(clap: ParaClap, texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """Return what the text tower alone makes of texts, `[N, H]`."""
    import torch

    tokens = clap.processor(text=list(texts)).to(clap.model.device)
    with torch.inference_mode():
        pooled: npt.NDArray[np.float32] = clap.model.pool_text(**tokens).float().cpu().numpy()
    return pooled


def print_words(spaces: Mapping[str, EmbedTexts]) -> None:
    """Print how many words are understood, by attribute, and which are not."""
    held_out, trained = list_held_out_words(), list_trained_words()
    found: dict[str, list[WordAnswer]] = {}
    for name, embed in spaces.items():
        found[f"held-out words, prompts, {name}"] = classify_words(held_out, embed)
        found[f"held-out words, nearest word of captions, {name}"] = find_nearest_words(held_out, trained, embed)
    for name, embed in spaces.items():
        found[f"words of captions, prompts without them, {name}"] = classify_words(trained, embed)
        found[f"words of captions, nearest other one, {name}"] = find_nearest_words(trained, trained, embed)
    shares = {name: share_right(answers) for name, answers in found.items()}
    attributes = list(dict.fromkeys(attribute for share in shares.values() for attribute in share))
    attributes.sort(key=lambda attribute: attribute != "all")
    print(f"| accuracy (words) | {' | '.join(attributes)} |")
    print(f"|---|{'---|' * len(attributes)}")
    for name, share in shares.items():
        cells = [f"{share[one][0]:.3f} ({share[one][1]})" if one in share else "" for one in attributes]
        print(f"| {name} | {' | '.join(cells)} |")
    print("\n| | wrong: taken for |\n|---|---|")
    for name, answers in found.items():
        wrong = ", ".join(f"{one.text}: {one.answer} (is {one.level})" for one in answers if not one.is_right)
        print(f"| {name} | {wrong} |")
    print()


def print_cosines(spaces: Mapping[str, EmbedTexts]) -> None:
    """Print how alike what is said of an emotion and its negation are."""
    classes = load_label_set("emotion").classes
    print(f"| cosine to the same without negation | mean | {' | '.join(classes)} |\n|---|---|{'---|' * len(classes)}")
    for name, embed in spaces.items():
        for negation, cosines in compare_negations(classes, embed).items():
            print(f"| {negation}, {name} | {cosines.mean():.3f} | {' | '.join(f'{one:.3f}' for one in cosines)} |")
    print()


def hear_clips(clap: AudioTextModel, corpora_root: Path) -> list[Heard]:
    """Embed the dev clips of the emotion tasks on dev whose corpora are there."""
    tasks = [
        task
        for task in load_tasks().values()
        if task.split == "dev" and task.label_set == "emotion" and task.kind == "single-label"
    ]
    batches, _ = prepare_batches(tasks, corpora_root)
    with closing(EmbeddingCache(default_cache_folder())) as cache:
        return [heard for batch in batches for heard in _hear(clap, batch, cache)]


def _hear(clap: AudioTextModel, batch: Batch, cache: EmbeddingCache) -> list[Heard]:
    heard = []
    for trial in batch.trials:
        embeds, is_good, _ = embed_clips(clap, trial.clips.index, batch.root, cache=cache)
        heard.append(Heard(trial.keep(is_good), embeds[is_good]))
    return heard


def print_negations(clap: AudioTextModel, heard: Sequence[Heard]) -> None:
    """Print how well what is said of an emotion, and its negation, find the clips of which they are true."""
    print(f"| AUROC, mean over emotions | {' | '.join((*NEGATIONS, *NEGATIONS.values()))} |")
    print(f"|---|{'---|' * 2 * len(NEGATIONS)}")
    rows = []
    for one in heard:
        task, truth = one.trial.task, one.trial.clips.truth
        found = [
            auroc
            for negated in (False, True)
            for auroc in rank_by_words(one.embeds, truth, task.classes, clap.embed_text, negated=negated).values()
        ]
        rows.append([float(np.nanmean(auroc)) for auroc in found])
        print(f"| {task.corpus}, {len(truth)} clips | {' | '.join(f'{mean:.3f}' for mean in rows[-1])} |")
    print(f"| mean | {' | '.join(f'{mean:.3f}' for mean in np.mean(rows, axis=0))} |\n")


def print_two_attributes(clap: AudioTextModel, heard: Sequence[Heard]) -> None:
    """Print how well emotion and gender are told if both are asked for in one prompt, and if each is by itself."""
    print('| UAR | emotion, "an angry woman" | "an angry person" | gender, "an angry woman" | "a woman" |')
    print("|---|---|---|---|---|")
    rows = []
    for one in heard:
        known = one.trial.clips.groups["gender"].isin(GENDERS).to_numpy(dtype=bool)
        if not known.any():
            continue
        clips = one.trial.clips.keep(known)
        genders = np.array([GENDERS.index(gender) for gender in clips.groups["gender"]])
        classes = one.trial.task.classes, GENDERS
        uar = ask_for_two(one.embeds[known], clips.truth, genders, classes, embed=clap.embed_text)
        rows.append([uar.emotion_together, uar.emotion_alone, uar.gender_together, uar.gender_alone])
        print(f"| {one.trial.task.corpus}, {len(clips)} clips | {' | '.join(f'{value:.3f}' for value in rows[-1])} |")
    print(f"| mean | {' | '.join(f'{mean:.3f}' for mean in np.mean(rows, axis=0))} |")


if __name__ == "__main__":
    main()
