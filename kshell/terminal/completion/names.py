"""What completion knows: sources with their columns, functions, queries, and what was used.

`memory` fills it in the background; `candidates` reads it and never waits.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kshell.sql.keywords import QUOTED
from kshell.terminal.completion.ranking import Index

if TYPE_CHECKING:
    import pyarrow as pa

    from kshell.engines.base import Named
    from kshell.field_names import Turns
    from kshell.sql.functions import Function

__all__ = ["Field", "FunctionName", "Known", "SourceName", "Table", "functions_of", "in_backticks",
           "sources_of", "table_of"]  # fmt: skip

_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_OFTEN = ("COUNT", "SUM", "AVG", "MIN", "MAX")  # functions that people call most
_DEEPEST = 20  # structs in structs whose fields are offered


@dataclass(frozen=True, slots=True)
class Field:
    """A column, or a field of a STRUCT: its name, how it is written, its type, what is in it."""

    name: str
    text: str
    type: str = ""
    fields: tuple[Field, ...] = ()
    item: Field | None = None  # an element of an ARRAY, a value of a MAP


@dataclass(frozen=True, slots=True)
class Table:
    """A source's columns."""

    source: str
    columns: Index[Field]


@dataclass(frozen=True, slots=True)
class SourceName:
    """A name for FROM: how it is written, its kind, its topic's partitions.

    A `covered` topic has the very name of a stream or table, which FROM would take.
    """

    name: str
    text: str
    kind: str
    partitions: int = 0
    covered: bool = False


@dataclass(frozen=True, slots=True)
class FunctionName:
    """A function's name, its signatures and its line of help."""

    name: str
    help: str


def _no_table(name: str) -> Table | None:
    return None


def _none_listed(what: str) -> Sequence[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Known:
    """The known names.  `table` gives the columns of a source, or None if they are not there yet.

    `seen` has the tables known so far, the last used first; `used` says for a folded name how
    lately it was used: the larger, the later.  `listed` gives the names that only the cluster has
    of a "group", a "broker", a "principal" or a "connector", as far as they are there yet.
    """

    sources: Index[SourceName] = field(default_factory=lambda: Index[SourceName](()))
    table: Callable[[str], Table | None] = _no_table
    seen: Sequence[Table] = ()
    functions: Index[FunctionName] = field(default_factory=lambda: Index[FunctionName](()))
    types: Sequence[str] = ()
    queries: Mapping[str, str] = field(default_factory=dict)  # what each does, by its id
    variables: Sequence[str] = ()
    used: Mapping[str, int] = field(default_factory=dict)
    jobs: Mapping[str, str] = field(default_factory=dict)  # queries of the shell's background
    listed: Callable[[str], Sequence[str]] = _none_listed


def in_backticks(name: str, quote: str = "`") -> str:
    """The name in quotes.

    >>> in_backticks("my-users")
    '`my-users`'
    """
    return quote + name.replace(quote, quote * 2) + quote


def _written(name: str, alike: Iterable[str], turns: Turns) -> str:
    """The name as one has to write it, among others that match it without case."""
    from kshell.field_names import meant

    bare = _PLAIN.fullmatch(name) and name.upper() not in QUOTED
    return name if bare and meant(name, alike, turns=turns) == [name] else in_backticks(name)


def table_of(source: str, types: Mapping[str, pa.DataType], *, declared: bool) -> Table:
    """The columns of a source, with what is in them; a declared source's names fold."""
    return Table(source, Index(_fields(types.items(), declared, 0)))


def _fields(
    named: Iterable[tuple[str, pa.DataType]], declared: bool, depth: int
) -> tuple[Field, ...]:
    from kshell.field_names import DECLARED, FORGIVING, alike

    pairs = list(named)
    together: dict[str, list[str]] = defaultdict(list)
    for name, _ in pairs:
        together[alike(name)].append(name)
    turns = DECLARED if declared else FORGIVING
    found = []
    for name, type in pairs:
        inside, item = _inside(type, declared, depth)
        text = _written(name, together[alike(name)], turns)
        found.append(Field(name, text, _short(type), inside, item))
    return tuple(found)


def _inside(
    type: pa.DataType, declared: bool, depth: int
) -> tuple[tuple[Field, ...], Field | None]:
    import pyarrow as pa

    is_ = pa.types
    if depth > _DEEPEST:
        return (), None
    if is_.is_struct(type):
        return _fields([(f.name, f.type) for f in type], declared, depth + 1), None
    if is_.is_map(type):
        held = type.item_type
    elif is_.is_list(type) or is_.is_large_list(type) or is_.is_fixed_size_list(type):
        held = type.value_type
    else:
        return (), None
    return (), _fields([("", held)], declared, depth + 1)[0]


def _short(type: pa.DataType) -> str:
    """A type's name for the menu, which has no room for the fields of a STRUCT."""
    import pyarrow as pa

    from kshell.types import ksql_name, parts

    if pa.types.is_struct(type):
        return "STRUCT"
    inside = parts(type)
    outer = "MAP" if len(inside) > 1 else "ARRAY"
    return f"{outer}<{', '.join(map(_short, inside))}>" if inside else ksql_name(type)


def sources_of(names: Iterable[Named]) -> Index[SourceName]:
    """The names for FROM: declared ones first, then topics, system tables and internal topics.

    A topic whose name a declared source has in another case is written in backticks, which that
    one is not.
    """
    from kshell.field_names import FORGIVING

    known = list(names)
    together: dict[str, list[str]] = defaultdict(list)
    for named in known:
        together[named.name.casefold()].append(named.name)
    declared = {n.name for n in known if n.kind != "topic"}
    order = {"stream": 0, "table": 0, "system table": 2}
    found = []
    for named in sorted(known, key=lambda n: (n.internal, order.get(n.kind, 1))):
        text = _written(named.name, together[named.name.casefold()], FORGIVING)
        covered = named.kind == "topic" and named.name in declared
        if named.kind == "topic" and named.name.upper() in declared and not covered:
            text = in_backticks(named.name)
        if named.kind == "system table":
            text = named.name
        found.append(SourceName(named.name, text, named.kind, named.partitions, covered))
    return Index(found)


def functions_of(rows: Mapping[str, Function]) -> Index[FunctionName]:
    """The functions, with their signature and help in one line."""
    ordered = sorted(rows, key=lambda n: (_first(n), rows[n].kind != "aggregate", n))
    return Index(FunctionName(name, _usage(rows[name])) for name in ordered)


def _first(name: str) -> int:
    return _OFTEN.index(name) if name in _OFTEN else len(_OFTEN)


def _usage(row: Function) -> str:
    forms = [f.signature for f in row.forms]
    longest = max(forms, key=lambda s: len(s.params), default=None)
    return "  ".join(filter(None, (str(longest) if longest else "", row.help)))
