"""The terminal while a live view has it: keys come one by one, and Ctrl-Z gives it back until fg.

`live` reads keys with it.
"""

from __future__ import annotations

import contextlib
import select
import signal
import sys
import termios
import time
import tty
from collections.abc import Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any

from kshell.terminal.keyboard import suspend
from kshell.terminal.line_writer import LineWriter

if TYPE_CHECKING:
    from prompt_toolkit.key_binding.key_processor import KeyPress

__all__ = ["Keys", "name_of"]

_ESCAPE = 0.05  # seconds after Esc in which more bytes make it another key
_ANSWER = "<cursor-position-response>"  # prompt_toolkit's name


def name_of(key: KeyPress) -> str:
    """Its name in prompt_toolkit."""
    return str(getattr(key.key, "value", key.key))


class Keys:
    """Reads keys with prompt_toolkit's parser; the terminal's answers are the screen's.

    At the end the screen is closed.  SIGTSTP is Ctrl-Z, and after SIGCONT the terminal is taken
    again: `resumed` is then set.
    """

    def __init__(self, screen: LineWriter) -> None:
        from prompt_toolkit.input.vt100 import Vt100Input

        self._screen = screen
        self._input: Vt100Input = Vt100Input(sys.stdin)
        self._fd = sys.stdin.fileno()
        self._flush_at: float | None = None  # Esc may begin another key until then
        self._before: list[Any] = []
        self._handlers: dict[int, Any] = {}
        self._stopped = self.resumed = False

    def __enter__(self) -> Keys:
        self._before = termios.tcgetattr(self._fd)
        self._raw()
        with contextlib.suppress(ValueError):  # not in the main thread
            self._handlers[signal.SIGTSTP] = signal.signal(signal.SIGTSTP, self._stop)
            self._handlers[signal.SIGCONT] = signal.signal(signal.SIGCONT, self._resume)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._screen.close()
        self._settle()
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._fd, termios.TCSANOW, self._before)

    def _raw(self) -> None:
        """Ctrl-C and Ctrl-Z are keys."""
        with contextlib.suppress(termios.error):  # it is gone: `read` says so
            tty.setcbreak(self._fd)
            mode = termios.tcgetattr(self._fd)
            mode[3] &= ~(termios.ISIG | termios.IEXTEN)
            termios.tcsetattr(self._fd, termios.TCSANOW, mode)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopped = True  # `read` gives it as a key

    def _resume(self, number: int = 0, frame: FrameType | None = None) -> None:
        self._raw()
        self._screen.resume()
        self.resumed = True

    def suspend(self) -> None:
        """Stop the process; the terminal is as before until fg."""
        self._screen.pause()
        self._settle()
        termios.tcsetattr(self._fd, termios.TCSANOW, self._before)
        suspend()
        self._resume()

    def read(self, news: Sequence[int], until: float) -> list[KeyPress]:
        """The pressed keys; waits until then, or until there are changes."""
        from prompt_toolkit.key_binding.key_processor import KeyPress
        from prompt_toolkit.keys import Keys as Names

        if self._stopped:
            self._stopped = False
            return [KeyPress(Names.ControlZ)]
        now = time.monotonic()
        until = until if self._flush_at is None else min(until, self._flush_at)
        waited = [self._fd, *news]
        ready, _, _ = select.select(waited, [], [], max(until - now, 0))
        if self._fd in ready:
            read = self._input.read_keys()
            keys = [key for key in read if name_of(key) != _ANSWER]
            for _ in range(len(read) - len(keys)):
                self._screen.answered()
            self._flush_at = time.monotonic() + _ESCAPE
            gone = self._input.closed  # the terminal: then nothing is left to close or to type
            return [*keys, KeyPress(Names.ControlC)] if gone else keys
        if self._flush_at is not None and time.monotonic() >= self._flush_at:
            self._flush_at = None
            return self._input.flush_keys()
        return []

    def _settle(self) -> None:
        """Read the answers that are still to come, which nobody else expects.

        Keys beside them are lost.
        """
        while (left := self._screen.unanswered) and not self._input.closed:
            self.read([], time.monotonic() + left)
