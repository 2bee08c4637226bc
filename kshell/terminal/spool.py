"""SPOOL: writes the printed answers and messages also to a file, as plain text.

`show` starts and ends it, and `cli` ends it when kshell ends: then the file gets its name.  It
replaces standard output; the live view draws on `terminal`, so the file gets only its last frame.
"""

from __future__ import annotations

import re
import sys
from typing import IO, Any

from kshell.errors import UsageError
from kshell.whole_file import WholeFile, exists

__all__ = ["spool", "terminal"]

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class _Tee:
    """Writes text to both streams; all other calls go to the first."""

    def __init__(self, first: IO[str], whole: WholeFile) -> None:
        self.first, self.whole, self.file = first, whole, whole.file

    def write(self, text: str) -> int:
        self.file.write(_ESCAPES.sub("", text))
        return self.first.write(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        self.file.flush()
        self.first.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.first, name)


def spool(path: str, replace: bool = False) -> str:
    """Begin to write to the file, or end it if the path is empty; returns a message.

    The file is its owner's alone.  Raises UsageError for one that is there, unless `replace`.
    """
    if path and not replace and exists(path):
        raise UsageError(f"{path} exists", hint="kshell overwrites no file without asking")
    try:
        before = sys.stdout
        if isinstance(before, _Tee):
            sys.stdout = before.first
            before.flush()
            before.whole.done()
        if not path:
            return "Spooling is off."
        sys.stdout = _Tee(sys.stdout, WholeFile(path, private=True))
    except OSError as error:
        raise UsageError(f"{path or 'the spool'} cannot be written: {error.strerror}") from None
    return f"Spooling to {path}."


def terminal() -> IO[str]:
    """Standard output itself."""
    return sys.stdout.first if isinstance(sys.stdout, _Tee) else sys.stdout
