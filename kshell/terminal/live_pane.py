"""A view with its query: polls it, and draws itself into a rectangle.

`live` puts one or two of them on the screen.
"""

from __future__ import annotations

import time
from dataclasses import replace

from kshell.errors import KshellError
from kshell.results import Live, LiveStats
from kshell.terminal.live_frame import Frame, Line, frame, scene, standing_out
from kshell.terminal.live_puller import Puller
from kshell.terminal.live_record import RecordReader
from kshell.terminal.live_view import Focus, Open, View

__all__ = ["Pane", "reason"]

_GRACE = 0.3  # seconds for the last poll


class Pane:
    """`last` is the newest frame of its rows."""

    def __init__(
        self, live: Live, view: View, title: str, puller: Puller | None = None
    ) -> None:
        self.live, self.view, self.title = live, view, title
        self.puller = Puller(live) if puller is None else puller
        view.hints = live.hints
        self.last: Frame | None = None
        self._reader: RecordReader | None = None  # of the record that is open
        self._drawn: object = None
        self._lines: tuple[Line, ...] = ()

    def lines(self, width: int, height: int, pressed: bool = False) -> tuple[Line, ...]:
        """The rectangle's lines; the same ones, if nothing that they show is another."""
        view, board = self.view, self.view.board
        if not view.paused:
            self._take()
        self._see_end()
        stats = self.stats()
        self._read_record()
        state = (
            board.version, stats, width, height, view.focus, view.over, view.record,
            view.unsearched,
        )  # fmt: skip
        if state != self._drawn or pressed or view.glows:
            here = scene(view, width, height)
            view.glow(here.window.rows, time.monotonic())
            made = frame(view, here, stats, self.title, width, height)
            view.page, view.first_column = max(made.page, 1), made.first_column
            view.widths, view.below = made.widths, made.below
            self._lines = made.lines
            if view.focus is Focus.HERE and height > 1:
                self._lines = (standing_out(made.lines[0], width), *made.lines[1:])
            self._drawn = state
            # What is open does not stay on the main screen: the rows below it do.
            self.last = replace(made, rows=here.window.rows)
        return self._lines

    def _read_record(self) -> None:
        """Have the record of the row that is open read."""
        view = self.view
        place = view.place if view.open is Open.ROW else None
        if self._reader is not None and self._reader.place != place:
            self.close_record()
        if self._reader is None and place is not None and self.live.record is not None:
            times = view.board.times
            self._reader = RecordReader(self.live.record, place, times, self.puller.tell)
        view.record = None if self._reader is None else self._reader.record

    def close_record(self) -> None:
        """Read no more of the record that was open."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _take(self) -> None:
        board = self.view.board
        before = board.schema.names
        self.puller.hand_over(board)
        if board.schema.names != before:
            self.view.renew()

    def _see_end(self) -> None:
        if self.puller.ended:
            self.view.over = "ended" if self.puller.error is None else "failed"

    def stats(self) -> LiveStats:
        """The query's figures; with what ended it, if that was an error."""
        stats = self.live.stats()
        error = self.puller.error
        return stats if error is None else replace(stats, note=reason(error))

    def leave(self) -> None:
        """Poll no more; the last poll may still wait, for a registry or for brokers."""
        self.close_record()
        self.puller.done.set()
        self.puller.thread.join(_GRACE)
        self._see_end()


def reason(error: BaseException) -> str:
    """What an error says."""
    return error.what if isinstance(error, KshellError) else f"the query failed: {error}"
