"""Nexmark's queries as CREATE … AS on this machine's process and on Flink, from the same statements.

`python benchmarks/flink.py [EVENTS] [QUERY …]`: 200,000 events by default.  Both write their results
to topics, whose last records are compared; seconds and CPU seconds are from the statement to the
last record.  Flink is one JVM with its cluster and gateway, and has run a query of the kind before.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass

from compare import KSHELL, ROOT
from nexmark import CASES, DECLARED, _cpu, events, fill

from kshell.config import Properties
from kshell.kafka.client import Client
from kshell.kafka.fetch import Fetch
from kshell.kafka.records import Wanted, decode
from tests.live import realflink, realkafka

_STILL = 3.0  # seconds without a new record after which a query has done all
_WANTED = Wanted(offset=True, key=True, value=True)


@dataclass
class Taken:
    """Seconds to the last record, CPU seconds, and how many records were written."""

    seconds: float
    cpu: float
    records: int


def statement(name: str, sink: str) -> str:
    """The script that writes a query's results into a topic."""
    case = CASES[name]
    kind = "STREAM" if name in ("q0", "q1", "q2", "q8") else "TABLE"
    emit = "FINAL" if name == "q11" else "CHANGES"
    keys = ", KEY_FORMAT='JSON'" if name == "q4" else ""
    ksql = case.ksql
    if emit == "FINAL":  # no record is later than this: which are dropped is by chance of partitions
        ksql = ksql.replace("(10 SECONDS)", "(10 SECONDS, GRACE PERIOD 30 SECONDS)")
    new = "SET 'ksql.new.query.planner.enabled'='true';\n"
    return f"{DECLARED}{new}CREATE {kind} x WITH (KAFKA_TOPIC='{sink}', VALUE_FORMAT='JSON'{keys}) AS {ksql} EMIT {emit};"


def _end(client: Client, topic: str) -> int:
    found = client.find(topic)
    if found is None:
        return 0
    return sum(end for _, end in client.snapshot(found, "read_uncommitted").offsets.values())


def _watch(client: Client, topic: str, pid: int, began: float, cpu: float) -> Taken:
    """Wait for the last record; CPU seconds are those of a process since then."""
    count, last, used = 0, time.monotonic(), cpu
    while time.monotonic() - last < _STILL or not count:
        if (now := _end(client, topic)) != count:
            count, last, used = now, time.monotonic(), _cpu(pid)
        if time.monotonic() - began > 600:
            break
        time.sleep(0.1)
    return Taken(last - began, used - cpu, count)


def local(client: Client, bootstrap: str, name: str, sink: str) -> Taken:
    """A query in a process of kshell."""
    began = time.monotonic()
    child = subprocess.Popen([*KSHELL, "-b", bootstrap, "-e", statement(name, sink)], cwd=ROOT,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    taken = _watch(client, sink, child.pid, began, 0.0)
    child.terminate()
    child.wait()
    return taken


def on_flink(client: Client, bootstrap: str, flink: realflink.Flink, name: str, sink: str, parallelism: int) -> Taken:
    """The same on Flink."""
    assert flink.process is not None
    pid, began = flink.process.pid, time.monotonic()
    cpu = _cpu(pid)
    options = ["--engine", "flink", "--gateway", flink.gateway, "-X", f"kshell.flink.parallelism={parallelism}", "-X", "kshell.flink.timeout.ms=60000"]
    command = [*KSHELL, "-b", bootstrap, *options, "-e"]
    subprocess.run([*command, statement(name, sink)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    taken = _watch(client, sink, pid, began, cpu)
    subprocess.run([*command, "TERMINATE ALL;"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return taken


def answers(client: Client, topic: str, keyed: bool) -> Counter:
    """What a topic says at its end: the last value of each key, or all values of a stream."""
    snapshot = client.snapshot(client.topic(topic), "read_committed")
    last: dict[bytes, str | None] = {}
    every: Counter = Counter()
    for chunk in Fetch(client, snapshot, snapshot.offsets):
        end = snapshot.offsets[chunk.partition][1]
        batch = decode(chunk.records, _WANTED, start=chunk.start, end=end, aborted=chunk.aborted).batch
        for row in batch.to_pylist():
            text = None if row["value"] is None else json.dumps(json.loads(row["value"]), sort_keys=True)
            if keyed:
                last[row["key"]] = text
            else:
                every[row["key"], text] += 1
    return Counter((key, text) for key, text in last.items() if text is not None) if keyed else every


def main() -> None:
    """Fill, run on both, compare, print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    chosen = sys.argv[2:] or list(CASES)
    with realkafka.broker() as broker, realflink.flink(heap="1500m", slots=8) as flink:
        fill(broker.bootstrap, events(count))
        client = Client.connect(Properties({"bootstrap.servers": broker.bootstrap}))
        print(f"{count:,} events; seconds / CPU seconds / records written")
        for name in chosen:
            runs = {"here": local(client, broker.bootstrap, name, f"{name}-here")}
            on_flink(client, broker.bootstrap, flink, name, f"{name}-warm", 1)
            for parallelism in (1, 2):
                sink = f"{name}-flink-{parallelism}"
                runs[f"Flink, {parallelism}"] = on_flink(client, broker.bootstrap, flink, name, sink, parallelism)
            keyed = CASES[name].key > 0
            here = answers(client, f"{name}-here", keyed)
            differ = [sum(((here - there) + (there - here)).values()) for there in (answers(client, f"{name}-flink-{n}", keyed) for n in (1, 2))]
            shown = "   ".join(f"{where}: {t.seconds:.1f} / {t.cpu:.1f} / {t.records:,}" for where, t in runs.items())
            print(f"{name:4s} {shown}   {sum(here.values()):,} rows, {differ} differ", flush=True)
        client.close()


if __name__ == "__main__":
    main()
