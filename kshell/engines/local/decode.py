"""From a raw chunk to the columns that a query names: records, then keys and values.

`table` (bounded) and `live` (continuous) use it; a record that cannot be decoded becomes a row of
SHOW ERRORS and is in no batch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pyarrow as pa

from kshell.catalog.model import Source
from kshell.engines.error_log import EXCERPT, ErrorLog
from kshell.errors import BadRecord
from kshell.formats.json_scan import Field, Names, Types, scan
from kshell.kafka.records import Decoded, Wanted, decode

__all__ = ["HIDDEN", "Decoder"]

# The pseudo columns that SELECT * leaves out, with their types; ROWKEY's is the key's own.
HIDDEN = {
    "ROWTIME": pa.int64(),
    "ROWPARTITION": pa.int32(),
    "ROWOFFSET": pa.int64(),
    "ROWHEADERS": pa.list_(pa.struct([("KEY", pa.string()), ("VALUE", pa.binary())])),
}

_Values = tuple[list[pa.Array], list[tuple[int, str]]]


def _json_values(values: pa.Array, names: Sequence[str], source: Source) -> _Values:
    types = {c.name: c.type for c in source.value}
    found = scan(values, [Field(n, types[n]) for n in names], Names.EXACT, Types.STRICT)
    return found.columns, found.bad


def _fixed(values: pa.Array, width: int, type: pa.DataType) -> _Values:
    """Kafka's INT and BIGINT: big-endian, `width` bytes."""
    column: list[int | None] = []
    bad = []
    for row, value in enumerate(values.to_pylist()):
        if value is not None and len(value) != width:
            bad.append((row, f"{len(value)} bytes where {width} are a number"))
            value = None
        column.append(None if value is None else int.from_bytes(value, "big", signed=True))
    return [pa.array(column, type)], bad


def _text(values: pa.Array) -> _Values:
    try:
        return [values.cast(pa.string())], []
    except pa.ArrowInvalid:
        pass
    column: list[str | None] = []
    bad = []
    for row, value in enumerate(values.to_pylist()):
        try:
            column.append(None if value is None else value.decode())
        except UnicodeDecodeError:
            bad.append((row, "not valid UTF-8"))
            column.append(None)
    return [pa.array(column, pa.string())], bad


def _single(values: pa.Array, type: pa.DataType) -> _Values:
    if pa.types.is_string(type):
        return _text(values)
    if pa.types.is_integer(type):
        return _fixed(values, type.bit_width // 8, type)
    return [values], []


def _primitive_values(values: pa.Array, names: Sequence[str], source: Source) -> _Values:
    column, bad = _single(values, source.value[0].type)
    return column * len(names), bad


_VALUES: dict[str, Callable[[pa.Array, Sequence[str], Source], _Values]] = {
    "JSON": _json_values,
    "KAFKA": _primitive_values,
    "BYTES": _primitive_values,
    "NONE": lambda values, names, source: ([pa.nulls(len(values), pa.string()) for _ in names], []),
}


def _headers(column: pa.Array) -> pa.Array:
    pairs = column.values if column.offset == 0 else column.flatten()
    names = [None if n is None else n.decode(errors="replace") for n in pairs.field(0).to_pylist()]
    structs = pa.StructArray.from_arrays([pa.array(names, pa.string()), pairs.field(1)],
                                         ["KEY", "VALUE"])  # fmt: skip
    return pa.ListArray.from_arrays(column.offsets, structs)


@dataclass(frozen=True)
class Decoder:
    """Makes batches with exactly `columns`, in that order, of one source."""

    source: Source
    columns: tuple[str, ...]
    errors: ErrorLog

    @property
    def wanted(self) -> Wanted:
        """What of a record is needed; offsets too where an error must be placed."""
        values = self._values()
        key = "ROWKEY" in self.columns
        return Wanted(
            offset="ROWOFFSET" in self.columns or bool(values) or key,
            timestamp="ROWTIME" in self.columns,
            key=key,
            value=bool(values),
            headers="ROWHEADERS" in self.columns,
        )

    def schema(self) -> pa.Schema:
        """The schema of its batches; nested values as their JSON text."""
        types = {c.name: c.type for c in (*self.source.key, *self.source.value)} | HIDDEN
        nested = self._values()
        return pa.schema(
            [
                (c, pa.string() if c in nested and pa.types.is_nested(types[c]) else types[c])
                for c in self.columns
            ]
        )

    def _values(self) -> list[str]:
        return [c for c in self.columns if c not in HIDDEN and c != "ROWKEY"]

    def batch(
        self,
        partition: int,
        records: memoryview,
        start: int,
        end: int,
        aborted: Sequence[tuple[int, int]],
    ) -> tuple[pa.RecordBatch, int]:
        """The rows of a chunk, and how many records were bad."""
        decoded = decode(records, self.wanted, start=start, end=end, aborted=aborted)
        bad = sum(span.last - span.first + 1 for span in decoded.bad)
        self.errors.add(
            BadRecord(self.source.topic, partition, span.first, span.reason) for span in decoded.bad
        )
        rows, worse = self._columns(partition, decoded)
        return rows, bad + worse

    def _columns(self, partition: int, decoded: Decoded) -> tuple[pa.RecordBatch, int]:
        raw, made = decoded.batch, dict[str, pa.Array]()
        reasons: dict[int, str] = {}
        if names := self._values():
            make = _VALUES[self.source.value_format.name]
            arrays, bad = make(raw.column("value"), names, self.source)
            made.update(zip(names, arrays, strict=True))
            reasons.update(bad)
        if "ROWKEY" in self.columns:
            (made["ROWKEY"],), bad = _single(raw.column("key"), self.source.key[0].type)
            reasons.update((row, f"key: {why}") for row, why in bad)
        if "ROWTIME" in self.columns:
            made["ROWTIME"] = raw.column("timestamp")
        if "ROWOFFSET" in self.columns:
            made["ROWOFFSET"] = raw.column("offset")
        if "ROWPARTITION" in self.columns:
            made["ROWPARTITION"] = pa.repeat(pa.scalar(partition, pa.int32()), raw.num_rows)
        if "ROWHEADERS" in self.columns:
            made["ROWHEADERS"] = _headers(raw.column("headers"))
        if not self.columns:
            return raw, 0
        batch = pa.RecordBatch.from_arrays([made[c] for c in self.columns], names=self.columns)
        if reasons:
            self._log(partition, raw, reasons)
            batch = batch.filter(pa.array([row not in reasons for row in range(batch.num_rows)]))
        return batch, len(reasons)

    def _log(self, partition: int, raw: pa.RecordBatch, reasons: dict[int, str]) -> None:
        topic = self.source.topic
        for row, reason in sorted(reasons.items()):
            field = "key" if reason.startswith("key: ") else "value"
            excerpt = (raw.column(field)[row].as_py() or b"")[:EXCERPT]
            offset = raw.column("offset")[row].as_py()
            self.errors.add([BadRecord(topic, partition, offset, reason, excerpt=excerpt)])
