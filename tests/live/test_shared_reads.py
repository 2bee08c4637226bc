"""Queries that read one topic on real Kafka: its bytes are fetched once, and they end quietly."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid

import pytest

from .test_continuous import produce, queries, run, until  # noqa: F401

pytestmark = pytest.mark.live
VALUE = b'{"n":%d,"text":"' + b"x" * 500 + b'"}'
READERS = 6


@pytest.fixture
def source(run, topic) -> str:  # noqa: F811
    name = topic(partitions=3)
    run(f"CREATE STREAM src (n BIGINT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON')")
    return name


def started(run, count: int, first: int = 0) -> None:  # noqa: F811
    for n in range(first, first + count):
        sink = "s" + uuid.uuid4().hex[:10]
        run(f"CREATE STREAM q{n} WITH (KAFKA_TOPIC='{sink}', PARTITIONS=1) AS SELECT n FROM src EMIT CHANGES")


def written(produce, source: str, start: int, count: int) -> None:  # noqa: F811
    for n in range(start, start + count, 500):
        produce(source, *((None, VALUE % i, None, i % 3) for i in range(n, min(n + 500, start + count))))


def test_the_queries_of_a_topic_fetch_it_once(run, session, source, produce, sent):  # noqa: F811
    started(run, READERS)
    time.sleep(0.7)
    sent.clear()
    written(produce, source, 0, 10_000)
    size = 10_000 * 500
    until(lambda: all(q["read"] == 10_000 for q in queries(session).values()))
    assert size <= sum(sent) <= 1.3 * size
    until(lambda: all(q["written"] == 10_000 for q in queries(session).values()))


def test_a_late_one_and_a_paused_one_read_alone_and_then_together(run, session, source, produce, sent):  # noqa: F811
    started(run, 2)
    written(produce, source, 0, 3_000)
    until(lambda: all(q["read"] == 3_000 for q in queries(session).values()))
    run("SET 'auto.offset.reset'='earliest'")
    started(run, 1, first=2)  # late: all of it is there
    until(lambda: all(q["read"] == 3_000 for q in queries(session).values()))
    until(lambda: all(q["written"] == 3_000 for q in queries(session).values()))
    (first, *_) = queries(session)
    run(f"PAUSE {first}")
    written(produce, source, 3_000, 3_000)
    until(lambda: sorted(q["written"] for q in queries(session).values()) == [3_000, 6_000, 6_000])
    run(f"RESUME {first}")
    until(lambda: all(q["read"] == 6_000 for q in queries(session).values()))
    sent.clear()
    written(produce, source, 6_000, 3_000)
    until(lambda: all(q["written"] == 9_000 for q in queries(session).values()))
    assert sum(sent) <= 1.3 * 3_000 * 500


ENDS = """
import sys
from kshell.session import Session

session = Session.open({{"bootstrap.servers": "{bootstrap}", "auto.offset.reset": "earliest"}})
list(session.execute("CREATE STREAM src (n BIGINT) WITH (KAFKA_TOPIC='{topic}', VALUE_FORMAT='JSON')"))
for n in range(5):
    list(session.execute(f"CREATE STREAM q{{n}} WITH (KAFKA_TOPIC='{topic}-{{n}}', PARTITIONS=1) AS SELECT n FROM src"))
(live,) = session.execute("SELECT n FROM src EMIT CHANGES")
while not len(live.poll(0.1)):
    pass
if sys.argv[1] == "running":
    session.engine.context.close()
else:
    live.cancel()
    session.close()
"""


@pytest.mark.parametrize("end", ["closed", "running"])
def test_the_end_of_a_shell_says_nothing_of_its_own_tasks(kafka, source, produce, end):  # noqa: F811
    produce(source, (None, b'{"n":1}'))
    script = ENDS.format(bootstrap=kafka.bootstrap, topic=source)
    ended = subprocess.run(
        [sys.executable, "-X", "dev", "-c", script, end], capture_output=True, text=True, timeout=60
    )
    noise = [line for line in ended.stderr.splitlines() if "Task" in line or "Error" in line or "never" in line]
    assert (ended.returncode, noise) == (0, []), ended.stderr
