"""BEGIN … COMMIT on real Kafka: all or nothing for readers of what is committed, and what is said when it cannot be."""

from __future__ import annotations

import subprocess
import sys

import pytest
from confluent_kafka import Consumer, TopicPartition

from kshell.errors import KafkaError, UsageError
from kshell.kafka.settings import librdkafka

pytestmark = pytest.mark.live


def seen(properties, topic: str, isolation: str, partitions: int = 1) -> list[tuple]:
    """What a reader of another client sees: (partition, offset, key, value, headers, time)."""
    consumer = Consumer(
        {**librdkafka(properties), "group.id": "none", "isolation.level": isolation, "enable.partition.eof": True}
    )
    consumer.assign([TopicPartition(topic, n, 0) for n in range(partitions)])
    found, ends = [], 0
    while ends < partitions:
        message = consumer.poll(20)
        assert message is not None
        if message.error():
            ends += 1
            continue
        found.append(
            (message.partition(), message.offset(), message.key(), message.value(), message.headers(), message.timestamp()[1])
        )
    consumer.close()
    return sorted(found)


def test_nothing_is_on_the_brokers_before_commit_and_all_after(shell, topic, properties) -> None:
    one, two = topic([]), topic([])
    shell.sql("BEGIN")
    shell.sql(f"INSERT INTO {one} (ROWKEY, a) VALUES ('k', 1), ('k', 2)")
    shell.sql(f"INSERT INTO {two} (a) VALUES (3)")
    assert seen(properties, one, "read_uncommitted") == []  # so no reader waits for its end
    said = shell.sql("COMMIT").text
    assert "3 records" in said
    assert [v for *_, v, _, _ in seen(properties, one, "read_committed")] == [b'{"a":1}', b'{"a":2}']
    assert [v for *_, v, _, _ in seen(properties, two, "read_committed")] == [b'{"a":3}']
    # A marker stands behind the records of each partition: it was a transaction.
    ends = shell.sql(f"SELECT end_offset FROM kafka.partitions WHERE topic = '{one}'").rows()
    assert ends == [(3,)]


def test_rollback_sends_nothing(shell, topic, properties) -> None:
    name = topic([])
    for statement in ("BEGIN", f"INSERT INTO {name} (a) VALUES (1)", "ROLLBACK"):
        shell.sql(statement)
    assert seen(properties, name, "read_uncommitted") == []
    shell.sql(f"INSERT INTO {name} (a) VALUES (2)")  # which is written at once again
    assert len(seen(properties, name, "read_committed")) == 1


def test_two_transactions_of_one_shell(shell, topic, properties) -> None:
    name = topic([])
    for n in (1, 2):
        for statement in ("BEGIN TRANSACTION", f"INSERT INTO {name} (a) VALUES ({n})", "COMMIT WORK"):
            shell.sql(statement)
    assert [v for *_, v, _, _ in seen(properties, name, "read_committed")] == [b'{"a":1}', b'{"a":2}']


def test_the_statement_after_commit_sees_what_was_committed(shell, topic) -> None:
    """The brokers acknowledge a commit before their markers are in the log, and until then its records are hidden."""
    name, other = topic([], partitions=6), topic([])
    for n in range(1, 6):
        shell.sql("BEGIN")
        values = ", ".join(f"('{k}', {n})" for k in range(12))
        shell.sql(f"INSERT INTO {name} (ROWKEY, a) VALUES {values}")
        shell.sql(f"INSERT INTO {other} (a) VALUES ({n})")
        shell.sql("COMMIT")
        assert shell.sql(f"SELECT COUNT(*) FROM {other}").rows() == [(n,)]
        assert shell.sql(f"SELECT COUNT(*) FROM {name}").rows() == [(12 * n,)]


def test_what_fails_at_commit_is_still_held(shell, topic, properties) -> None:
    """A record that the broker refuses aborts the transaction: none of the others is seen."""
    name, small = topic([]), topic([], max_message_bytes=200)
    shell.sql("BEGIN")
    shell.sql(f"INSERT INTO {name} (a) VALUES (1)")
    shell.sql(f"INSERT INTO {small} (a) VALUES ('{'x' * 1000}')")
    with pytest.raises(KafkaError) as raised:
        shell.sql("COMMIT")
    assert "still held" in raised.value.hint
    assert seen(properties, name, "read_committed") == []
    shell.sql("ROLLBACK")
    with pytest.raises(UsageError, match="no transaction"):
        shell.sql("COMMIT")


def test_a_script_that_ends_in_a_transaction_says_what_is_lost(kafka, topic, properties) -> None:
    name = topic([])

    def script(text: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "kshell", "-b", kafka.bootstrap, "-e", text]
        return subprocess.run(command, capture_output=True, text=True, timeout=60)

    done = script(f"BEGIN; INSERT INTO {name} (a) VALUES (1), (2)")
    assert (done.returncode, "2 records not written" in done.stderr) == (1, True)
    assert seen(properties, name, "read_uncommitted") == []
    done = script(f"BEGIN; INSERT INTO {name} (a) VALUES (1), (2); COMMIT")
    assert (done.returncode, done.stdout) == (0, "")
    assert len(seen(properties, name, "read_committed")) == 2
