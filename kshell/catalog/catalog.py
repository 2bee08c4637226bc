"""The catalog: the streams, tables and types that exist.  Immutable; DDL makes a new one.

The engine's context holds the current catalog, `sql.bind` resolves names in it.  Checks and
messages are ksqlDB's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import pyarrow as pa

from kshell.catalog.model import Column, Kind, Source
from kshell.catalog.serde import VALUE, check_format, columns_text
from kshell.errors import BindError, UnknownName
from kshell.types import ksql_name, quote_ksql

__all__ = ["Catalog", "RunningQuery"]


@dataclass(frozen=True, slots=True)
class RunningQuery:
    """A query that keeps sources in use: what it reads and what it writes."""

    id: str
    reads: frozenset[str]
    writes: frozenset[str] = frozenset()


def _empty() -> Mapping[str, Source]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Catalog:
    """A snapshot.  `sources` are declared ones by their exact name, `topics` undeclared ones.

    >>> Catalog().find("ORDERS", quoted=False) is None
    True
    """

    sources: Mapping[str, Source] = field(default_factory=_empty)
    topics: Mapping[str, Source] = field(default_factory=_empty)
    types: Mapping[str, pa.DataType] = field(default_factory=lambda: MappingProxyType({}))
    queries: Mapping[str, RunningQuery] = field(default_factory=lambda: MappingProxyType({}))

    def find(self, name: str, quoted: bool) -> Source | None:
        """The source of that name as written: declared names fold to upper case, topics' names do
        not."""
        declared = self.sources.get(name if quoted else name.upper())
        if declared is not None:
            return declared
        exact = self.topics.get(name)
        if exact is not None or quoted:
            return exact
        folded = [s for n, s in self.topics.items() if n.casefold() == name.casefold()]
        return folded[0] if len(folded) == 1 else None

    def of_kind(self, kind: Kind) -> list[Source]:
        """The declared streams, or the declared tables."""
        return [s for s in self.sources.values() if s.kind is kind]

    def names(self) -> list[str]:
        """Every source's name, declared ones first."""
        return [*self.sources, *self.topics]

    def add(self, source: Source) -> Catalog:
        """With one more source; BindError if its name is taken."""
        taken = self.sources.get(source.name)
        if taken is not None:
            raise BindError(
                f"Cannot add {_kind(source)} '{source.name}': A {_kind(taken)} with the same name "
                "already exists",
                hint="CREATE OR REPLACE changes it, DROP removes it",
            )
        return self._with(source)

    def add_or_replace(self, source: Source) -> Catalog:
        """CREATE OR REPLACE; BindError unless the old one can become the new one."""
        old = self.sources.get(source.name)
        if source.read_only or (old is not None and old.read_only):
            raise BindError(
                f"Cannot add {_kind(source)} '{source.name}': CREATE OR REPLACE is not supported "
                f"on source {_kind(source)}s."
            )
        if old is not None and (old.file is None or source.file is None):
            _check_upgrade(old, source)
        return self._with(source)

    def with_topic(self, source: Source) -> Catalog:
        """With the inferred columns of an undeclared topic."""
        return replace(self, topics=MappingProxyType({**self.topics, source.name: source}))

    def drop(
        self, name: str, kind: Kind, *, delete_topic: bool = False, if_exists: bool = False
    ) -> Catalog:
        """Without that source; BindError if it is missing, of the other kind, or in use."""
        source = self.sources.get(name)
        if source is None:
            if if_exists:
                return self
            raise UnknownName(
                kind.value.lower(),
                name,
                self.sources,
                what=f"{kind.value.capitalize()} {name} does not exist.",
            )
        _check_kind(source, kind, "DROP")
        if source.read_only and delete_topic:
            raise BindError(f"Cannot delete topic for read-only source: {name}")
        if source.file is not None and delete_topic:
            raise BindError(
                f"Table {name} is read from {source.file.path}, and has no topic to delete",
                hint=f"DROP TABLE {name} leaves the file as it is",
            )
        self._check_unused(name)
        rest = {n: s for n, s in self.sources.items() if n != name}
        return replace(self, sources=MappingProxyType(rest))

    def alter(self, name: str, kind: Kind, columns: Iterable[Column]) -> Catalog:
        """With columns added to the end of the source's value."""
        source = self.sources.get(name)
        if source is None:
            raise UnknownName("source", name, self.sources, what=f"Source {name} does not exist.")
        _check_kind(source, kind, "ALTER")
        if source.read_only:
            raise BindError(
                f"Cannot alter {_kind(source)} '{name}': ALTER operations are not supported on "
                f"source {_kind(source)}s."
            )
        if source.file is not None:
            raise BindError(
                f"Cannot alter table '{name}': its columns are those of {source.file.path}",
                hint="CREATE OR REPLACE TABLE … FROM FILE declares others",
            )
        if source.query_id:
            raise BindError(
                "ALTER command is not supported for CREATE ... AS statements.",
                hint="CREATE OR REPLACE changes the query",
            )
        value = list(source.value)
        for column in columns:
            if column.name in {c.name for c in (*source.columns(), *value)}:
                raise BindError(
                    f"Cannot add column {quote_ksql(column.name)} to schema. A column with the "
                    "same name already exists."
                )
            value.append(column)
        check_format(source.value_format, value, VALUE)
        return self._with(replace(source, value=tuple(value)))

    def add_type(self, name: str, type: pa.DataType, *, if_not_exists: bool = False) -> Catalog:
        """With a user's type; BindError if its name is taken."""
        if name in self.types:
            if if_not_exists:
                return self
            raise BindError(
                f"Cannot register custom type '{name}' since it is already registered with type: "
                f"{ksql_name(self.types[name])}"
            )
        return replace(self, types=MappingProxyType({**self.types, name: type}))

    def drop_type(self, name: str, *, if_exists: bool = False) -> Catalog:
        """Without that type."""
        if name not in self.types:
            if if_exists:
                return self
            raise UnknownName("type", name, self.types, what=f"Type {name} does not exist.")
        rest = {n: t for n, t in self.types.items() if n != name}
        return replace(self, types=MappingProxyType(rest))

    def with_query(self, query: RunningQuery) -> Catalog:
        """With a running query, whose sources cannot be dropped."""
        return replace(self, queries=MappingProxyType({**self.queries, query.id: query}))

    def without_query(self, id: str) -> Catalog:
        """Without a query that has stopped."""
        rest = {i: q for i, q in self.queries.items() if i != id}
        return replace(self, queries=MappingProxyType(rest))

    def _with(self, source: Source) -> Catalog:
        return replace(self, sources=MappingProxyType({**self.sources, source.name: source}))

    def _check_unused(self, name: str) -> None:
        # Dropping a source ends the query that made it, as in ksqlDB; any other query that uses it
        # forbids that.
        made_by = self.sources[name].query_id
        reads = sorted(q.id for q in self.queries.values() if name in q.reads)
        writes = sorted(
            q.id
            for q in self.queries.values()
            if name in q.writes and (q.id != made_by or len(q.writes) > 1)
        )
        if not reads and not writes:
            return
        raise BindError(
            f"Cannot drop {name}.\n"
            f"The following queries read from this source: [{', '.join(reads)}].\n"
            f"The following queries write into this source: [{', '.join(writes)}].\n"
            f"You need to terminate them before dropping {name}.",
            hint=f"TERMINATE {(reads + writes)[0]};",
        )


def _kind(source: Source) -> str:
    return source.kind.value.lower()


def _check_kind(source: Source, kind: Kind, verb: str) -> None:
    if source.kind is not kind:
        raise BindError(
            f"Incompatible data source type is {source.kind.value}, but statement was "
            f"{verb} {kind.value}",
            hint=f"{verb} {source.kind.value} {source.name}",
        )


def _check_upgrade(old: Source, new: Source) -> None:
    """Allows what ksqlDB can change in place: new columns at the end; all else must stay."""
    changes = []
    if (old.file is None) is not (new.file is None):
        raise BindError(
            f"Cannot replace {old.name}: it is read from {old.read_from}, which is "
            f"{'a topic' if old.file is None else 'a file'}",
            hint=f"DROP {old.kind.value} {old.name} first",
        )
    for what, before, after in (
        ("topic", old.topic, new.topic),
        ("type", f"K{old.kind.value}", f"K{new.kind.value}"),
        ("key format", old.key_format, new.key_format),
        ("value format", old.value_format, new.value_format),
    ):
        if before != after:
            changes.append(f"{what} = {_shown(before)} which is not upgradeable to {_shown(after)}")
    moved = [
        text
        for text_of, before, after in (
            (" KEY", old.key, new.key),
            ("", old.value, new.value[: len(old.value)]),
        )
        for text in _changed(before, after, text_of)
    ]
    if moved or len(old.key) != len(new.key):
        changes.append(
            f"schema = {_schema(old)} which is not upgradeable to {_schema(new)}. "
            f"(The following columns are changed, missing or reordered: [{', '.join(moved)}])"
        )
    if changes:
        raise BindError(
            "Cannot upgrade data source: "
            + "\n\tAND ".join(f"DataSource '{quote_ksql(old.name)}' has {c}" for c in changes)
        )


def _changed(before: tuple[Column, ...], after: tuple[Column, ...], suffix: str) -> list[str]:
    padded = [*after, *([None] * (len(before) - len(after)))]
    return [columns_text([b], suffix) for b, a in zip(before, padded, strict=False) if b != a]


def _schema(source: Source) -> str:
    return ", ".join(
        text for text in (columns_text(source.key, " KEY"), columns_text(source.value)) if text
    )


def _shown(value: object) -> str:
    return str(getattr(value, "name", value))
