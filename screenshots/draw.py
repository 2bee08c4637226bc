"""A terminal's screen as an SVG picture: no browser, no font to fetch, nothing from the network."""

from __future__ import annotations

from html import escape
from itertools import groupby

import pyte
from pyte.screens import Char

__all__ = ["svg"]

_CELL, _LINE, _SIZE, _PAD, _BAR = 8.43, 19, 14, 16, 34
_BACKGROUND, _TEXT = "#16181d", "#d4d7dd"
_FONTS = "ui-monospace,'JetBrains Mono','SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace"
_COLOURS = {
    "black": "#16181d", "red": "#f2777a", "green": "#8fce8f", "brown": "#e8c265",
    "blue": "#79aef2", "magenta": "#cb9ee8", "cyan": "#66cfd6", "white": "#d4d7dd",
    "brightblack": "#737985", "brightred": "#ff8f92", "brightgreen": "#a8e3a8",
    "brightbrown": "#f5d689", "brightyellow": "#f5d689", "brightblue": "#9cc5ff",
    "brightmagenta": "#ddb9f2", "brightcyan": "#8be3e9", "brightwhite": "#ffffff",
}  # fmt: skip
Look = tuple[str, str, bool, bool, bool]


def _colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return _COLOURS.get(name, f"#{name}")


def _look(cell: Char) -> Look:
    ink, paper = _colour(cell.fg, _TEXT), _colour(cell.bg, _BACKGROUND)
    if cell.reverse:
        ink, paper = paper, ink
    return ink, paper, cell.bold, cell.italics, cell.underscore


def _runs(screen: pyte.Screen, y: int) -> list[tuple[int, int, Look, str]]:
    """(column, columns, look, text) pieces of a line that look alike; wide characters alone."""
    cells: list[tuple[int, int, Look, str]] = []
    for x in range(screen.columns):
        cell = screen.buffer[y][x]
        if cell.data:
            wide = x + 1 < screen.columns and not screen.buffer[y][x + 1].data
            cells.append((x, 1 + wide, _look(cell), cell.data))
    runs = []
    # A wide character is a run of its own: fonts do not agree how wide it is.
    for (look, _), group in groupby(cells, key=lambda c: (c[2], c[1] > 1 and c[0])):
        found = list(group)
        width = sum(c[1] for c in found)
        runs.append((found[0][0], width, look, "".join(c[3] for c in found)))
    return runs


def _shown(screen: pyte.Screen) -> list[int]:
    """The lines to draw: of several empty ones in a row, two."""
    shown: list[int] = []
    for y, text in enumerate(screen.display):
        if text.strip() or y < 2 or any(screen.display[b].strip() for b in (y - 1, y - 2)):
            shown.append(y)
    while shown and not screen.display[shown[-1]].strip():
        shown.pop()
    return shown


def svg(screen: pyte.Screen, title: str) -> str:
    """The screen in a window with a title, without most of its empty lines."""
    shown = _shown(screen)
    lines = len(shown)
    width = round(screen.columns * _CELL + 2 * _PAD)
    height = round(lines * _LINE + 2 * _PAD + _BAR - 8)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
        f' height="{height}" role="img" aria-label="{escape(title)}">',
        f'<rect width="{width}" height="{height}" rx="9" fill="{_BACKGROUND}"/>',
        f'<path d="M0 {_BAR}h{width}" stroke="#2a2d35"/>',
    ]
    for i, dot in enumerate(("#ff5f57", "#febc2e", "#28c840")):
        out.append(f'<circle cx="{20 + i * 20}" cy="17" r="6" fill="{dot}"/>')
    out.append(
        f'<text x="{width / 2:.0f}" y="22" fill="#8a909c" font-family="system-ui,sans-serif"'
        f' font-size="13" text-anchor="middle">{escape(title)}</text>'
        f'<g font-family="{_FONTS}" font-size="{_SIZE}" xml:space="preserve">'
    )
    for i, y in enumerate(shown):
        top = _BAR + _PAD - 4 + i * _LINE
        for x, columns, (ink, paper, bold, italic, under), text in _runs(screen, y):
            left, wide = _PAD + x * _CELL, columns * _CELL
            if paper != _BACKGROUND:
                out.append(
                    f'<rect x="{left:.2f}" y="{top}" width="{wide + 0.3:.2f}"'
                    f' height="{_LINE + 0.3}" fill="{paper}"/>'
                )
            if text.strip():
                style = ' font-weight="bold"' * bold + ' font-style="italic"' * italic
                style += ' text-decoration="underline"' * under
                out.append(
                    f'<text x="{left:.2f}" y="{top + 14}" fill="{ink}"{style}'
                    f' textLength="{wide:.2f}" lengthAdjust="spacingAndGlyphs">'
                    f"{escape(text, quote=False)}</text>"
                )
    return "\n".join([*out, "</g></svg>", ""])
