"""Leaders and replicas, on three brokers of real Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

import kshell
from kshell.errors import BindError, Place
from kshell.library import Session

from . import realkafka
from .conftest import prepared
from .realkafka import Broker

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def brokers() -> Iterator[list[Broker]]:
    prepared()
    with realkafka.cluster(3) as brokers:
        yield brokers


@pytest.fixture
def shell(brokers: list[Broker]) -> Iterator[Session]:
    with kshell.connect(",".join(b.bootstrap for b in brokers), yes=True) as session:
        yield session


def partitions(session: Session, topic: str) -> dict[int, tuple[int, str, str]]:
    """Leader, replicas and in-sync replicas of each."""
    described = session.sql(f"DESCRIBE {topic}")
    table = next(p for p in described.parts if p.title.startswith("Partitions"))
    return {row[0]: row[1:4] for row in table.rows()}


def until(condition) -> None:
    deadline = time.monotonic() + 30
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.2)
    assert condition()


def test_replicas_are_counted_by_brokers(shell) -> None:
    assert shell.sql("CREATE TOPIC three REPLICAS 3").text == "Topic three is created."
    with pytest.raises(BindError, match="4 replicas need as many brokers, and 3 are up"):
        shell.sql("CREATE TOPIC four REPLICAS 4")


def test_elect_leaders(shell, brokers) -> None:
    shell.sql("CREATE TOPIC led PARTITIONS 3 REPLICAS 3")
    shell.sql("INSERT INTO led (a) VALUES (1), (2), (3)")
    assert shell.sql("ELECT LEADERS led").text == "Each partition has its first replica as its leader."
    before = partitions(shell, "led")
    assert {leader for leader, _, _ in before.values()} == {1, 2, 3}
    victim = brokers[0]
    victim.stop()
    until(lambda: victim.id not in {leader for leader, _, _ in partitions(shell, "led").values()})
    told = shell.sql("ELECT LEADERS led")
    assert told.text == "No partition can have its first replica as its leader now."
    (notice,) = told.notices
    lost = next(p for p, (leader, _, _) in before.items() if leader == victim.id)
    assert notice.text == f"led, partition {lost}: broker {victim.id} is not in sync: it cannot lead"
    victim.start()
    until(lambda: all(isr.count(",") == 2 for _, _, isr in partitions(shell, "led").values()))
    moved = partitions(shell, "led")[lost][0]
    with kshell.connect(brokers[1].bootstrap) as careful:
        assert careful.sql("ELECT LEADERS led").rows() == [("led", lost, moved, victim.id)]
    assert shell.sql("ELECT LEADERS led").text == "Leaders of 1 partition are elected."
    assert {p: leader for p, (leader, _, _) in partitions(shell, "led").items()} == {
        p: leader for p, (leader, _, _) in before.items()
    }


def test_reassign(shell, brokers) -> None:
    shell.sql("CREATE TOPIC moved PARTITIONS 3 REPLICAS 1")
    shell.sql("INSERT INTO moved (a) VALUES (1), (2), (3)")
    now = {p: replicas for p, (_, replicas, _) in partitions(shell, "moved").items()}
    with kshell.connect(brokers[1].bootstrap) as careful:
        plan = careful.sql("ALTER TOPIC moved REASSIGN TO 2, 3")
        wanted = {0: "2, 3", 1: "3, 2", 2: "2, 3"}
        assert plan.rows() == [("moved", p, now[p], after) for p, after in wanted.items()]
    assert shell.sql("ALTER TOPIC moved REASSIGN TO 2, 3").text == "Topic moved is reassigned in 3 partitions."
    assert {p: replicas for p, (_, replicas, _) in partitions(shell, "moved").items()} == wanted
    assert shell.sql("SELECT COUNT(*) FROM moved").rows() == [(3,)]
    assert shell.sql("ALTER TOPIC moved REASSIGN PARTITION 1 TO 1").text == "Topic moved is reassigned in 1 partition."
    assert partitions(shell, "moved")[1] == (1, "1", "1")
    assert shell.sql("ALTER TOPIC moved REASSIGN PARTITION 1 TO 1").text == "Topic moved is there already."


@pytest.mark.parametrize(
    ("to", "said", "at"),
    [
        ("TO 2, 9", "no broker 9 is up: 1, 2, 3", "9"),
        ("TO 2, 2", "broker 2 is there twice", "2"),
        ("PARTITION 7 TO 2", "topic refused has no partition 7", "7"),
    ],
)
def test_what_cannot_be_reassigned(shell, to, said, at) -> None:
    shell.sql("CREATE TOPIC IF NOT EXISTS refused REPLICAS 1")
    text = f"ALTER TOPIC refused REASSIGN {to}"
    with pytest.raises(BindError) as raised:
        shell.sql(text)
    assert raised.value.what == said
    assert raised.value.place == Place(1, text.rindex(at) + 1, 1)
