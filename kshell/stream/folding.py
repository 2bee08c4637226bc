"""Aggregate functions as the operators use them: a state per key that rows are added to.

`Aggregate` asks `fold_of` for each call.  The functions live in `stream.aggregates`.
"""

from __future__ import annotations

from typing import Any, Protocol

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


def fold_of(call: Call) -> Fold:
    """The fold for that call; raises Unsupported where there is none."""
    from kshell.stream.aggregates import fold

    return fold(call)
