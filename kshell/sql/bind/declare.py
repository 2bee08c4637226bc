"""CREATE STREAM and CREATE TABLE over a topic: the statement becomes a `Source`, or is refused.

`catalog.Catalog` adds what comes out; `engines` call it after they looked up a schema, if a
registry has one.  The checks and their words are ksqlDB's.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

import pyarrow as pa

from kshell.catalog.model import WINDOW_COLUMNS, Column, FormatSpec, HeaderColumn, Kind, Source
from kshell.catalog.options import CREATE
from kshell.catalog.properties import With, read_with, takes_inference
from kshell.catalog.serde import (
    CAPABILITIES,
    KEY,
    VALUE,
    check_format,
    check_map_key,
    check_options,
)
from kshell.errors import BindError, KshellError, UnknownName
from kshell.sql.bind.advice import advised
from kshell.sql.bind.scope import reserved_columns
from kshell.sql.clauses import ColumnRole, ColumnSpec
from kshell.sql.statements import CreateFromFile, CreateSource
from kshell.types import BIGINT, STRING, TIMESTAMP, ksql_name, quote_ksql

__all__ = [
    "InferColumns",
    "build_source",
    "check_keyless",
    "check_timestamp",
    "declared_columns",
    "no_columns",
    "with_wrapping",
]

InferColumns = Callable[[str, str, FormatSpec], "tuple[Column, ...] | None"]
"""(topic, "key" | "value", format) → the columns that a schema registry has for it, if any."""


def no_columns(topic: str, half: str, format: FormatSpec) -> tuple[Column, ...] | None:
    """Without a registry: no columns for any topic."""
    return None


def build_source(
    statement: CreateSource,
    properties: Mapping[str, str] = MappingProxyType({}),
    infer: InferColumns = no_columns,
) -> Source:
    """The source that the statement declares.

    `properties` are SET's: the defaults of formats and of wrapping are read from them.  BindError
    has ksqlDB's message.
    """
    try:
        return _build(statement, properties, infer)
    except KshellError as error:
        raise advised(error, statement.name.place) from error.__cause__


def _build(statement: CreateSource, properties: Mapping[str, str], infer: InferColumns) -> Source:
    written = read_with(statement.properties, CREATE)
    if not written.topic:
        raise BindError('Missing required property "KAFKA_TOPIC" which has no default value.')
    default_value = str(properties.get("ksql.persistence.default.format.value") or "")
    if not written.value_format and not default_value:
        raise BindError(
            "Statement is missing the 'VALUE_FORMAT' property from the WITH clause. Either provide "
            "one or set a default via the 'ksql.persistence.default.format.value' config."
        )
    default_key = str(properties.get("ksql.persistence.default.format.key") or "KAFKA")
    key_format = written.key_spec(FormatSpec(default_key.upper()))
    value_format = written.value_spec(FormatSpec(default_value.upper()))
    _check_schema_ids(statement, written, key_format, value_format)
    check_options(key_format)
    check_options(value_format)
    reserved = (*reserved_columns(properties), *WINDOW_COLUMNS)
    key, value, headers = declared_columns(statement, reserved)
    if not key and _is_known(key_format):
        key = infer(written.topic, "key", key_format) or ()
    if not value and _is_known(value_format):
        value = infer(written.topic, "value", value_format) or ()
    _check_columns(statement, key, value, value_format)
    if written.window is not None and not key:
        raise BindError("Windowed sources require a key column.", hint="(id INT KEY, …)")
    if not key and not written.key_format:
        check_keyless(written)
        key_format = FormatSpec("NONE")
    check_format(key_format, key, KEY)
    check_format(value_format, value, VALUE)
    check_timestamp(written, (*key, *value))
    return Source(
        name=statement.name.folded(),
        kind=statement.kind,
        topic=written.topic,
        key=key,
        value=value,
        key_format=key_format,
        value_format=with_wrapping(value_format, value, properties),
        headers=headers,
        window=written.window,
        timestamp_column=written.timestamp,
        timestamp_format=written.timestamp_format,
        read_only=statement.read_only,
        sql=statement.text,
        connector=written.connector,
    )


def _is_known(format: FormatSpec) -> bool:
    """Whether a registry or a file can give the columns."""
    return takes_inference(format.name) or "SCHEMA_FILE" in format.options


def _check_schema_ids(
    statement: CreateSource, written: With, key: FormatSpec, value: FormatSpec
) -> None:
    roles = {spec.role for spec in statement.columns}
    halves = (
        ("KEY", key, written.key, {ColumnRole.KEY, ColumnRole.PRIMARY_KEY}),
        ("VALUE", value, written.value, {ColumnRole.VALUE}),
    )
    for half, format, options, own in halves:
        if "SCHEMA_ID" not in options:
            continue
        if not takes_inference(format.name):
            raise BindError(
                f"{half}_FORMAT should support schema inference when {half}_SCHEMA_ID is provided. "
                f"Current format is {format.name}."
            )
        if roles & own:
            raise BindError(
                f"Table elements and {half}_SCHEMA_ID cannot both exist for create statement."
            )


Columns = tuple[tuple[Column, ...], tuple[Column, ...], tuple[HeaderColumn, ...]]


def declared_columns(
    statement: CreateSource | CreateFromFile, reserved: Collection[str]
) -> Columns:
    """The columns of the key, of the value and of headers, as the statement writes them."""
    key: list[Column] = []
    value: list[Column] = []
    headers: list[HeaderColumn] = []
    seen: set[str] = set()
    for spec in statement.columns:
        name = spec.name.folded()
        if name in reserved:
            raise BindError(f"'{name}' is a reserved column name.", place=spec.name.place)
        if name in seen:
            raise BindError(f"Duplicate column names: {quote_ksql(name)}", place=spec.name.place)
        seen.add(name)
        if spec.role is ColumnRole.VALUE:
            value.append(Column(name, spec.type))
        elif spec.role is ColumnRole.HEADERS:
            headers.append(_header(spec, headers))
        else:
            _check_role(statement.kind, spec)
            key.append(Column(name, spec.type))
    return tuple(key), tuple(value), tuple(headers)


def _check_role(kind: Kind, spec: ColumnSpec) -> None:
    wanted = ColumnRole.KEY if kind is Kind.STREAM else ColumnRole.PRIMARY_KEY
    if spec.role is wanted:
        return
    raise BindError(
        f"Column {quote_ksql(spec.name.folded())} is a '{spec.role.value}' column: please use "
        f"'{wanted.value}' for {kind.value.lower()}s.\n"
        "Tables have PRIMARY KEYs, which are unique and NON NULL.\n"
        "Streams have KEYs, which have no uniqueness or NON NULL constraints.",
        place=spec.name.place,
    )


def _header(spec: ColumnSpec, others: list[HeaderColumn]) -> HeaderColumn:
    column = HeaderColumn(spec.name.folded(), spec.header)
    shown = "HEADERS" if spec.header is None else f"HEADER('{spec.header}')"
    if _upper_fields(spec.type) != column.type:
        raise BindError(
            f"Invalid type for {shown} column: expected {ksql_name(column.type)}, "
            f"got {ksql_name(spec.type)}",
            place=spec.name.place,
        )
    for other in others:
        if spec.header is None or other.key is None or other.key == spec.header:
            taken = "HEADERS" if other.key is None else f"HEADER('{other.key}')"
            raise BindError(f"Schema already contains a {taken} column.", place=spec.name.place)
    return column


def _upper_fields(type: pa.DataType) -> pa.DataType:
    """HEADERS' struct may be written with quoted lower-case names."""
    if pa.types.is_list(type) and pa.types.is_struct(type.value_type):
        return pa.list_(pa.struct([(f.name.upper(), f.type) for f in type.value_type]))
    return type


def _check_columns(
    statement: CreateSource,
    key: tuple[Column, ...],
    value: tuple[Column, ...],
    format: FormatSpec,
) -> None:
    if not statement.columns and not key and not value:
        hint = "declare them: (name type, …); a bounded SELECT needs no declaration"
        if takes_inference(format.name):
            hint = (
                "no schema registry knows the topic's values: give --registry URL, name one with"
                " VALUE_SCHEMA_ID or VALUE_SCHEMA_FILE, or declare the columns"
            )
        raise BindError("No columns supplied.", hint=hint)
    if statement.kind is Kind.TABLE and not key:
        raise BindError(
            "Tables require a PRIMARY KEY. Please define the PRIMARY KEY.",
            place=statement.name.place,
        )
    for column in key:
        check_map_key(column)


def check_keyless(written: With) -> None:
    """BindError if WITH speaks of keys that are not there."""
    if written.key:
        raise BindError(
            f"KEY_{next(iter(written.key))} is of the keys, and there is no key column.",
            hint="declare one: name type KEY",
        )


def check_timestamp(written: With, columns: tuple[Column, ...]) -> None:
    """BindError unless TIMESTAMP names a column of times, and TIMESTAMP_FORMAT is of such text."""
    if not written.timestamp:
        if written.timestamp_format:
            raise BindError(
                "'TIMESTAMP_FORMAT' is how a column writes the time, and 'TIMESTAMP' names none."
            )
        return
    types = {c.name: c.type for c in columns}
    if written.timestamp not in types:
        known = UnknownName("column", written.timestamp, types)
        raise BindError(
            "The TIMESTAMP column set in the WITH clause does not exist in the schema: "
            f"'{written.timestamp}'",
            hint=known.hint,
        )
    type = types[written.timestamp]
    if written.timestamp_format and type in (BIGINT, TIMESTAMP):
        raise BindError(
            "'TIMESTAMP_FORMAT' is how a STRING column writes the time, and "
            f"{quote_ksql(written.timestamp)} is {ksql_name(type)}"
        )
    if type in (BIGINT, TIMESTAMP) or (type == STRING and written.timestamp_format):
        return
    raise BindError(
        f"Timestamp column, {quote_ksql(written.timestamp)}, should be LONG(INT64), TIMESTAMP, or "
        "a String with a timestamp_format specified"
    )


def with_wrapping(
    format: FormatSpec, columns: tuple[Column, ...], properties: Mapping[str, str]
) -> FormatSpec:
    """The value's format, WRAP_SINGLE_VALUE checked or set from the property for it."""
    written = format.options.get("WRAP_SINGLE_VALUE")
    wraps = CAPABILITIES[format.name].wraps
    if written is not None:
        if len(columns) != 1:
            raise BindError("'WRAP_SINGLE_VALUE' is only valid for single-field value schemas")
        if written not in wraps:
            raise BindError(
                f"Format '{format.name}' does not support 'WRAP_SINGLE_VALUE' set to '{written}'."
            )
        return format
    default = str(properties.get("ksql.persistence.wrap.single.values") or "").lower()
    if len(columns) == 1 and default in wraps and default in ("true", "false"):
        return FormatSpec(
            format.name, MappingProxyType({**format.options, "WRAP_SINGLE_VALUE": default})
        )
    return format
