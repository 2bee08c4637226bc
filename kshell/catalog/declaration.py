"""Writes the CREATE statement of a source, or of a type, from the catalog's own data.

`engines/local/kept_catalog` and SAVE QUERIES write files with it.  A source that a query made has
the declaration of its topic, without the query.
"""

from __future__ import annotations

import os

import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec, HeaderColumn, Kind, Source
from kshell.types import ksql_name, quote_ksql

__all__ = ["source_text", "type_text"]

_WHOLE = "WRAP_SINGLE_VALUE"  # the one option of values that has no half in its name


def type_text(name: str, type: pa.DataType) -> str:
    """CREATE TYPE, with the type written out."""
    return f"CREATE TYPE {quote_ksql(name)} AS {ksql_name(type)}"


def source_text(source: Source) -> str:
    """CREATE STREAM or CREATE TABLE, which declares the same source when it is run.

    The columns that a registry gave stand in it, unless an id names the schema.
    """
    read_only = "SOURCE " if source.read_only else ""
    head = f"CREATE {read_only}{source.kind.value} {quote_ksql(source.name)}"
    columns = ", ".join(_columns(source))
    if columns:
        head += f" ({columns})"
    if source.file is not None:
        return f"{head} FROM FILE {_string(_absolute(source.file.path))}"
    options = ", ".join(f"{name}={_string(value)}" for name, value in _options(source).items())
    return f"{head} WITH ({options})"


def _string(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def _columns(source: Source) -> list[str]:
    role = "KEY" if source.kind is Kind.STREAM else "PRIMARY KEY"
    key: tuple[Column, ...] = () if _by_id(source.key_format) else source.key
    value: tuple[Column, ...] = () if _by_id(source.value_format) else source.value
    if source.file is not None and not source.key:
        value = ()  # they are the file's own
    return [
        *(f"{quote_ksql(c.name)} {ksql_name(c.type)} {role}" for c in key),
        *(f"{quote_ksql(c.name)} {ksql_name(c.type)}" for c in value),
        *map(_header, source.headers),
    ]


def _by_id(format: FormatSpec) -> bool:
    return "SCHEMA_ID" in format.options


def _header(column: HeaderColumn) -> str:
    which = "HEADERS" if column.key is None else f"HEADER({_string(column.key)})"
    return f"{quote_ksql(column.name)} {ksql_name(column.type)} {which}"


def _options(source: Source) -> dict[str, str]:
    """The options of WITH by name."""
    options = {"KAFKA_TOPIC": source.topic}
    if source.key or source.key_format.name != "NONE":
        options["KEY_FORMAT"] = source.key_format.name
    options["VALUE_FORMAT"] = source.value_format.name
    for half, format in (("KEY", source.key_format), ("VALUE", source.value_format)):
        for name, value in format.options.items():
            name = name if name == _WHOLE else f"{half}_{name}"
            options[name] = _absolute(value) if name.endswith("_SCHEMA_FILE") else value
    if source.timestamp_column:
        options["TIMESTAMP"] = quote_ksql(source.timestamp_column)
    if source.timestamp_format:
        options["TIMESTAMP_FORMAT"] = source.timestamp_format
    if source.window is not None:
        options["WINDOW_TYPE"] = source.window.type.value
        if source.window.size_ms is not None:
            options["WINDOW_SIZE"] = f"{source.window.size_ms} MILLISECONDS"
    if source.connector:
        options["SOURCED_BY_CONNECTOR"] = source.connector
    return options
