"""Records that a durable query could not decode, for a topic of their own.

`life` writes them in the transaction that commits offsets behind them: each is there once.  Their
headers are named as Kafka Connect's, so that what reads its dead letters reads these.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kshell.engines.error_log import ErrorLog
from kshell.errors import BadRecord
from kshell.kafka.client import Client
from kshell.kafka.fetch import Fetch
from kshell.kafka.metadata import Snapshot, Topic
from kshell.kafka.outgoing import Outgoing, OutgoingRecord
from kshell.kafka.records import Wanted, decode

__all__ = ["DeadLetters"]

_WANTED = Wanted(offset=True, timestamp=True, key=True, value=True, headers=True)
_NEAR = 1000  # offsets between two bad records that are read in one go
Place = tuple[str, int]


class DeadLetters(ErrorLog):
    """The log of a query's errors, which also waits with the records for the commit behind them.

    `stood` are the offsets at which the query begins: what is before them was written already.
    """

    def __init__(self, log: ErrorLog, query: str, stood: Mapping[Place, int]) -> None:
        super().__init__()
        self._log, self._query, self._stood = log, query, stood
        self._waiting: dict[Place, dict[int, BadRecord]] = {}
        self._among = threading.Lock()

    def add(self, rows: Iterable[BadRecord]) -> None:
        """Count a record, and wait with it."""
        rows = list(rows)
        self._log.add(rows)
        with self._among:
            for row in rows:
                place = row.topic, row.partition
                if row.offset >= self._stood.get(place, 0):
                    self._waiting.setdefault(place, {})[row.offset] = row

    def evaluation(self, query: str, column: str, message: str) -> None:
        """A failure of an expression: its record was decoded."""
        self._log.evaluation(query, column, message)

    def rows(self) -> list[BadRecord]:
        """The log's."""
        return self._log.rows()

    def due(self, client: Client, offsets: Mapping[Place, int]) -> Outgoing | None:
        """The records before these offsets, read again as they are; None if there are none."""
        records: list[OutgoingRecord] = []
        for (name, partition), end in offsets.items():
            with self._among:
                waiting = self._waiting.get((name, partition), {})
                bad = [waiting.pop(offset) for offset in sorted(waiting) if offset < end]
            if bad:
                topic = client.topic(name)
                for near in _near(bad):
                    records += self._letters(client, topic, partition, near)
        return Outgoing.of(records) if records else None

    def _letters(
        self, client: Client, topic: Topic, partition: int, bad: list[BadRecord]
    ) -> Iterator[OutgoingRecord]:
        wanted = {row.offset for row in bad}
        found = _raw(client, topic, partition, wanted)
        for row in bad:
            record: Mapping[str, Any] = found.get(row.offset, {})
            headers = [(h["key"], h["value"]) for h in record.get("headers") or ()]
            why = row.reason if record else f"{row.reason} (its bytes cannot be read)"
            told = {
                "topic": row.topic, "partition": row.partition, "offset": row.offset,
                "connector.name": f"kshell {self._query}", "exception.message": why,
            }  # fmt: skip
            headers += [(f"__connect.errors.{n}", str(v).encode()) for n, v in told.items()]
            yield OutgoingRecord(
                record.get("key"), record.get("value"), record.get("timestamp"), None, headers
            )


def _near(bad: list[BadRecord]) -> Iterator[list[BadRecord]]:
    """Runs of records that are not far from one another."""
    run: list[BadRecord] = []
    for row in bad:
        if run and row.offset - run[-1].offset > _NEAR:
            yield run
            run = []
        run.append(row)
    yield run


def _raw(
    client: Client, topic: Topic, partition: int, offsets: set[int]
) -> dict[int, Mapping[str, Any]]:
    """The records at these offsets by their number, without those that are no records."""
    span = {partition: (min(offsets), max(offsets) + 1)}
    found: dict[int, Mapping[str, Any]] = {}
    for chunk in Fetch(client, Snapshot(topic, span, 1), span):
        made = decode(
            chunk.records, _WANTED, start=chunk.start, end=span[partition][1],
            aborted=chunk.aborted,
        )  # fmt: skip
        numbers = made.batch.column("offset").to_pylist()
        mine = [i for i, offset in enumerate(numbers) if offset in offsets]
        found |= {row["offset"]: row for row in made.batch.take(mine).to_pylist()}
    return found
