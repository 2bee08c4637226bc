"""Nexmark's queries over a real cluster: CPU seconds of whole kshell processes beside kcat's dump.

`python benchmarks/nexmark.py [EVENTS] [QUERY …]`: 2.5 M events by default (persons, auctions and bids
as 1 : 3 : 46, in 4 partitions each; one in twenty late by up to 200 ms, two in a thousand by up to
30 s).  Each query runs with EMIT CHANGES and `-o jsonl` to a file until it has nothing more to do;
its last rows are compared with DuckDB's answer over the same records.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from compare import KSHELL, ROOT, process, taken_by

from kshell.config import Properties
from kshell.kafka import admin
from tests.live import realkafka

BEGIN = 1_700_000_000_000
TOPICS = ("person", "auction", "bid")
DECLARED = """
CREATE STREAM bid (auction BIGINT, bidder BIGINT, price BIGINT, channel VARCHAR, dateTime BIGINT)
  WITH (KAFKA_TOPIC='bid', VALUE_FORMAT='JSON');
CREATE STREAM auction (id BIGINT KEY, initialBid BIGINT, expires BIGINT, seller BIGINT,
  category BIGINT) WITH (KAFKA_TOPIC='auction', KEY_FORMAT='JSON', VALUE_FORMAT='JSON');
CREATE STREAM persons (id BIGINT KEY, name VARCHAR, state VARCHAR)
  WITH (KAFKA_TOPIC='person', KEY_FORMAT='JSON', VALUE_FORMAT='JSON');
CREATE TABLE person (id BIGINT PRIMARY KEY, name VARCHAR, state VARCHAR)
  WITH (KAFKA_TOPIC='person', KEY_FORMAT='JSON', VALUE_FORMAT='JSON');
CREATE TABLE auctions (id BIGINT PRIMARY KEY, seller BIGINT, category BIGINT)
  WITH (KAFKA_TOPIC='auction', KEY_FORMAT='JSON', VALUE_FORMAT='JSON');
SET 'auto.offset.reset'='earliest';
"""


@dataclass(frozen=True)
class Case:
    """A query, DuckDB's query for its last rows, and how many of its columns are the key.

    A `key` of 0: all rows of a stream count, as often as they come.
    """

    ksql: str
    duck: str
    key: int
    target: str


CASES = {
    "q0": Case(
        "SELECT auction, bidder, price, channel, dateTime FROM bid",
        "SELECT auction, bidder, price, channel, ts FROM bid",
        0, "<= 3",
    ),
    "q1": Case(
        "SELECT auction, bidder, 2 * price AS price, dateTime FROM bid",
        "SELECT auction, bidder, 2 * price, ts FROM bid",
        0, "<= 3",
    ),
    "q2": Case(
        "SELECT auction, price FROM bid WHERE auction % 123 = 0",
        "SELECT auction, price FROM bid WHERE auction % 123 = 0",
        0, "<= 1.5",
    ),
    "q3": Case(
        "SELECT a.id AS id, p.name AS name, p.state AS state FROM auctions a"
        " JOIN person p ON a.seller = p.id WHERE a.category = 10 AND p.state IN ('OR','ID','CA')",
        "SELECT a.id, p.name, p.state FROM auction a JOIN person p ON a.seller = p.id"
        " WHERE a.category = 10 AND p.state IN ('OR','ID','CA')",
        1, "<= 10",
    ),
    "q4": Case(
        "SELECT a.id AS id, a.category AS category, MAX(b.price) AS final FROM auction a"
        " JOIN bid b WITHIN (0 SECONDS, 10 SECONDS) GRACE PERIOD 1 MINUTE ON a.id = b.auction"
        " WHERE b.dateTime <= a.expires GROUP BY a.id, a.category",
        "SELECT a.id, a.category, max(b.price) FROM auction a JOIN bid b ON a.id = b.auction"
        " AND b.ts BETWEEN a.ts AND a.ts + 10000 AND b.ts <= a.expires GROUP BY ALL",
        2, "<= 10",
    ),
    "q5": Case(
        "SELECT auction, WINDOWSTART AS ws, COUNT(*) AS num FROM bid"
        " WINDOW HOPPING (SIZE 10 SECONDS, ADVANCE BY 2 SECONDS) GROUP BY auction",
        "SELECT auction, ws, count(*) FROM (SELECT auction,"
        " unnest(range((ts - 8000) // 2000 * 2000, ts + 1, 2000)) AS ws, ts FROM bid)"
        " WHERE ws <= ts AND ts < ws + 10000 GROUP BY ALL",
        2, "<= 4",
    ),
    "q7": Case(
        "SELECT channel, WINDOWSTART AS ws, MAX(price) AS top FROM bid"
        " WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY channel",
        "SELECT channel, ts // 10000 * 10000, max(price) FROM bid GROUP BY ALL",
        2, "<= 1.5",
    ),
    "q8": Case(
        "SELECT p.id AS id, p.name AS name, a.id AS auction FROM persons p JOIN auction a"
        " WITHIN 10 SECONDS GRACE PERIOD 1 MINUTE ON p.id = a.seller"
        " WHERE p.ROWTIME / 10000 = a.ROWTIME / 10000",
        "SELECT p.id, p.name, a.id FROM person p JOIN auction a ON p.id = a.seller"
        " AND p.ts // 10000 = a.ts // 10000",
        0, "<= 10",
    ),
    "q11": Case(
        "SELECT bidder, WINDOWSTART AS ws, WINDOWEND AS we, COUNT(*) AS n FROM bid"
        " WINDOW SESSION (10 SECONDS) GROUP BY bidder",
        "SELECT bidder, min(ts), max(ts), count(*) FROM (SELECT *, sum(fresh) OVER (PARTITION BY bidder"
        " ORDER BY ts ROWS UNBOUNDED PRECEDING) AS session FROM (SELECT *, (ts - lag(ts, 1, 0) OVER"
        " (PARTITION BY bidder ORDER BY ts) > 10000)::INT AS fresh FROM bid))"
        " GROUP BY bidder, session",
        3, "<= 10",
    ),
    "q12": Case(
        "SELECT bidder, WINDOWSTART AS ws, COUNT(*) AS n FROM bid"
        " WINDOW TUMBLING (SIZE 10 SECONDS) GROUP BY bidder",
        "SELECT bidder, ts // 10000 * 10000, count(*) FROM bid GROUP BY ALL",
        2, "<= 2",
    ),
}  # fmt: skip


def events(count: int) -> dict[str, pa.Table]:
    """Persons, auctions and bids, 2,000 a second, always the same."""
    rng = np.random.default_rng(7)
    number = np.arange(count)
    at = BEGIN + number // 2
    late, very = rng.random(count) < 0.05, rng.random(count) < 0.002
    at[late] -= rng.integers(0, 200, late.sum())
    at[very] -= rng.integers(0, 30_000, very.sum())
    at = np.maximum(at, BEGIN)
    epoch, place = np.divmod(number, 50)
    is_person, is_bid = place == 0, place >= 4
    is_auction = ~is_person & ~is_bid
    newest = epoch * 3 + np.where(is_bid, 2, place - 1)  # the newest auction's number
    names = np.array([f"{a} {b}" for a in ("Ada", "Alan", "Edgar", "Grace") for b in ("K", "L")])
    states = np.array(["OR", "ID", "CA", "WA", "AZ", "WY"])
    persons, auctions, bids = is_person.sum(), is_auction.sum(), is_bid.sum()

    def hot(chance: float, some: Any, any_: Any) -> Any:
        return np.where(rng.random(len(some)) < chance, some, np.maximum(any_, 0)) + 1000

    of_auction, of_bid = epoch[is_auction], epoch[is_bid]
    last = newest[is_bid]
    return {
        "person": pa.table({
            "id": 1000 + epoch[is_person],
            "name": names[rng.integers(0, len(names), persons)],
            "state": states[rng.integers(0, len(states), persons)],
            "ts": at[is_person],
        }),
        "auction": pa.table({
            "id": 1000 + newest[is_auction],
            "initialBid": rng.integers(1, 1000, auctions),
            "expires": at[is_auction] + rng.integers(1000, 10_000, auctions),
            "seller": hot(
                0.75, of_auction // 100 * 100, of_auction - rng.integers(0, 1000, auctions)
            ),
            "category": 10 + rng.integers(0, 5, auctions),
            "ts": at[is_auction],
        }),
        "bid": pa.table({
            "auction": hot(0.5, last // 100 * 100, last - rng.integers(0, 100, bids)),
            "bidder": hot(0.5, of_bid // 100 * 100 + 1, of_bid - rng.integers(0, 1000, bids)),
            "price": 1 + np.exp(rng.random(bids) * 9.2).astype(np.int64),
            "channel": np.array(["Apple", "Google", "Baidu"])[rng.integers(0, 3, bids)],
            "ts": at[is_bid],
        }),
    }  # fmt: skip


def fill(bootstrap: str, tables: dict[str, pa.Table]) -> None:
    """Each event a record of JSON with its time as timestamp; a bid has no key."""
    from confluent_kafka import Producer

    properties = Properties({"bootstrap.servers": bootstrap})
    sender = Producer(  # idempotent: else a batch that is sent again comes after later ones
        {"bootstrap.servers": bootstrap, "enable.idempotence": True, "linger.ms": 20,
         "queue.buffering.max.messages": 1_000_000}
    )  # fmt: skip
    for topic, table in tables.items():
        admin.create_topic(properties, topic, partitions=4, replicas=1, configs={})
        for i, row in enumerate(_rows(table)):
            at = row["dateTime"] = row.pop("ts")
            key = None if topic == "bid" else row.pop("id")
            text = None if key is None else str(key)
            while True:
                try:
                    sender.produce(topic, json.dumps(row), text, (key or i) % 4, timestamp=at)
                    break
                except BufferError:
                    sender.poll(0.05)
            if not i % 10_000:
                sender.poll(0)
        sender.flush()


def _rows(table: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(50_000):
        yield from batch.to_pylist()


def run(bootstrap: str, case: Case, out: Path) -> tuple[float, float, float, float]:
    """CPU seconds, wall seconds, seconds to the first row, and the peak of memory in MB."""
    text = f"{DECLARED}\n{case.ksql} EMIT CHANGES;"
    with out.open("wb") as file:
        child = subprocess.Popen(
            [*KSHELL, "-b", bootstrap, "-o", "jsonl", "-e", text], cwd=ROOT, stdout=file
        )
        began, first, before, still = time.monotonic(), 0.0, 0.0, 0
        while still < 6:
            time.sleep(0.25)
            cpu = _cpu(child.pid)
            if not first and out.stat().st_size:
                first = time.monotonic() - began
            still = still + 1 if first and cpu - before < 0.02 else 0
            before = cpu
        wall = time.monotonic() - began - still * 0.25
        status = Path(f"/proc/{child.pid}/status").read_text()
        peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
        child.terminate()
        child.wait()
    return cpu, wall, first, peak


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def differences(case: Case, out: Path, tables: dict[str, pa.Table]) -> tuple[int, int, int]:
    """How many rows DuckDB has, and how many of the last rows are missing and extra."""
    connection = duckdb.connect()
    for name, table in tables.items():
        connection.register(name, table)
    connection.execute("SET integer_division=true")
    connection.execute(f"CREATE TABLE expected AS {case.duck}")
    connection.execute(
        "CREATE TABLE made AS SELECT *, row_number() OVER () AS nth FROM"
        f" read_json('{out}', format='newline_delimited')"
    )
    made = [c[0] for c in connection.execute("DESCRIBE made").fetchall()]
    names = [n for n in made if n not in ("-", "nth")]
    listed = ", ".join(f'"{n}"' for n in names)
    answer = f"SELECT {listed} FROM made"
    if case.key:
        deleted = "-" in made  # {"-": row} deletes a key
        keys = [f'coalesce("{n}", "-"."{n}")' if deleted else f'"{n}"' for n in names[: case.key]]
        newest = f"row_number() OVER (PARTITION BY {', '.join(keys)} ORDER BY nth DESC) = 1"
        answer = f"SELECT {listed} FROM (FROM made QUALIFY {newest})"
        answer += ' WHERE "-" IS NULL' if deleted else ""
    connection.execute(f"CREATE TABLE answer AS {answer}")
    count = "SELECT count(*) FROM (SELECT * FROM {} EXCEPT ALL SELECT * FROM {})"
    missing = connection.execute(count.format("expected", "answer")).fetchone()
    extra = connection.execute(count.format("answer", "expected")).fetchone()
    total = connection.execute("SELECT count(*) FROM expected").fetchone()
    assert missing
    assert extra
    assert total
    return total[0], missing[0], extra[0]


def main() -> None:
    """Fill, run, compare, print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2_500_000
    chosen = sys.argv[2:] or list(CASES)
    tables = events(count)
    realkafka.prepare()
    with realkafka.broker({"log.segment.bytes": 1 << 30}) as broker, tempfile.TemporaryDirectory() as d:
        fill(broker.bootstrap, tables)
        kcat = process(["kcat", "-b", broker.bootstrap, "-C", "-e", "-q", "-t", "bid"])
        print(f"{count:,} events; beside each query, kcat dumps the bids")
        for name in chosen:
            case, out = CASES[name], Path(d, f"{name}.jsonl")
            peer = taken_by(kcat).cpu
            cpu, wall, first, peak = run(broker.bootstrap, case, out)
            total, missing, extra = differences(case, out, tables)
            print(f"{name:4s} {cpu:7.2f} CPU s  {wall:7.2f} s  first row {first:5.2f} s"
                  f"  peak {peak:5.0f} MB  {cpu / peer:6.2f} x kcat's {peer:.2f} s (target {case.target})"
                  f"  {total:,} rows: {missing} missing, {extra} extra", flush=True)  # fmt: skip
            out.unlink()


if __name__ == "__main__":
    main()
