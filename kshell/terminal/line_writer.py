"""Writes frames to the terminal: only the lines that changed, in a thread of its own.

So a slow line delays pictures and no keys.  Terminals that know synchronized output (mode 2026)
show each frame whole.  One frame waits at most: a newer one takes its place.
What the system and the network hold back counts too: after each frame the terminal is asked where
its cursor is, and the next frame waits until it answers.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import IO

__all__ = ["LineWriter"]

# A line that the terminal finds wider than kshell does is cut there, and does not spoil the next.
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J"
_LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"  # the terminal shows what is between them at once
_ASK = "\x1b[6n"
_PATIENCE = 0.3  # seconds in which the terminal takes the line that is being written
_UNDERWAY = 2048  # bytes without an answer, after which the next frame waits
_UNKNOWN = 0.4  # seconds in which a terminal answers, if nobody knows that it does
_LOST = 3.0  # seconds after which an answer does not come any more
_SILENT = 3  # answers that do not come from a terminal which is not asked again


class LineWriter:
    """The alternate screen, while it is open; `asks` where answers reach `answered`."""

    def __init__(self, out: IO[str], asks: bool = False) -> None:
        self._fd = out.fileno()
        self._encoding = getattr(out, "encoding", None) or "utf-8"
        self._errors = getattr(out, "errors", None) or "replace"
        self._news = threading.Condition()
        self._waits: Sequence[str] | None = None
        self._extra = ""
        self._there: list[str] = []
        self._busy = self._closed = self._clear = False
        self._asks, self._answers, self._missed = asks, False, 0
        self._underway: deque[int] = deque()  # bytes of the frames without an answer
        self._asked = 0.0  # when it was asked the last time
        out.flush()
        self.resume()
        self._thread = threading.Thread(target=self._run, name="kshell-screen", daemon=True)
        self._thread.start()

    @property
    def waits(self) -> bool:
        """Whether a frame waits."""
        return self._waits is not None

    def draw(self, lines: Sequence[str]) -> None:
        """Show these lines as soon as the terminal takes them."""
        with self._news:
            self._waits = lines
            self._news.notify()

    def send(self, sequence: str) -> None:
        """Send something else than lines, before the next line."""
        with self._news:
            self._extra += sequence
            self._news.notify()

    def answered(self) -> None:
        """The terminal has shown the oldest of the frames that were sent."""
        with self._news:
            self._answers, self._missed = True, 0
            if self._underway:
                self._underway.popleft()
            self._news.notify()

    @property
    def unanswered(self) -> float:
        """For how many seconds an answer may still come."""
        with self._news:
            limit = _LOST if self._answers else _UNKNOWN
            left = self._asked + limit - time.monotonic()
            return max(left, 0.0) if self._underway else 0.0

    def _hold(self) -> float:
        """For how many seconds the next frame waits; answers that are overdue do not come."""
        if sum(self._underway) <= _UNDERWAY and (self._answers or not self._underway):
            return 0.0
        left = self._asked + (_LOST if self._answers else _UNKNOWN) - time.monotonic()
        if left <= 0:
            self._underway.clear()
            self._missed += 1
            self._asks = self._asks and self._missed < _SILENT
        return max(left, 0.0)

    def _run(self) -> None:
        while True:
            with self._news:
                self._busy = False
                self._news.notify_all()
                while not (self._extra or self._closed):
                    hold = self._hold() if self._waits is not None else None
                    if hold == 0.0:
                        break
                    self._news.wait(hold)
                if self._closed:
                    return
                lines = None
                if self._waits is not None and not self._hold():
                    lines, self._waits = self._waits, None
                self._busy = True
            with contextlib.suppress(OSError):  # the terminal is gone: the keys' reader sees it
                self._write_lines(lines)

    def _write_lines(self, lines: Sequence[str] | None) -> None:
        if self._clear:  # here, since only this thread may change what is there
            self._clear = False
            self._there = []
            self._put("\x1b[2J")
        changed = []
        for n, line in enumerate(lines or ()):
            if n >= len(self._there) or self._there[n] != line:
                changed.append((n, line))
        if lines is not None and len(self._there) > len(lines):
            del self._there[len(lines) :]
        self._put(self._taken_extra())
        if not changed:
            return
        sent = self._put(_BEGIN)
        for n, line in changed:
            if self._closed:
                break
            sent += self._put(f"\x1b[{n + 1};1H\x1b[0m\x1b[K{line}\x1b[0m")
            self._there[n : n + 1] = [line]
        sent += self._put(_END)
        if self._asks and not self._closed:
            self._ask(sent)

    def _ask(self, sent: int) -> None:
        with self._news:  # the answer may come before the question is written
            self._underway.append(sent)
            self._asked = time.monotonic()
        self._put(_ASK)

    def _taken_extra(self) -> str:
        with self._news:
            extra, self._extra = self._extra, ""
        return extra

    def _put(self, text: str) -> int:
        """Write it; gives the number of bytes."""
        data = text.encode(self._encoding, self._errors)
        size = len(data)
        while data:
            data = data[os.write(self._fd, data) :]
        return size

    def forget(self) -> None:
        """Clear the screen before the next frame: its size is another one."""
        self._clear = True

    def resume(self) -> None:
        """Open the alternate screen again, after `pause`."""
        self._switch(_ENTER)
        self._clear = True

    def pause(self) -> None:
        """Leave the alternate screen; what waits is not drawn."""
        with self._news:
            self._waits = None
            self._news.wait_for(lambda: not self._busy, _PATIENCE)
        self._switch(_LEAVE)

    def close(self) -> None:
        """Leave the alternate screen for good; a line that is being written is finished."""
        with self._news:
            self._closed = True
            self._news.notify()
        self._thread.join()
        self._switch(self._taken_extra() + _LEAVE)

    def _switch(self, sequence: str) -> None:
        with contextlib.suppress(OSError):  # as in `_run`
            self._put(sequence)
