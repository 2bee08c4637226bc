"""Continuous plans: `bind` makes them from KSQL queries, `stream.graph` turns them into operators.

A tree of frozen nodes, sources at the leaves.  Each node has the columns of its output: `key`
columns first, then `value` columns, then the pseudo columns that go with every row: ROWTIME
(BIGINT, ms: the record's or the result's timestamp), ROWPARTITION and ROWOFFSET (until the first
stateful step), and WINDOWSTART / WINDOWEND (BIGINT, ms) once the key is windowed.  `kind` says
whether the changes are a stream's or a table's.  Semantics are ksqlDB's and Kafka Streams'.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

import pyarrow as pa

from kshell.catalog.model import Column, Kind, Source, TopicSettings, Window
from kshell.durations import DAY_MS
from kshell.sql.clauses import WindowClause
from kshell.sql.expressions import Call, Expression

__all__ = [
    "Aggregate",
    "Answer",
    "Explode",
    "Filter",
    "ForeignKeyJoin",
    "JoinKind",
    "Named",
    "Node",
    "Project",
    "Rekey",
    "Relation",
    "Scan",
    "Sink",
    "StreamJoin",
    "StreamTableJoin",
    "Suppress",
    "TableJoin",
    "aggregates",
    "children",
    "closes",
    "default_grace",
    "grace_of",
    "looked_up",
    "makes_key",
    "scans",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Relation:
    """A node's output: its kind, key and value columns, and the key's window if it has one."""

    kind: Kind
    key: tuple[Column, ...]
    value: tuple[Column, ...]
    window: Window | None = None

    def schema(self) -> pa.Schema:
        """Key, value, [WINDOWSTART, WINDOWEND], ROWTIME as Arrow: the columns of a node's batches.

        ROWPARTITION and ROWOFFSET are value columns if a node still has them.
        """
        columns = [(c.name, c.type) for c in (*self.key, *self.value)]
        if self.window is not None:
            columns += [("WINDOWSTART", pa.int64()), ("WINDOWEND", pa.int64())]
        return pa.schema([*columns, ("ROWTIME", pa.int64())])


@dataclass(frozen=True, slots=True)
class Named:
    """An expression and the name of the column it makes."""

    name: str
    expression: Expression


@dataclass(frozen=True, slots=True)
class Scan:
    """Reads a source.  Its columns have their names in the source, or ALIAS_NAME inside a join."""

    source: Source
    output: Relation
    columns: tuple[tuple[str, str], ...]  # (output column, the source's column or pseudo column)

    def source_columns(self) -> list[str]:
        """The names in the source of the columns of `output.schema()`, in its order."""
        named = dict(self.columns)
        return [named.get(name, name) for name in self.output.schema().names]


@dataclass(frozen=True, slots=True)
class Filter:
    """WHERE and HAVING: keeps rows whose predicate is true."""

    input: Node
    predicate: Expression
    output: Relation


@dataclass(frozen=True, slots=True)
class Project:
    """SELECT: the key columns pass (renamed), the value columns are computed.

    Every key expression is a plain key `Column` of the input.  Expressions may read the pseudo
    columns (ROWTIME, WINDOWSTART, WINDOWEND) as well as the input's key and value columns.
    """

    input: Node
    key: tuple[Named, ...]
    value: tuple[Named, ...]
    output: Relation


@dataclass(frozen=True, slots=True)
class Rekey:
    """PARTITION BY, or the repartition before a join: new key columns, all others pass.

    `output.value` names the input's key and value columns that pass, by their names there; an empty
    `key` means PARTITION BY NULL: the result has no key.  On a table, a change of key is a deletion
    of the old one.
    """

    input: Node
    key: tuple[Named, ...]
    output: Relation


@dataclass(frozen=True, slots=True)
class Explode:
    """Table functions in SELECT: one row per element, several zipped, short ones padded by NULL.

    `output.value` is the input's value columns and then the functions' columns.
    """

    input: Node
    functions: tuple[Named, ...]  # each expression is a Call of a table function
    output: Relation


@dataclass(frozen=True, slots=True)
class Aggregate:
    """GROUP BY: key columns are the grouping expressions, value columns the aggregates.

    `window` is None for an unwindowed table.  On a table input, rows at weight -1 are undone.
    A row whose grouping key is NULL (all of it) is dropped, as ksqlDB does.  An aggregate's
    arguments are expressions over the input; COUNT(*) is a Call of COUNT without arguments.
    """

    input: Node
    group: tuple[Named, ...]
    aggregates: tuple[tuple[str, Call], ...]  # (column, a Call of an aggregate function)
    window: WindowClause | None
    output: Relation


class JoinKind(Enum):
    """The sides whose unmatched rows stay."""

    INNER = "INNER"
    LEFT = "LEFT"
    RIGHT = "RIGHT"
    FULL = "FULL"

    @property
    def keeps(self) -> tuple[bool, bool]:
        """Whether the result has left rows without a match, and right ones."""
        full = self is JoinKind.FULL
        return full or self is JoinKind.LEFT, full or self is JoinKind.RIGHT


@dataclass(frozen=True, slots=True)
class StreamJoin:
    """Stream–stream WITHIN, in milliseconds: a right row matches from left.ROWTIME - before_ms to
    left.ROWTIME + after_ms.  `grace_ms` None is ksqlDB's default: 24 hours, and unmatched rows at
    once.

    Both inputs are keyed by the join key; the output's key column is named by `output`, and it is
    the key of the side that has a row.  Each column of `output.value` is a column of one input (key
    or value) by its name there, NULL where that side has no row.  This is the same in all joins
    here.
    """

    left: Node
    right: Node
    kind: JoinKind
    before_ms: int
    after_ms: int
    grace_ms: int | None
    output: Relation


@dataclass(frozen=True, slots=True)
class StreamTableJoin:
    """Each stream row with the table's row of its key at that time; INNER or LEFT."""

    left: Node
    right: Node
    kind: JoinKind
    output: Relation


@dataclass(frozen=True, slots=True)
class TableJoin:
    """Table–table on the primary keys of both."""

    left: Node
    right: Node
    kind: JoinKind
    output: Relation


@dataclass(frozen=True, slots=True)
class ForeignKeyJoin:
    """Table–table: an expression over the left row against the right's primary key; INNER or LEFT.

    The output keeps the left's key.
    """

    left: Node
    right: Node
    kind: JoinKind
    foreign_key: Expression
    output: Relation


@dataclass(frozen=True, slots=True)
class Suppress:
    """EMIT FINAL: a window's result once, when its end and grace have passed in stream time.

    It stands right above the aggregate: HAVING and the projection see final results only.
    """

    input: Aggregate
    output: Relation


@dataclass(frozen=True, slots=True)
class Answer:
    """The root of a query without a sink: the columns to show, in the order of the SELECT list.

    `columns` pairs a heading with the column of the input's `Relation.schema()` under it.
    """

    input: Node
    columns: tuple[tuple[str, str], ...]
    limit: int | None
    output: Relation


@dataclass(frozen=True, slots=True)
class Sink:
    """Writes to a source's topic (CSAS, CTAS, INSERT INTO … SELECT).

    The input's key and value columns are the target's, by position.  The target's
    `timestamp_column` (an output column of the target), if any, becomes the record's timestamp.
    `settings` are for its topic; without partitions and replicas, they are as in the leftmost
    source's topic.  `query_id` is the id in INSERT INTO, `text` the statement as it was written.
    """

    input: Node
    target: Source
    output: Relation
    settings: TopicSettings = field(default_factory=TopicSettings)
    query_id: str = ""
    text: str = ""


Node = (
    Scan | Filter | Project | Rekey | Explode | Aggregate | StreamJoin | StreamTableJoin
    | TableJoin | ForeignKeyJoin | Suppress | Answer | Sink
)  # fmt: skip


def children(node: Node) -> tuple[Node, ...]:
    """The node's inputs, left before right."""
    match node:
        case Scan():
            return ()
        case StreamJoin() | StreamTableJoin() | TableJoin() | ForeignKeyJoin():
            return (node.left, node.right)
        case _:
            return (node.input,)


def makes_key(node: Node) -> bool:
    """Whether the key has several columns: then each record has a key, also if all its columns are
    NULL; else such a record has none.
    """
    while isinstance(node, Filter | Project | Explode | Sink):
        node = node.input
    return isinstance(node, Rekey) and len(node.key) > 1


def aggregates(node: Node) -> Iterator[Aggregate]:
    """The plan's aggregates, from the root."""
    if isinstance(node, Aggregate):
        yield node
    for child in children(node):
        yield from aggregates(child)


def row_by_row(node: Node) -> bool:
    """Whether each row of the answer is made of one record only: no join, no group, no new key."""
    return isinstance(node, Scan) or (
        isinstance(node, Filter | Project | Explode | Answer) and row_by_row(node.input)
    )


def closes(node: Node) -> bool:
    """Whether it gives a window's row once, when the window has closed: EMIT FINAL."""
    return isinstance(node, Suppress) or any(map(closes, children(node)))


def default_grace(size: int) -> int:
    """ksqlDB's, where none is written: a window or a join takes rows for 24 hours in all.

    >>> default_grace(3_600_000) // 3_600_000
    23
    """
    return max(DAY_MS - size, 0)


def grace_of(window: WindowClause) -> int:
    """How late a row may be, in ms: as written, else ksqlDB's default (EMIT FINAL's is 0)."""
    return window.grace_ms if window.grace_ms is not None else default_grace(window.size_ms)


def looked_up(node: Node) -> frozenset[int]:
    """The numbers of the scans in which a stream–table join looks up rows."""
    found: set[int] = set()
    first = 0
    for child in children(node):
        count = sum(1 for _ in scans(child))
        if isinstance(node, StreamTableJoin) and child is node.right:
            found.update(range(first, first + count))
        else:
            found.update(first + n for n in looked_up(child))
        first += count
    return frozenset(found)


def scans(node: Node) -> Iterator[Scan]:
    """The plan's scans from the left: a graph numbers them in that order."""
    if isinstance(node, Scan):
        yield node
    for child in children(node):
        yield from scans(child)
