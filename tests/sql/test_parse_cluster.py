"""The statements that change the cluster: what is written, and the statement it is."""

from __future__ import annotations

import pytest

from kshell.errors import ParseError, Place
from kshell.sql.clauses import Name, Number
from kshell.sql.cluster import AlterTopic, CreateTopic, DropTopic
from kshell.sql.parse import parse
from kshell.sql.statements import Statement


def one(text: str) -> Statement:
    (statement,) = parse(text)
    return statement


def test_create_topic() -> None:
    made = one("CREATE TOPIC My.orders-v1 PARTITIONS 6 REPLICAS 3 SET 'retention.ms'='1', 'cleanup.policy'='compact'")
    assert isinstance(made, CreateTopic)
    assert made.name == Name("My.orders-v1", False, Place(1, 14, 12))
    assert (made.partitions, made.replicas) == (Number(6, Place(1, 38, 1)), Number(3, Place(1, 49, 1)))
    assert [(n.text, v) for n, v in made.configs] == [("retention.ms", "1"), ("cleanup.policy", "compact")]
    assert made.configs[0][0].place == Place(1, 55, 14)
    assert not made.if_not_exists
    assert made.writes


def test_create_topic_in_any_order_and_with_no_clause() -> None:
    made = one("create topic if not exists `a b` set 'retention.ms'=1000 partitions 2")
    assert isinstance(made, CreateTopic)
    assert (made.name.text, made.if_not_exists, made.replicas) == ("a b", True, None)
    assert made.partitions is not None
    assert made.partitions.value == 2
    assert [(n.text, v) for n, v in made.configs] == [("retention.ms", "1000")]
    bare = one("CREATE TOPIC t")
    assert isinstance(bare, CreateTopic)
    assert (bare.name.text, bare.partitions, bare.replicas, bare.configs) == ("t", None, None, ())


def test_alter_topic() -> None:
    made = one("ALTER TOPIC t SET 'retention.ms'='-1' RESET 'segment.ms', 'cleanup.policy' PARTITIONS 8")
    assert isinstance(made, AlterTopic)
    assert [(n.text, v) for n, v in made.configs] == [("retention.ms", "-1")]
    assert [n.text for n in made.reset] == ["segment.ms", "cleanup.policy"]
    assert made.partitions == Number(8, Place(1, 87, 1))


def test_drop_topic() -> None:
    made = one("DROP TOPIC IF EXISTS 'Orders'")
    assert isinstance(made, DropTopic)
    assert (made.name.text, made.if_exists) == ("Orders", True)
    assert not one("DROP TOPIC orders").if_exists  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("CREATE TOPIC", Place(1, 13, 1), "the name of a topic"),
        ("CREATE TOPIC t PARTITIONS", Place(1, 26, 1), "a whole number"),
        ("CREATE TOPIC t PARTITIONS 1 PARTITIONS 2", Place(1, 29, 10), "REPLICAS or SET"),
        ("CREATE TOPIC t RESET 'a'", Place(1, 16, 5), "PARTITIONS, REPLICAS or SET"),
        ("CREATE TOPIC t SET retention.ms='1'", Place(1, 20, 9), "a config of the topic in single quotes"),
        ("CREATE TOPIC t SET 'a' '1'", Place(1, 24, 3), "expected ="),
        ("ALTER TOPIC t", Place(1, 14, 1), "SET, RESET or PARTITIONS"),
        ("ALTER TOPIC t SET 'a'='1' RESET 'a'", Place(1, 33, 3), "a is there twice"),
        ("ALTER TOPIC t SET 'a'='1', 'a'='2'", Place(1, 28, 3), "a is there twice"),
        ("DROP TOPIC t DELETE TOPIC", Place(1, 14, 6), "the end of the statement"),
        ("CREATE TOPICS t", Place(1, 8, 6), "expected STREAM, TABLE, TYPE or TOPIC"),
    ],
)
def test_refusals(text: str, place: Place, said: str) -> None:
    with pytest.raises(ParseError) as raised:
        parse(text)
    assert (raised.value.place, said in raised.value.what) == (place, True), raised.value.what
