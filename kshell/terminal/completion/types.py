"""Types at the cursor: in the columns of CREATE, in CAST, in ARRAY, MAP and STRUCT."""

from __future__ import annotations

from collections.abc import Sequence

from kshell.sql.keywords import TYPES
from kshell.terminal.completion.names import Known
from kshell.terminal.completion.offers import Offers
from kshell.terminal.completion.tree import Node, upper

__all__ = ["offer_declared", "offer_types"]

_OPENING = {"ARRAY": "ARRAY<", "MAP": "MAP<", "STRUCT": "STRUCT<", "DECIMAL": "DECIMAL("}
_ROLES = ("KEY", "PRIMARY KEY", "HEADERS", "HEADER(")


def offer_declared(offers: Offers, known: Known, seen: Sequence[Node]) -> None:
    """Offer what follows in `(name type [KEY | …], …)`."""
    depth, begin = 0, 0
    for n, node in enumerate(seen):
        depth += _depth(node)
        if node.text == "," and depth == 0:
            begin = n + 1
    column = seen[begin:]
    if not column:
        return  # a new name
    if offer_types(offers, known, column[1:]) or sum(map(_depth, column)) > 0:
        return
    last = upper(column[-1])
    if last == "PRIMARY":
        offers.words(("KEY",))
    elif last not in ("KEY", "HEADERS", "HEADER") and column[-1].text != "()":
        offers.words(_ROLES)
    elif column[-1].text == "()" and upper(column[-2]) != "HEADER":
        offers.words(_ROLES)  # DECIMAL(…)


def offer_types(offers: Offers, known: Known, seen: Sequence[Node]) -> bool:
    """Offer types if one is to come after these nodes of a type; says whether that is so."""
    if not _is_wanted(seen):
        return False
    offers.words((_OPENING.get(t, t) for t in TYPES), "type")
    offers.pairs((t, "your type") for t in known.types)
    return True


def _is_wanted(seen: Sequence[Node]) -> bool:
    if not seen:
        return True
    open_: list[str] = []
    for n, node in enumerate(seen):
        depth = _depth(node)
        if depth > 0:
            open_.append(upper(seen[n - 1]) if n else "")
        for _ in range(-depth):
            open_[-1:] = []
    if not open_:
        return False
    last = seen[-1]
    if open_[-1] != "STRUCT":
        return last.text in ("<", ",")
    # In a STRUCT a name comes first, then its type.
    before = seen[-2] if len(seen) > 1 else None
    return last.kind in ("word", "quoted") and before is not None and before.text in ("<", ",")


def _depth(node: Node) -> int:
    """How much deeper in angle brackets one is after the node."""
    return {"<": 1, ">": -1}.get(node.text, 0)
