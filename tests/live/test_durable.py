"""Queries that outlive their process on real Kafka: nothing lost, nothing twice."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

from kshell.kafka.admin import Admin
from kshell.kafka.produce import OutgoingRecord, Producer

from .applications import Process, committed, eventually, get, shown
from .realkafka import free_port

pytestmark = pytest.mark.live


@pytest.fixture
def name() -> str:
    return f"a{uuid.uuid4().hex[:8]}"


def rows(count: int, first: int = 0) -> list[OutgoingRecord]:
    return [
        OutgoingRecord(str(i % 7).encode(), json.dumps({"N": i}).encode(), 1_700_000_000_000 + i)
        for i in range(first, first + count)
    ]


def script(folder: Path, source: str, name: str) -> Path:
    file = folder / "queries.sql"
    file.write_text(f"""
        SET 'auto.offset.reset'='earliest';
        CREATE STREAM S (K STRING KEY, N BIGINT) WITH (KAFKA_TOPIC='{source}', VALUE_FORMAT='JSON');
        CREATE STREAM COPIED WITH (KAFKA_TOPIC='{name}-copied') AS SELECT K, N FROM S EMIT CHANGES;
        CREATE TABLE COUNTED WITH (KAFKA_TOPIC='{name}-counted') AS
            SELECT K, COUNT(*) AS C, SUM(N) AS T FROM S GROUP BY K EMIT CHANGES;
    """)
    return file


@pytest.mark.matrix  # the schedule of faults kills more
def test_killed_again_and_again(kafka, topic, properties, tmp_path, name):
    source = topic(rows(2000), partitions=3)
    file = script(tmp_path, source, name)
    producer, sent, chance = Producer(properties), 2000, random.Random(7)
    for _ in range(5):
        process = Process(kafka.bootstrap, file, name).ready()
        assert process.process.poll() is None, process.text
        for _ in range(chance.randrange(1, 6)):
            producer.send(source, rows(500, sent))
            producer.flush()
            sent += 500
            time.sleep(chance.random() / 8)
        process.kill()
    process = Process(kafka.bootstrap, file, name).ready()
    copies = eventually(lambda: committed(kafka.bootstrap, f"{name}-copied"), lambda found: len(found) >= sent)
    assert process.terminate() == 0, process.text
    copies = committed(kafka.bootstrap, f"{name}-copied")
    assert Counter(json.loads(m.value())["N"] for m in copies) == Counter(range(sent))
    last, updates = {}, committed(kafka.bootstrap, f"{name}-counted")
    for message in updates:
        row = json.loads(message.value())
        assert row["C"] > last.get(message.key(), {"C": 0})["C"], "a count went back"
        last[message.key()] = row
    wanted = {str(k).encode(): {"C": len(range(k, sent, 7)), "T": sum(range(k, sent, 7))} for k in range(7)}
    assert last == wanted


COUNTS = """
    SET 'auto.offset.reset'='{reset}';
    CREATE STREAM S (K STRING KEY, N BIGINT) WITH (KAFKA_TOPIC='{source}', VALUE_FORMAT='JSON');
    CREATE TABLE COUNTED WITH (KAFKA_TOPIC='{name}-counted') AS
        SELECT K, COUNT(*) AS C FROM S {where} GROUP BY K EMIT CHANGES;
"""


@pytest.fixture
def counts(tmp_path, name):
    """Writes the file of one query."""

    def write(source: str, reset: str = "earliest", where: str = "", text: str = COUNTS) -> Path:
        file = tmp_path / "counts.sql"
        file.write_text(text.format(source=source, name=name, reset=reset, where=where))
        return file

    return write


def counted(kafka, name: str) -> dict[bytes, int]:
    return {m.key(): json.loads(m.value())["C"] for m in committed(kafka.bootstrap, f"{name}-counted")}


def test_latest_holds_from_the_line_on(kafka, topic, properties, counts, name):
    """What comes while no process runs is not lost, though the query began at the end."""
    source = topic(rows(70))
    file = counts(source, "latest")
    Process(kafka.bootstrap, file, name).ready().kill()
    producer = Producer(properties)
    producer.send(source, rows(14, 70))
    producer.flush()
    process = Process(kafka.bootstrap, file, name).ready()
    found = eventually(lambda: counted(kafka, name), lambda now: len(now) == 7 and set(now.values()) == {2})
    assert found == {str(k).encode(): 2 for k in range(7)}
    began = time.monotonic()
    assert process.terminate() == 0
    assert time.monotonic() - began < 2


@pytest.mark.parametrize("idle", [True, False])
def test_a_successor_fences(kafka, topic, properties, counts, name, idle):
    source = topic(rows(70))
    file = counts(source)
    before = Process(kafka.bootstrap, file, name).ready()
    producer, after, sent = Producer(properties), None, 70
    began = time.monotonic()
    while before.process.poll() is None and time.monotonic() - began < 30:
        if not idle:
            producer.send(source, rows(7, sent))
            producer.flush()
            sent += 7
        if after is None:
            after = Process(kafka.bootstrap, file, name)
        if "runs:" not in after.text:
            began = time.monotonic()
        time.sleep(0.05)
    assert before.wait(1) == 5, before.text
    assert time.monotonic() - began < 2.5
    assert "taken over" in before.text
    assert after is not None
    found = eventually(lambda: counted(kafka, name), lambda now: sum(now.values()) == sent)
    assert sum(found.values()) == sent
    assert after.terminate() == 0, after.text


def test_what_may_change_and_what_not(kafka, topic, counts, name):
    source = topic(rows(70))
    assert Process(kafka.bootstrap, counts(source), name).ready().terminate() == 0
    eventually(lambda: counted(kafka, name), lambda now: sum(now.values()) == 70)
    more = Process(kafka.bootstrap, counts(source, where="WHERE N >= 0"), name).ready()
    assert more.terminate() == 0, more.text
    changed = counts(source, text=COUNTS.replace("COUNT(*) AS C", "COUNT(*) AS C, SUM(N) AS T"))
    process = Process(kafka.bootstrap, changed, name)
    assert process.wait() == 1
    assert "COUNTED cannot go on with its state: Aggregate: aggregates (COUNT()), now (COUNT(), SUM(N))" in process.text
    assert "--reset COUNTED" in process.text
    process = Process(kafka.bootstrap, changed, name, "--reset", "counted").ready()
    assert "outputs are written again" in process.text
    assert process.terminate() == 0, process.text


@pytest.mark.parametrize("gone", ["source", "state", "records"])
def test_what_is_gone_is_refused(kafka, topic, properties, counts, name, gone):
    source = topic(rows(70))
    file = counts(source)
    process = Process(kafka.bootstrap, file, name).ready()
    eventually(lambda: counted(kafka, name), lambda now: sum(now.values()) == 70)
    assert process.terminate() == 0, process.text
    admin = Admin(properties)
    if gone == "records":
        producer = Producer(properties)
        producer.send(source, rows(14, 70))
        producer.flush()
        admin.delete_records(source, {0: 80})
    elif gone == "source":
        admin.delete_topic(source)
        time.sleep(1)
        topic(rows(70), name=source)
    else:
        admin.delete_topic(f"_kshell.{name}.COUNTED.state")
        time.sleep(1)
    process = Process(kafka.bootstrap, file, name)
    assert process.wait() == 1
    said = {"source": "was deleted and created anew", "state": "its state is gone", "records": "the records of the offsets 70 to 79 are gone"}
    assert said[gone] in process.text
    assert "--reset COUNTED" in process.text
    assert sum(counted(kafka, name).values()) == 70


def test_a_record_too_large_is_an_error_with_its_offset(kafka, topic, shell, name, counts):
    source = topic([OutgoingRecord(b"k", json.dumps({"N": 1}).encode(), 1), OutgoingRecord(b"k", json.dumps({"N": 2}).encode(), 2)])
    file = counts(source, text="""
        SET 'auto.offset.reset'='earliest';
        CREATE STREAM S (K STRING KEY, N BIGINT) WITH (KAFKA_TOPIC='{source}', VALUE_FORMAT='JSON');
        CREATE STREAM LARGE WITH (KAFKA_TOPIC='{name}-large') AS SELECT K, LPAD('x', 2000000, 'x') AS T FROM S EMIT CHANGES;
        CREATE TABLE COUNTED WITH (KAFKA_TOPIC='{name}-counted') AS SELECT K, COUNT(*) AS C FROM S GROUP BY K EMIT CHANGES;
    """)  # fmt: skip
    port = free_port()
    process = Process(kafka.bootstrap, file, name, "--metrics", str(port))
    eventually(lambda: process.text, lambda now: "failed" in now)
    assert f"Query LARGE failed: cannot write: topic {name}-large, partition 0" in process.text
    assert "Message size too large" in process.text
    assert f"stands at {source}-0 at offset 0" in process.text
    assert eventually(lambda: counted(kafka, name), lambda now: now == {b"k": 2}) == {b"k": 2}
    figures = get(port, "/metrics").splitlines()
    lags = [f for f in figures if f.startswith("kshell_lag_records{")]
    assert lags == [f'kshell_lag_records{{application="{name}",query="COUNTED"}} 0']
    mine = eventually(lambda: shown(shell)[name, "LARGE"], lambda row: row["where"] == "failed")
    assert (mine["where"], mine["lag"]) == ("failed", 2)
    assert mine["error"].startswith(f"cannot write: topic {name}-large")
    assert dict(shell.sql(f"DESCRIBE QUERY {name}.LARGE").rows())["error"] == mine["error"]
    assert process.terminate() == 1  # the other one went on
    assert not committed(kafka.bootstrap, f"{name}-large")


def test_check_starts_nothing(kafka, topic, counts, name):
    source = topic(rows(70))
    file = counts(source)
    process = Process(kafka.bootstrap, file, name, "--check")
    assert process.wait() == 0, process.text
    assert "has not run before" in process.text
    assert f"transactional id kshell.{name}.COUNTED: WRITE not checked" in process.text
    running = Process(kafka.bootstrap, file, name).ready()
    process = Process(kafka.bootstrap, file, name, "--check")
    assert process.wait() == 0, process.text
    assert f"process {running.process.pid}; commit" in process.text
    process = Process(kafka.bootstrap, file, name, "--check", "--reset")
    assert process.wait() == 0, process.text
    assert "query COUNTED: begins anew" in process.text
    assert running.terminate() == 0, running.text  # it was not fenced
    assert Process(kafka.bootstrap, file, name).ready().terminate() == 0  # its state is there
    wrong = counts(source, text=COUNTS + "SELECT 1;")
    process = Process(kafka.bootstrap, wrong, name, "--check")
    assert process.wait() == 1
    assert "no place in a file that kshell run keeps running" in process.text


def test_without_brokers_it_ends_with_3(counts, name):
    process = Process("127.0.0.1:1", counts("none"), name)
    assert process.wait() == 3
