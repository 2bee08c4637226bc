"""SELECT … AT GROUP on real Kafka: from where a group stands, without joining it."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from kshell.errors import BindError, ParseError, UnknownName
from kshell.kafka.produce import OutgoingRecord
from kshell.results import Live, Sections
from kshell.session import Session

from ..unit.engines.answers import rows_of

pytestmark = pytest.mark.live


@pytest.fixture
def group(kafka) -> str:
    return f"g-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def at(kafka, group, topic) -> Callable[..., str]:
    """A topic with five records in each of two partitions, in which the group has committed."""

    def make(offsets: dict[int, int]) -> str:
        records = [
            OutgoingRecord(b"k", b'{"n":%d}' % (10 * p + n), partition=p) for p in range(2) for n in range(5)
        ]
        name = topic(records, partitions=2)
        consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": group})
        consumer.commit(offsets=[TopicPartition(name, p, o) for p, o in offsets.items()], asynchronous=False)
        consumer.close()
        return name

    return make


def test_bounded_from_the_commit_and_without_one_from_the_start(ask, at, group) -> None:
    name = at({0: 3})
    assert [r["n"] for r in ask(f"SELECT n FROM `{name}` AT GROUP {group} ORDER BY n")] == [3, 4, 10, 11, 12, 13, 14]
    assert ask(f"SELECT COUNT(*) AS c FROM `{name}` AT GROUP `{group}` WHERE ROWPARTITION = 0") == [{"c": 2}]
    text = f"SELECT COUNT(*) AS c FROM (SELECT t.n FROM `{name}` t AT GROUP {group}) WHERE n > 11"
    assert ask(text) == [{"c": 3}]
    text = f"WITH a AS (SELECT * FROM `{name}` AT GROUP {group} AS x WHERE x.n < 10) SELECT n FROM a ORDER BY ROWOFFSET DESC LIMIT 1"
    with pytest.raises(BindError):  # a CTE has no ROWOFFSET: the place is that of the text as typed
        ask(text)
    newest = f"SELECT n FROM `{name}` AT GROUP {group} ORDER BY ROWOFFSET DESC LIMIT 4"
    assert sorted(r["n"] for r in ask(newest)) == [3, 4, 13, 14]


def test_windows_too(ask, at, group) -> None:
    name = at({0: 3, 1: 4})
    (row,) = ask(f"SELECT 'x' AS k, COUNT(*) AS c FROM `{name}` AT GROUP {group} WINDOW TUMBLING (SIZE 1 DAY) GROUP BY 'x'")
    assert row["c"] == 3


def test_live_from_the_commit(session, at, group) -> None:
    name = at({0: 4, 1: 5})
    (live,) = session.execute(f"SELECT n FROM `{name}` AT GROUP {group} EMIT CHANGES LIMIT 1")
    assert isinstance(live, Live)
    found = []
    while (made := live.poll(0.2)) is not None:
        found += made.rows.column("n").to_pylist()
    assert found == [4]


def test_nobody_joins_and_nothing_is_committed(ask, at, group) -> None:
    name = at({0: 3})
    ask(f"SELECT * FROM `{name}` AT GROUP {group}")
    assert ask(f"SELECT members FROM kafka.groups WHERE group_id = '{group}'") == [{"members": 0}]
    assert ask(f"SELECT partition, committed FROM kafka.offsets WHERE group_id = '{group}'") == [
        {"partition": 0, "committed": 3}
    ]


def test_explain_shows_it(session, at, group) -> None:
    name = at({0: 3})
    (plan,) = session.execute(f"EXPLAIN SELECT * FROM `{name}` AT GROUP {group}")
    assert isinstance(plan, Sections)
    assert [(r["partition"], r["from"], r["because of"]) for r in rows_of(plan.parts[1])] == [
        (0, 3, f"group {group}"), (1, 0, f"group {group}: no commit"),
    ]  # fmt: skip
    (plan,) = session.execute(f"EXPLAIN SELECT * FROM `{name}` AT GROUP {group} EMIT CHANGES")
    assert f"where group {group} stands: partition 0 from 3, 1 from 0 (no commit)." in plan.parts[0].text


def test_a_declared_stream_and_a_table(session, ask, at, group) -> None:
    name = at({0: 3, 1: 5})
    for kind, key in (("STREAM", "KEY"), ("TABLE", "PRIMARY KEY")):
        list(session.execute(f"CREATE {kind} {kind[0]}x (k VARCHAR {key}, n INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON')"))
    assert ask(f"SELECT n FROM sx AT GROUP {group} ORDER BY n") == [{"N": 3}, {"N": 4}]
    with pytest.raises(BindError, match="TX is a table: from the middle of its topic it would be partial"):
        ask(f"SELECT n FROM tx AT GROUP {group}")


def test_a_position_before_the_log_is_said(kafka, session, at, group) -> None:
    name = at({0: 1, 1: 5})
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    part = TopicPartition(name, 0, 2)
    admin.delete_records([part])[part].result(10)
    (rows,) = session.execute(f"SELECT n FROM `{name}` AT GROUP {group}")
    assert [r["n"] for r in rows_of(rows)] == [2, 3, 4]
    assert [n.text for n in rows.notices()] == [
        f"group {group} stands at 1 in partition 0, whose log starts at 2: what is between is gone"
    ]


def test_what_cannot_be(session: Session, at, topic, group) -> None:
    name, other = at({0: 3}), topic(partitions=1)

    def refused(text: str) -> tuple[str, str, str]:
        with pytest.raises((BindError, UnknownName, ParseError)) as raised:
            list(session.execute(text))
        error = raised.value
        place = error.place
        return error.what, error.hint, text.splitlines()[place.line - 1][place.column - 1 :][: place.length]

    said = refused(f"SELECT * FROM `{name}` AT GROUP {group}x")
    assert said == (f"no group named {group}x", f"did you mean {group}?", f"{group}x")
    said = refused(f"SELECT * FROM `{other}` AT GROUP {group}")
    assert said == (f"group {group} has committed nothing in topic {other}", f"it has in {name}", group)
    assert refused(f"SELECT * FROM kafka.lag AT GROUP {group}")[0] == "kafka.lag is no topic: groups do not read it"
    assert "the name of a group" in refused(f"SELECT * FROM `{name}` AT GROUP ;")[0]
    assert refused(f"SELECT n, nope FROM `{name}` AT GROUP {group}")[2] == "nope"
    twice = f"SELECT * FROM `{name}` a AT GROUP {group} JOIN `{name}` b AT GROUP other ON a.n = b.n"
    assert refused(twice)[0] == f"{name} is read at group {group} already"
