"""The prompt's history: a file that only its owner can read, with the values of secrets masked.

`repl` gives it to prompt_toolkit.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import FileHistory

from kshell.config import state_home
from kshell.terminal.masking import masked

__all__ = ["PrivateHistory"]


class PrivateHistory(FileHistory):
    """A history file with mode 0600; in memory alone where it cannot be written."""

    def __init__(self, path: Path | None = None) -> None:
        path = path or state_home() / "history"
        self._kept = True
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
            os.chmod(path, 0o600)
        except OSError:
            self._kept = False
        super().__init__(str(path))

    def load_history_strings(self) -> Iterable[str]:
        return super().load_history_strings() if self._kept else ()

    def store_string(self, string: str) -> None:
        if self._kept:
            super().store_string(string)

    def append_string(self, string: str) -> None:
        super().append_string(masked(string))
