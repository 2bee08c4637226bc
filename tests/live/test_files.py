"""A file's table on real Kafka: joined with topics in continuous queries, in the background too."""

from __future__ import annotations

import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kshell.config import Properties
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.session import Session

AT = 1_700_000_000_000


@pytest.fixture
def users(tmp_path):
    path = tmp_path / "users.parquet"
    pq.write_table(pa.table({"id": [1, 2, 3], "name": ["ann", "bob", "cy"]}), path)
    return path


def send(properties, name, *ids, partition=0):
    producer = Producer(properties)
    producer.send(name, [
        OutgoingRecord(None, b'{"user":%d,"n":%d}' % (id, n), AT + n, partition) for n, id in enumerate(ids)
    ])  # fmt: skip
    producer.flush()


def come(live, count, seconds=15):
    rows, deadline = [], time.monotonic() + seconds
    while len(rows) < count and time.monotonic() < deadline:
        changes = live.poll(0.2)
        assert changes is not None
        rows += changes.rows.to_pylist()
    return rows


@pytest.mark.parametrize("reset", ["earliest", "latest"])
def test_records_are_joined_as_they_arrive(topic, properties, users, reset):
    """Whatever their times, which are before the file's, and where the query starts."""
    name = topic(partitions=2)
    send(properties, name, 1, 9)
    session = Session(Properties({**properties, "kshell.files": "true", "auto.offset.reset": reset}))
    try:
        list(session.execute(f"CREATE TABLE users FROM FILE '{users}'"))
        text = f"SELECT o.`user`, u.name, o.ROWTIME FROM `{name}` o JOIN users u ON o.`user` = u.id EMIT CHANGES"
        (live,) = session.execute(text)
        old = [(1, "ann")] if reset == "earliest" else []
        assert [tuple(r.values())[:2] for r in come(live, len(old))] == old
        if not old:
            come(live, 0, 1)
        send(properties, name, 3, 9, 2, 1, partition=1)
        assert [tuple(r.values()) for r in come(live, 3)] == [(3, "cy", AT), (2, "bob", AT + 2), (1, "ann", AT + 3)]
        live.cancel()
    finally:
        session.close()


def test_a_query_in_the_background_writes_what_it_joins(topic, properties, users):
    name = topic(partitions=2)
    send(properties, name, 1)
    session = Session(Properties({**properties, "kshell.files": "true", "auto.offset.reset": "earliest"}))
    try:
        for text in (
            f"CREATE TABLE users (id BIGINT PRIMARY KEY, name STRING) FROM FILE '{users}'",
            f"CREATE STREAM named WITH (KAFKA_TOPIC='{name}-named', VALUE_FORMAT='JSON') AS "
            f"SELECT o.`user`, u.name FROM `{name}` o LEFT JOIN users u ON o.`user` = u.id EMIT CHANGES",
        ):
            list(session.execute(text))
        pq.write_table(pa.table({"id": [2], "name": ["other"]}), users)
        list(session.execute(f"CREATE OR REPLACE TABLE users (id BIGINT PRIMARY KEY, name STRING) FROM FILE '{users}'"))
        send(properties, name, 2, 9)
        (live,) = session.execute(f"SELECT NAME FROM `{name}-named` EMIT CHANGES")
        assert [r["NAME"] for r in come(live, 3)] == ["ann", "bob", None]  # the rows that the query began with
        live.cancel()
        (now,) = session.execute("SELECT name FROM users")
        assert [r for b in now.batches for r in b.to_pylist()] == [{"NAME": "other"}]
    finally:
        session.close()
