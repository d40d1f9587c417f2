"""The page of the service, read as text: what its parts ask of each other, and what it must never have."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
import soundfile

import paraclap
from paraclap.index.map_colours import _PALETTE

PAGE = Path(paraclap.__file__).parent / "service" / "page"
EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = sorted(PAGE.glob("*.js"))
TEXTS = [PAGE / "index.html", PAGE / "page.css", PAGE / "icon.svg", *SCRIPTS]
VOID = {"meta", "link", "input", "br", "img"}
SVG_NAMESPACE = "http://www.w3.org/2000/svg"


@dataclass
class Element:
    """Hold a start tag with its attributes and all the text in it."""

    tag: str
    attributes: dict[str, str]
    text: list[str] = field(default_factory=list)


class PageReader(HTMLParser):
    """Collect the elements of a page, and complain of tags that do not match."""

    def __init__(self) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.open: list[Element] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(self.elements[-1])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text.append(data)


def read_page() -> list[Element]:
    """Return the elements of index.html."""
    reader = PageReader()
    reader.feed((PAGE / "index.html").read_text(encoding="utf-8"))
    assert not reader.open
    return reader.elements


def list_ids() -> list[str]:
    """Return the ids of index.html."""
    return [element.attributes["id"] for element in read_page() if "id" in element.attributes]


def test_the_page_is_well_formed_and_each_id_is_there_once() -> None:
    ids = list_ids()
    assert len(ids) > 40
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_each_element_that_a_script_asks_for_exists(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    asked = set(re.findall(r'element\("([^"]+)"\)', text))
    asked |= {f"tab-{part}" for part in ("ask", "search") if "tab-${part}" in text}
    asked |= {f"with-{mode}" for mode in ("queries", "task", "describe") if "with-${one}" in text}
    templates = re.findall(r"element\(`([^`]+)`\)", text)
    assert set(templates) <= {"tab-${part}", "tab-${other}", "with-${one}"}
    assert asked <= set(list_ids())


def test_references_between_elements_lead_to_elements() -> None:
    ids = set(list_ids())
    for element in read_page():
        for name in ("for", "aria-controls", "aria-labelledby", "aria-describedby"):
            assert set(element.attributes.get(name, "").split()) <= ids, element


def test_each_field_has_a_label_and_each_button_a_name() -> None:
    elements = read_page()
    labelled = {element.attributes["for"] for element in elements if element.tag == "label" and "".join(element.text)}
    for element in elements:
        if element.tag in ("input", "select", "textarea"):
            assert element.attributes["id"] in labelled, element
        if element.tag == "button":
            assert "".join(element.text).strip() or element.attributes.get("aria-label"), element
            assert element.attributes["type"] in ("button", "submit"), element


def test_problems_and_answers_are_read_aloud() -> None:
    roles = {element.attributes.get("id"): element.attributes.get("role") for element in read_page()}
    assert {roles[name] for name in roles if str(name).endswith("problem")} == {"alert"}
    assert {roles[name] for name in ("start", "verdict", "voice-name", "timeline-note", "found")} == {"status"}


def test_nothing_is_inline_so_that_the_policy_can_forbid_it() -> None:
    for element in read_page():
        assert element.tag != "style"
        assert not [name for name in element.attributes if name.startswith("on") or name == "style"], element
        assert element.tag != "script" or (element.attributes["src"] and not "".join(element.text).strip())
    for script in SCRIPTS:
        text = script.read_text(encoding="utf-8")
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", text)
        assert not re.search(r'setAttribute\("(on|style)', text)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_no_file_names_a_foreign_address(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace(SVG_NAMESPACE, "")
    assert not re.search(r"https?:|wss?:|[\"'(]//|@import", text)


def test_nothing_is_stored_in_the_browser() -> None:
    for script in SCRIPTS:
        assert not re.search(
            r"localStorage|sessionStorage|indexedDB|cookie|caches\.", script.read_text(encoding="utf-8")
        )
    fields = {element.attributes.get("id"): element.attributes for element in read_page()}
    assert fields["key"]["type"] == "password"
    assert fields["key"]["autocomplete"] == "off"


def test_what_the_page_loads_lies_beside_it() -> None:
    named = [
        element.attributes[name] for element in read_page() for name in ("src", "href") if name in element.attributes
    ]
    for script in SCRIPTS:
        text = script.read_text(encoding="utf-8")
        named += re.findall(r'addModule\("([^"]+)"\)', text) + re.findall(r'from "\./([^"]+)"', text)
    assert {"page.css", "page.js", "icon.svg", "recorder_worklet.js", "api.js"} <= set(named)
    assert [name for name in named if not (PAGE / name).is_file()] == ["openapi.json"]  # which the service makes


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_what_a_script_imports_is_exported_there_and_used(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    for names, other in re.findall(r'import \{([^}]+)\} from "\./([^"]+)"', text):
        exported = re.findall(
            r"^export (?:async )?(?:function|const|class) (\w+)",
            (PAGE / other).read_text(encoding="utf-8"),
            re.MULTILINE,
        )
        for name in names.split(","):
            original, _, alias = name.strip().partition(" as ")
            assert original in exported
            assert len(re.findall(rf"\b{alias or original}\b", text)) > 1
    for alias, other in re.findall(r'import \* as (\w+) from "\./([^"]+)"', text):
        for name in re.findall(rf"\b{alias}\.(\w+)\b(?!\")", text):
            assert re.search(
                rf"^export (?:async )?function {name}\b", (PAGE / other).read_text(encoding="utf-8"), re.MULTILINE
            )


def test_what_the_page_asks_the_service_for_is_a_route_of_it() -> None:
    pytest.importorskip("fastapi")
    from fastapi.routing import APIRoute

    from paraclap.service.routes import router

    routes = {route.path for route in router.routes if isinstance(route, APIRoute)}
    asked = {
        f"/{path}" for script in SCRIPTS for path in re.findall(r'"(v1/[\w/]+)"', script.read_text(encoding="utf-8"))
    }
    assert "/v1/info" in asked
    assert len(asked) == 7
    assert asked <= routes


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.name)
def test_files_are_short_enough_to_read(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 300
    assert max(len(line) for line in lines) <= 120
    assert path.suffix != ".js" or lines[0].startswith("// ")  # what it is for


def test_example_voices_are_those_of_the_examples_to_the_sample() -> None:
    buttons = [element.attributes["data-voice"] for element in read_page() if "data-voice" in element.attributes]
    assert "all" in buttons
    names = sorted(set(buttons) - {"all"})
    assert names == sorted(path.stem for path in PAGE.glob("*.flac"))
    text = (PAGE / "voices.js").read_text(encoding="utf-8")
    joined = re.search(r"EXAMPLES = \[([^\]]+)\]", text)
    assert joined is not None
    assert sorted(re.findall(r'"([^"]+)"', joined[1])) == names
    for name in names:
        samples, rate = soundfile.read(PAGE / f"{name}.flac", dtype="int16")
        expected, expected_rate = soundfile.read(EXAMPLES / f"{name}.wav", dtype="int16")
        assert rate == expected_rate
        assert (samples == expected).all()


def test_classes_have_the_colours_that_they_have_on_maps() -> None:
    text = (PAGE / "dom.js").read_text(encoding="utf-8")
    assert tuple(re.findall(r'"(#[0-9a-f]{6})"', text)) == _PALETTE


def test_the_page_says_what_it_is_and_what_answers() -> None:
    text = " ".join("".join(element.text) for element in read_page() if element.tag in ("header", "footer"))
    for phrase in (
        "guesses about the sound of a voice, not facts about a person",
        "Research software",
        "Decide nothing",
    ):
        assert phrase in " ".join(text.split())
    script = (PAGE / "page.js").read_text(encoding="utf-8")
    assert "model.name" in script
    assert "model.licence" in script


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "paper"),
    [
        *(
            ("ink", "paper"),
            ("ink", "card"),
            ("ink", "button"),
            ("faint", "paper"),
            ("faint", "card"),
            ("faint", "button"),
        ),
        *(("accent", "paper"), ("accent", "card"), ("on-accent", "accent"), ("alert", "card"), ("card", "alert")),
    ],
)
def test_text_stands_out_from_what_is_behind_it(scheme: str, ink: str, paper: str) -> None:
    colours = read_colours(scheme)
    light, dark = sorted((measure_luminance(colours[ink]), measure_luminance(colours[paper])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5  # WCAG 2.2, success criterion 1.4.3


def read_colours(scheme: str) -> dict[str, str]:
    """Return the custom properties of a colour scheme as "#rrggbb"."""
    light, dark = re.findall(r":root \{([^}]+)\}", (PAGE / "page.css").read_text(encoding="utf-8"))
    pairs = re.findall(r"--([\w-]+): #([0-9a-f]+);", light if scheme == "light" else dark)
    return {name: value if len(value) == 6 else "".join(2 * digit for digit in value) for name, value in pairs}


def measure_luminance(colour: str) -> float:
    """Return the relative luminance of "rrggbb" (WCAG 2.2)."""
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (byte / 255 for byte in bytes.fromhex(colour))
    )
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)
