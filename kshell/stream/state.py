"""The state that operators keep between steps, taken out and put in again.

`graph` asks its operators for it, part by part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

__all__ = ["Entries", "Stateful"]


@dataclass(frozen=True, slots=True)
class Entries:
    """A part of an operator's state, or what changed of it: values by their keys, absolute.

    At keys that are `gone` the values mean nothing.
    """

    keys: pa.RecordBatch
    values: pa.RecordBatch
    gone: pa.BooleanArray

    @classmethod
    def of(
        cls,
        keys: pa.RecordBatch,
        values: pa.RecordBatch,
        gone: pa.RecordBatch | None = None,
    ) -> Entries:
        """Values by their keys, and keys that are gone.

        >>> key = pa.record_batch({"k": ["a"]})
        >>> Entries.of(key, key, pa.record_batch({"k": ["b"]})).gone.to_pylist()
        [False, True]
        """
        more = 0 if gone is None else gone.num_rows
        lost = [False] * keys.num_rows + [True] * more
        if gone is not None and more:
            keys = pa.concat_batches([keys, gone])
            none = [pa.nulls(more, f.type) for f in values.schema]
            blank = pa.RecordBatch.from_arrays(none, schema=values.schema)
            values = pa.concat_batches([values, blank])
        return cls(keys, values, pa.array(lost, pa.bool_()))

    @classmethod
    def numbers(cls, **values: int) -> Entries:
        """Single numbers by name: clocks and such.

        >>> Entries.numbers(now=5).named()
        {'now': 5}
        """
        names = pa.record_batch({"name": pa.array(list(values), pa.string())})
        numbers = pa.record_batch({"value": pa.array(list(values.values()), pa.int64())})
        return cls.of(names, numbers)

    def slice(self, start: int, length: int) -> Entries:
        """Some of them."""
        return Entries(
            self.keys.slice(start, length), self.values.slice(start, length),
            self.gone.slice(start, length),
        )  # fmt: skip

    def named(self) -> dict[str, int]:
        """What `numbers` was given."""
        names, values = self.keys.column(0).to_pylist(), self.values.column(0).to_pylist()
        return dict(zip(names, values, strict=True))


class Stateful(Protocol):
    """An operator whose state can be taken out and put into another of the same plan."""

    def count(self) -> int:
        """How many keys or rows it keeps."""

    def snapshot(self) -> dict[str, Entries]:
        """Everything, by the name of the part."""

    def changed(self) -> dict[str, Entries]:
        """What differs since the last time; everything the first time."""

    def load(self, parts: Mapping[str, Entries]) -> None:
        """Takes in what either of them gave, on top of what is there."""
