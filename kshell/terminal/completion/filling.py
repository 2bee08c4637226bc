"""A slot of a statement at the cursor, as `slots` and `cluster_slots` fill it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kshell.terminal.completion.names import Known
from kshell.terminal.completion.offers import Offers
from kshell.terminal.completion.tree import Node, Tree, before_hole

__all__ = ["Filling"]


@dataclass(frozen=True, slots=True)
class Filling:
    """A slot at the cursor: the nodes of the statement before it, of which its own are the last."""

    offers: Offers
    known: Known
    tree: Tree
    before: Sequence[Node]
    start: int

    @property
    def own(self) -> Sequence[Node]:
        """The nodes that the slot has so far."""
        return self.before[self.start :]

    @property
    def inside(self) -> Sequence[Node]:
        """The nodes before the cursor in the innermost parentheses."""
        return before_hole(self.tree.group.nodes)
