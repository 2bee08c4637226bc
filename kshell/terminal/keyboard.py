"""The terminal's modes while the prompt has it: what is typed while a statement runs is not echoed.

So `^C` and text typed ahead never stand in an answer, and Enter typed ahead stays Enter.  Programs
that a person starts, and questions, have the modes that the terminal had before.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import termios
from collections.abc import Iterator
from typing import Any

__all__ = ["lent", "no_caret", "quiet", "restore", "suspend"]

_before: list[Any] | None = None  # the modes before `quiet`


def restore() -> None:
    """The modes that the terminal had before: the process ends."""
    if _before is not None:
        _set(_before)


def _set(modes: list[Any]) -> None:
    with contextlib.suppress(termios.error, OSError, ValueError):
        termios.tcsetattr(sys.stdin.fileno(), termios.TCSANOW, modes)


def _hush(*_: object) -> None:
    """Take echo, lines and the change of Enter away; Ctrl-C and Ctrl-Z stay signals."""
    with contextlib.suppress(termios.error, OSError, ValueError):
        modes = termios.tcgetattr(sys.stdin.fileno())
        modes[0] &= ~termios.ICRNL
        modes[3] &= ~(termios.ECHO | termios.ICANON)
        _set(modes)


def suspend(*_: object) -> None:
    """Stop the process, as Ctrl-Z does; meanwhile the terminal is as it was before."""
    restore()
    handler = signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTSTP)
    signal.signal(signal.SIGTSTP, handler)  # here after fg
    if _before is not None:
        _hush()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The terminal echoes nothing inside the block, also after Ctrl-Z and fg."""
    global _before
    with contextlib.suppress(termios.error, OSError, ValueError):
        _before = termios.tcgetattr(sys.stdin.fileno())
    if _before is None:
        yield
        return
    _hush()
    resumed = signal.signal(signal.SIGCONT, _hush)
    stopped = signal.signal(signal.SIGTSTP, suspend)
    try:
        yield
    finally:
        signal.signal(signal.SIGCONT, resumed)
        signal.signal(signal.SIGTSTP, stopped)
        _set(_before)
        _before = None


@contextlib.contextmanager
def no_caret() -> Iterator[None]:
    """The terminal echoes no `^C` inside the block; all else is as before `quiet`."""
    try:
        at_entry = termios.tcgetattr(sys.stdin.fileno())
        modes = [*(_before or at_entry)]
        modes[3] &= ~termios.ECHOCTL
    except (termios.error, OSError, ValueError):
        yield
        return
    _set(modes)
    try:
        yield
    finally:
        _set(at_entry)


@contextlib.contextmanager
def lent() -> Iterator[None]:
    """The terminal for a program or a question: as before `quiet`; Ctrl-C there ends the line."""
    with no_caret():
        try:
            yield
        except KeyboardInterrupt:
            print()
            raise
