"""The place of a node of a query's tree in the text, and the name in it.

The grammar and `bind` call it.
"""

from __future__ import annotations

from sqlglot import exp

from kshell.errors import Place

__all__ = ["folded", "place_of"]


def place_of(node: exp.Expr | None) -> Place | None:
    """The place of a node: the first known place in it, in the order of the text."""
    for part in node.walk(bfs=False) if node is not None else ():
        meta = part.meta
        if meta.get("line") is not None and meta.get("end") is not None:
            length = meta["end"] - meta["start"] + 1
            return Place(meta["line"], max(meta["col"] - length + 1, 1), length)
    return None


def folded(identifier: exp.Expr) -> str:
    """An identifier's name: in upper case unless it is quoted.

    >>> folded(exp.to_identifier("a")), folded(exp.to_identifier("a", quoted=True))
    ('A', 'a')
    """
    return identifier.name if identifier.args.get("quoted") else identifier.name.upper()
