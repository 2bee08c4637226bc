"""The line below a live view, and the sentence below what stays of it: counts, figures, keys.

`live_frame` draws the line, `live` writes the sentence.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from kshell.results import LiveStats
from kshell.terminal.board import KEPT, Board, Mode
from kshell.terminal.live_view import View
from kshell.terminal.sanitize import clean
from kshell.terminal.snapshot import Snapshot
from kshell.terminal.widths import BETWEEN, cut, width_of
from kshell.wording import many, time_left

__all__ = ["ending", "figures", "footer", "limit", "not_kept"]

_LEAST = 24  # columns that the figures get before the hints become shorter


def _counts(view: View, shown: int, found: int) -> list[str]:
    """How many rows there are, and how many of them are in view."""
    board = view.board
    changes = many(board.changes, "change")
    if view.sought:
        kept = len(board.ids(view.mode))
        todo = [f"{view.unsearched:,} to look at"] if view.unsearched else []
        since = _of_the_last_run(board) if view.mode is Mode.WATCH else [changes]
        return [f"{found:,} of {kept:,} match", *todo, *not_kept(view, kept), *since]
    match view.mode:
        case Mode.TABLE:
            keys = many(board.keys, "key")
            told = keys if shown == board.keys else f"{shown:,} of {keys}"
            return [told, changes, *not_kept(view, board.keys - board.left)]
        case Mode.APPEND:
            rows = many(board.rows, "row")
            told = rows if shown == board.rows else f"{shown:,} of {rows}"
            return [told, *not_kept(view, len(board.ids(view.mode)))]
        case Mode.CHANGELOG:
            what = "change" if board.lines == board.changes else "line"
            lines = many(board.lines, what)
            told = lines if shown == board.lines else f"{shown:,} of {lines}"
            more = [many(board.keys, "key")] if board.key else []
            more += [changes] if what == "line" else []
            return [told, *more, *not_kept(view, min(board.lines, KEPT))]
        case Mode.WATCH if not board.version:
            return ["the first run"]
        case Mode.WATCH:
            rows = many(board.rows, "row")
            told = rows if shown == board.rows else f"{shown:,} of {rows}"
            kept = len(board.ids(view.mode))
            return [told, *not_kept(view, kept), *_of_the_last_run(board)]


def _of_the_last_run(board: Board) -> list[str]:
    if not (isinstance(board, Snapshot) and board.when):
        return []
    at = time.strftime("%H:%M:%S", time.localtime(board.when))
    return [f"{board.differing:,} changed", f"at {at}"]


def not_kept(view: View, kept: int) -> list[str]:
    """How many rows there are beside those that are kept, in a list, if there are."""
    more = _all(view) - kept
    which = "" if view.mode is Mode.WATCH else "older "
    return [f"{more:,} {which}not kept"] if more > 0 else []


def figures(view: View, stats: LiveStats, shown: int, found: int) -> list[tuple[int, str]]:
    """(how early it gives way, text) of each figure, in the order in which they are shown."""
    counts = _counts(view, shown, found)
    told = [(0, counts[0]), *((1, text) for text in counts[1:])]
    if stats.status:
        told.insert(0, (1, clean(stats.status)))
    if stats.bad.count:
        told.append((2, f"{stats.bad.count:,} left out"))
    if stats.late:
        told.append((3, f"{stats.late:,} late"))
    if view.mode is Mode.WATCH:
        return [*told, *([(4, f"{stats.scanned:,} read")] if stats.scanned else [])]
    told.append((4, "lag ?" if stats.lag is None else f"lag {stats.lag:,}"))
    told.append((5, f"{stats.rate:,.0f}/s"))
    if not view.paused and (left := time_left(stats.lag, stats.rate)):
        told.append((6, f"{left} left"))
    told.append((7, f"{stats.scanned:,} scanned"))
    return told


def footer(told: Sequence[tuple[int, str]], note: str, hints: Sequence[str], width: int) -> str:
    """The last line: figures that fit, then the keys.  An outage is said before any figure.

    >>> footer([(0, "17 keys"), (7, "9 scanned")], "", ["q stop"], 26)
    ' 17 keys           q stop '
    """
    hint = next((h for h in hints if width - width_of(h) - 4 >= _LEAST), hints[-1])
    room = width - width_of(hint) - 4
    taken: list[tuple[int, str]] = []
    said = [cut(note, room)] if note and room > 1 else []
    room -= sum(width_of(text) + BETWEEN for text in said)
    for figure in sorted(told):
        room -= width_of(figure[1]) + (BETWEEN if taken else 0)
        if room < 0:
            break
        taken.append(figure)
    texts = [*said, *(figure[1] for figure in told if figure in taken)]
    line = " · ".join(texts)
    space = " " * max(width - width_of(line) - width_of(hint) - 2, 0)
    return cut(f" {line}{space}{hint} ", width)


def ending(
    view: View, stats: LiveStats, shown: int, columns: int, was_cut: bool, how: str, last: str
) -> str:
    """The sentence below the rows that stay: what they are of all rows."""
    told = _counts(view, shown, len(view.order()))
    every = len(view.board.schema)
    less = shown < _all(view)
    if less and not view.sought:
        told[0] += " shown"
    elif shown < len(view.order()):
        told[0] += f", {shown:,} shown"
    if columns < every:
        told.append(f"{columns} of {every} columns shown")
    if was_cut:
        told.append("cells with … are cut")
    text = _closed(told, stats, how)
    return f"{text}; {last})" if last and (less or columns < every or was_cut) else f"{text})"


def limit(count: int, stats: LiveStats) -> str:
    """The sentence below the rows of a query that reached its LIMIT.

    >>> limit(2_000, LiveStats())
    '(2,000 rows · ended)'
    """
    return _closed([many(count, "row")], stats, "ended") + ")"


def _closed(told: Sequence[str], stats: LiveStats, how: str) -> str:
    bad = [f"{stats.bad.count:,} left out"] if stats.bad.count else []
    late = [f"{stats.late:,} late"] if stats.late else []
    return f"({' · '.join([*told, *bad, *late, how])}"


def _all(view: View) -> int:
    board = view.board
    return {
        Mode.TABLE: board.keys, Mode.APPEND: board.rows, Mode.CHANGELOG: board.lines,
        Mode.WATCH: board.rows,
    }[view.mode]  # fmt: skip
