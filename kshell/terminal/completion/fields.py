"""Offers names of a query: columns of its sources, what its SELECT gives, functions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kshell.terminal.completion.columns import chain_before
from kshell.terminal.completion.names import Field, Known
from kshell.terminal.completion.offers import Offers
from kshell.terminal.completion.place import Place
from kshell.terminal.completion.queries import Relation, outputs
from kshell.terminal.completion.ranking import MOST, Index

__all__ = ["offer_columns", "offer_functions", "offer_members", "offer_selected"]

_MOST_TABLES = 10  # of those seen so far, whose columns are offered where there is no FROM yet


def offer_columns(place: Place) -> None:
    """Columns of the sources here and around; of WITH and all seen so far if there are none."""
    offers, scope = place.offers, place.scope
    if not any(found for _, found in scope.levels):
        for name, parts in scope.common():
            for part in parts:
                offer_fields(offers, part, name)
        for table in place.known.seen[:_MOST_TABLES]:
            if len(offers) >= MOST:
                break
            offer_fields(offers, table.columns, table.source)
        return
    several = len(scope.relations) > 1
    nearer: list[tuple[Relation, list[Index[Field]]]] = []  # what hides or doubles a name
    for group, relations in scope.levels:
        nearer += [(r, scope.columns(group, r)) for r in relations]
        for relation in relations:
            others = [c for r, columns in nearer if r is not relation for c in columns]
            for part in next(columns for r, columns in nearer if r is relation):
                offer_fields(offers, part, relation.label if several else "", relation, others)
    _pseudo_columns(place)
    if several:
        aliases = Index(Field(r.label, r.qualifier) for _, r in scope.all())
        offers.names(aliases, lambda f: f.text, lambda f: "source")


def offer_fields(
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


def _pseudo_columns(place: Place) -> None:
    from kshell.catalog.model import PSEUDO_COLUMNS, WINDOW_COLUMNS
    from kshell.types import ksql_name

    scope = place.scope
    if not any(scope.query_of(g, r) is None for g, found in scope.levels[:1] for r in found):
        return
    found = [Field(n, n, ksql_name(c.type) if c.type and not c.type.num_fields else "")
             for n, c in PSEUDO_COLUMNS.items()]  # fmt: skip
    if any(c.name == "WINDOW" for c in place.branch):
        found += [Field(n, n, "BIGINT") for n in WINDOW_COLUMNS]
    place.offers.names(
        Index(found), lambda f: f.text, lambda f: f"{f.type}  pseudo column".strip()
    )


def offer_members(place: Place) -> None:
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
                    offer_fields(offers, part, "")
                if scope.query_of(group, relation) is None:
                    _pseudo_columns(place)
                return
        table = place.known.table(path[0] or "") if not scope.relations else None
        if table is not None:
            offer_fields(offers, table.columns, "")
            return
    field = scope.field(path)
    if field is not None:
        offer_fields(offers, Index(field.fields), "")


def offer_selected(place: Place) -> None:
    """What SELECT gives: its aliases, and for GROUP BY its plain columns."""
    items = outputs(place.branch)
    grouped = place.clause == "GROUP BY"
    found = [
        Field(o.name, "".join(n.text for n in o.path)) for o in items
        if grouped and o.path and not o.star and not o.alias
    ]  # fmt: skip
    found += [Field(o.name, o.alias.text) for o in items if o.alias is not None]
    place.offers.names(Index(found), lambda f: f.text, lambda f: "of SELECT")


def offer_functions(offers: Offers, known: Known) -> None:
    """Offer functions with their opening parenthesis; in small letters if the statement is so."""
    cased: Callable[[str], str] = str.lower if offers.lower_calls else str
    if offers.typed.kind == "word":
        offers.names(known.functions, lambda f: cased(f.name) + "(", lambda f: f.help)
