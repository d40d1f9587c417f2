from pathlib import Path

import pandas as pd
from tests.features.corpora import Corpus

from paraclap.corpora import write_shards
from paraclap.features import load_features

FACTS = dict.fromkeys(("licence", "source", "citation", "version", "languages"), "none")


def test_whole_files_in_shards_are_found_in_the_cache_and_cuts_measured_alike(few: Corpus, tmp_path: Path) -> None:
    manifest, metadata = few[0][:4], few[1]  # two whole files, and one as two utterances
    expected, _ = load_features(manifest, metadata, num_workers=1)
    sharded = write_shards(manifest, {**metadata, **FACTS}, tmp_path / "shards").manifest

    found, result = load_features(sharded, {**metadata, "root": str(tmp_path / "shards")}, num_workers=1)

    assert (result.num_cached, result.bad_files) == (2, ())
    pd.testing.assert_frame_equal(found.reset_index(drop=True), expected.reset_index(drop=True), check_exact=True)


def test_a_damaged_shard_is_named_once_for_each_clip(few: Corpus, tmp_path: Path) -> None:
    sharded = write_shards(few[0][:2], {**few[1], **FACTS}, tmp_path / "shards").manifest
    (tmp_path / "shards/shard-000000.tar").write_bytes(b"damaged" * 100)

    _, result = load_features(sharded, {**few[1], "root": str(tmp_path / "shards")}, num_workers=1)

    assert [bad.file for bad in result.bad_files] == list(sharded.index.get_level_values("file"))
    assert all("shard-000000.tar: the archive is damaged or truncated" in bad.reason for bad in result.bad_files)
