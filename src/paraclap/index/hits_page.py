"""What a search found, as one HTML page with a player for each hit, which needs no other file and no network."""

from collections.abc import Iterator
from html import escape
from typing import Any

import pandas as pd

from paraclap.errors import AudioError
from paraclap.index.players import make_address, make_player
from paraclap.version import __version__

MAX_SOUND = 24_000_000  # characters of embedded sound; later hits are linked
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; media-src data:; img-src data:"

_STYLE = """\
:root { color-scheme: light dark; --ink: #222; --soft: #555; --line: #ccc; --paper: #fff; --mark: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --soft: #aaa; --line: #444; --paper: #16181b; --mark: #56b4e9; }
}
body {
  margin: 0 auto; padding: 1rem; max-width: 52rem; overflow-wrap: anywhere; color: var(--ink); background: var(--paper);
  font: 1rem/1.5 system-ui, "Segoe UI", "Liberation Sans", Arial, sans-serif;
}
h1 { font-size: 1.4rem; line-height: 1.25; }
.note, dl, .rest { color: var(--soft); font-size: 0.875rem; }
ol { list-style: none; padding: 0; }
li { border-top: 1px solid var(--line); padding: 0.75rem 0.5rem; border-left: 4px solid transparent; }
li.playing { border-left-color: var(--mark); }
.head { display: flex; gap: 0.75rem; align-items: baseline; flex-wrap: wrap; }
.head b { min-width: 1.5rem; }
.score { font-variant-numeric: tabular-nums; margin-left: auto; }
audio { width: 100%; margin: 0.4rem 0; display: block; }
audio:focus-visible, a:focus-visible { outline: 3px solid var(--mark); }
a { color: var(--mark); }
dl { display: flex; flex-wrap: wrap; gap: 0.1rem 1rem; margin: 0; }
dl div { display: flex; gap: 0.35rem; } dd { margin: 0; color: var(--ink); }
kbd { border: 1px solid var(--line); border-radius: 3px; padding: 0 0.3rem; }
@media print { audio { display: none; } }
"""

_SCRIPT = """\
const players = [...document.querySelectorAll("audio")];
let at = -1;
for (const [place, player] of players.entries()) {
  player.addEventListener("play", () => {
    for (const other of players) {
      if (other !== player) other.pause();
      other.closest("li").classList.toggle("playing", other === player);
    }
    at = place;
  });
}
document.addEventListener("keydown", (event) => {
  const step = {j: 1, k: -1}[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  const player = players[Math.min(players.length - 1, Math.max(0, at + step))];
  if (!player) return;
  player.scrollIntoView({block: "center"});
  player.focus();
  player.currentTime = 0;
  player.play();
});
"""


def render_hits(hits: pd.DataFrame, *, title: str, note: str = "", max_sound: int = MAX_SOUND) -> str:
    """Return the page of what `Index.search` found.

    Args:
        hits: with the index `file, start, end` and a column `similarity`; others are shown as they are.
        title: what was asked.
        note: shown below it.
        max_sound: characters of sound that the page may hold; the hits after it are linked.
    """
    return "\n".join(_render(hits, title, note, max_sound)) + "\n"


def _render(hits: pd.DataFrame, title: str, note: str, max_sound: int) -> Iterator[str]:
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield f'<meta name="generator" content="paraclap {__version__}"><link rel="icon" href="data:,">'
    yield f"<title>{_show(title)}</title><style>\n{_STYLE}</style></head><body>"
    yield f"<header><h1>{_show(title)}</h1><p class='note'>{_show(note)}</p>"
    yield "<p class='note'><kbd>j</kbd> plays the next one, <kbd>k</kbd> the one before.</p></header><main><ol>"
    sound = 0
    for rank, (key, row) in enumerate(zip(hits.index, hits.to_dict("records"), strict=True), start=1):
        file, start, end = key[0], key[1].total_seconds(), key[2].total_seconds()
        yield f"<li><div class='head'><b>{rank}</b><span>{_show(file)}</span>"
        yield f"<span class='note'>{start:.2f} s to {end:.2f} s</span>"
        yield f"<span class='score'>{row.pop('similarity'):.3f}</span></div>"
        player = _make_player(file, start, end) if sound < max_sound else ""
        is_sound = player.startswith("data:") and sound + len(player) <= max_sound
        if is_sound:
            sound += len(player)
            label = _show(f"hit {rank}, {file}")
            yield f"<audio controls preload='none' aria-label='{label}' src='{player}'></audio>"
        elif player and not player.startswith("data:"):
            yield f"<p class='rest'>{_show(player)}</p>"
        else:
            sound = max_sound
            address = escape(make_address(file, start=start, end=end))
            yield f"<p class='rest'>This page holds no more sound: <a href='{address}'>open the file</a>.</p>"
        facts = "".join(f"<div><dt>{_show(name)}</dt><dd>{_show(value)}</dd></div>" for name, value in _known(row))
        yield f"<dl>{facts}</dl></li>"
    yield f"</ol></main><script>\n{_SCRIPT}</script></body></html>"


def _make_player(file: str, start: float, end: float) -> str:
    """Return the sound of a hit, or a sentence where it cannot be read any more."""
    try:
        return make_player(file, start=start, end=end)
    except AudioError as error:
        return str(error)


def _known(row: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        if not pd.isna(value):
            yield str(name), f"{value:g}" if isinstance(value, float) else str(value)


def _show(text: str) -> str:
    return escape(text.encode(errors="backslashreplace").decode())
