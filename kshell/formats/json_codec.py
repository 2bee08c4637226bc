"""JSON as a codec (see `formats.base`): declared columns out of objects or single values, and back.

Semantics are ksqlDB's: a field is found by its name as declared, else by its name in upper case;
missing is NULL; a value that cannot be of the declared type makes the record bad.  `json_scan`
takes the columns that are asked for; only what it cannot say (nested values, decimals, bytes) is
looked at cell by cell, and only records that do not fit as they are go through `coerce` whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from kshell.errors import CorruptRecord
from kshell.formats.base import Decoded, Place
from kshell.formats.coerce import RANGES, bytes_of, converter
from kshell.formats.framing import payloads, schema_ids
from kshell.formats.json_rules import depth_of, no_object
from kshell.formats.json_scan import Field, Names, Types, scan
from kshell.formats.json_values import parser, plain_writer, written
from kshell.formats.row_writer import plain_steps, row_writer
from kshell.types import stored_type

__all__ = ["JsonCodec"]

_MAX_DEPTH = 64

# A scanned column → the column, and the rows that must be read once more, by `coerce`.
Finish = Callable[[pa.Array], tuple[pa.Array, Iterable[int]]]


def _same(column: pa.Array) -> tuple[pa.Array, Iterable[int]]:
    return column, ()


def _ranged(type: pa.DataType) -> Finish:
    low, high = RANGES[type]

    def finish(column: pa.Array) -> tuple[pa.Array, Iterable[int]]:
        fits = pc.and_(pc.greater_equal(column, low), pc.less_equal(column, high))
        outside = np.flatnonzero(np.asarray(pc.invert(fits).fill_null(False)))
        return pc.if_else(fits, column, None).cast(type), outside.tolist()

    return finish


def _decimal(type: pa.DataType) -> Finish:
    def finish(column: pa.Array) -> tuple[pa.Array, Iterable[int]]:
        try:
            return pc.utf8_trim(column, characters='"').cast(type), ()
        except pa.ArrowInvalid:
            there = np.flatnonzero(np.asarray(column.is_valid()))
            return pa.nulls(len(column), type), there.tolist()

    return finish


def _bytes(column: pa.Array) -> tuple[pa.Array, Iterable[int]]:
    cells: list[bytes | None] = []
    again = []
    for row, cell in enumerate(column.to_pylist()):
        found = None
        if cell is not None and (cell[0] != '"' or (found := bytes_of(cell[1:-1])) is None):
            again.append(row)
        cells.append(found)
    return pa.array(cells, pa.binary()), again


def _struct(type: pa.StructType) -> Finish:
    """Each text is a record of its own."""
    plans = [_plan(f.type, f.name) for f in type]
    fields = [Field(f.name, plan[0]) for f, plan in zip(type, plans, strict=True)]

    def finish(column: pa.Array) -> tuple[pa.Array, Iterable[int]]:
        found = scan(column.cast(pa.binary()), fields, Names.UPPER, Types.KSQL)
        again = [row for row, _ in found.bad]
        made = []
        for inner, (_, end) in zip(found.columns, plans, strict=True):
            array, doubtful = end(inner)
            made.append(array)
            again += doubtful
        return pa.StructArray.from_arrays(made, fields=list(type), mask=column.is_null()), again

    return finish


def _collection(type: pa.DataType, name: str) -> Finish:
    """All texts as one, if every value in them is just of the type; else cell by cell."""
    slowly = _cells(type, name)

    def finish(column: pa.Array) -> tuple[pa.Array, Iterable[int]]:
        texts = column.fill_null("null").to_pylist()
        try:
            nodes = orjson.loads("[" + ",".join(texts) + "]")
            if pa.types.is_map(type):
                nodes = [n if n is None else list(n.items()) for n in nodes]
            return pa.array(nodes, type), ()
        except (ValueError, TypeError, OverflowError, AttributeError, pa.ArrowException):
            return slowly(column)

    return finish


def _cells(type: pa.DataType, name: str) -> Finish:
    parse, convert = parser([type]), converter(type, name)

    def finish(column: pa.Array) -> tuple[pa.Array, Iterable[int]]:
        cells: list[Any] = []
        again = []
        for row, cell in enumerate(column.to_pylist()):
            found = None
            if cell is not None:
                try:
                    found = convert(parse(cell.encode()))
                except CorruptRecord:
                    again.append(row)
            cells.append(found)
        return pa.array(cells, type), again

    return finish


_SIMPLE = (pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.bool_())
_SCANNED: dict[pa.DataType, tuple[pa.DataType, Finish]] = {
    **{t: (t, _same) for t in _SIMPLE},
    pa.date32(): (pa.int32(), _ranged(pa.date32())),
    pa.time32("ms"): (pa.int32(), _ranged(pa.time32("ms"))),
    pa.timestamp("ms"): (pa.int64(), _ranged(pa.timestamp("ms"))),
    pa.binary(): (pa.binary(), _bytes),
}


def _plan(type: pa.DataType, name: str) -> tuple[pa.DataType, Finish]:
    """The type to scan as, and the function that finishes the column."""
    if type in _SCANNED:
        return _SCANNED[type]
    if pa.types.is_decimal(type):
        return type, _decimal(type)
    if pa.types.is_struct(type) and len(type):
        return type, _struct(type)
    inner = type.item_type if pa.types.is_map(type) else getattr(type, "value_type", None)
    simple = inner in _SIMPLE and not (pa.types.is_map(type) and type.key_type != pa.string())
    return type, _collection(type, name) if simple else _cells(type, name)


def _field_name(name: str) -> bytes:
    return orjson.dumps(name) + b":"


class JsonCodec:
    """Keys or values; `wrapped` false is a single value and no object around it."""

    def __init__(self, place: Place) -> None:
        self._columns = {c.name: c.type for c in place.columns}
        self._plans = {name: _plan(type, name) for name, type in self._columns.items()}
        self._single = not place.wrapped
        self._names = Names.UPPER if place.loose else Names.EXACT
        self._parse = parser(list(self._columns.values()))
        self._convert = {name: converter(type, name) for name, type in self._columns.items()}
        self._plain = [plain_writer(stored_type(t)) for t in self._columns.values()]
        self._writer = row_writer(
            lambda: plain_steps(place.columns, _field_name), "json", single=self._single
        )

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `base.Codec`; what nobody asks for need only be JSON."""
        data = data if data.type == pa.binary() else data.cast(pa.binary())
        how = Names.WHOLE if self._single else self._names
        plans = [self._plans[name] for name in names]
        fields = [Field(name, plan[0]) for name, plan in zip(names, plans, strict=True)]
        found = scan(data, fields, how, Types.KSQL)
        if any(data[row].as_py()[:1] == b"\0" for row, _ in found.bad):
            # JSON_SR's frame, which ksqlDB's JSON reads too; no JSON begins with a zero byte.
            data = pc.if_else(pa.array(schema_ids(data) >= 0), payloads(data), data)
            found = scan(data, fields, how, Types.KSQL)
        columns = []
        again = set(found.unfit)
        for column, (_, finish) in zip(found.columns, plans, strict=True):
            made, doubtful = finish(column)
            columns.append(made)
            again.update(doubtful)
        bad = [(row, why) for row, why in found.bad if row not in again]
        if again:
            self._read_again(data, names, columns, bad, sorted(again))
        return Decoded(columns, sorted(bad))

    def _read_again(
        self, data: pa.Array, names: Sequence[str], columns: list[pa.Array],
        bad: list[tuple[int, str]], rows: Sequence[int],
    ) -> None:  # fmt: skip
        """Puts the rows as `coerce` reads them in the columns' place."""
        cells: list[list[Any]] = [[] for _ in names]
        for row, value in zip(rows, data.take(pa.array(rows)).to_pylist(), strict=True):
            values: Sequence[Any] = [None] * len(names)
            try:
                values = self._record(value, names)
            except CorruptRecord as error:
                bad.append((row, error.what))
            for column, cell in zip(cells, values, strict=True):
                column.append(cell)
        order = np.arange(len(data))
        order[list(rows)] = np.arange(len(data), len(data) + len(rows))
        for i, name in enumerate(names):
            new = pa.array(cells[i], self._columns[name])
            columns[i] = pa.concat_arrays([columns[i], new]).take(pa.array(order))
        refused = [row for row, _ in bad]
        if refused:  # a record is bad as a whole
            fine = np.ones(len(data), np.bool_)
            fine[refused] = False
            take = pa.array(np.arange(len(data)), mask=~fine)
            columns[:] = [column.take(take) for column in columns]

    def _record(self, data: bytes, names: Sequence[str]) -> Sequence[Any]:
        node = self._parse(data)
        if depth_of(node) > _MAX_DEPTH:
            raise CorruptRecord(f"JSON nested more than {_MAX_DEPTH} deep")
        if self._single:
            return [self._convert[name](node) for name in names]
        if node is None:
            return [None] * len(names)
        if not isinstance(node, dict):
            raise CorruptRecord(no_object(data))
        upper: dict[str, Any] = {}
        if self._names is Names.UPPER:
            upper = {k.upper(): v for k, v in node.items()}
        return [
            self._convert[name](node[name] if name in node else upper.get(name)) for name in names
        ]

    def encode(
        self, columns: Sequence[pa.Array], gone: pa.Array, prefix: bytes = b""
    ) -> pa.Array:
        """See `base.Codec`; each record begins with the prefix."""
        if self._writer is not None:
            made = self._writer.write(list(columns), gone, prefix)
            if made is not None:
                return made
        return pa.array(self._encoded(columns, gone, prefix), pa.binary())

    def _encoded(
        self, columns: Sequence[pa.Array], gone: pa.Array, prefix: bytes
    ) -> Iterator[bytes | None]:
        """The same in Python."""
        cells = [
            list(map(plain, column.cast(stored_type(column.type)).to_pylist()))
            for plain, column in zip(self._plain, columns, strict=True)
        ]
        names = list(self._columns)
        rows = zip(*cells, strict=True) if cells else iter([()] * len(gone))
        for row, deleted in zip(rows, gone.to_pylist(), strict=True):
            node = row[0] if self._single else dict(zip(names, row, strict=True))
            yield None if deleted is not False or node is None else prefix + written(node)
