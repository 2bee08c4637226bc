"""What INSERT's pseudo columns say of a record: its headers, time, partition, and the whole value.

`insert` and `insert_typed` make records with it, from values that DuckDB or the binder gave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from kshell.errors import BindError, Place
from kshell.sql.as_written import pointing_at

__all__ = ["Parts", "parts_of"]

_NOWHERE: Mapping[str, Place | None] = MappingProxyType({})
_WHOLE = {
    "ROWTIME": ("milliseconds since 1970", "without ROWTIME it is now"),
    "ROWPARTITION": ("a whole number from 0", "without ROWPARTITION the partitioner chooses"),
}
_HEADERS = "ARRAY[STRUCT(KEY := 'name', VALUE := 'text or bytes'), …], or MAP('name' := 'text')"


@dataclass(frozen=True, slots=True)
class Parts:
    """What was given of a record; None for what was not.

    `whole` says whether the whole value was given: `value` is None then for a tombstone.
    """

    timestamp: int | None = None
    partition: int | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    whole: bool = False
    value: bytes | None = None


def parts_of(
    given: Mapping[str, Any], others: Iterable[str] = (),
    places: Mapping[str, Place | None] = _NOWHERE,
) -> Parts:  # fmt: skip
    """The parts out of the values of pseudo columns; `others` are the value's columns beside them.

    Raises BindError for what a part cannot be, at the place of the column's value.

    >>> parts_of({"ROWTIME": 5, "ROWVALUE": None})
    Parts(timestamp=5, partition=None, headers=(), whole=True, value=None)
    """
    whole = "ROWVALUE" in given
    if whole and (beside := next(iter(others), None)) is not None:
        raise BindError(
            f"ROWVALUE is the whole value: {beside} cannot stand beside it",
            hint="name ROWVALUE alone, or the value's columns", place=places.get(beside),
        )

    def part(read: Callable[[Any, str], Any], column: str) -> Any:
        with pointing_at(places.get(column)):
            return read(given.get(column), column)

    return Parts(
        part(_whole, "ROWTIME"), part(_whole, "ROWPARTITION"), part(_headers, "ROWHEADERS"),
        whole, part(_bytes, "ROWVALUE"),
    )  # fmt: skip


def _whole(value: Any, column: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        what, without = _WHOLE[column]
        raise BindError(f"{column} is {what}, not {value!r}", hint=without)
    return value


def _bytes(value: Any, column: str) -> bytes | None:
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    raise BindError(f"{column} is text or bytes, not {value!r}", hint="CAST(… AS STRING)")


def _headers(value: Any, column: str) -> tuple[tuple[str, bytes | None], ...]:
    if value is None:
        return ()
    if isinstance(value, Mapping):
        value = list(value.items())
    if not isinstance(value, list):
        raise BindError(f"{column} cannot be {value!r}", hint=_HEADERS)
    made = []
    for header in value:
        if isinstance(header, Mapping):
            fields = {str(name).upper(): inner for name, inner in header.items()}
            named = fields.keys() == {"KEY", "VALUE"}
            header = (fields["KEY"], fields["VALUE"]) if named else None
        if not isinstance(header, tuple) or len(header) != 2 or not isinstance(header[0], str):
            raise BindError(f"{column} has what is not a header", hint=_HEADERS)
        made.append((header[0], _bytes(header[1], f"{column}: the header {header[0]}")))
    return tuple(made)
