"""CREATE, ALTER and DROP TOPIC on real Kafka: the plan, what is refused, and what is there after."""

from __future__ import annotations

import uuid

import pytest

from kshell.errors import BindError, KafkaError, KshellError, Place, UnknownName
from kshell.kafka.produce import OutgoingRecord
from kshell.library import Session

pytestmark = pytest.mark.live

WITHOUT_DIGITS = str.maketrans("0123456789", "ghijklmnop")
DEFAULT = "1 (the brokers' default)"


@pytest.fixture
def name() -> str:
    return f"T.{uuid.uuid4().hex[:10]}-v1"


def topics(session: Session) -> dict[str, int]:
    return {row[0]: row[1] for row in session.sql("SHOW TOPICS").rows()}


def refused(session: Session, text: str) -> KshellError:
    with pytest.raises(KshellError) as raised:
        session.sql(text)
    return raised.value


def test_without_yes_there_is_a_plan_and_nothing_is_created(careful, name) -> None:
    result = careful.sql(f"CREATE TOPIC {name} PARTITIONS 3 SET 'retention.ms'='100000'")
    assert result.rows() == [
        ("topic", None, name), ("partitions", None, "3"), ("replicas", None, DEFAULT), ("retention.ms", None, "100000"),
    ]  # fmt: skip
    (notice,) = result.notices
    assert (notice.kind.value, "yes=True" in notice.text) == ("PLANNED", True)
    assert name not in topics(careful)


def test_with_yes_a_topic_is_there_at_once_and_gone_at_once(shell, name) -> None:
    assert shell.sql(f"CREATE TOPIC {name} PARTITIONS 3").text == f"Topic {name} is created."
    assert shell.sql(f"SELECT * FROM {name}").rows() == []
    shell.sql(f"INSERT INTO {name} (a) VALUES (1)")
    assert shell.sql(f"SELECT a FROM {name}").rows() == [(1,)]
    assert shell.sql(f"DROP TOPIC {name}").text == f"Topic {name} is deleted."
    assert isinstance(refused(shell, f"SELECT * FROM {name}"), UnknownName)
    shell.sql(f"CREATE TOPIC {name}")
    assert shell.sql(f"SELECT * FROM {name}").rows() == []
    assert topics(shell)[name] == 1


def test_a_name_is_as_typed(shell, name) -> None:
    shell.sql(f"CREATE TOPIC {name}")
    assert name in topics(shell)
    error = refused(shell, f"DROP TOPIC {name.lower()}")
    assert (error.what, error.hint, error.place) == (
        f"no topic named {name.lower()}", f"did you mean {name}?", Place(1, 12, len(name))
    )  # fmt: skip
    assert name in topics(shell)


def test_exists(shell, name) -> None:
    shell.sql(f"CREATE TOPIC {name} PARTITIONS 2")
    error = refused(shell, f"CREATE TOPIC {name}")
    assert isinstance(error, BindError)
    assert (error.what, error.place) == (f"topic {name} exists already, with 2 partitions", Place(1, 14, len(name)))
    assert shell.sql(f"CREATE TOPIC IF NOT EXISTS {name}").text == f"Topic {name} exists already."
    assert shell.sql(f"DROP TOPIC IF EXISTS {name}x").text == f"Topic {name}x does not exist."


@pytest.mark.parametrize(
    ("text", "said", "hint", "at"),
    [
        ("CREATE TOPIC {n} REPLICAS 3", "3 replicas need as many brokers, and 1 is up", "REPLICAS 1", "3"),
        ("CREATE TOPIC {n} PARTITIONS 0", "PARTITIONS is 1 or more", "CREATE TOPIC", "0"),
        ("CREATE TOPIC {n} SET 'retention.mss'='1'", "no config named retention.mss", "retention.ms", "'retention.mss'"),
        ("CREATE TOPIC {n} SET 'retention.ms'='soon'", "Not a number", "", "'retention.ms'"),
        ("CREATE TOPIC `{n} x`", "Topic name is invalid", "", "`{n} x`"),
        ("ALTER TOPIC {there} SET 'cleanup'='compact'", "no config named cleanup", "cleanup.policy", "'cleanup'"),
        ("ALTER TOPIC {there} RESET 'retention.m'", "no config named retention.m", "retention.ms", "'retention.m'"),
        ("ALTER TOPIC {there} SET 'segment.ms'='x'", "Not a number", "", "'segment.ms'"),
        ("ALTER TOPIC {there} PARTITIONS 1", "has 2 partitions, and Kafka takes none away", "CREATE TOPIC", "1"),
    ],
)
def test_refusals_and_their_places(careful, topic, text, said, hint, at) -> None:
    names = {"n": "fresh", "there": topic(partitions=2, name=f"r-{uuid.uuid4().hex}".translate(WITHOUT_DIGITS))}
    full, at = text.format(**names), at.format(**names)
    error = refused(careful, full)
    assert said in error.what
    assert hint in error.hint
    assert error.place == Place(1, full.index(at) + 1, len(at)), full


def test_alter_changes_what_is_named_alone(shell, careful, topic) -> None:
    name = topic(partitions=1, retention_ms=100000, cleanup_policy="compact")
    text = f"ALTER TOPIC {name} SET 'segment.ms'='60000' RESET 'retention.ms' PARTITIONS 4"
    plan = careful.sql(text)
    assert plan.rows() == [
        ("segment.ms", "604800000 (default)", "60000"), ("retention.ms", "100000", "-1 (default)"), ("partitions", "1", "4"),
    ]  # fmt: skip
    assert ["keys move" in n.text for n in plan.notices] == [False, True]
    assert shell.sql(text).text == f"Topic {name} is changed."
    _, partitions, configs = shell.sql(f"DESCRIBE {name}").parts[-3:]
    assert len(partitions.rows()) == 4
    changed = {n: v for n, v in configs.rows() if n != "min.insync.replicas"}  # the cluster's own
    assert changed == {"cleanup.policy": "compact", "segment.ms": "60000"}
    assert shell.sql(text).text == f"Topic {name} is like that already."


def test_more_partitions_name_the_queries_that_read_the_topic(shell, careful, topic) -> None:
    name = topic([OutgoingRecord(None, b'{"a":1}')])
    careful.sql(f"CREATE STREAM s (a INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON')")
    careful.sql(f"CREATE STREAM o WITH (KAFKA_TOPIC='{name}-o') AS SELECT a FROM s EMIT CHANGES")
    said = [n.text for n in careful.sql(f"ALTER TOPIC {name} PARTITIONS 2").notices]
    assert said[2:] == ["query CSAS_O_1 reads it", "stream S is declared over it"]
    assert [n.text for n in careful.sql(f"DROP TOPIC {name}-o").notices][1:] == [
        "query CSAS_O_1 writes it", "stream O is declared over it"
    ]  # fmt: skip


def test_drop_says_what_goes_with_it(shell, careful, topic, kafka) -> None:
    from confluent_kafka import Consumer, TopicPartition

    name = topic([OutgoingRecord(None, b"1") for _ in range(3)], partitions=1)
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": f"{name}-g"})
    consumer.commit(offsets=[TopicPartition(name, 0, 2)], asynchronous=False)
    consumer.close()
    result = careful.sql(f"DROP TOPIC {name}")
    assert result.rows() == [
        ("topic", name, None), ("partitions", "1", None), ("records", "up to 3", None),
        (f"offsets of group {name}-g", "committed in 1 partition", None),
    ]  # fmt: skip
    assert name in topics(careful)


def test_what_is_written_in_between_is_the_brokers_refusal(kafka, careful, shell, name) -> None:
    """A plan that was accepted after the topic was made by another."""
    from kshell import session as shells
    from kshell.config import Properties
    from kshell.results import Proposal

    one = shells.Session(Properties({"bootstrap.servers": kafka.bootstrap}))
    events = one.execute(f"CREATE TOPIC {name}")
    proposal = next(events)
    assert isinstance(proposal, Proposal)
    assert name not in topics(careful)
    shell.sql(f"CREATE TOPIC {name}")
    proposal.accepted = True
    with pytest.raises(KafkaError, match="already exists"):
        next(events)
    one.close()
