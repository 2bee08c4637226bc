"""The live view: a continuous query has the whole terminal until it is stopped.

It uses the alternate screen, so that a resize leaves no rubbish behind, and draws only the rows
that fit, at most ten times a second and for at most a tenth of the time; a key is answered at once.
`live_view` is its state, `live_frame` its picture.  When it ends, the rows in view stay on the main
screen; of a query that ended by itself, all rows.
"""

from __future__ import annotations

import base64
import contextlib
import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from kshell.errors import Interrupted, KshellError
from kshell.results import Live
from kshell.terminal.board import Board
from kshell.terminal.keyboard import suspend
from kshell.terminal.line_writer import LineWriter
from kshell.terminal.live_footer import ending, limit
from kshell.terminal.live_frame import Frame, frame, kept, painted, scene
from kshell.terminal.live_keys import Act, act_of
from kshell.terminal.live_puller import Puller
from kshell.terminal.live_save import save
from kshell.terminal.live_view import View
from kshell.terminal.messages import colours
from kshell.terminal.output import write
from kshell.terminal.screen import stdout_target
from kshell.terminal.spool import terminal
from kshell.terminal.times import Times
from kshell.terminal.widths import wrapped

if TYPE_CHECKING:
    from prompt_toolkit.input.vt100 import Vt100Input
    from prompt_toolkit.key_binding.key_processor import KeyPress

__all__ = ["watch"]

_FRAME = 0.1  # seconds between two frames, at least
_IDLE = 0.2  # seconds after which the rate and the lag are drawn again although no rows came
_SHARE = 9  # after a frame, wait this many times as long as it took to draw
_PATIENCE = 0.15  # seconds; a query that ends before needs no screen of its own
_ESCAPE = 0.05  # seconds after Esc in which more bytes make it another key
_SIZE = (80, 24)  # of a terminal that does not know


def watch(
    live: Live,
    times: Times = Times.NUMBER,
    board: Board | None = None,
    prompt: bool = False,
) -> None:
    """Show the query until it ends or is stopped; raises the error that ended it, and Interrupted.

    `board` has the rows of a query that ran in the background; at a `prompt` there is `\\last`.
    """
    view = View.of(Board(live.schema, live.key, times, live.ends) if board is None else board)
    puller = Puller(live)
    last: Frame | None = None
    try:
        if not puller.done.wait(_PATIENCE):
            last = _Screen(live, view, puller).show()
    finally:
        ended = puller.done.is_set() and not view.stopped
        puller.done.set()
        live.cancel()
        puller.thread.join(0.15)
        puller.close()
    if ended or last is None:  # else it stays as it was seen
        puller.hand_over(view.board)
    _keep(live, view, last, ended, "\\last for all" if prompt else "")
    if puller.error is not None:
        if isinstance(puller.error, KshellError):
            raise puller.error
        raise KshellError(f"the query failed: {puller.error}")
    if view.interrupted:
        raise Interrupted("")  # the last line says it


def _keep(live: Live, view: View, last: Frame | None, ended: bool, elsewhere: str) -> None:
    """Write what stays on the main screen: the rows in view, or all rows of a query that ended."""
    board, target = view.board, stdout_target(times=view.board.times)
    width = target.width or _SIZE[0]
    stats = live.stats()
    view.dim()
    if ended and board.spill is not None:
        remarks = write("table", board.schema, board.spill.batches(), target)
        told = [limit(board.spill.count, stats), *remarks]
    elif ended:
        mode = board.modes[0]
        ids = board.ids(mode)
        remarks = write("table", board.schema, iter([board.take(mode, ids)]), target)
        view.mode, view.sought = mode, ""
        said = ending(view, stats, len(ids), len(board.schema), False, "ended", elsewhere)
        told = [said, *remarks]
    else:
        rows = last.rows if last is not None else view.window(_size()[1]).rows
        below = kept(view, width, rows)
        target.out.writelines(f"{painted(line, target.colour)}\n" for line in below.lines)
        shown = (len(rows), below.columns, below.cut)
        told = [ending(view, stats, *shown, "stopped", elsewhere)]
    dim, plain = ("\x1b[2m", "\x1b[0m") if target.colour else ("", "")
    for text in told:
        target.out.writelines(f"{dim}{line}{plain}\n" for line in wrapped(text, width))
    target.out.flush()


def _size() -> tuple[int, int]:
    """Columns and lines of the terminal."""
    try:
        columns, lines = os.get_terminal_size(terminal().fileno())
    except OSError:
        return _SIZE
    return columns or _SIZE[0], lines or _SIZE[1]


def _raw(fd: int) -> None:
    """Ctrl-C and Ctrl-Z are keys."""
    tty.setcbreak(fd)
    mode = termios.tcgetattr(fd)
    mode[3] &= ~(termios.ISIG | termios.IEXTEN)
    termios.tcsetattr(fd, termios.TCSANOW, mode)


@contextlib.contextmanager
def _raw_keys(fd: int, screen: LineWriter) -> Iterator[Callable[[], None]]:
    """Gives what Ctrl-Z does: the terminal is as before until fg."""
    before = termios.tcgetattr(fd)

    def stop() -> None:
        screen.pause()
        termios.tcsetattr(fd, termios.TCSANOW, before)
        suspend()
        _raw(fd)
        screen.resume()

    try:
        _raw(fd)
        yield stop
    finally:
        termios.tcsetattr(fd, termios.TCSANOW, before)


class _Keys:
    """Reads keys with prompt_toolkit's parser."""

    def __init__(self, fd: int) -> None:
        from prompt_toolkit.input.vt100 import Vt100Input

        self._input: Vt100Input = Vt100Input(sys.stdin)
        self._fd = fd
        self._flush_at: float | None = None  # Esc may begin another key until then

    def read(self, news: int | None, until: float) -> list[KeyPress]:
        """The pressed keys; waits until then, or until there are changes."""
        now = time.monotonic()
        until = until if self._flush_at is None else min(until, self._flush_at)
        waited = [self._fd] if news is None else [self._fd, news]
        ready, _, _ = select.select(waited, [], [], max(until - now, 0))
        if self._fd in ready:
            keys = self._input.read_keys()
            self._flush_at = time.monotonic() + _ESCAPE
            if self._input.closed:
                from prompt_toolkit.key_binding.key_processor import KeyPress

                return [*keys, KeyPress("q")]  # the terminal is gone
            return keys
        if self._flush_at is not None and time.monotonic() >= self._flush_at:
            self._flush_at = None
            return self._input.flush_keys()
        return []


class _Screen:
    """The view on the alternate screen."""

    def __init__(self, live: Live, view: View, puller: Puller) -> None:
        self._live, self._view, self._puller = live, view, puller
        self._last: Frame | None = None
        self._drawn: object = None
        self._size = (0, 0)

    def show(self) -> Frame | None:
        """Draw until the query ends or is stopped; gives the last frame."""
        view, puller = self._view, self._puller
        fd, out = sys.stdin.fileno(), terminal()
        colour = colours(out)
        keys = _Keys(fd)
        screen = LineWriter(out)
        try:
            with _raw_keys(fd, screen) as stop:
                self._draw(screen, colour)
                may, must = time.monotonic() + _FRAME, time.monotonic() + _IDLE
                while not (puller.done.is_set() or view.stopped):
                    now = time.monotonic()
                    early = now < may or screen.waits  # keys and the clock only
                    until = max(may, now + _FRAME / 10) if early else must
                    pressed = keys.read(None if early else puller.news, until)
                    for n, key in enumerate(pressed):
                        name = str(getattr(key.key, "value", key.key))
                        if act_of(name) is Act.SUSPEND:
                            stop()
                            self._drawn = None
                        else:
                            view.press(name, key.data)
                        if view.stopped:
                            if n:  # what keys before it did is what stays
                                self._draw(screen, colour, True)
                            return self._last
                    if view.saves:
                        view.said, view.saves = save(view, view.saves), ""
                    if view.copied is not None:
                        screen.send(_copy(view.copied))
                        view.copied = None
                    (puller.go.clear if view.paused else puller.go.set)()
                    now = time.monotonic()
                    due = now >= must or (now >= may and puller.heard())
                    if pressed or (due and not screen.waits):
                        took = self._draw(screen, colour, bool(pressed))
                        may = time.monotonic() + max(_FRAME, _SHARE * took)
                        must = max(may, time.monotonic() + _IDLE)
            return self._last
        finally:
            screen.close()

    def _draw(self, screen: LineWriter, colour: bool, pressed: bool = False) -> float:
        """Draw a frame if it is another one; gives the CPU seconds it took."""
        view, board, began = self._view, self._view.board, time.thread_time()
        if not view.paused:
            self._puller.hand_over(board)
        stats, size = self._live.stats(), _size()
        state = (board.version, stats, size)
        if state != self._drawn or pressed or view.glows:
            if size != self._size:
                screen.forget()
                self._size = size
            here = scene(view, *size)
            view.glow(here.window.rows, time.monotonic())
            made = frame(view, here, stats, self._live.title, *size)
            view.page, view.first_column = max(made.page, 1), made.first_column
            view.widths, view.below = made.widths, made.below
            screen.draw([painted(line, colour) for line in made.lines])
            self._drawn = state
            # What is open does not stay on the main screen: the rows below it do.
            self._last = replace(made, rows=here.window.rows)
        return time.thread_time() - began


def _copy(text: str) -> str:
    """What puts the text on the terminal's clipboard (OSC 52)."""
    return f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07"
