"""A corpus of hummed tones, made here, to try out training where there are no recordings."""

from pathlib import Path
from typing import Any

import numpy as np

from paraclap.audio import SAMPLING_RATE
from paraclap.corpora import write_manifest
from paraclap.training.recipe import Recipe

_PITCHES = {"male": 110.0, "female": 260.0}  # Hz
_CLIPS = 4  # of a speaker
_NUM_HARMONICS = 8
_METADATA = {"corpus": "made-tones", "licence": "CC0", "source": "made by paraclap", "citation": "none", "version": "1"}


def make_corpus(recipe: Recipe) -> Path:
    """Make the tones of a recipe in its cache folder, and return their manifest."""
    folder = recipe.cache / f"made-tones-{recipe.made_clips}"
    manifest = folder / "tones.parquet"
    if not manifest.is_file():
        write_tones(folder, speakers=max(1, recipe.made_clips // (_CLIPS * len(_PITCHES))))
    return manifest


def write_tones(folder: Path, *, speakers: int = 5) -> Path:
    """Write a corpus whose men hum low and whose women hum high, angry and sad in turn, and return its manifest.

    Args:
        folder: where files and manifest go.
        speakers: of each gender; four clips each.
    """
    import audformat
    import pandas as pd
    import soundfile

    rows: list[dict[str, Any]] = []
    generator = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for gender, pitch in _PITCHES.items():
        for speaker in range(speakers):
            for clip in range(_CLIPS):
                duration = 0.5 + 0.1 * clip  # s
                times = np.arange(round(duration * SAMPLING_RATE)) / SAMPLING_RATE
                own = pitch * generator.uniform(0.9, 1.1)
                tone = sum(np.sin(2 * np.pi * own * k * times) / k for k in range(1, _NUM_HARMONICS + 1))
                file = f"{gender}{speaker}-{clip}.wav"
                soundfile.write(folder / file, 0.1 * tone + generator.normal(0, 0.01, len(times)), SAMPLING_RATE)
                row = {"file": file, "end": duration, "speaker": f"{gender}{speaker}", "gender": gender}
                rows.append(row | {"emotion": ("anger", "sadness")[clip % 2]})
    table = pd.DataFrame(rows)
    index = audformat.segmented_index(table.pop("file"), [0] * len(table), pd.to_timedelta(table.pop("end"), unit="s"))
    manifest = folder / "tones.parquet"
    write_manifest(manifest, table.set_index(index), _METADATA | {"root": str(folder.resolve()), "languages": []})
    return manifest
