"""What COPY … FROM costs beside the columnar sink: JSON to JSON, on a real broker.

`python benchmarks/copy_from.py [records]`: a CREATE STREAM … AS SELECT and COPYs of the same rows in turn, each in
a process of its own, in CPU seconds of the whole process (librdkafka's threads too).  COPY reads a file of lines,
once into a topic that nobody declared, once into a declared stream; and a dump of the topic in Parquet.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sinks import DECLARED, create_as, measured_by, own_loop, value

from kshell.config import Properties
from kshell.kafka import admin
from tests.live import realkafka

RUNS = 3
RECORDS = 2_000_000
LEAST, MOST = 0.8, 300  # of the sink's records a CPU second; MB
WHAT = ("sink", "lines", "declared", "csv", "envelope")


def copied(bootstrap: str, topic: str, path: str, what: str) -> tuple[float, float]:
    """A COPY from its start until all is acknowledged."""
    from kshell.session import Session

    session = Session.open({"bootstrap.servers": bootstrap, "kshell.files": "true"})
    if what in ("declared", "csv"):
        for _ in session.execute(DECLARED.replace("STREAM bid", f"STREAM {topic}").replace("'bid'", f"'{topic}'")):
            pass
    cpu, wall = time.process_time(), time.perf_counter()
    options = " WITH (ENVELOPE=true)" if what == "envelope" else ""
    (task,) = session.execute(f"COPY {topic} FROM '{path}'{options};")
    message = task.work()
    assert not message.notices, message.notices
    spent = time.process_time() - cpu, time.perf_counter() - wall
    session.close()
    return spent


def one(what: str, bootstrap: str, topic: str, records: int, path: str) -> None:
    """In a process of its own: prints CPU seconds, wall seconds and the peak of its memory (MB)."""
    if what == "sink":
        spent = create_as(bootstrap, topic, records, "JSON")
    else:
        spent = copied(bootstrap, topic, path, what)
    with open("/proc/self/status") as file:
        (peak,) = (int(line.split()[1]) for line in file if line.startswith("VmHWM"))
    print(*spent, peak >> 10)


def written(folder: Path, bootstrap: str, records: int) -> dict[str, str]:
    """The files, by what reads them."""
    from kshell.session import Session

    lines, rows, dump = folder / "bid.jsonl", folder / "bid.csv", folder / "bid.parquet"
    with lines.open("wb") as file:
        for n in range(records):
            file.write(value(n) + b"\n")
    session = Session.open({"bootstrap.servers": bootstrap, "kshell.files": "true"})
    for text in (f"COPY bid TO '{rows}';", f"COPY bid TO '{dump}' WITH (ENVELOPE=true);"):
        (task,) = session.execute(text)
        task.work()
    session.close()
    return {"sink": "", "lines": str(lines), "declared": str(lines), "csv": str(rows), "envelope": str(dump)}


def main() -> None:
    """Fill, run, print."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else RECORDS
    with realkafka.broker() as broker, tempfile.TemporaryDirectory() as folder:
        properties = Properties({"bootstrap.servers": broker.bootstrap})
        make: Callable[[str], object] = lambda topic: admin.create_topic(  # noqa: E731
            properties, topic, partitions=4, replicas=1, configs={}
        )
        make("bid")
        own_loop(broker.bootstrap, "bid", records)
        files = written(Path(folder), broker.bootstrap, records)
        spent: dict[str, list[list[float]]] = {what: [] for what in WHAT}
        for run in range(RUNS):
            for number, what in enumerate(WHAT):
                topic = f"copy{run}{number}"
                make(topic)
                spent[what].append(measured_by(__file__, what, broker.bootstrap, topic, str(records), files[what]))
        sink = statistics.median(cpu for cpu, *_ in spent["sink"])
        for what, runs in spent.items():
            cpu, wall, peak = (statistics.median(column) for column in zip(*runs, strict=True))
            print(
                f"{what:10s} {records / cpu:11,.0f} records/CPU s  {records / wall:11,.0f} records/s"
                f"  peak {peak:5.0f} MB  beside the sink {sink / cpu:5.2f}  target >= {LEAST}, <= {MOST} MB",
                flush=True,
            )


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        one(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]), sys.argv[6])
    else:
        main()
