"""What may stand at the cursor in each clause of a query, and in its parentheses.

`candidates` and `slots` call `offer_query` for the queries of a statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from kshell.terminal.completion.columns import Scope, common_columns, join_conditions, scope_at
from kshell.terminal.completion.fields import offer_functions
from kshell.terminal.completion.listed import offer_listed
from kshell.terminal.completion.names import Field, Known
from kshell.terminal.completion.offers import Offers
from kshell.terminal.completion.place import Place, is_value, since_comma
from kshell.terminal.completion.queries import Relation, branch_of, clauses, common_tables, is_query
from kshell.terminal.completion.ranking import Index
from kshell.terminal.completion.tree import Group, Node, Tree, before_hole, upper
from kshell.terminal.completion.types import offer_types
from kshell.terminal.completion.values import (
    AFTER,
    AFTER_SOURCE,
    FOLLOW,
    NULLS,
    WINDOWS,
    offer_compared,
    offer_units,
    offer_value,
)

__all__ = ["offer_condition", "offer_query", "offer_row"]

_FRAMES = frozenset({"ROWS", "RANGE", "GROUPS"})
_PARTS = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "QUARTER", "WEEK", "DOW", "DOY",
          "EPOCH")  # fmt: skip


def offer_query(offers: Offers, known: Known, tree: Tree, start: int) -> None:
    """Offer what may stand in a query; that of the whole statement begins at `start`."""
    group = tree.group
    scope = scope_at(known, group, start)
    nodes = group.nodes[0 if group.parent else start :]
    if group.parent is not None and not is_query(group):
        _offer_in_parentheses(Place(offers, known, scope, tree, "", before_hole(nodes), ()))
        return
    branch = branch_of(clauses(nodes))
    clause = next((c for c in branch if c.has_hole), None)
    if clause is not None:
        place = Place(offers, known, scope, tree, clause.name, clause.seen, branch)
        begun = clause.name.endswith("…")  # LEFT …, FULL OUTER …
        (_lead if begun else _CLAUSES.get(clause.name, offer_value))(place)


def offer_condition(
    offers: Offers, known: Known, tree: Tree, source: Relation | None, seen: Sequence[Node]
) -> None:
    """Offer what may stand in a condition on the records of one source."""
    scope = Scope(known, [(tree.root, [source] if source is not None else [])])
    if tree.group.parent is not None:
        nodes = before_hole(tree.group.nodes)
        _offer_in_parentheses(Place(offers, known, scope, tree, "", nodes, ()))
    else:
        offer_value(Place(offers, known, scope, tree, "PRINT", seen, ()))


def offer_row(offers: Offers, known: Known, tree: Tree) -> None:
    """Offer what may stand in a value of VALUES (…), where no columns are."""
    seen = since_comma(before_hole(tree.group.nodes))
    if not seen:
        offers.words(("NULL", "TRUE", "FALSE", "CAST("))
        offer_functions(offers, known)


# Parentheses that are no query


def _offer_in_parentheses(place: Place) -> None:
    group = place.tree.group
    before = upper(group.before)
    inner = Place(place.offers, place.known, place.scope, place.tree, "()",
                   since_comma(place.seen), ())  # fmt: skip
    if before == "IN" and offer_compared(inner):
        return
    if not place.seen and before in ("FROM", "JOIN", "AS", "EXISTS", "IN", ",", ""):
        place.offers.words(("SELECT",) if before not in ("FROM", "JOIN") else ("SELECT", "WITH"))
        if before in ("AS", "EXISTS"):
            return
    if before in ("FROM", "JOIN"):
        _sources(place)
    elif before in ("CAST", "TRY_CAST"):
        _cast(place)
    elif before in ("TUMBLING", "HOPPING", "SESSION", "SLIDING", "WITHIN"):
        _in_window(place, before)
    elif before == "OVER":
        _over(place)
    elif before == "EXTRACT" and len(place.seen) < 2:
        place.offers.words(("FROM",) if place.seen else _PARTS)
    elif before == "USING":
        names = common_columns(place.scope, place.tree.place)
        place.offers.names(Index(names), lambda f: f.text, lambda f: f.type)
    elif before == "FILTER":
        condition = [n for n in place.seen if upper(n) != "WHERE"]
        if not place.seen:
            place.offers.words(("WHERE",))
        else:
            offer_value(replace(inner, clause="WHERE", seen=condition))
    else:
        if before == "COUNT" and not place.seen:
            place.offers.pairs([("*", "every row")])
        offer_value(inner)
        if before and not place.seen:
            place.offers.words(("DISTINCT",))


def _cast(place: Place) -> None:
    words = [upper(n) for n in place.seen]
    if "AS" in words:
        offer_types(place.offers, place.known, place.seen[words.index("AS") + 1 :])
    elif is_value(place.seen):
        place.offers.words(("AS",))
    else:
        offer_value(place)


def _in_window(place: Place, kind: str) -> None:
    seen = since_comma(place.seen)
    if seen and seen[-1].kind == "number":
        offer_units(place.offers, seen[-1].text)
    elif seen and place.last in FOLLOW:
        place.offers.words(FOLLOW[place.last])
    elif not seen and not place.seen and kind not in ("SESSION", "WITHIN"):
        place.offers.words(("SIZE",))
    elif not seen and place.seen and kind != "WITHIN":
        advance = ("ADVANCE BY",) if kind == "HOPPING" else ()
        place.offers.words((*advance, "GRACE PERIOD", "RETENTION"))


def _over(place: Place) -> None:
    frame = next((n for n, node in enumerate(place.seen) if upper(node) in _FRAMES), None)
    if frame is not None:
        _frame(place, place.seen[frame + 1 :])
        return
    parts = clauses(place.tree.group.nodes)
    clause = next((c for c in parts if c.has_hole), None)
    if clause is None or (not clause.name and not clause.seen):
        place.offers.words(("PARTITION BY", "ORDER BY", "ROWS BETWEEN"))
        return
    seen = since_comma(clause.seen)
    if is_value(seen):
        ordered = clause.name == "ORDER BY"
        place.offers.words(("DESC", "ASC", *NULLS) if ordered else ("ORDER BY",))
        place.offers.words(("ROWS BETWEEN",))
        return
    inner = Place(place.offers, place.known, place.scope, place.tree, clause.name, seen, parts)
    offer_value(inner)


def _frame(place: Place, seen: Sequence[Node]) -> None:
    """ROWS BETWEEN a bound AND a bound."""
    words = [upper(node) for node in seen]
    if not seen:
        place.offers.words(("BETWEEN",))
    elif seen[-1].kind == "number" or words[-1] == "UNBOUNDED":
        place.offers.words(("PRECEDING", "FOLLOWING"))
    elif words[-1] == "CURRENT":
        place.offers.words(("ROW",))
    elif words[-1] == "BETWEEN":
        place.offers.words(("UNBOUNDED PRECEDING", "CURRENT ROW"))
    elif words[-1] == "AND":
        place.offers.words(("CURRENT ROW", "UNBOUNDED FOLLOWING"))
    elif "AND" not in words:
        place.offers.words(("AND",))


# Clauses


def _from(place: Place) -> None:
    seen = since_comma(place.seen)
    before = upper(seen[-2]) if len(seen) > 1 else ""
    if not seen:
        _sources(place)
    elif (before, place.last) == ("AT", "GROUP"):
        offer_listed(place.offers, place.known, "group")
    elif place.last in FOLLOW:
        place.offers.words(FOLLOW[place.last])
    else:
        place.after(AFTER[place.clause])
        if place.clause == "JOIN":
            place.after(AFTER_SOURCE)


def _sources(place: Place) -> None:
    offers = place.offers
    around = list(place.tree.group.within())
    index = Index(
        Field(name, name) for group in around for name, query in common_tables(group)
        if _recursive(group) or not any(query is g for g in around)
    )  # fmt: skip
    offers.names(index, lambda f: f.text, lambda f: "query of WITH")
    offers.sources(place.known.sources)


def _recursive(group: Group) -> bool:
    """Whether a query of WITH in the group may name itself."""
    return any(upper(node) == "RECURSIVE" for node in group.nodes)


def _on(place: Place) -> None:
    if not place.seen or place.last in ("AND", "OR"):
        conditions = join_conditions(place.scope, place.tree.place)
        there = "".join(node.text for node in place.seen).casefold()
        place.offers.pairs((text, "join condition") for text in conditions
                           if text.replace(" ", "").casefold() not in there)  # fmt: skip
    offer_value(place)


def _using(place: Place) -> None:
    if place.seen:
        place.after(AFTER["USING"])
    else:
        place.offers.pairs([("(", "columns of both")])


def _within(place: Place) -> None:
    last = place.seen[-1] if place.seen else None
    if last is not None and last.kind == "number":
        offer_units(place.offers, last.text)
    elif place.last in FOLLOW:
        place.offers.words(FOLLOW[place.last])
    elif last is not None:
        place.offers.words(("ON", "GRACE PERIOD"))


def _emit(place: Place) -> None:
    if not place.seen:
        place.offers.words(("CHANGES", "FINAL"))
    else:
        place.after(AFTER["EMIT"])


def _window(place: Place) -> None:
    if not place.seen:
        place.offers.words(WINDOWS)
    elif place.seen[-1].kind == "group":
        place.after(AFTER["WINDOW"])


def _limit(place: Place) -> None:
    if place.seen:
        place.after(AFTER[place.clause])


def _union(place: Place) -> None:
    place.offers.words(("SELECT",) if place.seen else ("ALL", "SELECT"))


def _with(place: Place) -> None:
    seen = since_comma(place.seen)
    if seen and seen[-1].kind == "group":
        place.offers.words(("SELECT",))
    elif place.last == "AS":
        place.offers.pairs([("(", "a query")])
    elif seen:
        place.offers.words(("AS (",))


def _lead(place: Place) -> None:
    outer = place.clause in ("LEFT …", "RIGHT …", "FULL …")
    place.offers.words(("JOIN", "OUTER JOIN") if outer else ("JOIN",))


_CLAUSES: Mapping[str, Callable[[Place], None]] = {
    "FROM": _from, "JOIN": _from, "ON": _on, "USING": _using, "WITHIN": _within, "EMIT": _emit,
    "WINDOW": _window, "LIMIT": _limit, "OFFSET": _limit,
    "UNION": _union, "INTERSECT": _union, "EXCEPT": _union,
    "WITH": _with, "VALUES": lambda place: None,
}  # fmt: skip
