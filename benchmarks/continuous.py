"""Continuous queries over 1 M records of a real topic, in this process: records a second.

`python benchmarks/continuous.py [RECORDS]`: each from the first record until the answer has seen the
last; fetch, decode, merge and operators counted, drawing not.  Medians of three.
"""

from __future__ import annotations

import statistics
import sys
import time

from compare import ROOT  # noqa: F401  (makes tests.live importable)

from kshell.config import Properties
from kshell.kafka import admin
from kshell.results import Live
from kshell.session import Session
from tests.live import realkafka

KEYS = 1_000_000
USERS = 10_000
DECLARED = """
CREATE STREAM views (userid VARCHAR KEY, id BIGINT, page VARCHAR, ms BIGINT) WITH
  (KAFKA_TOPIC='views', VALUE_FORMAT='JSON');
CREATE TABLE users (userid VARCHAR PRIMARY KEY, region VARCHAR) WITH
  (KAFKA_TOPIC='users', VALUE_FORMAT='JSON');
SET 'auto.offset.reset'='earliest';
"""
QUERIES = {
    "filter": ("SELECT userid, page FROM views WHERE ms > 900 EMIT CHANGES;", 500_000),
    "count of 1 M keys": ("SELECT id, COUNT(*) AS n FROM views GROUP BY id EMIT CHANGES;", 300_000),
    "tumbling count": (
        "SELECT page, COUNT(*) AS n FROM views WINDOW TUMBLING (SIZE 30 SECONDS)"
        " GROUP BY page EMIT CHANGES;",
        300_000,
    ),
    "stream-table join": (
        "SELECT v.userid, page, region FROM views v JOIN users u ON v.userid = u.userid"
        " EMIT CHANGES;",
        300_000,
    ),
}


def fill(bootstrap: str, records: int) -> None:
    """Views of 10,000 users over ten minutes in 4 partitions; users before them in time."""
    from confluent_kafka import Producer

    properties = Properties({"bootstrap.servers": bootstrap})
    for topic in ("views", "users"):
        admin.create_topic(properties, topic, partitions=4, replicas=1, configs={})
    sender = Producer(
        {"bootstrap.servers": bootstrap, "queue.buffering.max.messages": 2_000_000,
         "partitioner": "murmur2_random"}
    )  # fmt: skip
    begin = 1_700_000_000_000
    for n in range(USERS):
        sender.produce("users", key=f"u{n}", value=f'{{"region":"r{n % 10}"}}', timestamp=begin)
    for n in range(records):
        # The multiplier scatters the keys: each of a million comes once in a million.
        value = f'{{"id":{n * 7919 % KEYS},"page":"Page_{n % 97}","ms":{n % 1000}}}'
        at = begin + 1 + n * 600_000 // records
        while True:
            try:
                sender.produce("views", key=f"u{n % USERS}", value=value, timestamp=at)
                break
            except BufferError:
                sender.poll(0.05)
        if not n % 10_000:
            sender.poll(0)
    sender.flush()


def drain(session: Session, query: str, records: int) -> float:
    """Seconds until the query has seen every record."""
    began = time.perf_counter()
    (result,) = session.execute(query)
    assert isinstance(result, Live)
    while result.stats().scanned < records:
        result.poll(0.2)
    taken = time.perf_counter() - began
    result.cancel()
    return taken


def main() -> None:
    """Fill, run, print."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with realkafka.broker({"log.segment.bytes": 1 << 30}) as broker:
        fill(broker.bootstrap, records)
        session = Session.open({"bootstrap.servers": broker.bootstrap})
        for _ in session.execute(DECLARED):
            pass
        for name, (query, target) in QUERIES.items():
            total = records + (USERS if "JOIN" in query else 0)
            taken = statistics.median(drain(session, query, total) for _ in range(3))
            print(f"{name:24s} {total / taken:12,.0f} records/s  target >= {target:,}", flush=True)
        session.close()


if __name__ == "__main__":
    main()
