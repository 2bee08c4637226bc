"""INSERT INTO topic (columns) VALUES …: records for a topic that nobody declared."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from sqlglot import exp

from kshell.catalog.model import Source
from kshell.errors import BindError, UnknownName
from kshell.kafka.partitioner import encode_key
from kshell.kafka.produce import OutgoingRecord
from kshell.sql.statements import InsertValues, Name

__all__ = ["records_of"]

_PSEUDO = ("ROWKEY", "ROWTIME", "ROWPARTITION")


def _plain(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("latin-1")
    raise TypeError


def _column(name: Name, source: Source) -> str:
    """The field's own spelling, where one of any case is known."""
    upper = name.text.upper()
    if upper in _PSEUDO:
        return upper
    fitting = [c.name for c in source.value if c.name.casefold() == name.text.casefold()]
    if name.text in fitting or not fitting:
        return name.text
    return fitting[0]


def _whole(value: Any, column: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BindError(f"{column} is a whole number, not {value!r}")
    return value


def records_of(
    statement: InsertValues, source: Source, evaluate: Callable[[exp.Expr], Any]
) -> Sequence[OutgoingRecord]:
    """The records to produce; raises BindError where columns and values do not fit."""
    single = source.value_format.name in ("KAFKA", "BYTES")
    names = [_column(n, source) for n in statement.columns]
    if not names:
        names = [c.name for c in source.value]
    if single:
        unknown = [n for n in names if n.upper() not in ("VALUE", *_PSEUDO)]
        if unknown:
            raise UnknownName("column", unknown[0], ["VALUE", *_PSEUDO])
    made = []
    for row in statement.rows:
        if len(row) != len(names):
            raise BindError(
                f"{len(names)} columns and {len(row)} values",
                hint=f"the columns are {', '.join(names)}",
            )
        values = {n: evaluate(v) for n, v in zip(names, row, strict=True)}
        key = values.pop("ROWKEY", None)
        timestamp = values.pop("ROWTIME", None)
        partition = values.pop("ROWPARTITION", None)
        encoded = None
        if key is not None:
            encoded = encode_key(key, source.key[0].type)
            if encoded is None:
                raise BindError(f"the key {key!r} is no {source.key[0].type} as the topic has them")
        made.append(
            OutgoingRecord(
                key=encoded,
                value=_single(values) if single else orjson.dumps(values, default=_plain),
                timestamp=None if timestamp is None else _whole(timestamp, "ROWTIME"),
                partition=None if partition is None else _whole(partition, "ROWPARTITION"),
            )
        )
    return made


def _single(values: dict[str, Any]) -> bytes | None:
    value = next(iter(values.values()), None)
    if value is None or isinstance(value, bytes):
        return value
    return str(value).encode()
