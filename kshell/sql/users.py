"""The user's own functions by name, while a statement of their session is bound.

`session` makes them known; `functions.library` has them, each a `Function`, beside KSQL's.  What is
bound needs them no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

__all__ = ["ENTRY_POINTS", "users", "with_users"]

ENTRY_POINTS = "kshell.functions"  # the group of those that installed packages have

_users: ContextVar[dict[str, Any]] = ContextVar("users")


def users() -> dict[str, Any]:
    """Those that are known now."""
    return _users.get({})


@contextmanager
def with_users(rows: dict[str, Any]) -> Iterator[None]:
    """The user's functions by name, known inside the block."""
    before = _users.set(rows)
    try:
        yield
    finally:
        _users.reset(before)
