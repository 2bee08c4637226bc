"""KSQL on a real Flink: foreground and background queries, their errors, and what outlives a shell."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from kshell.config import Properties
from kshell.engines.flink.http import FlinkError
from kshell.errors import BindError, UnknownName
from kshell.kafka import admin
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.results import Live, Message, Sections
from kshell.session import Session

from .realflink import Flink
from .realkafka import Broker

MINUTE = 60_000
T0 = 1_700_000_040_000 - 1_700_000_040_000 % MINUTE


def record(key: str | None, value: object, seconds: float = 0) -> OutgoingRecord:
    text = None if value is None else json.dumps(value).encode()
    return OutgoingRecord(None if key is None else key.encode(), text, int(T0 + seconds * 1000))


@pytest.fixture
def opened(kafka: Broker, flink: Flink) -> Iterator[Callable[..., Session]]:
    made: list[Session] = []

    def opened(**more: str) -> Session:
        named = {n.replace("_", "."): v for n, v in more.items()}
        made.append(Session(Properties({
            "bootstrap.servers": kafka.bootstrap, "kshell.engine": "flink",
            "kshell.flink.gateway": flink.gateway, "auto.offset.reset": "earliest", **named,
        })))  # fmt: skip
        return made[-1]

    yield opened
    for session in made:
        session.close()


@pytest.fixture
def on_flink(opened) -> Session:
    return opened()


def one(session: Session, sql: str):
    *_, answer = session.execute(sql)
    return answer


def jobs(session: Session) -> list[dict]:
    """The jobs of SHOW QUERIES; other tests leave applications behind, which come after them."""
    answer = one(session, "SHOW QUERIES;")
    first = answer.parts[0] if isinstance(answer, Sections) else answer
    return [r for b in first.batches for r in b.to_pylist()]


def changes(live: Live, count: int, seconds: float = 60) -> list[tuple[int, dict]]:
    """The first changes, as (weight, row)."""
    found: list[tuple[int, dict]] = []
    end = time.monotonic() + seconds
    while len(found) < count:
        assert time.monotonic() < end, found
        made = live.poll(0.5)
        if made is None:
            break
        found += zip(made.weights.to_pylist(), made.rows.to_pylist(), strict=True)
    live.cancel()
    return found


def final_counts(session: Session, topic: str) -> dict[str, int]:
    """The last count of each key in a topic."""
    try:
        answer = one(session, f'SELECT ROWKEY AS k, arg_max("N", ROWOFFSET) AS latest FROM "{topic}" GROUP BY ROWKEY;')
        return {row["k"]: row["latest"] for batch in answer.batches for row in batch.to_pylist()}
    except BindError:  # nothing is there yet, and so no column
        return {}


def until(what: Callable[[], object], wanted: object, seconds: float = 40) -> None:
    end = time.monotonic() + seconds
    while (found := what()) != wanted:
        assert time.monotonic() < end, found
        time.sleep(0.3)


def test_a_filter_and_a_windowed_count_in_the_foreground(on_flink, topic):
    name = topic([record("a", {"v": 1}), record("b", {"v": 5}, 1), record("a", {"v": 7}, 2),
                  record("a", {"v": 8}, 61)])  # fmt: skip
    one(on_flink, f"CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON');")
    live = one(on_flink, "SELECT k, v * 2 AS d, ROWTIME FROM s WHERE v > 3 EMIT CHANGES;")
    assert isinstance(live, Live)
    assert changes(live, 3) == [
        (1, {"K": "b", "D": 10, "ROWTIME": T0 + 1000}),
        (1, {"K": "a", "D": 14, "ROWTIME": T0 + 2000}),
        (1, {"K": "a", "D": 16, "ROWTIME": T0 + 61_000}),
    ]
    live = one(on_flink, "SELECT k, WINDOWSTART, COUNT(*) AS n FROM s WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k EMIT CHANGES;")
    assert live.key == ("K", "WINDOWSTART")
    assert changes(live, 5) == [
        (1, {"K": "a", "WINDOWSTART": T0, "N": 1}),
        (1, {"K": "b", "WINDOWSTART": T0, "N": 1}),
        (-1, {"K": "a", "WINDOWSTART": T0, "N": 1}),
        (1, {"K": "a", "WINDOWSTART": T0, "N": 2}),
        (1, {"K": "a", "WINDOWSTART": T0 + MINUTE, "N": 1}),
    ]


def test_a_query_in_the_background_outlives_its_shell(on_flink, kafka, flink, topic, client):
    name = topic([record("a", {"v": 1}), record("b", {"v": 5}, 1), record("a", {"v": 7}, 2)])
    one(on_flink, f"CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON');")
    made = one(on_flink, f"CREATE STREAM big WITH (KAFKA_TOPIC='{name}-big') AS SELECT k, v FROM s WHERE v > 3 EMIT CHANGES;")
    assert isinstance(made, Message)
    assert made.text == "Stream BIG is created by query CSAS_BIG_1 on Flink."
    on_flink.close()
    later = Session(Properties({"bootstrap.servers": kafka.bootstrap, "kshell.engine": "flink", "kshell.flink.gateway": flink.gateway}))
    try:
        (row,) = jobs(later)
        assert (row["query"], row["state"]) == ("CSAS_BIG_1", "RUNNING")
        records = []
        end = time.monotonic() + 20
        while len(records) < 2 and time.monotonic() < end:
            with suppress(UnknownName):  # the topic is empty yet, and nobody knows its columns
                records = [r for b in one(later, f'SELECT ROWKEY, "V", ROWTIME FROM "{name}-big";').batches for r in b.to_pylist()]
        assert records == [{"ROWKEY": "b", "V": 5, "ROWTIME": T0 + 1000}, {"ROWKEY": "a", "V": 7, "ROWTIME": T0 + 2000}]
        assert one(later, "TERMINATE CSAS_BIG_1;").text == "CSAS_BIG_1 is terminated."
    finally:
        later.close()


def counted(session: Session, name: str, sink: str) -> None:
    one(session, f"CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON');")
    one(session, f"CREATE TABLE counts WITH (KAFKA_TOPIC='{sink}') AS SELECT k, COUNT(*) AS n FROM s GROUP BY k EMIT CHANGES;")


@pytest.fixture
def send(properties):
    def send(topic: str, count: int) -> None:
        producer = Producer(properties)
        producer.send(topic, [record("abc"[n % 3], {"v": n}, n) for n in range(count)])
        producer.flush()

    return send


def test_a_statement_set_is_one_job_that_any_shell_describes(on_flink, kafka, flink, topic, client):
    name = topic([record("a", {"v": 1}), record("b", {"v": 5}, 1)])
    list(on_flink.execute(f"""
        CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON');
        BEGIN STATEMENT SET;
        CREATE STREAM big WITH (KAFKA_TOPIC='{name}-big') AS SELECT k, v FROM s WHERE v > 3 EMIT CHANGES;
        INSERT INTO big SELECT k, v * -1 AS v FROM s EMIT CHANGES;
        CREATE TABLE n WITH (KAFKA_TOPIC='{name}-n') AS SELECT k, COUNT(*) AS n FROM big GROUP BY k EMIT CHANGES;
    """))
    assert one(on_flink, "END;").text == "Query STATEMENT_SET_1 writes BIG, N on Flink, as one job."
    until(lambda: final_counts(on_flink, f"{name}-n"), {"a": 1, "b": 2})
    on_flink.close()
    later = Session(Properties({"bootstrap.servers": kafka.bootstrap, "kshell.engine": "flink", "kshell.flink.gateway": flink.gateway}))
    try:
        (row,) = jobs(later)
        assert (row["query"], row["state"], row["writes"], row["error"]) == ("STATEMENT_SET_1", "RUNNING", "BIG, N", None)
        assert row["back-pressure %"] in (0, None)  # None: Flink has not measured it yet
        described = [r for b in one(later, "DESCRIBE QUERY STATEMENT_SET_1;").batches for r in b.to_pylist()]
        assert sum(r["property"].endswith("does") for r in described) >= 3
        assert one(later, "TERMINATE STATEMENT_SET_1;").text == "STATEMENT_SET_1 is terminated."
    finally:
        later.close()


@pytest.mark.matrix
def test_brokers_that_the_cluster_cannot_reach_are_said(opened, topic, tmp_path):
    name = topic([record("a", {"v": 1})])
    dead = tmp_path / "cluster.properties"
    dead.write_text("bootstrap.servers=127.0.0.1:9\n")
    session = opened(kshell_flink_properties=str(dead))
    one(session, f"CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON');")
    live = one(session, "SELECT k, v FROM s EMIT CHANGES;")
    began = time.monotonic()
    with pytest.raises(FlinkError, match="the query failed on Flink: Timed out waiting for a node assignment") as raised:
        changes(live, 1)
    assert time.monotonic() - began < 60  # Flink alone would be silent for as long
    assert "kshell.flink.properties" in raised.value.hint


@pytest.mark.matrix
def test_a_job_that_restarts_for_ever_is_said_with_its_cause(opened, topic, tmp_path):
    name = topic([record("a", {"v": 1})])
    dead = tmp_path / "cluster.properties"
    dead.write_text("bootstrap.servers=127.0.0.1:9\ndefault.api.timeout.ms=1000\nrequest.timeout.ms=1000\n")
    session = opened(kshell_flink_properties=str(dead), kshell_flink_checkpoint_interval_ms="500")
    one(session, f"CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON');")
    one(session, "CREATE STREAM o AS SELECT k, v FROM s EMIT CHANGES;")
    until(lambda: [(q.failed, q.state) for q in session.running()],
          [(True, "restarting on Flink: Timed out waiting for a node assignment. Call: listNodes")])  # fmt: skip
    one(session, "TERMINATE ALL;")


@pytest.mark.matrix
def test_a_paused_query_goes_on_where_it_was(on_flink, topic, send, tmp_path):
    name = topic([])
    list(on_flink.execute(f"SET 'kshell.flink.savepoints'='file://{tmp_path}';"))
    counted(on_flink, name, f"{name}-n")
    send(name, 30)
    until(lambda: final_counts(on_flink, f"{name}-n"), {"a": 10, "b": 10, "c": 10})
    paused = one(on_flink, "PAUSE CTAS_COUNTS_1;").text
    assert paused.startswith(f"CTAS_COUNTS_1 is paused: its state is in file:{tmp_path}/savepoint-")
    send(name, 3)
    time.sleep(1)
    assert final_counts(on_flink, f"{name}-n") == {"a": 10, "b": 10, "c": 10}
    assert one(on_flink, "RESUME CTAS_COUNTS_1;").text == "CTAS_COUNTS_1 is running again."
    until(lambda: final_counts(on_flink, f"{name}-n"), {"a": 11, "b": 11, "c": 11})
    one(on_flink, "TERMINATE ALL;")


@pytest.mark.matrix
def test_a_killed_task_manager_loses_and_doubles_nothing(on_flink, flink, topic, send):
    name = topic([])
    list(on_flink.execute("SET 'kshell.flink.checkpoint.interval.ms'='300'; SET 'kshell.flink.delivery'='exactly-once';"))
    counted(on_flink, name, f"{name}-n")
    send(name, 300)
    until(lambda: final_counts(on_flink, f"{name}-n"), {"a": 100, "b": 100, "c": 100})
    send(name, 30)
    flink.kill_task_manager()
    send(name, 300)
    until(lambda: final_counts(on_flink, f"{name}-n"), {"a": 210, "b": 210, "c": 210}, 90)
    one(on_flink, "TERMINATE ALL;")


def test_secrets_of_the_profile_open_a_secured_cluster(secure_kafka, flink):
    session = Session(Properties({
        "bootstrap.servers": f"localhost:{secure_kafka.ports['SASLS']}", "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-256", "sasl.username": "alice", "sasl.password": "alice-secret",
        "ssl.ca.location": str(secure_kafka.certificates / "ca.crt"), "kshell.engine": "flink",
        "kshell.flink.gateway": flink.gateway, "auto.offset.reset": "earliest",
    }))  # fmt: skip
    plain = Properties({"bootstrap.servers": f"127.0.0.1:{secure_kafka.ports['PLAINTEXT']}"})
    try:
        admin.create_topic(plain, "secured", partitions=1, replicas=1, configs={})
        allow(plain, "alice", "secured")
        producer = Producer(plain)
        producer.send("secured", [record("a", {"v": 1})])
        producer.flush()
        one(session, "CREATE STREAM s (k STRING KEY, v INT) WITH (KAFKA_TOPIC='secured', VALUE_FORMAT='JSON');")
        assert changes(one(session, "SELECT k, v FROM s EMIT CHANGES;"), 1) == [(1, {"K": "a", "V": 1})]
        shown = "".join(p.text for p in one(session, "EXPLAIN SELECT k FROM s EMIT CHANGES;").parts)
        assert "ScramLoginModule" not in shown
        assert "alice-secret" not in shown
    finally:
        session.close()


def allow(plain: Properties, user: str, topic: str) -> None:
    from confluent_kafka.admin import (
        AclBinding,
        AclOperation,
        AclPermissionType,
        AdminClient,
        ResourcePatternType,
        ResourceType,
    )

    client = AdminClient({"bootstrap.servers": plain["bootstrap.servers"]})
    bindings = [AclBinding(ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, f"User:{user}", "*", operation, AclPermissionType.ALLOW)
                for operation in (AclOperation.READ, AclOperation.DESCRIBE)]  # fmt: skip
    for done in client.create_acls(bindings).values():
        done.result()
