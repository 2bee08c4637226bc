"""Where the views of a screen stand: alone, beside each other, or one above the other.

`live` asks for the size of each, and has their lines put together.  No terminal here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from kshell.terminal.live_frame import Line
from kshell.terminal.widths import cut

__all__ = ["Layout", "Way", "arrange", "together"]

_BESIDE = 120  # columns from which two views stand beside each other
_LEAST = 5  # lines of a view: title, headings, rule, a row, figures
_SMALL = "too small for two: Tab shows the other"


class Way(Enum):
    """How the views share the screen."""

    ALONE = 0
    BESIDE = 1
    ABOVE = 2
    ONE = 3  # there is room for one of them only


@dataclass(frozen=True, slots=True)
class Layout:
    """The screen's size, and (columns, lines) of each view; with `ONE`, of whichever is shown."""

    way: Way
    width: int
    height: int
    sizes: tuple[tuple[int, int], ...]


def arrange(count: int, width: int, height: int) -> Layout:
    """The sizes of one or two views on a screen.

    >>> arrange(2, 121, 30).sizes, arrange(2, 119, 25).sizes
    (((60, 30), (60, 30)), ((119, 13), (119, 12)))
    """
    if count == 1:
        return Layout(Way.ALONE, width, height, ((width, height),))
    if width >= _BESIDE:
        left = (width - 1) // 2
        sizes = ((left, height), (width - 1 - left, height))
        return Layout(Way.BESIDE, width, height, sizes)
    if height >= 2 * _LEAST:
        above = (height + 1) // 2
        return Layout(Way.ABOVE, width, height, ((width, above), (width, height - above)))
    return Layout(Way.ONE, width, height, ((width, height - 1),) * 2)


def together(layout: Layout, parts: Sequence[Sequence[Line]], focus: int) -> list[Line]:
    """The lines of the screen, of the lines of all views."""
    match layout.way:
        case Way.BESIDE:
            left, right = parts
            width = layout.sizes[0][0]
            # The right one stands in its place also where the terminal finds the left one wider.
            bar = ((f"\x1b[{width + 1}G", ""), ("│", "dim"))
            return [(*a, *bar, *b) for a, b in zip(left, right, strict=True)]
        case Way.ONE:
            said: Line = ((cut(_SMALL, layout.width), "alarm"),)
            return [said, *parts[focus]][-layout.height :]
        case _:
            return [line for part in parts for line in part]
