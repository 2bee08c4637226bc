"""Twenty continuous queries of one topic: what they cost while nothing comes, and what they fetch.

`python benchmarks/many_queries.py [QUERIES]`: real Kafka; CPU seconds of this whole process; bytes of
record sets in the answers to fetches, beside the bytes that the topic got meanwhile.
"""

from __future__ import annotations

import sys
import time

from compare import ROOT  # noqa: F401  (makes tests.live importable)

from kshell.engines.chosen import ChosenEngine
from kshell.kafka import admin, raw
from kshell.kafka.fetch import Fetch
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.session import Session
from tests.live import realkafka

IDLE_SECONDS = 20.0
RECORDS = 100_000
VALUE = b'{"n":%d,"text":"' + b"x" * 150 + b'"}'


class Counted:
    """Counts the bytes of the record sets that brokers sent."""

    def __init__(self) -> None:
        self.bytes = 0
        decode = raw.Fetched.decode

        def counting(frame: memoryview, version: int) -> raw.Fetched:
            answer = decode(frame, version)
            self.bytes += sum(len(part.records) for part in answer.partitions)
            return answer

        raw.Fetched.decode = counting  # type: ignore[method-assign, assignment]


def main() -> None:
    """Start the queries, wait, write, print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    counted = Counted()
    with realkafka.broker() as broker:
        session = Session.open({"bootstrap.servers": broker.bootstrap})
        engine = session.engine
        assert isinstance(engine, ChosenEngine)
        admin.create_topic(session.properties, "src", partitions=4, replicas=1, configs={})
        while engine.context.client.find("src") is None:
            time.sleep(0.05)
        list(session.execute("CREATE STREAM src (n BIGINT) WITH (KAFKA_TOPIC='src', VALUE_FORMAT='JSON');"))
        for q in range(count):
            text = f"CREATE STREAM s{q} WITH (PARTITIONS=1) AS SELECT n FROM src WHERE n % 1000 = {q};"
            list(session.execute(text))
        time.sleep(3)
        cpu, began = time.process_time(), time.monotonic()
        time.sleep(IDLE_SECONDS)
        share = (time.process_time() - cpu) / (time.monotonic() - began)
        print(f"{count} idle queries: {share:.2%} of a core  target <= 1 %", flush=True)
        producer = Producer(session.properties)
        counted.bytes = 0
        for start in range(0, RECORDS, 1000):
            producer.send("src", [OutgoingRecord(None, VALUE % n) for n in range(start, start + 1000)])
            time.sleep(0.02)
        producer.flush()
        queries = engine.context.queries.values()
        while any(q.feed.scanned < RECORDS for q in queries):
            time.sleep(0.1)
        held = engine.context.lookup(session.properties).snapshot("src")
        one = counted.bytes  # of all queries
        size = sum(_complete(c.records) for c in Fetch(engine.context.client, held, held.offsets))
        print(f"{count} queries fetched {one / size:.2f} x the topic's bytes  target <= 1.1", flush=True)
        session.close()


def _complete(records: memoryview) -> int:
    """Bytes of the complete batches: an answer may end in the middle of one."""
    at = 0
    while len(records) - at >= 12:
        size = 12 + int.from_bytes(records[at + 8 : at + 12], "big")
        if at + size > len(records):
            break
        at += size
    return at


if __name__ == "__main__":
    main()
