"""Leaders and replicas, on three brokers of real Kafka."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

import kshell
from kshell.errors import BindError
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
