"""A broker of three is gone, and with it the only replica of a partition: what can be read is read, and
what cannot is said once."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from kshell.config import Properties
from kshell.errors import KafkaError, Outage
from kshell.kafka import admin
from kshell.kafka.client import Client
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.results import Live, Message, NoticeKind
from kshell.session import Session

from . import realkafka
from .conftest import prepared

pytestmark = [pytest.mark.live, pytest.mark.timeout(180)]
EACH = 10


@dataclass
class World:
    session: Session
    lost: int  # the partition that has no leader
    others: list[int]
    broker: realkafka.Broker  # that is gone


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    prepared()
    with realkafka.cluster(3) as brokers:
        properties = Properties({"bootstrap.servers": brokers[0].bootstrap, "delivery.timeout.ms": "6000"})
        for name in ("t", "whole"):
            admin.create_topic(properties, name, partitions=3, replicas=1 if name == "t" else 3, configs={})
        client = Client.connect(properties)
        while (topic := client.find("t")) is None or {p.leader for p in topic.partitions} & {-1}:
            time.sleep(0.1)
        producer = Producer(properties)
        producer.send("t", [OutgoingRecord(b"%d" % n, b'{"N":%d}' % n, partition=n % 3) for n in range(3 * EACH)])
        producer.flush()
        gone = topic.partitions[-1]
        client.close()
        brokers[gone.leader - 1].stop(signal.SIGKILL)
        session = Session(properties)
        others = [p.id for p in topic.partitions if p is not gone]
        yield World(session, gone.id, others, brokers[gone.leader - 1])
        session.close()


def asked(world: World, sql: str) -> tuple[list[dict], list[str]]:
    """The rows, and the texts of what is missing."""
    (answer,) = world.session.execute(sql)
    rows = [row for batch in answer.batches for row in batch.to_pylist()]
    return rows, [n.text for n in answer.notices() if n.kind is NoticeKind.PARTIAL]


def quick(world: World, sql: str) -> tuple[list[dict], list[str]]:
    began = time.monotonic()
    found = asked(world, sql)
    assert time.monotonic() - began < 4
    return found


def settled(world: World) -> None:
    """The others have noticed that the broker is gone: it takes its session's timeout."""
    client = world.session.engine.context.client
    while client.topic("t").partitions[world.lost].leader >= 0:
        time.sleep(0.1)


def test_a_scan_reads_what_it_can_and_says_the_rest_once(world):
    said = [f"topic t: no leader answers for partition {world.lost}, not read"]
    wanted = [n for n in range(3 * EACH) if n % 3 != world.lost]
    # Right after it died, too, when the others still name it as the leader.
    assert asked(world, "SELECT COUNT(*) AS C FROM t") == ([{"C": 2 * EACH}], said)
    settled(world)
    assert quick(world, "SELECT COUNT(*) AS C FROM t") == ([{"C": 2 * EACH}], said)
    rows, partial = quick(world, "SELECT N FROM t ORDER BY N")
    assert ([r["N"] for r in rows], partial) == (wanted, said)
    rows, partial = quick(world, "SELECT ROWOFFSET, N FROM t ORDER BY ROWTIME DESC LIMIT 3")
    assert (len(rows), partial) == (3, said)
    rows, partial = quick(world, "SELECT a.N FROM t a JOIN t b ON a.N = b.N")
    assert (len(rows), partial) == (2 * EACH, said)


def test_another_partition_is_whole(world):
    settled(world)
    for other in world.others:
        found = quick(world, f"SELECT COUNT(*) AS C FROM t WHERE ROWPARTITION = {other}")
        assert found == ([{"C": EACH}], [])
    with pytest.raises(Outage, match=f"no leader answers for topic t, partition {world.lost}"):
        quick(world, f"SELECT COUNT(*) AS C FROM t WHERE ROWPARTITION = {world.lost}")


def test_a_key_is_still_looked_for_where_it_is(world):
    """In the partition among all three, not among the two that are there."""
    settled(world)
    rows, _ = quick(world, f"SELECT N FROM t WHERE ROWKEY = '{world.others[0]}'")
    assert [r["N"] for r in rows] == [world.others[0]]


def test_what_describes_it(world):
    settled(world)
    (answer,) = world.session.execute("DESCRIBE t")
    texts = [p.text for p in answer.parts if isinstance(p, Message)]
    assert f"Partial: no leader answers for topic t, partition {world.lost}." in texts
    (partitions,) = [
        [r for b in p.batches for r in b.to_pylist()] for p in answer.parts
        if hasattr(p, "schema") and "end offset" in p.schema.names
    ]  # fmt: skip
    assert [r["end offset"] for r in partitions] == [None if p == world.lost else EACH for p in range(3)]
    assert partitions[world.lost]["leader"] == -1
    topics, partial = quick(world, "SHOW TOPICS EXTENDED")
    by_name = {r["topic"]: r for r in topics}
    assert by_name["t"]["records up to"] == 2 * EACH
    assert by_name["whole"]["records up to"] == 0
    assert partial == [
        f"topic t has no leader of partition {world.lost}: its records are not counted"
    ]


def test_writing_to_another_partition(world):
    settled(world)
    other = world.others[0]
    began = time.monotonic()
    list(world.session.execute(f"INSERT INTO t (ROWPARTITION, N) VALUES ({other}, 77)"))
    assert time.monotonic() - began < 4
    rows, _ = quick(world, f"SELECT COUNT(*) AS C FROM t WHERE N = 77 AND ROWPARTITION = {other}")
    assert rows == [{"C": 1}]
    with pytest.raises(KafkaError, match="not acknowledged"):
        list(world.session.execute(f"INSERT INTO t (ROWPARTITION, N) VALUES ({world.lost}, 78)"))


def test_printing(world):
    settled(world)
    (printed,) = world.session.execute("PRINT t FROM BEGINNING TO END")
    assert [n.text for n in printed.notices] == [
        f"topic t: no leader answers for partition {world.lost}, not read"
    ]
    printed.cancel()


def test_windows_of_what_can_be_read(world):
    settled(world)
    select = f"SELECT COUNT(*) AS C FROM t WINDOW TUMBLING (SIZE 1000 DAYS) WHERE N < {3 * EACH} GROUP BY 1"
    rows, partial = quick(world, select)
    assert sum(r["C"] for r in rows) == 2 * EACH
    assert partial == [f"topic t: no leader answers for partition {world.lost}, not read"]


class Following:
    """A query that runs on, of the rows of t, and the numbers of the partition that was lost."""

    def __init__(self, world: World, reset: str) -> None:
        select = "SELECT ROWPARTITION AS P, N FROM t EMIT CHANGES"
        *_, self.live = world.session.execute(f"SET 'auto.offset.reset'='{reset}'; {select}")
        self.live: Live
        self.lost, self.others, self._world = list[int](), 0, world

    @property
    def note(self) -> str:
        return self.live.stats().note

    def until(self, condition) -> bool:
        deadline = time.monotonic() + 30
        while not condition(self) and time.monotonic() < deadline:
            changes = self.live.poll(0.1)
            assert changes is not None
            for row in changes.rows.to_pylist():
                if row["P"] == self._world.lost:
                    self.lost.append(row["N"])
                else:
                    self.others += 1
        return condition(self)


def test_following_goes_on_once_there_is_a_leader(world):
    """From the first record and from the end on; what comes later is not lost, nothing is read twice."""
    settled(world)
    said = f"no leader answers for topic t, partition {world.lost}"
    whole, latest = Following(world, "earliest"), Following(world, "latest")
    assert whole.until(lambda f: f.others >= 2 * EACH)
    assert latest.until(lambda f: f.note)
    assert (whole.note, latest.note) == (said, said)
    world.broker.start()
    assert whole.until(lambda f: len(f.lost) == EACH)
    assert latest.until(lambda f: not f.note)
    list(world.session.execute(f"INSERT INTO t (ROWPARTITION, N) VALUES ({world.lost}, 99)"))
    assert whole.until(lambda f: len(f.lost) > EACH)
    assert latest.until(lambda f: f.lost)
    assert whole.lost == [n for n in range(3 * EACH) if n % 3 == world.lost] + [99]
    assert latest.lost == [99]
    for following in whole, latest:
        following.live.cancel()
