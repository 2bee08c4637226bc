"""Entries of operators' state as bytes, in pieces that a record can hold.

`ledger` writes and reads them.  The bytes are an Arrow stream with LZ4: to read it runs nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from kshell.stream.state import Entries

__all__ = ["pack", "unpack"]

PIECE = 900_000  # bytes of a record's value: brokers take a megabyte if nobody says more
_KEY, _VALUE, _GONE = "k.", "v.", "gone"
_LZ4 = pa.ipc.IpcWriteOptions(compression="lz4")


def pack(entries: Entries, largest: int = PIECE) -> list[bytes]:
    """The entries as pieces of at most so many bytes, which belong together in this order."""
    columns = [*entries.keys.columns, *entries.values.columns, entries.gone]
    names = [_KEY + n for n in entries.keys.schema.names]
    names += [_VALUE + n for n in entries.values.schema.names]
    batch = pa.RecordBatch.from_arrays(columns, names=[*names, _GONE])
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, batch.schema, options=_LZ4) as stream:
        stream.write_batch(batch)
    data = memoryview(out.getvalue())
    return [bytes(data[at : at + largest]) for at in range(0, len(data), largest)]


def unpack(pieces: Iterable[bytes]) -> Entries:
    """What `pack` was given.

    >>> key = pa.record_batch({"k": ["a"]})
    >>> unpack(pack(Entries.of(key, key))).keys.to_pydict()
    {'k': ['a']}
    """
    batch = pa.ipc.open_stream(b"".join(pieces)).read_next_batch()

    def part(start: str) -> pa.RecordBatch:
        names = [n for n in batch.schema.names if n.startswith(start)]
        columns = [batch.column(n) for n in names]
        if not names:
            return pa.RecordBatch.from_struct_array(pa.array([{}] * batch.num_rows, pa.struct([])))
        return pa.RecordBatch.from_arrays(columns, names=[n.removeprefix(start) for n in names])

    return Entries(part(_KEY), part(_VALUE), batch.column(_GONE))
