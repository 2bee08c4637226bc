"""A terminal's screen as an SVG picture, or all that it showed as an SVG film.

No browser, no font to fetch, nothing from the network.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

import pyte
from pyte.screens import Char

__all__ = ["Frame", "film", "frame_of", "svg"]

_APART = 38  # from a line of a film's strip to the next: a cell is a little higher than a line
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
# Parts of a cell that block characters fill, as (left, top, width, height): fonts leave gaps.
_BLOCKS = {c: ((0, 1 - n / 8, 1, n / 8),) for n, c in enumerate("▁▂▃▄▅▆▇█", 1)}
_BLOCKS |= {c: ((0, 0, n / 8, 1),) for n, c in enumerate("▏▎▍▌▋▊▉", 1)}
_BLOCKS |= {"▐": ((0.5, 0, 0.5, 1),), "▀": ((0, 0, 1, 0.5),)}
_QUARTERS = ((0, 0, 0.5, 0.5), (0.5, 0, 0.5, 0.5), (0, 0.5, 0.5, 0.5), (0.5, 0.5, 0.5, 0.5))
_BLOCKS |= {
    c: tuple(q for n, q in enumerate(_QUARTERS) if bits >> n & 1)
    for c, bits in zip("▘▝▖▗▚▞▛▜▙▟", (1, 2, 4, 8, 9, 6, 7, 11, 13, 14), strict=True)
}
Look = tuple[str, str, bool, bool, bool]
Run = tuple[int, int, Look, str]  # column, columns, look, text


def _colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return _COLOURS.get(name, f"#{name}")


def _look(cell: Char) -> Look:
    ink, paper = _colour(cell.fg, _TEXT), _colour(cell.bg, _BACKGROUND)
    if cell.reverse:
        ink, paper = paper, ink
    return ink, paper, cell.bold, cell.italics, cell.underscore


def _runs(screen: pyte.Screen, y: int) -> tuple[Run, ...]:
    """The pieces of a line that look alike; wide characters alone."""
    cells: list[Run] = []
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
    return tuple(runs)


def _shown(screen: pyte.Screen) -> list[int]:
    """The lines to draw: of several empty ones in a row, two."""
    shown: list[int] = []
    for y, text in enumerate(screen.display):
        if text.strip() or y < 2 or any(screen.display[b].strip() for b in (y - 1, y - 2)):
            shown.append(y)
    while shown and not screen.display[shown[-1]].strip():
        shown.pop()
    return shown


def _window(columns: int, lines: int, title: str) -> list[str]:
    """The window around so many cells, with its title; the caller closes `<g>` and `<svg>`."""
    width = round(columns * _CELL + 2 * _PAD)
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
    return out


def _filled(text: str, left: float, top: float) -> str:
    """The block characters of a run as the path of what they fill."""
    return "".join(
        f"M{left + (n + x) * _CELL:.2f} {top + y * _LINE:.2f}h{wide * _CELL + 0.1:.2f}"
        f"v{high * _LINE + 0.1:.2f}h{-wide * _CELL - 0.1:.2f}z"
        for n, c in enumerate(text)
        for x, y, wide, high in _BLOCKS.get(c, ())
    )


def _line(runs: Iterable[Run], top: float) -> list[str]:
    """The elements of one line."""
    out = []
    for x, columns, (ink, paper, bold, italic, under), text in runs:
        left, wide = _PAD + x * _CELL, columns * _CELL
        if paper != _BACKGROUND:
            out.append(
                f'<rect x="{left:.2f}" y="{top}" width="{wide + 0.3:.2f}"'
                f' height="{_LINE + 0.3}" fill="{paper}"/>'
            )
        blocks = _filled(text, left, top)
        if blocks:
            out.append(f'<path d="{blocks}" fill="{ink}"/>')
            text = "".join(" " if c in _BLOCKS else c for c in text)
        if text.strip():
            style = ' font-weight="bold"' * bold + ' font-style="italic"' * italic
            style += ' text-decoration="underline"' * under
            out.append(
                f'<text x="{left:.2f}" y="{top + 14}" fill="{ink}"{style}'
                f' textLength="{wide:.2f}" lengthAdjust="spacingAndGlyphs">'
                f"{escape(text, quote=False)}</text>"
            )
    return out


def svg(screen: pyte.Screen, title: str) -> str:
    """The screen in a window with a title, without most of its empty lines."""
    shown = _shown(screen)
    out = _window(screen.columns, len(shown), title)
    for i, y in enumerate(shown):
        out += _line(_runs(screen, y), _BAR + _PAD - 4 + i * _LINE)
    return "\n".join([*out, "</g></svg>", ""])


@dataclass(frozen=True, slots=True)
class Frame:
    """What the screen showed from this second on."""

    second: float
    columns: int
    lines: tuple[tuple[Run, ...], ...]


def frame_of(screen: pyte.Screen, second: float) -> Frame:
    """The screen as it is, with its cursor."""
    lines = [_runs(screen, y) for y in range(screen.lines)]
    if not screen.cursor.hidden:
        x, y = min(screen.cursor.x, screen.columns - 1), screen.cursor.y
        cursor: Run = (x, 1, (_BACKGROUND, _TEXT, False, False, False), screen.buffer[y][x].data)
        lines[y] = (*lines[y], cursor)
    return Frame(second, screen.columns, tuple(lines))


@dataclass
class _Strip:
    """All that one line of the screen shows, below each other, and when it shows which."""

    seen: list[int] = field(default_factory=list)  # numbers of lines
    steps: list[tuple[float, int]] = field(default_factory=list)  # second, place in `seen`

    def add(self, second: float, number: int) -> None:
        if number not in self.seen:
            self.seen.append(number)
        place = self.seen.index(number)
        if not self.steps or self.steps[-1][1] != place:
            self.steps.append((second, place))

    def place_at(self, second: float) -> int:
        return next(place for start, place in reversed(self.steps) if start <= second)


def film(frames: Sequence[Frame], seconds: float, still: float, title: str) -> str:
    """The frames as a film of so many seconds that begins again and again.

    Each line of the screen is a strip that CSS moves behind a window of one line.  Where nothing
    moves, the frame of the second `still` is shown.
    """
    numbers: dict[tuple[Run, ...], int] = {}
    strips = [_Strip() for _ in frames[0].lines]
    for frame in frames:
        for strip, line in zip(strips, frame.lines, strict=True):
            strip.add(frame.second, numbers.setdefault(line, len(numbers)))
    columns = frames[0].columns
    out = _window(columns, len(strips), title)
    width = round(columns * _CELL + 2 * _PAD)
    style = [
        f".s{{animation:{seconds:.2f}s step-end infinite}}",
        "@media(prefers-reduced-motion:reduce){.s{animation:none!important}}",
    ]
    rows = []
    for y, strip in enumerate(strips):
        steps = "".join(
            f"{second / seconds:.3%}{{transform:translateY({-place * _APART}px)}}"
            for second, place in strip.steps
        )
        style.append(f"@keyframes r{y}{{{steps}}}")
        at_rest = f"translate(0 {-strip.place_at(still) * _APART})"
        used = "".join(f'<use href="#l{n}" y="{i * _APART}"/>' for i, n in enumerate(strip.seen))
        rows.append(
            f'<svg y="{_BAR + _PAD - 4 + y * _LINE}" width="{width}" height="{_LINE}">'
            f'<g class="s" style="animation-name:r{y}" transform="{at_rest}">{used}</g></svg>'
        )
    lines = [f'<g id="l{n}">{"".join(_line(runs, 0))}</g>' for runs, n in numbers.items()]
    return "\n".join([*out, "<style>", *style, "</style>", "<defs>", *lines, "</defs>", *rows,
                      "</g></svg>", ""])  # fmt: skip
