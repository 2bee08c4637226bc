"""Changes: the data that continuous queries pass between layers.

An Arrow batch and an integer weight for each row.  A stream's rows weigh +1; a table's update is
the old row at -1 and the new row at +1; a tombstone is the old row at -1.  A weight of 0 is a
*touch*: it changes nothing, but KSQL still forwards it (a tombstone for an unknown key).
The sum of the weights of equal rows over a whole run is the bounded answer.

The order of rows is part of the meaning: rows of one batch follow one another in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

__all__ = ["WEIGHT", "Changes"]

WEIGHT = pa.int64()
_ZERO = pa.scalar(0, WEIGHT)  # made once: to guess the type of a number takes 0.2 ms


@dataclass(frozen=True, slots=True)
class Changes:
    """Rows and their weights; `len(rows) == len(weights)`.

    `order` says where each row stands among the rows of all inputs of a step: int64, never falling;
    rows that one record made share its place.  None where only one input has rows.
    `places` has the partition and the offset of each row's record, where a person may open it.

    >>> c = Changes.of(pa.record_batch({"n": [1, 2]}))
    >>> c.weights.to_pylist()
    [1, 1]
    """

    rows: pa.RecordBatch
    weights: pa.Array
    order: pa.Array | None = None
    places: pa.RecordBatch | None = None

    @classmethod
    def of(cls, rows: pa.RecordBatch, weight: int = 1) -> Changes:
        """All rows with the same weight: +1, as in a stream."""
        return cls(rows, pa.repeat(pa.scalar(weight, WEIGHT), rows.num_rows))

    @classmethod
    def none(cls, schema: pa.Schema) -> Changes:
        """No rows."""
        return cls.of(pa.RecordBatch.from_pylist([], schema=schema))

    @classmethod
    def concat(cls, parts: Iterable[Changes], schema: pa.Schema) -> Changes:
        """Joins several in order."""
        parts = [p for p in parts if len(p)]
        if not parts:
            return cls.none(schema)
        if len(parts) == 1:
            return parts[0]
        rows = pa.concat_batches([p.rows for p in parts])
        order = _joined([p.order for p in parts], pa.concat_arrays)
        places = _joined([p.places for p in parts], pa.concat_batches)
        return cls(rows, pa.concat_arrays([p.weights for p in parts]), order, places)

    def there(self) -> pa.Array:
        """Which rows are there after the change: those that weigh more than 0."""
        import pyarrow.compute as pc  # takes 50 ms, and a start needs none of it

        return pc.greater(self.weights, _ZERO)

    def holding(self, rows: pa.RecordBatch) -> Changes:
        """Other rows in the places of these, one for each."""
        return Changes(rows, self.weights, self.order, self.places)

    def filter(self, mask: pa.Array) -> Changes:
        """The rows at which the mask is true."""
        return self._each(lambda column: column.filter(mask))

    def take(self, numbers: pa.Array) -> Changes:
        """The rows of those numbers."""
        return self._each(lambda column: column.take(numbers))

    def slice(self, start: int, length: int | None = None) -> Changes:
        """Some of the rows, without a copy; without `length` up to the last."""
        return self._each(lambda column: column.slice(start, length))

    def _each(self, part: Callable[[Any], Any]) -> Changes:
        """The same part of all that there is of each row."""
        order = None if self.order is None else part(self.order)
        places = None if self.places is None else part(self.places)
        return Changes(part(self.rows), part(self.weights), order, places)

    def __len__(self) -> int:
        return int(self.rows.num_rows)


def _joined(parts: Sequence[Any], concat: Callable[[Any], Any]) -> Any:
    """The parts as one; None if one of them is missing."""
    return None if any(part is None for part in parts) else concat(parts)
