"""COLLECT_LIST, COLLECT_SET, HISTOGRAM, ATTR and COUNT_DISTINCT of many groups.

`columns` makes them.  A group's state belongs to its fold alone and is changed in place: a row
costs the same however much has been collected.  Results are those of `folds.collected` and
`folds.distinct`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from kshell.sql.expressions import Call, Literal
from kshell.stream.column_folds.base import Numbers, each
from kshell.stream.folds.distinct import Distinct
from kshell.stream.plain import packed, unpacked
from kshell.stream.rows import freeze

__all__ = ["AttributeColumn", "CountDistinctColumn", "HistogramColumn", "ListColumn", "SetColumn"]

_HISTOGRAM_LIMIT = 1000


class _InPlace:
    """States by group, None for one without rows."""

    def __init__(self, call: Call) -> None:
        self._type = call.type
        constants = [a.value for a in call.args[1:] if isinstance(a, Literal)]
        self._limit = constants[-1] if constants else _HISTOGRAM_LIMIT
        self._states: list[Any] = []

    def fresh(self) -> Any:
        """A state without rows."""
        return {}

    def add(self, state: Any, value: Any) -> None:
        """One more value."""
        raise NotImplementedError

    def merge(self, state: Any, other: Any) -> None:
        """The values of another state too."""
        for value in other.values():
            self.add(state, value)

    def shown(self, state: Any) -> Any:
        """The result."""
        return list(state.values())

    def plain(self, state: Any) -> Any:
        """The state as a plain value."""
        return self.shown(state)

    def read(self, plain: Any) -> Any:
        """The state that was saved as a plain value."""
        state = self.fresh()
        for value in plain:
            self.add(state, value)
        return state

    def reach(self, size: int) -> None:
        self._states += [None] * (size - len(self._states))

    def reset(self, groups: Numbers) -> None:
        for group in groups.tolist():
            self._states[group] = None

    def run(self, steps: Any, args: Sequence[pa.Array]) -> None:
        states, fresh, add, merge = self._states, self.fresh, self.add, self.merge

        def one(group: int, value: Any) -> None:
            state = states[group]
            if state is None:
                state = states[group] = fresh()
            add(state, value)

        def both(group: int, other: int) -> None:
            if states[group] is None:
                states[group] = fresh()
            if states[other] is not None:
                merge(states[group], states[other])

        each(steps, args[0].to_pylist(), one, both)

    def result(self, groups: Numbers) -> pa.Array:
        shown = self.shown
        return pa.array([shown(state) for state in self._of(groups)], self._type)

    def save(self, groups: Numbers) -> pa.Array:
        return packed([self.plain(state) for state in self._of(groups)])

    def load(self, groups: Numbers, states: pa.Array) -> None:
        for group, state in zip(groups.tolist(), unpacked(states), strict=True):
            self._states[group] = self.read(state)

    def _of(self, groups: Numbers) -> list[Any]:
        states, empty = self._states, self.fresh()
        return [empty if states[g] is None else states[g] for g in groups.tolist()]


class ListColumn(_InPlace):
    """The values in the order they came."""

    def fresh(self) -> list[Any]:
        return []

    def add(self, state: list[Any], value: Any) -> None:
        if len(state) < self._limit:
            state.append(value)

    def merge(self, state: list[Any], other: list[Any]) -> None:
        state += other[: self._limit - len(state)]

    def shown(self, state: list[Any]) -> list[Any]:
        return state

    def plain(self, state: list[Any]) -> list[Any]:
        return list(state)


class SetColumn(_InPlace):
    """The different values in the order they first came, by their hashable form."""

    def add(self, state: dict[Any, Any], value: Any) -> None:
        if len(state) < self._limit:
            state.setdefault(freeze(value), value)


class AttributeColumn(_InPlace):
    """The value that all rows have: of different values the first two are enough."""

    def add(self, state: dict[Any, Any], value: Any) -> None:
        if len(state) < 2:
            state.setdefault(freeze(value), value)

    def shown(self, state: dict[Any, Any]) -> Any:
        return next(iter(state.values())) if len(state) == 1 else None

    def plain(self, state: dict[Any, Any]) -> Any:
        return list(state.values())


class HistogramColumn(_InPlace):
    """How often each text came; texts above the limit do not count."""

    def add(self, state: dict[Any, int], value: Any) -> None:
        if value is not None and (value in state or len(state) < self._limit):
            state[value] = state.get(value, 0) + 1

    def merge(self, state: dict[Any, int], other: dict[Any, int]) -> None:
        for value, count in other.items():
            if value in state or len(state) < self._limit:
                state[value] = state.get(value, 0) + count

    def shown(self, state: dict[Any, int]) -> Any:
        return list(state.items())

    def plain(self, state: dict[Any, int]) -> Any:
        return dict(state)

    def read(self, plain: Any) -> Any:
        return dict(plain)


class CountDistinctColumn(_InPlace):
    """How many different values there are, without NULL."""

    def fresh(self) -> Distinct:
        return Distinct()

    def add(self, state: Distinct, value: Any) -> None:
        if value is not None:
            state.add(value)

    def merge(self, state: Distinct, other: Distinct) -> None:
        state.merge(other)

    def shown(self, state: Distinct) -> int:
        return state.count()

    def plain(self, state: Distinct) -> Any:
        return state.plain()

    def read(self, plain: Any) -> Any:
        return Distinct.of(plain)
