"""Finds the compiled writer of rows, for codecs that have a twin of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kshell.catalog.model import Column
from kshell.compiled import compiled

__all__ = ["row_writer"]

_compiled: Any = getattr(compiled("kshell.formats._write"), "Writer", None)


def row_writer(
    columns: Sequence[Column], json: Callable[[str], bytes] | None = None, **how: Any
) -> Any:
    """A `_write.Writer` of the columns; None if it was not built, or does not write their types."""
    if _compiled is None:
        return None
    try:
        return _compiled([(c.name, c.type) for c in columns], json, **how)
    except TypeError:
        return None
