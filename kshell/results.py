"""What a statement gives back: engines make it, `session` passes it on, `terminal` draws it.

Every answer is pulled, so that memory stays flat and a person can stop it: `cancel()` may be called
from another thread at any time and makes the iteration end within 200 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pyarrow as pa

from kshell.changes import Changes

__all__ = ["Answer", "Event", "Goodbye", "Live", "LiveStats", "Message", "Notice", "NoticeKind",
           "Progress", "Remark", "Rows", "Running", "Sections", "Spooling", "notices_of", "titled",
           "undecodable"]  # fmt: skip


class NoticeKind(Enum):
    """What a notice says of its answer."""

    PARTIAL = "PARTIAL"  # more should be in it: a limit, a table that is behind, a partition
    UNDECODABLE = "UNDECODABLE"  # records are left out: they could not be decoded
    EMPTY = "EMPTY"  # a topic that was read holds nothing
    DIALECT = "DIALECT"  # the query is DuckDB's alone
    GIVEN = "GIVEN"  # a name is a table given to the session, and hides a topic


@dataclass(frozen=True, slots=True)
class Notice:
    """A remark on an answer; `count` is how many records it is about, 0 where that is not known."""

    kind: NoticeKind
    text: str
    count: int = 0


def undecodable(count: int) -> tuple[Notice, ...]:
    """The notice of records that an answer leaves out; none where there are none.

    >>> undecodable(1)[0].text
    '1 record could not be decoded and is not in the answer: SHOW ERRORS'
    """
    if not count:
        return ()
    records, are = ("record", "is") if count == 1 else ("records", "are")
    text = f"{count:,} {records} could not be decoded and {are} not in the answer: SHOW ERRORS"
    return (Notice(NoticeKind.UNDECODABLE, text, count),)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a bounded scan is: records done of records to read, and seconds since it began.

    `note`: what it waits for, while it does.
    """

    done: int
    total: int
    seconds: float
    bytes: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class LiveStats:
    """A continuous query's footer: rows shown so far, records scanned, records a second,
    records behind the end of the topics, records that could not be decoded; `note`: an outage."""

    rows: int = 0
    scanned: int = 0
    rate: float = 0.0
    lag: int = 0
    bad: int = 0
    note: str = ""


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Rows:
    """A bounded table: its schema, its batches (pulled once), and how to stop or watch it.

    `notices` is read when the batches are through.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    title: str = ""
    cancel: Callable[[], None] = _nothing
    progress: Callable[[], Progress | None] = _nothing  # None: nothing worth showing
    notices: Callable[[], Sequence[Notice]] = tuple

    @classmethod
    def of(cls, table: pa.Table | pa.RecordBatch, title: str = "") -> Rows:
        """A small table that is already there."""
        if isinstance(table, pa.RecordBatch):
            table = pa.Table.from_batches([table])
        return cls(table.schema, iter(table.to_batches()), title)


def titled(title: str, columns: dict[str, list[Any]], types: dict[str, pa.DataType]) -> Rows:
    """A small table of columns by name; `types` says of which type a column is.

    >>> titled("", {"n": [1]}, {"n": pa.int64()}).schema.names
    ['n']
    """
    arrays = [pa.array(values, types.get(name)) for name, values in columns.items()]
    return Rows.of(pa.table(arrays, names=list(columns)), title)


@dataclass(frozen=True, slots=True)
class Live:
    """A continuous table: `poll(seconds)` gives what changed since, None when it has ended.

    `key` names the columns that identify a row of a table (empty: a stream, rows only ever come).
    """

    schema: pa.Schema
    poll: Callable[[float], Changes | None]
    cancel: Callable[[], None]
    stats: Callable[[], LiveStats]
    title: str = ""
    key: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()  # beside that of records that could not be decoded


@dataclass(frozen=True, slots=True)
class Message:
    """One sentence that something was done."""

    text: str
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """Said beside the answers: what is wrong with the user's own functions."""

    text: str


@dataclass(frozen=True, slots=True)
class Running:
    """A query in the background: its id, how it is in a few words, and whether it has failed."""

    id: str
    state: str
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Spooling:
    """SPOOL: what is shown is written to the file too, until the next; an empty path is OFF."""

    path: str


@dataclass(frozen=True, slots=True)
class Sections:
    """Several titled answers, drawn one after the other (DESCRIBE, EXPLAIN)."""

    parts: tuple[Answer, ...] = ()
    notices: tuple[Notice, ...] = ()  # beside those of the parts


@dataclass(frozen=True, slots=True)
class Goodbye:
    """EXIT."""


Answer = Rows | Live | Message | Sections
Event = Answer | Remark | Spooling | Goodbye  # what `Session.execute` gives


def notices_of(answer: Answer) -> tuple[Notice, ...]:
    """What is to be said of an answer that was pulled to its end, its parts' notices first."""
    match answer:
        case Rows():
            return tuple(answer.notices())
        case Live():
            return (*undecodable(answer.stats().bad), *answer.notices)
        case Message():
            return answer.notices
        case Sections():
            parts = (notice for part in answer.parts for notice in notices_of(part))
            return (*parts, *answer.notices)
