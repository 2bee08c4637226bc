"""The rows of an answer that are kept for later: in memory, then in a file without a name.

`board` keeps a live query's rows with it, up to its LIMIT, `jobs` those of a bounded query in the
background, and `sources/memory` the last result.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import IO, Any

import pyarrow as pa

__all__ = ["Spill"]

_MEMORY = 16 << 20  # bytes; what is more goes to the file


class Spill:
    """Rows in the order in which they came; nobody else can open the file.  Raises OSError.

    >>> rows = Spill(pa.schema([("n", pa.int64())]))
    >>> rows.add(pa.record_batch({"n": [1, 2]}))
    >>> [batch.num_rows for batch in rows.batches()]
    [2]
    """

    def __init__(self, schema: pa.Schema, memory: int = _MEMORY) -> None:
        self.schema = schema
        self.count = 0
        self._memory = memory
        self._held: list[pa.RecordBatch] = []
        self._bytes = 0
        self._file: IO[bytes] | None = None
        self._writer: Any = None

    @property
    def written(self) -> int:
        """How many bytes are in the file."""
        return 0 if self._file is None else self._file.tell()

    def add(self, rows: pa.RecordBatch) -> None:
        """Keep rows."""
        if not rows.num_rows:
            return
        self.count += rows.num_rows
        self._held.append(rows)
        self._bytes += rows.nbytes
        if self._bytes > self._memory:
            self._write()

    def _write(self) -> None:
        if self._file is None:
            import tempfile

            self._file = tempfile.TemporaryFile(prefix="kshell-")  # noqa: SIM115
            self._writer = pa.ipc.new_stream(self._file, self.schema)
        held, self._held = self._held, []
        for batch in held:
            self._writer.write_batch(batch)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows; none can be added after it."""
        if self._file is not None:
            self._writer.close()
            self._file.seek(0)
            yield from pa.ipc.open_stream(self._file)
        yield from self._held

    def table(self) -> pa.Table:
        """The same; those in the file are read where they are."""
        held = pa.Table.from_batches(self._held, self.schema)
        if self._file is None:
            return held
        self._writer.close()
        self._file.flush()
        mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)
        reader = pa.ipc.open_stream(pa.BufferReader(pa.py_buffer(mapped)))
        return pa.concat_tables([reader.read_all(), held])

    def drop(self) -> None:
        """Forget the rows; those of a table stay."""
        self._held = []
        if self._file is not None:
            self._file.close()
            self._file = self._writer = None
