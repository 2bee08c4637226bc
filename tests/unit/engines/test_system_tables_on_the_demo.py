"""System tables on the embedded broker, which answers few kinds of requests, and their names."""

from __future__ import annotations

import pytest

from kshell.config import Properties
from kshell.errors import Unsupported
from kshell.kafka.produce import Producer
from kshell.results import Rows


def test_a_topic_may_begin_as_system_tables_do(demo, ask):
    producer = Producer(Properties({"bootstrap.servers": demo.bootstrap}))
    producer.send("kafka.zoo", [(None, b'{"n":1}', None, 0, None)])
    producer.send("kafka.brokers", [(None, b'{"n":2}', None, 0, None)])
    producer.flush()
    assert ask("SELECT n FROM kafka.zoo") == ask("SELECT n FROM Kafka.Zoo") == [{"n": 1}]
    assert ask("SELECT n FROM `kafka.brokers`") == [{"n": 2}]
    assert ask("SELECT broker FROM kafka.brokers") == [{"broker": 1}]


@pytest.mark.parametrize("text", ["SHOW GROUPS", "SELECT * FROM kafka.lag", "SHOW ACLS", "DESCRIBE GROUP g"])
def test_what_the_demo_does_not_answer_is_one_plain_error(execute, text):
    with pytest.raises(Unsupported, match="broker 1 does not serve ") as error:
        answer = execute(text)
        assert isinstance(answer, Rows)
        list(answer.batches)
    assert "embedded broker" in error.value.hint


def test_what_the_shell_knows_needs_no_broker_that_answers(execute, ask, topic_of):
    topic = topic_of('{"n":1}', "{broken")
    ask(f"SELECT n FROM {topic}")
    (found,) = ask(f"SELECT topic, partition, reason FROM kafka.errors WHERE topic = '{topic}'")
    assert "JSON" in found["reason"]
    execute(f"CREATE STREAM made WITH (KAFKA_TOPIC='{topic}.made') AS SELECT n FROM {topic} EMIT CHANGES")
    assert ask("SELECT query_id, failed FROM kafka.queries") == [{"query_id": "CSAS_MADE_1", "failed": False}]
    execute("TERMINATE ALL")
