"""A pager for answers that are longer than the screen, and only for them.

`drawing` writes to it at a prompt.  The program is $PAGER, else `less`; without one, all is written
to the terminal.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self

from kshell.terminal.environment import environment

if TYPE_CHECKING:
    import subprocess

__all__ = ["Left", "Pager"]

_LESS = "less"
_OPTIONS = "FRX"  # as git has them: colours, no other screen, no pager for what fits


class Left(Exception):
    """The person left the pager: nothing more is to be written."""


class Pager:
    """Text that goes to the terminal, or to the pager once it is longer than `lines`."""

    def __init__(self, out: IO[str], lines: int) -> None:
        self._out, self._most = out, lines
        self._held: list[str] = []
        self._lines = 0
        self._process: subprocess.Popen[str] | None = None
        self._before: Any = None

    @property
    def began(self) -> bool:
        """Whether the text was long enough."""
        return self._process is not None

    def __enter__(self) -> Self:
        return self

    def write(self, text: str) -> int:
        """Write; raises Left."""
        if self._process is not None:
            self._send(text)
            return len(text)
        if self._most and (command := _command()):
            self._held.append(text)
            self._lines += text.count("\n")
            if self._lines > self._most:
                self._begin(command)
        else:
            self._out.write(text)
        return len(text)

    def _begin(self, command: list[str]) -> None:
        import subprocess

        held, self._held = self._held, []
        self._out.flush()
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, text=True, encoding="utf-8",
                errors="backslashreplace", env={"LESS": _OPTIONS, **environment()},
            )  # fmt: skip
        except OSError:
            self._most = 0
            self._out.write("".join(held))
            return
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the pager's
        self._send("".join(held))

    def _send(self, text: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(text)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Left from None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._out.write("".join(self._held))
        if self._process is None:
            return
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait()
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


def _command() -> list[str]:
    """The pager's command; empty if there is none."""
    import shlex

    wanted = os.environ.get("PAGER", _LESS)
    try:
        command = shlex.split(wanted)
    except ValueError:
        return []
    return command if command and command != ["cat"] and shutil.which(command[0]) else []
