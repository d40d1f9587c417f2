"""What a model makes of words: those it was never taught, what is said not to be, and two attributes in one prompt."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from paraclap.errors import QueryError
from paraclap.evaluation.metrics import Codes, confusion_matrix, confusion_scores
from paraclap.evaluation.rank_metrics import auroc_by_label
from paraclap.evaluation.zero_shot import predict_classes
from paraclap.queries import LabelSet, embed_classes, list_label_sets, load_label_set, load_vocabulary
from paraclap.queries.sentences import fill_template, find_slots
from paraclap.queries.tables import read_caption_table, read_held_out

Vectors = npt.NDArray[np.floating[Any]]
EmbedTexts = Callable[[list[str]], Vectors]  # texts to vectors [N, D]

NEGATIONS = {  # what is said -> what says the opposite
    "{predicative}": "not {predicative}",
    "the speaker is {predicative}": "the speaker is not {predicative}",
    "the speaker sounds {predicative}": "the speaker does not sound {predicative}",
}
_ADJECTIVE, _NOUN = ("adjective", "predicative"), ("noun",)  # the slots that such a word fills
_SLOTS = {"adjectives": _ADJECTIVE, "predicatives": ("predicative",), "nouns": _NOUN, "voice": ("voice",)}
_PERSON = ("gender", "age_group")  # what nouns for persons state


@dataclass(frozen=True)
class Word:
    """Hold a word or phrase, the level of each attribute that it states, and the slots of templates that it fills."""

    text: str
    facts: Mapping[str, str]
    slots: tuple[str, ...]


@dataclass(frozen=True)
class WordAnswer:
    """Hold the level of an attribute that a word states, and the one that a model takes it for."""

    text: str
    attribute: str
    level: str
    answer: str

    @property
    def is_right(self) -> bool:
        """Whether the word was understood."""
        return self.level == self.answer


@dataclass(frozen=True)
class TwoAttributes:
    """Hold the UAR of emotion and of gender, in 0..1: asked together, "an angry woman", and each alone."""

    emotion_together: float
    emotion_alone: float
    gender_together: float
    gender_alone: float


def list_held_out_words() -> list[Word]:
    """List the words that no caption and no prompt uses: nouns for persons, adjectives otherwise."""
    return [
        Word(row.text, row.facts, _NOUN if row.facts.keys() & set(_PERSON) else _ADJECTIVE) for row in read_held_out()
    ]


def list_trained_words() -> list[Word]:
    """List the words that captions use for what corpora label, each with all that it states."""
    words = [
        Word(text, {name: level}, slots)
        for name, attribute in load_vocabulary().attributes.items()
        if not attribute.measured
        for level, row in attribute.levels.items()
        for place, slots in _SLOTS.items()
        for text in getattr(row, place)
    ]
    for person in read_caption_table().persons:
        facts = {name: level for name in _PERSON if (level := getattr(person, name)) is not None}
        words += [Word(text, facts, _NOUN) for text in person.words]
    return words


def classify_words(words: Sequence[Word], embed: EmbedTexts) -> list[WordAnswer]:
    """Classify words by the prompt ensembles of the classes, each word in the templates that take it.

    A prompt that says the word itself is left out of the ensemble of its class: the next word of that level stands in
    it, if there is one. Attributes without a label set, levels that are no class of it, and words without which no
    prompt is left of their class, are left out.

    Args:
        words: to understand.
        embed: from texts to vectors `[N, D]`; their length does not matter.
    """
    asked: list[tuple[Word, str, LabelSet, tuple[str, ...], dict[str, tuple[str, ...]]]] = []
    label_sets = _find_label_sets()
    for word in words:
        for attribute, level in word.facts.items():
            label_set = label_sets.get(attribute)
            if label_set is None or level not in label_set.classes:
                continue
            filled = tuple(
                fill_template(template, dict.fromkeys(find_slots(template), word.text))
                for template in label_set.templates
                if find_slots(template) <= set(word.slots)
            )
            prompts = {**label_set.prompts, level: _prompts_without(label_set, level, word.text)}
            if filled and prompts[level]:
                asked.append((word, attribute, label_set, filled, prompts))
    texts = [text for *_, filled, prompts in asked for own in (filled, *prompts.values()) for text in own]
    vectors = _embed_each(texts, embed)
    answers = []
    for word, attribute, label_set, filled, prompts in asked:
        own = embed_classes([np.stack([vectors[text] for text in filled])])
        classes = embed_classes([np.stack([vectors[text] for text in prompts[name]]) for name in label_set.classes])
        answer = label_set.classes[int(predict_classes(own, classes)[0])]
        answers.append(WordAnswer(word.text, attribute, word.facts[attribute], answer))
    return answers


def find_nearest_words(words: Sequence[Word], trained: Sequence[Word], embed: EmbedTexts) -> list[WordAnswer]:
    """Take each word for the level of the trained word that is nearest by cosine, among those of a class.

    Words, attributes and levels are those of `classify_words`; a word is never compared with itself.
    """
    vectors = _embed_each([word.text for word in (*words, *trained)], embed)
    answers = []
    for attribute, label_set in _find_label_sets().items():
        levels = label_set.classes
        of_attribute = [word for word in trained if word.facts.get(attribute) in levels]
        for word in words:
            others = [other for other in of_attribute if other.text != word.text]
            if word.facts.get(attribute) not in levels or not others:
                continue
            cosines = np.stack([vectors[other.text] for other in others]) @ vectors[word.text]
            answer = others[int(np.argmax(cosines))].facts[attribute]
            answers.append(WordAnswer(word.text, attribute, word.facts[attribute], answer))
    return answers


def share_right(answers: Sequence[WordAnswer]) -> dict[str, tuple[float, int]]:
    """Return the share of words that were understood, in 0..1, and their number: by attribute, and of "all"."""
    if not answers:
        return {}
    by_attribute: dict[str, list[bool]] = {}
    for answer in answers:
        by_attribute.setdefault(answer.attribute, []).append(answer.is_right)
    by_attribute["all"] = [answer.is_right for answer in answers]
    return {name: (float(np.mean(right)), len(right)) for name, right in by_attribute.items()}


def compare_negations(classes: Sequence[str], embed: EmbedTexts) -> dict[str, Vectors]:
    """Return the cosine of what is said of an emotion and its negation, for each of `NEGATIONS`, `[C]`.

    Args:
        classes: emotions `[C]`.
        embed: from texts to vectors `[N, D]`.
    """
    cosines = {}
    for template, negation in NEGATIONS.items():
        said, denied = (_fill_for("emotion", classes, text) for text in (template, negation))
        vectors = _embed_each([*said, *denied], embed)
        cosines[negation] = np.array([vectors[one] @ vectors[other] for one, other in zip(said, denied, strict=True)])
    return cosines


def rank_by_words(
    audio_embeds: Vectors, truth: Codes, classes: Sequence[str], embed: EmbedTexts, *, negated: bool
) -> dict[str, Vectors]:
    """Return the AUROC of what is said of an emotion for the clips of which it is true, by sentence, `[C]` in 0..1.

    0.5 is chance. A negation below it finds the clips of which it is false: the word is heard, the "not" is not.

    Args:
        audio_embeds: unit vectors `[N, D]`.
        truth: the emotion of each clip, by number `[N]`.
        classes: emotions `[C]`.
        embed: from texts to vectors in the same space, `[M, D]`.
        negated: rank by the values of `NEGATIONS`, which are true of the clips of all other classes, not by its keys.
    """
    is_class = np.asarray(truth)[:, None] == np.arange(len(classes))  # [N, C]
    found: dict[str, Vectors] = {}
    for text in NEGATIONS.values() if negated else NEGATIONS:
        vectors = _embed_each(prompts := _fill_for("emotion", classes, text), embed)
        scores = np.asarray(audio_embeds) @ np.stack([vectors[prompt] for prompt in prompts]).T
        found[text] = auroc_by_label(scores, (is_class != negated).astype(np.int64))
    return found


def ask_for_two(
    audio_embeds: Vectors,
    emotions: Codes,
    genders: Codes,
    classes: tuple[Sequence[str], Sequence[str]],
    *,
    embed: EmbedTexts,
) -> TwoAttributes:
    """Ask for emotion and gender in one prompt, and for each alone.

    Args:
        audio_embeds: unit vectors `[N, D]`.
        emotions: by number `[N]`.
        genders: by number `[N]`.
        classes: the emotions, and the genders.
        embed: from texts to vectors in the same space, `[M, D]`.

    Raises:
        QueryError: if there is no clip.
    """
    if not len(audio_embeds):
        raise QueryError("no clip to ask about; expected some with both emotion and gender")
    moods = _fill_for("emotion", classes[0], "a(n) {adjective}")
    persons = _fill_for("gender", classes[1], "{noun}")
    num_genders = len(persons)

    def predict(texts: list[str]) -> Codes:
        vectors = _embed_each(texts, embed)
        return predict_classes(audio_embeds, np.stack([vectors[text] for text in texts]))

    def uar(truth: Codes, predicted: Codes, num_classes: int) -> float:
        return float(confusion_scores(confusion_matrix(truth, predicted, num_classes))["uar"])

    pairs = predict([f"{mood} {person}" for mood in moods for person in persons])
    return TwoAttributes(
        emotion_together=uar(emotions, pairs // num_genders, len(moods)),
        emotion_alone=uar(emotions, predict([f"{mood} person" for mood in moods]), len(moods)),
        gender_together=uar(genders, pairs % num_genders, num_genders),
        gender_alone=uar(genders, predict([f"a {person}" for person in persons]), num_genders),
    )


def _find_label_sets() -> dict[str, LabelSet]:
    """Return the label set of each attribute that corpora label."""
    attributes = load_vocabulary().attributes
    every = [load_label_set(name) for name in list_label_sets()]
    return {one.attribute: one for one in every if one.attribute and not attributes[one.attribute].measured}


def _prompts_without(label_set: LabelSet, level: str, text: str) -> tuple[str, ...]:
    """Return the prompts of a class without a word: with the next one of the level, or without the templates."""
    own = label_set.row.words.get(level)
    row = load_vocabulary().attributes[str(label_set.attribute)].levels.get(level)
    prompts = []
    for template in label_set.templates:
        (slot,) = find_slots(template)
        words = (own[slot],) if own is not None else row.words(slot) if row is not None else ()
        left = [word for word in words if word != text]
        prompts += [fill_template(template, {slot: word}) for word in left[:1]]
    return tuple(prompts)


def _fill_for(attribute: str, levels: Sequence[str], template: str) -> list[str]:
    """Fill a template with the word of each level of an attribute that prompts use."""
    label_set = _find_label_sets()[attribute].restrict(levels)
    own = replace(label_set, row=label_set.row.model_copy(update={"templates": (template,)}))
    return list(own.by_template()[template].values())


def _embed_each(texts: Sequence[str], embed: EmbedTexts) -> dict[str, Vectors]:
    """Embed every text once; the vectors `[D]` have unit length."""
    distinct = list(dict.fromkeys(texts))
    if not distinct:
        return {}
    vectors = np.asarray(embed(distinct), dtype=np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return dict(zip(distinct, vectors, strict=True))
