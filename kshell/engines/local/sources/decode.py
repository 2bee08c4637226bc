"""Decodes raw chunks of an undeclared topic into the columns that a query names.

`topic` and PRINT use it; a record that cannot be decoded becomes a row of SHOW ERRORS and is in no
batch.  JSON, text and numbers are decoded as whole columns here; the other formats use their
codecs.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from kshell.catalog.model import Source
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.sources.chunks import bad_rows
from kshell.errors import BadRecord
from kshell.formats.found import FoundJson, others_of
from kshell.formats.shapes import Shape
from kshell.kafka.records import Decoded, Wanted, decode

if TYPE_CHECKING:
    from kshell.formats.registry import Schemas
    from kshell.formats.source import SourceReader

__all__ = ["Decoder", "Made", "is_text"]

_Bad = list[tuple[int, str]]
_Values = tuple[list[pa.Array], _Bad]


def is_text(source: Source, type: pa.DataType) -> bool:
    """Whether a column comes as its JSON text, to be taken apart inside the query."""
    return source.value_format.name == "JSON" and pa.types.is_nested(type)


def _fixed(values: pa.Array, type: pa.DataType) -> _Values:
    """Kafka's INT, BIGINT and DOUBLE: big-endian."""
    import pyarrow.compute as pc  # takes 50 ms, which JSON does not wait for

    width = type.bit_width // 8
    lengths = pc.binary_length(values)
    wrong = pc.fill_null(pc.not_equal(lengths, width), False)
    bad = [
        (int(row), f"{lengths[row].as_py()} bytes where {width} are a number")
        for row in np.flatnonzero(wrong)
    ]
    good = pc.and_not(values.is_valid(), wrong)
    packed = pc.if_else(good, values, pa.scalar(bytes(width), pa.binary())).cast(pa.binary(width))
    kind = "f" if pa.types.is_floating(type) else "i"
    numbers = np.frombuffer(packed.buffers()[1], f">{kind}{width}", len(values), 0)
    return [pa.array(numbers.astype(f"={kind}{width}"), type, mask=~np.asarray(good))], bad


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
    if pa.types.is_integer(type) or pa.types.is_floating(type):
        return _fixed(values, type)
    return [values], []


def _primitive_values(values: pa.Array, names: Sequence[str], source: Source) -> _Values:
    column, bad = _single(values, source.value[0].type)
    return column * len(names), bad


_VALUES: dict[str, Callable[[pa.Array, Sequence[str], Source], _Values]] = {
    "KAFKA": _primitive_values,
    "BYTES": _primitive_values,
    "NONE": lambda values, names, source: ([pa.nulls(len(values), pa.string()) for _ in names], []),
}
_PLAIN_VALUES = _VALUES.keys() | {"JSON"}
_PLAIN_KEYS = frozenset({"KAFKA", "BYTES", "NONE"})


@dataclass
class Made:
    """Rows of a chunk, and how many records were bad.

    Where `misfit` says that a value is of another type than the samples suggested, `shape` is what
    such records have, and the rows are not to be used.  `others` counts fields that no sample had.
    """

    rows: pa.RecordBatch
    bad: int
    misfit: str = ""
    shape: Shape | None = None
    others: Counter[str] = field(default_factory=Counter)


class _Codecs(threading.local):
    """A reader of both halves for each thread: codecs keep what they learn of schemas."""

    reader: SourceReader | None = None


@dataclass(frozen=True)
class Decoder:
    """Makes batches with exactly `columns`, in that order, of one source; from any thread."""

    source: Source
    columns: tuple[str, ...]
    errors: ErrorLog
    schemas: Schemas | None = None
    whole: bool = False  # fields that no sample had are counted
    _codecs: _Codecs = field(default_factory=_Codecs, init=False, repr=False, compare=False)

    @property
    def wanted(self) -> Wanted:
        """What of a record is needed; offsets too where an error must be placed."""
        values, key = bool(self._values), bool(self._keys)
        whole = (values or key) and not self._plain
        return Wanted(
            offset="ROWOFFSET" in self._pseudo or values or key,
            timestamp="ROWTIME" in self._pseudo or whole,
            key=key or whole,
            value=values or whole,
            headers="ROWHEADERS" in self._pseudo,
        )

    @property
    def _plain(self) -> bool:
        """Whether what is asked for needs no codec."""
        return (not self._values or self.source.value_format.name in _PLAIN_VALUES) and (
            not self._keys or self.source.key_format.name in _PLAIN_KEYS
        )

    def schema(self) -> pa.Schema:
        """The schema of its batches; nested values of JSON as their text."""
        types = self.source.pseudo_columns()
        types |= {c.name: c.type for c in (*self.source.key, *self.source.value)}
        texts = {c for c in self._values if is_text(self.source, types[c])}
        return pa.schema([(c, pa.string() if c in texts else types[c]) for c in self.columns])

    @cached_property
    def _pseudo(self) -> frozenset[str]:
        return frozenset(self.columns) & self.source.pseudo_columns().keys()

    @cached_property
    def _values(self) -> list[str]:
        own = {c.name for c in self.source.value}
        return [c for c in self.columns if c in own]

    @cached_property
    def _keys(self) -> list[str]:
        """The columns asked for that are made of the key."""
        own = {c.name for c in self.source.key} | (self._pseudo & {"ROWKEY"})
        return [c for c in self.columns if c in own and c not in self._values]

    def batch(
        self,
        partition: int,
        records: memoryview,
        start: int,
        end: int,
        aborted: Sequence[tuple[int, int]],
    ) -> Made:
        """The rows of a chunk; RegistryDown leaves no trace."""
        decoded = decode(records, self.wanted, start=start, end=end, aborted=aborted)
        made = self._columns(partition, decoded)
        made.bad += sum(span.last - span.first + 1 for span in decoded.bad)
        self.errors.add(
            BadRecord(self.source.topic, partition, span.first, span.reason) for span in decoded.bad
        )
        return made

    def _columns(self, partition: int, decoded: Decoded) -> Made:
        raw = decoded.batch
        out = Made(raw, 0)
        if not self.columns:
            return out
        made, reasons = self._by_hand(raw, out) if self._plain else self._by_codec(raw)
        if "ROWTIME" in self._pseudo:
            made["ROWTIME"] = raw.column("timestamp")
        if "ROWOFFSET" in self._pseudo:
            made["ROWOFFSET"] = raw.column("offset")
        if "ROWPARTITION" in self._pseudo:
            made["ROWPARTITION"] = pa.repeat(pa.scalar(partition, pa.int32()), raw.num_rows)
        if "ROWHEADERS" in self._pseudo:
            from kshell.formats.source import header_column

            made["ROWHEADERS"] = header_column(raw.column("headers"), None)
        batch = pa.RecordBatch.from_arrays([made[c] for c in self.columns], names=self.columns)
        if reasons:
            told = bad_rows(self.source.topic, partition, raw, sorted(reasons.items()))
            self.errors.add(told)
            batch = batch.filter(pa.array([row not in reasons for row in range(batch.num_rows)]))
        out.rows, out.bad = batch, len(reasons)
        return out

    def _by_hand(
        self, raw: pa.RecordBatch, out: Made
    ) -> tuple[dict[str, pa.Array], dict[int, str]]:
        made: dict[str, pa.Array] = {}
        reasons: dict[int, str] = {}
        if names := self._values:
            if self.source.value_format.name == "JSON":
                arrays, bad = self._json(raw.column("value"), names, out)
            else:
                make = _VALUES[self.source.value_format.name]
                arrays, bad = make(raw.column("value"), names, self.source)
            made.update(zip(names, arrays, strict=True))
            reasons.update(bad)
        if names := self._keys:
            (key,), bad = _single(raw.column("key"), self.source.key[0].type)
            made.update(dict.fromkeys(names, key))
            reasons.update((row, f"key: {why}") for row, why in bad)
        return made, reasons

    def _json(self, values: pa.Array, names: Sequence[str], out: Made) -> _Values:
        types = self._suggested
        outer = self.whole and types.keys() <= set(names)
        found = self._found.read(values, names, outer=outer)
        bad = dict(found.bad)
        if found.misfits:
            out.misfit = bad[found.misfits[0]]
            out.shape = self._found.shape(values, found.misfits, names)
            bad = {row: why for row, why in bad.items() if row not in set(found.misfits)}
        for row in found.others if self.whole else ():
            if row not in bad:
                out.others.update(others_of(values[row].as_py(), types, names, outer=outer))
        return found.columns, list(bad.items())

    @cached_property
    def _suggested(self) -> Mapping[str, pa.DataType]:
        return self.source.suggested or {c.name: c.type for c in self.source.value}

    @cached_property
    def _found(self) -> FoundJson:
        return FoundJson(self._suggested, self.source.samples)

    def _by_codec(self, raw: pa.RecordBatch) -> tuple[dict[str, pa.Array], dict[int, str]]:
        if self._codecs.reader is None:
            from kshell.formats.source import SourceReader

            self._codecs.reader = SourceReader(self.source, self.columns, self.schemas)
        read = self._codecs.reader.read(raw)
        return read.columns, dict(read.bad)
