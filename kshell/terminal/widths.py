"""Widths of text on a terminal, and how columns of a table share the terminal's.

`tables`, `vertical` and `live` draw with it.  A grapheme cluster (a letter with its accents, joined
emoji, a flag) is one thing: it is shown whole or not at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["AROUND", "BETWEEN", "Layout", "begin_of", "clusters", "cut", "end_of", "fitting",
           "layout", "needed", "padded", "width_of", "wrapped"]  # fmt: skip

_WIDEST = 500  # the width of a column without a terminal
_FLOOR = 20  # to which a wide column shrinks before columns are left out, on a wide terminal,
_LEAST_FLOOR = 8  # and on the narrowest
_HEADING = 40  # a longer heading is wrapped
BETWEEN = 3  # between two columns: ` │ `
AROUND = 2  # a space on the left, and one that is kept free on the right
_GAP = 1  # the column `…` that stands for those left out


def width_of(text: str) -> int:
    """The text's width in columns of a terminal.

    >>> width_of("東京"), width_of("\U0001f469\u200d\U0001f4bb")
    (4, 2)
    """
    if text.isascii():
        return len(text)
    from wcwidth import wcswidth  # takes 14 ms, and few answers need it

    # A space stands before it, and a mark at its begin may take a column with that.
    width: int = wcswidth(" " + text)
    return width - 1 if width > 0 else len(text)


def clusters(text: str) -> Iterable[str]:
    """The text's grapheme clusters.

    >>> len(list(clusters("e\u0301a")))
    2
    """
    if text.isascii():
        return text
    from wcwidth import iter_graphemes

    found: Iterator[str] = iter_graphemes(text)
    return found


def cut(text: str, width: int) -> str:
    """The text in at most `width` columns, with `…` for a part that is left out.

    >>> cut("pageviews", 5)
    'page…'
    """
    if text.isascii():
        return text if len(text) <= width else text[: width - 1] + "…"
    if width_of(text) <= width:
        return text
    return begin_of(text, width - 1) + "…"


def begin_of(text: str, width: int) -> str:
    """As many of the first clusters as fit."""
    used, kept = 0, [""]
    for cluster in clusters(text):
        used += _added(kept[-1], cluster)
        if used > width:
            break
        kept.append(cluster)
    return "".join(kept)


def end_of(text: str, width: int) -> str:
    """As many of the last clusters as fit.

    >>> end_of("pageviews", 5)
    'views'
    """
    used, kept = 0, [""]
    for cluster in reversed(list(clusters(text))):
        used += width_of(cluster + kept[-1]) - width_of(kept[-1])
        if used > width:
            break
        kept.append(cluster)
    return "".join(reversed(kept))


def _added(before: str, cluster: str) -> int:
    """The columns of a cluster behind another one: some marks take one there, and none alone."""
    if not before or cluster.isascii():
        return width_of(cluster)
    return width_of(before + cluster) - width_of(before)


def padded(text: str, width: int, right: bool) -> str:
    """The text in `width` columns, or in more if it is longer.

    >>> padded("12", 4, True), padded("ab", 4, False)
    ('  12', 'ab  ')
    """
    space = " " * (width - width_of(text))
    return space + text if right else text + space


def wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns, between words where that is possible.

    A word that is longer than a line is broken; nothing is left out.

    >>> wrapped("the quick brown fox", 10)
    ['the quick', 'brown fox']
    """
    parts = text if text.isascii() else list(clusters(text))
    lines, begin = [], 0
    while (end := _fitting(parts, begin, width)) < len(parts):
        at = end
        while at > begin and parts[at] != " ":
            at -= 1
        at = at if at > begin else end
        lines.append("".join(parts[begin:at]).rstrip(" "))
        begin = at + (parts[at] == " ")
    return [*lines, "".join(parts[begin:])]


def _fitting(parts: Sequence[str], begin: int, width: int) -> int:
    """The end of the clusters that fit into a line, one at least."""
    if isinstance(parts, str):
        return min(begin + width, len(parts))
    end, before = begin, ""
    while end < len(parts) and (width := width - _added(before, parts[end])) >= 0:
        end, before = end + 1, parts[end]
    return max(end, min(begin + 1, len(parts)))


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns that fit: their numbers, their widths, and how many of them stand before `…`.

    `gap` is -1 where all columns are shown.
    """

    shown: tuple[int, ...]
    widths: tuple[int, ...]
    gap: int = -1


def layout(needs: Sequence[int], room: int | None, rigid: frozenset[int] = frozenset()) -> Layout:
    """Columns of these needs in `room` columns of a terminal: the widest get smaller first.

    `rigid` columns (numbers, times) keep their width.  What does not fit then is left out in the
    middle, so that the first and the last columns are there.

    >>> layout([5, 40, 60], 60).widths
    (5, 23, 23)
    >>> layout([30, 30, 30, 30], 80)
    Layout(shown=(0, 1, 3), widths=(22, 22, 22), gap=2)
    """
    wanted = _wanted(needs)
    every = tuple(range(len(wanted)))
    if room is None:
        return Layout(every, tuple(wanted))
    floors = _floors(wanted, room, rigid)
    if _span(floors) <= room:
        return Layout(every, _shrunk(wanted, floors, room))
    left, right = _ends(floors, room - BETWEEN - _GAP)
    shown = (*every[:left], *every[len(every) - right :])
    room = room - BETWEEN - _GAP if len(shown) < len(every) else room
    widths = _shrunk([wanted[i] for i in shown], [floors[i] for i in shown], room)
    return Layout(shown, widths, left if len(shown) < len(every) else -1)


def fitting(needs: Sequence[int], room: int, rigid: frozenset[int] = frozenset()) -> int:
    """How many of the first columns fit, made small where they may be: one at least.

    >>> fitting([5, 40, 60], 60), fitting([30, 30, 30, 30], 50)
    (3, 3)
    """
    floors = _floors(_wanted(needs), room, rigid)
    count = 1
    while count < len(floors) and _span(floors[: count + 1]) <= room:
        count += 1
    return count


def _wanted(needs: Sequence[int]) -> list[int]:
    return [min(max(n, 1), _WIDEST) for n in needs]


def _floors(wanted: Sequence[int], room: int, rigid: frozenset[int]) -> list[int]:
    """The widths to which columns may shrink."""
    floor = min(_FLOOR, max(_LEAST_FLOOR, room // 4))
    return [n if i in rigid else min(n, floor) for i, n in enumerate(wanted)]


def _span(widths: Sequence[int]) -> int:
    return sum(widths) + BETWEEN * (len(widths) - 1) + AROUND


def _ends(floors: Sequence[int], room: int) -> tuple[int, int]:
    """How many columns from the left and from the right fit: at least the first, then the last,
    then the second …"""
    left, right = 1, 0
    room -= AROUND + floors[0]
    while left + right < len(floors):
        at_right = right < left
        room -= BETWEEN + floors[-right - 1 if at_right else left]
        if room < 0:
            break
        left, right = (left, right + 1) if at_right else (left + 1, right)
    return left, right


def _shrunk(wanted: Sequence[int], floors: Sequence[int], room: int) -> tuple[int, ...]:
    """The widths, the widest made smaller until all fit; beyond its floor only a single column."""
    fitted = list(wanted)
    while (spare := _span(fitted) - room) > 0:
        flexible = [i for i, w in enumerate(fitted) if w > floors[i]]
        if not flexible:
            return tuple(max(1, w - spare) if i == 0 else w for i, w in enumerate(fitted))
        widest = max(fitted[i] for i in flexible)
        those = [i for i in flexible if fitted[i] == widest]
        below = [fitted[i] for i in flexible if fitted[i] < widest] + [floors[i] for i in those]
        step = min(widest - max(below), -(-spare // len(those)))
        for i in those:
            fitted[i] = widest - step
    return tuple(fitted)


def needed(heading: int, cells: int) -> int:
    """The width that a column needs: a long heading is wrapped over wide cells.

    >>> needed(5, 3), needed(90, 3), needed(90, 60)
    (5, 40, 60)
    """
    return max(cells, min(heading, _HEADING))
