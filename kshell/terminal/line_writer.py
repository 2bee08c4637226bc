"""Writes frames to the terminal: only the lines that changed, in a thread of its own.

So a slow line delays pictures and no keys.  One frame waits at most: a newer one takes its place.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Sequence
from typing import IO

__all__ = ["LineWriter"]

_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[2J", "\x1b[0m\x1b[?25h\x1b[?1049l"
_PATIENCE = 0.3  # seconds in which the terminal takes the line that is being written


class LineWriter:
    """The alternate screen, while it is open."""

    def __init__(self, out: IO[str]) -> None:
        self._fd = out.fileno()
        self._encoding = getattr(out, "encoding", None) or "utf-8"
        self._errors = getattr(out, "errors", None) or "replace"
        self._news = threading.Condition()
        self._waits: Sequence[str] | None = None
        self._extra = ""
        self._there: list[str] = []
        self._busy = self._closed = self._clear = False
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

    def _run(self) -> None:
        while True:
            with self._news:
                self._busy = False
                self._news.notify_all()
                while not (self._waits is not None or self._extra or self._closed):
                    self._news.wait()
                if self._closed:
                    return
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
        for n, line in changed:
            if self._closed:
                return
            self._put(f"\x1b[{n + 1};1H\x1b[0m{line}\x1b[0m\x1b[K")
            self._there[n : n + 1] = [line]

    def _taken_extra(self) -> str:
        with self._news:
            extra, self._extra = self._extra, ""
        return extra

    def _put(self, text: str) -> None:
        data = text.encode(self._encoding, self._errors)
        while data:
            data = data[os.write(self._fd, data) :]

    def forget(self) -> None:
        """Clear the screen before the next frame: its size is another one."""
        self._clear = True

    def resume(self) -> None:
        """Open the alternate screen again, after `pause`."""
        self._put(_ENTER)
        self._clear = True

    def pause(self) -> None:
        """Leave the alternate screen; what waits is not drawn."""
        with self._news:
            self._waits = None
            self._news.wait_for(lambda: not self._busy, _PATIENCE)
        self._put(_LEAVE)

    def close(self) -> None:
        """Leave the alternate screen for good; a line that is being written is finished."""
        with self._news:
            self._closed = True
            self._news.notify()
        self._thread.join()
        self._put(_LEAVE)
