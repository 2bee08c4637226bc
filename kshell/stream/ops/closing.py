"""EMIT FINAL: a window's result, once, when stream time has passed its end and grace.

As Streams' suppress until a window closes, without a bound: after each row, windows that closed
leave in order of their end, then of their key, however far time has jumped.  A window takes no row
after the one that closes it: so the rows of a step can be added first, and what closed then read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import WindowType
from kshell.sql import plan
from kshell.sql.clauses import WindowClause
from kshell.stream.containers import Heap

__all__ = ["Closing", "close_after"]

# What a window is open for after its end without any grace: the ends of sessions and of sliding
# windows belong to them.
_OPEN: Mapping[WindowType, Callable[[int], int]] = {
    WindowType.TUMBLING: lambda size: 0,
    WindowType.HOPPING: lambda size: 0,
    WindowType.SESSION: lambda gap: gap + 1,
    WindowType.SLIDING: lambda difference: 1,
}


def close_after(window: WindowClause) -> int:
    """How long after its end a window's result is final, in ms."""
    return plan.grace_of(window) + _OPEN[window.type](window.size_ms)


class Closing:
    """The windows that are open, by their ends."""

    def __init__(self, window: WindowClause) -> None:
        self._after = close_after(window)
        self._open = Heap()

    def note(self, ends: Any, numbers: Any) -> None:
        """More windows; one that was noted before is then given twice."""
        self._open.push(ends, numbers)

    def take(self, now: int) -> tuple[Any, Any]:
        """The ends and the numbers of windows that are closed."""
        return self._open.pop(now - self._after)  # type: ignore[no-any-return]

    def rows(self, ends: Any, clock: Any) -> Any:
        """The row that closes each window; `clock` is stream time after each row."""
        return np.searchsorted(clock, ends + self._after)

    def order(self, rows: Any, ends: Any, keys: Sequence[pa.Array], starts: Any) -> Any:
        """The order in which windows leave."""
        columns = [pa.array(rows), pa.array(ends), *map(_bytes, keys), pa.array(starts)]
        names = [str(n) for n in range(len(columns))]
        table = pa.table(columns, names=names)
        return pc.sort_indices(table, sort_keys=[(n, "ascending") for n in names]).to_numpy()


def _bytes(column: pa.Array) -> pa.Array:
    """What sorts as the key's bytes do: whole numbers big-endian, text as UTF-8."""
    if pa.types.is_integer(column.type):
        return column.cast(pa.int64()).view(pa.uint64())
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        return column.cast(pa.binary())
    return pa.array([_text(value) for value in column.to_pylist()], pa.binary())


def _text(value: Any) -> bytes:
    return value.to_bytes(8, "big") if isinstance(value, int) else str(value).encode()
