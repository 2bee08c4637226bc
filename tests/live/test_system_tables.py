"""System tables on real Kafka, with real groups, transactions, ACLs and a broker that is killed."""

from __future__ import annotations

import contextlib
import signal
import time
import uuid
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from kshell.config import Properties
from kshell.errors import Forbidden
from kshell.kafka import admin
from kshell.kafka.produce import Producer as OurProducer
from kshell.results import Sections
from kshell.session import Session

from . import realkafka
from .conftest import prepared


def rows_of(answer) -> list[dict]:
    return [row for batch in answer.batches for row in batch.to_pylist()]


@contextlib.contextmanager
def member(kafka, group: str, topic: str, **settings) -> Iterator[Consumer]:
    """A real member of a group that has all of a topic's partitions."""
    consumer = Consumer(
        {"bootstrap.servers": kafka.bootstrap, "group.id": group, "client.id": "app",
         "auto.offset.reset": "earliest", "enable.auto.commit": False, **settings}
    )  # fmt: skip
    consumer.subscribe([topic])
    deadline = time.monotonic() + 60
    while not consumer.assignment():
        consumer.poll(0.1)
        assert time.monotonic() < deadline, "no assignment"
    yield consumer
    consumer.close()


def commit(consumer: Consumer, topic: str, **offsets: int) -> None:
    at = [TopicPartition(topic, int(p[1:]), offset) for p, offset in offsets.items()]
    consumer.commit(offsets=at, asynchronous=False)


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_lag_members_and_groups_of_a_real_group(kafka, ask, session, properties, topic, protocol):
    name, group = topic(partitions=3), f"g-{uuid.uuid4().hex[:8]}"
    fill(properties, name)
    settings = {"group.protocol": protocol} if protocol == "consumer" else {}
    with member(kafka, group, name, **settings) as consumer:
        commit(consumer, name, p0=4, p1=10)
        lag = ask(f"SELECT partition, client_id, committed, end_offset, lag FROM kafka.lag"
                  f" WHERE group_id = '{group}' ORDER BY partition")  # fmt: skip
        assert [tuple(row.values()) for row in lag] == [
            (0, "app", 4, 10, 6), (1, "app", 10, 10, 0), (2, "app", None, 10, 10)
        ]  # fmt: skip
        (found,) = ask(f"SELECT state, type, members FROM kafka.groups WHERE group_id = '{group}'")
        assert found == {"state": "Stable", "type": protocol, "members": 1}
        (described,) = session.execute(f"DESCRIBE GROUP `{group}`")
        assert isinstance(described, Sections)
        assert [m["assignment"] for m in rows_of(described.parts[1])] == [[(name, [0, 1, 2])]]
    (found,) = ask(f"SELECT state, members FROM kafka.groups WHERE group_id = '{group}'")
    assert found == {"state": "Empty", "members": 0}


def test_completion_knows_groups_brokers_and_principals(kafka, session, secure_kafka, properties, topic):
    group = f"g-{uuid.uuid4().hex[:8]}"
    name = topic(partitions=1)
    fill(properties, name, 1)
    with member(kafka, group, name) as consumer:
        commit(consumer, name, p0=1)
    assert group in session.listed("group")
    assert session.listed("broker") == ["1"]
    plain = {"bootstrap.servers": f"127.0.0.1:{secure_kafka.ports['PLAINTEXT']}"}
    rule = AclBinding(ResourceType.TOPIC, "any", ResourcePatternType.LITERAL, "User:zoe", "*",
                      AclOperation.READ, AclPermissionType.ALLOW)  # fmt: skip
    client = AdminClient(plain)
    for future in client.create_acls([rule]).values():
        future.result(30)
    assert "User:zoe" in Session(Properties(plain)).listed("principal")


def fill(properties, name: str, partitions: int = 3, count: int = 10) -> None:
    producer = OurProducer(properties)
    producer.send(name, [(None, b"{}", None, p, None) for p in range(partitions) for _ in range(count)])
    producer.flush()


def test_sums_of_lag_follow_commits(kafka, session, properties, topic):
    name, group = topic(partitions=2), f"g-{uuid.uuid4().hex[:8]}"
    fill(properties, name, 2)
    with member(kafka, group, name) as consumer:
        commit(consumer, name, p0=0, p1=0)
        (live,) = session.execute(
            f"SELECT group_id, SUM(lag) AS behind FROM kafka.lag WHERE group_id = '{group}'"
            " GROUP BY group_id EMIT CHANGES"
        )
        behind = None

        def until(wanted: int) -> None:
            nonlocal behind
            deadline = time.monotonic() + 20
            while behind != wanted:
                changes = live.poll(0.1)
                for row, weight in zip(changes.rows.to_pylist(), changes.weights.to_pylist(), strict=True):
                    behind = row["behind"] if weight > 0 else behind
                assert time.monotonic() < deadline, behind

        until(20)
        commit(consumer, name, p0=10, p1=3)
        until(7)
        live.cancel()


def test_verdicts_of_a_real_group(kafka, ask, properties, topic):
    name, group = topic(partitions=2), f"g-{uuid.uuid4().hex[:8]}"
    fill(properties, name, 2)
    with member(kafka, group, name) as consumer:
        commit(consumer, name, p0=10, p1=3)
        found = ask(f"SELECT verdict, rate FROM kafka.lag WHERE group_id = '{group}' ORDER BY partition")
    assert [(r["verdict"], r["rate"]) for r in found] == [("caught up", 0), ("no commit", 0)]
    # Its last member has left: nobody will commit.
    found = ask(f"SELECT verdict FROM kafka.lag WHERE group_id = '{group}' ORDER BY partition")
    assert [r["verdict"] for r in found] == ["caught up", "stuck"]


def test_an_open_transaction_is_there_with_its_producer(kafka, ask, topic):
    name, id = topic(), f"tx-{uuid.uuid4().hex[:8]}"
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": id})
    producer.init_transactions(30)
    producer.begin_transaction()
    producer.produce(name, b"x")
    producer.flush(30)
    (found,) = ask(f"SELECT state, producer_id, written_to FROM kafka.transactions"
                   f" WHERE transactional_id = '{id}'")  # fmt: skip
    assert (found["state"], found["written_to"]) == ("Ongoing", [(name, [0])])
    (writes,) = ask(f"SELECT producer_id, transaction_start FROM kafka.producers WHERE topic = '{name}'")
    assert writes == {"producer_id": found["producer_id"], "transaction_start": 0}
    producer.abort_transaction(30)


def test_configs_log_dirs_and_quotas(ask, session, properties, topic, kafka):
    name = topic(retention_ms=12345)
    fill(properties, name, 1, 100)
    set_by_us = ask(f"SELECT name, value FROM kafka.configs WHERE topic = '{name}' AND NOT is_default")
    assert set_by_us == [{"name": "retention.ms", "value": "12345"}]
    assert ask(f"SHOW CONFIGS {name}") == ask(
        f"SELECT name, value, set_by, read_only FROM kafka.configs WHERE topic = '{name}' ORDER BY name"
    )
    (held,) = ask(f"SELECT bytes > 0 AS has FROM kafka.log_dirs WHERE topic = '{name}'")
    assert held == {"has": True}
    assert ask("SHOW QUOTAS") == []
    (acls,) = session.execute("SHOW ACLS")
    assert rows_of(acls) == []
    assert "no authorizer" in acls.notices()[0].text


def test_acls_are_shown_and_what_is_not_allowed_is_said(secure_kafka):
    plain = Properties({"bootstrap.servers": f"127.0.0.1:{secure_kafka.ports['PLAINTEXT']}"})
    for name in ("seen", "unseen"):
        admin.create_topic(plain, name, partitions=1, replicas=1, configs={})
    rule = AclBinding(ResourceType.TOPIC, "seen", ResourcePatternType.LITERAL, "User:alice", "*",
                      AclOperation.DESCRIBE, AclPermissionType.ALLOW)  # fmt: skip
    client = AdminClient({"bootstrap.servers": plain["bootstrap.servers"]})
    for future in client.create_acls([rule]).values():
        future.result(30)
    setup = Session(plain)
    (shown,) = setup.execute("SELECT * FROM kafka.acls WHERE name = 'seen'")
    assert [tuple(r.values()) for r in rows_of(shown)] == [
        ("TOPIC", "seen", "LITERAL", "User:alice", "*", "DESCRIBE", "ALLOW")
    ]
    setup.close()
    alice = Session(
        Properties(
            {"bootstrap.servers": f"127.0.0.1:{secure_kafka.ports['SASL']}",
             "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
             "sasl.username": "alice", "sasl.password": "alice-secret"}
        )
    )  # fmt: skip

    def ask(text: str) -> tuple[list[tuple], list[str]]:
        (answer,) = alice.execute(text)
        rows = [tuple(row.values()) for row in rows_of(answer)]
        return rows, [notice.text for notice in answer.notices()]

    names, notices = ask("SELECT topic FROM kafka.topics")
    assert (("seen",) in names, ("unseen",) in names, notices) == (True, False, [])
    assert ask("SELECT end_offset FROM kafka.partitions WHERE topic = 'seen'") == ([(0,)], [])
    assert ask("SELECT topic FROM kafka.topics WHERE topic = 'unseen'") == (
        [], ["not allowed: DESCRIBE on topic unseen"]
    )  # fmt: skip
    rows, notices = ask("SELECT name FROM kafka.configs WHERE topic = 'seen'")
    assert (rows, notices) == ([], ["not allowed: DESCRIBE_CONFIGS on topic seen"])
    with pytest.raises(Forbidden, match="not allowed: DESCRIBE on cluster"):
        ask("SHOW ACLS")
    alice.close()


@pytest.mark.matrix
@pytest.mark.timeout(500)
def test_a_thousand_topics_and_groups_take_no_two_seconds(own_broker):
    client = AdminClient({"bootstrap.servers": own_broker.bootstrap})
    names = [f"many-{n:04}" for n in range(1000)]
    made = client.create_topics([NewTopic(name, 5, 1) for name in names], request_timeout=120)
    for future in made.values():
        future.result(120)
    session = Session(Properties({"bootstrap.servers": own_broker.bootstrap}))

    def ask(text: str) -> tuple:
        (answer,) = session.execute(text)
        (row,) = rows_of(answer)
        return tuple(row.values())

    deadline = time.monotonic() + 300
    while ask("SELECT COUNT(end_offset) FROM kafka.partitions WHERE topic LIKE 'many%'") != (5000,):
        assert time.monotonic() < deadline
        time.sleep(5)  # the broker is slow to make so many
    for name in names:
        at = [TopicPartition(name, p, 0) for p in range(5)]
        asked = [ConsumerGroupTopicPartitions(f"g-{name}", at)]
        while True:  # the first commits may find a coordinator that is not ready
            (future,) = client.alter_consumer_group_offsets(asked).values()
            if not any(part.error for part in future.result(60).topic_partitions):
                break
            time.sleep(0.2)
    for text, wanted in (
        ("SELECT COUNT(*), SUM(records) FROM kafka.partitions WHERE topic LIKE 'many%'", (5000, 0)),
        ("SELECT COUNT(*), SUM(lag) FROM kafka.lag", (5000, 0)),
    ):
        began = time.process_time()
        assert ask(text) == wanted
        assert time.process_time() - began < 2
    session.close()


@pytest.mark.matrix
@pytest.mark.timeout(300)
def test_a_broker_that_is_killed_leaves_rows_without_a_leader():
    prepared()
    with realkafka.cluster(3) as brokers:
        properties = Properties({"bootstrap.servers": brokers[0].bootstrap})
        admin.create_topic(properties, "single", partitions=6, replicas=1, configs={})
        admin.create_topic(properties, "triple", partitions=3, replicas=3, configs={})
        session = Session(properties)

        def ask(text: str) -> list[tuple]:
            (answer,) = session.execute(text)
            return [tuple(row.values()) for row in rows_of(answer)]

        on_last = ask("SELECT partition FROM kafka.replicas WHERE topic='single' AND broker=3 ORDER BY 1")
        assert on_last
        brokers[2].stop(signal.SIGKILL)
        deadline = time.monotonic() + 60
        while ask("SELECT partition FROM kafka.partitions WHERE offline AND topic='single' ORDER BY 1") != on_last:
            assert time.monotonic() < deadline
            time.sleep(0.5)
        assert ask("SELECT partition FROM kafka.partitions WHERE topic='single' AND leader IS NULL"
                   " AND end_offset IS NULL ORDER BY 1") == on_last  # fmt: skip
        ((behind,),) = ask("SELECT partitions_behind FROM kafka.topics WHERE topic='triple'")
        assert behind == 3
        states = {row[5] for row in ask("SHOW PARTITIONS triple")}
        assert states == {"under-replicated"}
        assert len(ask("SHOW BROKERS")) == 2
        session.close()
