"""Label sets: classes with the prompts that ask for them, of the package or of a user's own file."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from paraclap.errors import QueryError, list_known
from paraclap.queries.facts import Fact, load_vocabulary
from paraclap.queries.sentences import fill_template, find_slots
from paraclap.queries.tables import LabelSetRow, LevelRow, read_attributes, read_label_sets


@dataclass(frozen=True)
class LabelSet:
    """Classes, and the templates that make prompts of them; or their prompts as somebody wrote them."""

    name: str
    row: LabelSetRow
    classes: tuple[str, ...]

    @property
    def attribute(self) -> str | None:
        """The attribute whose levels the classes are; None for classes of one's own."""
        return self.row.attribute

    @property
    def templates(self) -> tuple[str, ...]:
        """The templates of the ensemble; none where the prompts are given."""
        return self.row.templates

    @property
    def prompts(self) -> dict[str, tuple[str, ...]]:
        """The prompt ensemble of each class: every template filled with its word, or the prompts as they are given."""
        if self.row.prompts:
            return {label: self.row.prompts[label] for label in self.classes}
        by_template = self.by_template()
        return {label: tuple(by_template[template][label] for template in self.templates) for label in self.classes}

    def by_template(self) -> dict[str, dict[str, str]]:
        """Return, for each template, the one prompt of each class."""
        return {t: {label: self._fill(t, label) for label in self.classes} for t in self.templates}

    def restrict(self, classes: Sequence[str]) -> "LabelSet":
        """Return this label set with other classes of the same attribute, in the given order.

        Raises:
            QueryError: if there is no class, one stands twice, the attribute has no such class, or no words for it.
        """
        if not classes or len(set(classes)) < len(classes):
            raise QueryError(f"label set {self.name!r}: found the classes {list(classes)}; expected each once")
        vocabulary = load_vocabulary()
        for label in classes:
            if self.attribute is not None:
                vocabulary.levels_of(Fact(self.attribute, label))
            has_words = all(find_slots(template) <= self._words(template, label).keys() for template in self.templates)
            if not has_words or (self.row.prompts and label not in self.row.prompts):
                raise QueryError(f"label set {self.name!r} has no words for {label!r}; leave its clips out")
        return replace(self, classes=tuple(classes))

    def _fill(self, template: str, label: str) -> str:
        return fill_template(template, self._words(template, label))

    def _words(self, template: str, label: str) -> Mapping[str, str]:
        own = self.row.words.get(label)
        if own is not None or self.attribute is None:
            return own or {}
        level = read_attributes()[self.attribute].levels.get(label, LevelRow())
        return {slot: words[0] for slot in find_slots(template) if (words := level.words(slot))}


def list_label_sets() -> list[str]:
    """List the names of all label sets of the package."""
    return sorted(read_label_sets())


def load_label_set(name_or_path: str) -> LabelSet:
    """Load a label set by name, or from a TOML file of one's own.

    A file has `classes`, and either `prompts` (class = [sentences]) or `templates` and `words` (class = {slot = word}).
    With `attribute`, classes are its levels, whose words need not be given.

    Raises:
        QueryError: if there is none of this name, or the file is missing, no TOML, or no label set.
    """
    if name_or_path.endswith(".toml"):
        return _read_label_set(Path(name_or_path))
    rows = read_label_sets()
    if name_or_path not in rows:
        known = list_known(name_or_path, sorted(rows))
        raise QueryError(f"no label set {name_or_path!r}{known}, or a path ending in .toml")
    row = rows[name_or_path]
    return LabelSet(name_or_path, row, row.classes)


def _read_label_set(path: Path) -> LabelSet:
    try:
        row = LabelSetRow.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise QueryError(f"no file {path}; expected a label set in TOML") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise QueryError(f"{path} is not TOML ({error}); expected a label set") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        problem = first["msg"].removeprefix("Value error, ")
        raise QueryError(f"{path}: {f'{place}: ' if place else ''}{problem}") from None
    if row.attribute is not None and row.attribute not in read_attributes():
        raise QueryError(f"{path}: no attribute {row.attribute!r}{list_known(row.attribute, read_attributes())}")
    label_set = LabelSet(path.stem, row, row.classes)
    try:
        for label in row.classes if row.attribute is not None else ():
            load_vocabulary().levels_of(Fact(str(row.attribute), label))
        _check_prompts(label_set.prompts)
    except QueryError as error:
        raise QueryError(f"{path}: {error}") from None
    return label_set


def _check_prompts(prompts: Mapping[str, Sequence[str]]) -> None:
    """Refuse prompts that are empty, hold braces, or ask for two classes."""
    asked: dict[str, str] = {}
    for label, texts in prompts.items():
        for text in texts:
            if not text.strip() or "{" in text:
                raise QueryError(f"{label} has the prompt {text!r}; expected a sentence")
            if asked.setdefault(text, label) != label:
                raise QueryError(
                    f"{asked[text]} and {label} have the same prompt {text!r}; expected one class for each"
                )
