"""KSQL's types, names and constants in Flink SQL.

Every piece of Flink SQL that a person's text could reach is quoted here.
"""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from kshell.errors import Unsupported
from kshell.types import ksql_name

__all__ = ["flink_type", "interval", "literal", "millis", "quote", "span", "text", "timestamp"]

_NAMES = {
    pa.bool_(): "BOOLEAN", pa.int32(): "INT", pa.int64(): "BIGINT", pa.float64(): "DOUBLE",
    pa.string(): "STRING", pa.binary(): "BYTES", pa.date32(): "DATE",
    pa.timestamp("ms"): "TIMESTAMP_LTZ(3)",
}  # fmt: skip
_UNITS = {
    "MILLISECOND": 1, "SECOND": 1000, "MINUTE": 60_000, "HOUR": 3_600_000, "DAY": 86_400_000,
    "WEEK": 604_800_000,
}  # fmt: skip
_MOST_DAYS = 99  # of an interval's default precision, the only one that Flink takes


def quote(name: str) -> str:
    """A name as an identifier.

    >>> quote("a") == chr(96) + "a" + chr(96)
    True
    """
    return "`" + name.replace("`", "``") + "`"


def text(value: str) -> str:
    """A string constant as an option has it."""
    return "'" + value.replace("'", "''") + "'"


def flink_type(type: pa.DataType) -> str:
    """Flink's name of a type; raises Unsupported.

    >>> flink_type(pa.struct([("A", pa.list_(pa.int32()))]))
    'ROW<`A` ARRAY<INT>>'
    """
    if pa.types.is_struct(type):
        return f"ROW<{', '.join(f'{quote(f.name)} {flink_type(f.type)}' for f in type)}>"
    if pa.types.is_list(type):
        return f"ARRAY<{flink_type(type.value_type)}>"
    if pa.types.is_map(type):
        return f"MAP<{flink_type(type.key_type)}, {flink_type(type.item_type)}>"
    if pa.types.is_decimal(type):
        return f"DECIMAL({type.precision}, {type.scale})"
    if pa.types.is_null(type):
        return "STRING"
    if type not in _NAMES:
        raise Unsupported(
            f"{ksql_name(type)} has no equal on Flink", hint="SET 'kshell.engine'='local' runs it"
        )
    return _NAMES[type]


def literal(value: Any, type: pa.DataType) -> str:
    """A constant of a type.  Texts are cast: Flink's own would be CHAR(n), filled with spaces."""
    if value is None:
        return f"CAST(NULL AS {flink_type(type)})"
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, str):
        return f"CAST({text(value)} AS STRING)"
    if isinstance(value, bytes):
        return f"CAST(X'{value.hex().upper()}' AS BYTES)"
    if isinstance(value, float):
        return f"CAST({text(repr(value))} AS DOUBLE)"
    if isinstance(value, int | Decimal):
        return f"CAST({value} AS {flink_type(type)})"
    if isinstance(value, datetime.datetime):
        return f"TO_TIMESTAMP_LTZ({round(value.timestamp() * 1000)}, 3)"
    if isinstance(value, datetime.date):
        return f"DATE {text(value.isoformat())}"
    raise Unsupported(f"the constant {value!r} has no equal on Flink")


def span(unit: str) -> int | None:
    """How many milliseconds a unit of time has; None for one without a length of its own."""
    return _UNITS.get(unit.upper().removesuffix("S"))


def interval(ms: int) -> str:
    """A span of time; raises Unsupported for one that Flink's intervals cannot hold.

    >>> interval(61_001)
    "INTERVAL '0 00:01:01.001' DAY TO SECOND(3)"
    """
    seconds, rest = divmod(ms, 1000)
    days, seconds = divmod(seconds, 86_400)
    if days > _MOST_DAYS:
        raise Unsupported(f"a span of {days} days has no equal on Flink", hint="99 days at most")
    clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:03d}"
    return f"INTERVAL '{days} {clock}' DAY TO SECOND(3)"


def millis(moment: str) -> str:
    """A TIMESTAMP_LTZ as milliseconds since 1970."""
    return f"(EXTRACT(EPOCH FROM {moment}) * 1000 + EXTRACT(MILLISECOND FROM {moment}))"


def timestamp(moment: str) -> str:
    """A time without its being Flink's time attribute, as MAX and sinks want it."""
    return f"CAST({moment} AS TIMESTAMP_LTZ(3))"
