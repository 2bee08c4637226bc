"""Standard output as a target: its width, and its colours.

`show` asks for one for each answer, since a terminal may change its size.
"""

from __future__ import annotations

import shutil
import sys

from kshell.terminal.messages import colours, note
from kshell.terminal.output import Target
from kshell.terminal.times import Times
from kshell.terminal.widths import wrapped

__all__ = ["remark", "stdout_target"]

_LEAST = 12  # columns that a terminal has at least, whatever it says


def stdout_target(
    csv_safe: bool = False, times: Times = Times.NUMBER, prompt: bool = False
) -> Target:
    """Standard output, with the width of the terminal, if it is a terminal."""
    if not sys.stdout.isatty():
        return Target(sys.stdout, csv_safe=csv_safe, times=times)
    return Target(sys.stdout, _width(), colours(sys.stdout), csv_safe, times, prompt)


def _width() -> int:
    return max(shutil.get_terminal_size().columns, _LEAST)


def remark(text: str) -> None:
    """A remark below an answer, wrapped at the terminal's width."""
    for line in wrapped(text, _width()):
        note(line)
