"""REDRIVE: sends the records of a dead letter topic to the topics that a header of each names.

`engine` dispatches here.  What goes where is counted first and shown as a plan.  Key, value,
headers and time stay; the key chooses the partition.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.config import Properties
from kshell.engines.local.statements.mirror import begun
from kshell.engines.local.statements.proposals import remark
from kshell.errors import BadRecord, KshellError
from kshell.kafka.fetch import Fetch
from kshell.kafka.outgoing import HEADERS, Outgoing
from kshell.kafka.produce import Producer
from kshell.kafka.records import Wanted, decode
from kshell.permits import check_writes
from kshell.results import Answer, Message, Notice, NoticeKind, Progress, Proposal, Rows, titled
from kshell.sql.transfer import NAMING, Redrive
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context
    from kshell.kafka.client import Client
    from kshell.kafka.metadata import Snapshot

__all__ = ["redrive"]

_ALL = Wanted(offset=True, timestamp=True, key=True, value=True, headers=True)
_SLICES = 10  # times a second that records are sent, where there is a rate
_SLICE = 1000
_ENDING = 3.0  # seconds that are waited for its end, where it was stopped
_PLAN = {"topic": pa.string(), "records": pa.int64(), "note": pa.string()}
_DONE = pa.schema([("topic", pa.string()), ("records", pa.int64())])


@dataclass
class _Letters:
    """The records of a dead letter topic, and where each is to go."""

    client: Client
    snapshot: Snapshot
    ranges: Mapping[int, tuple[int, int]]
    headers: Sequence[str]
    bad: list[BadRecord] = field(default_factory=list)
    fetch: Fetch | None = None

    def read(self, wanted: Wanted) -> Iterator[tuple[int, pa.RecordBatch, list[str]]]:
        """Per chunk its partition, the records, and the topic of each ("" for none).

        Partitions come one after the other, so that a limit means the same records each time.
        """
        for partition, (start, end) in sorted(self.ranges.items()):
            if start >= end:
                continue
            self.fetch = Fetch(self.client, self.snapshot, {partition: (start, end)})
            for chunk in self.fetch:
                made = decode(
                    chunk.records, wanted, start=chunk.start, end=end, aborted=chunk.aborted
                )
                self.bad += [
                    BadRecord(self.snapshot.name, partition, span.first, span.reason)
                    for span in made.bad
                ]
                yield partition, made.batch, self._topics(made.batch)

    def _topics(self, batch: pa.RecordBatch) -> list[str]:
        return [self._topic(held) for held in batch.column("headers").to_pylist()]

    def _topic(self, held: Sequence[Mapping[str, bytes | None]]) -> str:
        """The topic in the last header of the first name that the record has."""
        for name in self.headers:
            said = [h["value"] for h in held if h["key"] == name.encode() and h["value"]]
            if said:
                return (said[-1] or b"").decode(errors="replace")
        return ""


def redrive(
    context: Context, statement: Redrive, properties: Properties
) -> Answer | Proposal:
    """REDRIVE; raises UnknownName, BindError, KafkaError, Forbidden, Outage."""
    lookup = context.lookup(properties.set("isolation.level", "read_committed"))
    called = lookup.topic_name(statement.source)
    client, snapshot = lookup.client_of(called), lookup.snapshot(called).check_whole()
    to = lookup.properties_of(called)
    check_writes(to, f"REDRIVE {called}")
    headers = (statement.header,) if statement.header else NAMING
    letters = _Letters(
        client, snapshot, begun(statement.begin, snapshot, called), headers
    )
    counts = Counter[str]()
    for _, _, topics in letters.read(Wanted(offset=True, headers=True)):
        counts.update(topics)
    context.errors.add(letters.bad)
    there = {
        t for t in counts if t and t != snapshot.name and client.find(t) is not None
    }  # fmt: skip
    going = sum(counts[t] for t in there)
    if not counts:
        return Message(f"Topic {called} has no records.", (*lookup.notices,))

    def note(topic: str) -> str | None:
        if topic in there:
            return None
        if not topic:
            return f"stay: no header {' or '.join(headers)}"
        return f"stay: {'it is this topic' if topic == snapshot.name else 'there is no such topic'}"

    order = sorted(counts, key=lambda t: (t not in there, t))
    plan = titled(
        f"Redrive {called}",
        {"topic": [t or None for t in order], "records": [counts[t] for t in order],
         "note": [note(t) for t in order]}, _PLAN,
    )  # fmt: skip
    if not going:
        return plan
    count = going if statement.limit is None else min(going, statement.limit)
    largest, more = client.largest_batch(there), count < going
    sends = _Sending(statement, called, letters, there, largest, to, count, more)
    notices = [*lookup.notices, *_remarks(statement, count, going)]
    if letters.bad:
        notices.append(remark(f"{many(len(letters.bad), 'batch')} cannot be read: SHOW ERRORS"))
    question = f"Redrive {many(count, 'record')} of {called}?"
    return Proposal(question, plan, sends.rows, tuple(notices))


def _remarks(statement: Redrive, count: int, going: int) -> Iterator[Notice]:
    if count < going:
        yield remark(f"LIMIT {count}: {many(going - count, 'record')} of these wait")
    if statement.rate is not None:
        seconds = count / statement.rate
        yield remark(f"{statement.rate:,} a second at most: it takes {seconds:,.0f} s")


class _Sending:
    """Sends the letters; the answer has a row for each topic."""

    def __init__(
        self, statement: Redrive, called: str, letters: _Letters, there: set[str],
        largest: int | None, properties: Properties, count: int, more: bool,
    ) -> None:  # fmt: skip
        self._more = more  # records are left by the limit
        self._statement, self._called, self._letters = statement, called, letters
        self._there, self._largest = there, largest
        self._properties, self._count = properties, count
        self._stopped, self._over = threading.Event(), threading.Event()
        self._sent = Counter[str]()
        self._next = {p: start for p, (start, _) in letters.ranges.items()}
        self._began = 0.0

    def rows(self) -> Rows:
        """Sends while it is pulled."""
        said: list[Notice] = []
        self._began = time.monotonic()

        def batches() -> Iterator[pa.RecordBatch]:
            producer = Producer(self._properties, largest=self._largest)
            try:
                self._send_all(producer)
                (producer.leave if self._stopped.is_set() else producer.flush)()
            except KshellError as error:
                done = f"{producer.acknowledged:,} of {self._count:,} records are written"
                error.hint = "; ".join(filter(None, (error.hint, done)))
                raise
            finally:
                self._over.set()
            if self._total < self._count:
                said.append(Notice(NoticeKind.PARTIAL, f"stopped: {self._goes_on}"))
            elif self._more:
                said.append(Notice(NoticeKind.CHANGE, self._goes_on))
            topics = sorted(self._sent)
            yield pa.record_batch(
                [pa.array(topics, pa.string()), pa.array([self._sent[t] for t in topics])],
                schema=_DONE,
            )

        def progress() -> Progress:
            return Progress(self._total, self._count, time.monotonic() - self._began)

        return Rows(_DONE, batches(), f"Redriven from {self._called}", self._cancel, progress,
                    lambda: said, stopped=self._said)  # fmt: skip

    def _said(self) -> str:
        """What is to be said when it was stopped; waits for what was on its way."""
        self._over.wait(_ENDING)
        return self._goes_on

    def _cancel(self) -> None:
        self._stopped.set()
        if self._letters.fetch is not None:
            self._letters.fetch.cancel()

    @property
    def _total(self) -> int:
        return sum(self._sent.values())

    @property
    def _goes_on(self) -> str:
        at = ",".join(f"{p}:{offset}" for p, offset in sorted(self._next.items()))
        return f"REDRIVE {self._called} FROM OFFSETS '{at}' goes on"

    def _send_all(self, producer: Producer) -> None:
        rate = self._statement.rate
        size = _SLICE if rate is None else max(rate // _SLICES, 1)
        for partition, batch, topics in self._letters.read(_ALL):
            for at in range(0, batch.num_rows, size):
                if self._total >= self._count:
                    return
                if rate is not None and self._wait(self._began + self._total / rate):
                    return
                if self._stopped.is_set():
                    return
                self._send(producer, partition, batch.slice(at, size), topics[at : at + size])

    def _wait(self, moment: float) -> bool:
        """Wait for the rate; whether it was stopped."""
        return self._stopped.wait(max(moment - time.monotonic(), 0.0))

    def _send(
        self, producer: Producer, partition: int, batch: pa.RecordBatch, topics: list[str]
    ) -> None:
        left = self._count - self._total
        going = [i for i, t in enumerate(topics) if t in self._there][:left]
        by_topic: dict[str, list[int]] = {}
        for i in going:
            by_topic.setdefault(topics[i], []).append(i)
        for topic, rows in by_topic.items():
            part = batch.take(pa.array(rows))
            producer.send(
                topic,
                Outgoing(
                    part.column("key"), part.column("value"), part.column("timestamp"), None,
                    part.column("headers").cast(HEADERS),
                ),
            )
            self._sent[topic] += len(rows)
        last = len(topics) - 1
        if len(going) == left and going:
            last = going[-1]
        self._next[partition] = batch.column("offset")[last].as_py() + 1
        producer.check()
