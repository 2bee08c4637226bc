"""What may stand where a query has a value: names and functions, or the words after a value."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile

from kshell.durations import UNITS
from kshell.terminal.completion.columns import chain_before
from kshell.terminal.completion.fields import (
    offer_columns,
    offer_functions,
    offer_members,
    offer_selected,
)
from kshell.terminal.completion.listed import offer_values
from kshell.terminal.completion.offers import Offers
from kshell.terminal.completion.place import (
    COMPARED,
    IN_CASE,
    Place,
    is_length,
    is_value,
    open_case,
    since_comma,
    term_of,
)
from kshell.terminal.completion.tree import upper
from kshell.terminal.completion.types import offer_types

__all__ = ["AFTER", "AFTER_SOURCE", "FOLLOW", "MOMENTS", "NULLS", "WINDOWS", "offer_compared",
           "offer_units", "offer_value"]  # fmt: skip

_MOST_PARTITIONS = 100
_JOINS = ("LEFT JOIN", "INNER JOIN", "RIGHT JOIN", "FULL OUTER JOIN", "CROSS JOIN")
NULLS = ("NULLS FIRST", "NULLS LAST")
WINDOWS = ("TUMBLING (SIZE", "HOPPING (SIZE", "SESSION (", "SLIDING (SIZE")
_LAST = ("LIMIT", "EMIT CHANGES", "EMIT FINAL", "UNION ALL", "INTERSECT", "EXCEPT")
AFTER_SOURCE = (
    "WHERE", "JOIN", "GROUP BY", "ORDER BY", "LIMIT", "EMIT CHANGES", *_JOINS,
    *(f"WINDOW {w}" for w in WINDOWS), "PARTITION BY", "HAVING", "EMIT FINAL", "UNION ALL",
    "AT GROUP", "AS",
)  # fmt: skip
# The words that may follow a finished value or source, in the order in which they are offered.
AFTER: Mapping[str, Sequence[str]] = {
    "SELECT": ("FROM", "AS"),
    "FROM": AFTER_SOURCE,
    "JOIN": ("ON", "WITHIN", "AS", "USING ("),
    "ON": ("AND", "OR", *AFTER_SOURCE[:-1]),
    "USING": AFTER_SOURCE[:-1],
    "WINDOW": ("WHERE", "GROUP BY", "PARTITION BY", "HAVING", "ORDER BY", *_LAST),
    "WHERE": ("AND", "OR", "GROUP BY", "ORDER BY", "PARTITION BY", *_LAST),
    "GROUP BY": ("HAVING", "ORDER BY", *_LAST),
    "HAVING": ("AND", "OR", "ORDER BY", *_LAST),
    "QUALIFY": ("AND", "OR", "ORDER BY", *_LAST),
    "PARTITION BY": ("EMIT CHANGES", "ORDER BY"),
    "ORDER BY": ("DESC", "ASC", *NULLS, *_LAST),
    "LIMIT": ("OFFSET",),
    "OFFSET": (),
    "EMIT": ("LIMIT",),
    "VALUES": (),
    "PRINT": ("AND", "OR", "LIMIT"),
}
# The words after a word that has few followers.
FOLLOW: Mapping[str, Sequence[str]] = {
    "AT": ("GROUP",), "GROUP": ("BY",), "ORDER": ("BY",), "PARTITION": ("BY",), "ADVANCE": ("BY",),
    "GRACE": ("PERIOD",), "NULLS": ("FIRST", "LAST"), "EMIT": ("CHANGES", "FINAL"),
    "IS": ("NULL", "NOT NULL", "TRUE", "FALSE", "DISTINCT FROM", "NOT DISTINCT FROM"),
    "LIMIT": (), "OFFSET": (), "SIZE": (), "RETENTION": (), "PERIOD": (), "WITHIN": (),
    "INTERVAL": (), "AS": (), "ESCAPE": (),
}  # fmt: skip
_TESTS = ("IS NULL", "IS NOT NULL", "IN (", "BETWEEN", "LIKE", "NOT IN (", "NOT LIKE",
          "NOT BETWEEN")  # fmt: skip
_VALUE_WORDS = ("CASE", "CAST(", "NOT", "NULL", "TRUE", "FALSE", "EXISTS (", "INTERVAL")
_TIME_COLUMNS = ("ROWTIME", "WINDOWSTART", "WINDOWEND")
# Moments that batch.times reads, most asked for first.
MOMENTS = ("@-10m", "@-1h", "@-1d", "10 minutes ago", "1 hour ago", "1 day ago", "7 days ago",
           "today", "yesterday", "now")  # fmt: skip


def offer_value(place: Place) -> None:
    """A value, or what follows one."""
    seen, offers = place.seen, place.offers
    last = seen[-1] if seen else None
    if last is not None and last.text in (".", "->") and last.kind == "punct":
        offer_members(place)
    elif last is not None and last.text == "::":
        offer_types(offers, place.known, ())
    elif last is not None and last.kind == "number" and is_length(seen):
        offer_units(offers, last.text)
    elif place.last in FOLLOW:
        offers.words(FOLLOW[place.last])
    elif place.last == "NOT" and len(seen) > 1 and is_value(seen[:-1]):
        offers.words(("IN (", "LIKE", "BETWEEN"))
    elif place.last == "NOT" and len(seen) > 1 and upper(seen[-2]) == "IS":
        offers.words(("NULL",))
    elif place.last in ("DESC", "ASC") and place.clause == "ORDER BY":
        place.after(AFTER["ORDER BY"][2:])
    elif is_value(seen):
        _after_value(place)
    elif not offer_compared(place):
        _value(place)


def offer_units(offers: Offers, number: str = "") -> None:
    """Offer units of time behind a number."""
    ordered = [u for u in UNITS if u != "MILLISECOND"] + ["MILLISECOND"]
    plural = "" if number == "1" else "S"
    offers.words(f"{unit}{plural}" for unit in ordered)


def _after_value(place: Place) -> None:
    seen, offers = place.seen, place.offers
    case = open_case(seen)
    if case:
        offers.words(IN_CASE[case])
    term = term_of(seen)
    compared = any(upper(n) in COMPARED for n in term)
    ranged = "BETWEEN" in [upper(n) for n in term] and "AND" not in [upper(n) for n in term]
    predicate = place.clause in ("WHERE", "ON", "HAVING", "QUALIFY", "PRINT")
    if ranged:
        offers.words(("AND",))
        return
    if predicate and not compared:
        offers.words(_TESTS)
    item = since_comma(seen)
    if not case:
        aliased = len(item) > 1 and upper(item[-2]) == "AS"
        after = AFTER.get(place.clause, ("AND", "OR"))
        place.after([w for w in after if w != "AS" or (not aliased and item[-1].text != "*")])
    if item and item[-1].kind == "group" and place.clause == "SELECT":
        offers.words(("OVER (",))
    if item and item[-1].text == "*":
        offers.words(("EXCLUDE (", "REPLACE ("))
    elif not predicate or compared:
        offers.words(("AND", "OR", *_TESTS) if not compared else ("AND", "OR"))


def offer_compared(place: Place) -> bool:
    """Offer the moments or partitions that a pseudo column is compared with."""
    term = term_of(place.seen)
    group = place.tree.group
    if place.clause == "()" and upper(group.before) == "IN" and group.parent is not None:
        term = term_of(list(takewhile(lambda n: n is not group, group.parent.nodes)))
    at = next((i for i, n in enumerate(term) if upper(n) in COMPARED), None)
    if at is None or upper(term[at]) in ("IS", "LIKE"):
        return False
    path = chain_before(term[:at])
    name = (path[-1] or "").upper() if path else ""
    if name in _TIME_COLUMNS:
        place.offers.strings((m, "moment") for m in MOMENTS)
        return False  # an expression may stand there too
    if (column := path[-1] if path else None) and _of_system_table(place):
        offer_values(place.offers, place.known, column.lower())
        return False
    if name == "ROWPARTITION":
        counts = [s.partitions for _, r in place.scope.all()
                  if (s := place.known.sources.named(r.name)) is not None]  # fmt: skip
        most = min(max(counts, default=0), _MOST_PARTITIONS)
        place.offers.pairs((str(n), "partition") for n in range(most))
        return True
    return False


def _of_system_table(place: Place) -> bool:
    """Whether the query reads one."""
    named = (place.known.sources.named(r.name) for _, r in place.scope.all())
    return any(source is not None and source.kind == "system table" for source in named)


def _value(place: Place) -> None:
    offers, known = place.offers, place.known
    if re.match(r"\d", offers.typed.text):
        return
    if open_case(place.seen) == "CASE" and place.last == "CASE":
        offers.words(("WHEN",))
    first = not since_comma(place.seen)
    if first and place.clause in ("GROUP BY", "ORDER BY", "HAVING"):
        offer_selected(place)
    offer_columns(place)
    if place.clause == "SELECT" and not place.seen:
        starred = "*" if place.scope.relations else "* FROM"
        offers.pairs([(starred, "all columns")])
    offer_functions(offers, known)
    if place.clause == "SELECT" and not place.seen:
        offers.words(("DISTINCT",))
    offers.words(_VALUE_WORDS)
