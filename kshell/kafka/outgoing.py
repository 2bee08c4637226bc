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

__all__ = ["HEADERS", "Outgoing", "OutgoingRecord", "Refused"]

HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))


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

    @property
    def nbytes(self) -> int:
        """How many bytes its columns have."""
        columns = (self.keys, self.values, self.timestamps, self.partitions, self.headers)
        return sum(column.nbytes for column in columns if column is not None)

    def __len__(self) -> int:
        return len(self.keys)


class Refused(Exception):
    """librdkafka's error for a call: its code, its words, and what may be done about it."""

    def __init__(
        self, code: int, text: str, fatal: bool = False, retriable: bool = False,
        abortable: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(text)
        self.code, self.text = code, text
        self.fatal, self.retriable, self.abortable = fatal, retriable, abortable
