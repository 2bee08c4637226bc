"""Queries that outlive their process on real Kafka: nothing lost, nothing twice."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections import Counter
from pathlib import Path

import pytest

from kshell.kafka.produce import OutgoingRecord, Producer

from .applications import Process, committed, eventually

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
