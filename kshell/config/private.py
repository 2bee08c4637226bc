"""Files of a person's own, which others must neither read nor write.

The rc file, config.toml and the named queries hold what may be secret, and statements that run
unasked.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

__all__ = ["create_private", "why_not_private"]


def why_not_private(path: Path) -> tuple[str, str]:
    """Why a file is not only its owner's, and a hint; both empty if it is."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        return f"{path} is not a regular file", ""
    if found.st_uid != os.geteuid():
        return f"{path} belongs to another user", ""
    if found.st_mode & 0o077:
        return f"{path} is open to other users", f"chmod 600 {path}"
    return "", ""


def create_private(path: Path, text: str) -> None:
    """Write a new file that only its owner may read; raises OSError, also if it exists."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(text)
