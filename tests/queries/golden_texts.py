"""The texts that tests/queries/golden holds; `python -m tests.queries.golden_texts` writes them again."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from tests.queries.rows import VOCABULARY

from paraclap.queries import CaptionSampler, list_label_sets, load_label_set
from paraclap.queries.tables import read_caption_table

GOLDEN = Path(__file__).parent / "golden"
_ROWS: tuple[dict[str, object], ...] = (
    {"emotion": "anger", "gender": "female", "age": 47},
    {"emotion": "sadness", "gender": "male", "age": 8},
    {"emotion": "calm", "age_group": "20s-40s"},
    {"arousal": 0.9, "gender": "female", "age": 71},
    {"emotion": "fear", "arousal": 0.8, "gender": "male"},
    {"vocalisation": "cry", "age_group": "2 to 6 months"},
)
_MORE_CLASSES = {"age": ("child", "adult", "infant")}  # that tasks restrict a label set to


def list_captions() -> Iterator[str]:
    """Yield captions of a few rows, the same in every run."""
    sampler = CaptionSampler(VOCABULARY)
    for number, row in enumerate(_ROWS):
        yield f"# {', '.join(f'{column} {value}' for column, value in row.items())}"
        generator = np.random.default_rng(number)
        for _ in range(4):
            caption = sampler.sample(VOCABULARY.read_facts(row), generator)
            assert caption is not None
            yield f"{caption.text}  [{', '.join(map(str, caption.facts))}]"


def list_words() -> Iterator[str]:
    """Yield every word that is said of a level, or of a person."""
    for name, attribute in VOCABULARY.attributes.items():
        for level, row in attribute.levels.items():
            for slot in ("adjective", "predicative", "noun", "verb"):
                yield from (f"{name}={level}, {slot}: {word}" for word in row.words(slot))
    for person in read_caption_table().persons:
        facts = [f"{name}={level}" for name in ("gender", "age_group") if (level := getattr(person, name)) is not None]
        yield from (f"{' '.join(facts)}: {word}" for word in person.words)


def list_prompts() -> Iterator[str]:
    """Yield the prompts of every label set, by class."""
    for name in list_label_sets():
        label_set = load_label_set(name)
        for classes in (label_set.classes, _MORE_CLASSES.get(name, ())):
            prompts = label_set.restrict(classes).prompts if classes else {}
            yield from (f"{name}, {label}: {prompt}" for label, own in prompts.items() for prompt in own)


TEXTS = {"captions.txt": list_captions, "words.txt": list_words, "prompts.txt": list_prompts}

if __name__ == "__main__":
    for name, make in TEXTS.items():
        (GOLDEN / name).write_text("\n".join(make()) + "\n", encoding="utf-8")
