from pathlib import Path

import pandas as pd
import pytest
from tests.queries.rows import VOCABULARY, draw_table, fitted_bins

from paraclap.errors import CorpusError
from paraclap.queries import Bins, CaptionSettings, fit_bins, hash_tables, make_captions
from paraclap.queries.caption_files import write_captions
from paraclap.queries.tables import read_caption_table
from paraclap.storage import hash_table, read_table


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
