import pandas as pd
import pytest

from paraclap.errors import QueryError
from paraclap.queries import join_features


def test_features_are_joined_to_the_rows_of_a_manifest() -> None:
    manifest = pd.DataFrame({"gender": ["male", "female"]}, index=["a", "b"])
    features = pd.DataFrame({"h": [1.0, 2.0]}, index=["a", "b"])

    joined = join_features(manifest, corpus="one", features=features)

    assert joined.to_dict("list") == {"gender": ["male", "female"], "corpus": ["one", "one"], "h": [1.0, 2.0]}
    assert join_features(joined, corpus="two")["corpus"].tolist() == ["one", "one"]
    assert "corpus" not in join_features(manifest, corpus=None)


@pytest.mark.parametrize("index", [["a"], ["b", "a"], ["a", "c"]])
def test_features_of_other_rows_are_refused(index: list[str]) -> None:
    manifest = pd.DataFrame({"gender": ["male", "female"]}, index=["a", "b"])
    message = (
        rf"^the features are of {len(index)} rows that are not the 2 of the manifest; expected features of this man"
    )

    with pytest.raises(QueryError, match=message):
        join_features(manifest, corpus="one", features=pd.DataFrame({"h": 0.0}, index=index))


def test_a_column_of_the_manifest_does_not_pass_for_what_was_measured() -> None:
    manifest = pd.DataFrame({"duration": ["1,5", "2"]}, index=["a", "b"])
    features = pd.DataFrame({"duration": [1.5, 2.0]}, index=["a", "b"])

    assert join_features(manifest, corpus="one", features=features)["duration"].tolist() == [1.5, 2.0]


def test_channels_of_two_corpora_are_apart() -> None:
    manifest = pd.DataFrame({"corpus": ["a", "b", "b"], "channel": [1, 1, None]})

    channels = join_features(manifest, corpus=None)["channel"]

    assert channels.notna().tolist() == [True, True, False]
    assert channels[0] != channels[1]
