"""What all joins share: the joined row's columns, each from the side that has it.

The operators of joins call it.
"""

from __future__ import annotations

from typing import Any

from kshell.sql import plan
from kshell.stream.rows import Layout, Row

__all__ = ["Sides"]


class Sides:
    """Makes joined rows of a left and a right row, either of which may be None."""

    def __init__(self, left: plan.Relation, right: plan.Relation, output: plan.Relation) -> None:
        self.left, self.right, self.output = Layout(left), Layout(right), Layout(output)
        self.columns: list[tuple[int, int]] = []  # (0 left or 1 right, its column) of each value
        for column in output.value:
            side = 0 if column.name in self.left.names[:-1] else 1
            names = (self.left if side == 0 else self.right).names
            self.columns.append((side, names.index(column.name)))

    def join(self, cells: Row, left: Row | None, right: Row | None, ts: int) -> Row:
        """The joined row under that key."""
        sides: tuple[Any, Any] = (left, right)
        values = [None if sides[s] is None else sides[s][i] for s, i in self.columns]
        return self.output.row(cells, values, ts)
