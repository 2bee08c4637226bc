"""The formats of cases: nodes to bytes and back, and names in any case.

`records` asks one `Nodes` for each half of a source; `avro`, `protobuf` and `json_sr` give it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

__all__ = ["Nodes", "respelled"]


def respelled(node: Any, came: Any) -> Any:
    """The expected node; names that differ only in case from those that came are spelled as those.

    >>> respelled({"a": [{"b": 1}], "x": 2}, {"A": [{"B": 0}]})
    {'A': [{'B': 1}], 'x': 2}
    """
    if isinstance(node, Mapping) and isinstance(came, Mapping):
        names = {str(k).casefold(): k for k in came if k not in node}
        made = {}
        for name, inner in node.items():
            spelled = name if name in came else names.get(str(name).casefold(), name)
            made[spelled] = respelled(inner, came.get(spelled))
        return made
    if isinstance(node, list) and isinstance(came, list) and len(node) == len(came):
        return [respelled(n, c) for n, c in zip(node, came, strict=True)]
    return node


class Nodes(Protocol):
    """One half of one source as a case writes it."""

    def from_node(self, node: Any) -> bytes:
        """The bytes that a producer with the topic's schema would write for a node (never None)."""

    def to_node(self, data: bytes) -> Any:
        """The node that a case would write for those bytes."""

    def expected(self, node: Any, data: bytes) -> Any:
        """The node that a case expects, in the form that `to_node` gives for equal bytes.

        Formats with a schema match names in any case (see `respelled`).
        """
