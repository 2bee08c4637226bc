"""The statements that change the cluster: what is written, and the statement it is."""

from __future__ import annotations

import pytest

from kshell.errors import ParseError, Place
from kshell.sql.clauses import Name, Number, Position
from kshell.sql.cluster import (
    AlterTopic,
    Consume,
    CreateAcl,
    CreateTopic,
    DeleteRecords,
    DropAcl,
    DropGroup,
    DropTopic,
    DropUser,
    ElectLeaders,
    Goal,
    Guarantee,
    Move,
    ReassignTopic,
    ResetGroup,
    Resource,
    Rule,
    SetUser,
)
from kshell.sql.parse import parse
from kshell.sql.statements import History, Statement


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


@pytest.mark.parametrize(
    ("text", "guarantee", "into", "limit"),
    [
        ("CONSUME FROM My.t GROUP g.a-1", None, None, None),
        ("consume from My.t group g.a-1 limit 5", None, None, 5),
        ("CONSUME FROM My.t GROUP g.a-1 COMMIT AT MOST ONCE", Guarantee.AT_MOST_ONCE, None, None),
        ("CONSUME FROM My.t GROUP g.a-1 COMMIT AT LEAST ONCE LIMIT 7", Guarantee.AT_LEAST_ONCE, None, 7),
        ("CONSUME FROM My.t GROUP g.a-1 COMMIT EXACTLY ONCE INTO u-1", Guarantee.EXACTLY_ONCE, "u-1", None),
    ],
)
def test_consume(text: str, guarantee, into, limit) -> None:
    made = one(text)
    assert isinstance(made, Consume)
    assert (made.topic.text, made.group) == ("My.t", Name("g.a-1", False, Place(1, 25, 5)))
    assert (made.guarantee, made.into and made.into.text, made.limit) == (guarantee, into, limit)
    assert made.writes


def test_history() -> None:
    made = one("HISTORY OF 'k''42' IN My.t-1")
    assert isinstance(made, History)
    assert (made.key, made.topic.text) == (Name("k'42", True, Place(1, 12, 7)), "My.t-1")
    assert one("HISTORY OF -7 IN t").key == Name("-7", False, Place(1, 12, 2))  # type: ignore[attr-defined]
    assert not made.writes


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
        ("ALTER TOPIC t", Place(1, 14, 1), "SET, RESET, PARTITIONS or REASSIGN"),
        ("ALTER TOPIC t SET 'a'='1' RESET 'a'", Place(1, 33, 3), "a is there twice"),
        ("ALTER TOPIC t SET 'a'='1', 'a'='2'", Place(1, 28, 3), "a is there twice"),
        ("DROP TOPIC t DELETE TOPIC", Place(1, 14, 6), "the end of the statement"),
        ("CREATE TOPICS t", Place(1, 8, 6), "expected STREAM, TABLE, TYPE, TOPIC, ACL, USER, QUOTA, SOURCE CONNECTOR or SINK CONNECTOR"),
    ],
)
def test_refusals(text: str, place: Place, said: str) -> None:
    with pytest.raises(ParseError) as raised:
        parse(text)
    assert (raised.value.place, said in raised.value.what) == (place, True), raised.value.what


@pytest.mark.parametrize(
    ("text", "topics", "to"),
    [
        ("RESET GROUP g.a-1 TO EARLIEST", [], Move(Goal.EARLIEST, place=Place(1, 22, 8))),
        ("RESET GROUP g.a-1 ON t TO LATEST", ["t"], Move(Goal.LATEST, place=Place(1, 27, 6))),
        ("RESET GROUP g.a-1 ON t, My.u TO OFFSET 7", ["t", "My.u"], Move(Goal.OFFSET, 7, place=Place(1, 33, 6))),
        ("RESET GROUP g.a-1 TO SHIFT -10", [], Move(Goal.SHIFT, -10, place=Place(1, 22, 5))),
        ("RESET GROUP g.a-1 TO SHIFT +3", [], Move(Goal.SHIFT, 3, place=Place(1, 22, 5))),
        ("RESET GROUP g.a-1 TO '@-1h'", [], Move(Goal.MOMENT, moment="@-1h", place=Place(1, 22, 6))),
    ],
)
def test_reset_group(text: str, topics: list[str], to: Move) -> None:
    made = one(text)
    assert isinstance(made, ResetGroup)
    assert (made.name.text, [t.text for t in made.topics], made.to, made.file) == ("g.a-1", topics, to, None)


def test_reset_group_from_a_file() -> None:
    made = one("RESET GROUP 'My group' FROM 'at.csv'")
    assert isinstance(made, ResetGroup)
    assert (made.name.text, made.to) == ("My group", None)
    assert made.file == Name("at.csv", True, Place(1, 29, 8))
    assert one("RESET GROUP g FROM FILE 'at.csv'").file.text == "at.csv"  # type: ignore[attr-defined]


def test_drop_group() -> None:
    made = one("DROP GROUP IF EXISTS g-1")
    assert isinstance(made, DropGroup)
    assert (made.name.text, made.if_exists, made.writes) == ("g-1", True, True)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("RESET", Place(1, 6, 1), "expected GROUP"),
        ("RESET TOPIC t", Place(1, 7, 5), "expected GROUP"),
        ("RESET GROUP", Place(1, 12, 1), "the name of a group"),
        ("CONSUME t", Place(1, 9, 1), "FROM"),
        ("CONSUME FROM t", Place(1, 15, 1), "GROUP"),
        ("CONSUME FROM t GROUP", Place(1, 21, 1), "the name of a group"),
        ("CONSUME FROM t GROUP g INTO u", Place(1, 24, 4), "COMMIT or LIMIT"),
        ("CONSUME FROM t GROUP g COMMIT", Place(1, 30, 1), "AT or EXACTLY"),
        ("CONSUME FROM t GROUP g COMMIT AT ONCE", Place(1, 34, 4), "LEAST or MOST"),
        ("CONSUME FROM t GROUP g COMMIT AT MOST ONCE INTO u", Place(1, 44, 4), "LIMIT"),
        ("CONSUME FROM t GROUP g COMMIT EXACTLY ONCE", Place(1, 43, 1), "INTO"),
        ("HISTORY 'k' IN t", Place(1, 9, 3), "OF"),
        ("HISTORY OF k IN t", Place(1, 12, 1), "a key: text in single quotes, or a number"),
        ("RESET GROUP g", Place(1, 14, 1), "TO, ON or FROM"),
        ("RESET GROUP g ON t", Place(1, 19, 1), "expected TO"),
        ("RESET GROUP g TO NOW", Place(1, 18, 3), "EARLIEST, LATEST, OFFSET, SHIFT or a moment in single quotes"),
        ("RESET GROUP g TO OFFSET -1", Place(1, 25, 1), "an offset"),
        ("RESET GROUP g TO SHIFT", Place(1, 23, 1), "a whole number"),
        ("RESET GROUP g FROM x", Place(1, 20, 1), "a file's path in single quotes"),
        ("DROP GROUPS g", Place(1, 6, 6), "STREAM, TABLE, TYPE, TOPIC, GROUP, ACL, USER, QUOTA, CONNECTOR or APPLICATION"),
    ],
)
def test_refusals_of_groups(text: str, place: Place, said: str) -> None:
    with pytest.raises(ParseError) as raised:
        parse(text)
    assert (raised.value.place, said in raised.value.what) == (place, True), raised.value.what


@pytest.mark.parametrize(
    ("text", "partition", "before"),
    [
        ("DELETE RECORDS FROM My.t BEFORE 7", None, Position(offset=7, place=Place(1, 33, 1))),
        ("DELETE RECORDS FROM My.t PARTITION 3 BEFORE '@-1h'", 3, Position(moment="@-1h", place=Place(1, 45, 6))),
        ("delete records from My.t before end", None, Position(before_end=0, place=Place(1, 33, 3))),
    ],
)
def test_delete_records(text: str, partition: int | None, before: Position) -> None:
    made = one(text)
    assert isinstance(made, DeleteRecords)
    assert (made.topic.text, made.partition and made.partition.value, made.before) == ("My.t", partition, before)


def test_elect_leaders() -> None:
    made = one("ELECT LEADERS")
    assert isinstance(made, ElectLeaders)
    assert made.topics == ()
    assert [t.text for t in one("ELECT LEADERS a-1, B").topics] == ["a-1", "B"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("DELETE FROM t", Place(1, 8, 4), "expected RECORDS"),
        ("DELETE RECORDS t", Place(1, 16, 1), "expected FROM"),
        ("DELETE RECORDS FROM t", Place(1, 22, 1), "BEFORE or PARTITION"),
        ("DELETE RECORDS FROM t BEFORE -1", Place(1, 30, 1), "END, an offset or a moment in single quotes"),
        ("ELECT", Place(1, 6, 1), "expected LEADERS"),
        ("ELECT LEADERS 'a',", Place(1, 19, 1), "the name of a topic"),
    ],
)
def test_refusals_of_records_and_leaders(text: str, place: Place, said: str) -> None:
    with pytest.raises(ParseError) as raised:
        parse(text)
    assert (raised.value.place, said in raised.value.what) == (place, True), raised.value.what


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (
            "CREATE ACL ALLOW READ, DESCRIBE CONFIGS ON TOPIC my.t PREFIXED TO 'User:ann' FROM HOST '10.0.0.1'",
            Rule("ALLOW", ("READ", "DESCRIBE CONFIGS"), Resource("TOPIC", "my.t", True),
                 Name("User:ann", True, Place(1, 67, 10)), "10.0.0.1"),
        ),
        (
            "CREATE ACL DENY ALL ON CLUSTER TO 'User:*'",
            Rule("DENY", ("ALL",), Resource("CLUSTER", "kafka-cluster"), Name("User:*", True, Place(1, 35, 8))),
        ),
        (
            "CREATE ACL ALLOW DESCRIBE ON TRANSACTIONAL ID '*' TO 'User:a'",
            Rule("ALLOW", ("DESCRIBE",), Resource("TRANSACTIONAL ID", "*"), Name("User:a", True, Place(1, 54, 8))),
        ),
    ],
)  # fmt: skip
def test_create_acl(text: str, rule: Rule) -> None:
    made = one(text)
    assert isinstance(made, CreateAcl)
    assert made.rule == rule


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("DROP ACL DENY", Rule("DENY")),
        ("DROP ACL ALLOW WRITE ON GROUP g", Rule("ALLOW", ("WRITE",), Resource("GROUP", "g"))),
        ("DROP ACL ON TOPIC t", Rule(resource=Resource("TOPIC", "t"))),
        ("DROP ACL TO 'User:ann'", Rule(principal=Name("User:ann", True, Place(1, 13, 10)))),
        ("DROP ACL FROM HOST 'h'", Rule(host="h")),
    ],
)
def test_drop_acl(text: str, rule: Rule) -> None:
    made = one(text)
    assert isinstance(made, DropAcl)
    assert made.rule == rule


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("CREATE ACL READ", Place(1, 12, 4), "ALLOW or DENY"),
        ("CREATE ACL ALLOW REED ON TOPIC t", Place(1, 18, 4), "READ"),
        ("CREATE ACL ALLOW READ TO 'User:a'", Place(1, 23, 2), "expected ON"),
        ("CREATE ACL ALLOW READ ON t TO 'User:a'", Place(1, 26, 1), "TOPIC, GROUP, TRANSACTIONAL ID, DELEGATION TOKEN, USER or CLUSTER"),
        ("CREATE ACL ALLOW READ ON TOPIC t", Place(1, 33, 1), "expected TO"),
        ("CREATE ACL ALLOW READ ON TOPIC t TO User:a", Place(1, 37, 4), "such as 'User:ann'"),
        ("DROP ACL", Place(1, 9, 1), "ALLOW, DENY, ON, TO or FROM HOST"),
    ],
)
def test_refusals_of_acls(text: str, place: Place, said: str) -> None:
    with pytest.raises(ParseError) as raised:
        parse(text)
    assert (raised.value.place, said in raised.value.what) == (place, True), raised.value.what


def test_users() -> None:
    made = one("CREATE USER ann-b PASSWORD 'it''s'")
    assert isinstance(made, SetUser)
    assert (made.name.text, made.password, made.mechanism, made.iterations, made.creates) == (
        "ann-b", "it's", "SCRAM-SHA-512", None, True
    )  # fmt: skip
    other = one("ALTER USER 'Ann' PASSWORD 'x' MECHANISM scram-sha-256 ITERATIONS 4096")
    assert isinstance(other, SetUser)
    assert (other.name.text, other.mechanism, other.creates) == ("Ann", "SCRAM-SHA-256", False)
    assert other.iterations == Number(4096, Place(1, 66, 4))
    assert one("DROP USER IF EXISTS ann") == DropUser(
        Name("ann", False, Place(1, 21, 3)), if_exists=True, text="DROP USER IF EXISTS ann"
    )
    assert one("DROP USER ann MECHANISM SCRAM-SHA-512").mechanism == "SCRAM-SHA-512"  # type: ignore[attr-defined]


def test_a_statement_shows_no_password() -> None:
    made = one("CREATE USER ann PASSWORD 'hunter2'")
    assert "hunter2" not in repr(made) + str(made) + made.text
    assert "********" in repr(made)


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("CREATE USER", Place(1, 12, 1), "the name of a user"),
        ("CREATE USER ann", Place(1, 16, 1), "expected PASSWORD"),
        ("CREATE USER ann PASSWORD hunter2", Place(1, 26, 7), "PASSWORD takes a password in single quotes"),
        ("CREATE USER ann PASSWORD 'x' MECHANISM MD5", Place(1, 40, 3), "SCRAM-SHA-512 or SCRAM-SHA-256"),
        ("CREATE USER ann PASSWORD 'x' ITERATIONS few", Place(1, 41, 3), "a whole number"),
        ("DROP USER ann PASSWORD 'x'", Place(1, 15, 8), "the end of the statement"),
    ],
)
def test_refusals_of_users(text: str, place: Place, said: str) -> None:
    with pytest.raises(ParseError) as raised:
        parse(text)
    assert (raised.value.place, said in raised.value.what) == (place, True), raised.value.what
    assert "hunter2" not in raised.value.what


def test_reassign() -> None:
    made = one("ALTER TOPIC My.t REASSIGN PARTITION 4 TO 3, 1")
    assert isinstance(made, ReassignTopic)
    assert (made.name.text, made.partition and made.partition.value) == ("My.t", 4)
    assert made.brokers == (Number(3, Place(1, 42, 1)), Number(1, Place(1, 45, 1)))
    assert one("ALTER TOPIC t REASSIGN TO 2").partition is None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("ALTER TOPIC t REASSIGN", Place(1, 23, 1), "TO or PARTITION"),
        ("ALTER TOPIC t REASSIGN PARTITION 1", Place(1, 35, 1), "expected TO"),
        ("ALTER TOPIC t REASSIGN TO one", Place(1, 27, 3), "a whole number"),
    ],
)
def test_refusals_of_reassign(text: str, place: Place, said: str) -> None:
    with pytest.raises(ParseError) as raised:
        parse(text)
    assert (raised.value.place, said in raised.value.what) == (place, True), raised.value.what
