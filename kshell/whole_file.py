"""A file that has its name when it is whole: until then it is NAME.part beside it.

SPOOL, `\\o`, named queries, `kshell test --report` and the registry's cache write with it.
"""

from __future__ import annotations

import os
from typing import IO

__all__ = ["WholeFile", "exists"]


class WholeFile:
    """A text file to write, whose buffer takes bytes; `done` gives it its name.  Raises OSError.

    What is no plain file (a pipe, /dev/null) has its name from the start.  `private`: only its
    owner can read it.
    """

    def __init__(self, path: str, private: bool = False) -> None:
        self._path = os.path.realpath(path)
        plain = os.path.isfile(path) or not os.path.exists(path)
        self._part = f"{self._path}.part" if plain else self._path
        mode = 0o600 if private else 0o666
        handle = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
        if private and plain:
            os.fchmod(handle, mode)
        self.file: IO[str] = open(handle, "w", encoding="utf-8")  # noqa: SIM115

    def done(self) -> None:
        """Close it, and put it in the place of what has its name."""
        self.file.close()
        if self._part != self._path:
            os.replace(self._part, self._path)

    def drop(self) -> None:
        """Leave what has its name as it is, and nothing of this one."""
        self.file.close()
        if self._part != self._path:
            os.unlink(self._part)


def exists(path: str) -> bool:
    """Whether there is a file that writing would replace; a pipe or /dev/null is none."""
    return os.path.isfile(os.path.expanduser(path))
