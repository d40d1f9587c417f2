from collections.abc import Iterator
from pathlib import Path

import audformat
import pandas as pd
import pyarrow.parquet as pq
import pytest

from paraclap.errors import CorpusError
from paraclap.storage import read_table, write_table, write_table_parts


def make_table() -> pd.DataFrame:
    index = audformat.segmented_index(["a", "b", "c"], ["0s", "1s", "2s"], ["1s", "2.5s", "3s"])
    return pd.DataFrame({"value": [1.0, 2.0, 3.5], "reason": pd.array(["", "x", ""], dtype="string")}, index=index)


@pytest.mark.parametrize("sizes", [[3], [1, 2], [1, 1, 1], [2, 1]])
def test_parts_are_read_back_as_the_table_that_was_written_whole(tmp_path: Path, sizes: list[int]) -> None:
    table = make_table()
    ends = [sum(sizes[: place + 1]) for place in range(len(sizes))]
    parts = [table.iloc[end - size : end] for end, size in zip(ends, sizes, strict=True)]

    write_table_parts(tmp_path / "parts.parquet", parts, kind="toys", metadata={"corpus": "ä"})

    write_table(tmp_path / "whole.parquet", table, kind="toys", metadata={"corpus": "ä"})
    found, metadata = read_table(tmp_path / "parts.parquet", kind="toys")
    expected, _ = read_table(tmp_path / "whole.parquet", kind="toys")
    pd.testing.assert_frame_equal(found, expected)
    assert metadata == {"corpus": "ä"}
    assert pq.ParquetFile(tmp_path / "parts.parquet").num_row_groups == len(sizes)


def test_nothing_is_left_when_a_part_cannot_be_made(tmp_path: Path) -> None:
    def make_parts() -> Iterator[pd.DataFrame]:
        yield make_table()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_table_parts(tmp_path / "t.parquet", make_parts(), kind="toys")

    assert list(tmp_path.iterdir()) == []


def test_a_table_without_parts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"t\.parquet: no rows to write as toys; expected at least one$"):
        write_table_parts(tmp_path / "t.parquet", [], kind="toys")

    assert list(tmp_path.iterdir()) == []
