"""ROWKEY, ROWHEADERS and the other pseudo columns of every kind of source, on real Kafka."""

from __future__ import annotations

import json
import struct
import time
import uuid

import pytest

from kshell.errors import Unsupported
from kshell.kafka.produce import OutgoingRecord
from kshell.results import Live

pytestmark = pytest.mark.live
TRACE = [("trace", b"t1"), ("trace", None)]
SHOWN = [{"KEY": "trace", "VALUE": b"t1"}, {"KEY": "trace", "VALUE": None}]


def record(key: bytes | None, value: dict | None, time: int = 5, headers=TRACE) -> OutgoingRecord:
    made = None if value is None else json.dumps(value).encode()
    return OutgoingRecord(key, made, time, headers=headers)


def number(n: int) -> bytes:
    return struct.pack(">i", n)


@pytest.fixture
def name() -> str:
    return "t" + uuid.uuid4().hex[:10]


@pytest.fixture
def follow(session):
    """The first rows of a continuous query, as (weight, row)."""

    def changes(sql: str, count: int, seconds: float = 20) -> list[tuple[int, dict]]:
        list(session.execute("SET 'auto.offset.reset'='earliest'"))
        (live,) = session.execute(sql)
        assert isinstance(live, Live)
        seen: list[tuple[int, dict]] = []
        deadline = time.monotonic() + seconds
        try:
            while len(seen) < count and time.monotonic() < deadline:
                part = live.poll(0.1)
                if part is None:
                    break
                seen += zip(part.weights.to_pylist(), part.rows.to_pylist(), strict=True)
        finally:
            live.cancel()
        return seen

    return changes


@pytest.fixture
def streams(topic, session, name):
    """Two declared streams: `l` keyed by a number, `r` with a column named ROWKEY of its own."""
    topic([record(number(1), {"v": "x"}), record(number(2), {"v": "y"}, 6, [])], name=f"{name}.l")
    topic([record(number(1), {"rowkey": "mine"})], name=f"{name}.r")
    list(session.execute(f"""
        CREATE STREAM {name}l (id INT KEY, v STRING) WITH (KAFKA_TOPIC='{name}.l', VALUE_FORMAT='JSON');
        CREATE STREAM {name}r (id INT KEY, rowkey STRING) WITH (KAFKA_TOPIC='{name}.r', VALUE_FORMAT='JSON');
    """))
    return f"{name}l", f"{name}r"


def test_a_declared_stream_bounded_and_continuous(streams, ask, follow):
    items = "ROWKEY, ROWHEADERS, ROWTIME, ROWPARTITION, ROWOFFSET"
    expected = [
        {"ROWKEY": 1, "ROWHEADERS": SHOWN, "ROWTIME": 5, "ROWPARTITION": 0, "ROWOFFSET": 0},
        {"ROWKEY": 2, "ROWHEADERS": [], "ROWTIME": 6, "ROWPARTITION": 0, "ROWOFFSET": 1},
    ]
    assert ask(f"SELECT {items} FROM {streams[0]} ORDER BY ROWOFFSET") == expected
    assert follow(f"SELECT {items} FROM {streams[0]} EMIT CHANGES LIMIT 2", 2) == [
        (1, row) for row in expected
    ]
    assert ask(f"SELECT v FROM {streams[0]} WHERE ROWKEY = 2") == [{"V": "y"}]
    assert ask(f"SELECT * FROM {streams[0]} WHERE ROWHEADERS[1]->VALUE = ENCODE('t1')") == [
        {"ID": 1, "V": "x"}
    ]


def test_a_join_of_declared_streams_bounded_and_continuous(streams, ask, follow):
    left, right = streams
    query = (
        f"SELECT ROWKEY, l.ROWKEY AS k, l.ROWHEADERS AS h FROM {left} l JOIN {right} r"
        " {} ON l.ROWKEY = r.id"
    )
    assert ask(query.format("")) == [{"ROWKEY": "mine", "k": 1, "h": SHOWN}]
    ((weight, row),) = follow(query.format("WITHIN 1 HOUR") + " EMIT CHANGES LIMIT 1", 1)
    assert (weight, row) == (1, {"ROWKEY": "mine", "K": 1, "H": SHOWN})
    (row,) = ask(f"SELECT * FROM {left} l JOIN {right} r ON l.id = r.id")
    assert [v for n, v in row.items() if "ROWKEY" in n] == ["mine"]


def test_several_key_columns_are_a_struct(topic, session, ask, follow, name):
    key = {"A": 1, "B": "b"}
    topic([record(json.dumps(key).encode(), {"v": 3})], name=f"{name}.k")
    list(session.execute(f"CREATE STREAM {name} (a INT KEY, b STRING KEY, v INT) WITH "
                         f"(KAFKA_TOPIC='{name}.k', FORMAT='JSON')"))  # fmt: skip
    assert ask(f"SELECT ROWKEY FROM {name}") == [{"ROWKEY": key}]
    assert follow(f"SELECT ROWKEY FROM {name} EMIT CHANGES LIMIT 1", 1) == [(1, {"ROWKEY": key})]


def test_a_key_that_nobody_declared_is_its_bytes(topic, session, ask, follow, name):
    topic([record(b"raw", {"v": 3})], name=f"{name}.k")
    list(session.execute(f"CREATE STREAM {name} (v INT) WITH "
                         f"(KAFKA_TOPIC='{name}.k', VALUE_FORMAT='JSON')"))  # fmt: skip
    assert ask(f"SELECT ROWKEY, v FROM {name}") == [{"ROWKEY": b"raw", "V": 3}]
    assert follow(f"SELECT ROWKEY, v FROM {name} EMIT CHANGES LIMIT 1", 1) == [
        (1, {"ROWKEY": b"raw", "V": 3})
    ]


def test_a_tables_last_records_count_and_tombstones_delete(topic, session, ask, follow, name):
    topic(
        [record(b"a", {"v": 1}), record(b"b", {"v": 2}), record(b"a", {"v": 3}, 8, []),
         record(b"b", None, 9)],
        name=f"{name}.t",
    )  # fmt: skip
    list(session.execute(f"CREATE TABLE {name} (id STRING PRIMARY KEY, v INT) WITH "
                         f"(KAFKA_TOPIC='{name}.t', VALUE_FORMAT='JSON')"))  # fmt: skip
    assert ask(f"SELECT ROWKEY, ROWHEADERS, ROWOFFSET, v FROM {name}") == [
        {"ROWKEY": "a", "ROWHEADERS": [], "ROWOFFSET": 2, "V": 3}
    ]
    assert ask(f"SELECT v FROM {name} WHERE ROWKEY = 'b'") == []
    seen = follow(f"SELECT ROWKEY, ROWHEADERS, v FROM {name} EMIT CHANGES", 6, 4)
    rows: dict[str, dict] = {}
    for weight, row in seen:
        if weight > 0:
            rows[row["ROWKEY"]] = row
        elif rows.get(row["ROWKEY"]) == row:
            del rows[row["ROWKEY"]]
    assert rows == {"a": {"ROWKEY": "a", "ROWHEADERS": [], "V": 3}}


def test_a_kept_table_has_its_key_and_nothing_of_the_log(streams, session, ask, name):
    list(session.execute(f"SET 'auto.offset.reset'='earliest'; CREATE TABLE {name} AS "
                         f"SELECT id, COUNT(*) AS n FROM {streams[0]} GROUP BY id"))  # fmt: skip
    assert ask(f"SELECT ROWKEY, ROWPARTITION, ROWOFFSET, ROWHEADERS, n FROM {name} ORDER BY ROWKEY") == [
        {"ROWKEY": k, "ROWPARTITION": None, "ROWOFFSET": None, "ROWHEADERS": None, "N": 1}
        for k in (1, 2)
    ]
    assert ask(f"SELECT * FROM {name} WHERE ROWKEY = 2 AND ROWTIME > 0") == [{"ID": 2, "N": 1}]
    assert len(ask(f"SELECT ROWKEY FROM {name} ORDER BY ROWOFFSET DESC LIMIT 1")) == 1


def test_windowed_keys_are_without_their_window(topic, session, ask, follow, name):
    key = number(7) + struct.pack(">q", 1000)
    topic([record(key, {"v": 1}, 1500)], name=f"{name}.w")
    list(session.execute(f"CREATE STREAM {name} (id INT KEY, v INT) WITH (KAFKA_TOPIC='{name}.w', "
                         "VALUE_FORMAT='JSON', WINDOW_TYPE='TUMBLING', WINDOW_SIZE='1 SECOND')"))  # fmt: skip
    expected = {"ROWKEY": 7, "WINDOWSTART": 1000}
    assert ask(f"SELECT ROWKEY, WINDOWSTART FROM {name}") == [expected]
    assert follow(f"SELECT ROWKEY, WINDOWSTART FROM {name} EMIT CHANGES LIMIT 1", 1) == [(1, expected)]


def test_a_field_named_so_in_a_topic_wins_and_the_key_is_rowkey_1(topic, ask, session):
    name = topic([record(b"k", {"rowkey": "field", "n": 1})])
    assert ask(f"SELECT * FROM `{name}`") == [{"rowkey": "field", "n": 1}]
    assert ask(f"SELECT ROWKEY, ROWKEY_1 FROM `{name}` WHERE rowkey = 'field'") == [
        {"rowkey": "field", "ROWKEY_1": "k"}
    ]


def test_a_stream_made_of_rowkey_is_keyed_by_it(streams, session, ask, name):
    list(session.execute(f"SET 'auto.offset.reset'='earliest'; CREATE STREAM {name} AS "
                         f"SELECT ROWKEY, v, ROWHEADERS AS h FROM {streams[0]}"))  # fmt: skip
    deadline = time.monotonic() + 15
    while len(rows := ask(f"SELECT * FROM {name} ORDER BY ROWKEY")) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert [(r["ROWKEY"], r["V"], len(r["H"])) for r in rows] == [(1, "x", 2), (2, "y", 0)]


def test_a_table_whose_own_columns_hide_where_records_are_is_refused(topic, session, ask, name):
    topic([record(b"a", {"rowoffset": 9, "v": 1}), record(b"a", {"rowoffset": 1, "v": 2})], name=f"{name}.t")
    list(session.execute(f"""
        SET 'ksql.rowpartition.rowoffset.enabled'='false';
        CREATE STREAM {name}s (id STRING KEY, rowoffset INT, v INT) WITH (KAFKA_TOPIC='{name}.t', VALUE_FORMAT='JSON');
        CREATE TABLE {name} (id STRING PRIMARY KEY, rowoffset INT, v INT) WITH (KAFKA_TOPIC='{name}.t', VALUE_FORMAT='JSON');
    """))
    assert ask(f"SELECT ROWOFFSET, ROWKEY, v FROM {name}s ORDER BY v DESC LIMIT 1") == [
        {"ROWOFFSET": 1, "ROWKEY": "a", "V": 2}
    ]
    with pytest.raises(Unsupported, match="the column ROWOFFSET of table"):
        ask(f"SELECT v FROM {name}")
