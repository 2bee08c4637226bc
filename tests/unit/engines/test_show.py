"""SHOW TOPICS EXTENDED of a cluster that is not well."""

from __future__ import annotations

from kshell.config import Properties
from kshell.engines.local.context import Context
from kshell.engines.local.statements.show import show
from kshell.errors import Outage
from kshell.kafka.metadata import Partition, Snapshot, Topic
from kshell.results import NoticeKind
from kshell.sql.parse import parse


def topic(name: str, *leaders: int, error: int = 0) -> Topic:
    partitions = tuple(Partition(n, leader, (1, 2), (1,)) for n, leader in enumerate(leaders))
    return Topic(name, b"", False, partitions, error)


class Cluster:
    """A client of a cluster in which broker 2 is silent."""

    def topics(self) -> tuple[Topic, ...]:
        return (topic("well", 1, 1), topic("half", 1, -1), topic("lost", error=5), topic("mute", 2))

    def snapshot(self, topic: Topic, isolation: str) -> Snapshot:
        if topic.name == "well":
            return Snapshot(topic, {0: (3, 10), 1: (0, 5)}, 1)
        if topic.name == "half":
            return Snapshot(topic, {0: (3, 10)}, 1, frozenset({1}))
        assert topic.name == "mute", "a topic with an error has nobody to ask"
        raise Outage("no leader answers")



def test_a_partition_that_cannot_be_read_is_a_notice_and_no_zero():
    (statement,) = parse("SHOW TOPICS EXTENDED")
    answer = show(Context(Cluster(), {}), statement, Properties({}))
    rows = [r for b in answer.batches for r in b.to_pylist()]
    assert [(r["topic"], r["first offsets"], r["records up to"]) for r in rows] == [
        ("well", 3, 12), ("half", 3, 7), ("lost", None, None), ("mute", None, None),
    ]  # fmt: skip
    notices = answer.notices()
    assert [n.kind for n in notices] == [NoticeKind.PARTIAL] * 3
    assert [n.text.split()[1] for n in notices] == ["half", "lost", "mute"]
    assert "partition 1" in notices[0].text


def test_without_extended_nothing_is_asked_for_and_nothing_lacks():
    (statement,) = parse("SHOW TOPICS")
    answer = show(Context(Cluster(), {}), statement, Properties({}))
    assert answer.notices() == []


def test_a_topic_that_is_not_well_is_marked():
    def shown(cluster):
        (statement,) = parse("SHOW TOPICS")
        return [r for b in show(Context(cluster, {}), statement, Properties({})).batches for r in b.to_pylist()]

    class Well:
        def topics(self):
            return (Topic("well", b"", False, (Partition(0, 1, (1, 2), (1, 2)),)),)

    class Unwell(Well):
        def topics(self):
            full, behind = Partition(0, 1, (1, 2), (1, 2)), Partition(1, 1, (1, 2), (1,))
            return (
                *super().topics(), Topic("slow", b"", False, (full, behind)),
                Topic("bad", b"", False, (behind, Partition(2, -1, (1, 2), ()), behind)),
                Topic("denied", b"", False, (), 29),
            )

    assert "state" not in shown(Well())[0]
    assert {r["topic"]: r["state"] for r in shown(Unwell())} == {
        "well": None, "slow": "1 under-replicated", "bad": "1 offline, 2 under-replicated", "denied": None,
    }  # fmt: skip
