"""Hits of a search as plain values, as commands print them and the service sends them."""

from typing import Any

import pandas as pd


def list_hits(hits: pd.DataFrame) -> list[dict[str, Any]]:
    """Return what `Index.search` found as records: `rank` from 1, `file`, `start` and `end` in seconds, all columns.

    What is unknown is None.
    """
    records = zip(hits.index, hits.to_dict("records"), strict=True)
    return [
        {
            "rank": rank,
            "file": str(file),
            "start": start.total_seconds(),
            "end": end.total_seconds(),
            **{str(name): None if pd.isna(value) else value for name, value in values.items()},
        }
        for rank, ((file, start, end), values) in enumerate(records, start=1)
    ]
