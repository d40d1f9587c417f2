"""What `paraclap captions` does with a manifest: bins, a plot, captions, counts."""

import sys
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paraclap.cli.output import check_table_path, print_json, print_rows
from paraclap.cli.progress import ProgressBars
from paraclap.errors import CorpusError

if TYPE_CHECKING:
    import pandas as pd

    from paraclap.queries import Bins, CaptionSettings


@dataclass(frozen=True)
class Request:
    """Hold what is asked for: what is read, and what is written or printed."""

    manifest: Path
    features: Path | None
    bins: Path | None
    quantiles: Mapping[str, tuple[float, float]]
    num_workers: int
    out: Path | None
    bins_out: Path | None
    plot: Path | None
    stats: bool
    as_json: bool


def caption_manifest(request: Request, settings: "CaptionSettings") -> None:
    """Settle the bins of a manifest, and write and print what is asked for."""
    from paraclap.corpora import read_manifest
    from paraclap.queries.plots import check_plot, plot_bins

    if request.out is not None:
        check_table_path(request.out, suffixes=(".parquet",))
    if request.plot is not None:
        check_plot(request.plot)
    manifest, metadata = read_manifest(request.manifest)
    table, feature_set = _join_features(manifest, metadata, request.features)
    bins = _settle_bins(table, request, without=settings.without, feature_set=feature_set)
    if request.plot is not None and bins is not None:
        plot_bins(request.plot, bins, table)
    if request.out is not None or request.stats:
        _make_captions(manifest, table, request, settings, bins)


def _join_features(
    manifest: "pd.DataFrame", metadata: Mapping[str, Any], features: Path | None
) -> "tuple[pd.DataFrame, str | None]":
    """Return a manifest with its corpus and what was measured of it, and the name of the feature set.

    Raises:
        CorpusError: if the features are of another manifest, or of windows.
    """
    from paraclap.features import read_features
    from paraclap.queries import join_features

    if features is None:
        print("paraclap: no --features: captions speak of labels only", file=sys.stderr)
        return join_features(manifest, corpus=metadata["corpus"]), None
    measured, described = read_features(features, manifest=manifest, metadata=metadata)
    if described["window"] is not None:
        raise CorpusError(
            f"{features} holds features of windows of {described['window']:g} s; expected those of whole utterances: "
            "make it again with 'paraclap features', without --window"
        )
    return join_features(manifest, corpus=metadata["corpus"], features=measured), described["feature_set"]


def _settle_bins(
    table: "pd.DataFrame", request: Request, *, without: tuple[str, ...], feature_set: str | None
) -> "Bins | None":
    """Read bins, or fit and write them; None if nothing is measured that captions could speak of.

    Raises:
        CorpusError: if nothing is measured, and bins are asked for.
    """
    from paraclap.queries import fit_bins, load_vocabulary, read_bins, write_bins

    if request.bins is not None:
        return read_bins(request.bins, feature_set=feature_set)
    attributes = {name: row for name, row in load_vocabulary().attributes.items() if name not in without}
    rules = {name: row.bins for name, row in attributes.items() if row.bins is not None}
    measured = {
        name for name, rule in rules.items() if all(measure.removeprefix("-") in table for measure in rule.measures)
    }
    if not measured and not request.quantiles:
        if request.bins_out is not None or request.plot is not None:
            raise CorpusError(f"{request.manifest} holds no measures, so there are no bins; give --features")
        return None
    bins = fit_bins(_cut(table), attributes, feature_set=feature_set, quantiles=request.quantiles)
    unfitted = [name for name in rules if name in measured and name not in bins.attributes]
    if unfitted:
        _tell(f"no bins for {', '.join(unfitted)}: too few rows of the train split have a value")
    if request.bins_out is not None:
        write_bins(request.bins_out, bins)
        _tell(f"{request.bins_out}: bins of {len(bins.attributes)} attributes, fitted on {bins.num_rows} rows")
    return bins


def _cut(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table with the split that training would cut; with its own, where speakers are too few to cut it."""
    from paraclap.corpora import assign_splits

    try:
        return table.assign(split=assign_splits(table))
    except CorpusError:
        return table


def _make_captions(
    manifest: "pd.DataFrame", table: "pd.DataFrame", request: Request, settings: "CaptionSettings", bins: "Bins | None"
) -> None:
    """Make captions, write them part by part, and print counts if they are asked for."""
    from paraclap.queries import CaptionCounts, make_captions, write_captions

    counts = CaptionCounts()
    with ProgressBars() as bars:
        parts = make_captions(
            table,
            settings,
            bins=bins,
            num_workers=request.num_workers,
            progress=lambda done, total: bars.show("making captions", done, total),
        )
        counted = counts.watch(parts)
        if request.out is not None:
            write_captions(request.out, counted, manifest=manifest, settings=settings, bins=bins)
        else:
            deque(counted, maxlen=0)
    summary = counts.summarize(len(manifest))
    if request.out is not None:
        silent = len(manifest) - summary["captioned"]
        rest = f"; nothing can be said of {silent} others" if silent else ""
        _tell(f"{request.out}: {summary['captions']} captions of {summary['captioned']} utterances{rest}")
    if request.as_json:
        print_json(summary)
    elif request.stats:
        _print_summary(summary)


def _print_summary(summary: Mapping[str, Any]) -> None:
    coverage = summary["captioned"] / summary["utterances"]
    print(f"{'coverage':<10}  {coverage:.1%} of {summary['utterances']} utterances have a caption")
    print(f"{'captions':<10}  {summary['captions']}, {summary['distinct']} of them distinct")
    shares = ", ".join(f"{number}: {count}" for number, count in summary["num_facts"].items())
    print(f"{'mean facts':<10}  {summary['mean_facts']:.2f} ({shares})\n")
    print_rows(("most frequent", "captions"), [(text, str(n)) for text, n in summary["most_frequent"].items()])
    levels = summary["levels"].items()
    rows = [(name, ", ".join(f"{level} {count}" for level, count in counts.items())) for name, counts in levels]
    print_rows(("attribute", "captions that state each level"), rows)


def _tell(message: str) -> None:
    print(message, file=sys.stderr)
