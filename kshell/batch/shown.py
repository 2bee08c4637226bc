"""How an answer's columns are called: an expression without an alias as it was written.

`plan` names the columns of a `Planned` with it.  In subqueries DuckDB's names hold; only where
kshell edited an expression, it is given the name of its words.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from kshell.field_names import plain
from kshell.results import unique
from kshell.sql.spans import Draft
from kshell.sql.syntax import Item, Selection, Syntax
from kshell.types import quote_duckdb

__all__ = ["Shown", "shown"]

_ENDS = frozenset(
    [
        "FROM",
        "WHERE",
        "GROUP",
        "HAVING",
        "WINDOW",
        "QUALIFY",
        "ORDER",
        "LIMIT",
        "OFFSET",
        "UNION",
        "EXCEPT",
        "INTERSECT",
        "USING",
        "INTO",
    ]
)
_NO_END = {("DISTINCT", "FROM"), ("WITHIN", "GROUP")}  # a IS DISTINCT FROM b
_NAMED = frozenset({"COLUMN_REF", "STAR", "POSITIONAL_REFERENCE"})


@dataclass(frozen=True, slots=True)
class Shown:
    """Names from the left and from the right, up to the first item that may be several columns.

    `None` leaves DuckDB's name.  `end` is where in the draft what is selected ends, -1 if unknown.
    """

    left: Sequence[str | None] = ()
    right: Sequence[str | None] = ()
    end: int = -1

    def names(self, of_duckdb: Sequence[str]) -> list[str]:
        """The names of the answer's columns, each once."""
        named = [plain(name) for name in of_duckdb]
        if len(self.left) + len(self.right) <= len(named):
            for n, name in enumerate(self.left):
                named[n] = named[n] if name is None else name
            for n, name in enumerate(self.right):
                at = len(named) - len(self.right) + n
                named[at] = named[at] if name is None else name
        return unique(named)


def shown(
    draft: Draft, syntax: Syntax | None, words: Draft, named: Collection[int] = ()
) -> Shown:
    """Names for the answer; names that subqueries would lose by edits are noted in the draft.

    `named` are where columns begin that have a name of DuckDB's: those are called by their own.
    """
    if syntax is None:
        return Shown()
    answer = Shown()
    for selection in syntax.selections:
        spans = _spans(draft, selection)
        if spans is None:
            continue
        if selection is syntax.root:
            answer = _of_answer(draft, selection.items, spans, words, named)
            continue
        for item, (start, end) in zip(selection.items, spans, strict=True):
            if (
                _unnamed(item)
                and draft.edited(start, end)
                and not _several(draft, item, start, end, words)
            ):
                draft.append(end, f" AS {quote_duckdb(_written(words, start, end))}")
    return answer


def _of_answer(
    draft: Draft, items: Sequence[Item], spans: Sequence[tuple[int, int]], words: Draft,
    named: Collection[int],
) -> Shown:  # fmt: skip
    names: list[str | None] = []
    several = []
    for item, (start, end) in zip(items, spans, strict=True):
        several.append(_several(draft, item, start, end, words))
        edited = not item.alias and item.kind == "COLUMN_REF" and draft.edited(start, end)
        edited = edited and item.start not in named
        names.append(_written(words, start, end) if edited or _unnamed(item) else None)
    end = spans[-1][1]
    if True not in several:
        return Shown(names, (), end)
    first, last = several.index(True), len(several) - 1 - several[::-1].index(True)
    return Shown(names[:first], names[last + 1 :], end)


def _unnamed(item: Item) -> bool:
    return not item.alias and item.kind not in _NAMED


def _several(draft: Draft, item: Item, start: int, end: int, written: Draft) -> bool:
    """Whether the item may be more than one column: `*`, `t.* LIKE …`, COLUMNS(…), UNNEST of a
    STRUCT."""
    first = draft.at(start)
    words = [draft.word(n) for n in range(first, draft.at(end))]
    at = first + 2 if draft.is_sign(first + 1, ".") else first
    starred = item.kind == "STAR" or draft.is_sign(at, "*")
    unnested = "UNNEST" in words[:1] and _written(written, start, end)[:7].upper() != "EXPLODE"
    return starred or "COLUMNS" in words or unnested


def _written(words: Draft, start: int, end: int) -> str:
    first, last = words.moved(start), words.moved(end)
    return " ".join(words.source[first:last].split())


def _spans(draft: Draft, selection: Selection) -> list[tuple[int, int]] | None:
    """Where each of the items stands; None where that is not to be seen."""
    if selection.from_first or not selection.items or selection.items[0].start < 0:
        return None
    n = draft.at(selection.items[0].start)
    while n >= 0 and draft.word(n) != "SELECT":
        n = draft.partner(n) if 0 <= draft.partner(n) < n else n
        n -= 1
    if n < 0:
        return None
    first = n + 1
    if draft.word(first) == "DISTINCT" and draft.word(first + 1) == "ON":
        first = draft.partner(first + 2) + 1
    elif draft.word(first) in ("DISTINCT", "ALL"):
        first += 1
    last = _end(draft, first)
    spans = draft.parts(first, last)
    return list(spans) if len(spans) == len(selection.items) else None


def _end(draft: Draft, first: int) -> int:
    last = len(draft.tokens)
    for n in draft.level(first, last):
        if draft.tokens[n].text == ")":
            return n
        if draft.word(n) in _ENDS and (draft.word(n - 1), draft.word(n)) not in _NO_END:
            return n
    return last
