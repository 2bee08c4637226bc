"""Runs a planned query: DuckDB pulls the scans in a thread of its own, a caller pulls the answer.

Memory is flat: scans are pulled as DuckDB asks, and the answer waits in a short queue.  `cancel`
works from any thread: it stops the scans, interrupts DuckDB and ends the iteration.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterator, Sequence

import duckdb
import pyarrow as pa

from kshell.batch.plan import Planned, Read, plain_schema, raw_schema, readable, view
from kshell.batch.tables import Scan
from kshell.batch.translate_error import translate_error
from kshell.errors import EvaluationError, Interrupted, KshellError
from kshell.field_names import plain_column, relabelled
from kshell.results import LeftOut, Notice, Progress, Rows, undecodable

__all__ = ["run"]

_ANSWER_ROWS = 16_384  # rows in one batch of the answer
_WAITING = 4  # batches of the answer that wait for the caller


class _Run:
    """One running query; `Rows` is its face."""

    def __init__(self, planned: Planned, connection: duckdb.DuckDBPyConnection) -> None:
        self._planned = planned
        self._connection = connection
        self._scans: list[Scan] = []
        self._error: BaseException | None = None
        self._cancelled = threading.Event()
        self._answer: queue.Queue[pa.RecordBatch | None] = queue.Queue(_WAITING)
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._work, name="kshell-duckdb", daemon=True)

    def _raw(self, number: int, read: Read, scan: Scan) -> Iterator[pa.RecordBatch]:
        """The scan's batches under their raw names, with the column that costs nothing."""
        schema = raw_schema(number, read.reference.table, read.columns)
        try:
            for batch in scan.batches:
                if self._cancelled.is_set():
                    return
                dummy = pa.nulls(batch.num_rows, pa.bool_())
                types = schema.types[1:]
                made = [relabelled(c, t) for c, t in zip(batch.columns, types, strict=True)]
                yield pa.RecordBatch.from_arrays([dummy, *made], schema=schema)
        except BaseException as error:
            # DuckDB would turn it into text: keep what it was.
            self._error = self._error or error
            raise

    def _work(self) -> None:
        try:
            for number, read in enumerate(self._planned.reads):
                scan = read.reference.table.open([c.name for c in read.columns], read.ranges)
                self._scans.append(scan)
                schema = raw_schema(number, read.reference.table, read.columns)
                raw = self._raw(number, read, scan)
                source: pa.Table | pa.RecordBatchReader
                if read.again:
                    source = pa.Table.from_batches(list(raw), schema)
                else:
                    source = pa.RecordBatchReader.from_batches(schema, raw)
                self._connection.register(f"raw_{number}", source)
                names = {c.name for c in read.columns}
                self._connection.execute(view(number, read.reference, names))
            with contextlib.closing(
                readable(self._connection.sql(self._planned.sql)).to_arrow_reader(_ANSWER_ROWS)
            ) as answer:
                schema = self._planned.schema
                if schema is None:
                    schema = plain_schema(
                        answer.schema, self._planned.shown.names(answer.schema.names)
                    )
                    self._put(pa.RecordBatch.from_pylist([], schema=schema))
                for batch in answer:
                    if self._cancelled.is_set():
                        return
                    columns = batch.columns
                    if self._planned.escaped:
                        columns = [plain_column(c) for c in columns]
                    self._put(pa.RecordBatch.from_arrays(columns, schema=schema))
        except duckdb.Error as error:
            if self._error is None and not self._cancelled.is_set():
                self._error = error
        except BaseException as error:
            self._error = self._error or error
        finally:
            try:
                self._close()
            finally:
                self._put(None)

    def _close(self) -> None:
        """Let go of what was not pulled to its end now, not when it is forgotten."""
        for scan in self._scans:
            scan.cancel()
            with contextlib.suppress(ValueError):  # DuckDB is pulling it: then it ends by itself
                scan.batches.close()

    def _put(self, batch: pa.RecordBatch | None) -> None:
        while not self._cancelled.is_set():
            with contextlib.suppress(queue.Full):
                self._answer.put(batch, timeout=0.1)
                return

    def batches(self) -> Iterator[pa.RecordBatch]:
        self._thread.start()
        try:
            while not self._cancelled.is_set():
                # A short wait, so that Ctrl-C reaches the main thread.
                with contextlib.suppress(queue.Empty):
                    batch = self._answer.get(timeout=0.05)
                    if batch is None:
                        break
                    yield batch
        finally:
            self.cancel()
            self._thread.join(5)
        self._raise()

    def _raise(self) -> None:
        error = self._error
        if isinstance(error, Interrupted) or error is None:
            return
        if isinstance(error, KshellError):
            raise error
        if isinstance(error, duckdb.Error):
            raise self._translated(error) from error
        raise error

    def _translated(self, error: duckdb.Error) -> KshellError:
        """In kshell's words, with a record that makes it fail where one is found."""
        from kshell.batch.failing import failing

        planned = self._planned
        recent = [scan.recent() for scan in self._scans]
        found = failing(planned, self._connection, recent, error)
        made = translate_error(
            found.error, planned.query, [], planned.sql, planned.locate, found.place
        )
        if found.record and isinstance(made, EvaluationError):
            made.what += f" ({found.record})"
        return made

    def cancel(self) -> None:
        self._cancelled.set()
        for scan in self._scans:
            scan.cancel()
        if self._thread.is_alive():
            self._connection.interrupt()

    def progress(self) -> Progress | None:
        parts = [scan.progress() for scan in self._scans]
        if not parts:
            return None
        return Progress(
            sum(p.done for p in parts),
            sum(p.total for p in parts),
            time.monotonic() - self._began,
            sum(p.bytes for p in parts),
            next((p.note for p in parts if p.note), ""),
        )

    def notices(self) -> Sequence[Notice]:
        bad = undecodable(sum((scan.bad() for scan in self._scans), LeftOut()))
        return (*bad, *(notice for scan in self._scans for notice in scan.notices()))


def run(planned: Planned, connection: duckdb.DuckDBPyConnection) -> Rows:
    """Start it when its batches are first pulled; at once, where only its rows tell its columns."""
    running = _Run(planned, connection)
    schema, batches = planned.schema, running.batches()
    if schema is None:
        first = next(batches)
        schema = first.schema
    return Rows(
        schema,
        batches,
        cancel=running.cancel,
        progress=running.progress,
        notices=running.notices,
    )


