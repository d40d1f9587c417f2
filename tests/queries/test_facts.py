import re
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from tests.queries.rows import VOCABULARY, draw_facts, draw_table, fitted_bins, judge_slowly, read_facts

from paraclap.corpora import EMOTIONS, list_corpora
from paraclap.errors import CorpusError, QueryError
from paraclap.queries import FALSE, TRUE, UNKNOWN, Fact
from paraclap.queries.bins import LEVELS
from paraclap.queries.tables import read_attributes


@pytest.mark.parametrize("emotion", sorted(set(EMOTIONS) - {"other", "no_agreement"}))
def test_each_canonical_emotion_is_a_fact(emotion: str) -> None:
    assert read_facts({"emotion": emotion}) == {"emotion": {emotion}}


@pytest.mark.parametrize(
    "value", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT, "", "other", "no_agreement", "Anger"]
)
def test_an_emotion_that_is_missing_or_has_no_words_is_unknown(value: object) -> None:
    assert read_facts({"emotion": value}) == {}


@pytest.mark.parametrize(
    ("age", "level"),
    [
        (0, "infant"),
        (1.99, "infant"),
        (2, "child"),
        (12.99, "child"),
        (13, "teenager"),
        (19.99, "teenager"),
        (20, "young_adult"),
        (39.99, "young_adult"),
        (40, "middle_aged"),
        (59.99, "middle_aged"),
        (60, "senior"),
        (129.9, "senior"),
        ("35", "young_adult"),
        (np.float32(35), "young_adult"),
        (np.int64(7), "child"),
    ],
)
def test_an_age_in_years_is_one_age_group(age: object, level: str) -> None:
    assert read_facts({"age": age}) == {"age_group": {level}}


@pytest.mark.parametrize("age", [-1, 130, float("inf"), float("nan"), None])
def test_an_age_that_nobody_has_is_unknown(age: object) -> None:
    assert read_facts({"age": age}) == {}


@pytest.mark.parametrize(
    ("published", "levels"),
    [
        ("10s", {"child", "teenager"}),
        ("20s-40s", {"young_adult", "middle_aged"}),
        ("50+", {"middle_aged", "senior"}),
        ("0 to 4 weeks", {"infant"}),
        ("7 months to 2 years", {"infant"}),
        ("more than 2 years", {"child"}),
    ],
)
def test_a_published_age_group_leaves_every_level_possible_that_it_touches(published: str, levels: set[str]) -> None:
    assert read_facts({"age_group": published}) == {"age_group": levels}


def test_years_are_believed_before_a_published_age_group() -> None:
    assert read_facts({"age": 15.0, "age_group": "50+"}) == {"age_group": {"teenager"}}
    assert read_facts({"age": float("nan"), "age_group": "50+"}) == {"age_group": {"middle_aged", "senior"}}


@pytest.mark.parametrize(
    ("row", "facts"),
    [
        ({"intensity": "strong"}, {"intensity": {"high"}}),
        ({"intensity": "normal"}, {"intensity": {"low", "medium"}}),
        ({"vocalisation": "laughter"}, {"vocalisation": {"laughter"}}),
        ({"style": "whispered"}, {"style": {"whispered"}}),
        ({"language": "de"}, {"language": {"de"}}),
        ({"language": "xx"}, {}),
        ({"accent": "scotland"}, {"accent": {"scotland"}}),
        ({"language": "en", "native_language": "zh"}, {"language": {"en"}, "accent": {"zh"}}),
        ({"accent": "indian", "native_language": "hi"}, {"accent": {"indian"}}),
        ({"accent": "of my village", "native_language": "hi"}, {}),
        ({"intoxicated": "sober"}, {"intoxication": {"sober"}}),
        ({"likability": "not likable"}, {"likability": {"not likable"}}),
    ],
)
def test_labels_are_read_from_their_columns(row: dict[str, object], facts: dict[str, set[str]]) -> None:
    assert read_facts(row) == facts


def test_a_table_is_read_as_each_of_its_rows_alone() -> None:
    table = draw_table(200, seed=3)

    facts = VOCABULARY.read_table(table, bins=fitted_bins())

    assert facts == [VOCABULARY.read_table(table.iloc[[n]], bins=fitted_bins())[0] for n in range(200)]
    assert [list(row) for row in facts] == [[name for name in VOCABULARY.attributes if name in row] for row in facts]
    assert len(facts) == 200 and all(levels for row in facts for levels in row.values())


def test_what_is_binned_is_read_from_the_bins() -> None:
    table = draw_table(200, seed=3)
    masks = fitted_bins().apply(table)

    for n, facts in enumerate(VOCABULARY.read_table(table, bins=fitted_bins())):
        for name, mask in masks.items():
            levels = {level for bit, level in enumerate(LEVELS) if mask[n] & 2**bit}
            assert facts.get(name, frozenset()) == levels


def test_every_row_of_a_table_is_read_and_other_columns_are_left_alone() -> None:
    table = pd.DataFrame({"emotion": ["fear", None], "age": [70.0, None], "file": ["a.wav", "b.wav"]})

    assert VOCABULARY.read_table(table) == [{"emotion": {"fear"}, "age_group": {"senior"}}, {}]
    assert VOCABULARY.read_table(table[["file"]]) == [{}, {}]
    assert VOCABULARY.read_table(table.iloc[:0]) == []


def test_text_in_a_column_of_numbers_is_refused() -> None:
    with pytest.raises(CorpusError, match=r"^age is 'thirty'; expected a number: leave it out where it is unknown$"):
        read_facts({"age": "thirty"})


@pytest.mark.parametrize("column", ["emotion", "gender", "age_group", "vocalisation", "intensity"])
def test_every_value_that_a_corpus_row_can_give_is_understood(column: str) -> None:
    columns = [corpus.columns[column] for corpus in list_corpora() if column in corpus.columns]
    values = {str(value) for found in columns for value in found.outcomes()} - {"other", "no_agreement"}

    assert len(values) > 0
    assert {value for value in values if not read_facts({column: value})} == set()


def test_what_is_true_of_a_row_includes_broader_levels() -> None:
    facts = read_facts({"gender": "male", "age": 35})

    assert VOCABULARY.statable(facts) == {"gender": ("male",), "age_group": ("young_adult", "adult")}


def test_only_a_broader_level_is_true_where_two_are_possible() -> None:
    assert VOCABULARY.statable(read_facts({"age_group": "50+"})) == {"age_group": ("adult",)}


def test_rows_are_encoded_as_their_possible_levels() -> None:
    rows = [read_facts(row) for row in ({"gender": "female", "age_group": "20s-40s"}, {"emotion": "fear"})]
    names = [(name, level) for name, row in VOCABULARY.attributes.items() for level in row.levels]

    encoded = VOCABULARY.encode_rows(rows)

    assert encoded.shape == (2, len(names))
    expected = [[float(level in facts.get(name, {level})) for name, level in names] for facts in rows]
    assert encoded.tolist() == expected


@pytest.mark.parametrize("seed", range(3))
def test_statements_are_judged_as_in_every_possible_world(seed: int) -> None:
    generator = np.random.default_rng(seed)
    rows = draw_facts(60, seed)
    statements = []
    for _ in range(60):
        names = generator.permutation(list(VOCABULARY.attributes))[: generator.integers(1, 4)]
        levels = [[*VOCABULARY.attributes[name].levels, *VOCABULARY.attributes[name].broader] for name in names]
        statements.append(tuple(Fact(str(n), str(generator.choice(lv))) for n, lv in zip(names, levels, strict=True)))

    relation = VOCABULARY.relate(VOCABULARY.encode_rows(rows), statements)

    assert relation.dtype == np.int8
    assert relation.tolist() == [[judge_slowly(facts, statement) for statement in statements] for facts in rows]
    assert set(np.unique(relation)) == {TRUE, FALSE, UNKNOWN}


@pytest.mark.parametrize(
    ("row", "level", "expected"),
    [
        ({"age": 70}, "adult", TRUE),
        ({"age": 15}, "adult", FALSE),
        ({"age_group": "50+"}, "adult", TRUE),
        ({"age_group": "50+"}, "senior", UNKNOWN),
        ({"age_group": "50+"}, "young_adult", FALSE),
        ({"gender": "male"}, "adult", UNKNOWN),
    ],
)
def test_adult_covers_three_age_groups(row: dict[str, object], level: str, expected: int) -> None:
    encoded = VOCABULARY.encode_rows([read_facts(row)])

    assert VOCABULARY.relate(encoded, [[Fact("age_group", level)]]).tolist() == [[expected]]


def test_one_false_fact_outweighs_unknown_ones() -> None:
    encoded = VOCABULARY.encode_rows([read_facts({"gender": "male"})])
    statements = [
        [Fact("gender", "male"), Fact("emotion", "fear")],
        [Fact("gender", "female"), Fact("emotion", "fear")],
        [],
    ]

    assert VOCABULARY.relate(encoded, statements).tolist() == [[UNKNOWN, FALSE, TRUE]]


@pytest.mark.parametrize(
    ("fact", "message"),
    [
        (Fact("gendre", "male"), "no attribute 'gendre'; did you mean 'gender'? known: emotion, intensity, gender,"),
        (Fact("colour", "red"), "no attribute 'colour'; known: emotion, intensity,"),
        (Fact("gender", "femal"), "gender has no level 'femal'; did you mean 'female'? known: female, male, other"),
        (Fact("age_group", "adolt"), "age_group has no level 'adolt'; did you mean 'adult'? known: infant, child,"),
    ],
)
def test_unknown_facts_are_named_with_the_known_ones(fact: Fact, message: str) -> None:
    with pytest.raises(QueryError, match=re.escape(message)):
        VOCABULARY.levels_of(fact)
    with pytest.raises(QueryError, match=re.escape(message)):
        VOCABULARY.relate(VOCABULARY.encode_rows([{}]), [[fact]])


def test_a_fact_reads_as_an_equation() -> None:
    assert str(Fact("gender", "female")) == "gender=female"


def test_the_attribute_table_is_consistent() -> None:
    for name, attribute in read_attributes().items():
        assert not set(attribute.levels) & set(attribute.broader), name
        covered = {level for levels in attribute.broader.values() for level in levels}
        mapped = {
            level for source in attribute.sources for levels in (source.values or {}).values() for level in levels
        }
        cut = {level for source in attribute.sources for level in source.intervals or {}}
        assert covered | mapped | cut <= set(attribute.levels), name
        for source in attribute.sources:
            edges = sorted((source.intervals or {}).values())
            assert all(left[1] == right[0] for left, right in pairwise(edges)), name


def test_what_is_binned_has_the_levels_of_bins() -> None:
    for name, attribute in read_attributes().items():
        if attribute.bins is not None:
            assert tuple(attribute.levels) == LEVELS and attribute.why and not attribute.sources, name
        else:
            assert attribute.sources, name
        assert attribute.modifies is None or attribute.modifies in read_attributes(), name


@pytest.mark.parametrize(
    ("row", "accent"),
    [
        ({"language": "en", "native_language": "zh"}, {"zh"}),
        ({"language": "zh", "native_language": "zh"}, None),
        ({"language": None, "native_language": "zh"}, None),
        ({"native_language": "zh"}, None),
        ({"language": "en", "native_language": "zh", "accent": "us"}, {"us"}),
    ],
)
def test_a_first_language_is_an_accent_in_another_one(row: dict[str, object], accent: set[str] | None) -> None:
    assert read_facts(row).get("accent") == accent
