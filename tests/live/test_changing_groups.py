"""RESET GROUP and DROP GROUP on real Kafka: the plan, what is refused, and where the group stands after."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

import kshell
from kshell.errors import BindError, KafkaError, KshellError, Place, StatementError, UnknownName
from kshell.kafka.produce import OutgoingRecord
from kshell.library import Session
from kshell.results import Proposal
from kshell.session import Session as Shell

pytestmark = pytest.mark.live

HOUR = 3_600_000
START = 1_700_000_000_000


@pytest.fixture
def shell(kafka) -> Iterator[Session]:
    with kshell.connect(kafka.bootstrap, yes=True, files=True) as session:
        yield session


@pytest.fixture
def group() -> str:
    return f"G.{uuid.uuid4().hex[:8]}-a"


@pytest.fixture
def commit(kafka, group) -> Callable[..., None]:
    def to(topic: str, offsets: dict[int, int]) -> None:
        consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
        consumer.commit(offsets=[TopicPartition(topic, p, o) for p, o in offsets.items()], asynchronous=False)
        consumer.close()

    return to


@pytest.fixture
def hours(topic) -> Callable[..., str]:
    """A topic with ten records in each partition, an hour apart."""

    def make(partitions: int = 1) -> str:
        records = [
            OutgoingRecord(None, b"%d" % n, timestamp=START + n * HOUR, partition=p)
            for p in range(partitions) for n in range(10)
        ]  # fmt: skip
        return topic(records, partitions=partitions)

    return make


def stands(kafka, group: str) -> dict[tuple[str, int], int]:
    """Where the group stands, as another client sees it."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
    return {(p.topic, p.partition): p.offset for p in asked.result(10).topic_partitions}


def refused(session: Session, text: str) -> KshellError:
    with pytest.raises(KshellError) as raised:
        session.sql(text)
    return raised.value


@pytest.mark.parametrize(
    ("to", "after"),
    [
        ("EARLIEST", 0), ("LATEST", 10), ("OFFSET 3", 3), ("SHIFT -2", 4), ("SHIFT 1", 7),
        ("'2023-11-15T02:13:20Z'", 4),
    ],
)  # fmt: skip
def test_a_plan_and_where_it_stands_after(shell, careful, kafka, hours, commit, group, to, after) -> None:
    name = hours()
    commit(name, {0: 6})
    plan = careful.sql(f"RESET GROUP {group} TO {to}")
    assert plan.schema.names == ["topic", "partition", "before", "after"]
    assert plan.rows() == [(name, 0, 6, after)]
    assert stands(kafka, group) == {(name, 0): 6}
    assert shell.sql(f"RESET GROUP {group} TO {to}").text == f"Group {group} is reset in 1 partition."
    assert stands(kafka, group) == {(name, 0): after}
    if "SHIFT" not in to:
        assert shell.sql(f"RESET GROUP {group} TO {to}").text == f"Group {group} is there already."


@pytest.mark.parametrize(
    ("to", "after", "note"),
    [
        ("OFFSET 1", 2, "1 is gone: the log begins at 2"),
        ("OFFSET 11", 10, "11 is not there: the log ends at 10"),
        ("SHIFT -6", 2, "0 is gone: the log begins at 2"),
        ("SHIFT 400", 10, "406 is not there: the log ends at 10"),
        ("'2026-01-01'", 10, "all its records are older"),
    ],
)
def test_what_is_outside_of_the_log_is_clipped_with_a_word(careful, kafka, hours, commit, group, to, after, note) -> None:
    name = hours()
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    part = TopicPartition(name, 0, 2)
    admin.delete_records([part])[part].result(10)
    commit(name, {0: 6})
    plan = careful.sql(f"RESET GROUP {group} TO {to}")
    assert plan.rows() == [(name, 0, 6, after, note)]


def test_topics_and_partitions(shell, careful, kafka, hours, commit, group) -> None:
    one, two = hours(2), hours(1)
    commit(one, {1: 5})
    plan = careful.sql(f"RESET GROUP {group} TO LATEST")
    assert plan.rows() == [(one, 0, None, 10), (one, 1, 5, 10)]
    plan = careful.sql(f"RESET GROUP {group} TO SHIFT 2")
    assert plan.rows() == [(one, 1, 5, 7)]
    assert [n.text for n in plan.notices][1:] == [f"{one}: nothing is committed in partition 0"]
    shell.sql(f"RESET GROUP {group} ON {two}, {one} TO OFFSET 4")
    assert stands(kafka, group) == {(two, 0): 4, (one, 0): 4, (one, 1): 4}


def test_a_topic_that_is_gone_hides_nothing(shell, careful, hours, commit, group) -> None:
    gone, there = hours(), hours()
    commit(gone, {0: 1})
    commit(there, {0: 1})
    shell.sql(f"DROP TOPIC {gone}")
    assert careful.sql(f"RESET GROUP {group} TO EARLIEST").rows() == [(there, 0, 1, 0)]


def test_an_unknown_group(shell, careful, kafka, hours, commit, group) -> None:
    name = hours()
    commit(name, {0: 1})
    text = f"RESET GROUP {group}x TO EARLIEST"
    error = refused(careful, text)
    assert isinstance(error, UnknownName)
    assert (error.what, error.hint) == (f"no group named {group}x", f"did you mean {group}?")
    assert error.place == Place(1, 13, len(group) + 1)
    plan = careful.sql(f"RESET GROUP {group}x ON {name} TO OFFSET 5")
    assert plan.rows() == [(name, 0, None, 5)]
    assert f"there is no group {group}x yet" in plan.notices[1].text
    shell.sql(f"RESET GROUP {group}x ON {name} TO OFFSET 5")
    assert stands(kafka, f"{group}x") == {(name, 0): 5}
    assert refused(careful, f"RESET GROUP {group} ON nonesuch TO EARLIEST").what == "no topic named nonesuch"
    assert refused(careful, f"RESET GROUP {group} TO 'soon'").what == "'soon' is no moment"


@pytest.fixture
def joined(kafka, group) -> Iterator[Callable[[str, str], None]]:
    """Members of the group, by their client ids."""
    members: list[Consumer] = []

    def join(topic: str, client: str) -> None:
        member = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group, "client.id": client,
                           "enable.auto.commit": False})  # fmt: skip
        members.append(member)
        member.subscribe([topic])
        deadline = time.monotonic() + 20
        while not member.assignment() and time.monotonic() < deadline:
            for other in members:
                other.poll(0.1)

    yield join
    for member in members:
        member.close()


def test_live_members_refuse_and_are_named(careful, kafka, hours, commit, group, joined) -> None:
    name = hours(2)
    commit(name, {0: 3})
    joined(name, "ann")
    joined(name, "bob")
    for text in (f"RESET GROUP {group} TO EARLIEST", f"DROP GROUP {group}"):
        error = refused(careful, text)
        assert isinstance(error, BindError)
        assert "has 2 live members" in error.what
        assert "ann at 127.0.0.1" in error.what
        assert "bob at 127.0.0.1" in error.what
        assert "stop them first" in error.hint
        assert error.place == Place(1, text.index(group) + 1, len(group))
    assert stands(kafka, group)[name, 0] == 3


def test_a_member_that_joins_after_the_plan_is_the_brokers_refusal(kafka, hours, commit, group, joined) -> None:
    name = hours()
    commit(name, {0: 3})
    session = Shell.open({"bootstrap.servers": kafka.bootstrap})
    events = session.execute(f"RESET GROUP {group} TO EARLIEST")
    proposal = next(events)
    assert isinstance(proposal, Proposal)
    joined(name, "late")
    proposal.accepted = True
    with pytest.raises(KafkaError, match=f"cannot reset group {group}"):
        next(events)
    assert stands(kafka, group) == {(name, 0): 3}
    session.close()


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_offsets_of_a_file(shell, kafka, hours, commit, group, tmp_path: Path, kind) -> None:
    name = hours(2)
    commit(name, {0: 3})
    file = tmp_path / f"at.{kind}"
    file.write_text(
        f"topic,partition,offset\n{name},0,7\n{name},1,2\n"
        if kind == "csv"
        else f'{{"topic":"{name}","partition":0,"offset":7}}\n{{"topic":"{name}","partition":1,"offset":2}}\n'
    )
    shell.sql(f"RESET GROUP {group} FROM '{file}'")
    assert stands(kafka, group) == {(name, 0): 7, (name, 1): 2}


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_offsets_to_a_file_and_back(shell, kafka, hours, commit, group, tmp_path: Path, kind) -> None:
    name = hours(2)
    commit(name, {0: 3, 1: 8})
    file = tmp_path / f"at.{kind}"
    text = f"SELECT topic, partition, committed FROM kafka.offsets WHERE group_id = '{group}'"
    command = [sys.executable, "-m", "kshell", "-b", kafka.bootstrap, "-o", kind, "-e", text]
    file.write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    shell.sql(f"RESET GROUP {group} TO EARLIEST")
    shell.sql(f"RESET GROUP {group} FROM '{file}'")
    assert stands(kafka, group) == {(name, 0): 3, (name, 1): 8}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("{t},0,1\n{t},7,1", "row 2: topic {t} has no partition 7"),
        ("{t},0,1\nnonesuch,0,1", "row 2: no topic named nonesuch"),
        ("{t},0,1\n{t},0,2", "row 2: topic {t}, partition 0 is there a second time"),
        ("{t},0,1\n{t},,2", "row 2: NULL is no topic, partition or offset"),
        ("{t},0,1\n{t},1,x", "line 3"),
    ],
)
def test_bad_rows_of_a_file_are_told_with_their_place(shell, kafka, hours, commit, group, tmp_path, rows, said) -> None:
    name = hours(2)
    commit(name, {0: 3})
    file = tmp_path / "at.csv"
    file.write_text("topic,partition,offset\n" + rows.format(t=name) + "\n")
    text = f"RESET GROUP {group} FROM '{file}'"
    error = refused(shell, text)
    assert said.format(t=name) in error.what
    assert error.place == Place(1, text.index("'") + 1, len(str(file)) + 2)
    assert stands(kafka, group) == {(name, 0): 3}


def test_a_file_needs_its_permit(careful, hours, commit, group, tmp_path: Path) -> None:
    commit(hours(), {0: 3})
    (tmp_path / "at.csv").write_text("topic,partition,offset\n")
    error = refused(careful, f"RESET GROUP {group} FROM '{tmp_path}/at.csv'")
    assert isinstance(error, StatementError)
    assert "statements may not use local files here" in error.what


def test_drop_group(shell, careful, kafka, hours, commit, group) -> None:
    name = hours(2)
    commit(name, {0: 3, 1: 4})
    plan = careful.sql(f"DROP GROUP {group}")
    assert plan.rows() == [
        ("group", group, None), (f"offset in {name}, partition 0", "3", None), (f"offset in {name}, partition 1", "4", None),
    ]  # fmt: skip
    assert shell.sql(f"DROP GROUP {group}").text == f"Group {group} is deleted."
    assert stands(kafka, group) == {}
    assert isinstance(refused(shell, f"DROP GROUP {group}"), UnknownName)
    assert shell.sql(f"DROP GROUP IF EXISTS {group}").text == f"Group {group} does not exist."
