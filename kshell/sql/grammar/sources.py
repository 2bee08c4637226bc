"""Statements that declare, change, fill and check streams, tables and types.

`parse` calls these by a statement's first word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kshell.errors import BindError, Unsupported
from kshell.sql.clauses import ColumnSpec, Emit, Name
from kshell.sql.grammar.cursor import Cursor
from kshell.sql.grammar.queries import QUERY_STARTS, read_enclosed, read_query, read_rows
from kshell.sql.grammar.types import read_columns, read_properties, read_type
from kshell.sql.statements import (
    AlterSource,
    AssertQuery,
    AssertSchema,
    AssertSource,
    AssertTopic,
    AssertValues,
    CreateAsSelect,
    CreateFromFile,
    CreateSource,
    CreateType,
    DropSource,
    DropType,
    InsertSelect,
    InsertValues,
    SetProperty,
    Statement,
)

if TYPE_CHECKING:
    from kshell.catalog.model import Kind

__all__ = ["SOURCES"]

Place = Mapping[str, Any]


def _kind(cursor: Cursor, *others: str) -> Kind:
    from kshell.catalog.model import Kind

    return Kind(cursor.expect_any("STREAM", "TABLE", *others))


# What CREATE makes besides streams and tables; `grammar.cluster` reads all but TYPE.
_CREATED = ("TYPE", "TOPIC", "ACL", "USER", "QUOTA", "SOURCE CONNECTOR", "SINK CONNECTOR")


def _create(cursor: Cursor, place: Place) -> Statement:
    or_replace = cursor.take("OR", "REPLACE")
    if not or_replace and cursor.take("TYPE"):
        return _create_type(cursor, place)
    read_only = cursor.take("SOURCE")
    kind = _kind(cursor, *(() if or_replace or read_only else _CREATED))
    if_not_exists = cursor.take("IF", "NOT", "EXISTS")
    name = cursor.name(f"a name for the {kind.value.lower()}")
    columns: tuple[ColumnSpec, ...] = ()
    elements = cursor.at("(")
    if elements and not cursor.take("(", ")"):
        columns = read_columns(cursor)
    if cursor.at("FROM"):
        if kind.value == "STREAM" or read_only:
            raise Unsupported(
                "the rows of a file are a table", hint="CREATE TABLE name FROM FILE 'path'",
                place=cursor.place(cursor.peek()),
            )  # fmt: skip
        cursor.expect("FROM", "FILE")
        return CreateFromFile(
            kind=kind, name=name, columns=columns, file=cursor.path(),
            or_replace=or_replace, if_not_exists=if_not_exists, **place,
        )  # fmt: skip
    properties = read_properties(cursor)
    if cursor.at("AS") and not elements and not read_only:
        cursor.next()
        return CreateAsSelect(
            kind=kind,
            name=name,
            query=read_query(cursor, continuous=True),
            properties=properties,
            or_replace=or_replace,
            if_not_exists=if_not_exists,
            **place,
        )
    if not columns and not properties:
        file = ("FROM FILE",) if kind.value == "TABLE" and not read_only else ()
        raise cursor.fail("(", "WITH", *file, *(() if elements or read_only else ("AS",)))
    return CreateSource(
        kind=kind,
        name=name,
        columns=columns,
        properties=properties,
        or_replace=or_replace,
        if_not_exists=if_not_exists,
        read_only=read_only,
        **place,
    )


def _create_type(cursor: Cursor, place: Place) -> Statement:
    if_not_exists = cursor.take("IF", "NOT", "EXISTS")
    name = cursor.name("a name for the type")
    cursor.expect("AS")
    return CreateType(name=name, type=read_type(cursor), if_not_exists=if_not_exists, **place)


def _drop(cursor: Cursor, place: Place) -> Statement:
    if cursor.take("TYPE"):
        if_exists = cursor.take("IF", "EXISTS")
        return DropType(name=cursor.name("a type's name"), if_exists=if_exists, **place)
    others = ("TYPE", "TOPIC", "GROUP", "ACL", "USER", "QUOTA", "CONNECTOR", "APPLICATION")
    kind = _kind(cursor, *others)
    if_exists = cursor.take("IF", "EXISTS")
    name = cursor.name(f"a {kind.value.lower()}'s name")
    delete = cursor.take("DELETE", "TOPIC")
    return DropSource(kind=kind, name=name, if_exists=if_exists, delete_topic=delete, **place)


def _alter(cursor: Cursor, place: Place) -> Statement:
    if cursor.take("SYSTEM"):
        name = cursor.string("a property in single quotes")
        cursor.expect("=")
        return SetProperty(settings=((name, cursor.string()),), **place)
    kind = _kind(cursor, "TOPIC", "USER", "QUOTA", "SUBJECT", "REGISTRY", "SYSTEM")
    name_ = cursor.name(f"a {kind.value.lower()}'s name")
    columns: list[ColumnSpec] = []
    while True:
        cursor.expect("ADD")
        if cursor.at("COLUMN") and cursor.peek(2).text not in ("", ","):
            cursor.next()
        columns.append(ColumnSpec(cursor.name("a name for the column"), read_type(cursor)))
        if not cursor.take(","):
            return AlterSource(kind=kind, name=name_, columns=tuple(columns), **place)


def _names(cursor: Cursor) -> tuple[Name, ...]:
    if not cursor.take("("):
        return ()
    names = [cursor.name("a column's name")]
    while cursor.take(","):
        names.append(cursor.name("a column's name"))
    cursor.expect(")")
    return tuple(names)


def _insert(cursor: Cursor, place: Place) -> Statement:
    cursor.expect("INTO")
    name = cursor.topic()
    if any(cursor.at(word) for word in QUERY_STARTS if word not in ("WITH", "(", "VALUES")):
        return InsertSelect(
            name=name, query=read_query(cursor, continuous=True), properties={}, **place
        )
    if cursor.at("WITH", "("):
        properties = read_properties(cursor)
        query = read_query(cursor, continuous=True)
        return InsertSelect(name=name, query=query, properties=properties, **place)
    columns = _names(cursor)
    if not cursor.at("VALUES"):
        raise cursor.fail("VALUES", *(() if columns else ("SELECT", "(")))
    return InsertValues(name=name, columns=columns, rows=read_rows(cursor, "VALUES"), **place)


def _timeout(cursor: Cursor) -> int:
    return cursor.duration_ms() if cursor.take("TIMEOUT") else 0


def _assert(cursor: Cursor, place: Place) -> Statement:
    exists = not cursor.take("NOT", "EXISTS")
    if exists and cursor.at("("):
        return _assert_query(cursor, place)
    options = ("TOPIC", "SCHEMA", *(("STREAM", "TABLE", "VALUES", "NULL") if exists else ()))
    match cursor.expect_any(*options):
        case "TOPIC":
            name = cursor.topic()
            properties = read_properties(cursor)
            return AssertTopic(
                name=name, properties=properties, exists=exists,
                timeout_ms=_timeout(cursor), **place,
            )  # fmt: skip
        case "SCHEMA":
            return _assert_schema(cursor, exists, place)
        case "VALUES":
            return AssertValues(insert=_asserted(cursor, "VALUES", place), **place)
        case "NULL":
            cursor.expect("VALUES")
            insert = _asserted(cursor, "KEY", place)
            return AssertValues(insert=insert, null_values=True, **place)
        case word:
            return _assert_source(cursor, word, place)


def _assert_query(cursor: Cursor, place: Place) -> Statement:
    query = read_enclosed(cursor)
    if query.emit is not Emit.BOUNDED:
        raise BindError(
            "ASSERT takes a bounded query", hint="leave EMIT out", place=query.place
        )
    within_ms = cursor.duration_ms() if cursor.take("WITHIN") else 0
    return AssertQuery(query=query, within_ms=within_ms, **place)


def _assert_schema(cursor: Cursor, exists: bool, place: Place) -> Statement:
    subject, id_ = "", None
    if cursor.take("SUBJECT"):
        subject = cursor.topic().text
    if cursor.take("ID"):
        id_ = cursor.integer()
    if not subject and id_ is None:
        raise cursor.fail("SUBJECT", "ID")
    return AssertSchema(
        subject=subject, id=id_, exists=exists, timeout_ms=_timeout(cursor), **place
    )


def _asserted(cursor: Cursor, word: str, place: Place) -> InsertValues:
    name = cursor.topic()
    columns = _names(cursor)
    if not cursor.at(word):
        raise cursor.fail(word)
    return InsertValues(name=name, columns=columns, rows=read_rows(cursor, word), **place)


def _assert_source(cursor: Cursor, word: str, place: Place) -> Statement:
    from kshell.catalog.model import Kind

    name = cursor.name(f"a {word.lower()}'s name")
    columns = read_columns(cursor) if cursor.at("(") else ()
    source = CreateSource(
        kind=Kind(word), name=name, columns=columns, properties=read_properties(cursor), **place
    )
    return AssertSource(source=source, **place)


SOURCES: Mapping[str, Callable[[Cursor, Place], Statement]] = {
    "ALTER": _alter,
    "ASSERT": _assert,
    "CREATE": _create,
    "DROP": _drop,
    "INSERT": _insert,
}
