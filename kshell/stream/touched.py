"""What of an operator's state has changed since it was last exported: its groups, by number.

Operators of GROUP BY note what they touch.  Nothing is kept before the first export.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.stream.column_folds.base import Grown
from kshell.stream.keys import Keys
from kshell.stream.updates import distinct, last_rows

__all__ = ["Touched"]

_MANY = 16  # one in so many of all groups: then they are not sorted but looked for


class Touched:
    """Numbers of groups that changed, and the keys of groups that left."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema  # of the keys
        self.noting = False
        self._noted = Grown(np.bool_, False)
        self._numbers: list[Any] = []
        self._left: list[pa.RecordBatch] = []

    def batch(self, columns: Sequence[pa.Array]) -> pa.RecordBatch:
        """Keys as rows."""
        return pa.RecordBatch.from_arrays(list(columns), schema=self.schema)

    def begin(self) -> None:
        """From now on note what changes: what is here now, somebody has."""
        self.take()
        self.noting = True

    def note(self, numbers: Any) -> None:
        """These groups are new or have changed."""
        if self.noting and len(numbers):
            self._noted.reach(int(numbers.max()) + 1)
            new = numbers[~self._noted.data[numbers]]
            self._noted.data[new] = True
            self._numbers.append(new)

    def left(self, numbers: Any, columns: Sequence[pa.Array]) -> None:
        """These groups are gone; `columns` are their keys."""
        if self.noting and len(columns[0]):
            self._noted.reach(int(numbers.max(initial=0)) + 1)
            self._noted.data[numbers] = False
            self._left.append(self.batch(columns))

    def take(self) -> tuple[Any, pa.RecordBatch]:
        """What was noted, and the keys of what left; each is given once."""
        numbers = np.concatenate([np.empty(0, np.int64), *self._numbers])
        if len(numbers) * _MANY > len(self._noted.data):
            numbers = np.flatnonzero(self._noted.data)
        else:
            numbers = distinct(numbers[self._noted.data[numbers]])
        none = self.batch([pa.array([], t) for t in self.schema.types])
        gone = pa.concat_batches([none, *self._left])
        slots, _ = Keys(self.schema.types).add(gone.columns)  # a key may have left twice
        gone = gone.take(pa.array(last_rows(slots)))
        self._noted.reset(numbers)
        self._numbers, self._left = [], []
        return numbers, gone
