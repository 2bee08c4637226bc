"""Aggregates that collect values: COLLECT_LIST, COLLECT_SET, HISTOGRAM, ATTR.

`stream.aggregates` makes them.  Values above a limit are left out, as ksqlDB documents; NULL is a
normal value, except in HISTOGRAM, whose keys cannot be NULL.
"""

from __future__ import annotations

from typing import Any

from kshell.errors import Unsupported
from kshell.stream.rows import freeze

__all__ = ["Attribute", "CollectList", "CollectSet", "Histogram"]

Values = tuple[Any, ...]


def _is_among(value: Any, others: Values) -> bool:
    """Whether an equal value is there; the order of a map's entries does not count."""
    if not isinstance(value, list | dict | float):
        return value in others
    return freeze(value) in [freeze(other) for other in others]


class CollectList:
    """The values in the order they came.

    Undo removes the last of equal values; one that the limit left out was never added.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def initial(self) -> Values:
        return ()

    def add(self, state: Values, *args: Any) -> Values:
        return (*state, args[0]) if len(state) < self._limit else state

    def undo(self, state: Values, *args: Any) -> Values:
        for at in range(len(state) - 1, -1, -1):
            if _is_among(args[0], state[at : at + 1]):
                return state[:at] + state[at + 1 :]
        return state

    def merge(self, left: Values, right: Values) -> Values:
        return (left + right)[: self._limit]

    def result(self, state: Values) -> list[Any]:
        return list(state)


class CollectSet(CollectList):
    """The different values in the order they first came."""

    def add(self, state: Values, *args: Any) -> Values:
        return state if _is_among(args[0], state) else super().add(state, *args)

    def undo(self, state: Values, *args: Any) -> Values:
        raise Unsupported("COLLECT_SET cannot take a row back, which a table's changes need")

    def merge(self, left: Values, right: Values) -> Values:
        return super().merge(left, tuple(v for v in right if not _is_among(v, left)))


Counts = dict[Any, int]


class Histogram:
    """How often each text came; texts above the limit do not count."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def initial(self) -> Counts:
        return {}

    def add(self, state: Counts, *args: Any) -> Counts:
        value = args[0]
        if value is None or (value not in state and len(state) >= self._limit):
            return state
        return {**state, value: state.get(value, 0) + 1}

    def undo(self, state: Counts, *args: Any) -> Counts:
        value = args[0]
        count = state.get(value, 0)
        if count > 1:
            return {**state, value: count - 1}
        return {k: n for k, n in state.items() if k != value}

    def merge(self, left: Counts, right: Counts) -> Counts:
        made = dict(left)
        for value, count in right.items():
            if value in made or len(made) < self._limit:
                made[value] = made.get(value, 0) + count
        return made

    def result(self, state: Counts) -> list[tuple[Any, int]]:
        return list(state.items())


Tally = tuple[tuple[Any, int], ...]  # (value, how often), by first appearance


class Attribute:
    """The value that all rows have (it may be NULL); NULL if they differ."""

    def initial(self) -> Tally:
        return ()

    def add(self, state: Tally, *args: Any) -> Tally:
        return self.merge(state, ((args[0], 1),))

    def undo(self, state: Tally, *args: Any) -> Tally:
        return tuple((v, n) for v, n in self.merge(state, ((args[0], -1),)) if n > 0)

    def merge(self, left: Tally, right: Tally) -> Tally:
        made = list(left)
        for value, count in right:
            at = next((i for i, (v, _) in enumerate(made) if _is_among(value, (v,))), None)
            if at is None:
                made.append((value, count))
            else:
                made[at] = (value, made[at][1] + count)
        return tuple(made)

    def result(self, state: Tally) -> Any:
        return state[0][0] if len(state) == 1 else None
