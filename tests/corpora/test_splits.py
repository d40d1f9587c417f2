from collections.abc import Sequence

import audformat
import pandas as pd
import pytest

from paraclap.corpora import assign_splits
from paraclap.errors import CorpusError


def make_manifest(speakers: Sequence[str | None], **columns: Sequence[str | None]) -> pd.DataFrame:
    """Return a manifest with one utterance of 1 s for each speaker named."""
    files = [f"{number:04}.wav" for number in range(len(speakers))]
    index = audformat.segmented_index(files, ["0s"] * len(files), ["1s"] * len(files))
    return pd.DataFrame({"speaker": speakers, **columns}, index=index)


def make_balanced(num_speakers: int, num_each: int) -> pd.DataFrame:
    """Return a manifest with as many women as men, the same number of utterances of each."""
    speakers = [str(number) for number in range(num_speakers) for _ in range(num_each)]
    genders = [("female", "male")[int(speaker) % 2] for speaker in speakers]
    return make_manifest(speakers, gender=genders)


def test_no_speaker_is_in_two_splits() -> None:
    manifest = make_balanced(40, 5)
    splits = assign_splits(manifest, dev_share=0.2, seed=1)
    assert splits.index.equals(manifest.index)
    assert splits.groupby(manifest["speaker"]).nunique().eq(1).all()
    assert splits.value_counts().to_dict() == {"train": 160, "dev": 40}


def test_both_genders_have_their_share() -> None:
    manifest = make_balanced(40, 5)
    splits = assign_splits(manifest, dev_share=0.2, seed=1)
    assert manifest["gender"][splits == "dev"].value_counts().to_dict() == {"female": 20, "male": 20}


def test_the_seed_decides_and_nothing_else() -> None:
    manifest = make_balanced(40, 5)
    first = assign_splits(manifest, dev_share=0.2, seed=1)
    shuffled = manifest.sample(frac=1.0, random_state=0)
    again = assign_splits(shuffled, dev_share=0.2, seed=1)
    assert again.sort_index().equals(first.sort_index())
    assert not assign_splits(manifest, dev_share=0.2, seed=2).equals(first)


def test_a_gender_with_three_speakers_is_in_dev_even_beyond_the_share() -> None:
    splits = assign_splits(make_balanced(6, 10), dev_share=0.05, seed=0)
    assert (splits == "dev").sum() == 20


def test_speakers_with_most_of_the_files_do_not_swell_dev() -> None:
    speakers = ["loud"] * 90 + ["a"] * 4 + ["b"] * 3 + ["c"] * 3
    manifest = make_manifest(speakers)
    for seed in range(10):
        splits = assign_splits(manifest, dev_share=0.1, seed=seed)
        assert set(manifest["speaker"][splits == "dev"]) == {"a", "b", "c"}


def test_an_official_test_part_stays_and_dev_comes_from_train() -> None:
    manifest = make_balanced(40, 5)
    manifest["split"] = ["test" if int(speaker) < 20 else "train" for speaker in manifest["speaker"]]
    splits = assign_splits(manifest, dev_share=0.2, seed=1)
    assert (splits[manifest["split"] == "test"] == "test").all()
    assert splits.value_counts().to_dict() == {"test": 100, "train": 80, "dev": 20}


def test_an_official_dev_part_is_the_dev_part() -> None:
    manifest = make_manifest(["a", "b", "c", "d"], split=["train", "dev", "test", None])
    assert assign_splits(manifest, dev_share=0.5, seed=0).tolist() == ["train", "dev", "test", "train"]


def test_without_speakers_the_recorder_or_the_file_counts() -> None:
    recorders = [str(number // 10) for number in range(100)]
    splits = assign_splits(make_manifest([None] * 100, recorder=recorders), dev_share=0.2, seed=3)
    assert splits.groupby(recorders).nunique().eq(1).all()
    assert (splits == "dev").sum() == 20
    assert (assign_splits(make_manifest([None] * 100), dev_share=0.2, seed=3) == "dev").sum() == 20


def test_two_speakers_are_enough_and_one_is_not() -> None:
    splits = assign_splits(make_manifest(["a", "a", "a", "b"]), dev_share=0.1, seed=0)
    assert splits.tolist() == ["train", "train", "train", "dev"]
    with pytest.raises(CorpusError, match=r"1 speaker outside of test; a dev split needs at least 2"):
        assign_splits(make_manifest(["a", "a"]), dev_share=0.1, seed=0)


def test_train_is_never_empty() -> None:
    splits = assign_splits(make_manifest(["a", "b"]), dev_share=0.99, seed=0)
    assert splits.value_counts().to_dict() == {"train": 1, "dev": 1}


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, float("nan")])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(CorpusError, match=r"expected a number between 0 and 1, both excluded"):
        assign_splits(make_balanced(4, 2), dev_share=share, seed=0)
