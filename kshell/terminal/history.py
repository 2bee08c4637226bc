"""The prompt's history: a file that only its owner can read, without secrets.

`repl` gives it to prompt_toolkit.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from prompt_toolkit.history import FileHistory

from kshell.config import PROPERTIES, state_home

__all__ = ["PrivateHistory", "carries_secret"]

_SECRETS = re.compile(
    "|".join(re.escape(p.name) for p in PROPERTIES.values() if p.secret)
    + r"|user\.info|password|secret|token|credential|//[^/@\s]*:[^/@\s]*@",
    re.IGNORECASE,
)


def carries_secret(text: str) -> bool:
    """Whether a statement may hold a secret.

    >>> carries_secret("SET 'sasl.password'='x'"), carries_secret("SELECT 1")
    (True, False)
    """
    return _SECRETS.search(text) is not None


class PrivateHistory(FileHistory):
    """A history file with mode 0600; it does not keep statements with secrets."""

    def __init__(self, path: Path | None = None) -> None:
        path = path or state_home() / "history"
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
        os.chmod(path, 0o600)
        super().__init__(str(path))

    def append_string(self, string: str) -> None:
        if not carries_secret(string):
            super().append_string(string)
