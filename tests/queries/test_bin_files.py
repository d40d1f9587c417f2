import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.queries.rows import VOCABULARY, draw_table, fitted_bins, make_binned

from paraclap.errors import ParaClapError, QueryError
from paraclap.queries import Bins, fit_bins, read_bins, write_bins


def fit_heights() -> Bins:
    return fit_bins(pd.DataFrame({"h": np.arange(101.0), "split": "train"}), make_binned("h"))


def test_bins_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_bins(tmp_path / "bins.json", fitted_bins())

    bins = read_bins(tmp_path / "bins.json", feature_set="drawn")

    assert bins == fitted_bins()
    table = draw_table(300, seed=2)
    assert VOCABULARY.read_table(table, bins=bins) == VOCABULARY.read_table(table, bins=fitted_bins())
    write_bins(tmp_path / "again.json", bins)
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "bins.json").read_bytes()


def test_bins_of_no_feature_set_are_read_for_any(tmp_path: Path) -> None:
    write_bins(tmp_path / "bins.json", fit_heights())

    assert read_bins(tmp_path / "bins.json", feature_set="eGeMAPSv02") == fit_heights()
    assert read_bins(tmp_path / "bins.json") == fit_heights()


def test_bins_of_other_features_are_refused(tmp_path: Path) -> None:
    write_bins(tmp_path / "bins.json", fitted_bins())

    message = (
        "bins.json has bins of the features drawn; expected eGeMAPSv02, as in the features table: fit new ones with"
    )
    with pytest.raises(QueryError, match=re.escape(message)):
        read_bins(tmp_path / "bins.json", feature_set="eGeMAPSv02")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "bins.json holds no bins (the file: Input should be"),
        ({"kind": "captions"}, "bins.json holds no bins (kind: Input should be 'paraclap bins')"),
        (
            {"more": 1},
            "bins.json holds no bins (more: Extra inputs are not permitted); expected what 'paraclap captions",
        ),
        ({"format_version": 2}, "bins.json holds no bins (format_version: Input should be 1)"),
        ({"fingerprint": None}, "bins.json holds no bins (fingerprint: Input should be a valid string)"),
    ],
)
def test_other_json_is_refused(content: object, message: str, tmp_path: Path) -> None:
    whole = json.loads(fit_heights().model_dump_json())
    path = tmp_path / "bins.json"
    path.write_text(json.dumps(whole | content if isinstance(content, dict) else content), encoding="utf-8")

    with pytest.raises(QueryError, match=re.escape(message)):
        read_bins(path)


def test_a_file_of_bins_that_is_missing_or_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParaClapError, match=r"^no file .*bins\.json; expected a JSON file$"):
        read_bins(tmp_path / "bins.json")
    (tmp_path / "bins.json").write_text("{", encoding="utf-8")
    with pytest.raises(ParaClapError, match=r"bins\.json is not JSON \("):
        read_bins(tmp_path / "bins.json")
