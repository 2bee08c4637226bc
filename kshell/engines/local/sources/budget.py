"""How much of a topic a scan may read: `kshell.scan.max.*`.

Every bounded read of records goes through `Allowance.of`, which ends at the limit, not after the
fetch that goes beyond it: all of a small topic is one fetch.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping

from kshell.config import Properties
from kshell.errors import CorruptRecord
from kshell.kafka.fetcher import Chunk
from kshell.kafka.records import Wanted, count, decode
from kshell.results import Notice, NoticeKind

__all__ = ["Allowance", "Budget", "stopped"]


class Budget:
    """The limits of each scan of a statement, which began when this was made; None is unbounded."""

    def __init__(self, properties: Properties) -> None:
        self.records, self.bytes, self.seconds = (
            properties.number(f"kshell.scan.max.{what}") for what in ("records", "bytes", "seconds")
        )
        self.began = time.monotonic()


class Allowance:
    """What one scan may still read."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._limited = (budget.records, budget.bytes, budget.seconds) != (None, None, None)
        self._records = self._bytes = 0
        self.spent = ""  # what ran out, where records are left unread

    def of(self, chunks: Iterable[Chunk], ends: Mapping[int, int]) -> Iterator[tuple[Chunk, int]]:
        """The chunks, each with the end up to which it may be read; stops where a limit is met."""
        for chunk in chunks:
            end = self.end_of(chunk, ends[chunk.partition])
            if not self.spent or end > chunk.start:
                yield chunk, end
            if self.spent:
                return

    def end_of(self, chunk: Chunk, end: int) -> int:
        """The end up to which a chunk may be read; `spent` says if records are left unread."""
        if not self._limited:
            return end
        try:
            held, _, _ = count(chunk.records, start=chunk.start, end=end, aborted=chunk.aborted)
        except CorruptRecord:
            return end  # who reads it says so
        most = self._most(held, len(chunk.records))
        self._records += min(held, most)
        self._bytes += len(chunk.records)
        if held <= most:
            return end
        offsets = decode(
            chunk.records, Wanted(offset=True), start=chunk.start, end=end, aborted=chunk.aborted
        ).batch.column("offset")
        first: int = offsets[most].as_py()
        return first if most else chunk.start

    def _most(self, held: int, size: int) -> int:
        """How many of a chunk's records may be read; notes what would run out."""
        budget, most = self._budget, held
        if budget.records is not None and budget.records - self._records < most:
            most, self.spent = budget.records - self._records, _said(budget.records, "record")
        if budget.bytes is not None:
            part = held * max(budget.bytes - self._bytes, 0) // max(size, 1)
            if part < most:
                most, self.spent = part, _said(budget.bytes, "byte")
        took = time.monotonic() - budget.began
        if budget.seconds is not None and took >= budget.seconds and most:
            most, self.spent = 0, _said(budget.seconds, "second")
        return most


def _said(limit: int, unit: str) -> str:
    return f"{limit:,} {unit}" if limit == 1 else f"{limit:,} {unit}s"


def stopped(name: str, spent: str, left: int) -> Notice:
    """The notice that a scan left up to so many records unread."""
    were = "record was" if left == 1 else "records were"
    text = f"{name}: stopped at {spent} (kshell.scan.max.*), up to {left:,} {were} not read"
    return Notice(NoticeKind.PARTIAL, text, left)
