"""The cursor in a query, and what the nodes before it are: a finished value, a CASE, a comparison.

`query_places`, `values` and `fields` read it; all of them look at tokens alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kshell.sql.keywords import RESERVED
from kshell.terminal.completion.columns import Scope
from kshell.terminal.completion.names import Known
from kshell.terminal.completion.offers import Offers
from kshell.terminal.completion.queries import Clause
from kshell.terminal.completion.tree import Node, Tree, upper

__all__ = ["COMPARED", "IN_CASE", "Place", "is_length", "is_value", "open_case",
           "since_comma", "term_of"]  # fmt: skip

COMPARED = frozenset({"=", "<", ">", "<=", ">=", "<>", "!=", "LIKE", "IN", "BETWEEN", "IS"})
_NOT_VALUES = (RESERVED | {"CASE", "WHEN", "THEN", "ELSE", "DISTINCT", "ALL", "ESCAPE", "INTERVAL",
                           "OVER"}) - {"NULL", "TRUE", "FALSE"}  # fmt: skip
_LENGTHS = frozenset({"SIZE", "RETENTION", "PERIOD", "WITHIN", "INTERVAL", "BY", "TIMEOUT"})
IN_CASE: Mapping[str, Sequence[str]] = {
    "CASE": ("WHEN",), "WHEN": ("THEN",), "THEN": ("WHEN", "ELSE", "END"), "ELSE": ("END",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """The cursor in a clause: what stands before it there, and which clauses come later."""

    offers: Offers
    known: Known
    scope: Scope
    tree: Tree
    clause: str
    seen: Sequence[Node]
    branch: Sequence[Clause]

    @property
    def last(self) -> str:
        """The word or sign before the cursor, in upper case."""
        return upper(self.seen[-1]) if self.seen else ""

    def after(self, words: Sequence[str]) -> None:
        """Offer words, without those of clauses that come later in the text."""
        names = [c.name for c in self.branch]
        at = next((i for i, c in enumerate(self.branch) if c.has_hole), len(names))
        later = set(names[at + 1 :])
        self.offers.words(w for w in words if not any(w.startswith(n) for n in later if n))


def since_comma(seen: Sequence[Node]) -> Sequence[Node]:
    """The nodes after the last comma."""
    at = next((i for i in range(len(seen) - 1, -1, -1) if seen[i].text == ","), -1)
    return seen[at + 1 :]


def is_length(seen: Sequence[Node]) -> bool:
    """Whether the number that the nodes end with is a length of time, whose unit comes next."""
    return len(seen) > 1 and upper(seen[-2]) in _LENGTHS


def is_value(seen: Sequence[Node]) -> bool:
    """Whether the nodes end with a finished value."""
    if not seen:
        return False
    last = seen[-1]
    if last.kind in ("group", "string", "quoted", "number"):
        return True
    if last.kind == "word":
        return upper(last) not in _NOT_VALUES or upper(last) == "END"
    if last.text == "*":
        return len(seen) == 1 or upper(seen[-2]) in (",", ".", "DISTINCT", "->")
    return last.text == "]"


def term_of(seen: Sequence[Node]) -> Sequence[Node]:
    """The nodes after the last AND or OR; the AND of BETWEEN is part of it."""
    begin = 0
    words: set[str] = set()  # since then
    for n, node in enumerate(seen):
        word = upper(node)
        if word == "OR" or (word == "AND" and ("BETWEEN" not in words or "AND" in words)):
            begin = n + 1
            words.clear()
        else:
            words.add(word)
    return seen[begin:]


def open_case(seen: Sequence[Node]) -> str:
    """The last word of a CASE that has no END yet."""
    open_: list[str] = []
    for node in seen:
        word = upper(node)
        if word == "CASE":
            open_.append(word)
        elif word == "END" and open_:
            open_.pop()
        elif word in IN_CASE and open_:
            open_[-1] = word
    return open_[-1] if open_ else ""
