"""Standard output as a target: its width, colours, and what its encoding can draw.

`show` asks for one for each answer, since a terminal may change its size.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import IO, Any

from kshell.terminal.messages import note
from kshell.terminal.output import Target
from kshell.terminal.times import Times
from kshell.terminal.widths import wrapped

__all__ = ["remark", "stdout_target"]

_LEAST = 12  # columns that a terminal has at least, whatever it says
_SIGNS = "│─┼…·"
_ASCII = str.maketrans(_SIGNS, "|-+~.")  # where the terminal's encoding has no such signs


def stdout_target(
    csv_safe: bool = False, times: Times = Times.NUMBER, prompt: bool = False
) -> Target:
    """Standard output, with the width of the terminal, if it is a terminal."""
    if not sys.stdout.isatty():
        return Target(sys.stdout, csv_safe=csv_safe, times=times)
    colour = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return Target(_drawable(sys.stdout), _width(), colour, csv_safe, times, prompt)


def _width() -> int:
    return max(shutil.get_terminal_size().columns, _LEAST)


class _Ascii:
    """A terminal without lines and dots."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out

    def write(self, text: str) -> int:
        return self._out.write(text.translate(_ASCII))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._out, name)


def _drawable(out: IO[str]) -> IO[str]:
    try:
        _SIGNS.encode(getattr(out, "encoding", None) or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return _Ascii(out)  # type: ignore[return-value]
    return out


def remark(text: str) -> None:
    """A remark below an answer, wrapped at the terminal's width."""
    for line in wrapped(text, _width()):
        note(line)
