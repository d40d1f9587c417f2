from pathlib import Path

import pytest
from tests.features.corpora import Corpus

from paraclap.errors import CorpusError
from paraclap.features import extract_manifest, read_features
from paraclap.storage import write_table


def test_features_of_another_manifest_are_refused(few: Corpus, voices: Corpus, tmp_path: Path) -> None:
    extract_manifest(*few, tmp_path / "f.parquet", num_workers=1)

    for manifest in (voices[0], few[0].iloc[::-1], few[0].iloc[:3]):
        with pytest.raises(
            CorpusError,
            match=r"f\.parquet holds features of another manifest, of toy, than that of other; make it again with "
            r"'paraclap features' from this manifest$",
        ):
            read_features(tmp_path / "f.parquet", manifest=manifest, metadata={"corpus": "other"})
    with pytest.raises(CorpusError, match=r"of another manifest, of toy, than the one given;"):
        read_features(tmp_path / "f.parquet", manifest=voices[0])


def test_other_labels_of_the_same_utterances_are_no_other_manifest(few: Corpus, tmp_path: Path) -> None:
    extract_manifest(*few, tmp_path / "f.parquet", num_workers=1)

    table, _ = read_features(tmp_path / "f.parquet", manifest=few[0].assign(emotion="anger"))

    assert len(table) == 5


def test_tables_that_are_no_features_of_ours_are_refused(few: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    extract_manifest(*few, path, num_workers=1)
    table, metadata = read_features(path)
    for broken, facts, message in (
        (
            table,
            metadata | {"feature_set": "ComParE_2016"},
            r"holds features of ComParE_2016; expected eGeMAPSv02: make",
        ),
        (table.drop(columns="loudnessPeaksPerSec"), metadata, r"has no column 'loudnessPeaksPerSec'; make it again"),
        (table.drop(columns="reason"), metadata, r"has no column 'reason'; make it again with 'paraclap features'$"),
        (table.reset_index(drop=True), metadata, r"has no column 'file, start, end'; make it again"),
    ):
        write_table(path, broken, kind="features", metadata=facts)
        with pytest.raises(CorpusError, match=message):
            read_features(path)


def test_files_of_another_kind_are_refused(few: Corpus, tmp_path: Path) -> None:
    write_table(tmp_path / "m.parquet", few[0], kind="manifest")

    with pytest.raises(CorpusError, match=r"m\.parquet holds manifest; expected a features"):
        read_features(tmp_path / "m.parquet")
    with pytest.raises(CorpusError, match=r"^no file nowhere\.parquet; expected a features written by paraclap$"):
        read_features("nowhere.parquet")
