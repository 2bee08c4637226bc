"""Record batches made by aiokafka's builder: the reference for ours."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from kshell.kafka import records, records_py

try:
    from kshell.kafka import _records
except ImportError:
    _records = None

Record = tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]


def seal(batch: bytearray) -> bytes:
    """The batch with a checksum that matches."""
    struct.pack_into(">I", batch, 17, calc_crc32c(memoryview(batch)[21:]))
    return bytes(batch)


def make_batch(
    rows: Sequence[Record],
    *,
    base: int = 0,
    codec: int = 0,
    producer: int = -1,
    attributes: int = 0,
) -> bytes:
    """Rows are (offset delta, timestamp, key, value, headers)."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, producer, 0, 0, batch_size=1 << 30)
    for delta, timestamp, key, value, headers in rows:
        builder.append(delta, timestamp, key, value, headers)
    batch = bytearray(builder.build())
    struct.pack_into(">q", batch, 0, base)
    (set_by_builder,) = struct.unpack_from(">h", batch, 21)
    struct.pack_into(">h", batch, 21, set_by_builder | attributes)
    return seal(batch)


def marker(base: int, producer: int, *, abort: bool) -> bytes:
    """A transaction's control batch."""
    key = struct.pack(">hh", 0, 0 if abort else 1)
    row = (0, 1, key, struct.pack(">hi", 0, 0), [])
    return make_batch([row], base=base, producer=producer, attributes=0x30)


@pytest.fixture(params=["compiled", "pure"])
def implementation(request, monkeypatch):
    """Both decoders; the compiled one is skipped aloud where it was not built."""
    if request.param == "compiled" and _records is None:
        pytest.skip("the compiled decoder was not built here")
    monkeypatch.setattr(records, "_impl", _records if request.param == "compiled" else records_py)
    return request.param
