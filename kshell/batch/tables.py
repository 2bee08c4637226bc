"""The tables that an engine gives to a bounded query, and how much of each it needs.

`batch` never sees a broker.  An engine gives a `Table` for each name in FROM; planning works out
which columns and which part of it the query can need (`Bounds`), and `open` gives the batches.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from kshell.results import LeftOut, Notice, Progress

__all__ = ["DUMMY", "GONE", "Bounds", "Range", "Recent", "Scan", "Table", "TableColumn"]


DUMMY = "#"  # the column that DuckDB picks when it needs none: it costs nothing
GONE = "ROWGONE"  # the raw column that tells a record without a value


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column as SQL sees it, and how it is made from the raw column that a scan delivers.

    `template` is DuckDB SQL over the raw column (`{}`), for what is decoded inside the query; it is
    of the type `made` then.
    """

    name: str
    raw: pa.DataType
    template: str = "{}"
    hidden: bool = False  # a pseudo column: never part of SELECT *
    made: pa.DataType | None = None
    moment: bool = False  # a BIGINT that is a time in milliseconds, as pseudo columns are

    @property
    def type(self) -> pa.DataType:
        """The type that the query sees."""
        return self.raw if self.made is None else self.made


@dataclass(frozen=True, slots=True)
class Bounds:
    """The part of a table that a query can need; None is unbounded.  Upper ends are exclusive.

    `keys` are the only values of the key column that can match.  Bounds never decide which rows
    are in the answer (the query still filters): they only spare reading.
    """

    partitions: frozenset[int] | None = None
    keys: tuple[Any, ...] | None = None
    offset_from: int | None = None
    offset_to: int | None = None
    time_from: int | None = None
    time_to: int | None = None


@dataclass(frozen=True, slots=True)
class Range:
    """Offsets of one partition that will be read: [start, end) of what [first, last) holds."""

    partition: int
    start: int
    end: int
    first: int
    last: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Recent:
    """The part of a table that was pulled last; `topic` is empty for what is not in Kafka."""

    ranges: Sequence[Range]
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Scan:
    """An opened table: batches of the raw columns asked for, pulled once, from one thread."""

    batches: Generator[pa.RecordBatch, None, None]
    cancel: Callable[[], None]
    progress: Callable[[], Progress]
    bad: Callable[[], LeftOut] = LeftOut
    notices: Callable[[], Sequence[Notice]] = tuple  # why it ended before its ranges did
    recent: Callable[[], Recent | None] = lambda: None  # to look there for what failed


class Table(Protocol):
    """One name in FROM."""

    @property
    def name(self) -> str:
        """How errors and EXPLAIN call it."""

    @property
    def columns(self) -> Sequence[TableColumn]:
        """All columns, in the order of SELECT *."""

    @property
    def declared(self) -> bool:
        """Whether CREATE named the columns: a bare name then means its upper-cased form first."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that are, each alone, what Kafka's partitioner hashed."""

    @property
    def latest(self) -> tuple[str, ...]:
        """Of a table over a topic: the raw columns that make its key, of which only the last record
        counts (and none if that has no value: the raw column GONE); empty for all else."""

    @property
    def offsets(self) -> Mapping[int, tuple[int, int]]:
        """Per partition [first, end) of what it holds; rows in memory are one part from 0 on."""

    def ranges(self, bounds: Bounds) -> list[Range]:
        """What would be read: seeks and partition pruning, asked of the broker."""

    def open(self, columns: Sequence[str], ranges: Sequence[Range]) -> Scan:
        """Start reading.  Without columns, batches have only a number of rows."""

    def time_of_end(self, ranges: Sequence[Range], time: int) -> Mapping[int, int]:
        """Per partition the first offset whose timestamp is at or after `time` (ms)."""
