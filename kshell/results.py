"""The answers to statements: engines make them, `session` passes them on, `terminal` draws them.

The reader pulls each answer, so that memory use stays flat and a person can stop it: any thread may
call `cancel()` at any time, and the iteration ends within 200 ms.
"""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import pyarrow as pa

from kshell.changes import Changes
from kshell.wording import many

__all__ = ["LAST", "MARKS", "Answer", "Event", "Goodbye", "LeftOut", "Live", "LiveStats", "Message",
           "Notice", "NoticeKind", "Printed", "Progress", "Proposal", "Remark", "Rows", "Running",
           "Sections", "Spooling", "Task", "Waiting", "give_back", "late", "notices_of", "titled",
           "undecodable", "unique"]  # fmt: skip


LAST = "_"  # the name in FROM of the last result
# In a schema's metadata: the column that says of each row that it was added, removed or changed.
MARKS = b"kshell.marks"


class NoticeKind(Enum):
    """What a notice says about its answer."""

    PARTIAL = "PARTIAL"  # the answer is incomplete: a limit, a table that is behind, a partition
    UNDECODABLE = "UNDECODABLE"  # records are missing: they are not what the topic holds
    OPEN = "OPEN"  # records wait for the end of a transaction
    LATE = "LATE"  # rows are missing: all their windows had closed before they came
    EMPTY = "EMPTY"  # a topic that was read holds nothing
    FIELDS = "FIELDS"  # records have fields that no sample had, and they are not shown
    DIALECT = "DIALECT"  # only DuckDB's grammar has the query
    KEPT = "KEPT"  # the result is not kept for a later statement
    CUT = "CUT"  # times are given without their digits beyond milliseconds
    CLUSTER = "CLUSTER"  # the cluster lacks what a system table would show
    ELSEWHERE = "ELSEWHERE"  # a topic of another profile's cluster was read or written
    GIVEN = "GIVEN"  # a table given to the session hides a topic of the same name
    PLANNED = "PLANNED"  # a change of the cluster was planned, and nothing was changed
    READ = "READ"  # how much was read, and what would spare it
    CHANGE = "CHANGE"  # what a planned change of the cluster does besides


@dataclass(frozen=True, slots=True)
class Notice:
    """A remark on an answer; `count` is how many records it is about, 0 if unknown."""

    kind: NoticeKind
    text: str
    count: int = 0


@dataclass(frozen=True, slots=True)
class LeftOut:
    """How many records an answer leaves out, and why: the first few reasons.

    >>> LeftOut(2, ("not valid JSON",)) + LeftOut(1, ("not valid JSON",))
    LeftOut(count=3, reasons=('not valid JSON',))
    """

    count: int = 0
    reasons: tuple[str, ...] = ()

    def __add__(self, other: LeftOut) -> LeftOut:
        if not other.count:
            return self
        both = tuple(dict.fromkeys(self.reasons + other.reasons))
        return LeftOut(self.count + other.count, both[: _REASONS + 1])


_REASONS = 2


def undecodable(left_out: LeftOut) -> tuple[Notice, ...]:
    """The notice of records that an answer leaves out; no notice if there are none.

    >>> undecodable(LeftOut(1, ("not valid JSON",)))[0].text
    '1 record is not in the answer (not valid JSON): SHOW ERRORS'
    """
    count, reasons = left_out.count, left_out.reasons
    if not count:
        return ()
    more = ("…",) if len(reasons) > _REASONS else ()
    why = f" ({'; '.join((*reasons[:_REASONS], *more))})" if reasons else ""
    are = "record is" if count == 1 else "records are"
    text = f"{count:,} {are} not in the answer{why}: SHOW ERRORS"
    return (Notice(NoticeKind.UNDECODABLE, text, count),)


def late(count: int) -> tuple[Notice, ...]:
    """The notice of rows that came too late for all their windows; no notice if there are none.

    >>> late(1)[0].text
    '1 row came after all its windows had closed: a longer GRACE PERIOD would count it'
    """
    if not count:
        return ()
    its, it = ("its", "it") if count == 1 else ("their", "them")
    text = (
        f"{many(count, 'row')} came after all {its} windows had closed: "
        f"a longer GRACE PERIOD would count {it}"
    )
    return (Notice(NoticeKind.LATE, text, count),)


def unique(names: Iterable[str]) -> list[str]:
    """Names of columns, each once: the second of two equal names takes the next free number.

    >>> unique(["id", "id", "id_1", "ID"])
    ['id', 'id_2', 'id_1', 'ID']
    """
    names = list(names)
    taken = set(names)
    seen: set[str] = set()
    out = []
    for name in names:
        made, n = name, 0
        while made in seen:
            n += 1
            made = f"{name}_{n}" if f"{name}_{n}" not in taken else made
        seen.add(made)
        out.append(made)
    return out


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of a bounded scan: records read, records to read, and seconds since it began.

    `note` says what it waits for, if it waits.  `what` is counted; a total of 0 is unknown.
    """

    done: int
    total: int
    seconds: float
    bytes: int = 0
    note: str = ""
    what: str = "records"


@dataclass(frozen=True, slots=True)
class LiveStats:
    """A continuous query's footer: rows shown so far, records scanned, records a second, records
    behind the end of the topics (None: unknown), records that were left out; `note`: an outage;
    `late`: rows that came after all their windows had closed; `status`: what a member of a group
    has now."""

    rows: int = 0
    scanned: int = 0
    rate: float = 0.0
    lag: int | None = 0
    bad: LeftOut = LeftOut()
    note: str = ""
    late: int = 0
    status: str = ""


def _nothing() -> None:
    return None


@dataclass(slots=True)
class Rows:
    """A bounded table: its schema, its batches (pulled once), and how to stop or watch it.

    The schema is settled when the first batch was pulled: types may become wider until then.
    Read `notices` after the last batch.  `elides`: a SELECT without a LIMIT, of which a prompt may
    show a part.  `stopped`: what a person should know who has cancelled it.  `format`: the
    statement says how they are written.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    title: str = ""
    cancel: Callable[[], None] = _nothing
    progress: Callable[[], Progress | None] = _nothing  # None: no progress to show
    notices: Callable[[], Sequence[Notice]] = tuple
    elides: bool = False
    stopped: Callable[[], str] = str
    format: str = ""

    @classmethod
    def of(cls, table: pa.Table | pa.RecordBatch, title: str = "") -> Rows:
        """A small table that is already in memory."""
        if isinstance(table, pa.RecordBatch):
            table = pa.Table.from_batches([table])
        return cls(table.schema, iter(table.to_batches()), title)


def titled(title: str, columns: dict[str, list[Any]], types: dict[str, pa.DataType]) -> Rows:
    """A small table of columns by name; `types` has the types of columns.

    >>> titled("", {"n": [1]}, {"n": pa.int64()}).schema.names
    ['n']
    """
    arrays = [pa.array(values, types.get(name)) for name, values in columns.items()]
    return Rows.of(pa.table(arrays, names=list(columns)), title)


@dataclass(frozen=True, slots=True)
class Live:
    """A continuous table: `poll(seconds)` gives the changes since the last, None after the end.

    `key` names the columns that identify a row of a table; a stream, whose rows never change, has
    none.  `ends`: it has a LIMIT, and ends when that is reached.  `record` reads the record at a
    partition and an offset, for the `places` of changes; None if they have none.  `hints` say why
    there may be no row for long; `stopped` what a person should know who has cancelled it.  `said`
    has what became of it so far, in order: of a member of a group, its partitions and the
    rebalances.
    """

    schema: pa.Schema
    poll: Callable[[float], Changes | None]
    cancel: Callable[[], None]
    stats: Callable[[], LiveStats]
    title: str = ""
    key: tuple[str, ...] = ()
    notices: tuple[Notice, ...] = ()  # besides the notice of records that are left out
    ends: bool = False
    record: Callable[[int, int], Printed] | None = None
    hints: tuple[str, ...] = ()
    said: Callable[[], Sequence[str]] = tuple
    stopped: Callable[[], str] = str


@dataclass(frozen=True, slots=True)
class Printed(Live):
    """The records of a topic as PRINT shows them: topic, partition, offset, timestamp, key,
    headers, value, error.  `follows`: it waits for more when it has shown what is there."""

    follows: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence that says what was done."""

    text: str
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """A remark besides the answers, about errors in the user's own functions."""

    text: str


@dataclass(frozen=True, slots=True)
class Running:
    """A query in the background: its id, its status in a few words, whether it has failed, an
    outage that it waits for, and the stream or table that it writes.  `outlives`: it runs on a
    cluster, and goes on when this shell has ended."""

    id: str
    state: str
    failed: bool = False
    note: str = ""
    writes: str = ""
    outlives: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """What an open transaction or statement set holds: how many, what one and more are called, in
    what they wait, what becomes of them, and the statement that does it.

    >>> held = Waiting(2, "record", "records", "transaction", "written", "COMMIT writes")
    >>> held.mark, held.lost
    ('transaction: 2 held', '2 records of an open transaction not written')
    """

    count: int
    one: str
    more: str
    inside: str
    becomes: str
    ends: str

    @property
    def many(self) -> str:
        """So many of them."""
        return f"{self.count:,} {self.one if self.count == 1 else self.more}"

    @property
    def mark(self) -> str:
        """A few words for the toolbar."""
        return f"{self.inside}: {self.count:,} held"

    @property
    def lost(self) -> str:
        """What is lost by leaving."""
        return f"{self.many} of an open {self.inside} not {self.becomes}"


@dataclass(frozen=True, slots=True)
class Spooling:
    """SPOOL: the output goes to this file too, until the next SPOOL; an empty path is OFF."""

    path: str


@dataclass(frozen=True, slots=True)
class Sections:
    """Several titled answers, drawn one after the other (DESCRIBE, EXPLAIN)."""

    parts: tuple[Answer, ...] = ()
    notices: tuple[Notice, ...] = ()  # besides those of the parts


@dataclass(frozen=True, slots=True)
class Goodbye:
    """EXIT."""


Answer = Rows | Live | Message | Sections


@dataclass(slots=True)
class Proposal:
    """A change of the cluster before it is made: its plan as a table (what, before, after).

    Whoever draws it sets `accepted` before the next answer is asked for: then the session calls
    `apply`, which makes the change.  `question` asks a person, `notices` say what it does besides.
    If it `reads`, it leads to rows: a program that has accepted it wants those alone.  One that
    nobody needs to be asked (`asks`) is applied by the engine; EXPLAIN shows its plan.
    """

    question: str
    plan: Rows
    apply: Callable[[], Answer | Task]
    notices: tuple[Notice, ...] = ()
    accepted: bool = False
    reads: bool = False
    asks: bool = True


@dataclass(frozen=True, slots=True)
class Task:
    """Work that may take long (COPY): `work` does it and gives the message of what was done.

    After `cancel`, from any thread, it ends soon, with the message of what was done by then.
    """

    work: Callable[[], Message]
    cancel: Callable[[], None]
    progress: Callable[[], Progress | None]


Event = Answer | Proposal | Task | Remark | Spooling | Goodbye  # the results of `Session.execute`


def give_back() -> None:
    """Return the memory to the system that is kept for this thread's next answer."""
    pa.default_memory_pool().release_unused()
    with contextlib.suppress(AttributeError):  # glibc alone has this
        ctypes.CDLL(None).malloc_trim(0)


def notices_of(answer: Answer) -> tuple[Notice, ...]:
    """The notices of an answer that was pulled to its end, those of its parts first."""
    match answer:
        case Rows():
            return tuple(answer.notices())
        case Live():
            stats = answer.stats()
            return (*undecodable(stats.bad), *late(stats.late), *answer.notices)
        case Message():
            return answer.notices
        case Sections():
            parts = (notice for part in answer.parts for notice in notices_of(part))
            return (*parts, *answer.notices)
