"""The parts of a graph's state under names that last, and a graph filled with what was saved.

A graph names a part by its operator's place in the plan, which a filter more would change.
"""

from __future__ import annotations

from collections.abc import Mapping

from kshell.engines.local.durable.ledger import Saved
from kshell.stream.graph import Graph
from kshell.stream.state import Entries

__all__ = ["Filling", "renamed", "states"]


def states(graph: Graph) -> dict[str, str]:
    """The lasting name of each operator with state, by its place in the plan."""
    stateful = [place for place, made in graph.operators.items() if hasattr(made, "snapshot")]
    return {
        place: f"{n}.{place.partition('.')[2]}" for n, place in enumerate(stateful, start=1)
    }


def renamed(parts: Mapping[str, Entries], names: Mapping[str, str]) -> dict[str, Entries]:
    """The parts of operators that have other names."""
    named = {}
    for part, entries in parts.items():
        number, kind, rest = part.split(".", 2)
        named[f"{names[f'{number}.{kind}']}.{rest}"] = entries
    return named


class Filling:
    """A new graph that is filled with a snapshot, and then with what has changed since."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._places = {name: place for place, name in states(graph).items()}
        # A delta lacks the parts of which nothing changed.
        self._blank = {part: entries.slice(0, 0) for part, entries in graph.snapshot().items()}

    def load(self, saved: Saved) -> None:
        """Take in what comes next; what the graph's steps change from then on is noted."""
        for parts in (saved.snapshot, *saved.deltas):
            if parts:
                self.graph.load({**self._blank, **renamed(parts, self._places)})
        self.graph.changed()
