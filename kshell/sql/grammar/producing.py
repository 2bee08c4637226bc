"""BEGIN, COMMIT, ROLLBACK, END and COPY; `parse` calls these by a statement's first word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kshell.errors import BindError
from kshell.sql.clauses import Emit, Name, Query
from kshell.sql.grammar.cursor import Cursor
from kshell.sql.grammar.queries import read_enclosed
from kshell.sql.grammar.types import read_properties
from kshell.sql.producing import Begin, Commit, CopyFrom, CopyTo, Rollback
from kshell.sql.queries import BeginSet, EndSet
from kshell.sql.statements import Statement

__all__ = ["PRODUCING"]

Place = Mapping[str, Any]


def _bare(made: Callable[..., Statement]) -> Callable[[Cursor, Place], Statement]:
    """A statement of one word, with SQL's WORK or TRANSACTION after it."""

    def read(cursor: Cursor, place: Place) -> Statement:
        cursor.take_any("WORK", "TRANSACTION")
        return made(**place)

    return read


def _begin(cursor: Cursor, place: Place) -> Statement:
    if cursor.take("STATEMENT"):
        cursor.expect("SET")
        return BeginSet(**place)
    return _bare(Begin)(cursor, place)


def _end(cursor: Cursor, place: Place) -> Statement:
    return EndSet(**place)


def _copy(cursor: Cursor, place: Place) -> Statement:
    if cursor.at("("):
        query = read_enclosed(cursor)
        cursor.expect("TO")
        return _to(cursor, None, query, place)
    name = cursor.topic("the name of a topic, a stream or a table, or a query in parentheses")
    if cursor.expect_any("FROM", "TO") == "TO":
        return _to(cursor, name, None, place)
    file = _file(cursor, "STDIN")
    return CopyFrom(name=name, file=file, options=read_properties(cursor), **place)


def _to(cursor: Cursor, name: Name | None, query: Query | None, place: Place) -> Statement:
    if query is not None and query.emit is not Emit.BOUNDED:
        raise BindError("COPY takes a bounded query", hint="leave EMIT out", place=query.place)
    file = _file(cursor, "STDOUT")
    options = read_properties(cursor)
    return CopyTo(name=name, query=query, file=file, options=options, **place)


def _file(cursor: Cursor, stream: str) -> Name | None:
    if cursor.take(stream):
        return None
    if not cursor.at_end() and cursor.peek().kind.value != "string":
        raise cursor.fail("a file's path in single quotes", stream)
    return cursor.path()


PRODUCING: Mapping[str, Callable[[Cursor, Place], Statement]] = {
    "BEGIN": _begin,
    "COMMIT": _bare(Commit),
    "COPY": _copy,
    "END": _end,
    "ROLLBACK": _bare(Rollback),
}
