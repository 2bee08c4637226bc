"""Arrays for table functions, as in ksqlDB.

The rows of `library/tables.toml` name these.
"""

from __future__ import annotations

from typing import Any

from kshell.sql.java.text import takes_nulls

__all__ = ["cube"]


@takes_nulls
def cube(values: list[Any] | None) -> list[list[Any]]:
    """The values with every combination of them set to NULL; the last one changes fastest.

    >>> cube([1, 2])
    [[None, None], [None, 2], [1, None], [1, 2]]
    """
    if values is None:
        return []
    rows: list[list[Any]] = [[]]
    for value in values:
        choices = [None] if value is None else [None, value]
        rows = [[*row, choice] for row in rows for choice in choices]
    return rows
