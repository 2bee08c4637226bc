"""Reads statements that show things or change the session: all but DDL and queries.

A table has the reader for each first word; `parse` uses it.  This module imports neither sqlglot
nor Arrow, so that SHOW TOPICS starts at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kshell.sql.grammar.cursor import Cursor
from kshell.sql.statements import (
    Define,
    Describe,
    DescribeFunction,
    Exit,
    Help,
    Print,
    QueryAction,
    QueryControl,
    RunScript,
    SetProperty,
    Show,
    ShowWhat,
    Spool,
    Statement,
    Undefine,
    UnsetProperty,
)

if TYPE_CHECKING:
    from kshell.catalog.model import Kind

__all__ = ["EXPLORE"]


def _show(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    all_ = cursor.take("ALL")
    what = cursor.expect_any(*(w.value for w in ShowWhat))
    return Show(what=ShowWhat(what), all=all_, extended=cursor.take("EXTENDED"), **place)


def _described(cursor: Cursor) -> Kind | None:
    """STREAMS or TABLES, meaning all of them; a topic may have that name too."""
    if not cursor.at("STREAMS") and not cursor.at("TABLES"):
        return None
    from kshell.catalog.model import Kind

    for word, kind in (("STREAMS", Kind.STREAM), ("TABLES", Kind.TABLE)):
        if cursor.at(word) and cursor.peek(1).text.upper() in ("", "EXTENDED"):
            cursor.next()
            return kind
    return None


def _describe(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    if cursor.at("FUNCTION") and cursor.peek(1).text:
        cursor.next()
        return DescribeFunction(name=cursor.name("a function's name"), **place)
    extended = bool(cursor.peek(1).text) and cursor.take("EXTENDED")
    kind = _described(cursor)
    name = None if kind is not None else cursor.topic()
    extended = cursor.take("EXTENDED") or extended
    full = name is not None and not extended and cursor.take("FULL")
    return Describe(name=name, kind=kind, extended=extended, full=full, **place)


def _print(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    topic = cursor.topic()
    from_beginning = False
    interval, limit = 1, None
    while not cursor.at_end():
        match cursor.expect_any("FROM", "INTERVAL", "SAMPLE", "LIMIT"):
            case "FROM":
                cursor.expect("BEGINNING")
                from_beginning = True
            case "LIMIT":
                limit = cursor.integer()
            case _:
                token = cursor.peek()
                interval = cursor.integer()
                if not interval:
                    raise cursor.fail("a number of 1 or more", token=token)
    return Print(
        topic=topic, from_beginning=from_beginning, interval=interval, limit=limit, **place
    )


def _property(cursor: Cursor) -> str:
    """A property's name, in quotes as in ksqlDB, or unquoted."""
    first = cursor.peek()
    if first.value != first.text:
        return cursor.next().value
    return cursor.topic().text


def _value(cursor: Cursor) -> str:
    first = cursor.peek()
    if cursor.at_end():
        raise cursor.fail("a value in single quotes")
    if first.value != first.text:
        return cursor.next().value
    negative = "-" if cursor.take("-") else ""
    return negative + cursor.topic().text


def _set(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    settings: list[tuple[str, str]] = []
    while not settings or cursor.take(","):
        name = _property(cursor)
        cursor.expect("=")
        settings.append((name, _value(cursor)))
    return SetProperty(settings=tuple(settings), **place)


def _unset(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    return UnsetProperty(name=_property(cursor), **place)


def _define(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    name = cursor.name("a variable's name").text
    cursor.expect("=")
    return Define(name=name, value=cursor.string(), **place)


def _undefine(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    return Undefine(name=cursor.name("a variable's name").text, **place)


def _run(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    cursor.expect("SCRIPT")
    return RunScript(path=cursor.string("a file in single quotes"), **place)


def _spool(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    if cursor.take("OFF"):
        return Spool(path="", **place)
    return Spool(path=cursor.string("OFF, or a file in single quotes"), **place)


def _control(action: QueryAction) -> Callable[[Cursor, Mapping[str, Any]], Statement]:
    def read(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
        query = "" if cursor.take("ALL") else cursor.topic().text
        return QueryControl(action=action, query_id=query, **place)

    return read


def _help(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    return Help(topic=cursor.unfolded_rest().strip("'\"` "), **place)


def _exit(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    return Exit(**place)


EXPLORE: Mapping[str, Callable[[Cursor, Mapping[str, Any]], Statement]] = {
    "DEFINE": _define,
    "DESCRIBE": _describe,
    "EXIT": _exit,
    "HELP": _help,
    "LIST": _show,
    "PAUSE": _control(QueryAction.PAUSE),
    "PRINT": _print,
    "QUIT": _exit,
    "RESUME": _control(QueryAction.RESUME),
    "RUN": _run,
    "SET": _set,
    "SHOW": _show,
    "SPOOL": _spool,
    "TERMINATE": _control(QueryAction.TERMINATE),
    "UNDEFINE": _undefine,
    "UNSET": _unset,
}
