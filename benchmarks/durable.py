"""Queries that outlive their process: what exactly once costs, and what it takes to go on.

`python benchmarks/durable.py [PART …]`, all parts without one: `throughput` (beside the same query
without state in Kafka), `restore`, `size` (of the state topic), `latency`, `memory`, `standby`.  Real Kafka; each
run is a process of its own.
"""

from __future__ import annotations

import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from compare import ROOT
from confluent_kafka import Consumer, Producer, TopicPartition

import kshell
from kshell import __version__
from kshell.config import Properties
from kshell.engines.chosen import ChosenEngine
from kshell.engines.local.statements import application as applications
from kshell.kafka import admin
from kshell.session import Session
from tests.live import realkafka
from tests.live.applications import Process

KEYS, RECORDS, BACKLOG = 1_000_000, 2_000_000, 5_000_000
RUNS = 3
COUNT = """SET 'auto.offset.reset'='earliest';
CREATE STREAM s (k STRING KEY, v BIGINT) WITH (KAFKA_TOPIC='{source}', VALUE_FORMAT='JSON');
CREATE TABLE counted WITH (KAFKA_TOPIC='{sink}', PARTITIONS=4, VALUE_FORMAT='JSON')
    AS SELECT k, COUNT(*) AS c, SUM(v) AS t FROM s GROUP BY k EMIT CHANGES;
"""


def fill(bootstrap: str, topic: str, records: int, keys: int, pause: Callable[[int], None] = lambda n: None) -> None:
    """Records of about 40 bytes in 4 partitions; keys come at random."""
    if not topic_is_there(bootstrap, topic):
        admin.create_topic(
            Properties({"bootstrap.servers": bootstrap}), topic, partitions=4, replicas=1, configs={}
        )  # fmt: skip
    chance = random.Random(1)
    sender = Producer(
        {"bootstrap.servers": bootstrap, "queue.buffering.max.messages": 1_000_000, "enable.idempotence": True}
    )
    for n in range(records):
        key = n if n < keys else chance.randrange(keys)
        while True:
            try:
                sender.produce(topic, key=f"key-{key:07d}", value=f'{{"v":{n}}}', partition=key % 4)
                break
            except BufferError:
                sender.poll(0.05)
        if not n % 10_000:
            sender.poll(0)
            pause(n)
    sender.flush()


def topic_is_there(bootstrap: str, topic: str) -> bool:
    return topic in Producer({"bootstrap.servers": bootstrap}).list_topics(timeout=10).topics


# ----------------------------------------------------------------- a process of its own


def child(bootstrap: str, script: str, app: str, commit: str, seconds: str, goes_on: str = "") -> None:
    """Run the script until it has read all (or, where records go on to come, has begun), and `seconds`
    more; print what that took.  `commit` is "no" for a query that ends with its process."""
    began, cpu = time.perf_counter(), time.process_time()
    session = Session.open({"bootstrap.servers": bootstrap})
    engine = session.engine
    assert isinstance(engine, ChosenEngine)
    if commit == "no":
        list(session.execute(script))
        (plain,) = engine.local.context.queries.values()
        started, used = time.perf_counter() - began, time.process_time() - cpu
        while plain.feed.lag or plain.feed.scanned == 0 or plain._producer.unwritten:
            time.sleep(0.02)
        commits = [0.0]
    else:
        application = engine.local.application(app, float(commit), __version__, "")
        list(session.execute(script))
        applications.allowed(engine.context, session.properties)
        applications.check(engine.context)
        applications.start(engine.context, session.properties)
        (query,) = application.queries
        query.ready.wait()
        started, used = time.perf_counter() - began, time.process_time() - cpu
        done = 0.0
        while not done or time.perf_counter() - done < float(seconds):
            time.sleep(0.02)
            assert query.error is None, query.error
            feed, standing = query.held.feed, query.held.standing
            if done or feed is None or standing is None:
                continue
            read = sum(stand.next for stand in standing.lanes.values())
            if goes_on == "on" or (feed.lag == 0 and read >= sum(n for _, _, n in feed.reached())):
                done = time.perf_counter()
        commits = query.held.commits
    wall, spent = time.perf_counter() - began - float(seconds), time.process_time() - cpu
    leaving = time.perf_counter()
    if commit == "no":
        session.close()
    else:
        application.stop()
    print(json.dumps({
        "wall": wall, "cpu": spent, "started": started, "start cpu": used,
        "rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "commits": commits, "left": time.perf_counter() - leaving,
    }))  # fmt: skip


def run(bootstrap: str, script: str, app: str, commit: str, seconds: float = 0.0, goes_on: str = "") -> dict:
    """What `child` prints, in a new process."""
    made = subprocess.run(
        [sys.executable, __file__, "child", bootstrap, script, app, commit, str(seconds), goes_on],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return json.loads(made.stdout.splitlines()[-1])


def name() -> str:
    return "b" + uuid.uuid4().hex[:8]


# ----------------------------------------------------------------- the parts


def throughput(bootstrap: str) -> None:
    """A table of a million keys, against the same that is lost with its process; and how it goes on."""
    fill(bootstrap, "many", RECORDS, KEYS)
    taken: dict[str, list[dict]] = {"no": [], "1": [], "0.1": []}
    app = ""
    for _ in range(RUNS):
        for commit, found in taken.items():
            app = name()
            found.append(run(bootstrap, COUNT.format(source="many", sink=app), app, commit))
    for what in ("cpu", "wall"):
        middle = {c: statistics.median(t[what] for t in found) for c, found in taken.items()}
        for commit, target in (("1", 0.75), ("0.1", 0.6)):
            print(
                f"CTAS of {RECORDS:,} records, {KEYS:,} keys, a commit each {commit} s: {what} {middle[commit]:.2f} s"
                f"  plain {middle['no']:.2f} s  throughput {middle['no'] / middle[commit]:.2f}  target >= {target}",
                flush=True,
            )
    print(f"peak RSS: plain {taken['no'][-1]['rss']:.0f} MB, durable {taken['0.1'][-1]['rss']:.0f} MB")
    script = COUNT.format(source="many", sink=app)
    again = [run(bootstrap, script, app, "0.1") for _ in range(RUNS)]
    empty = [run(bootstrap, COUNT.format(source="many", sink=a), a, "30") for a in (name() for _ in range(RUNS))]
    whole = statistics.median(t["start cpu"] for t in again)
    without = statistics.median(t["start cpu"] for t in empty)
    wall = statistics.median(t["started"] for t in again)
    print(
        f"restore of {KEYS:,} keys: {whole - without:.2f} CPU s besides the start ({whole:.2f} CPU s, {wall:.2f} s in"
        " all)  target <= 2.5 CPU s",
        flush=True,
    )


def size(bootstrap: str) -> None:
    """Bytes of the state topic after compaction, against those of the last record of each key."""
    fill(bootstrap, "some", 200_000, 50_000)
    app = name()
    script = COUNT.format(source="some", sink=app)
    run(bootstrap, script, app, "0.1")
    state = f"_kshell.{app}.COUNTED.state"
    admin.Admin(Properties({"bootstrap.servers": bootstrap})).alter_configs(
        state, {"segment.ms": "500", "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "0"}
    )
    writer = threading.Thread(target=fill, args=(bootstrap, "some", 300_000, 50_000, lambda n: time.sleep(1)))
    writer.start()
    run(bootstrap, script, app, "0.1", 25.0)
    writer.join()
    live, whole = state_bytes(bootstrap, state)
    deadline = time.monotonic() + 60
    while whole > 3 * live and time.monotonic() < deadline:
        time.sleep(5)
        run(bootstrap, script, app, "0.1", 1.0)  # the last segment is closed by what comes after it
        live, whole = state_bytes(bootstrap, state)
    print(f"state topic after compaction: {whole:,} bytes, {whole / live:.2f} x the live {live:,}  target <= 3", flush=True)


def state_bytes(bootstrap: str, state: str) -> tuple[int, int]:
    """Those of the last record of each key, and of all that the topic holds."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "none", "enable.auto.commit": False, "enable.partition.eof": True}
    )
    consumer.assign([TopicPartition(state, 0, 0)])
    last: dict[bytes, int] = {}
    whole = 0
    while True:
        message = consumer.poll(5)
        if message is None or message.error():
            break
        each = len(message.key()) + len(message.value() or b"")
        last[message.key()] = each if message.value() is not None else 0
        whole += each
    consumer.close()
    return sum(last.values()), whole


def latency(bootstrap: str) -> None:
    """From a record's write to a reader of committed records; and what a commit takes."""
    for commit, seconds in (("100ms", 0.1), ("1s", 1.0)):
        source, app = f"slow{seconds}", name()
        fill(bootstrap, source, 0, 1)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "q.sql"
            file.write_text(
                f"CREATE STREAM s (v DOUBLE) WITH (KAFKA_TOPIC='{source}', VALUE_FORMAT='JSON');\n"
                f"CREATE STREAM o WITH (KAFKA_TOPIC='{app}', PARTITIONS=1) AS SELECT v FROM s EMIT CHANGES;"
            )
            process = Process(bootstrap, file, app, "--commit", commit, "--metrics", "0").ready()
            took = sorted(_taken(bootstrap, source, app, 20.0))
            left = time.perf_counter()
            assert process.terminate() == 0
            left = time.perf_counter() - left
        p50, p95, p99 = (took[int(len(took) * share)] * 1000 for share in (0.5, 0.95, 0.99))
        print(
            f"--commit {commit}: a record to a reader p50 {p50:.0f} ms, p95 {p95:.0f} ms (target <="
            f" {seconds * 1000 + 50:.0f}), p99 {p99:.0f} ms; SIGTERM to the end {left:.2f} s (target <= 2)",
            flush=True,
        )
    app, source = name(), "trickle"
    fill(bootstrap, source, 0, 1)
    script = COUNT.format(source=source, sink=app)
    ended = threading.Event()

    def trickle() -> None:
        sender, n = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0}), 0
        while not ended.wait(0.005):
            sender.produce(source, key=b"k%d" % (n % 100), value=b'{"v":1}')
            sender.poll(0)
            n += 1
        sender.flush()

    thread = threading.Thread(target=trickle)
    thread.start()
    commits = run(bootstrap, script, app, "0.1", 15.0, "on")["commits"]
    ended.set()
    thread.join()
    print(f"a commit: median {statistics.median(commits) * 1000:.1f} ms of {len(commits)}  target <= 10", flush=True)


def _taken(bootstrap: str, source: str, sink: str, seconds: float) -> list[float]:
    """Seconds that each of many records takes, written one by one at odd moments."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "none", "enable.auto.commit": False,
                         "isolation.level": "read_committed", "fetch.wait.max.ms": 10})  # fmt: skip
    consumer.assign([TopicPartition(sink, 0, 0)])
    sender, chance = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0}), random.Random(2)
    took, end, next_at = [], time.time() + seconds, 0.0
    while time.time() < end + 3:
        now = time.time()
        if next_at <= now < end:
            sender.produce(source, value=json.dumps({"v": now}), partition=0)
            sender.poll(0)
            next_at = now + chance.uniform(0.01, 0.05)
        for message in consumer.consume(100, 0.002):
            took.append(time.time() - json.loads(message.value())["V"])
    consumer.close()
    sender.flush()
    return took


def memory(bootstrap: str) -> None:
    """Peak memory over a backlog, against the same query whose records come slowly."""
    fill(bootstrap, "backlog", BACKLOG, 1000)
    app = name()
    behind = run(bootstrap, COUNT.format(source="backlog", sink=app), app, "0.1")["rss"]
    fill(bootstrap, "slowly", 0, 1)
    writer = threading.Thread(
        target=fill, args=(bootstrap, "slowly", BACKLOG // 10, 1000, lambda n: time.sleep(0.4))
    )
    writer.start()
    app = name()
    slow = run(bootstrap, COUNT.format(source="slowly", sink=app), app, "0.1", 25.0, "on")["rss"]
    writer.join()
    print(
        f"peak RSS: {BACKLOG:,} records behind {behind:.0f} MB, as they come {slow:.0f} MB, {behind / slow:.2f} x"
        "  target <= 1.3",
        flush=True,
    )


def standby(bootstrap: str) -> None:
    """From SIGKILL to the next process's readiness, over a table of a million keys; from SIGTERM too."""
    fill(bootstrap, "kept", KEYS, KEYS)
    app, log = name(), "stands by"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "q.sql"
        file.write_text(COUNT.format(source="kept", sink=app))
        first = Process(bootstrap, file, app, "--standby", "--commit", "1s").ready()
        wait_for(lambda: shell_says(bootstrap, app) == 0, 120)
        for how in ("SIGKILL", "SIGTERM"):
            second = Process(bootstrap, file, app, "--standby", "--commit", "1s")
            wait_for(lambda process=second: log in process.text, 60)
            time.sleep(5)
            began = time.perf_counter()
            if how == "SIGKILL":
                first.kill()
            else:
                first.process.terminate()
            second.ready()
            print(f"{KEYS:,} keys: {how} to the next process's readiness {time.perf_counter() - began:.2f} s  target <= 3", flush=True)
            first.wait()
            first = second
        first.terminate()


def wait_for(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def shell_says(bootstrap: str, app: str) -> int | None:
    """The lag of the application's query, as any shell sees it."""
    with kshell.connect(bootstrap) as session:
        rows = session.sql("SHOW QUERIES").to_arrow().to_pylist()
    return next((row["lag"] for row in rows if row["application"] == app), None)


PARTS = {"throughput": throughput, "size": size, "latency": latency, "memory": memory, "standby": standby}


def main() -> None:
    """Run the parts."""
    if sys.argv[1:2] == ["child"]:
        child(*sys.argv[2:])
        return
    sys.path.insert(0, str(ROOT))
    for part in sys.argv[1:] or PARTS:
        with realkafka.broker({"log.segment.bytes": 1 << 30, "group.min.session.timeout.ms": 2000}) as broker:
            PARTS[part](broker.bootstrap)


if __name__ == "__main__":
    main()
