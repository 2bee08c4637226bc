"""Records to write, by columns; and librdkafka's refusals.

`produce` sends them: without an object per record through the compiled `_produce`, or through its
twin `produce_py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["HEADERS", "Outgoing", "OutgoingRecord", "Refused"]

HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
_ALONE = 84  # bytes of a batch of one record beside what the record holds, at most
_HEADER = 10  # bytes of a header beside its name and value, at most


class OutgoingRecord(NamedTuple):
    """One record; without a `partition` the key decides, without a `timestamp` (ms) it is now."""

    key: bytes | None
    value: bytes | None
    timestamp: int | None = None
    partition: int | None = None
    headers: Sequence[tuple[str, bytes | None]] = ()


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Records by columns: binary, binary, int64, int32 and `HEADERS`.

    A NULL means the same as None in `OutgoingRecord`.
    """

    keys: pa.Array
    values: pa.Array
    timestamps: pa.Array | None = None
    partitions: pa.Array | None = None
    headers: pa.Array | None = None

    @classmethod
    def of(cls, records: Iterable[OutgoingRecord]) -> Outgoing:
        """Single records as columns.

        >>> Outgoing.of([OutgoingRecord(b"k", None, 5)]).timestamps.to_pylist()
        [5]
        """
        rows = [OutgoingRecord(*r) for r in records]
        headers = [[{"key": k, "value": v} for k, v in r.headers or ()] for r in rows]
        return cls(
            pa.array([r.key for r in rows], pa.binary()),
            pa.array([r.value for r in rows], pa.binary()),
            pa.array([r.timestamp for r in rows], pa.int64()),
            pa.array([r.partition for r in rows], pa.int32()),
            pa.array(headers, HEADERS) if any(headers) else None,
        )

    def dated(self) -> Outgoing:
        """The same with 1 for a timestamp of 0, which librdkafka takes as now.

        >>> Outgoing.of([OutgoingRecord(b"k", None, 0)]).dated().timestamps.to_pylist()
        [1]
        """
        times = self.timestamps
        if times is None or not len(times):
            return self
        moments = np.frombuffer(times.buffers()[1], np.int64)[times.offset :][: len(times)]
        if moments.all():
            return self
        written = pa.array(np.where(moments == 0, 1, moments), mask=np.asarray(times.is_null()))
        return replace(self, timestamps=written)

    def filter(self, kept: Any) -> Outgoing:
        """The records where `kept`, an array of booleans, is true."""
        mask = pa.array(kept)
        columns = (self.keys, self.values, self.timestamps, self.partitions, self.headers)
        return Outgoing(*(None if c is None else c.filter(mask) for c in columns))

    def slice(self, start: int, end: int) -> Outgoing:
        """The records from `start` to before `end`."""
        columns = (self.keys, self.values, self.timestamps, self.partitions, self.headers)
        return Outgoing(*(None if c is None else c.slice(start, end - start) for c in columns))

    def sizes(self) -> Any:
        """How many bytes each record has in a batch of its own that is not compressed, at most.

        >>> Outgoing.of([OutgoingRecord(b"k", b"value"), OutgoingRecord(None, None)]).sizes()
        array([90, 84])
        """
        made = _lengths(self.keys) + _lengths(self.values) + _ALONE
        if self.headers is not None and len(self.headers):
            pairs = self.headers.flatten()
            each = _HEADER + _lengths(pairs.field("key")) + _lengths(pairs.field("value"))
            until = np.concatenate(([0], np.cumsum(each)))
            counts = pc.list_value_length(self.headers).fill_null(0)
            ends = np.concatenate(([0], np.cumsum(counts)))
            made += until[ends[1:]] - until[ends[:-1]]
        return made

    @property
    def nbytes(self) -> int:
        """How many bytes its columns have."""
        columns = (self.keys, self.values, self.timestamps, self.partitions, self.headers)
        return sum(column.nbytes for column in columns if column is not None)

    def __len__(self) -> int:
        return len(self.keys)


def _lengths(column: pa.Array) -> Any:
    return np.asarray(pc.binary_length(column).fill_null(0)).astype(np.int64)


class Refused(Exception):
    """librdkafka's error for a call: its code, its words, and what may be done about it."""

    def __init__(
        self, code: int, text: str, fatal: bool = False, retriable: bool = False,
        abortable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(text)
        self.code, self.text = code, text
        self.fatal, self.retriable, self.abortable = fatal, retriable, abortable
