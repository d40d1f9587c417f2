"""The texts that tests/queries/golden holds; `python -m tests.queries.golden_texts` writes them again."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from tests.queries.rows import MEASURES, SLOTS, VOCABULARY, draw_table, fitted_bins, make_facts, read_facts

from paraclap.queries import CaptionSampler, Fact, RowFacts, list_label_sets, load_label_set
from paraclap.queries.caption_table import CaptionSettings, make_captions
from paraclap.queries.tables import read_caption_table

GOLDEN = Path(__file__).parent / "golden"
_LABELS: tuple[dict[str, object], ...] = (
    {"emotion": "anger", "gender": "female", "age": 47},
    {"emotion": "sadness", "gender": "male", "age": 8},
    {"emotion": "calm", "age_group": "20s-40s"},
    {"gender": "female", "age": 71, "language": "en", "accent": "scotland"},
    {"emotion": "fear", "intensity": "strong", "gender": "male"},
    {"vocalisation": "cry", "age_group": "2 to 6 months"},
    {"emotion": "happiness", "intensity": "low", "style": "sung"},
)
_MEASURED = (  # attribute=level
    "gender=female age_group=senior emotion=sadness loudness=low pitch_variation=low tempo=low",
    "gender=male pitch_for_gender=high vocal_effort=high loudness=high arousal=high",
    "vocalisation=laughter gender=female pitch=high loudness=high roughness=high",
    "valence=high dominance=high pitch=low harmonicity=high tempo=normal",
    "style=whispered breathiness=high loudness=low pauses=high duration=low",
    "jitter=low shimmer=high loudness_variation=high pauses=low duration=high",
)
_MORE_LABELS: tuple[dict[str, object], ...] = (  # with those above, twenty
    {"emotion": "neutral", "gender": "male", "age": 33, "language": "de"},
    {"emotion": "boredom", "gender": "female"},
    {"emotion": "surprise", "intensity": "medium", "age": 15},
    {"gender": "other", "age": 25, "style": "spontaneous", "language": "en"},
    {"vocalisation": "cough", "gender": "male", "age": 64},
    {"style": "whispered", "gender": "female", "language": "zh"},
    {"emotion": "no_agreement", "gender": "male", "language": "en", "native_language": "zh"},
    {"intoxicated": "intoxicated", "gender": "male", "age": 44},
    {"likability": "likable", "gender": "female", "age": 29},
    {"emotion": "contempt", "gender": "female", "age_group": "50+"},
    {"emotion": "disgust", "intensity": "normal"},
    {"style": "read", "language": "fr", "age": 12},
    {},
)
_MORE_CLASSES = {"age": ("child", "adult", "infant")}  # that tasks restrict a label set to


def list_captions() -> Iterator[str]:
    """Yield captions of a few rows, the same in every run."""
    sampler = CaptionSampler(VOCABULARY, negates=True)
    rows: dict[str, RowFacts] = {_describe(row): read_facts(row) for row in _LABELS}
    rows |= {row: make_facts(*(Fact(*fact.split("=")) for fact in row.split())) for row in _MEASURED}
    for number, (described, facts) in enumerate(rows.items()):
        yield f"# {described}"
        generator = np.random.default_rng(number)
        for _ in range(6):
            caption = sampler.sample(facts, generator)
            assert caption is not None
            yield f"{caption.text}  [{', '.join(map(str, caption.facts))}]"


def list_table() -> Iterator[str]:
    """Yield two captions of each of twenty rows that have labels and measures."""
    labels = pd.DataFrame([*_LABELS, *_MORE_LABELS])
    table = pd.concat([labels, draw_table(len(labels), seed=11)[["corpus", *MEASURES]]], axis=1)
    facts = VOCABULARY.read_table(table, bins=fitted_bins())
    captions = pd.concat(list(make_captions(table, CaptionSettings(per_utterance=2, seed=1), bins=fitted_bins())))
    for number, row in enumerate([*_LABELS, *_MORE_LABELS]):
        measured = {
            name: "/".join(sorted(facts[number][name])) for name in fitted_bins().attributes if name in facts[number]
        }
        yield f"# {_describe(row | measured)}"
        for _, levels in captions.loc[[number]].iterrows():
            stated = levels.drop("caption").dropna()
            yield f"{levels['caption']}  [{', '.join(f'{name}={level}' for name, level in stated.items())}]"


def list_words() -> Iterator[str]:
    """Yield every word that is said of a level, or of a person."""
    for name, attribute in VOCABULARY.attributes.items():
        for level, row in (attribute.levels | attribute.broader_words | attribute.denials).items():
            for slot in SLOTS:
                yield from (f"{name}={level}, {slot}: {word}" for word in row.words(slot))
            yield from (f"{name}={level}, degree of an adjective: {word}" for word in row.degree_adjectives)
            yield from (f"{name}={level}, degree of a noun: {word}" for word in row.degree_nouns)
    for person in read_caption_table().persons:
        facts = [f"{name}={level}" for name in ("gender", "age_group") if (level := getattr(person, name)) is not None]
        yield from (f"{' '.join(facts)}, alone: {word}" for word in person.alone)
        yield from (f"{' '.join(facts)}: {word}" for word in person.words)
    for gender, words in read_caption_table().pronouns.items():
        yield from (f"gender={gender}, {slot}: {word}" for slot, word in words.items())


def list_prompts() -> Iterator[str]:
    """Yield the prompts of every label set, by class."""
    for name in list_label_sets():
        label_set = load_label_set(name)
        for classes in (label_set.classes, _MORE_CLASSES.get(name, ())):
            prompts = label_set.restrict(classes).prompts if classes else {}
            yield from (f"{name}, {label}: {prompt}" for label, own in prompts.items() for prompt in own)


def _describe(row: dict[str, object]) -> str:
    return ", ".join(f"{column} {value}" for column, value in row.items()) or "nothing"


TEXTS = {
    "captions.txt": list_captions,
    "table.txt": list_table,
    "words.txt": list_words,
    "prompts.txt": list_prompts,
}

if __name__ == "__main__":
    for name, make in TEXTS.items():
        (GOLDEN / name).write_text("\n".join(make()) + "\n", encoding="utf-8")
