import pytest
from tests.evaluation.report.made import HOSTILE, bound

from paraclap.evaluation.pairing import PairedDifference
from paraclap.evaluation.report.formatting import (
    clean,
    format_certain,
    format_change,
    format_count,
    format_metric,
    format_number,
    name_axis,
    name_metric,
    shorten,
)
from paraclap.evaluation.results import Metric


def test_metrics_have_three_decimals_and_an_interval() -> None:
    assert format_metric(bound(0.75)) == "0.750 (0.700-0.800)"
    assert format_metric(bound(0.01)) == "0.010 (-0.040 to 0.060)"
    assert format_metric(bound(7.5, 1.5), digits=1) == "7.5 (6.0-9.0)"
    assert format_metric(bound(1.0, 0.0)) == "1.000 (1.000-1.000)"
    assert format_metric(None) == ""


def test_what_guessing_reaches_has_no_interval() -> None:
    assert format_certain(bound(0.5, 0.0)) == "0.500"
    assert format_certain(bound(0.5)) == "0.500 (0.450-0.550)"
    assert format_certain(None) == ""


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.1234, "0.123"), (-0.0001, "0.000"), (float("nan"), "n/a"), (float("inf"), "n/a"), (None, "")],
)
def test_numbers_that_are_none_are_said_and_zero_has_no_sign(value: float | None, shown: str) -> None:
    assert format_number(value) == shown


def test_an_interval_that_could_not_be_measured_is_said() -> None:
    assert format_metric(Metric(value=0.5, low=float("nan"), high=float("nan"))) == "0.500 (n/a-n/a)"


@pytest.mark.parametrize(("value", "shown"), [(0.1, "+0.100"), (-0.1, "-0.100"), (0.0001, "0.000"), (0.0, "0.000")])
def test_changes_have_a_sign(value: float, shown: str) -> None:
    change = PairedDifference(value=value, low=-0.2, high=0.2, p=0.5)

    assert format_change(change) == f"{shown} (-0.200 to 0.200)"


def test_names_of_metrics_are_those_of_the_field_with_their_range() -> None:
    assert [name_metric(key) for key in ("uar", "macro_f1", "text_to_audio_recall@10")] == [
        "UAR",
        "macro-F1",
        "text to audio recall@10",
    ]
    assert name_axis("uar") == "UAR (0 to 1)"
    assert name_axis("spearman") == "Spearman's rho (-1 to 1)"


def test_counts_that_nobody_knows_are_question_marks() -> None:
    assert [format_count(number) for number in (None, 0, 24)] == ["?", "0", "24"]


def test_texts_are_shortened_with_dots() -> None:
    assert [shorten("abcde", length) for length in (5, 4)] == ["abcde", "abc…"]


def test_hidden_characters_are_shown_as_codes_and_letters_of_all_scripts_stay() -> None:
    assert clean("a\x00b\x1b[0m\udcff\n") == "a\\x00b\\x1b[0m\\udcff\n"
    assert clean(HOSTILE).endswith("**\\u202e")
    assert clean("名前\u3000weißes می\u200cخواهم") == "名前\u3000weißes می\u200cخواهم"
