from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("lancedb", reason="the index needs LanceDB: pip install 'paraclap[index]'")

from benchmarks.search import SIZE, fill_index, make_sentences, make_vectors
from tests.index.toys import Ear

from paraclap.errors import AudioError, ConfigError, QueryError, StoreError
from paraclap.index import Index, SearchSettings
from paraclap.index.store import Vectors

NUMBER = 3_000
VECTORS = make_vectors(NUMBER, seed=1, num_clusters=40)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an index of 3,000 vectors in three commits, the first 2,000 of them in a vector index."""
    folder = tmp_path_factory.mktemp("large") / "index"
    store = fill_index(folder, iter([VECTORS[:1_000], VECTORS[1_000:2_000]]))
    SearchSettings(exact_below=1_000).maintain(store)
    fill_index(folder, iter([VECTORS[2_000:]]))
    return folder


def rank_by_numpy(vector: Vectors, k: int, numbers: Sequence[int] = range(NUMBER)) -> list[int]:
    order = np.argsort(-(VECTORS[list(numbers)] @ vector), kind="stable")
    return [numbers[place] for place in order[:k]]


def numbers_of(index: Index, vector: Vectors, **options: object) -> list[int]:
    hits = index.search(vector, **options)  # type: ignore[arg-type]
    return [int(Path(file).stem) for file in hits.index.get_level_values("file")]


@pytest.mark.parametrize("query", [*make_vectors(2, seed=3, num_clusters=40), *make_sentences(2, seed=4)])
def test_exact_search_is_that_of_numpy(large: Path, query: Vectors) -> None:
    index = Index.open(large, settings=SearchSettings(exact=True))

    hits = index.search(query, k=20)

    assert numbers_of(index, query, k=20) == rank_by_numpy(query, 20)
    expected = [float(VECTORS[number] @ query) for number in rank_by_numpy(query, 20)]
    assert hits["similarity"].tolist() == pytest.approx(expected, abs=1e-6)
    assert list(hits.columns) == ["similarity", "gender"]


def test_a_vector_index_finds_nearly_all_with_exact_similarities_also_of_rows_that_came_later(large: Path) -> None:
    index = Index.open(large, settings=SearchSettings(exact_below=1_000))
    assert index.describe()["trained_on"] == 2_000
    assert index.describe()["not_yet_in_vector_index"] == 1_000
    queries = np.concatenate([make_vectors(20, seed=5, num_clusters=40), make_sentences(20, seed=6)])

    found = [numbers_of(index, query) for query in queries]

    recall = [len({*ours} & {*rank_by_numpy(query, 10)}) / 10 for ours, query in zip(found, queries, strict=True)]
    assert np.mean(recall) >= 0.95
    assert any(number >= 2_000 for numbers in found for number in numbers)
    hits = index.search(queries[0])
    expected = [float(VECTORS[number] @ queries[0]) for number in found[0]]
    assert hits["similarity"].tolist() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("settings", [SearchSettings(exact=True), SearchSettings(probes=1)])
def test_a_condition_holds_for_all_that_is_found(large: Path, settings: SearchSettings) -> None:
    index = Index.open(large, settings=settings)
    query = make_vectors(1, seed=7, num_clusters=40)[0]

    found = numbers_of(index, query, k=10, where="gender = 'female' and file < '/archive/0000300.wav'")

    assert found == rank_by_numpy(query, 10, range(1, 300, 2))


def test_more_than_the_probed_partitions_hold_is_found_by_comparing_with_all(large: Path) -> None:
    index = Index.open(large, settings=SearchSettings(exact_below=1_000, probes=1, refine=1))

    assert sorted(numbers_of(index, VECTORS[0], k=NUMBER)) == list(range(NUMBER))


def test_fewer_rows_than_wanted_are_all_returned(large: Path) -> None:
    assert len(Index.open(large).search(VECTORS[0], k=10, where="file < '/archive/0000004.wav'")) == 4
    assert Index.open(large).search(VECTORS[0], where="duration > 99").empty


def test_the_best_window_of_each_file_is_shown_or_all(archive: Path, tmp_path: Path) -> None:
    index = Index.build(tmp_path / "index", archive, model=Ear())
    table, vectors = index.read_rows()
    query = Ear().embed_text(["a voice"])[0]
    similarity = vectors @ query

    every = index.search("a voice", k=100, all_windows=True)
    best = index.search("a voice", k=100)

    assert every["similarity"].tolist() == pytest.approx(sorted(similarity, reverse=True), abs=1e-6)
    by_file = table.assign(similarity=similarity).groupby(level="file")["similarity"]
    expected = by_file.max().sort_values(ascending=False)
    assert best.index.get_level_values("file").tolist() == expected.index.tolist()
    assert best["similarity"].tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert len(index.search("a voice", k=3)) == 3


def test_a_recording_finds_itself_first(archive: Path, tmp_path: Path) -> None:
    index = Index.build(tmp_path / "index", archive, model=Ear())

    hits = index.search(like=archive / "a" / "05.wav", k=3)

    assert hits.index[0][0] == str(archive / "a" / "05.wav")
    assert hits["similarity"].iloc[0] == pytest.approx(1.0)


def test_sentences_and_examples_are_combined_as_numpy_does(archive: Path, tmp_path: Path) -> None:
    index = Index.build(tmp_path / "index", archive, model=Ear())
    table, vectors = index.read_rows()
    ear = Ear()
    plus = [*ear.embed_text(["a man"]), *ear.embed_audio(archive / "a" / "05.wav"), *ear.embed_text(["old"])]
    minus = ear.embed_text(["angry"])
    total = sum(part / (vectors @ part).std() for part in plus) - minus[0] / (vectors @ minus[0]).std()
    similarity = vectors @ (total / np.linalg.norm(total))

    hits = index.search("a man", like=archive / "a" / "05.wav", and_=["old"], not_=["angry"], k=99, all_windows=True)

    assert hits["similarity"].tolist() == pytest.approx(sorted(similarity, reverse=True), abs=1e-5)
    assert hits.index[0] == table.index[int(similarity.argmax())]


def test_several_wordings_are_averaged(archive: Path, tmp_path: Path) -> None:
    index = Index.build(tmp_path / "index", archive, model=Ear())
    vector = Ear().embed_prompts({"x": ["a man", "a male voice"]})[0]

    assert index.search(["a man", "a male voice"]).equals(index.search(vector))


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("gendr = 'x'", r"the condition \"gendr = 'x'\" is not understood \(Schema error: No field named gendr"),
        (
            "gender = (",
            r"is not understood .*expected SQL over the columns file, start, end, duration, ",
        ),
        ("gender", 'is not understood .*does not return a boolean.*such as "duration > 2 and file like'),
        ("duration = 'long'", "is not understood"),
        ("  ", "the condition is empty"),
    ],
)
def test_a_condition_that_does_not_parse_is_refused_with_the_columns(large: Path, condition: str, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        Index.open(large).search(VECTORS[0], where=condition)


def test_what_cannot_be_asked_is_refused(archive: Path, tmp_path: Path) -> None:
    index = Index.build(tmp_path / "index", archive, model=Ear())

    with pytest.raises(QueryError, match="nothing is asked; give a sentence"):
        index.search()
    with pytest.raises(QueryError, match="query 1 of 1 is empty"):
        index.search(" ")
    with pytest.raises(QueryError, match="k is 0; expected 1 or more"):
        index.search("a man", k=0)
    with pytest.raises(QueryError, match="found a text where a list of sentences belongs"):
        index.search("a man", not_="angry")
    with pytest.raises(QueryError, match=r"a vector of the shape \[3\]; expected \[16\]"):
        index.search(np.ones(3, dtype=np.float32))
    with pytest.raises(QueryError, match=r"expected \[16\], finite and not zero"):
        index.search(np.zeros(16, dtype=np.float32))
    with pytest.raises(AudioError, match="no such file"):
        index.search(like=tmp_path / "nothing.wav")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"exact_below": 0}, "exact_below is 0; expected 1 or more"),
        ({"probes": 0}, "probes is 0"),
        ({"not_weight": 0.0}, "not_weight is 0.0; expected above 0, to 10"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SearchSettings(**settings)  # type: ignore[arg-type]


def test_a_model_that_cannot_be_loaded_is_named_when_it_is_needed(large: Path) -> None:
    index = Index.open(large)

    with pytest.raises(StoreError, match=r"was built by made, which cannot be loaded .* name its place with --model"):
        index.search("a man")
    assert len(index) == NUMBER


def test_the_vectors_have_the_size_of_the_model() -> None:
    assert VECTORS.shape == (NUMBER, SIZE)
    assert np.linalg.norm(VECTORS, axis=1) == pytest.approx(1.0)
