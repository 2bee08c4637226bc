"""The outer rows of a stream–stream join that wait for a match, in order of their time.

`stream_join` fills and empties it.  Rows are released only after the latest row seen at the
previous check has expired, unless an earlier one arrived since (as Streams does).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Any

from kshell.stream.rows import Key, Row
from kshell.stream.state import States

__all__ = ["Place", "Waiting"]

Place = tuple[int, int, Key]  # time, side (0 is the left), key
_NEVER = 1 << 63
_LEAST = ()


class Waiting:
    """Key and row by time, side and key; several under one place in the order they came."""

    def __init__(self, states: States, name: str) -> None:
        self._rows = states.map(name)
        self._least = states.map(f"{name}.least")  # when to check: one entry
        self._order = sorted((_sortable(p) for p in self._rows), key=_first)

    def add(self, place: Place, row: tuple[Row, Row]) -> None:
        """One row more."""
        self._least[_LEAST] = min(self._least.get(_LEAST, _NEVER), place[0])
        rows = self._rows.get(place)
        if rows is None:
            insort(self._order, _sortable(place), key=_first)
        self._rows[place] = [*(rows or ()), row]

    def remove(self, place: Place) -> None:
        """Remove the rows that wait there, if any."""
        if self._rows.pop(place, None) is not None:
            del self._order[self._at(place)]

    def take(self, before: int, bounds: tuple[int, ...]) -> list[tuple[Place, tuple[Row, Row]]]:
        """Takes out the rows from before their side's bound, earliest first.

        Empty if no row can be from before `before`.
        """
        if self._least.get(_LEAST, _NEVER) >= before:
            return []
        out: list[tuple[Place, tuple[Row, Row]]] = []
        least = _NEVER
        still: set[int] = set()
        for _, place in self._order:
            least = place[0]
            if len(still) == 2:
                break
            if least >= bounds[place[1]]:
                still.add(place[1])
            else:
                out += [(place, row) for row in self._rows[place]]
        self._least[_LEAST] = least
        for place in dict.fromkeys(place for place, _ in out):
            self.remove(place)
        return out

    def _at(self, place: Place) -> int:
        entry = _sortable(place)
        at = bisect_left(self._order, entry[0], key=_first)
        while self._order[at][1] != place:
            at += 1
        return at


def _sortable(place: Place) -> tuple[tuple[Any, ...], Place]:
    """By time, then side; keys of any type only have to have one order."""
    time, side, key = place
    return (time, side, *map(repr, key)), place


def _first(entry: tuple[tuple[Any, ...], Place]) -> tuple[Any, ...]:
    return entry[0]
