from pathlib import Path

import numpy as np
import pytest
from tests.training.tones import make_recipe

from paraclap.audio import read_audio
from paraclap.corpora import assign_splits, read_manifest
from paraclap.training.made_audio import make_corpus, write_tones


def test_tones_are_a_corpus_with_speakers_labels_and_a_licence(tmp_path: Path) -> None:
    table, metadata = read_manifest(write_tones(tmp_path / "tones", speakers=3))

    assert len(table) == 24
    assert sorted(table["speaker"].unique()) == [f"{gender}{n}" for gender in ("female", "male") for n in range(3)]
    assert table["gender"].value_counts().to_dict() == {"male": 12, "female": 12}
    assert table["emotion"].value_counts().to_dict() == {"anger": 12, "sadness": 12}
    assert (metadata["corpus"], metadata["licence"]) == ("made-tones", "CC0")
    assert metadata["root"] == str(tmp_path / "tones")


@pytest.mark.parametrize(("gender", "low", "high"), [("male", 99, 121), ("female", 234, 286)])
def test_men_hum_low_and_women_high(tmp_path: Path, gender: str, low: float, high: float) -> None:
    table, _ = read_manifest(write_tones(tmp_path, speakers=1))

    for file, _, end in table.index[table["gender"] == gender]:
        waveform = read_audio(tmp_path / file)
        assert len(waveform) / 16000 == pytest.approx(end.total_seconds())
        pitch = np.abs(np.fft.rfft(waveform)).argmax() * 16000 / len(waveform)
        assert low - 2 <= pitch <= high + 2


def test_the_tones_are_always_the_same(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_tones(tmp_path / name, speakers=1)

    files = [sorted((tmp_path / name).glob("*.wav")) for name in ("a", "b")]
    assert len(files[0]) == 8
    assert [file.read_bytes() for file in files[0]] == [file.read_bytes() for file in files[1]]


def test_a_recipe_s_corpus_is_made_once_in_its_cache(tmp_path: Path) -> None:
    recipe = make_recipe(tmp_path, tmp_path / "tower", tmp_path / "none", made_clips=80)

    manifest = make_corpus(recipe)
    written = manifest.stat().st_mtime_ns

    assert manifest.is_relative_to(recipe.cache)
    table, _ = read_manifest(manifest)
    assert len(table) == 80
    assert {"train", "dev"} <= set(assign_splits(table))
    assert make_corpus(recipe).stat().st_mtime_ns == written


def test_few_made_clips_are_one_speaker_of_each_gender(tmp_path: Path) -> None:
    recipe = make_recipe(tmp_path, tmp_path / "tower", tmp_path / "none", made_clips=3)

    assert len(read_manifest(make_corpus(recipe))[0]) == 8
