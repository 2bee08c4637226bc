"""Quotas on real Kafka: the plan, what is set after, what is refused; EXPLAIN of any change."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator

import pytest

import kshell
from kshell.config import Properties
from kshell.errors import BindError, Forbidden, Place, StatementError
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.library import Session

pytestmark = pytest.mark.live


@pytest.fixture
def name(shell) -> Iterator[str]:
    made = f"q-{uuid.uuid4().hex[:8]}"
    yield made
    for whom in (f"USER {made}", f"CLIENT ID {made}", f"USER {made} CLIENT ID DEFAULT"):
        shell.sql(f"DROP QUOTA IF EXISTS FOR {whom}")


def quotas(shell: Session, where: str) -> list[tuple]:
    return shell.sql(f"SELECT user, client_id, ip, name, value FROM kafka.quotas WHERE {where} ORDER BY ALL").rows()


def test_quotas_are_made_changed_and_ended(shell, careful, name) -> None:
    text = f"CREATE QUOTA FOR USER {name} SET producer_byte_rate = 1048576, request_percentage = 12.5"
    assert careful.sql(text).rows() == [("producer_byte_rate", None, "1048576"), ("request_percentage", None, "12.5")]
    assert quotas(shell, f"user = '{name}'") == []
    assert shell.sql(text).text == f"The quotas of user {name} are created."
    assert quotas(shell, f"user = '{name}'") == [
        (name, None, None, "producer_byte_rate", 1048576.0), (name, None, None, "request_percentage", 12.5),
    ]  # fmt: skip
    with pytest.raises(BindError, match="has quotas already: producer_byte_rate 1048576, request_percentage 12.5") as raised:
        shell.sql(text)
    assert raised.value.place == Place(1, text.index(name) + 1, len(name))
    change = f"ALTER QUOTA FOR USER {name} SET producer_byte_rate = 2e6, consumer_byte_rate = 5 RESET request_percentage"
    assert careful.sql(change).rows() == [
        ("producer_byte_rate", "1048576", "2000000"), ("consumer_byte_rate", None, "5"), ("request_percentage", "12.5", None),
    ]  # fmt: skip
    assert shell.sql(change).text == f"The quotas of user {name} are changed."
    assert shell.sql(f"ALTER QUOTA FOR USER {name} SET consumer_byte_rate = 5").text == f"The quotas of user {name} are so already."
    assert [row[3:] for row in quotas(shell, f"user = '{name}'")] == [("consumer_byte_rate", 5.0), ("producer_byte_rate", 2e6)]
    assert careful.sql(f"DROP QUOTA FOR USER {name}").rows() == [("consumer_byte_rate", "5", None), ("producer_byte_rate", "2000000", None)]
    assert shell.sql(f"DROP QUOTA FOR USER {name}").text == f"The quotas of user {name} are deleted."
    assert quotas(shell, f"user = '{name}'") == []
    assert shell.sql(f"DROP QUOTA IF EXISTS FOR USER {name}").text == f"User {name} has no quota."


def test_a_user_a_client_and_both_are_three(shell, name) -> None:
    for n, whom in enumerate((f"USER {name}", f"CLIENT ID {name}", f"USER {name} CLIENT ID DEFAULT"), 1):
        shell.sql(f"CREATE QUOTA FOR {whom} SET consumer_byte_rate = {n}")
    assert quotas(shell, f"user = '{name}' OR client_id = '{name}'") == [
        (name, "<default>", None, "consumer_byte_rate", 3.0), (name, None, None, "consumer_byte_rate", 1.0),
        (None, name, None, "consumer_byte_rate", 2.0),
    ]  # fmt: skip
    shell.sql(f"DROP QUOTA FOR USER {name}")
    assert len(quotas(shell, f"user = '{name}'")) == 1


def test_an_address_and_a_default(shell) -> None:
    try:
        shell.sql("CREATE QUOTA FOR IP '10.9.9.9' SET connection_creation_rate = 7")
        shell.sql("CREATE QUOTA FOR CLIENT ID DEFAULT SET controller_mutation_rate = 50")
        assert quotas(shell, "ip = '10.9.9.9'") == [(None, None, "10.9.9.9", "connection_creation_rate", 7.0)]
        assert quotas(shell, "client_id = '<default>' AND user IS NULL") == [(None, "<default>", None, "controller_mutation_rate", 50.0)]
    finally:
        shell.sql("DROP QUOTA IF EXISTS FOR IP '10.9.9.9'")
        shell.sql("DROP QUOTA IF EXISTS FOR CLIENT ID DEFAULT")


@pytest.mark.parametrize(
    ("text", "said", "at"),
    [
        ("CREATE QUOTA FOR USER a SET producer_byte_rat = 1", "no quota named producer_byte_rat", "producer_byte_rat"),
        ("CREATE QUOTA FOR USER a SET connection_creation_rate = 1", "no quota named connection_creation_rate", "connection_creation_rate"),
        ("CREATE QUOTA FOR IP '10.0.0.1' SET producer_byte_rate = 1", "no quota named producer_byte_rate", "producer_byte_rate"),
        ("CREATE QUOTA FOR USER a SET producer_byte_rate = 0", "a quota is more than 0", "producer_byte_rate"),
        ("ALTER QUOTA FOR USER nobody SET producer_byte_rate = 1", "user nobody has no quota", "nobody"),
        ("DROP QUOTA FOR USER nobody CLIENT ID DEFAULT", "user nobody, client id by default has no quota", "nobody"),
    ],
)
def test_refusals_and_their_places(careful, text, said, at) -> None:
    with pytest.raises(BindError) as raised:
        careful.sql(text)
    assert raised.value.what == said
    assert raised.value.place == Place(1, text.index(at) + 1, len(at))


def test_an_older_broker_has_them_too(kafka_2_8) -> None:
    with kshell.connect(kafka_2_8.bootstrap, yes=True) as old:
        old.sql("CREATE QUOTA FOR USER ann SET producer_byte_rate = 7")
        assert quotas(old, "user = 'ann'") == [("ann", None, None, "producer_byte_rate", 7.0)]
        old.sql("DROP QUOTA FOR USER ann")
        assert quotas(old, "TRUE") == []


def test_a_quota_slows_a_producer(shell, name) -> None:
    """One record of 300 kB at 100 kB/s: the broker answers late, in windows of a second."""
    topic = f"t-{name}"
    shell.sql(f"CREATE TOPIC {topic}")
    shell.sql(f"CREATE QUOTA FOR CLIENT ID {name} SET producer_byte_rate = 20000")
    properties = Properties({"bootstrap.servers": shell.properties["bootstrap.servers"], "client.id": name,
                             "compression.type": "none"})  # fmt: skip
    producer, began = Producer(properties), time.monotonic()
    for _ in range(3):  # on one connection, which the broker does not read for a while
        producer.send(topic, [OutgoingRecord(None, b"x" * 300_000)])
        producer.flush()
    assert time.monotonic() - began > 3


def test_who_may_not_is_said_so(secure_kafka) -> None:
    properties = {
        "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
        "sasl.username": "alice", "sasl.password": "alice-secret",
    }  # fmt: skip
    with (
        kshell.connect(f"127.0.0.1:{secure_kafka.ports['SASL']}", properties=properties, yes=True) as alice,
        pytest.raises(Forbidden, match="DESCRIBE CONFIGS on cluster"),
    ):
        alice.sql("CREATE QUOTA FOR USER alice SET producer_byte_rate = 1")


def test_explain_shows_the_plan_and_changes_nothing(shell, kafka, name) -> None:
    (plan,) = shell.sql(f"EXPLAIN CREATE TOPIC {name} PARTITIONS 3").parts
    assert ("partitions", None, "3") in plan.rows()
    (plan,) = shell.sql(f"EXPLAIN CREATE QUOTA FOR USER {name} SET producer_byte_rate = 1").parts
    assert plan.rows() == [("producer_byte_rate", None, "1")]
    assert name not in [row[0] for row in shell.sql("SHOW TOPICS").rows()]
    assert quotas(shell, f"user = '{name}'") == []
    with kshell.connect(kafka.bootstrap, yes=True, properties={"kshell.read.only": "true"}) as read_only:
        (plan,) = read_only.sql(f"EXPLAIN CREATE TOPIC {name} SET 'retention.ms'='1'").parts
        assert ("retention.ms", None, "1") in [(*row[:1], None, *row[2:]) for row in plan.rows()]
        with pytest.raises(StatementError, match="read only"):
            read_only.sql(f"CREATE QUOTA FOR USER {name} SET producer_byte_rate = 1")
