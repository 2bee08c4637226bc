"""KSQL columns as a .proto text, as ksqlDB registers them.

The message is ConnectDefault1 unless it is named, those in it ConnectDefault2 and on.  `Nullable`
is the property PROTOBUF_NULLABLE_REPRESENTATION: without it, NULL and a default are the same in
proto3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from types import MappingProxyType

import pyarrow as pa

from kshell import types
from kshell.errors import BindError

__all__ = ["Nullable", "proto_text"]


class Nullable(Enum):
    """How a scalar's NULL is written: not at all, as proto3's `optional`, or with wrappers."""

    NONE = ""
    OPTIONAL = "OPTIONAL"
    WRAPPER = "WRAPPER"


# Type → the scalar, the wrapper, or a message and the file it is in.
_SCALARS: Mapping[pa.DataType, tuple[str, str]] = MappingProxyType(
    {
        types.BOOLEAN: ("bool", "google.protobuf.BoolValue"),
        types.INTEGER: ("int32", "google.protobuf.Int32Value"),
        types.BIGINT: ("int64", "google.protobuf.Int64Value"),
        types.DOUBLE: ("double", "google.protobuf.DoubleValue"),
        types.STRING: ("string", "google.protobuf.StringValue"),
        types.BYTES: ("bytes", "google.protobuf.BytesValue"),
    }
)
_WRAPPERS = "google/protobuf/wrappers.proto"
_MESSAGES: Mapping[pa.DataType, tuple[str, str]] = MappingProxyType(
    {
        types.TIMESTAMP: ("google.protobuf.Timestamp", "google/protobuf/timestamp.proto"),
        types.DATE: ("google.type.Date", "google/type/date.proto"),
        types.TIME: ("google.type.TimeOfDay", "google/type/timeofday.proto"),
    }
)
_META, _DECIMAL = "confluent/meta.proto", "confluent/type/decimal.proto"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DEFAULT = "ConnectDefault"


def proto_text(
    fields: Iterable[pa.Field], nullable: Nullable = Nullable.NONE, name: str = ""
) -> str:
    """A proto3 file with one message of these columns; BindError for a name that cannot be one.

    `name` may have a package in front.

    >>> print(proto_text([pa.field("A", pa.int32()), pa.field("B", pa.list_(pa.string()))]))
    syntax = "proto3";
    <BLANKLINE>
    message ConnectDefault1 {
      int32 A = 1;
      repeated string B = 2;
    }
    <BLANKLINE>
    """
    package, _, bare = name.rpartition(".")
    if name and not all(_NAME.fullmatch(part) for part in name.split(".")):
        raise BindError(f"{name} is no name of a Protobuf message")
    writer = _Writer(nullable)
    body = writer.message(bare or writer.next_name(), list(fields), "")
    head = ['syntax = "proto3";', ""]
    if package:
        head += [f"package {package};", ""]
    if writer.imports:
        head += [*(f'import "{path}";' for path in sorted(writer.imports)), ""]
    return "\n".join([*head, *body, ""])


class _Writer:
    def __init__(self, nullable: Nullable) -> None:
        self.imports: set[str] = set()
        self._nullable = nullable
        self._made = 0

    def next_name(self) -> str:
        self._made += 1
        return f"{_DEFAULT}{self._made}"

    def message(self, name: str, fields: list[pa.Field], indent: str) -> list[str]:
        lines = [f"{indent}message {name} {{"]
        inner: list[str] = []
        if len({_json_name(f.name) for f in fields}) < len(fields):
            # protoc refuses A_B beside AB: both are AB in JSON, of which records have none.
            lines.append(f"{indent}  option deprecated_legacy_json_field_conflicts = true;")
        for number, field in enumerate(fields, 1):
            if not _NAME.fullmatch(field.name):
                raise BindError(
                    f"`{field.name}` is no name of a Protobuf field",
                    hint="letters, digits and _; give the column another name with AS",
                )
            type, options = self._label(field.type, inner, indent + "  ")
            lines.append(f"{indent}  {type} {field.name} = {number}{options};")
        return [*lines, *inner, f"{indent}}}"]

    def _label(self, type: pa.DataType, inner: list[str], indent: str) -> tuple[str, str]:
        if pa.types.is_list(type):
            one, options = self._one(type.value_type, inner, indent)
            return f"repeated {one}", options
        if pa.types.is_map(type):
            key, _ = self._scalar(type.key_type, Nullable.NONE)
            one, options = self._one(type.item_type, inner, indent)
            return f"map<{key}, {one}>", options
        one, options = self._one(type, inner, indent)
        optional = self._nullable is Nullable.OPTIONAL and type in _SCALARS
        return f"optional {one}" if optional else one, options

    def _one(self, type: pa.DataType, inner: list[str], indent: str) -> tuple[str, str]:
        if pa.types.is_struct(type):
            name = self.next_name()
            inner += ["", *self.message(name, list(type), indent)]
            return name, ""
        if pa.types.is_list(type) or pa.types.is_map(type):
            # No field repeats what repeats: a message stands between.
            name = self.next_name()
            inner += ["", *self.message(name, [pa.field("value", type)], indent)]
            return name, ""
        if pa.types.is_decimal(type):
            self.imports |= {_META, _DECIMAL}
            return "confluent.type.Decimal", _decimal_options(type, indent)
        return self._scalar(type, self._nullable)

    def _scalar(self, type: pa.DataType, nullable: Nullable) -> tuple[str, str]:
        if type in _MESSAGES:
            name, path = _MESSAGES[type]
            self.imports.add(path)
            return name, ""
        plain, wrapper = _SCALARS[type]
        if nullable is Nullable.WRAPPER:
            self.imports.add(_WRAPPERS)
            return wrapper, ""
        return plain, ""


def _json_name(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part[:1].upper() + part[1:] for part in rest)


def _decimal_options(type: pa.DataType, indent: str) -> str:
    pairs = (("precision", type.precision), ("scale", type.scale))
    params = ", ".join(f'{{key: "{key}", value: "{value}"}}' for key, value in pairs)
    return f" [(confluent.field_meta) = {{\n{indent}  params: [{params}]\n{indent}}}]"
