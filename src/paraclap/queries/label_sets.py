"""Label sets: classes with the prompts that ask for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from paraclap.errors import QueryError, list_known
from paraclap.queries.facts import Fact, load_vocabulary
from paraclap.queries.sentences import fill_template, find_slots
from paraclap.queries.tables import LabelSetRow, LevelRow, read_attributes, read_label_sets


@dataclass(frozen=True)
class LabelSet:
    """Classes of one attribute and the templates that make prompts of them."""

    name: str
    attribute: str
    classes: tuple[str, ...]
    templates: tuple[str, ...]

    @property
    def prompts(self) -> dict[str, tuple[str, ...]]:
        """The prompt ensemble: for each class, every template filled with its word."""
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
            vocabulary.levels_of(Fact(self.attribute, label))
            if not all(find_slots(template) <= self._words(template, label).keys() for template in self.templates):
                raise QueryError(f"label set {self.name!r} has no words for {label!r}; leave its clips out")
        return replace(self, classes=tuple(classes))

    def _fill(self, template: str, label: str) -> str:
        return fill_template(template, self._words(template, label))

    def _words(self, template: str, label: str) -> Mapping[str, str]:
        own = read_label_sets()[self.name].words.get(label)
        if own is not None:
            return own
        level = read_attributes()[self.attribute].levels.get(label, LevelRow())
        return {slot: words[0] for slot in find_slots(template) if (words := level.words(slot))}


def list_label_sets() -> list[str]:
    """List the names of all label sets."""
    return sorted(read_label_sets())


def load_label_set(name: str) -> LabelSet:
    """Load a label set by name.

    Raises:
        QueryError: if there is none of this name.
    """
    rows = read_label_sets()
    if name not in rows:
        raise QueryError(f"no label set {name!r}{list_known(name, sorted(rows))}")
    row: LabelSetRow = rows[name]
    return LabelSet(name=name, attribute=row.attribute, classes=row.classes, templates=row.templates)
