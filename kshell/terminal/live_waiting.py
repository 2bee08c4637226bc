"""What a live view says while it has no row: what is read, how much is left, and why none comes.

`live_frame` draws these sentences in the place of the rows.
"""

from __future__ import annotations

from collections.abc import Iterator

from kshell.results import LiveStats
from kshell.terminal.board import Mode
from kshell.terminal.cells import type_label
from kshell.terminal.live_view import View
from kshell.terminal.sanitize import clean
from kshell.wording import many, time_left

__all__ = ["waiting"]


def waiting(view: View, stats: LiveStats, title: str) -> Iterator[str]:
    """The sentences, as clean text."""
    board = view.board
    if view.sought:
        if not view.unsearched and len(board.ids(view.mode)):
            yield f"No row has the text {clean(view.sought)}; Esc shows all rows."
        return
    if view.mode is Mode.WATCH:
        if board.version:
            yield "The query has no rows now."
        return
    if board.changes:
        yield "All rows were deleted; t shows the changes."
        return
    yield _read(stats, clean(title), view.paused)
    if stats.bad.count:
        why = f" ({clean('; '.join(stats.bad.reasons))})" if stats.bad.reasons else ""
        yield f"{many(stats.bad.count, 'record')} left out{why}: SHOW ERRORS has them."
    yield from view.hints
    named = ", ".join(
        " ".join((clean(field.name), type_label(field, board.times))) for field in board.schema
    )
    yield f"Columns: {named}"


def _read(stats: LiveStats, title: str, paused: bool) -> str:
    """How far it has come."""
    records = many(stats.scanned, "record")
    if stats.lag is None:
        return f"Reading {title}: {records} so far; how many are left is unknown."
    if stats.lag:
        left = "" if paused else time_left(stats.lag, stats.rate)
        rest = f", {left} left" if left else ""
        return f"Reading {title}: {records} so far, {stats.lag:,} to read{rest}."
    if stats.scanned:
        return f"{records} of {title} read; no row has come of them yet."
    return f"Waiting for the first record of {title}."
