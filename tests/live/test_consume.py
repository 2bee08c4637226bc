"""CONSUME on real Kafka: members that come and go, and what each guarantee leaves behind."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

import kshell
from kshell.config import Properties
from kshell.errors import BindError, KafkaError, UnknownName
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.results import Live, Proposal
from kshell.session import Session

pytestmark = pytest.mark.live

FEW_SECONDS = {"auto.offset.reset": "earliest", "session.timeout.ms": "3000"}


@pytest.fixture
def group() -> str:
    return f"g-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def numbered(topic) -> Callable[..., str]:
    """A topic with so many records in each partition: its number, and that of the record."""

    def make(count: int, partitions: int = 2) -> str:
        records = [
            OutgoingRecord(b"%d" % p, b'{"n":%d}' % n, partition=p)
            for p in range(partitions) for n in range(count)
        ]  # fmt: skip
        return topic(records, partitions=partitions)

    return make


class Shell:
    """A session that consumes."""

    def __init__(self, bootstrap: str, **more: str) -> None:
        set_ = FEW_SECONDS | {name.replace("_", "."): value for name, value in more.items()}
        self.session = Session(Properties({"bootstrap.servers": bootstrap, **set_}))
        self.rows: list[tuple[int, int]] = []
        self.live: Live | None = None

    def begin(self, text: str) -> Live:
        answers = self.session.execute(text)
        event = next(answers)
        if isinstance(event, Proposal):
            event.accepted = True
            event = next(answers)
        assert isinstance(event, Live)
        self.live = event
        return event

    def poll(self, seconds: float = 0.1) -> bool:
        assert self.live is not None
        made = self.live.poll(seconds)
        if made is not None:
            columns = made.rows.column("partition"), made.rows.column("offset")
            self.rows += zip(*(c.to_pylist() for c in columns), strict=True)
        return made is not None

    def run(self, text: str) -> list[tuple[int, int]]:
        """All rows of a statement that ends."""
        self.begin(text)
        while self.poll():
            pass
        return self.rows

    def close(self) -> None:
        if self.live is not None:
            self.live.cancel()
        self.session.close()


@pytest.fixture
def shell(kafka) -> Iterator[Callable[..., Shell]]:
    made: list[Shell] = []

    def of(**more: str) -> Shell:
        made.append(Shell(kafka.bootstrap, **more))
        return made[-1]

    yield of
    for one in made:
        one.close()


def stands(kafka, group: str) -> dict[int, int]:
    """Where the group stands, as another client sees it."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    asked = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
    return {p.partition: p.offset for p in asked.result(10).topic_partitions}


def until(what: Callable[[], object], *shells: Shell, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, [s.live and s.live.said() for s in shells]
        for one in shells:
            one.poll(0.05)


def test_explain_joins_no_group(kafka, numbered, group) -> None:
    topic = numbered(3)
    with kshell.connect(kafka.bootstrap, yes=True) as session:
        plan = session.sql(f"EXPLAIN CONSUME FROM {topic} GROUP {group} COMMIT AT LEAST ONCE").parts[0]
        assert plan.rows() == [("members", "0", "1")]
        assert session.sql(f"SELECT group_id FROM kafka.groups WHERE group_id = '{group}'").rows() == []


def test_without_commit_nothing_is_left_behind(kafka, numbered, group, shell) -> None:
    name = numbered(5)
    for _ in range(2):
        assert len(shell().run(f"CONSUME FROM {name} GROUP {group} LIMIT 10")) == 10
    assert stands(kafka, group) == {}


def test_it_goes_on_from_where_the_group_stands(kafka, numbered, group, shell) -> None:
    name = numbered(10, 1)
    text = f"CONSUME FROM {name} GROUP {group} COMMIT AT LEAST ONCE LIMIT 4"
    assert shell().run(text) == [(0, n) for n in range(4)]
    assert stands(kafka, group) == {0: 4}
    assert shell().run(text) == [(0, n) for n in range(4, 8)]
    assert stands(kafka, group) == {0: 8}


def test_at_most_once_commits_before_rows_are_seen(kafka, numbered, group, shell) -> None:
    name, one = numbered(10, 1), shell()
    one.begin(f"CONSUME FROM {name} GROUP {group} COMMIT AT MOST ONCE")
    until(lambda: one.rows, one)
    assert stands(kafka, group) == {0: len(one.rows)}


def test_at_least_once_commits_when_the_next_rows_are_asked_for(kafka, numbered, group, shell) -> None:
    name, one = numbered(10, 1), shell()
    one.begin(f"CONSUME FROM {name} GROUP {group} COMMIT AT LEAST ONCE")
    until(lambda: one.rows, one)
    one.live.cancel()  # whoever got these rows did not say that they are done with
    assert stands(kafka, group) == {}
    two = shell()
    two.begin(f"CONSUME FROM {name} GROUP {group} COMMIT AT LEAST ONCE")
    until(lambda: two.rows and stands(kafka, group) == {0: 10}, two)


def test_a_position_that_the_log_has_lost_is_said(kafka, numbered, group, shell) -> None:
    name = numbered(10, 1)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(name, 0, 2)], asynchronous=False)
    consumer.close()
    part = TopicPartition(name, 0, 6)
    admin.delete_records([part])[part].result(10)
    one = shell()
    assert one.run(f"CONSUME FROM {name} GROUP {group} LIMIT 4") == [(0, n) for n in range(6, 10)]
    assert "2 is not in the log of 0" in one.live.said()[0]


@pytest.mark.parametrize(
    "strategy", [*(pytest.param(s, marks=pytest.mark.matrix) for s in ("range", "roundrobin")), "cooperative-sticky"]
)
def test_two_members_share_and_the_rebalance_is_seen(kafka, topic, group, shell, strategy) -> None:
    name = topic(partitions=4)
    settings = {"partition_assignment_strategy": strategy}
    one, two = shell(**settings), shell(**settings)
    one.begin(f"CONSUME FROM {name} GROUP {group} COMMIT AT LEAST ONCE")
    until(lambda: "has 0–3" in one.live.stats().status, one)
    asked = next(iter(two.session.execute(f"CONSUME FROM {name} GROUP {group}")))
    assert isinstance(asked, Proposal)
    assert asked.question == f"Join group {group}, which has 1 live member: kshell at 127.0.0.1?"
    assert asked.plan.batches is not None
    two.begin(f"CONSUME FROM {name} GROUP {group} COMMIT AT LEAST ONCE")

    def share(of: Shell) -> str:
        found = re.match(r"has (\d, \d) · 2 members \(" + strategy, of.live.stats().status)
        return found[1] if found else ""

    until(lambda: share(one) and share(two), one, two)
    assert sorted(map(int, re.findall(r"\d", share(one) + share(two)))) == [0, 1, 2, 3]
    assert any("taken away" in text for text in one.live.said())
    producer = Producer(Properties({"bootstrap.servers": kafka.bootstrap}))
    producer.send(name, [OutgoingRecord(None, b"{}", partition=p) for p in range(4)])
    producer.flush()
    until(lambda: len(one.rows) + len(two.rows) == 4, one, two)
    assert sorted(one.rows + two.rows) == [(p, 0) for p in range(4)]
    until(lambda: one.live.stats().lag == two.live.stats().lag == 0, one, two)
    two.live.cancel()
    until(lambda: "has 0–3" in one.live.stats().status, one)
    until(lambda: len(stands(kafka, group)) == 4, one)


def command(kafka, name: str, group: str, commit: str = "", **more: str) -> subprocess.Popen[str]:
    """kshell as a process of its own, which consumes."""
    set_ = FEW_SECONDS | {key.replace("_", "."): value for key, value in more.items()}
    given = [part for key, value in set_.items() for part in ("-X", f"{key}={value}")]
    text = f"CONSUME FROM {name} GROUP {group} {commit}"
    return subprocess.Popen(
        [sys.executable, "-m", "kshell", "-b", kafka.bootstrap, "--yes", *given, "-o", "jsonl", "-e", text],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def test_a_member_that_is_killed_loses_its_partitions_to_the_other(kafka, topic, group, shell) -> None:
    name = topic(partitions=4)
    one = shell()
    one.begin(f"CONSUME FROM {name} GROUP {group} COMMIT AT LEAST ONCE")
    until(lambda: "has 0–3" in one.live.stats().status, one)
    other = command(kafka, name, group)
    until(lambda: "2 members" in one.live.stats().status, one)
    assert other.stdout is not None
    seen = next(line for line in other.stdout if "2 members" in line)  # on stderr, as it happens
    assert re.fullmatch(r"Note: [0-9:]{8} has (0, 1|2, 3) · 2 members \(range\): .*\n", seen)
    assert "has 0, 1 " in one.live.stats().status or "has 2, 3 " in one.live.stats().status
    other.kill()
    killed = time.monotonic()
    until(lambda: "has 0–3 · 1 member" in one.live.stats().status, one)
    assert time.monotonic() - killed > 1.5  # its session had to end: it did not leave
    other.communicate()


def test_what_cannot_be_is_said_with_its_place(kafka, numbered, group, shell) -> None:
    name, one = numbered(1), shell()
    with pytest.raises(UnknownName, match="no topic named nonesuch"):
        next(one.session.execute(f"CONSUME FROM nonesuch GROUP {group}"))
    with pytest.raises(UnknownName, match="no topic named nowhere"):
        next(one.session.execute(f"CONSUME FROM {name} GROUP {group} COMMIT EXACTLY ONCE INTO nowhere"))
    with pytest.raises(BindError, match="it would never end"):
        next(one.session.execute(f"CONSUME FROM {name} GROUP {group} COMMIT EXACTLY ONCE INTO {name}"))
    one.begin(f"CONSUME FROM {name} GROUP {group}")
    until(lambda: one.rows, one)
    other = shell(partition_assignment_strategy="cooperative-sticky")
    other.begin(f"CONSUME FROM {name} GROUP {group}")
    with pytest.raises(KafkaError, match=f"cannot join group {group}") as raised:
        until(lambda: False, other)
    assert "partition.assignment.strategy" in raised.value.hint


@pytest.mark.matrix
def test_the_newer_protocol_is_spoken_where_the_group_has_it(kafka, topic, group, shell) -> None:
    name = topic(partitions=2)
    member = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group, "group.protocol": "consumer"})
    member.subscribe([name])
    deadline = time.monotonic() + 20
    while len(member.assignment()) < 2:
        member.poll(0.1)
        assert time.monotonic() < deadline
    one = shell()
    one.begin(f"CONSUME FROM {name} GROUP {group}")
    until(lambda: member.poll(0.02) or "2 members" in one.live.stats().status, one)
    until(lambda: member.poll(0.02) or re.search(r"has [01] ", one.live.stats().status), one)
    member.close()


class Writer:
    """Writes the numbers up to `count` in shares, each little by little: so kills meet open transactions."""

    def __init__(self, kafka, name: str, count: int, shares: int) -> None:
        self._producer = Producer(Properties({"bootstrap.servers": kafka.bootstrap}))
        self._name = name
        self._shares = iter([range(count * n // shares, count * (n + 1) // shares) for n in range(shares)])
        self._thread = threading.Thread(target=lambda: None)
        self._thread.start()

    def begin(self) -> None:
        """The next share."""
        self._thread.join()
        self._thread = threading.Thread(target=self._write, args=[next(self._shares)])
        self._thread.start()

    def _write(self, share: range) -> None:
        for some in (share[n : n + 20] for n in range(0, len(share), 20)):
            self._producer.send(self._name, [OutgoingRecord(b"%d" % (n % 97), b"%d" % n) for n in some])
            time.sleep(0.005)

    def close(self) -> None:
        self._thread.join()
        assert next(self._shares, None) is None
        self._producer.flush()


def read(kafka, name: str, isolation: str) -> list[tuple[int, bytes, bytes]]:
    """All that a reader of another make sees in a topic."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "none", "isolation.level": isolation,
                         "enable.partition.eof": True})  # fmt: skip
    partitions = list(consumer.list_topics(name).topics[name].partitions)
    consumer.assign([TopicPartition(name, p, 0) for p in partitions])
    found, ended = [], 0
    while ended < len(partitions):
        message = consumer.poll(20)
        assert message is not None
        if message.error() is not None:
            ended += 1
        else:
            found.append((message.partition(), message.key(), message.value()))
    consumer.close()
    return found


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.matrix)])
def test_exactly_once_while_the_process_is_killed(kafka, topic, group, kills) -> None:
    source, sink = topic(partitions=4), topic(partitions=3)
    count, chance, began = 10_000, random.Random(group), time.monotonic()
    writer = Writer(kafka, source, count, shares=kills + 1)
    commit = f"COMMIT EXACTLY ONCE INTO {sink}"
    settings = {"transactional_id": f"tx-{group}", "session_timeout_ms": "1500"}

    def begin() -> tuple[subprocess.Popen[str], list[str]]:
        writer.begin()
        process, said = command(kafka, source, group, commit, **settings), list[str]()
        threading.Thread(target=lambda: said.extend(process.stdout or ())).start()
        deadline = time.monotonic() + 60
        while not any(line.startswith("{") for line in said):
            assert process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.01)
        return process, said

    for _ in range(kills):
        process, _ = begin()
        time.sleep(chance.random() * 0.3)
        process.kill()
        process.wait()
    last, said = begin()
    writer.close()
    wanted = {p: end for p, end in ends(kafka, source).items() if end}
    deadline = time.monotonic() + 60
    while stands(kafka, group) != wanted:
        assert time.monotonic() < deadline, (stands(kafka, group), wanted)
        time.sleep(0.2)
    last.send_signal(signal.SIGINT)
    assert last.wait(20) == 130, said[-3:]
    copied = read(kafka, sink, "read_committed")
    assert Counter((key, value) for _, key, value in copied) == Counter(
        (b"%d" % (n % 97), b"%d" % n) for n in range(count)
    )
    by_key = defaultdict(list)
    for _, key, value in copied:
        by_key[key].append(int(value))
    assert all(values == sorted(values) for values in by_key.values())
    print(f"{kills} kills in {time.monotonic() - began:.0f} s; thrown away:"
          f" {len(read(kafka, sink, 'read_uncommitted')) - count} records")  # fmt: skip


def ends(kafka, name: str) -> dict[int, int]:
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "none"})
    found = {p: consumer.get_watermark_offsets(TopicPartition(name, p))[1] for p in range(4)}
    consumer.close()
    return found
