"""The environment of programs that kshell starts: an editor, a pager, a pipe."""

from __future__ import annotations

import os

from kshell.config import is_secret

__all__ = ["environment"]

_OURS = "KSHELL_"


def environment() -> dict[str, str]:
    """The environment of a program: without kshell's secrets."""
    return {
        name: value
        for name, value in os.environ.items()
        if not (name.startswith(_OURS) and is_secret(name.removeprefix(_OURS)))
    }
