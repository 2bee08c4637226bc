"""Errors and notes on stderr: what is wrong, where (with a caret), and what to try.

The command line and the prompt both use it, so that their messages look the same.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from typing import IO

from kshell.errors import KshellError, Place
from kshell.terminal.sanitize import clean, clean_block
from kshell.terminal.widths import cut, end_of, width_of, wrapped

__all__ = ["Outages", "colours", "draw_error", "draws", "error_lines", "internal_error", "note"]

_NARROWEST = 12  # columns of a statement's line that are shown, at least
_BETWEEN = 5.0  # seconds between two notes about the same outage, at least


def error_lines(error: KshellError, text: str = "", width: int = 0) -> list[str]:
    """The error as lines of clean text; with the statement's line and a caret if it has a place.

    Lines are at most `width` columns long, if it is given: words wrap, the statement's line is cut.

    >>> from kshell.errors import UnknownName
    >>> e = UnknownName("topic", "ordes", ["orders"], place=Place(1, 15, 5))
    >>> print("\\n".join(error_lines(e, "SELECT * FROM ordes")))
    Error: no topic named ordes
      1 │ SELECT * FROM ordes
        │               ^^^^^
    Try: did you mean orders?
    """
    what, hint, place, text = error.what, error.hint, error.place, error.text or text
    if text and place is not None:
        from kshell.terminal.masking import masked_at, without_secrets

        what, hint = without_secrets(what, text), without_secrets(hint, text)
        text, place = masked_at(text, place)
    lines = _wrapped(f"Error: {clean_block(what)}", width)
    if place is not None and text:
        lines += _pointed(text, place, width)
    if hint:
        lines += _wrapped(f"Try: {clean_block(hint)}", width)
    return lines


def _wrapped(text: str, width: int) -> list[str]:
    if not width:
        return [text]
    return [part for line in text.split("\n") for part in wrapped(line, width)]


def _pointed(text: str, place: Place, width: int) -> list[str]:
    all_lines = text.split("\n")
    if not 1 <= place.line <= len(all_lines):
        return []
    line = all_lines[place.line - 1]
    number = str(place.line)
    margin = " " * len(number)
    # The caret stands under the shown text, in which a tab or a control character is longer.
    at, end = place.column - 1, place.column - 1 + place.length
    before, marked, after = clean(line[:at]), clean(line[at:end]), clean(line[end:])
    room = max(width - len(f"  {number} │ "), _NARROWEST)
    if width and width_of(before + marked + after) > room:
        marked = cut(marked, room // 2)
        left = room - max(width_of(marked), 1)  # the caret is one wide where nothing is marked
        most = left - min(width_of(after), room // 3)
        before = before if width_of(before) <= most else "…" + end_of(before, most - 1)
        after = cut(after, room - width_of(before + marked))
    caret = " " * width_of(before) + "^" * max(width_of(marked), 1)
    return [f"  {number} │ {before}{marked}{after}", f"  {margin} │ {caret}"]


def draw_error(error: KshellError, text: str = "", to: IO[str] | None = None) -> None:
    """Write the error to stderr, in red on a terminal."""
    to = to or sys.stderr
    lines = error_lines(error, text, shutil.get_terminal_size().columns if to.isatty() else 0)
    if colours(to):
        lines = [_coloured(line) for line in lines]
    to.write("\n".join(lines) + "\n")
    to.flush()


def internal_error(error: Exception) -> KshellError:
    """A bug in kshell, as an error that says how to see where it is."""
    return KshellError(
        f"internal error: {type(error).__name__}: {error}",
        hint="run it again with kshell --debug -e and report what it prints",
    )


def draws(to: IO[str]) -> bool:
    """Whether escape sequences may be written: on a terminal that is not dumb."""
    return to.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def colours(to: IO[str]) -> bool:
    """The same for colours, which no-color.org's variable forbids."""
    return draws(to) and not os.environ.get("NO_COLOR")


def _coloured(line: str) -> str:
    """The error and the caret in red, the hint in cyan, all else as it is."""
    if line.startswith("Error: "):
        return f"\x1b[1;31mError:\x1b[0m {line.removeprefix('Error: ')}"
    if line.startswith("Try: "):
        return f"\x1b[36mTry:\x1b[0m {line.removeprefix('Try: ')}"
    margin, bar, rest = line.partition("│ ")
    return f"\x1b[2m{margin}{bar}\x1b[0m\x1b[1;31m{rest}\x1b[0m" if "^" in rest else line


def note(text: str, to: IO[str] | None = None) -> None:
    """A remark on stderr."""
    to = to or sys.stderr
    styled = f"\x1b[2m{clean_block(text)}\x1b[0m" if colours(to) else clean_block(text)
    to.write(styled + "\n")
    to.flush()


class Outages:
    """Says on stderr what is waited for: at once, and then every few seconds while it changes."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}
        self._when: dict[str, float] = {}

    def tell(self, who: str, text: str) -> None:
        """`text` is what `who` waits for now; empty if it does not wait."""
        if not text:
            self._told.pop(who, None)
            return
        now = time.monotonic()
        if text != self._told.get(who) and now - self._when.get(who, -_BETWEEN) >= _BETWEEN:
            self._told[who], self._when[who] = text, now
            note(f"{who}: {text}")
