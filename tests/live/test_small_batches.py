"""Topics that take small batches only: whatever writes many records to one makes batches that it takes."""

from __future__ import annotations

import json
import uuid

import pytest

import kshell
from kshell.kafka.outgoing import OutgoingRecord
from kshell.terminal import datagen_command

from .applications import Process, committed, eventually

pytestmark = pytest.mark.live
LIMIT, COUNT = 5000, 3000
T0 = 1_700_000_000_000


@pytest.fixture
def session(kafka):
    with kshell.connect(kafka.bootstrap, yes=True, properties={"auto.offset.reset": "earliest", "compression.type": "none"}) as made:
        yield made


@pytest.fixture
def source(topic) -> str:
    """Records whose values are a hundred letters that cannot be compressed much."""
    return topic([OutgoingRecord(b"k%d" % n, json.dumps({"N": n, "S": uuid.uuid4().hex * 3}).encode(), T0 + n) for n in range(COUNT)])


def numbers(kafka, name: str) -> list[int]:
    return sorted(json.loads(m.value())["N"] for m in committed(kafka.bootstrap, name))


@pytest.mark.parametrize("way", ["AS", "INTO"])
def test_a_continuous_query(kafka, session, source, topic, way) -> None:
    target = topic([], max_message_bytes=LIMIT)
    session.sql(f"CREATE STREAM s (k STRING KEY, n INT, s STRING) WITH (KAFKA_TOPIC='{source}', VALUE_FORMAT='JSON')")
    if way == "AS":
        session.sql(f"CREATE STREAM o WITH (KAFKA_TOPIC='{target}') AS SELECT * FROM s EMIT CHANGES")
    else:
        session.sql(f"CREATE STREAM o (k STRING KEY, n INT, s STRING) WITH (KAFKA_TOPIC='{target}', VALUE_FORMAT='JSON')")
        session.sql("INSERT INTO o SELECT * FROM s EMIT CHANGES")
    found = eventually(lambda: numbers(kafka, target), lambda found: len(found) >= COUNT)
    assert found == list(range(COUNT))


def test_a_transaction(kafka, session, topic) -> None:
    one, two = topic([], max_message_bytes=LIMIT), topic([], max_message_bytes=2 * LIMIT)
    session.sql("BEGIN")
    for target in (one, two):
        session.sql(f"INSERT INTO {target} (ROWVALUE) VALUES " + ", ".join(f"('{{\"N\":{n},\"S\":\"{uuid.uuid4().hex}\"}}')" for n in range(900)))
    session.sql("COMMIT")
    assert numbers(kafka, one) == numbers(kafka, two) == list(range(900))


def test_a_query_that_outlives_the_shell(kafka, source, topic, tmp_path) -> None:
    """Its sink, its state and its dead letters."""
    name = f"a{uuid.uuid4().hex[:8]}"
    dead = topic([], max_message_bytes=LIMIT, name=f"{name}-dead")
    topic([], max_message_bytes=LIMIT, name=f"{name}-counted")
    topic([], max_message_bytes=LIMIT, cleanup_policy="compact", name=f"_kshell.{name}.COUNTED.state")
    values = [b"{no" + uuid.uuid4().hex.encode() * 3 if n % 2 else b'{"N":%d}' % n for n in range(COUNT)]
    bad = topic([OutgoingRecord(b"k%d" % n, value, T0 + n) for n, value in enumerate(values)])
    file = tmp_path / "q.sql"
    file.write_text(f"""
        SET 'auto.offset.reset'='earliest';
        SET 'compression.type'='none';
        CREATE STREAM S (K STRING KEY, N BIGINT) WITH (KAFKA_TOPIC='{bad}', VALUE_FORMAT='JSON');
        CREATE TABLE COUNTED WITH (KAFKA_TOPIC='{name}-counted') AS SELECT K, LATEST_BY_OFFSET(N) AS N FROM S GROUP BY K EMIT CHANGES;
    """)
    process = Process(kafka.bootstrap, file, name, "--commit", "1s", "--dead-letter", dead).ready()
    found = eventually(lambda: process.process.poll() is not None or len(committed(kafka.bootstrap, dead)) >= COUNT // 2, bool)
    assert process.terminate() == 0, process.text
    assert found
    assert numbers(kafka, f"{name}-counted") == list(range(0, COUNT, 2))
    again = Process(kafka.bootstrap, file, name, "--dead-letter", dead).ready()  # the pieces of the state make a whole
    assert again.terminate() == 0, again.text
    assert numbers(kafka, f"{name}-counted") == list(range(0, COUNT, 2))


def test_generated_records(kafka, topic) -> None:
    target = topic([], max_message_bytes=LIMIT)
    assert datagen_command.main(["users", "--topic", target, "--limit", str(COUNT), "-b", kafka.bootstrap]) == 0
    assert len(committed(kafka.bootstrap, target)) == COUNT


def test_redriven_records(kafka, session, topic) -> None:
    target = topic([], max_message_bytes=LIMIT)
    letters = topic([OutgoingRecord(b"k", uuid.uuid4().hex.encode() * 3, T0 + n, headers=[("origin.topic", target.encode())]) for n in range(COUNT)])
    session.sql(f"REDRIVE {letters} WITH (HEADER='origin.topic')").rows()
    assert len(committed(kafka.bootstrap, target)) == COUNT


def test_consumed_records(kafka, session, source, topic) -> None:
    target = topic([], max_message_bytes=LIMIT)
    made = session.sql(f"CONSUME FROM {source} GROUP g-{target} COMMIT EXACTLY ONCE INTO {target} LIMIT {COUNT}")
    assert len(made.rows()) == COUNT
    assert numbers(kafka, target) == list(range(COUNT))
