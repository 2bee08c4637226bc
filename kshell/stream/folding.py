"""Aggregate functions for operators: a state for each key, to which rows are added.

The functions live in `stream.folds`; `stream.aggregates` makes them.
"""

from __future__ import annotations

from typing import Any, Protocol

__all__ = ["Fold"]


class Fold(Protocol):
    """One aggregate; no operation changes a state in place."""

    def initial(self) -> Any:
        """The state without rows."""

    def add(self, state: Any, *args: Any) -> Any:
        """The state with one more row."""

    def undo(self, state: Any, *args: Any) -> Any:
        """The state without one row."""

    def merge(self, left: Any, right: Any) -> Any:
        """The state of two sessions that became one; the earlier is first."""

    def result(self, state: Any) -> Any:
        """The result for the state."""
