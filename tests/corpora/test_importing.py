from pathlib import Path

import audformat
import pandas as pd
import pytest
import soundfile
from tests.corpora.corpus_folders import DURATION, ROWS, write_corpus, write_recording

from paraclap.corpora import import_corpus, list_corpora, read_manifest, write_manifest
from paraclap.errors import CorpusError


def read_rows(manifest: pd.DataFrame) -> dict[str, dict[str, str | float | None]]:
    """Return the rows by file, missing values as None."""
    rows: dict[str, dict[str, str | float | None]] = {}
    for index, row in manifest.iterrows():
        assert isinstance(index, tuple)
        rows[index[0]] = {str(name): None if pd.isna(value) else value for name, value in row.items()}
    return rows


def test_every_corpus_has_a_small_folder_here() -> None:
    assert sorted(ROWS) == [info.name for info in list_corpora()]


@pytest.mark.parametrize("name", sorted(ROWS))
def test_a_corpus_becomes_these_rows(name: str, tmp_path: Path) -> None:
    result = import_corpus(name, write_corpus(name, tmp_path / "any folder"))
    assert read_rows(result.manifest) == ROWS[name]
    assert result.findings == ()
    assert result.metadata["corpus"] == name
    assert result.metadata["root"] == str(tmp_path / "any folder")
    assert set(result.metadata) >= {"licence", "source", "citation", "version", "languages"}


@pytest.mark.parametrize("name", sorted(ROWS))
def test_any_audio_suffix_gives_the_same_rows(name: str, tmp_path: Path) -> None:
    result = import_corpus(name, write_corpus(name, tmp_path, suffix=".flac"))
    assert list(read_rows(result.manifest).values()) == list(ROWS[name].values())


def test_the_index_is_that_of_audformat_with_real_ends(tmp_path: Path) -> None:
    manifest = import_corpus("emodb", write_corpus("emodb", tmp_path)).manifest
    files = sorted(ROWS["emodb"])
    expected = audformat.segmented_index(files, ["0s"] * 3, [f"{DURATION}s"] * 3)
    pd.testing.assert_index_equal(manifest.index, expected)


def test_a_manifest_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    result = import_corpus("crema-d", write_corpus("crema-d", tmp_path / "crema-d"))
    write_manifest(tmp_path / "m.parquet", result.manifest, result.metadata)
    manifest, metadata = read_manifest(tmp_path / "m.parquet")
    assert read_rows(manifest) == ROWS["crema-d"]
    assert list(manifest.index) == list(result.manifest.index)
    assert metadata == result.metadata
    assert manifest["age"].dtype == "float64"


def test_columns_follow_the_order_of_the_contract(tmp_path: Path) -> None:
    columns = list(import_corpus("crema-d", write_corpus("crema-d", tmp_path)).manifest.columns)
    contract = ["speaker", "language", "label", "emotion", "gender", "age", "intensity", "transcript"]
    assert columns == [*contract, "sentence", "voice_vote", "multimodal_vote"]


def test_an_optional_label_file_may_be_absent(tmp_path: Path) -> None:
    root = write_corpus("emodb", tmp_path)
    (root / "erkennung.txt").unlink()
    result = import_corpus("emodb", root)
    assert "recognition" not in result.manifest
    assert "no file erkennung.txt: its columns are left out" in result.notes


def test_a_required_label_file_is_asked_for(tmp_path: Path) -> None:
    root = write_corpus("nemo", tmp_path)
    (root / "data.tsv").unlink()
    with pytest.raises(CorpusError, match=r"no file .*data\.tsv; the labels are in it"):
        import_corpus("nemo", root)


def test_bad_files_are_named_and_the_good_ones_kept(tmp_path: Path) -> None:
    root = write_corpus("emodb", tmp_path)
    (root / "wav/08a01Na.wav").write_bytes(b"this is no audio")
    (root / "wav/08a02Na.wav").touch()
    write_recording(root / "wav/08a04Na.wav", duration=0.05)
    result = import_corpus("emodb", root)
    assert read_rows(result.manifest) == ROWS["emodb"]
    assert [bad.file for bad in result.findings] == ["wav/08a01Na.wav", "wav/08a02Na.wav", "wav/08a04Na.wav"]
    reasons = [bad.reason for bad in result.findings]
    assert reasons[0].startswith(f"{root / 'wav/08a01Na.wav'}: ")
    assert "the file is empty" in reasons[1]
    assert "0.050 s of audio; expected at least 0.1 s" in reasons[2]


def test_a_code_that_the_row_does_not_know_is_a_finding(tmp_path: Path) -> None:
    root = write_corpus("emodb", tmp_path)
    write_recording(root / "wav/99a01Na.wav")
    (finding,) = import_corpus("emodb", root).findings
    assert finding.file == "wav/99a01Na.wav"
    assert "speaker is '99'; expected one of 03, 08, 09" in finding.reason


def test_a_number_beyond_all_ranges_is_a_finding(tmp_path: Path) -> None:
    root = write_corpus("emotiontts-ko", tmp_path)
    write_recording(root / "Emotional/plain-to-emotional/ema/wav/ema00401.wav")
    (finding,) = import_corpus("emotiontts-ko", root).findings
    assert "number is '00401'; expected a number in 1-100, 101-200, 201-300, 301-400" in finding.reason


def test_an_age_that_is_no_number_is_a_finding(tmp_path: Path) -> None:
    root = write_corpus("speechocean762", tmp_path)
    (root / "train/spk2age").write_text("0001\tforty\n")
    (finding,) = import_corpus("speechocean762", root).findings
    assert "ages.value is 'forty'; expected a number" in finding.reason


def test_a_corpus_without_one_usable_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "wav").mkdir()
    (tmp_path / "wav/03a01Fa.wav").write_bytes(b"this is no audio")
    with pytest.raises(CorpusError, match=r"none of the 1 files of emodb can be used; the first: .*03a01Fa\.wav"):
        import_corpus("emodb", tmp_path)


def test_a_wrong_folder_is_told_what_was_looked_for_and_found(tmp_path: Path) -> None:
    write_corpus("tess", tmp_path)
    expected = r"no recording of emodb; expected files like wav/03a01Fa\.wav .*found 3 audio files, such as OAF"
    with pytest.raises(CorpusError, match=expected):
        import_corpus("emodb", tmp_path)


def test_notes_say_what_was_left_out(tmp_path: Path) -> None:
    root = write_corpus("ravdess", tmp_path)
    song = root / "Audio_Song_Actors_01-24/Actor_02/03-02-02-02-02-01-02.wav"
    again = root / "all/Audio_Speech_Actors_01-24/Actor_02/03-01-02-02-02-01-02.wav"
    write_recording(song)
    write_recording(again)
    result = import_corpus("ravdess", root)
    assert read_rows(result.manifest) == ROWS["ravdess"]
    assert result.notes == (
        "2 of 1440 published files are here",
        f"1 files repeat others and were left out, such as {again.relative_to(root)}",
        f"1 audio files are no part of ravdess and were left out, such as {song.relative_to(root)}",
    )


OWN_ROW = r"""
title = "A corpus of our own"
licence = "none"
source = "this test"
citation = "this test"
version = "1"
languages = ["fr"]
use = "train"
layout = "verified on real files"
num_files = 2
examples = ["clips/a-1-4.wav"]
patterns = ['clips/(?P<speaker>[a-z])-(?P<emotion>\d)-(?P<arousal>\d)']

[columns]
speaker = { from = "speaker" }
language = { value = "fr" }
emotion = { from = "emotion", map = { 1 = "anger", 2 = "contempt", 9 = "" } }
arousal = { from = "arousal", scale = 0.25 }
pulse = { from = "arousal", type = "number" }
"""


def test_a_row_of_data_is_all_that_a_new_corpus_needs(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN_ROW)
    for clip in ("a-1-4", "B-9-1"):
        write_recording(tmp_path / f"own/clips/{clip}.ogg")
    result = import_corpus(tmp_path / "own.toml", tmp_path)
    assert result.metadata["corpus"] == "own"
    assert result.metadata["root"] == str(tmp_path / "own")
    assert read_rows(result.manifest) == {
        "clips/B-9-1.ogg": {"speaker": "B", "language": "fr", "emotion": None, "arousal": 0.25, "pulse": 1.0},
        "clips/a-1-4.ogg": {"speaker": "a", "language": "fr", "emotion": "anger", "arousal": 1.0, "pulse": 4.0},
    }
    ends = result.manifest.index.get_level_values("end")
    assert ends[0].total_seconds() == pytest.approx(soundfile.info(tmp_path / "own/clips/B-9-1.ogg").duration)
