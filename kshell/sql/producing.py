"""The statements of producers, as data: transactions, and COPY from and to files.

`grammar/producing` makes them; INSERT is with the other statements of sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kshell.sql.clauses import Name, Query
from kshell.sql.statements import Statement, statement

if TYPE_CHECKING:
    pass

__all__ = ["Begin", "Commit", "CopyFrom", "CopyTo", "Rollback"]


@statement
class Begin(Statement):
    """BEGIN: what INSERT … VALUES writes is held until COMMIT."""


@statement
class Commit(Statement):
    """COMMIT: all that is held is written in one transaction."""

    @property
    def writes(self) -> bool:
        """Always."""
        return True


@statement
class Rollback(Statement):
    """ROLLBACK: what is held is dropped."""


@statement
class CopyFrom(Statement):
    """COPY name FROM 'file' | STDIN [WITH (…)]; no file is STDIN."""

    name: Name
    file: Name | None
    options: Mapping[str, object]

    @property
    def writes(self) -> bool:
        """Always."""
        return True


@statement
class CopyTo(Statement):
    """COPY name | (query) TO 'file' | STDOUT [WITH (…)]; no file is STDOUT."""

    name: Name | None
    query: Query | None
    file: Name | None
    options: Mapping[str, object]
