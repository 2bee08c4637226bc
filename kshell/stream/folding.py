"""Aggregate functions as the operators use them: a state per key that rows are added to.

`Aggregate` asks `fold_of` for each call.  The functions live in `stream.aggregates`.
"""

from __future__ import annotations

from typing import Any, Protocol

from kshell.errors import Unsupported
from kshell.sql.expressions import Call

__all__ = ["Fold", "fold_of"]


class Fold(Protocol):
    """One aggregate: states are values that no operation changes in place."""

    def initial(self) -> Any:
        """The state of no rows."""

    def add(self, state: Any, *args: Any) -> Any:
        """With one row more."""

    def undo(self, state: Any, *args: Any) -> Any:
        """With one row less."""

    def merge(self, left: Any, right: Any) -> Any:
        """Of two sessions that became one, the earlier first."""

    def result(self, state: Any) -> Any:
        """What the column shows."""


class _Count:
    def initial(self) -> Any:
        return 0

    def add(self, state: Any, *args: Any) -> Any:
        return state + 1 if not args or args[0] is not None else state

    def undo(self, state: Any, *args: Any) -> Any:
        return state - 1 if not args or args[0] is not None else state

    def merge(self, left: Any, right: Any) -> Any:
        return left + right

    def result(self, state: Any) -> Any:
        return state


class _Sum(_Count):
    def add(self, state: Any, *args: Any) -> Any:
        return state if args[0] is None else state + args[0]

    def undo(self, state: Any, *args: Any) -> Any:
        return state if args[0] is None else state - args[0]


def fold_of(call: Call) -> Fold:
    """The fold for that call; raises Unsupported where there is none."""
    if call.function == "COUNT":
        return _Count()
    try:
        from kshell.stream import aggregates
    except ImportError:
        if call.function == "SUM":
            return _Sum()
        raise Unsupported(f"the aggregate {call.function}") from None
    fold: Fold = aggregates.fold(call)
    return fold
