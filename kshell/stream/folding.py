"""Aggregate functions as the operators use them: a state per key that rows are added to.

The functions live in `stream.folds`; `stream.aggregates` finds one by its name.
"""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Fold"]


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
