"""The live view: a continuous query has the whole terminal until it is stopped.

It uses the alternate screen, so that a resize leaves no rubbish behind, reads keys in raw mode, and
draws only the rows that fit.  It draws as soon as rows come, at most twenty times a second, and for
at most a fifth of the time.  When it ends, the last frame stays on the main screen.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
import termios
import threading
import time
import tty
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rich.box import Box
from rich.console import Console, Group, RenderableType
from rich.live import Live as Screen
from rich.table import Table
from rich.text import Text

from kshell.changes import Changes
from kshell.errors import Interrupted, KshellError
from kshell.results import Live, LiveStats, backlog
from kshell.terminal import themes
from kshell.terminal.board import Board, Row
from kshell.terminal.cells import NULL
from kshell.terminal.keyboard import suspend
from kshell.terminal.sanitize import clean
from kshell.terminal.spool import terminal
from kshell.terminal.times import Times
from kshell.terminal.widths import Layout, layout, needed, width_of, wrapped

__all__ = ["View", "watch"]

_FRAME = 0.05  # seconds between two frames, at least
_IDLE = 0.2  # seconds after which the rate and the lag are drawn again although no rows came
_SHARE = 4  # after a frame, wait this many times as long as it took to draw
_PATIENCE = 0.15
_AHEAD = 64  # polls that wait to be drawn
_FURNITURE = 5  # lines of a frame that are not rows: title, headings, rule, blank, footer
_GLOW = 0.8  # seconds for which a changed row of a table is highlighted
# Like the aligned tables: lines between columns and under the headings, no frame.
_BOX = Box("    \n  │ \n ─┼ \n  │ \n ─┼ \n ─┼ \n  │ \n    \n")
_STOP = (b"q", b"Q", b"\x03", b"\x04", b"\x1b")
_UP, _DOWN = (b"\x1b[A", b"\x1bOA", b"k"), (b"\x1b[B", b"\x1bOB", b"j")
_KEY = re.compile(rb"\x1b\[[0-9;]*[A-Za-z~]|\x1bO.|.", re.DOTALL)
_SUSPEND = b"\x1a"
_PAGE_UP, _PAGE_DOWN, _END = b"\x1b[5~", b"\x1b[6~", (b"\x1b[F", b"\x1bOF", b"G")


def _footer(stats: LiveStats) -> str:
    """The line below the rows.

    >>> from kshell.results import LeftOut
    >>> _footer(LiveStats(3, 10, 5.0, 2, LeftOut(1)))
    '3 rows · 10 scanned · lag 2 · 5/s · 1 left out'
    >>> _footer(LiveStats(3, 10, 5.0, 2, LeftOut(1), late=4))
    '3 rows · 10 scanned · lag 2 · 5/s · 1 left out · 4 late'
    """
    text = (
        f"{stats.rows:,} rows · {stats.scanned:,} scanned"
        f" · {backlog(stats.lag, stats.rate)} · {stats.bad.count:,} left out"
    )
    if stats.late:
        text += f" · {stats.late:,} late"
    return f"{text} · {clean(stats.note)}" if stats.note else text


@dataclass(frozen=True, slots=True)
class _Columns:
    """What is shown of the columns, and each heading's lines."""

    layout: Layout
    headings: tuple[tuple[str, ...], ...]

    @property
    def lines(self) -> int:
        """Lines of the headings."""
        return max(map(len, self.headings), default=1)


@dataclass
class View:
    """The board, whether it is paused, and how far it is scrolled back."""

    live: Live
    board: Board
    paused: bool = False
    interrupted: bool = False  # by Ctrl-C
    back: int = 0
    _lit: int = 0  # changes after this one are highlighted
    _widths: tuple[int, ...] = ()
    _layout: Layout = field(default_factory=lambda: Layout((), ()))

    def __post_init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque([(0.0, 0)])

    def glow(self, now: float) -> None:
        """End the highlight of rows that changed some time ago."""
        self._marks.append((now, self.board.changes))
        while len(self._marks) > 1 and now - self._marks[0][0] > _GLOW:
            self._lit = self._marks.popleft()[1]

    def state(self, width: int, height: int) -> object:
        """Equal states make equal frames."""
        lit = self._lit if self.board.key else 0
        changes, stats = self.board.changes, self.live.stats()
        return width, height, changes, stats, lit, self.paused, self.back

    def frame(self, width: int, height: int) -> RenderableType:
        """A frame of exactly `height` lines."""
        room = max(height - _FURNITURE, 1)
        rows = self.board.rows(room, self.back)
        columns = self._columns(rows, width)
        rows = rows[max(len(rows) + columns.lines - 1 - room, 0) :]
        state = ("⏸ paused", "bold yellow") if self.paused else ("● live", "bold green")
        title = Text.assemble(state, "  ", (clean(self.live.title), "bold"), no_wrap=True)
        blank = Text("\n" * max(room - len(rows) - columns.lines + 1, 0))
        return Group(title, self._table(rows, columns), blank, self._bar(width))

    def last(self, width: int, height: int, ended: bool) -> RenderableType:
        """The lines that stay: the last frame, or all kept rows of a query that ended by itself."""
        rows = self.board.rows(len(self.board) if ended else max(height - _FURNITURE, 1))
        self._lit = self.board.changes
        how = "ended" if ended else "stopped"
        columns = self._columns(rows, width)
        told = f"{self._footer(len(rows))} · {how}"
        place = zip(columns.layout.shown, columns.layout.widths, strict=True)
        if any(width_of(row.texts[i] or NULL) > size for i, size in place for row in rows):
            told += " · cells with … are cut"
        return Group(self._table(rows, columns), Text(f"({told})", "dim"))

    def _footer(self, rows: int) -> str:
        """The statistics, and what of the kept rows is not on the screen."""
        text = _footer(self.live.stats())
        every, shown = len(self.board.schema), len(self._layout.shown)
        if rows < len(self.board):
            text += f" · {rows:,} shown"
        if shown < every:
            text += f" · {every} columns, {shown} shown"
        return text

    def _bar(self, width: int) -> Text:
        stats = self.live.stats()
        alarm = bool(stats.note or stats.bad.count)
        told = self._footer(len(self.board))
        keys = "Space pause · ↑↓ scroll · q stop "
        space = width - width_of(told) - width_of(keys) - 2
        text = f" {told}{' ' * space}{keys}" if space > 0 else f" {told}"
        style = "white on dark_red" if stats.note else "black on yellow" if alarm else themes.bar()
        bar = Text(text.ljust(width), style, no_wrap=True, overflow="ellipsis")
        bar.truncate(width, overflow="ellipsis")
        return bar

    def _columns(self, rows: list[Row], width: int) -> _Columns:
        """The columns that fit, and their headings in lines."""
        names = [clean(name) for name in self.board.schema.names]
        needs = [
            needed(width_of(name), max((width_of(row.texts[i] or NULL) for row in rows), default=0))
            for i, name in enumerate(names)
        ]
        # A column never gets narrower: a table that moves all the time is hard to read.
        before = self._widths or (0,) * len(names)
        self._widths = tuple(map(max, needs, before))
        self._layout = layout(self._widths, width, self.board.rigid)
        made = zip(self._layout.shown, self._layout.widths, strict=True)
        return _Columns(self._layout, tuple(tuple(wrapped(names[i], w)) for i, w in made))

    def _table(self, rows: list[Row], columns: _Columns) -> Table:
        heading = themes.heading()[0]
        table = Table(box=_BOX, show_edge=False, header_style=heading, border_style="dim")
        place = columns.layout
        made = [
            ("\n".join(heading), i in self.board.right, size)
            for i, size, heading in zip(place.shown, place.widths, columns.headings, strict=True)
        ]
        if place.gap >= 0:
            made.insert(place.gap, ("…", False, 1))
        for heading, right, size in made:
            table.add_column(
                Text(heading), justify="right" if right else "left", width=size,
                no_wrap=True, overflow="ellipsis",
            )  # fmt: skip
        for row in rows:
            lit = "bold green" if self.board.key and row.change > self._lit else ""
            texts = [row.texts[i] for i in place.shown]
            # Text objects, never strings: a string would be read as markup.
            shown = [Text(NULL, "dim italic") if t is None else Text(t, lit) for t in texts]
            if place.gap >= 0:
                shown.insert(place.gap, Text("…"))
            table.add_row(*shown)
        return table

    def press(self, key: bytes, page: int) -> bool:
        """Act on a key; False means stop."""
        if key in _STOP:
            self.interrupted = key == b"\x03"
            return False
        if key == b" ":
            self.paused, self.back = not self.paused, 0
        elif key in _END:
            self.paused, self.back = False, 0
        elif key in _UP or key == _PAGE_UP:
            self.paused = True
            most = max(len(self.board) - page, 0)
            self.back = min(self.back + (page if key == _PAGE_UP else 1), most)
        elif key in _DOWN or key == _PAGE_DOWN:
            self.back = max(self.back - (page if key == _PAGE_DOWN else 1), 0)
        return True


class _Puller:
    """Polls the result in a thread, so that the view answers keys at once.

    `news` is a pipe that can be read when changes came, so that one wait serves for keys and
    changes.
    """

    def __init__(self, live: Live) -> None:
        self.news, self._ring = os.pipe()
        os.set_blocking(self._ring, False)
        self._live = live
        self.fresh: deque[Changes] = deque()
        self.error: BaseException | None = None
        self.done = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self.thread = threading.Thread(target=self._run, name="kshell-live", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            while not self.done.is_set():
                if not self.go.wait(0.1):
                    continue  # paused: the fetch's queue fills, and then the brokers wait
                changes = self._live.poll(0.1)
                if changes is None:
                    break
                if len(changes):
                    self.fresh.append(changes)
                    self._tell()
                while len(self.fresh) >= _AHEAD and not self.done.is_set():
                    time.sleep(0.01)  # the terminal is stopped (Ctrl-S): memory use stays flat
        except BaseException as error:
            self.error = error
        finally:
            self.done.set()
            self._tell()

    def heard(self) -> bool:
        """Whether changes came since the last call."""
        if not select.select([self.news], [], [], 0)[0]:
            return False
        os.read(self.news, 4096)
        return True

    def _tell(self) -> None:
        with contextlib.suppress(OSError):  # full: the reader knows already
            os.write(self._ring, b"!")

    def close(self) -> None:
        """Close the pipe, after the end."""
        if not self.thread.is_alive():
            os.close(self.news)
            os.close(self._ring)

    def hand_over(self, board: Board) -> None:
        """Give the new changes to the board."""
        while self.fresh:
            board.add(self.fresh.popleft())


def _raw(fd: int) -> None:
    """Ctrl-C and Ctrl-Z are keys."""
    tty.setcbreak(fd)
    mode = termios.tcgetattr(fd)
    mode[3] &= ~termios.ISIG
    termios.tcsetattr(fd, termios.TCSANOW, mode)


@contextlib.contextmanager
def _raw_keys(fd: int, console: Console) -> Iterator[Callable[[], None]]:
    """Gives what Ctrl-Z does: the terminal is as before until fg."""
    before = termios.tcgetattr(fd)

    def stop() -> None:
        console.set_alt_screen(False)
        console.show_cursor(True)
        termios.tcsetattr(fd, termios.TCSANOW, before)
        suspend()
        _raw(fd)
        console.set_alt_screen(True)
        console.show_cursor(False)

    try:
        _raw(fd)
        yield stop
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _pressed(fd: int, news: int | None, seconds: float) -> list[bytes]:
    """The pressed keys, until changes come; bytes that begin with Esc are one key."""
    ready, _, _ = select.select([fd] if news is None else [fd, news], [], [], seconds)
    if fd not in ready:
        return []
    data = os.read(fd, 64)
    if not data:
        return [b"q"]  # the terminal is gone
    return _KEY.findall(data)


def watch(
    live: Live,
    times: Times = Times.NUMBER,
    console: Console | None = None,
    board: Board | None = None,
) -> None:
    """Show the query until it ends or is stopped; raises the error that ended it, and Interrupted.

    `board` has the rows of a query that ran in the background.
    """
    console = console or Console(highlight=False)
    screen = Console(highlight=False, file=terminal())
    view = View(live, Board(live.schema, live.key, times) if board is None else board)
    puller = _Puller(live)
    stopped = False
    try:
        # A query that ends at once (LIMIT 5) does not need the alternate screen.
        if not puller.done.wait(_PATIENCE):
            _show(view, puller, screen)
        stopped = not puller.done.is_set()
    finally:
        puller.done.set()
        live.cancel()
        puller.thread.join(0.15)
        puller.close()
    puller.hand_over(view.board)
    console.print(view.last(console.width, console.height, not stopped))
    if puller.error is not None:
        if isinstance(puller.error, KshellError):
            raise puller.error
        raise KshellError(f"the query failed: {puller.error}")
    if view.interrupted:
        raise Interrupted("")  # the last line says it


def _show(view: View, puller: _Puller, console: Console) -> None:
    fd = sys.stdin.fileno()

    drawn: object = None

    def picture() -> RenderableType:
        return view.frame(console.width, console.height)

    def draw() -> None:
        nonlocal drawn
        puller.hand_over(view.board)
        view.glow(time.monotonic())
        state = view.state(console.width, console.height)
        if state != drawn:  # a query without changes is not drawn
            screen.update(picture(), refresh=True)
            drawn = state

    with _raw_keys(fd, console) as stop, Screen(
        picture(), console=console, screen=True, auto_refresh=False,
        redirect_stdout=False, redirect_stderr=False,
    ) as screen:  # fmt: skip
        may, must = time.monotonic(), time.monotonic() + _IDLE
        while not puller.done.is_set():
            now = time.monotonic()
            waits = now < may  # too early for another frame: wait for keys and the clock only
            news, until = (None, may) if waits else (puller.news, must)
            keys = _pressed(fd, news, max(until - now, 0))
            for key in keys:
                if key == _SUSPEND:
                    stop()
                    drawn = None
                elif not view.press(key, console.height - _FURNITURE):
                    return
                (puller.go.clear if view.paused else puller.go.set)()
            began = time.monotonic()
            if keys or began >= must or (began >= may and puller.heard()):
                draw()
                took = time.monotonic() - began
                may = time.monotonic() + max(_FRAME, _SHARE * took)
                must = max(may, time.monotonic() + _IDLE)
