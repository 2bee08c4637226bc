"""The live view: a continuous query, or two, have the whole terminal until they are stopped.

It uses the alternate screen, so that a resize leaves no rubbish behind, and draws only the rows
that fit, at most ten times a second and for at most a tenth of the time; a key is answered at once.
`live_view` is its state, `live_frame` its picture.  When it ends, the rows in view stay on the main
screen; of a query that ended by itself, all rows.
"""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Sequence
from operator import is_
from typing import TYPE_CHECKING

from kshell.errors import Interrupted, KshellError
from kshell.results import Live
from kshell.terminal.board import Board
from kshell.terminal.line_writer import LineWriter
from kshell.terminal.live_footer import ending, limit
from kshell.terminal.live_frame import Line, kept, painted
from kshell.terminal.live_keys import Act, act_of
from kshell.terminal.live_layout import Layout, arrange, together
from kshell.terminal.live_pane import Pane, reason
from kshell.terminal.live_save import save
from kshell.terminal.live_terminal import Keys, name_of
from kshell.terminal.live_view import Focus, View
from kshell.terminal.messages import colours, note
from kshell.terminal.output import Target, write
from kshell.terminal.sanitize import clean
from kshell.terminal.screen import stdout_target
from kshell.terminal.spool import terminal
from kshell.terminal.times import Times
from kshell.terminal.widths import cut, wrapped

if TYPE_CHECKING:
    from prompt_toolkit.key_binding.key_processor import KeyPress

__all__ = ["keep", "show", "watch"]

_FRAME = 0.1  # seconds between two frames, at least
_IDLE = 0.2  # seconds after which the rate and the lag are drawn again although no rows came
_SHARE = 9  # after a frame, wait this many times as long as it took to draw
_PATIENCE = 0.15  # seconds; a query that ends before needs no screen of its own
_LATEST = 10  # of what became of a query, that its last lines name
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
    board = Board(live.schema, live.key, times, live.ends) if board is None else board
    pane = Pane(live, View.of(board), live.title)
    view, puller = pane.view, pane.puller
    try:
        if not puller.done.wait(_PATIENCE):
            show([pane])
    finally:
        ended = puller.done.is_set() and not view.stopped
        puller.done.set()
        live.cancel()
        pane.close_record()
        puller.thread.join(0.15)
        puller.close()
    if ended or pane.last is None:  # else it stays as it was seen
        puller.hand_over(board)
    elsewhere = "\\last for all" if prompt else ""
    if ended:
        _keep_all(pane, elsewhere)
    else:
        keep(pane, "stopped", elsewhere)
        if said := live.stopped():
            note(said)
    if puller.error is not None:
        if isinstance(puller.error, KshellError):
            raise puller.error
        raise KshellError(reason(puller.error))
    if view.interrupted:
        raise Interrupted("")  # the last line says it


def keep(pane: Pane, how: str, elsewhere: str, heading: str = "") -> None:
    """Write on the main screen the rows in view, and of how many they are."""
    view, last = pane.view, pane.last
    target = stdout_target(times=view.board.times)
    width = target.width or _SIZE[0]
    view.dim()
    view.search_all()
    if heading:
        bold: Line = ((cut(clean(heading), width), "bold"),)
        target.out.write(f"{painted(bold, target.colour)}\n")
    rows = last.rows if last is not None else view.window(_size()[1]).rows
    below = kept(view, width, rows)
    target.out.writelines(f"{painted(line, target.colour)}\n" for line in below.lines)
    shown = (len(rows), below.columns, below.cut)
    _say([ending(view, pane.live.stats(), *shown, how, elsewhere), *_said(pane.live)], target)


def _keep_all(pane: Pane, elsewhere: str) -> None:
    """Write on the main screen all rows of a query that ended."""
    view, board, stats = pane.view, pane.view.board, pane.live.stats()
    target = stdout_target(times=board.times)
    if board.spill is not None:
        remarks = write("table", board.schema, board.spill.batches(), target)
        said = limit(board.spill.count, stats)
    else:
        view.mode, view.sought = board.modes[0], ""
        ids = board.ids(view.mode)
        remarks = write("table", board.schema, iter([board.take(view.mode, ids)]), target)
        said = ending(view, stats, len(ids), len(board.schema), False, "ended", elsewhere)
    _say([said, *remarks, *_said(pane.live)], target)


def _said(live: Live) -> list[str]:
    """The last of what became of it."""
    said = [clean(text) for text in live.said()]
    more = [f"… {len(said) - _LATEST:,} before"] if len(said) > _LATEST else []
    return [*more, *said[-_LATEST:]]


def _say(told: Sequence[str], target: Target) -> None:
    dim, plain = ("\x1b[2m", "\x1b[0m") if target.colour else ("", "")
    for text in told:
        lines = wrapped(text, target.width or _SIZE[0])
        target.out.writelines(f"{dim}{line}{plain}\n" for line in lines)
    target.out.flush()


def _size() -> tuple[int, int]:
    """Columns and lines of the terminal."""
    try:
        columns, lines = os.get_terminal_size(terminal().fileno())
    except OSError:
        return _SIZE
    return columns or _SIZE[0], lines or _SIZE[1]


def show(panes: Sequence[Pane]) -> None:
    """Draw one or two views until one is left, or the query of the only one ends."""
    _Screen(panes).show()


class _Screen:
    """The alternate screen with one or two views; keys are for one of them."""

    def __init__(self, panes: Sequence[Pane]) -> None:
        self._panes = panes
        self._at = 0  # the view that gets the keys
        self._layout: Layout | None = None
        self._drawn: list[tuple[Line, ...]] = []
        self._focus(0)

    def _focus(self, at: int) -> None:
        self._at = at % len(self._panes)
        if len(self._panes) > 1:
            for n, pane in enumerate(self._panes):
                pane.view.focus = Focus.HERE if n == self._at else Focus.ELSEWHERE

    @property
    def _over(self) -> bool:
        alone = len(self._panes) == 1
        return self._panes[self._at].view.stopped or (alone and self._panes[0].puller.done.is_set())

    def show(self) -> None:
        """Draw until it is over."""
        panes = self._panes
        out = terminal()
        colour = colours(out)
        news = [pane.puller.news for pane in panes]
        screen = LineWriter(out, asks=True)
        with Keys(screen) as keys:
            self._draw(screen, colour)
            may, must = time.monotonic() + _FRAME, time.monotonic() + _IDLE
            searches = False
            while not self._over:
                searched, searches = searches, any(pane.view.search() for pane in panes)
                now = time.monotonic()
                must = now if searched and not searches else must
                early = now < may or screen.waits  # keys and the clock only
                until = max(may, now + _FRAME / 10) if early else must
                until = now if searches else until
                pressed = keys.read([] if early else news, until)
                for n, key in enumerate(pressed):
                    self._press(key, keys)
                    _serve(panes[self._at], screen)
                    if self._over:
                        if n:  # what keys before it did is what stays
                            self._draw(screen, colour, True)
                        return
                if keys.resumed:
                    keys.resumed, self._layout = False, None
                now = time.monotonic()
                due = now >= must or (now >= may and _heard(panes))
                if pressed or (due and not screen.waits):
                    took = self._draw(screen, colour, bool(pressed))
                    may = time.monotonic() + max(_FRAME, _SHARE * took)
                    must = max(may, time.monotonic() + _IDLE)

    def _press(self, key: KeyPress, keys: Keys) -> None:
        name = name_of(key)
        match act_of(name):
            case Act.SUSPEND:
                keys.suspend()
            case Act.FOCUS if len(self._panes) > 1:
                self._focus(self._at + 1)
            case _:
                self._panes[self._at].view.press(name, key.data)

    def _draw(self, screen: LineWriter, colour: bool, pressed: bool = False) -> float:
        """Draw a frame if it is another one; gives the CPU seconds it took."""
        began = time.thread_time()
        layout = arrange(len(self._panes), *_size())
        if layout != self._layout:
            screen.forget()
            self._layout, self._drawn = layout, []
        made = [
            pane.lines(*size, pressed)
            for pane, size in zip(self._panes, layout.sizes, strict=True)
        ]
        if not all(map(is_, made, self._drawn)) or len(made) != len(self._drawn):
            lines = together(layout, made, self._at)
            screen.draw([painted(line, colour) for line in lines])
            self._drawn = made
        return time.thread_time() - began


def _heard(panes: Sequence[Pane]) -> bool:
    """Whether changes came to any of them since the last call."""
    return sum(pane.puller.heard() for pane in panes) > 0


def _serve(pane: Pane, screen: LineWriter) -> None:
    """Do what keys asked for that needs a file, the terminal or the query."""
    view, puller = pane.view, pane.puller
    if view.saves:
        view.said, view.saves = save(view, view.saves), ""
    if view.copied is not None:
        screen.send(_copy(view.copied))
        view.copied = None
    (puller.go.clear if view.paused else puller.go.set)()


def _copy(text: str) -> str:
    """What puts the text on the terminal's clipboard (OSC 52)."""
    return f"\x1b]52;c;{base64.b64encode(text.encode()).decode()}\x07"
