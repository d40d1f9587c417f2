import re
from html.parser import HTMLParser
from pathlib import Path

import audformat
import pandas as pd
import pytest
from tests.index.toys import write_sound

from paraclap.index.hits_page import render_hits


class Page(HTMLParser):
    """Collect the elements of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
def hits(tmp_path: Path) -> pd.DataFrame:
    files = [str(write_sound(tmp_path / f"<{number}>.wav", seed=number, duration=1.0)) for number in range(3)]
    index = audformat.segmented_index(
        files, pd.to_timedelta([0, 0, 0.5], unit="s"), pd.to_timedelta([1.0] * 3, unit="s")
    )
    columns = {"similarity": [0.5, 0.25, -0.1], "gender": ["female", None, "<b>"], "age": [31.0, float("nan"), 5.5]}
    return pd.DataFrame(columns, index=index)


def test_every_hit_has_a_player_in_the_page_itself(hits: pd.DataFrame) -> None:
    text = render_hits(hits, title="a <tired> voice", note="3 hits")

    page = Page(text)
    assert len(page.all("audio")) == 3
    assert all(str(audio["src"]).startswith("data:audio/mpeg;base64,") for audio in page.all("audio"))
    assert "<h1>a &lt;tired&gt; voice</h1>" in text
    assert re.findall(r"class='score'>([^<]+)<", text) == ["0.500", "0.250", "-0.100"]
    assert "<dt>age</dt><dd>31</dd>" in text
    assert "<dd>&lt;b&gt;</dd>" in text
    assert text.count("<dt>gender</dt>") == 2


def test_nothing_is_loaded_from_elsewhere(hits: pd.DataFrame) -> None:
    text = render_hits(hits, title="x")

    assert "default-src 'none'" in text
    assert not re.search(r"(src|href)=['\"]?(https?:)?//", text)
    assert not {tag for tag, _ in Page(text).found} & {"img", "iframe", "object", "embed"}


def test_a_page_that_is_full_links_what_is_left(hits: pd.DataFrame) -> None:
    one = len(str(Page(render_hits(hits[:1], title="x")).all("audio")[0]["src"]))

    page = Page(render_hits(hits, title="x", max_sound=one + 10))

    assert len(page.all("audio")) == 1
    assert [str(link["href"]).rpartition("#")[2] for link in page.all("a")] == ["t=0.000,1.000", "t=0.500,1.000"]


def test_a_file_that_is_gone_is_said_instead(hits: pd.DataFrame) -> None:
    Path(hits.index[1][0]).unlink()

    text = render_hits(hits, title="x")

    assert len(Page(text).all("audio")) == 2
    assert "no such file" in text
