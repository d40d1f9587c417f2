"""What `paraclap captions --preview` does: what would be said of one audio file, and why."""

import math
from importlib.resources import files
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paraclap.cli.output import print_json, print_rows
from paraclap.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paraclap.features import Features
    from paraclap.queries import CaptionSettings
    from paraclap.queries.bins import MeasuredLevel
    from paraclap.queries.preview import Preview

_NUM_CAPTIONS = 5
MEASURE_COLUMNS = ("attribute", "measure", "value", "edges", "whose edges", "level")


def preview_file(
    file: Path,
    settings: "CaptionSettings",
    *,
    bins: Path | None,
    model: Path | None,
    num_captions: int | None,
    as_json: bool,
) -> None:
    """Measure an audio file, and print where its values lie and captions of it."""
    import pandas as pd

    from paraclap.audio import read_audio
    from paraclap.features import FEATURE_SET, extract_features, feature_names
    from paraclap.queries import preview_captions, read_bins

    fitted = read_bins(bins if bins is not None else _find_bins(model), feature_set=FEATURE_SET)
    features = extract_features(read_audio(file))
    table = pd.DataFrame([features.values], columns=list(feature_names())).assign(duration=features.duration)
    preview = preview_captions(table, fitted, settings, num_captions=num_captions or _NUM_CAPTIONS)
    if as_json:
        print_json(_describe(file, features, preview))
    else:
        _print_tables(features, preview)


def _find_bins(model: Path | None) -> Path:
    """Return the bins of a model folder, or of the model inside the package.

    Raises:
        ModelError: if there are none.
    """
    folder = Path(str(files("paraclap") / "models" / "mini")) if model is None else model
    if not folder.is_dir():
        raise ModelError(f"no folder {folder}; expected a model folder with bins.json")
    if not (folder / "bins.json").is_file():
        name = "paraclap-mini" if model is None else folder
        raise ModelError(f"{name} has no bins.json; give --bins with what 'paraclap captions --bins-out' wrote")
    return folder / "bins.json"


def _describe(file: Path, features: "Features", preview: "Preview") -> dict[str, Any]:
    captions = [{"caption": caption.text, "facts": dict(caption.facts)} for caption in preview.captions]
    return {
        "file": str(file),
        "duration": features.duration,
        "reason": features.reason,
        "measures": [level.as_record() for level in preview.levels],
        "captions": captions,
    }


def _print_tables(features: "Features", preview: "Preview") -> None:
    """Print the measured values, and captions with the facts that they state."""
    print_rows(MEASURE_COLUMNS, list_measure_rows(preview.levels))
    if features.reason:
        print(f"not all could be measured: {features.reason}\n")
    if preview.captions:
        captions = [(caption.text, ", ".join(map(str, caption.facts))) for caption in preview.captions]
        print_rows(("caption", "facts"), captions)
    else:
        print("nothing can be said of it")


def list_measure_rows(measured: "Sequence[MeasuredLevel]") -> list[tuple[str, ...]]:
    """Return the rows of a table of measured values, with each attribute and its level once."""
    rows: list[tuple[str, ...]] = []
    for attribute, group in groupby(measured, key=lambda level: level.attribute):
        levels = list(group)
        for number, level in enumerate(levels):
            value = "-" if math.isnan(level.value) else f"{level.value:.4g}"
            low, high = level.edges
            first, last = (attribute, _name_level(levels)) if number == 0 else ("", "")
            rows.append((first, level.measure, value, f"{low:.4g}  {high:.4g}", level.group, last))
    return rows


def _name_level(levels: "Sequence[MeasuredLevel]") -> str:
    """Return the level of an attribute, both of a value near an edge, or why there is none."""
    if levels[0].levels:
        return " or ".join(levels[0].levels)
    if not levels[0].is_reliable:
        return "unknown: hardly voiced"
    return "unknown" if any(math.isnan(level.value) for level in levels) else "measures disagree"
