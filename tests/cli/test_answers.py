import re

import pytest

from paraclap.cli.answers import Answer, flatten_answer, print_answers


def make_answer(*shares: float) -> Answer:
    probability = {f"c{number}": share for number, share in enumerate(shares)}
    best = max(probability, key=probability.__getitem__)
    return {"file": "a.wav", "start": 0.0, "end": 0.5, "probability": probability, "best": best}


def read_table(capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    lines = [line.strip() for line in capsys.readouterr().out.splitlines() if line.strip()]
    return [re.split(r"\s{2,}", line) for line in lines]


def test_a_few_columns_are_shown_all(capsys: pytest.CaptureFixture[str]) -> None:
    print_answers([make_answer(0.25, 0.75)], ["c0", "c1"])

    title, header, _, row = read_table(capsys)
    assert (title, header) == (["probability of each query"], ["file", "c0", "c1", "best"])
    assert row == ["a.wav", "0.25", "0.75", "c1"]


def test_of_many_columns_the_three_most_probable_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    shares = (0.05, 0.3, 0.05, 0.4, 0.15, 0.05)

    print_answers([make_answer(*shares)], [f"c{number}" for number in range(6)], noun="class")

    title, header, _, row = read_table(capsys)
    assert (title, header) == (["the most probable of 6 classes"], ["file", "best", "second", "third"])
    assert row == ["a.wav", "c3 0.40", "c1 0.30", "c4 0.15"]


def test_what_is_none_of_the_columns_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    shares = (0.05, 0.3, 0.05, 0.4, 0.15, 0.05)
    few, many = (answer | {"best": "none of these"} for answer in (make_answer(0.25, 0.75), make_answer(*shares)))

    print_answers([few], ["c0", "c1"])
    assert read_table(capsys)[-1] == ["a.wav", "0.25", "0.75", "none of these"]
    print_answers([many], [f"c{number}" for number in range(6)])
    assert read_table(capsys)[-1] == ["a.wav", "none of these (c3 0.40)", "c1 0.30", "c4 0.15"]


def test_a_flat_answer_has_a_column_a_number() -> None:
    assert flatten_answer(make_answer(0.25, 0.75)) == {
        "file": "a.wav",
        "start": 0.0,
        "end": 0.5,
        "probability: c0": 0.25,
        "probability: c1": 0.75,
        "best": "c1",
    }
