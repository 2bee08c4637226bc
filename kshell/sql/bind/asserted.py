"""Binds the records and sources in ASSERT: `engines` and `cases` compare with the result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from kshell.catalog.catalog import Catalog
from kshell.catalog.model import WINDOW_COLUMNS, FormatSpec, Source, TopicSettings
from kshell.catalog.options import ASSERT_TOPIC
from kshell.catalog.properties import read_with
from kshell.errors import BindError, UnknownName
from kshell.sql.bind.declare import InferColumns, build_source
from kshell.sql.bind.expressions import Binder
from kshell.sql.bind.literals import check_width, coerce
from kshell.sql.bind.scope import Scope
from kshell.sql.expressions import Expression
from kshell.sql.statements import AssertSource, AssertTopic, AssertValues
from kshell.types import BIGINT, ksql_name

__all__ = ["asserted_settings", "asserted_source", "bind_asserted", "record_text"]


def bind_asserted(
    statement: AssertValues, source: Source, types: Mapping[str, pa.DataType]
) -> list[dict[str, Expression]]:
    """The expected columns of each record, an expression without columns for each.

    NULL VALUES name the key's columns only; ROWTIME and a window's bounds may be named too.
    """
    insert = statement.insert
    own = source.key if statement.null_values else tuple(source.columns())
    known = {c.name: c.type for c in own} | {"ROWTIME": BIGINT}
    if source.window is not None:
        known |= dict.fromkeys(WINDOW_COLUMNS, BIGINT)
    names = [n.folded() for n in insert.columns] or [c.name for c in own]
    for name in names:
        if name not in known:
            raise UnknownName("column", name, known, place=insert.name.place)
    binder = Binder(Scope(()), "VALUES", types)
    out = []
    for row in insert.rows:
        check_width(names, row, insert.name.place)
        pairs = zip(names, row, strict=True)
        out.append({name: coerce(binder.bind(value), known[name]) for name, value in pairs})
    return out


def record_text(columns: Mapping[str, Any]) -> str:
    """A record's columns as messages have them."""
    return ", ".join(f"{name} {value!r}" for name, value in columns.items())


def asserted_settings(statement: AssertTopic) -> TopicSettings:
    """The topic's settings in ASSERT TOPIC; ASSERT NOT EXISTS TOPIC cannot have any."""
    said = read_with(statement.properties, ASSERT_TOPIC).settings
    if not statement.exists and said != TopicSettings():
        raise BindError(
            "ASSERT NOT EXISTS TOPIC takes no WITH: a topic that is not there has no settings",
            place=statement.place,
        )
    return said


def asserted_source(
    statement: AssertSource, catalog: Catalog, properties: Mapping[str, str], infer: InferColumns
) -> Source:
    """The source that ASSERT STREAM|TABLE speaks of.

    Raises UnknownName if there is none, BindError if it is another than is said.
    """
    wanted = build_source(statement.source, properties, infer)
    found = catalog.sources.get(wanted.name)
    if found is None:
        raise UnknownName(
            "source", wanted.name, catalog.sources,
            what=f"{wanted.kind.value} {wanted.name} does not exist.", place=statement.place,
        )  # fmt: skip
    wrong = _difference(wanted, found)
    if wrong:
        raise BindError(wrong, place=statement.place)
    return found


def _difference(wanted: Source, found: Source) -> str:
    for what, expected, actual in (
        ("type", wanted.kind.value, found.kind.value),
        ("topic", wanted.topic, found.topic),
        ("schema", _columns(wanted), _columns(found)),
        ("key format", _format(wanted.key_format), _format(found.key_format)),
        ("value format", _format(wanted.value_format), _format(found.value_format)),
        ("timestamp column", wanted.timestamp_column, found.timestamp_column),
        ("timestamp format", wanted.timestamp_format, found.timestamp_format),
        ("window", wanted.window, found.window),
        ("connector", wanted.connector, found.connector),
    ):
        if expected != actual:
            return (
                f"Expected {what} does not match actual for source {wanted.name}: "
                f"expected {expected}, actual {actual}."
            )
    return ""


def _format(format: FormatSpec) -> str:
    """A format with its options: JSON (WRAP_SINGLE_VALUE=false)."""
    options = ", ".join(f"{name}={value}" for name, value in sorted(format.options.items()))
    return f"{format.name} ({options})" if options else format.name


def _columns(source: Source) -> list[str]:
    return [f"{c.name} {ksql_name(c.type)}" for c in (*source.key, *source.value)]
