"""Random records for the operators, as hypothesis makes them, and what operators make of them.

The differential tests give them to Kafka Streams and to kshell; the property tests to kshell and to
DuckDB.  Times drift on, with records that are late, far too late, at equal times and after a jump.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import strategies as st

__all__ = ["Made", "Record", "records"]


class Record(NamedTuple):
    """One record: `cells` are its value columns, None for a record without a value."""

    topic: str
    key: str | None
    cells: tuple[str | int | None, ...] | None
    ts: int

    def text(self) -> str | None:
        """The value as Streams' topologies read it.

        >>> Record("l", "a", ("x", None), 0).text()
        'x|~'
        """
        return None if self.cells is None else text_of(self.cells)


class Made(NamedTuple):
    """A record that came out: its window's start and end, its value as text, its time in ms."""

    key: str | None
    window: tuple[int, int] | None
    value: str | None
    ts: int


def text_of(cells: Sequence[object]) -> str:
    """Columns as text, "~" where one is NULL."""
    return "|".join("~" if c is None else str(c) for c in cells)


_LATE = st.sampled_from([0, 0, 0, 0, 1, 3, 8, 20, 45, 90])
_STEP = st.one_of(st.integers(0, 12), st.sampled_from([0, 0, 5, 10, 40]))
_JUMP = st.sampled_from([0] * 30 + [130_000])


@st.composite
def records(
    draw: st.DrawFn,
    topics: Sequence[str] = ("l",),
    groups: Sequence[str | None] | None = None,
    keys: Sequence[str | None] = ("a", "b", "c", None),
    jumps: bool = True,
    most: int = 30,
) -> list[Record]:
    """Up to `most` records; with `groups`, topic "l" has such a column before its number."""
    clock = draw(st.integers(0, 60))
    out = []
    for _ in range(draw(st.integers(1, most))):
        clock += draw(_STEP) + (draw(_JUMP) if jumps else 0)
        topic = draw(st.sampled_from(topics))
        key = draw(st.sampled_from(keys))
        number = draw(st.sampled_from([1, 2, 3, 4, 5, 6, 7, None]))
        cells: tuple[str | int | None, ...] | None = (number,)
        if groups is not None and topic == "l":
            cells = (draw(st.sampled_from(groups)), number)
        if draw(st.integers(0, 6)) == 6:
            cells = None
        out.append(Record(topic, key, cells, max(0, clock - draw(_LATE))))
    return out
