"""A file that has its name when it is whole: until then it is NAME.part beside it.

SPOOL, `kshell test --report` and the registry's cache write with it.
"""

from __future__ import annotations

import os
from typing import IO

__all__ = ["WholeFile"]


class WholeFile:
    """A text file to write; `done` gives it its name.  Raises OSError.

    What is no plain file (a pipe, /dev/null) has its name from the start.
    """

    def __init__(self, path: str) -> None:
        self._path = os.path.realpath(path)
        plain = os.path.isfile(path) or not os.path.exists(path)
        self._part = f"{self._path}.part" if plain else self._path
        self.file: IO[str] = open(self._part, "w", encoding="utf-8")  # noqa: SIM115

    def done(self) -> None:
        """Close it, and put it in the place of what has its name."""
        self.file.close()
        if self._part != self._path:
            os.replace(self._part, self._path)
