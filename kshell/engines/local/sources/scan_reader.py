"""Makes a scan's changes from a chunk of a topic: decoded columns, weights, and the record's time.

`topic_input` has one for each scan that reads its topic.  A record that cannot be decoded goes to
SHOW ERRORS and the query goes on, unless `ksql.fail.on.deserialization.error` says to stop.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import Kind, Source
from kshell.changes import WEIGHT, Changes
from kshell.config import Properties
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.sources.chunks import Learns, OneDecoding, Reading, reader_of
from kshell.engines.local.sources.learned import Misfits
from kshell.errors import CorruptRecord
from kshell.kafka.fetch import Chunk
from kshell.results import LeftOut
from kshell.sql.plan import Scan

__all__ = ["Intake"]

_PLACES = pa.schema([("partition", pa.int32()), ("offset", pa.int64())])


class Intake:
    """Decodes what one scan reads.

    A stream's record weighs +1, or 0 where it has no value; a table's +1, or -1 as a tombstone,
    of which only the key is there.  A bounded query gathers values that do not fit in `misfits`.
    `placed` changes have the places of their records.
    """

    def __init__(
        self, scan: Scan, errors: ErrorLog, properties: Properties,
        misfits: Misfits | None = None, decoding: OneDecoding | None = None,
        placed: bool = False,
    ) -> None:  # fmt: skip
        self.source: Source = scan.source
        self.schema = scan.output.schema()
        self._strict = properties["ksql.fail.on.deserialization.error"] == "true"
        self._errors = errors
        self._columns = scan.source_columns()
        self._misfits = misfits
        learns = Learns.NOT if misfits is None else Learns.TYPES
        self._read: Reading = reader_of(
            scan.source, self._columns, properties, learns=learns, decoding=decoding, placed=placed
        )
        self._placed = placed
        self._gone = -1 if scan.source.kind is Kind.TABLE else 0

    def rows(self, chunk: Chunk, start: int, stop: int) -> tuple[Changes, LeftOut]:
        """The chunk's records of the offsets [start, stop), and those that are left out."""
        start = max(start, chunk.start)
        read = self._read(chunk.partition, chunk.records, start, stop, chunk.aborted)
        self._errors.add(read.bad)
        if self._misfits is not None:
            self._misfits.add(read.learned)
        if read.bad and self._strict:
            worst = read.bad[0]
            raise CorruptRecord(
                f"topic {worst.topic}, partition {worst.partition}, offset {worst.offset}:"
                f" {worst.reason}",
                hint="UNSET 'ksql.fail.on.deserialization.error' to go on past such records",
            )
        rows = pa.RecordBatch.from_arrays(
            [read.columns[name] for name in self._columns], schema=self.schema
        )
        gone = pa.scalar(self._gone, WEIGHT)
        weights = pc.if_else(read.tombstone, gone, pa.scalar(1, WEIGHT))
        places = None
        if self._placed:
            partition = pa.repeat(pa.scalar(chunk.partition, pa.int32()), read.rows)
            places = pa.RecordBatch.from_arrays([partition, read.offsets], schema=_PLACES)
        made = Changes(rows, weights, places=places)
        return made, read.left_out + _early(rows.column("ROWTIME"))


def _early(times: pa.Array) -> LeftOut:
    """The records that a graph will skip, because they have no time or one from before 1970."""
    count: int = pc.sum(pc.less(times, pa.scalar(0, pa.int64()))).as_py() or 0
    return LeftOut(count, ("no time, or one from before 1970",)) if count else LeftOut()
