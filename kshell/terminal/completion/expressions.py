"""What may stand at the cursor of a query: sources, columns, functions, the next keywords.

`candidates` calls `offer_query` for the queries of a statement, and `offer_expression` for single
values.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from kshell.durations import UNITS
from kshell.sql.keywords import RESERVED
from kshell.terminal.completion.columns import Scope, chain_before, join_conditions, scope_at
from kshell.terminal.completion.names import Field, Known
from kshell.terminal.completion.offers import Offers
from kshell.terminal.completion.queries import (
    Clause,
    Relation,
    branch_of,
    clauses,
    common_tables,
    is_query,
    outputs,
)
from kshell.terminal.completion.ranking import Index
from kshell.terminal.completion.tree import HOLE, Group, Node, Tree, upper
from kshell.terminal.completion.types import offer_types

__all__ = ["offer_expression", "offer_query", "offer_units"]

_MOST_TABLES = 10  # of those seen so far, whose columns are offered where there is no FROM yet
_MOST_PARTITIONS = 100
_JOINS = ("LEFT JOIN", "INNER JOIN", "RIGHT JOIN", "FULL OUTER JOIN", "CROSS JOIN")
_WINDOWS = ("TUMBLING (SIZE", "HOPPING (SIZE", "SESSION (")
_LAST = ("LIMIT", "EMIT CHANGES", "EMIT FINAL", "UNION ALL", "INTERSECT", "EXCEPT")
_AFTER_SOURCE = (
    "WHERE", "JOIN", "GROUP BY", "ORDER BY", "LIMIT", "EMIT CHANGES", *_JOINS,
    *(f"WINDOW {w}" for w in _WINDOWS), "PARTITION BY", "HAVING", "EMIT FINAL", "UNION ALL", "AS",
)  # fmt: skip
# The words that may follow a finished value or source, in the order in which they are offered.
_AFTER: Mapping[str, Sequence[str]] = {
    "SELECT": ("FROM", "AS"),
    "FROM": _AFTER_SOURCE,
    "JOIN": ("ON", "WITHIN", "AS", "USING ("),
    "ON": ("AND", "OR", *_AFTER_SOURCE[:-1]),
    "USING": _AFTER_SOURCE[:-1],
    "WINDOW": ("WHERE", "GROUP BY", "PARTITION BY", "HAVING", "ORDER BY", *_LAST),
    "WHERE": ("AND", "OR", "GROUP BY", "ORDER BY", "PARTITION BY", *_LAST),
    "GROUP BY": ("HAVING", "ORDER BY", *_LAST),
    "HAVING": ("AND", "OR", "ORDER BY", *_LAST),
    "QUALIFY": ("AND", "OR", "ORDER BY", *_LAST),
    "PARTITION BY": ("EMIT CHANGES", "ORDER BY"),
    "ORDER BY": ("DESC", "ASC", "NULLS FIRST", "NULLS LAST", *_LAST),
    "LIMIT": ("OFFSET",),
    "OFFSET": (),
    "EMIT": ("LIMIT",),
    "VALUES": (),
}
# The words after a word that has few followers.
_FOLLOW: Mapping[str, Sequence[str]] = {
    "GROUP": ("BY",), "ORDER": ("BY",), "PARTITION": ("BY",), "ADVANCE": ("BY",),
    "GRACE": ("PERIOD",), "NULLS": ("FIRST", "LAST"), "EMIT": ("CHANGES", "FINAL"),
    "IS": ("NULL", "NOT NULL", "TRUE", "FALSE", "DISTINCT FROM", "NOT DISTINCT FROM"),
    "LIMIT": (), "OFFSET": (), "SIZE": (), "RETENTION": (), "PERIOD": (), "WITHIN": (),
    "INTERVAL": (), "AS": (), "ESCAPE": (),
}  # fmt: skip
_TESTS = ("IS NULL", "IS NOT NULL", "IN (", "BETWEEN", "LIKE", "NOT IN (", "NOT LIKE",
          "NOT BETWEEN")  # fmt: skip
_VALUE_WORDS = ("CASE", "CAST(", "NOT", "NULL", "TRUE", "FALSE", "EXISTS (", "INTERVAL")
_COMPARED = frozenset({"=", "<", ">", "<=", ">=", "<>", "!=", "LIKE", "IN", "BETWEEN", "IS"})
_NOT_VALUES = (RESERVED | {"CASE", "WHEN", "THEN", "ELSE", "DISTINCT", "ALL", "ESCAPE", "INTERVAL",
                           "OVER"}) - {"NULL", "TRUE", "FALSE"}  # fmt: skip
_LENGTHS = frozenset({"SIZE", "RETENTION", "PERIOD", "WITHIN", "INTERVAL", "BY", "TIMEOUT"})
_IN_CASE: Mapping[str, Sequence[str]] = {
    "CASE": ("WHEN",), "WHEN": ("THEN",), "THEN": ("WHEN", "ELSE", "END"), "ELSE": ("END",),
}  # fmt: skip
_TIME_COLUMNS = ("ROWTIME", "WINDOWSTART", "WINDOWEND")
# Moments that batch.times reads, most asked for first.
MOMENTS = ("10 minutes ago", "1 hour ago", "1 day ago", "7 days ago", "today", "yesterday", "now")


@dataclass(frozen=True, slots=True)
class _Place:
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
        return upper(self.seen[-1]) if self.seen else ""

    def after(self, words: Sequence[str]) -> None:
        """Offer words, without those of clauses that come later in the text."""
        names = [c.name for c in self.branch]
        at = next((i for i, c in enumerate(self.branch) if c.has_hole), len(names))
        later = set(names[at + 1 :])
        self.offers.words(w for w in words if not any(w.startswith(n) for n in later if n))


def offer_query(offers: Offers, known: Known, tree: Tree, start: int) -> None:
    """Offer what may stand in a query; that of the whole statement begins at `start`."""
    group = tree.group
    scope = scope_at(known, group, start)
    nodes = group.nodes[0 if group.parent else start :]
    if group.parent is not None and not is_query(group):
        _offer_in_parentheses(_Place(offers, known, scope, tree, "", _before(nodes), ()))
        return
    branch = branch_of(clauses(nodes))
    clause = next((c for c in branch if c.has_hole), None)
    if clause is not None:
        place = _Place(offers, known, scope, tree, clause.name, clause.seen, branch)
        _CLAUSES.get(clause.name, _expression)(place)


def offer_expression(offers: Offers, known: Known, tree: Tree) -> None:
    """Offer what may stand in a value of VALUES (…), where no columns are."""
    seen = _since_comma(_before(tree.group.nodes))
    if not seen:
        offers.words(("NULL", "TRUE", "FALSE", "CAST("))
        _functions(offers, known)


def _before(nodes: Sequence[Node]) -> list[Node]:
    at = next((i for i, n in enumerate(nodes) if n.kind == HOLE), len(nodes))
    return list(nodes[:at])


def _since_comma(seen: Sequence[Node]) -> Sequence[Node]:
    at = next((i for i in range(len(seen) - 1, -1, -1) if seen[i].text == ","), -1)
    return seen[at + 1 :]


# Parentheses that are no query


def _offer_in_parentheses(place: _Place) -> None:
    group = place.tree.group
    before = upper(group.before)
    if not place.seen and before in ("FROM", "JOIN", "AS", "EXISTS", "IN", ",", ""):
        place.offers.words(("SELECT",) if before not in ("FROM", "JOIN") else ("SELECT", "WITH"))
        if before in ("AS", "EXISTS"):
            return
    if before in ("FROM", "JOIN"):
        _sources(place)
    elif before in ("CAST", "TRY_CAST"):
        _cast(place)
    elif before in ("TUMBLING", "HOPPING", "SESSION", "WITHIN"):
        _in_window(place, before)
    elif before == "OVER":
        _over(place)
    elif before == "USING":
        _columns(place)
    else:
        seen = _since_comma(place.seen)
        if before == "COUNT" and not place.seen:
            place.offers.pairs([("*", "every row")])
        inner = _Place(place.offers, place.known, place.scope, place.tree, "()", seen, ())
        _expression(inner)
        if before and not place.seen:
            place.offers.words(("DISTINCT",))


def _cast(place: _Place) -> None:
    words = [upper(n) for n in place.seen]
    if "AS" in words:
        offer_types(place.offers, place.known, place.seen[words.index("AS") + 1 :], wanted=True)
    elif _is_value(place.seen):
        place.offers.words(("AS",))
    else:
        _expression(place)


def _in_window(place: _Place, kind: str) -> None:
    seen = _since_comma(place.seen)
    if seen and seen[-1].kind == "number":
        offer_units(place.offers, seen[-1].text)
    elif seen and place.last in _FOLLOW:
        place.offers.words(_FOLLOW[place.last])
    elif not seen and not place.seen and kind not in ("SESSION", "WITHIN"):
        place.offers.words(("SIZE",))
    elif not seen and place.seen and kind != "WITHIN":
        advance = ("ADVANCE BY",) if kind == "HOPPING" else ()
        place.offers.words((*advance, "GRACE PERIOD", "RETENTION"))


def _over(place: _Place) -> None:
    parts = clauses(place.tree.group.nodes)
    clause = next((c for c in parts if c.has_hole), None)
    if clause is None or (not clause.name and not clause.seen):
        place.offers.words(("PARTITION BY", "ORDER BY", "ROWS BETWEEN"))
        return
    seen = _since_comma(clause.seen)
    if _is_value(seen) and clause.name == "PARTITION BY":
        place.offers.words(("ORDER BY", "ROWS BETWEEN"))
        return
    inner = _Place(place.offers, place.known, place.scope, place.tree, clause.name, seen, parts)
    _expression(inner)


def offer_units(offers: Offers, number: str = "") -> None:
    """Offer units of time behind a number."""
    ordered = [u for u in UNITS if u != "MILLISECOND"] + ["MILLISECOND"]
    plural = "" if number == "1" else "S"
    offers.words(f"{unit}{plural}" for unit in ordered)


# Clauses


def _from(place: _Place) -> None:
    seen = _since_comma(place.seen)
    if not seen:
        _sources(place)
    elif place.last in _FOLLOW:
        place.offers.words(_FOLLOW[place.last])
    else:
        place.after(_AFTER[place.clause])
        if place.clause == "JOIN":
            place.after(_AFTER_SOURCE)


def _sources(place: _Place) -> None:
    offers = place.offers
    common = [n for around in place.tree.group.within() for n, _ in common_tables(around)]
    index = Index(Field(name, name) for name in common)
    offers.names(index, lambda f: f.text, lambda f: "query of WITH")
    offers.names(place.known.sources, lambda s: s.text, lambda s: s.kind, dotted=True)


def _on(place: _Place) -> None:
    if not place.seen or place.last in ("AND", "OR"):
        conditions = join_conditions(place.scope, place.tree.place)
        place.offers.pairs((text, "join condition") for text in conditions)
    _expression(place)


def _within(place: _Place) -> None:
    last = place.seen[-1] if place.seen else None
    if last is not None and last.kind == "number":
        offer_units(place.offers, last.text)
    elif place.last in _FOLLOW:
        place.offers.words(_FOLLOW[place.last])
    elif last is not None:
        place.offers.words(("ON", "GRACE PERIOD"))


def _emit(place: _Place) -> None:
    if not place.seen:
        place.offers.words(("CHANGES", "FINAL"))
    else:
        place.after(_AFTER["EMIT"])


def _window(place: _Place) -> None:
    if not place.seen:
        place.offers.words(_WINDOWS)
    elif place.seen[-1].kind == "group":
        place.after(_AFTER["WINDOW"])


def _limit(place: _Place) -> None:
    if place.seen:
        place.after(_AFTER[place.clause])


def _union(place: _Place) -> None:
    place.offers.words(("SELECT",) if place.seen else ("ALL", "SELECT"))


def _with(place: _Place) -> None:
    seen = _since_comma(place.seen)
    if seen and seen[-1].kind == "group":
        place.offers.words(("SELECT",))
    elif place.last == "AS":
        place.offers.pairs([("(", "a query")])
    elif seen:
        place.offers.words(("AS (",))


def _lead(place: _Place) -> None:
    place.offers.words(("JOIN",) if "INNER" in place.clause else ("JOIN", "OUTER JOIN"))


def _expression(place: _Place) -> None:
    """A value, or what follows one."""
    seen, offers = place.seen, place.offers
    last = seen[-1] if seen else None
    if last is not None and last.text in (".", "->") and last.kind == "punct":
        _members(place)
    elif last is not None and last.text == "::":
        offer_types(offers, place.known, (), wanted=True)
    elif last is not None and last.kind == "number" and _is_length(seen):
        offer_units(offers, last.text)
    elif place.last in _FOLLOW:
        offers.words(_FOLLOW[place.last])
    elif place.last == "NOT" and len(seen) > 1 and _is_value(seen[:-1]):
        offers.words(("IN (", "LIKE", "BETWEEN"))
    elif place.last == "NOT" and len(seen) > 1 and upper(seen[-2]) == "IS":
        offers.words(("NULL",))
    elif _is_value(seen):
        _after_value(place)
    elif not _compared_values(place):
        _value(place)


def _is_length(seen: Sequence[Node]) -> bool:
    return len(seen) > 1 and upper(seen[-2]) in _LENGTHS


def _is_value(seen: Sequence[Node]) -> bool:
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


def _after_value(place: _Place) -> None:
    seen, offers = place.seen, place.offers
    case = _open_case(seen)
    if case:
        offers.words(_IN_CASE[case])
    term = _term(seen)
    compared = any(upper(n) in _COMPARED for n in term)
    ranged = "BETWEEN" in [upper(n) for n in term] and "AND" not in [upper(n) for n in term]
    predicate = place.clause in ("WHERE", "ON", "HAVING", "QUALIFY")
    if ranged:
        offers.words(("AND",))
        return
    if predicate and not compared:
        offers.words(_TESTS)
    item = _since_comma(seen)
    if not case:
        aliased = len(item) > 1 and upper(item[-2]) == "AS"
        after = _AFTER.get(place.clause, ("AND", "OR"))
        place.after([w for w in after if w != "AS" or (not aliased and item[-1].text != "*")])
    if item and item[-1].kind == "group" and place.clause == "SELECT":
        offers.words(("OVER (",))
    if item and item[-1].text == "*":
        offers.words(("EXCLUDE (", "REPLACE ("))
    elif not predicate or compared:
        offers.words(("AND", "OR", *_TESTS) if not compared else ("AND", "OR"))


def _term(seen: Sequence[Node]) -> Sequence[Node]:
    """The nodes after the last AND or OR; the AND of BETWEEN is part of it."""
    begin = 0
    for n, node in enumerate(seen):
        word = upper(node)
        ranged = "BETWEEN" in [upper(m) for m in seen[begin:n]]
        ended = "AND" in [upper(m) for m in seen[begin:n]]
        if word == "OR" or (word == "AND" and (not ranged or ended)):
            begin = n + 1
    return seen[begin:]


def _open_case(seen: Sequence[Node]) -> str:
    """The last word of a CASE that has no END yet."""
    open_: list[str] = []
    for node in seen:
        word = upper(node)
        if word == "CASE":
            open_.append(word)
        elif word == "END" and open_:
            open_.pop()
        elif word in _IN_CASE and open_:
            open_[-1] = word
    return open_[-1] if open_ else ""


def _compared_values(place: _Place) -> bool:
    """Offer the moments or partitions that a pseudo column is compared with."""
    term = _term(place.seen)
    at = next((i for i, n in enumerate(term) if upper(n) in _COMPARED), None)
    if at is None or upper(term[at]) in ("IS", "LIKE"):
        return False
    path = chain_before(term[:at])
    name = (path[-1] or "").upper() if path else ""
    if name in _TIME_COLUMNS:
        place.offers.strings((m, "moment") for m in MOMENTS)
        return False  # an expression may stand there too
    if name == "ROWPARTITION":
        counts = [s.partitions for _, r in place.scope.all()
                  if (s := place.known.sources.named(r.name)) is not None]  # fmt: skip
        most = min(max(counts, default=0), _MOST_PARTITIONS)
        place.offers.pairs((str(n), "partition") for n in range(most))
        return True
    return False


def _value(place: _Place) -> None:
    offers, known = place.offers, place.known
    if re.match(r"\d", offers.typed.text):
        return
    if _open_case(place.seen) == "CASE" and place.last == "CASE":
        offers.words(("WHEN",))
    first = not _since_comma(place.seen)
    if first and place.clause in ("GROUP BY", "ORDER BY", "HAVING"):
        _selected(place)
    _columns(place)
    if place.clause == "SELECT" and not place.seen:
        starred = "*" if place.scope.relations else "* FROM"
        offers.pairs([(starred, "all columns")])
    _functions(offers, known)
    if place.clause == "SELECT" and not place.seen:
        offers.words(("DISTINCT",))
    offers.words(_VALUE_WORDS)


def _selected(place: _Place) -> None:
    """What SELECT gives: its aliases, and for GROUP BY its plain columns."""
    items = outputs(place.branch)
    grouped = place.clause == "GROUP BY"
    found = [
        Field(o.name, "".join(n.text for n in o.path)) for o in items
        if grouped and o.path and not o.star and not o.alias
    ]  # fmt: skip
    found += [Field(o.name, o.alias.text) for o in items if o.alias is not None]
    place.offers.names(Index(found), lambda f: f.text, lambda f: "of SELECT")


def _functions(offers: Offers, known: Known) -> None:
    cased: Callable[[str], str] = str.lower if offers.lower_calls else str
    if offers.typed.kind == "word":
        offers.names(known.functions, lambda f: cased(f.name) + "(", lambda f: f.help)


def _columns(place: _Place) -> None:
    """Columns of the sources here and around; of all that were seen so far if there are none."""
    offers, scope = place.offers, place.scope
    if not any(found for _, found in scope.levels):
        for table in place.known.seen[:_MOST_TABLES]:
            _offer_fields(offers, table.columns, table.source)
        return
    several = len(scope.relations) > 1
    lists = [(r, scope.columns(group, r)) for group, r in scope.all()]
    for relation, parts in lists:
        others = [c for r, columns in lists if r is not relation for c in columns]
        for part in parts:
            _offer_fields(offers, part, relation.label if several else "", relation, others)
    _pseudo_columns(place)
    if several:
        aliases = Index(Field(r.label, r.qualifier) for _, r in scope.all())
        offers.names(aliases, lambda f: f.text, lambda f: "source")


def _offer_fields(
    offers: Offers,
    fields: Index[Field],
    source: str,
    relation: Relation | None = None,
    others: Sequence[Index[Field]] = (),
) -> None:
    """Offer columns; those of a name that another source has too with their source."""

    def text(field: Field) -> str:
        name = field.name.casefold()
        doubtful = relation is not None and any(name in o.by_name for o in others)
        return f"{relation.qualifier}.{field.text}" if relation and doubtful else field.text

    def meta(field: Field) -> str:
        return "  ".join(filter(None, (field.type or "column", source)))

    offers.names(fields, text, meta)


def _pseudo_columns(place: _Place) -> None:
    from kshell.catalog.model import PSEUDO_COLUMNS, WINDOW_COLUMNS
    from kshell.types import ksql_name

    if not any(r.query is None for r in place.scope.relations):
        return
    found = [Field(n, n, ksql_name(c.type) if c.type and not c.type.num_fields else "")
             for n, c in PSEUDO_COLUMNS.items()]  # fmt: skip
    if any(c.name == "WINDOW" for c in place.branch):
        found += [Field(n, n, "BIGINT") for n in WINDOW_COLUMNS]
    place.offers.names(
        Index(found), lambda f: f.text, lambda f: f"{f.type}  pseudo column".strip()
    )


def _members(place: _Place) -> None:
    """After a dot or an arrow: the columns of a source, or the fields of a STRUCT."""
    offers, scope = place.offers, place.scope
    path = chain_before(place.seen[:-1])
    if not path:
        return
    if len(path) == 1 and place.last == ".":
        wanted = (path[0] or "").casefold()
        for group, relation in scope.all():
            if relation.label.casefold() == wanted:
                for part in scope.columns(group, relation):
                    _offer_fields(offers, part, "")
                if relation.query is None:
                    _pseudo_columns(place)
                return
        table = place.known.table(path[0] or "") if not scope.relations else None
        if table is not None:
            _offer_fields(offers, table.columns, "")
            return
    field = scope.field(path)
    if field is not None:
        _offer_fields(offers, Index(field.fields), "")


_CLAUSES: Mapping[str, Callable[[_Place], None]] = {
    "FROM": _from, "JOIN": _from, "ON": _on, "WITHIN": _within, "EMIT": _emit, "WINDOW": _window,
    "LIMIT": _limit, "OFFSET": _limit, "UNION": _union, "INTERSECT": _union, "EXCEPT": _union,
    "WITH": _with, "VALUES": lambda place: None,
    **{f"{lead} …": _lead for lead in ("LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL")},
}  # fmt: skip
