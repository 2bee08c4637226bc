"""MIRROR: copies a topic's records to another topic, of any profile's cluster, as batches of bytes.

`engine` dispatches here; `kafka.mirror` copies.  A topic that is missing is proposed, and so is
adding to one that has records.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.changes import Changes
from kshell.config import Properties
from kshell.engines.local.statements.mirror_target import Target, create, found_target, plan_topic
from kshell.engines.local.statements.outbox import check_target
from kshell.engines.local.statements.proposals import planned, remark
from kshell.errors import BindError, KafkaError, KshellError
from kshell.kafka.fetch import FOREVER
from kshell.kafka.metadata import Snapshot
from kshell.kafka.mirror import Mirror
from kshell.kafka.prefix import behind
from kshell.results import Answer, Live, LiveStats, Notice, NoticeKind, Progress, Proposal, Rows
from kshell.sql import transfer
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context
    from kshell.kafka.client import Client

__all__ = ["begun", "mirror"]

_ENDING = 3.0  # seconds that are waited for its end, where it was stopped

_Ranges = dict[int, tuple[int, int]]  # by partition, the offsets to read

_TYPES = pa.schema(
    [(name, pa.int64()) for name in ("partition", "from", "next", "records", "bytes", "rewritten")]
)


def mirror(context: Context, statement: transfer.Mirror, properties: Properties) -> Proposal:
    """MIRROR; raises BindError, UnknownName, KafkaError, Forbidden, Outage."""
    committed = properties.set("isolation.level", "read_committed")
    check_target(context, statement.target)
    lookup = context.lookup(committed)
    called = lookup.topic_name(statement.source)
    client, snapshot = lookup.client_of(called), lookup.snapshot(called).check_whole()
    target = found_target(context, statement.target, committed)
    if target.client.wire.cluster.id == client.wire.cluster.id and target.topic == snapshot.name:
        raise BindError(
            f"topic {called} cannot be copied to itself", place=statement.target.place
        )
    ranges = begun(statement.begin, snapshot, called, statement.continuous)
    notices = [*lookup.notices, *target.notices]

    def copy(ranges: _Ranges = ranges, after: Snapshot | None = None) -> Answer:
        held = _held(target)
        if after is not None and (after.offsets, after.topic.id) != (held.offsets, held.topic.id):
            raise KafkaError(
                f"topic {target.name} was written to since its records were compared",
                hint="the same statement compares them again",
            )
        made = _Copy(statement, called, (client, snapshot), (target, held), ranges)
        return made.live(notices) if statement.continuous else made.rows(notices)

    title = f"Mirror {called} to {target.name}"
    if target.found is None:
        steps = plan_topic(client, snapshot.topic, target, statement.target)

        def apply() -> Answer:
            create(context, target, steps)
            return copy()

        plan = planned(title, [(s.what, None, s.value) for s in steps])
        return Proposal(f"Create topic {target.name} and copy to it?", plan, apply, (*notices,))
    count, wanted = len(target.found.partitions), len(snapshot.topic.partitions)
    if count < wanted:
        raise BindError(
            f"topic {target.name} has {many(count, 'partition')}, and {called} has {wanted}: each"
            " is copied to that of its number",
            hint=f"ALTER TOPIC {target.name} PARTITIONS {wanted}", place=statement.target.place,
        )  # fmt: skip
    held = _held(target)
    holds = sum(end - first for first, end in held.offsets.values())

    def plan_of(ranges: _Ranges) -> Rows:
        step = (f"offsets in {target.name}", f"{holds:,}", _more(holds, ranges))
        return planned(title, [step])

    if not holds or statement.begin is not None:
        return Proposal(f"{title}?", plan_of(ranges), copy, (*notices,), asks=False)
    rest = _behind((client, snapshot), (target, held), ranges)
    if rest is None:
        more = remark(f"{target.name} has records already, and all of {called} come after them:"
                      " FROM OFFSETS goes on where an earlier MIRROR ended")  # fmt: skip
        return Proposal(f"{title}?", plan_of(ranges), copy, (*notices, more))
    are = f"the {holds:,} records of {target.name} are the first ones"
    are = f"the record of {target.name} is the first one" if holds == 1 else are
    more = remark(f"{are} of {called}: it goes on behind {'it' if holds == 1 else 'them'}")
    question = f"{title}, behind {many(holds, 'record')}?"
    go_on = partial(copy, rest, held)
    return Proposal(question, plan_of(rest), go_on, (*notices, more))


def _held(target: Target) -> Snapshot:
    topic = target.client.topic(target.topic)
    return target.client.snapshot(topic, "read_uncommitted").check_whole()


def _behind(
    source: tuple[Client, Snapshot], copy: tuple[Target, Snapshot], ranges: _Ranges
) -> _Ranges | None:
    """What is left to copy, where each partition of the copy has the first records of its source's
    partition and nothing else; None where that is not so."""
    target, held = copy
    rest = dict(ranges)
    for partition, (first, end) in held.offsets.items():
        if partition not in ranges:
            if first < end:
                return None
            continue
        reached = behind(
            (target.client, held), source, partition, times=not target.dates
        )
        if reached is None:
            return None
        rest[partition] = reached, ranges[partition][1]
    return rest


def _more(held: int, ranges: _Ranges) -> str:
    if any(end >= FOREVER for _, end in ranges.values()):
        return "grows with what comes"
    return f"up to {held + sum(end - start for start, end in ranges.values()):,}"


def begun(
    begin: transfer.Begin | None, snapshot: Snapshot, called: str, continuous: bool = False
) -> dict[int, tuple[int, int]]:
    """Per partition the offsets to read, by FROM; raises BindError for those that are not there."""
    starts = {p: first for p, (first, _) in snapshot.offsets.items()}
    if begin is not None and begin.latest:
        starts = {p: end for p, (_, end) in snapshot.offsets.items()}
    for partition, offset in (begin.offsets if begin is not None else {}).items():
        assert begin is not None
        first, end = snapshot.offsets.get(partition, (-1, -1))
        what = f"topic {called}, partition {partition}: "
        if first < 0:
            raise BindError(f"topic {called} has no partition {partition}", place=begin.place)
        if offset < first:
            raise BindError(
                f"{what}offset {offset:,} is gone, the log starts at {first:,}", place=begin.place
            )
        if offset > end:
            raise BindError(
                f"{what}offset {offset:,} is not there, the log ends at {end:,}", place=begin.place
            )
        starts[partition] = offset
    return {
        p: (starts[p], FOREVER if continuous else end) for p, (_, end) in snapshot.offsets.items()
    }


class _Copy:
    """One copy and its answer: a row for each partition."""

    def __init__(
        self,
        statement: transfer.Mirror,
        called: str,
        source: tuple[Client, Snapshot],
        target: tuple[Target, Snapshot],
        ranges: dict[int, tuple[int, int]],
    ) -> None:
        self._called, self._ranges, self._snapshot = called, ranges, source[1]
        self._client, self._target, self._continuous = source[0], target[0], statement.continuous
        to, held = target
        self._mirror = Mirror(source, (to.client, held), ranges, to.properties)
        self._began = time.monotonic()
        self._error: KshellError | None = None
        self._over = threading.Event()
        self._shown: dict[int, tuple[int, ...]] = {}

    def _rows(self) -> dict[int, tuple[int, ...]]:
        """Where each partition stands, by its number."""
        rows = dict[int, tuple[int, ...]]()
        for partition, reached in sorted(self._mirror.reached.items()):
            start = self._ranges.get(partition, (0, 0))[0]
            written = self._mirror.written(partition)
            anew = self._mirror.anew.get(partition, 0)
            rows[partition] = (partition, start, reached, *written, anew)
        return rows

    def _table(self, rows: Sequence[tuple[int, ...]]) -> pa.RecordBatch:
        columns = list(zip(*rows, strict=True)) or [()] * len(_TYPES)
        return pa.record_batch([pa.array(c, pa.int64()) for c in columns], schema=_TYPES)

    @property
    def _goes_on(self) -> str:
        """The statement that goes on after what was acknowledged."""
        at = ",".join(f"{p}:{offset}" for p, offset in sorted(self._mirror.reached.items()))
        emit = " EMIT CHANGES" if self._continuous else ""
        return f"MIRROR {self._called} TO {self._target.name} FROM OFFSETS '{at}'{emit} goes on"

    @property
    def _doubtful(self) -> str:
        if not self._mirror.unacknowledged:
            return ""
        return ", and batches behind that were not acknowledged: they may be there"

    def _run(self) -> None:
        try:
            self._mirror.run()
        except KshellError as error:
            error.hint = "; ".join(filter(None, (error.hint, self._goes_on + self._doubtful)))
            self._error = error
            raise
        finally:
            self._over.set()

    def _stopped(self) -> str:
        """What is to be said when it was stopped; waits for what was on its way."""
        self._over.wait(_ENDING)
        return self._goes_on + self._doubtful

    # A bounded one.

    def rows(self, notices: Sequence[Notice]) -> Rows:
        """Copies while it is pulled."""
        total = sum(end - start for start, end in self._ranges.values())
        said = list(notices)

        def batches() -> Iterator[pa.RecordBatch]:
            self._run()
            rows = self._rows()
            if self._mirror.stopped:
                text = f"stopped: {self._goes_on}{self._doubtful}"
                said.append(Notice(NoticeKind.PARTIAL, text))
            else:  # behind the last batches are the ends of transactions, and what was aborted
                rows = {p: (*row[:2], self._ranges[p][1], *row[3:]) for p, row in rows.items()}
                said.extend(self._open())
            yield self._table(list(rows.values()))

        def progress() -> Progress:
            done = sum(row[2] - row[1] for row in self._rows().values())
            size = sum(row[4] for row in self._rows().values())
            return Progress(done, total, time.monotonic() - self._began, size, self._mirror.note)

        return Rows(
            _TYPES, batches(), f"{self._called} to {self._target.name}", self._mirror.cancel,
            progress, lambda: said, stopped=self._stopped,
        )  # fmt: skip

    def _open(self) -> list[Notice]:
        """The notice of records that wait for the end of a transaction."""
        waits = self._client.undecided(self._snapshot, list(self._ranges))
        if not waits:
            return []
        are = "is" if waits == 1 else "are"
        text = f"{many(waits, 'offset')} behind an open transaction {are} not copied"
        return [Notice(NoticeKind.OPEN, text, waits)]

    # A continuous one.

    def live(self, notices: Sequence[Notice]) -> Live:
        """Copies in a thread of its own."""
        threading.Thread(target=self._follow, name="kshell-mirror", daemon=True).start()
        return Live(
            _TYPES, self._poll, self._mirror.cancel, self._stats,
            f"{self._called} to {self._target.name}", ("partition",), tuple(notices),
            stopped=self._stopped,
        )  # fmt: skip

    def _follow(self) -> None:
        with contextlib.suppress(KshellError):  # the next poll raises it
            self._run()

    def _poll(self, seconds: float) -> Changes | None:
        over = self._over.wait(seconds)
        rows = self._rows()
        before = [r for p, r in self._shown.items() if rows.get(p) != r]
        after = [r for p, r in rows.items() if self._shown.get(p) != r]
        self._shown = rows
        if not after:
            if over and self._error is not None:
                raise self._error
            return None if over else Changes.none(_TYPES)
        parts = [Changes.of(self._table(before), -1)] if before else []
        return Changes.concat([*parts, Changes.of(self._table(after))], _TYPES)

    def _stats(self) -> LiveStats:
        records = sum(row[3] for row in self._rows().values())
        seconds = max(time.monotonic() - self._began, 1e-3)
        return LiveStats(
            len(self._shown), records, records / seconds, self._mirror.lag, note=self._mirror.note
        )
