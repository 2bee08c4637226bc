"""What fills the slots of `statements`: names of sources and queries, properties, options, files.

`candidates` calls the function that `SLOTS` has for a slot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from kshell.config import PROPERTIES, TOPIC_PROPERTIES
from kshell.sql.reference import ENTRIES
from kshell.terminal.commands import COMMANDS
from kshell.terminal.completion.cluster_slots import CLUSTER_SLOTS
from kshell.terminal.completion.files import files
from kshell.terminal.completion.filling import Filling
from kshell.terminal.completion.names import Field
from kshell.terminal.completion.queries import (
    Clause,
    Relation,
    bare,
    is_query,
    relations,
    split_at_commas,
)
from kshell.terminal.completion.query_places import offer_condition, offer_query, offer_row
from kshell.terminal.completion.ranking import Index
from kshell.terminal.completion.tree import Group, Node, upper
from kshell.terminal.completion.types import offer_declared, offer_types
from kshell.terminal.completion.values import MOMENTS, offer_units

if TYPE_CHECKING:
    from kshell.catalog.options import Option

__all__ = ["SLOTS"]

_MOST_TOPICS = 10  # whose properties are offered at once
# Patterns that TIMESTAMP_FORMAT is often given.
_PATTERNS = ("yyyy-MM-dd HH:mm:ss", "yyyy-MM-dd''T''HH:mm:ss", "yyyy-MM-dd''T''HH:mm:ssX",
             "yyyy-MM-dd")  # fmt: skip


def _source(filling: Filling) -> None:
    filling.offers.sources(filling.known.sources)


def _sink(filling: Filling) -> None:
    filling.offers.names(
        filling.known.sources, lambda s: s.text, lambda s: s.kind, dotted=True,
        keep=lambda s: s.kind != "system table" and not s.covered,
    )  # fmt: skip


def _of_kind(kind: str) -> Callable[[Filling], None]:
    def offer(filling: Filling) -> None:
        declared = takewhile(lambda s: s.kind != "topic", filling.known.sources.entries)
        filling.offers.sources(Index(s for s in declared if s.kind == kind))

    return offer


def _topic(filling: Filling) -> None:
    filling.offers.names(
        filling.known.sources, lambda s: s.text, lambda s: s.kind, dotted=True,
        keep=lambda s: s.kind == "topic",
    )  # fmt: skip


def _function(filling: Filling) -> None:
    filling.offers.names(filling.known.functions, lambda f: f.name, lambda f: f.help)


def _type(filling: Filling) -> None:
    offer_types(filling.offers, filling.known, filling.own)


def _users_type(filling: Filling) -> None:
    filling.offers.pairs((t, "your type") for t in filling.known.types)


def _query_id(filling: Filling) -> None:
    queries = [Field(id, id, does) for id, does in filling.known.queries.items()]
    filling.offers.names(Index(queries), lambda f: f.text, lambda f: f.type, dotted=True)


def _variable(filling: Filling) -> None:
    filling.offers.pairs((name, "variable") for name in filling.known.variables)


def _file(filling: Filling, first: tuple[str, ...] = ()) -> None:
    """Files and folders; those whose names end as one of `first` stand before the others."""
    found = list(files(filling.offers.typed.text))
    ends = (*first, "/") if first else ("",)
    apt = [entry for entry in found if entry[0].lower().endswith(ends)]
    filling.offers.strings(apt)
    filling.offers.strings(entry for entry in found if entry not in apt)


def _data_file(filling: Filling) -> None:
    from kshell.formats.file_rows import READERS

    _file(filling, tuple(READERS))


def _script(filling: Filling) -> None:
    _file(filling, (".sql",))


def _help(filling: Filling) -> None:
    if filling.own:
        return
    filling.offers.pairs((entry.name, entry.help) for entry in ENTRIES)
    filling.offers.pairs((c.word, c.help) for c in COMMANDS)
    filling.offers.pairs((word, entry.help) for entry in ENTRIES for word in entry.words)
    _function(filling)
    filling.offers.pairs(((p.name, p.help) for p in PROPERTIES.values()), dotted=True)


def _moment(filling: Filling) -> None:
    filling.offers.strings((m, "moment") for m in MOMENTS)


def _printed(filling: Filling) -> Relation | None:
    """The topic of PRINT, ALTER TOPIC, or DELETE RECORDS FROM."""
    words = {"ALTER": 2, "DELETE": 3}.get(upper(filling.before[0]), 1)
    found = relations([Clause("FROM", filling.before[words:])])
    return found[0] if found else None


def _partition(filling: Filling) -> None:
    topic = _printed(filling)
    source = filling.known.sources.named(topic.name) if topic is not None else None
    if source is not None:
        filling.offers.pairs((str(n), "partition") for n in range(source.partitions))


def _condition(filling: Filling) -> None:
    offer_condition(filling.offers, filling.known, filling.tree, _printed(filling), filling.own)


def _unit(filling: Filling) -> None:
    if filling.own:
        offer_units(filling.offers, filling.own[-1].text)


# Properties


def _property(filling: Filling) -> None:
    offers = filling.offers
    offers.strings((name, known.help) for name, known in PROPERTIES.items() if not known.fixed)
    if offers.typed.text.casefold().startswith("topic."):
        offers.strings(_of_topics(filling, offers.typed.text.partition(".")[2]))


def _of_topics(filling: Filling, typed: str) -> Iterator[tuple[str, str]]:
    """The properties of the topics whose name was typed or begun."""
    sources = filling.known.sources
    begun = [typed[:n] for n, c in enumerate(typed) if c == "."]
    whole = [s for name in begun if (s := sources.named(name)) is not None]
    for source in whole or [s for _, s in sources.matching(typed, {})[:_MOST_TOPICS]]:
        for name, row in TOPIC_PROPERTIES.items():
            yield f"topic.{source.name}.{name}", row.help


def _value(filling: Filling) -> None:
    """The values of the property before the equals sign, or its default."""
    name = _property_name(filling.before[: filling.start])
    known = PROPERTIES.get(name.lower()) or next(
        (p for n, p in TOPIC_PROPERTIES.items()
         if name.startswith("topic.") and name.endswith(f".{n}")), None
    )  # fmt: skip
    if name.endswith((".location", ".file")) or name == "kshell.functions":
        _file(filling)
    elif known is not None and known.values:
        filling.offers.strings(
            (v, "default" if v == known.default else "value") for v in known.values
        )
    elif known is not None and known.default is not None:
        filling.offers.strings([(known.default, "default")])


def _property_name(before: Sequence[Node]) -> str:
    named: list[str] = []
    for node in reversed(before[:-1]):
        if node.text == "," or upper(node) in ("SET", "SYSTEM"):
            break
        named.insert(0, node.text)
    return "".join(named).strip("'\"`")


# WITH (…)


def _options(statement: str) -> Mapping[str, Option]:
    from kshell.catalog import copy_options, options  # imports pyarrow: the prompt does not wait

    copied = [o for o in copy_options.COPY_OPTIONS.values() if statement in o.statements]
    return {o.name: o for o in copied or options.options_of(statement)}


def _of_statement(before: Sequence[Node]) -> str:
    """The statement in whose WITH the cursor is, as the table of options calls it."""
    from kshell.catalog import copy_options, options

    words = [upper(node) for node in before]
    if words[0] == "EXPLAIN":
        words = words[1:]
    if words[0] == "INSERT":
        return options.INSERT
    if words[0] == "COPY":
        return copy_options.COPY_FROM if "FROM" in words else copy_options.COPY_TO
    return options.ASSERT_TOPIC if words[0] == "ASSERT" and "TOPIC" in words else options.CREATE


def _with(filling: Filling) -> None:
    inside, known = filling.inside, _options(_of_statement(filling.before))
    last = split_at_commas(inside)[-1]
    if not last:
        given = {n.text.strip("'").upper() for n in inside}
        filling.offers.pairs((o.name, o.help) for o in known.values() if o.name not in given)
    elif last[-1].text == "=":
        name = last[0].text.strip("'").upper()
        if name in known:
            _option_value(filling, known[name])


def _redriving(filling: Filling) -> None:
    """REDRIVE … WITH (…): the options, and the names of headers."""
    from kshell.sql.transfer import NAMING, REDRIVING

    last = split_at_commas(filling.inside)[-1]
    given = {upper(node) for node in filling.inside}
    if not last:
        filling.offers.pairs((n, help) for n, help in REDRIVING.items() if n not in given)
    elif last[-1].text == "=" and upper(last[0]) == "HEADER":
        filling.offers.strings((name, "header") for name in NAMING)


def _option_value(filling: Filling, option: Option) -> None:
    offers, sources = filling.offers, filling.known.sources
    if option.name == "KAFKA_TOPIC":
        offers.names(
            sources, lambda s: s.name, lambda s: s.kind,
            keep=lambda s: s.kind == "topic", in_string=True,
        )  # fmt: skip
    elif option.name == "PARTITIONS":
        offers.pairs((str(n), f"as {name} has") for n, name in _partitions(filling))
    elif option.name == "TIMESTAMP":
        offers.strings((name, "column") for name in _columns_of_statement(filling))
    elif option.name == "TIMESTAMP_FORMAT":
        offers.strings((pattern.replace("''", "'"), "pattern") for pattern in _PATTERNS)
    elif option.name.endswith("_FILE"):
        _file(filling)
    else:
        offers.strings((value, "value") for value in option.values)


def _partitions(filling: Filling) -> Iterator[tuple[int, str]]:
    """How many partitions the topics have that the statement names."""
    seen = set()
    for token in filling.tree.words:
        named = filling.known.sources.named(bare(token))
        if named is not None and named.partitions not in seen:
            seen.add(named.partitions)
            yield named.partitions, named.name
    given = [n.text.strip("'") for n in filling.inside if n.kind == "string"]
    for text in given:
        named = filling.known.sources.named(text)
        if named is not None and named.partitions not in seen:
            yield named.partitions, named.name


def _columns_of_statement(filling: Filling) -> Iterator[str]:
    """The columns that the statement declares, or those of the sources that it reads."""
    for node in filling.before:
        if isinstance(node, Group) and upper(node.before) != "WITH":
            yield from (part[0].text for part in split_at_commas(node.nodes) if part)
    names = [bare(token) for token in filling.tree.words]
    for part in split_at_commas(filling.inside):
        if upper(part[0] if part else None) == "KAFKA_TOPIC":
            names.append(part[-1].text.strip("'"))
    for name in names:
        table = filling.known.table(name)
        if table is not None:
            yield from (column.name for column in table.columns.entries)


# Columns and rows


def _declared(filling: Filling) -> None:
    offer_declared(filling.offers, filling.known, filling.inside)


def _target_columns(filling: Filling) -> None:
    """INSERT INTO t (…): the columns that are not named yet."""
    from kshell.catalog.model import GIVEN
    into = next((i for i, n in enumerate(filling.before) if upper(n) in ("INTO", "VALUES")), 0)
    target = relations([Clause("FROM", filling.before[into + 1 :])])
    inside = filling.inside
    if not target or not (not inside or inside[-1].text == ","):
        return
    table = filling.known.table(target[0].name)
    columns: Iterable[Field] = table.columns.entries if table is not None else ()
    named = {n.text.strip("`\"").casefold() for n in inside}
    left = Index(c for c in columns if c.name.casefold() not in named)
    filling.offers.names(left, lambda f: f.text, lambda f: f.type, in_order=True)
    given = [name for name in GIVEN if name.casefold() not in named]
    filling.offers.pairs((name, "pseudo column") for name in given)


def _query_in_parentheses(filling: Filling) -> None:
    """(SELECT … as a statement, or where a query may stand in parentheses."""
    group = filling.tree.root.nodes[filling.start]
    if isinstance(group, Group) and is_query(group):
        offer_query(filling.offers, filling.known, filling.tree, filling.start)
    elif group is filling.tree.group and not filling.inside:
        filling.offers.words(("SELECT",))


def _row(filling: Filling) -> None:
    offer_row(filling.offers, filling.known, filling.tree)


SLOTS: Mapping[str, Callable[[Filling], None]] = {
    **CLUSTER_SLOTS,
    "source": _source, "sink": _sink, "topic": _topic, "stream": _of_kind("stream"),
    "table": _of_kind("table"), "function": _function, "type": _type, "user's type": _users_type,
    "query id": _query_id, "variable": _variable, "file": _file,
    "data file": _data_file, "script": _script, "help": _help, "unit": _unit,
    "property": _property, "value": _value, "moment": _moment, "partition": _partition,
    "condition": _condition, "(options)": _with, "(redriving)": _redriving, "(columns)": _declared,
    "(names)": _target_columns, "(row)": _row, "(query)": _query_in_parentheses,
}  # fmt: skip
