"""The first and the last rows of a long answer, for a prompt; those between them are counted.

`show` collects an answer in `Ends`; `tables` and `vertical` draw its parts, and a `Gap` between.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa

__all__ = ["Ends", "Gap"]


@dataclass(frozen=True, slots=True)
class Gap:
    """So many rows that are not shown."""

    rows: int


@dataclass
class Ends:
    """At most `most` rows of all that are added, half of them the first ones.

    >>> ends = Ends(4)
    >>> ends.add(pa.record_batch({"n": range(10)}))
    >>> [b if isinstance(b, Gap) else b.column(0).to_pylist() for b in ends.parts()]
    [[0, 1], Gap(rows=6), [8, 9]]
    """

    most: int
    rows: int = 0
    _first: list[pa.RecordBatch] = field(default_factory=list)
    _last: deque[pa.RecordBatch] = field(default_factory=deque)
    _kept: int = 0  # rows of the last ones

    def add(self, batch: pa.RecordBatch) -> None:
        """Add rows after all others."""
        head = max(self._head - self.rows, 0)
        self.rows += batch.num_rows
        if head:
            self._first.append(batch.slice(0, head))
        rest = batch.slice(head)
        if rest.num_rows:
            self._last.append(rest)
            self._kept += rest.num_rows
        tail = self.most - self._head
        while self._last and self._kept - self._last[0].num_rows >= tail:
            self._kept -= self._last.popleft().num_rows

    @property
    def _head(self) -> int:
        return self.most - self.most // 2

    @property
    def left_out(self) -> int:
        """How many rows are not shown."""
        return max(self.rows - self.most, 0)

    def parts(self) -> Iterator[pa.RecordBatch | Gap]:
        """The rows to show, with a gap where some are left out."""
        yield from self._first
        if self.left_out:
            yield Gap(self.left_out)
        spare = self._kept - min(self.most - self._head, max(self.rows - self._head, 0))
        for batch in self._last:
            yield batch.slice(min(spare, batch.num_rows))
            spare = max(spare - batch.num_rows, 0)
