"""Whether a partition's records are the first ones of another's, record by record.

`mirror` asks, to go on with a copy that was killed.  It ends at the first record that differs;
where none does, all that the copy has is read, and as much of the source.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing

import pyarrow as pa

from kshell.kafka.client import Client
from kshell.kafka.fetch import Fetch
from kshell.kafka.metadata import Snapshot
from kshell.kafka.records import Wanted, decode

__all__ = ["behind"]

_ALL = Wanted(offset=True, timestamp=True, key=True, value=True, headers=True)
_CONTENT = ("key", "value", "headers")
_TIME = "timestamp"


def behind(
    copy: tuple[Client, Snapshot], source: tuple[Client, Snapshot], partition: int,
    *, times: bool = True,
) -> int | None:  # fmt: skip
    """The offset of the source after the last record that the copy has; None where the copy's
    records are not the source's first ones.  Without `times` those of the records may differ."""
    first, end = copy[1].offsets[partition]
    reached, _ = source[1].offsets[partition]
    if first:
        return None  # records were deleted: nobody knows which
    content = (*_CONTENT, _TIME) if times else _CONTENT
    with closing(_records(*copy, partition)) as ours, closing(_records(*source, partition)) as all_:
        held, found = pa.RecordBatch.from_pydict({}), 0  # of the source, and equal ones
        for batch in ours:
            at = 0
            while batch is not None and at < batch.num_rows:
                while not held.num_rows:
                    following = next(all_, None)
                    if following is None:
                        return None
                    held = following
                count = min(batch.num_rows - at, held.num_rows)
                if not _same(batch.slice(at, count), held.slice(0, count), content):
                    return None
                reached = held.column("offset")[count - 1].as_py() + 1
                held, at, found = held.slice(count), at + count, found + count
    return reached if found == end else None


def _same(one: pa.RecordBatch, other: pa.RecordBatch, content: Sequence[str]) -> bool:
    return all(one.column(name).equals(other.column(name)) for name in content)


def _records(
    client: Client, snapshot: Snapshot, partition: int
) -> Generator[pa.RecordBatch | None, None, None]:
    """The records of a partition in their order; None, and no more, where some cannot be read."""
    start, end = snapshot.offsets[partition]
    if start >= end:
        return
    fetch = Fetch(client, snapshot, {partition: (start, end)})
    try:
        for chunk in fetch:
            found = decode(chunk.records, _ALL, start=chunk.start, end=end, aborted=chunk.aborted)
            if found.batch.num_rows:
                yield found.batch
            if found.bad:
                yield None
                return
    finally:
        fetch.cancel()
