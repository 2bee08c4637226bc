"""The live view: a continuous query that owns the terminal until it is stopped.

It reads its own keys in raw mode (Space pauses, q, Esc or Ctrl-C stops) and draws only what fits,
ten times a second at the most.  The last frame stays when it ends.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import sys
import termios
import threading
import time
import tty
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.table import Table
from rich.text import Text

from kshell.changes import Changes
from kshell.errors import KshellError
from kshell.results import Live, LiveStats
from kshell.terminal.cells import NULL, is_number, texts
from kshell.terminal.sanitize import clean

__all__ = ["Board", "footer", "frame", "watch"]

_FRAME = 0.1
_KEPT = 500  # rows kept to draw from: more than any screen shows
_FURNITURE = 6  # lines of a frame that are not rows


class Board:
    """The rows to show: a stream's latest, or a table's current row for each key."""

    def __init__(self, schema: pa.Schema, key: tuple[str, ...]) -> None:
        self.schema = schema
        self._key = [schema.get_field_index(k) for k in key]
        self._stream: deque[tuple[str, ...]] = deque(maxlen=_KEPT)
        self._table: OrderedDict[tuple[str, ...], tuple[str, ...]] = OrderedDict()

    def add(self, changes: Changes) -> None:
        """Take changes in; only the latest of a stream's are turned to text."""
        rows, weights = changes.rows, changes.weights
        if not self._key and len(rows) > _KEPT:
            rows = rows.slice(len(rows) - _KEPT)
            weights = weights.slice(len(weights) - _KEPT)
        columns = [texts(c) for c in rows.columns]
        for row, weight in zip(zip(*columns, strict=True), weights.to_pylist(), strict=True):
            if not self._key:
                self._stream.append(row)
                continue
            key = tuple(row[i] for i in self._key)
            self._table.pop(key, None)
            if weight > 0:
                self._table[key] = row

    def rows(self, count: int) -> list[tuple[str, ...]]:
        """The latest `count` rows, oldest first."""
        rows: Any = self._table.values() if self._key else self._stream
        return list(rows)[-count:] if count > 0 else []


def footer(stats: LiveStats, paused: bool) -> str:
    """What was seen, told honestly.

    >>> footer(LiveStats(3, 10, 5.0, 2, 1), False)
    '3 rows · 10 scanned · 5/s · lag 2 · 1 undecodable'
    """
    parts = [f"{stats.rows:,} rows", f"{stats.scanned:,} scanned", f"{stats.rate:,.0f}/s",
             f"lag {stats.lag:,}", f"{stats.bad:,} undecodable"]  # fmt: skip
    text = " · ".join(parts)
    if stats.note:
        text += f" · {clean(stats.note)}"
    return text + (" · PAUSED" if paused else "")


def frame(
    board: Board, stats: LiveStats, title: str, paused: bool, lines: int
) -> RenderableType:
    """One picture, no higher than `lines`."""
    table = Table(title=Text(clean(title)), title_justify="left", expand=False, header_style="bold")
    for field in board.schema:
        table.add_column(
            Text(clean(field.name)),
            justify="right" if is_number(field.type) else "left",
            no_wrap=True,
            overflow="ellipsis",
        )
    for row in board.rows(lines - _FURNITURE):
        # Text objects, never strings: a string would be read as markup.
        table.add_row(*(Text(c, style="dim" if c == NULL else "") for c in row))
    colour = "yellow" if stats.bad or stats.note else "dim"
    keys = Text("q stop · Space pause", style="dim")
    return Group(table, Text(footer(stats, paused), style=colour, no_wrap=True), keys)


@contextlib.contextmanager
def _raw_keys(fd: int) -> Iterator[None]:
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        mode = termios.tcgetattr(fd)
        mode[3] &= ~termios.ISIG  # Ctrl-C is a key here
        termios.tcsetattr(fd, termios.TCSANOW, mode)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


class _Puller:
    """Takes changes off the result in a thread, so that keys are answered at once."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self.fresh: deque[Changes] = deque()
        self.error: BaseException | None = None
        self.done = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self.thread = threading.Thread(target=self._run, daemon=True)
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
        except BaseException as error:
            self.error = error
        finally:
            self.done.set()


def _pressed(fd: int, seconds: float) -> bytes:
    ready, _, _ = select.select([fd], [], [], seconds)
    return os.read(fd, 64) if ready else b""


def watch(live: Live, console: Console | None = None) -> None:
    """Show it until it ends or is stopped; raises what ended it."""
    console = console or Console()
    board = Board(live.schema, live.key)
    puller = _Puller(live)
    fd = sys.stdin.fileno()
    paused = False

    def picture() -> RenderableType:
        while puller.fresh:
            board.add(puller.fresh.popleft())
        return frame(board, live.stats(), live.title, paused, shutil.get_terminal_size().lines)

    try:
        with _raw_keys(fd), RichLive(
            picture(), console=console, auto_refresh=False, transient=False,
            vertical_overflow="crop", redirect_stdout=False, redirect_stderr=False,
        ) as screen:  # fmt: skip
            while not puller.done.is_set():
                began = time.monotonic()
                keys = _pressed(fd, _FRAME)
                if keys in (b"q", b"Q", b"\x03", b"\x1b", b"\x04"):
                    break
                if keys == b" ":
                    paused = not paused
                    (puller.go.clear if paused else puller.go.set)()
                screen.update(picture(), refresh=True)
                time.sleep(max(_FRAME - (time.monotonic() - began), 0) if not keys else 0)
            screen.update(picture(), refresh=True)
    finally:
        puller.done.set()
        live.cancel()
        puller.thread.join(1)
    if puller.error is not None:
        if isinstance(puller.error, KshellError):
            raise puller.error
        raise KshellError(f"the query failed: {puller.error}")
