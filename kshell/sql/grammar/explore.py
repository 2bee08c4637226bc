"""Reads statements that show things or change the session: all but DDL and queries.

A table has the reader for each first word; `parse` uses it.  This module imports neither sqlglot
nor Arrow, so that SHOW TOPICS starts at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kshell.errors import ParseError
from kshell.sql.clauses import Name, Position
from kshell.sql.grammar.cursor import Cursor
from kshell.sql.grammar.services import describe_connector, diff
from kshell.sql.queries import DescribeQuery, QueryAction, QueryControl, SaveQueries
from kshell.sql.statements import (
    Define,
    Describe,
    DescribeFunction,
    DescribeGroup,
    Exit,
    Help,
    History,
    Print,
    RunScript,
    SetProperty,
    Show,
    ShowWhat,
    Spool,
    Statement,
    Undefine,
    UnsetProperty,
)
from kshell.sql.tokens import Kind

if TYPE_CHECKING:
    from kshell.catalog.model import Kind as SourceKind

__all__ = ["EXPLORE"]


def _show(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    all_ = cursor.take("ALL")
    if cursor.take("SYSTEM"):
        cursor.expect("TABLES")
        what = ShowWhat.SYSTEM_TABLES
    elif (type := cursor.take_any("SOURCE", "SINK")):
        cursor.expect("CONNECTORS")
        return Show(what=ShowWhat.CONNECTORS, all=all_, type=type.lower(), **place)
    elif cursor.take("CONNECTOR"):
        cursor.expect("PLUGINS")
        what = ShowWhat.PLUGINS
    else:
        words = (*(w.value for w in ShowWhat if " " not in w.value), "SYSTEM")
        what = ShowWhat(cursor.expect_any(*words))
    of: dict[str, Any] = {}
    if what in _OF_SUBJECTS and not (cursor.at_end() or cursor.at("EXTENDED")):
        of = {"subject": cursor.topic("the name of a subject")}
    elif what is ShowWhat.CONFIGS and cursor.peek(1).text and cursor.take("BROKER"):
        of = {"broker": cursor.integer("a broker's number")}
    elif what in _OF_TOPICS and not cursor.at_end() and not cursor.at("EXTENDED"):
        of = {"topic": cursor.topic()}
    return Show(what=what, all=all_, extended=cursor.take("EXTENDED"), **of, **place)


_OF_SUBJECTS = (ShowWhat.SCHEMAS, ShowWhat.COMPATIBILITY)
_OF_TOPICS = (ShowWhat.PARTITIONS, ShowWhat.CONFIGS, ShowWhat.PRODUCERS)


def _described(cursor: Cursor) -> SourceKind | None:
    """STREAMS or TABLES, meaning all of them; a topic may have that name too."""
    if not cursor.at("STREAMS") and not cursor.at("TABLES"):
        return None
    from kshell.catalog.model import Kind as SourceKind

    for word, kind in (("STREAMS", SourceKind.STREAM), ("TABLES", SourceKind.TABLE)):
        if cursor.at(word) and cursor.peek(1).text.upper() in ("", "EXTENDED"):
            cursor.next()
            return kind
    return None


def _describe(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    if cursor.at("FUNCTION") and cursor.peek(1).text:
        cursor.next()
        return DescribeFunction(name=cursor.name("a function's name"), **place)
    if cursor.at("GROUP") and cursor.peek(1).text:
        cursor.next()
        return DescribeGroup(name=cursor.topic(), **place)
    if cursor.at("QUERY") and cursor.peek(1).text:
        cursor.next()
        return DescribeQuery(name=cursor.topic("the id of a query"), **place)
    if cursor.at("CONNECTOR") and cursor.peek(1).text and not cursor.at("CONNECTOR", "EXTENDED"):
        cursor.next()
        return describe_connector(cursor, place)
    extended = bool(cursor.peek(1).text) and cursor.take("EXTENDED")
    kind = _described(cursor)
    name = None if kind is not None else cursor.topic()
    extended = cursor.take("EXTENDED") or extended
    full = name is not None and not extended and cursor.take("FULL")
    return Describe(name=name, kind=kind, extended=extended, full=full, **place)


_PRINT = ("PARTITION", "FROM", "TO", "LAST", "WHERE", "INTERVAL", "SAMPLE", "LIMIT")
_WITHOUT_LAST = ("FROM", "TO", "INTERVAL", "SAMPLE", "LIMIT")  # what LAST n says all of


def _print(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    topic = cursor.topic()
    found: dict[str, Any] = {}
    seen: list[str] = []
    while not cursor.at_end():
        token = cursor.peek()
        word = cursor.expect_any(*(w for w in _PRINT if w not in seen))
        if "LAST" in (word, *seen) and {word, *seen} & set(_WITHOUT_LAST):
            raise ParseError(
                f"PRINT … LAST n takes no {word if word != 'LAST' else seen[-1]}",
                hint="FROM -n TO END is the last n of each partition", place=cursor.place(token),
            )  # fmt: skip
        seen.append(word)
        found |= _where(cursor, topic) if word == "WHERE" else _PRINTED[word](cursor)
    return Print(topic=topic, **found, **place)


def _partition(cursor: Cursor) -> dict[str, Any]:
    return {"partition_place": cursor.place(cursor.peek()), "partition": cursor.integer()}


def _position(cursor: Cursor) -> Position:
    """BEGINNING, END, an offset, -n (so many before the end), or a moment in quotes."""
    token = cursor.peek()
    place = cursor.place(token)
    if cursor.take("BEGINNING"):
        return Position(offset=0, place=place)
    if cursor.take("END"):
        return Position(before_end=0, place=place)
    if cursor.take("-"):
        return Position(before_end=cursor.integer(), place=place)
    if token.kind is Kind.STRING:
        return Position(moment=cursor.next().value, place=place)
    if token.kind is not Kind.NUMBER:
        raise cursor.fail("BEGINNING", "END", "an offset", "-n", "a moment in single quotes")
    return Position(offset=cursor.integer(), place=place)


def _where(cursor: Cursor, topic: Name) -> dict[str, Any]:
    """A condition: up to LIMIT n at the end, or all."""
    from kshell.sql.grammar.queries import read_condition

    limit = cursor.tokens[-2:]
    last = len(limit) == 2 and limit[0].upper == "LIMIT" and limit[1].kind is Kind.NUMBER
    end = len(cursor.tokens) - (2 if last else 0)
    return {"where": read_condition(cursor, end, topic)}


def _each(cursor: Cursor) -> dict[str, Any]:
    token = cursor.peek()
    interval = cursor.integer()
    if not interval:
        raise cursor.fail("a number of 1 or more", token=token)
    return {"interval": interval}


_PRINTED: Mapping[str, Callable[[Cursor], dict[str, Any]]] = {
    "PARTITION": _partition,
    "FROM": lambda cursor: {"start": _position(cursor)},
    "TO": lambda cursor: {"stop": _position(cursor)},
    "LAST": lambda cursor: {"last": cursor.integer()},
    "INTERVAL": _each,
    "SAMPLE": _each,
    "LIMIT": lambda cursor: {"limit": cursor.integer()},
}


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


def _save(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    cursor.expect("QUERIES", "TO")
    return SaveQueries(path=cursor.path().text, **place)


def _help(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    return Help(topic=cursor.unfolded_rest().strip("'\"` "), **place)


def _history(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    cursor.expect("OF")
    key = _key(cursor)
    cursor.expect("IN")
    return History(key=key, topic=cursor.topic(), **place)


def _key(cursor: Cursor) -> Name:
    """A text in quotes, or a number."""
    first = cursor.peek()
    if first.kind is Kind.STRING:
        return Name(cursor.next().value, True, cursor.place(first))
    sign = "-" if cursor.take("-") else ""
    if cursor.peek().kind is not Kind.NUMBER:
        raise cursor.fail("a key: text in single quotes, or a number")
    last = cursor.next()
    return Name(sign + last.text, False, cursor.place_of(first.start, last.end))


def _exit(cursor: Cursor, place: Mapping[str, Any]) -> Statement:
    return Exit(**place)


EXPLORE: Mapping[str, Callable[[Cursor, Mapping[str, Any]], Statement]] = {
    "DEFINE": _define,
    "DESCRIBE": _describe,
    "DIFF": diff,
    "EXIT": _exit,
    "HELP": _help,
    "HISTORY": _history,
    "LIST": _show,
    "PAUSE": _control(QueryAction.PAUSE),
    "PRINT": _print,
    "QUIT": _exit,
    "RESUME": _control(QueryAction.RESUME),
    "RUN": _run,
    "SAVE": _save,
    "SET": _set,
    "SHOW": _show,
    "SPOOL": _spool,
    "TERMINATE": _control(QueryAction.TERMINATE),
    "UNDEFINE": _undefine,
    "UNSET": _unset,
}
