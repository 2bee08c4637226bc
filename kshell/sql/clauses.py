"""Parts that several kinds of statements have: names, columns, a query and its clauses.

`grammar` makes them; names keep how they were written, because binding decides what they mean.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from kshell.errors import ParseError, Place

if TYPE_CHECKING:  # SHOW TOPICS answers in 150 ms: it cannot wait for Arrow and sqlglot
    import pyarrow as pa
    from sqlglot import exp

    from kshell.catalog.model import WindowType

__all__ = ["AtGroup", "ColumnRole", "ColumnSpec", "Emit", "Name", "Number", "Position", "Query",
           "WindowClause", "Within"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Name:
    """An identifier as written, and whether it was quoted."""

    text: str
    quoted: bool = False
    place: Place | None = None

    def folded(self) -> str:
        """KSQL's name: upper case unless quoted."""
        return self.text if self.quoted else self.text.upper()


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number, and where it stands."""

    value: int
    place: Place | None = None


class Emit(Enum):
    """How a query answers: bounded (no EMIT), EMIT CHANGES or EMIT FINAL."""

    BOUNDED = "BOUNDED"
    CHANGES = "CHANGES"
    FINAL = "FINAL"


@dataclass(frozen=True, slots=True)
class WindowClause:
    """WINDOW …: sizes in milliseconds; None where not written.

    `advance_ms` is HOPPING's; `size_ms` is SESSION's inactivity gap and SLIDING's time difference.
    """

    type: WindowType
    size_ms: int
    advance_ms: int | None = None
    retention_ms: int | None = None
    grace_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Within:
    """WITHIN n unit, or WITHIN (before, after), [GRACE PERIOD n unit]; in milliseconds."""

    before_ms: int
    after_ms: int
    grace_ms: int | None = None


@dataclass(frozen=True, slots=True)
class AtGroup:
    """source AT GROUP group: the source is read from where the group stands."""

    source: Name
    group: Name


@dataclass(frozen=True, slots=True)
class Query:
    """A SELECT: the sqlglot tree without the KSQL clauses, and those clauses beside it.

    A join's `WITHIN` is `join.args["within"]`, a `Within`.  LIMIT stays in the tree.  `text` is how
    it was written, KSQL clauses and all, and `place` where it begins.  `unread` says why sqlglot
    could not read it: then the tree is empty, and the query is for DuckDB to understand.
    `groups` are in neither: the text has spaces there.
    """

    tree: exp.Query
    emit: Emit = Emit.BOUNDED
    window: WindowClause | None = None
    partition_by: tuple[exp.Expr, ...] = ()
    text: str = ""
    place: Place = field(default=Place(1, 1))
    unread: ParseError | None = None
    groups: tuple[AtGroup, ...] = ()


class ColumnRole(Enum):
    """What follows a column's type in a declaration."""

    VALUE = ""
    KEY = "KEY"
    PRIMARY_KEY = "PRIMARY KEY"
    HEADERS = "HEADERS"


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A declared column; `header` is the key of HEADER('key')."""

    name: Name
    type: pa.DataType
    role: ColumnRole = ColumnRole.VALUE
    header: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """A place in each partition of a topic: an offset (BEGINNING is 0), so many before the end (END
    is 0), or a moment as written."""

    offset: int | None = None
    before_end: int | None = None
    moment: str = ""
    place: Place | None = None
