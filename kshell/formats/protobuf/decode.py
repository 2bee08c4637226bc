"""Protobuf records to Arrow columns.

`Framed` reads what a schema registry's producers write (id, message indexes, message), whatever
schemas the records name; `Plain` reads messages of one type and nothing around them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from google.protobuf.message import DecodeError

from kshell.errors import CorruptRecord, KshellError, RegistryDown
from kshell.formats.framing import HEADER, read_indexes, split_frame
from kshell.formats.json_scan import Scanned
from kshell.formats.protobuf.pool import load, message_at, message_class
from kshell.formats.protobuf.read import Budget, Get, Refused, getter
from kshell.formats.registry import Schemas, SchemaType

__all__ = ["Framed", "Plain"]

_PREFIX = HEADER + 1  # id and the one byte that is the first message's index


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the records of one message type become rows."""

    parse: Any
    gets: tuple[Get, ...]


def _plan(message: Any, fields: Sequence[pa.Field], budget: Budget) -> _Plan:
    gets = tuple(getter(message, f.name, f.type, budget) for f in fields)
    return _Plan(message_class(message).FromString, gets)


class _Rows:
    """Rows that become columns, and those that could not be read."""

    def __init__(self, fields: Sequence[pa.Field], budget: Budget) -> None:
        self._fields, self._budget = fields, budget
        self._columns: list[list[Any]] = [[] for _ in fields]
        self.bad: list[tuple[int, str]] = []
        self._count = 0

    def add(self, plan: _Plan, payload: bytes) -> None:
        self._budget.renew()
        try:
            parsed = plan.parse(payload)
            values = [get(parsed) for get in plan.gets]
        except DecodeError:
            return self.refuse("not a valid Protobuf message of the schema")
        except (Refused, UnicodeDecodeError) as error:
            return self.refuse(str(error))
        self._append(values)
        return None

    def refuse(self, reason: str) -> None:
        self.bad.append((self._count, reason))
        self.nothing()

    def nothing(self) -> None:
        self._append([None] * len(self._fields))

    def _append(self, values: Sequence[Any]) -> None:
        self._count += 1
        for column, value in zip(self._columns, values, strict=True):
            column.append(value)

    def scanned(self) -> Scanned:
        made = []
        for column, field in zip(self._columns, self._fields, strict=True):
            try:
                made.append(pa.array(column, field.type))
            except (pa.ArrowException, OverflowError, ValueError):
                made.append(self._one_by_one(column, field))
        return Scanned(made, sorted(self.bad))

    def _one_by_one(self, column: list[Any], field: pa.Field) -> pa.Array:
        """The column with what Arrow cannot hold as NULL, each a bad row."""
        known = {row for row, _ in self.bad}
        for row, value in enumerate(column):
            try:
                pa.array([value], field.type)
            except (pa.ArrowException, OverflowError, ValueError):
                column[row] = None
                if row not in known:
                    self.bad.append((row, f"field {field.name}: a value that does not fit"))
        return pa.array(column, field.type)


class Plain:
    """Messages of one type, without a frame.

    >>> from kshell.formats.registry import Schema
    >>> file = load(Schema(SchemaType.PROTOBUF, "message A { optional int32 x = 1; }"))
    >>> found = Plain(message_at(file, [0]), [pa.field("X", pa.int64())]).decode(
    ...     pa.array([b"\\x08\\x05", b"\\xff"], pa.binary()))
    >>> found.columns[0].to_pylist(), found.bad
    ([5, None], [(1, 'not a valid Protobuf message of the schema')])
    """

    def __init__(self, message: Any, fields: Sequence[pa.Field]) -> None:
        self._fields, self._budget = list(fields), Budget()
        self._plan = _plan(message, self._fields, self._budget)

    def decode(self, values: pa.BinaryArray) -> Scanned:
        """A column for each field; NULL (a tombstone) is a row of NULLs."""
        rows = _Rows(self._fields, self._budget)
        for data in values.to_pylist():
            if data is None:
                rows.nothing()
            else:
                rows.add(self._plan, data)
        return rows.scanned()


class Framed:
    """Records of any schemas that the registry knows; RegistryDown where it does not answer."""

    def __init__(self, schemas: Schemas, fields: Sequence[pa.Field]) -> None:
        self._schemas, self._fields, self._budget = schemas, list(fields), Budget()
        self._plans: dict[bytes, _Plan | str] = {}

    def decode(self, values: pa.BinaryArray) -> Scanned:
        """A column for each field; NULL (a tombstone) is a row of NULLs."""
        rows = _Rows(self._fields, self._budget)
        plans = self._plans
        for data in values.to_pylist():
            if data is None:
                rows.nothing()
                continue
            try:
                length = _PREFIX
                if len(data) < _PREFIX or data[HEADER]:
                    length = HEADER + read_indexes(split_frame(data)[1])[1]
            except CorruptRecord as error:
                rows.refuse(error.what)
                continue
            prefix = data[:length]
            plan = plans.get(prefix)
            if plan is None:
                plan = plans[prefix] = self._find(prefix)
            if isinstance(plan, str):
                rows.refuse(plan)
            else:
                rows.add(plan, data[length:])
        return rows.scanned()

    def _find(self, prefix: bytes) -> _Plan | str:
        """The plan for records that begin so, or why there is none."""
        try:
            id, path = split_frame(prefix)
            schema = self._schemas.by_id(id)
            if schema.type is not SchemaType.PROTOBUF:
                return f"schema {id} is {schema.type.value}, not PROTOBUF"
            message = message_at(load(schema), read_indexes(path)[0])
            return _plan(message, self._fields, self._budget)
        except RegistryDown:
            raise
        except KshellError as error:
            return error.what
