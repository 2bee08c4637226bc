"""Plain values of any depth as bytes and back: states of folds for which Arrow has no type.

`column_folds` packs them into its exported state.  It is JSON with marks for what JSON lacks, so
that to read it runs nothing, whoever wrote it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa

__all__ = ["pack", "packed", "unpack", "unpacked"]

# The mark of each type, how it is written, and how it is read.
_KINDS: Mapping[type, tuple[str, Callable[[Any], Any], Callable[[Any], Any]]] = {
    tuple: ("t", lambda v: [_written(x) for x in v], lambda v: tuple(map(_read, v))),
    dict: (
        "m",
        lambda v: [[_written(k), _written(x)] for k, x in v.items()],
        lambda v: {_read(k): _read(x) for k, x in v},
    ),
    bytes: ("b", lambda v: base64.b64encode(v).decode(), base64.b64decode),
    Decimal: ("d", str, Decimal),
    datetime: ("T", datetime.isoformat, datetime.fromisoformat),
    date: ("D", date.isoformat, date.fromisoformat),
    time: ("h", time.isoformat, time.fromisoformat),
}
_READERS = {mark: read for mark, _, read in _KINDS.values()}
_PLAIN = frozenset({type(None), bool, int, float, str})


def pack(value: Any) -> bytes:
    """A value as bytes; TypeError for one of another type.

    >>> pack((1, [b"x"])), unpack(pack((1, [b"x"])))
    (b'{"t":[1,[{"b":"eA=="}]]}', (1, [b'x']))
    """
    return json.dumps(_written(value), separators=(",", ":")).encode()


def unpack(data: bytes) -> Any:
    """What `pack` was given."""
    return _read(json.loads(data))


def packed(values: Sequence[Any]) -> pa.Array:
    """A column of values."""
    return pa.array([pack(value) for value in values], pa.binary())


def unpacked(column: pa.Array) -> list[Any]:
    """The values of a column."""
    return [unpack(data) for data in column.to_pylist()]


def _written(value: Any) -> Any:
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is list:
        return [_written(x) for x in value]
    if kind not in _KINDS:
        raise TypeError(f"{kind.__name__} is no plain value")
    mark, write, _ = _KINDS[kind]
    return {mark: write(value)}


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(x) for x in value]
    if isinstance(value, dict):
        ((mark, inner),) = value.items()
        return _READERS[mark](inner)
    return value
