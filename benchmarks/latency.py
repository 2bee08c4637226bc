"""How long one record takes: from its batch's bytes to the result, and from a producer to the screen.

`python benchmarks/latency.py`: 2,000 single records through decode and operators, in microseconds;
then 200 through real Kafka and a terminal (pexpect), in milliseconds, a stateless query.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
import time

import pexpect
import pyarrow as pa
from compare import ROOT
from continuous import DECLARED, KEYS

from kshell.changes import Changes
from kshell.config import Properties
from kshell.engines.chosen import ChosenEngine
from kshell.engines.error_log import ErrorLog
from kshell.engines.local.sources.scan_reader import Intake
from kshell.engines.local.statements.plans import plan_query
from kshell.kafka import admin
from kshell.kafka.fetch import FOREVER, Chunk, Fetch
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.session import Session
from kshell.sql import plan
from kshell.sql.parse import parse
from kshell.stream.graph import build
from tests.live import realkafka

RECORDS = 2_000
STATELESS = "SELECT id, page, ms * 2 AS twice FROM views WHERE ms >= 0 EMIT CHANGES"
COUNT = "SELECT id, COUNT(*) AS n, SUM(ms) AS total FROM views GROUP BY id EMIT CHANGES"


def percentiles(taken: list[float]) -> tuple[float, float]:
    """The median and the 99th percentile."""
    ordered = sorted(taken)
    return ordered[len(ordered) // 2], ordered[len(ordered) * 99 // 100]


def single_records(session: Session, properties: Properties) -> list[Chunk]:
    """Chunks of one record each, as a broker sends them to who reads as they are written."""
    producer = Producer(properties)
    for n in range(RECORDS):
        value = b'{"id":%d,"page":"Page_%d","ms":%d}' % (n * 499 % KEYS, n % 97, n)
        producer.send("views", [OutgoingRecord(b"u%d" % n, value)])
        producer.flush()
    engine = session.engine
    assert isinstance(engine, ChosenEngine)
    chunks = []
    held = engine.context.lookup(session.properties).snapshot("views")
    for chunk in Fetch(engine.context.client, held, held.offsets):
        data, at, offset = chunk.records, 0, chunk.start
        while at < len(data):
            size = 12 + int.from_bytes(data[at + 8 : at + 12], "big")
            chunks.append(Chunk(chunk.partition, offset, data[at : at + size], (), offset + 1))
            at, offset = at + size, offset + 1
    return chunks


def to_result(session: Session, sql: str, chunks: list[Chunk], keys: int) -> list[float]:
    """Seconds that each record takes, with so many keys in the state."""
    engine = session.engine
    assert isinstance(engine, ChosenEngine)
    (statement,) = parse(sql)
    node = plan_query(engine.context.lookup(session.properties), statement.query)
    graph = build(node)
    (leaf,) = plan.scans(node)
    intake = Intake(leaf, ErrorLog(), session.properties)
    schema = leaf.output.schema()
    for start in range(0, keys, 100_000):
        ids = pa.array(range(start, min(start + 100_000, keys)), pa.int64())
        columns = [
            ids if f.name == "ID" else pa.array([1] * len(ids)).cast(f.type) for f in schema
        ]
        graph.step({0: Changes.of(pa.RecordBatch.from_arrays(columns, schema=schema))})
    taken = []
    for chunk in chunks:
        began = time.perf_counter()
        changes, _ = intake.rows(chunk, 0, FOREVER)
        graph.step({0: changes})
        taken.append(time.perf_counter() - began)
    return taken[100:]  # the first ones plan their statements


def to_screen(properties: Properties) -> list[float]:
    """Seconds from before a record is sent until the terminal shows it."""
    home = tempfile.mkdtemp()
    env = {**os.environ, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home, "TERM": "xterm-256color"}
    shell = pexpect.spawn(
        sys.executable, ["-m", "kshell", "-b", properties["bootstrap.servers"]],
        cwd=str(ROOT), env=env, dimensions=(30, 100), timeout=20,
    )  # fmt: skip
    shell.expect("kshell>")
    shell.send("SELECT n FROM screen EMIT CHANGES;\r")
    shell.expect("live")
    producer = Producer(properties)
    taken = []
    for n in range(200):
        mark = f"mark{n:05d}x"
        began = time.perf_counter()
        producer.send("screen", [OutgoingRecord(None, b'{"n":"%s"}' % mark.encode())])
        producer.check()
        shell.expect(re.escape(mark))
        taken.append(time.perf_counter() - began)
        time.sleep(0.013)  # out of step with the frames
    shell.send("q")
    shell.close()
    return taken


def main() -> None:
    """Fill, run, print."""
    with realkafka.broker() as broker:
        properties = Properties({"bootstrap.servers": broker.bootstrap})
        for topic in ("views", "users", "screen"):
            admin.create_topic(properties, topic, partitions=1, replicas=1, configs={})
        producer = Producer(properties)
        producer.send("screen", [OutgoingRecord(None, b'{"n":"first"}')])
        producer.flush()
        session = Session.open({"bootstrap.servers": broker.bootstrap})
        for _ in session.execute(DECLARED):
            pass
        chunks = single_records(session, properties)
        for name, sql, keys, target in (
            ("stateless, bytes to result", STATELESS, 0, "p50 <= 1, p99 <= 2"),
            ("aggregate of 1 M keys, bytes to result", COUNT, KEYS, "p50 <= 1, p99 <= 5"),
        ):
            half, most = percentiles(to_result(session, sql, chunks, keys))
            print(f"{name:42s} p50 {half * 1e3:7.3f} ms  p99 {most * 1e3:7.3f} ms  {target}")
        session.close()
        half, most = percentiles(to_screen(properties))
        print(f"{'producer to screen':42s} p50 {half * 1e3:7.1f} ms  p99 {most * 1e3:7.1f} ms  p99 <= 100")


if __name__ == "__main__":
    main()
