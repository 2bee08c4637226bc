"""Rows in memory as a bounded query's table: what `kept_table` and `given` have in common."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping, Sequence

import pyarrow as pa

from kshell.batch.tables import Bounds, Range, Recent, Scan, TableColumn
from kshell.results import Progress

__all__ = ["BATCH_ROWS", "ArrowTable"]

BATCH_ROWS = 1 << 16


class ArrowTable:
    """So many rows, numbered from 0, whose columns are made when they are asked for by name."""

    def __init__(
        self,
        name: str,
        columns: Sequence[TableColumn],
        rows: int,
        column: Callable[[str], pa.Array | pa.ChunkedArray],
        why: str,
        *,
        declared: bool,
    ) -> None:
        self._name, self._columns, self._declared = name, columns, declared
        self._rows, self._column, self._why = rows, column, why

    @property
    def name(self) -> str:
        return self._name

    @property
    def columns(self) -> Sequence[TableColumn]:
        return self._columns

    @property
    def declared(self) -> bool:
        return self._declared

    @property
    def keys(self) -> tuple[str, ...]:
        return ()

    @property
    def latest(self) -> tuple[str, ...]:
        return ()

    @property
    def offsets(self) -> Mapping[int, tuple[int, int]]:
        """The rows, as one part."""
        return {0: (0, self._rows)}

    def ranges(self, bounds: Bounds) -> list[Range]:
        """All of them: nothing is read to answer."""
        return [Range(0, 0, self._rows, 0, self._rows, self._why)]

    def open(self, columns: Sequence[str], ranges: Sequence[Range]) -> Scan:
        """The rows, some ten thousand at a time."""
        began, done = time.monotonic(), 0
        if columns:
            made = pa.table([self._column(c) for c in columns], names=list(columns))
            batches = made.to_batches(BATCH_ROWS)
        else:
            counted = pa.repeat(pa.scalar({}, pa.struct([])), self._rows)
            batches = [pa.RecordBatch.from_struct_array(counted)]

        def pulled() -> Generator[pa.RecordBatch, None, None]:
            nonlocal done
            for batch in batches:
                done += batch.num_rows
                yield batch

        def progress() -> Progress:
            return Progress(done, self._rows, time.monotonic() - began)

        return Scan(pulled(), lambda: None, progress, recent=lambda: Recent(ranges))

    def time_of_end(self, ranges: Sequence[Range], time: int) -> Mapping[int, int]:
        """No offsets: the bounds that this serves never narrow it."""
        return {}
