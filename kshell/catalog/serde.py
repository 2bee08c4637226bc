"""What each serialization format can hold.

`sql.bind.declare` checks declarations with it, `sql.bind.sinks` results.  Semantics and messages
are ksqlDB's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec
from kshell.errors import BindError
from kshell.types import BIGINT, BYTES, DOUBLE, INTEGER, STRING, ksql_name, parts, quote_ksql

__all__ = ["CAPABILITIES", "KEY", "VALUE", "Part", "check_delimiter", "check_format",
           "check_map_key", "check_options", "check_rivals", "columns_text",
           "format_named"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Capability:
    """A row: the types, the number of columns, and the WITH properties that a format accepts.

    `options` are the properties without their KEY_ or VALUE_; `wraps` are the values that
    WRAP_SINGLE_VALUE may have; `inferred` means that a schema registry knows the columns.
    """

    nested: tuple[str, ...] = ("ARRAY", "MAP", "STRUCT")
    primitives: frozenset[pa.DataType] | None = None  # None: all of them
    single: bool = False
    map_message: str = ""
    options: frozenset[str] = frozenset()
    wraps: tuple[str, ...] = ()
    inferred: bool = False


_SCHEMA = frozenset({"SCHEMA_ID", "SCHEMA_FULL_NAME", "SCHEMA_FILE"})
_BOTH = ("true", "false")
_PROTOBUF_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# In the order in which completion offers them.
CAPABILITIES: Mapping[str, Capability] = MappingProxyType(
    {
        "JSON": Capability(
            map_message="JSON only supports MAP types with STRING keys", wraps=_BOTH
        ),
        "JSON_SR": Capability(
            map_message="JSON only supports MAP types with STRING keys",
            options=_SCHEMA, wraps=_BOTH, inferred=True,
        ),
        "AVRO": Capability(
            map_message="Avro only supports MAPs with STRING keys",
            options=_SCHEMA, wraps=_BOTH, inferred=True,
        ),
        "PROTOBUF": Capability(
            map_message="PROTOBUF format only supports MAP types with STRING keys",
            options=_SCHEMA | {"PROTOBUF_NULLABLE_REPRESENTATION"}, wraps=("true",), inferred=True,
        ),
        "PROTOBUF_NOSR": Capability(
            map_message="PROTOBUF format only supports MAP types with STRING keys",
            options=frozenset(
                {"PROTOBUF_NULLABLE_REPRESENTATION", "SCHEMA_FILE", "SCHEMA_FULL_NAME"}
            ),
            wraps=("true",),
        ),
        "DELIMITED": Capability(nested=(), options=frozenset({"DELIMITER"}), wraps=("false",)),
        "KAFKA": Capability(
            nested=(),
            primitives=frozenset({INTEGER, BIGINT, DOUBLE, STRING, BYTES}),
            single=True,
            wraps=("false",),
        ),
        "NONE": Capability(),
    }
)  # fmt: skip

# How ksqlDB names a format's own properties in its messages.
_OPTION_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "DELIMITER": "delimiter",
        "SCHEMA_ID": "schemaId",
        "SCHEMA_FILE": "schemaFile",
        "SCHEMA_FULL_NAME": "fullSchemaName",
        "PROTOBUF_NULLABLE_REPRESENTATION": "nullableRepresentation",
    }
)

# Options that exclude one another, and why.
_RIVALS: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("SCHEMA_FILE", "SCHEMA_ID"): "each names the schema",
        ("SCHEMA_FILE", "PROTOBUF_NULLABLE_REPRESENTATION"): "the file's schema is as it is",
        ("SCHEMA_ID", "PROTOBUF_NULLABLE_REPRESENTATION"): "that schema is as it is",
    }
)


@dataclass(frozen=True, slots=True)
class Part:
    """A half of a record, as messages name it."""

    title: str  # Key, Value
    suffix: str  # the words after a column's type in a schema's text


KEY = Part("Key", " KEY")
VALUE = Part("Value", "")


def format_named(name: str) -> str:
    """The format's name in upper case; BindError if there is none.

    >>> format_named("json")
    'JSON'
    """
    if name.upper() not in CAPABILITIES:
        raise BindError(
            f"Unknown format: {name.upper()}", hint="formats: " + ", ".join(CAPABILITIES)
        )
    return name.upper()


def columns_text(columns: Sequence[Column], suffix: str = "") -> str:
    """A schema's text as in ksqlDB's messages.

    >>> columns_text([Column("A", INTEGER)], " KEY")
    '`A` INTEGER KEY'
    """
    return ", ".join(f"{quote_ksql(c.name)} {ksql_name(c.type)}{suffix}" for c in columns)


def check_format(format: FormatSpec, columns: Sequence[Column], part: Part) -> None:
    """BindError if the format cannot hold these columns or does not accept its properties."""
    capability = CAPABILITIES[format_named(format.name)]
    check_options(format)
    got = columns_text(columns, part.suffix)
    if format.name == "NONE" and columns:
        raise BindError(
            f"The 'NONE' format can only be used when no columns are defined. Got: [{got}]"
        )
    reason = _unsupported(format, capability, columns, got)
    if reason:
        raise BindError(
            f"{part.title} format does not support schema.\nformat: {format.name}\n"
            f"schema: Persistence{{columns=[{got}], features=[]}}\nreason: {reason}"
        )
    if format.name == "AVRO":
        _check_avro_names(columns)
    if format.name.startswith("PROTOBUF"):
        _check_protobuf_names(columns)


def check_options(format: FormatSpec) -> None:
    """BindError if the format does not accept its WITH properties."""
    capability = CAPABILITIES.get(format.name, Capability())  # BYTES has no properties
    extra = sorted(
        _OPTION_NAMES.get(name, name)
        for name in format.options
        if name not in capability.options and name != "WRAP_SINGLE_VALUE"
    )
    if extra:
        raise BindError(
            f"{format.name} does not support the following configs: [{', '.join(extra)}]"
        )
    check_rivals(format)
    name = format.options.get("SCHEMA_FULL_NAME")
    if name is not None and not name.strip():
        raise BindError("fullSchemaName cannot be empty. Format configuration: {fullSchemaName=}")


def check_rivals(format: FormatSpec) -> None:
    """BindError for two options that exclude one another."""
    for (one, other), why in _RIVALS.items():
        if one in format.options and other in format.options:
            raise BindError(f"{one} and {other} cannot both be said: {why}")


def check_delimiter(name: str, text: str) -> None:
    """BindError unless a text can be a delimiter: one character, TAB or SPACE."""
    if not text.strip():
        raise BindError(
            f"Configuration {name} is invalid: Delimiter cannot be empty, if you meant to have a "
            "tab or space for delimiter, please use the special values 'TAB' or 'SPACE'\n"
            "Example valid value: ';'"
        )
    if len(text) > 1 and text.upper() not in ("TAB", "SPACE"):
        raise BindError(
            f"Configuration {name} is invalid: Invalid delimiter value: '{text}'. Delimiter must "
            "be a single character or TAB,SPACE\nExample valid value: ';'"
        )


def _unsupported(
    format: FormatSpec, capability: Capability, columns: Sequence[Column], got: str
) -> str:
    if capability.single and len(columns) > 1:
        return f"The '{format.name}' format only supports a single field. Got: [{got}]"
    for column in columns:
        for type, nested in _types(column.type):
            kind = _kind(type)
            if kind in ("ARRAY", "MAP", "STRUCT"):
                bad = kind not in capability.nested
            else:
                bad = capability.primitives is not None and type not in capability.primitives
            if bad and not nested:
                where = "" if format.name == "KAFKA" else f", column: {quote_ksql(column.name)}"
                return f"The '{format.name}' format does not support type '{kind}'{where}"
            if kind == "MAP" and type.key_type != STRING and capability.map_message:
                return capability.map_message
    return ""


def _kind(type: pa.DataType) -> str:
    """The type's name without its parameters: ksqlDB's base type."""
    return ksql_name(type).split("<")[0].split("(")[0]


def _types(type: pa.DataType, nested: bool = False) -> Iterator[tuple[pa.DataType, bool]]:
    yield type, nested
    for each in parts(type):
        yield from _types(each, True)


def _holds_map(type: pa.DataType) -> bool:
    """Whether the type is or contains a MAP.

    >>> _holds_map(pa.list_(pa.map_(pa.string(), pa.int32())))
    True
    """
    return any(pa.types.is_map(t) for t, _ in _types(type))


def check_map_key(column: Column) -> None:
    """BindError if a key column holds a MAP: equal maps can have different bytes."""
    if _holds_map(column.type):
        raise BindError(
            "Map keys, including types that contain maps, are not supported as they may lead to "
            "unexpected behavior due to inconsistent serialization. "
            f"Key column name: {quote_ksql(column.name)}. Column type: {ksql_name(column.type)}. "
            "See https://github.com/confluentinc/ksql/issues/6621 for more."
        )


def _names(columns: Sequence[Column]) -> Iterator[str]:
    """The columns' names, each before those of the fields in it."""
    for column in columns:
        yield column.name
        for type, _ in _types(column.type):
            if pa.types.is_struct(type):
                yield from (field.name for field in type)


def _check_avro_names(columns: Sequence[Column]) -> None:
    for name in _names(columns):
        if not (name[:1].isalpha() or name[:1] == "_"):
            raise BindError(
                f"Schema is not compatible with Avro: Illegal initial character: {name}"
            )
        if not name.replace("_", "a").isalnum():
            raise BindError(f"Schema is not compatible with Avro: Illegal character in: {name}")


def _check_protobuf_names(columns: Sequence[Column]) -> None:
    for name in _names(columns):
        if not _PROTOBUF_NAME.fullmatch(name):
            raise BindError(
                f"Schema is not compatible with Protobuf: `{name}` is no name of a field"
            )
