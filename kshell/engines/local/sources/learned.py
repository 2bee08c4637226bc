"""What was found out of undeclared topics beside their samples, and what a statement does about it.

A context has one `Learned` for all of its statements; each statement's lookup has a `Widening`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kshell.kafka.metadata import Topic

if TYPE_CHECKING:
    from kshell.formats.shapes import Shape

__all__ = ["Learned", "Widening"]


class Learned:
    """Shapes of values that samples did not have, by topic; one that is made anew is another."""

    def __init__(self) -> None:
        self.version = 0  # changes with each thing that is learned
        self._shapes: dict[tuple[str, bytes], Shape] = {}

    def add(self, topic: Topic, shape: Shape) -> None:
        """Values that a statement met."""
        from kshell.formats.shapes import Shape

        self.version += 1
        self._shapes.setdefault((topic.name, topic.id), Shape()).merge(shape)

    def of(self, topic: Topic) -> Shape | None:
        """What is known of a topic."""
        return self._shapes.get((topic.name, topic.id))

    def clear(self) -> None:
        """Forget: another cluster."""
        self._shapes.clear()


@dataclass
class Widening:
    """One statement: values that do not fit are learned; after `rows_out` it cannot start again.

    `whole`: it shows whole rows, so fields that no sample had are counted in `others`, by topic.
    """

    learned: Learned
    rows_out: bool = False
    whole: bool = False
    others: dict[str, Counter[str]] = field(default_factory=dict)
