"""What a sink costs: CREATE STREAM … AS SELECT, JSON to JSON, beside confluent-kafka's own produce loop.

`python benchmarks/sinks.py [records]`: on a real broker, the two in turn, each in a process of its own,
in CPU seconds of the whole process (librdkafka's threads too) and in wall time.  kshell reads, decodes,
projects, encodes and writes; the loop writes bytes that are ready.  The sink is then read back and is
the source, and the peak of the process' memory is printed.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from compare import ROOT

from kshell.config import Properties
from kshell.kafka import admin
from tests.live import realkafka

RUNS = 3
RECORDS = 2_000_000
STARTED = 1_700_000_000_000
DECLARED = (
    "SET 'auto.offset.reset'='earliest'; CREATE STREAM bid (auction BIGINT, bidder BIGINT, price BIGINT,"
    " channel VARCHAR, dateTime BIGINT) WITH (KAFKA_TOPIC='bid', VALUE_FORMAT='JSON');"
)
COLUMNS = "auction, bidder, price, channel, dateTime"
FORMATS = ("JSON", "DELIMITED", "PROTOBUF_NOSR")


def value(n: int) -> bytes:
    """A bid of Nexmark as JSON."""
    return b'{"AUCTION":%d,"BIDDER":%d,"PRICE":%d,"CHANNEL":"%b","DATETIME":%d}' % (
        1000 + n % 70_000, 2000 + n * 7919 % 100_003, n * 104_729 % 10_000_000,
        (b"Apple", b"Google", b"Baidu", b"Facebook")[n % 4], STARTED + n,
    )  # fmt: skip


def own_loop(bootstrap: str, topic: str, records: int) -> tuple[float, float]:
    """confluent-kafka's `produce`, one call a record."""
    from confluent_kafka import Producer

    values = [value(n) for n in range(records)]
    cpu, wall = time.process_time(), time.perf_counter()
    sender = Producer(
        {
            "bootstrap.servers": bootstrap, "enable.idempotence": True, "acks": "all", "linger.ms": 5,
            "delivery.report.only.error": True, "partitioner": "murmur2_random",
            "queue.buffering.max.kbytes": 64 << 10, "log_level": 0,
        }
    )  # fmt: skip
    for n, one in enumerate(values):
        while True:
            try:
                sender.produce(topic, one, None, timestamp=STARTED + n)
                break
            except BufferError:
                sender.poll(0.01)
    sender.flush()
    return time.process_time() - cpu, time.perf_counter() - wall


def create_as(bootstrap: str, topic: str, records: int, format: str) -> tuple[float, float]:
    """A query from its start until all is acknowledged."""
    from kshell.session import Session

    session = Session.open({"bootstrap.servers": bootstrap})
    for _ in session.execute(DECLARED):
        pass
    cpu, wall = time.process_time(), time.perf_counter()
    said = (
        f"CREATE STREAM {topic} WITH (KAFKA_TOPIC='{topic}', VALUE_FORMAT='{format}') AS"
        f" SELECT {COLUMNS} FROM bid EMIT CHANGES;"
    )
    for _ in session.execute(said):
        pass
    (query,) = session.engine.context.queries.values()
    while query.written < records and query.error is None:
        time.sleep(0.02)
    session.close()
    assert query.error is None, query.error
    return time.process_time() - cpu, time.perf_counter() - wall


def one(what: str, bootstrap: str, topic: str, records: int) -> None:
    """In a process of its own: prints CPU seconds, wall seconds and the peak of its memory (MB)."""
    if what == "own loop":
        spent = own_loop(bootstrap, topic, records)
    else:
        spent = create_as(bootstrap, topic, records, what)
    with open("/proc/self/status") as file:
        (peak,) = (int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    print(*spent, peak >> 10)


def measured(what: str, bootstrap: str, topic: str, records: int) -> list[float]:
    """`one`, as a child."""
    return measured_by(__file__, what, bootstrap, topic, str(records))


def measured_by(script: str, *arguments: str) -> list[float]:
    """What the `one` of a script prints, as a child."""
    command = [sys.executable, script, "one", *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=str(ROOT))
    return [float(part) for part in done.stdout.split()]


def same(bootstrap: str, topic: str, records: int) -> bool:
    """Whether the sink's rows are the source's."""
    from kshell.session import Session

    session = Session.open({"bootstrap.servers": bootstrap})
    sums = "SELECT COUNT(*), SUM(AUCTION), SUM(BIDDER), SUM(PRICE), SUM(DATETIME), SUM(LENGTH(CHANNEL)) FROM "
    found = []
    for name in ("bid", topic):
        *_, answer = session.execute(f"{sums}{name};")
        found += [tuple(row.values()) for batch in answer.batches for row in batch.to_pylist()]
    session.close()
    return found[0] == found[1] and found[0][0] == records


def main() -> None:
    """Fill, run, print."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    with realkafka.broker() as broker:
        properties = Properties({"bootstrap.servers": broker.bootstrap})
        make: Callable[[str], object] = lambda topic: admin.create_topic(  # noqa: E731
            properties, topic, partitions=4, replicas=1, configs={}
        )
        make("bid")
        own_loop(broker.bootstrap, "bid", records)
        spent: dict[str, list[list[float]]] = {what: [] for what in ("own loop", *FORMATS)}
        for run in range(RUNS):
            for number, what in enumerate(spent):
                topic = f"sink{run}{number}"
                make(topic)
                spent[what].append(measured(what, broker.bootstrap, topic, records))
        assert same(broker.bootstrap, "sink01", records), "the sink is not the source"
        loop = statistics.median(cpu for cpu, *_ in spent["own loop"])
        for what, runs in spent.items():
            cpu, wall, peak = (statistics.median(column) for column in zip(*runs, strict=True))
            name = what if what == "own loop" else f"CSAS, JSON to {what}"
            print(
                f"{name:24s} {records / cpu:11,.0f} records/CPU s  {records / wall:11,.0f} records/s"
                f"  peak {peak:5.0f} MB  beside the loop {loop / cpu:5.2f}  target >= 0.8, <= 300 MB",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        one(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
    else:
        main()
