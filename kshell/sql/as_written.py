"""The place of a node of a query's tree in the text, and the name in it.

The grammar and `bind` call it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlglot import exp

from kshell.errors import KshellError, Place

__all__ = ["folded", "mark", "odd_one", "place_of", "pointing_at"]


def place_of(node: exp.Expr | None) -> Place | None:
    """The place of a node: the first known place in it, in the order of the text."""
    for part in node.walk(bfs=False) if node is not None else ():
        meta = part.meta
        if meta.get("line") is not None and meta.get("end") is not None:
            length = meta["end"] - meta["start"] + 1
            return Place(meta["line"], max(meta["col"] - length + 1, 1), length)
    return None


def mark(node: exp.Expr, place: Place) -> None:
    """Give a node a place, where it has none of its own, as -1, NULL and ARRAY[1] have none."""
    if node.meta.get("line") is None:
        col = place.column + place.length - 1
        node.meta.update(line=place.line, col=col, start=0, end=place.length - 1)


@contextmanager
def pointing_at(place: Place | None) -> Iterator[None]:
    """Errors in the block stand at the place, unless they have one of their own."""
    try:
        yield
    except KshellError as error:
        if place is not None:
            error.with_place(place)
        raise


def odd_one(row: Sequence[exp.Expr], count: int) -> Place | None:
    """Where a row has not `count` values: the first that is too much, else the last."""
    return place_of(row[count] if len(row) > count else row[-1]) if row else None


def folded(identifier: exp.Expr) -> str:
    """An identifier's name: in upper case unless it is quoted.

    >>> folded(exp.to_identifier("a")), folded(exp.to_identifier("a", quoted=True))
    ('A', 'a')
    """
    return identifier.name if identifier.args.get("quoted") else identifier.name.upper()
