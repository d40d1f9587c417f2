import pytest

from paraclap import errors
from paraclap.errors import ParaClapError, near_match

CLASSES = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]


@pytest.mark.parametrize("error", CLASSES)
def test_every_error_is_caught_by_the_root(error: type[Exception]) -> None:
    with pytest.raises(ParaClapError, match=r"^no task 'x'$"):
        raise error("no task 'x'")


@pytest.mark.parametrize("error", CLASSES)
def test_the_tree_in_the_docstring_is_the_tree(error: type[Exception]) -> None:
    assert f"{error.__name__} " in str(errors.__doc__).replace("\n", " ")
    assert error is ParaClapError or error.__bases__ == (ParaClapError,)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ravdes-emotion", "; did you mean 'ravdess-emotion'?"),
        ("RAVDESS-Emotion", "; did you mean 'ravdess-emotion'?"),
        ("gendr", "; did you mean 'gender'?"),
        ("xyz", ""),
        ("", ""),
    ],
)
def test_the_nearest_known_name_is_offered(name: str, expected: str) -> None:
    assert near_match(name, ["ravdess-emotion", "ravdess-gender", "gender"]) == expected


def test_nothing_is_offered_where_nothing_is_known() -> None:
    assert near_match("gender", []) == ""


def test_known_names_may_be_an_iterator() -> None:
    assert near_match("gendr", iter(["gender"])) == "; did you mean 'gender'?"
