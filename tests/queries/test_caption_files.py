from pathlib import Path

import pandas as pd
import pytest
from tests.queries.rows import VOCABULARY, draw_table, fitted_bins

from paraclap.errors import CorpusError, QueryError
from paraclap.queries import Bins, CaptionSettings, fit_bins, hash_tables, make_captions
from paraclap.queries.caption_files import read_captions, write_captions
from paraclap.queries.tables import read_caption_table
from paraclap.storage import hash_table, read_table, write_table


def write(path: Path, table: pd.DataFrame, bins: Bins | None, **settings: object) -> dict[str, object]:
    chosen = CaptionSettings(**settings)  # type: ignore[arg-type]
    parts = [part for half in (table[:20], table[20:]) for part in make_captions(half, chosen, bins=bins)]
    write_captions(path, parts, manifest=table, settings=chosen, bins=bins)
    captions, metadata = read_table(path, kind="captions")
    pd.testing.assert_frame_equal(captions, pd.concat(parts))
    return metadata


def test_captions_come_back_and_say_what_they_were_made_from(tmp_path: Path) -> None:
    table = draw_table(40, seed=7)

    metadata = write(
        tmp_path / "c.parquet",
        table,
        fitted_bins(),
        variant="labels",
        without=("gender",),
        seed=3,
        num_facts=(2.0, 1.0),
    )

    fingerprint = metadata.pop("bins")
    assert metadata == {
        "manifest": hash_table(table),
        "fitted_on": fitted_bins().fingerprint,
        "feature_set": "drawn",
        "variant": "labels",
        "without": ["gender"],
        "seed": 3,
        "per_utterance": 1,
        "num_facts": [2.0, 1.0],
        "tables": hash_tables(),
    }
    others = fit_bins(draw_table(3000, seed=99), VOCABULARY.attributes, quantiles={"pitch": (0.2, 0.8)})
    assert write(tmp_path / "d.parquet", table, others)["bins"] != fingerprint


def test_what_was_left_to_the_tables_is_written_out(tmp_path: Path) -> None:
    metadata = write(tmp_path / "c.parquet", draw_table(40, seed=7), None)

    assert (metadata["bins"], metadata["fitted_on"], metadata["feature_set"]) == (None, None, None)
    assert metadata["num_facts"] == list(read_caption_table().num_facts)


def test_no_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"no rows to write as captions"):
        write_captions(tmp_path / "c.parquet", [], manifest=draw_table(3), settings=CaptionSettings(), bins=None)


def test_captions_are_read_for_the_rows_that_they_were_made_from(tmp_path: Path) -> None:
    table = draw_table(40, seed=7)
    write(tmp_path / "c.parquet", table, None, variant="labels", per_utterance=2)
    written, _ = read_table(tmp_path / "c.parquet", kind="captions")

    name, captions = read_captions(
        tmp_path / "c.parquet", {"other": draw_table(5), "drawn": table}, vocabulary=VOCABULARY
    )

    assert name == "drawn"
    assert len(captions) == len(table)
    for row, of_row in zip(table.index, captions, strict=True):
        expected = written[written.index == row]
        assert [caption.text for caption in of_row] == expected["caption"].tolist()
        for caption, levels in zip(of_row, expected.drop(columns="caption").to_dict("records"), strict=True):
            assert {str(fact) for fact in caption.facts} == {f"{a}={v}" for a, v in levels.items() if not pd.isna(v)}


def test_captions_of_another_manifest_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "c.parquet", draw_table(40, seed=7), None, variant="labels")

    with pytest.raises(QueryError, match=r"captions of another manifest; expected those of drawn as they are now"):
        read_captions(tmp_path / "c.parquet", {"drawn": draw_table(40, seed=8)}, vocabulary=VOCABULARY)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("caption", " ", r"' ' is no sentence with a fact about a row of drawn"),
        ("caption", None, r"is no sentence with a fact about a row of drawn"),
        ("gender", "squeaky", r"gender has no level 'squeaky'"),
    ],
)
def test_sentences_and_facts_that_are_none_are_refused(
    tmp_path: Path, column: str, value: str | None, message: str
) -> None:
    table = draw_table(40, seed=7)
    write(tmp_path / "c.parquet", table, None, variant="labels")
    captions, metadata = read_table(tmp_path / "c.parquet", kind="captions")
    captions[column] = [value if place == 3 else found for place, found in enumerate(captions[column])]
    write_table(tmp_path / "c.parquet", captions, kind="captions", metadata=metadata)

    with pytest.raises(QueryError, match=message):
        read_captions(tmp_path / "c.parquet", {"drawn": table}, vocabulary=VOCABULARY)
