"""Continuous queries on real Kafka: what they show, what they write, and how they end."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable

import pytest

from kshell.config import Properties
from kshell.errors import CorruptRecord, KshellError, UnknownName
from kshell.kafka import admin
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.results import Live, Message, NoticeKind, Rows, Sections
from kshell.session import Session

from .conftest import held

pytestmark = pytest.mark.live
BEGIN = 1_700_000_000_000 // 30_000 * 30_000
KSHELL = [sys.executable, "-m", "kshell"]


@pytest.fixture
def run(session: Session) -> Callable[[str], list]:
    """A script's results."""
    return lambda sql: list(session.execute(sql))


@pytest.fixture
def name() -> str:
    """A name that nobody has."""
    return "t" + uuid.uuid4().hex[:10]


@pytest.fixture
def produce(properties):
    """Writes (key, value[, timestamp[, partition]]) and waits for the acknowledgements."""

    def write(topic: str, *records: tuple) -> None:
        producer = Producer(properties)
        producer.send(topic, [OutgoingRecord(*r) for r in records])
        producer.flush()

    return write


def rows_of(result) -> list[dict]:
    assert isinstance(result, Rows)
    return [row for batch in result.batches for row in batch.to_pylist()]


def changes_of(result: Live, count: int, seconds: float = 15) -> list[tuple[int, dict]]:
    """(weight, row) until so many have come."""
    assert isinstance(result, Live)
    seen: list[tuple[int, dict]] = []
    deadline = time.monotonic() + seconds
    try:
        while len(seen) < count and time.monotonic() < deadline:
            part = result.poll(0.1)
            if part is None:
                break
            seen += zip(part.weights.to_pylist(), part.rows.to_pylist(), strict=True)
    finally:
        result.cancel()
    return seen


def until(holds: Callable[[], object], seconds: float = 15) -> object:
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)
    return found


def queries(session: Session) -> dict[str, dict]:
    (result,) = session.execute("SHOW QUERIES")
    if isinstance(result, Sections):  # other tests leave applications behind
        result = result.parts[0]
    if isinstance(result, Rows) and result.title == "Applications":
        return {}
    return {} if isinstance(result, Message) else {r["query"]: r for r in rows_of(result)}


def records(client, topic: str) -> list[tuple]:
    """(key, value, timestamp) of all that is in a topic, by timestamp and offset."""
    from kshell.kafka.fetch import Fetch
    from kshell.kafka.records import Wanted, decode

    wanted = Wanted(offset=True, timestamp=True, key=True, value=True)
    before = held(client, topic)
    ranges = before.offsets
    out = []
    for chunk in Fetch(client, before, ranges):
        batch = decode(
            chunk.records, wanted, start=chunk.start, end=ranges[chunk.partition][1],
            aborted=chunk.aborted,
        ).batch  # fmt: skip
        out += [
            (r["timestamp"], r["offset"], r["key"], r["value"], chunk.partition)
            for r in batch.to_pylist()
        ]
    return [(k, v, t) for t, _, k, v, _ in sorted(out, key=lambda r: (r[0], r[1]))]


def test_the_talk_enrich_count_and_alert(run, session, client, produce, name):
    """Page views joined with users, counted per region in 30 s windows, and an alert of many."""
    run(f"""
        CREATE STREAM pageviews (userid VARCHAR KEY, pageid VARCHAR, viewtime BIGINT) WITH
          (KAFKA_TOPIC='{name}.views', VALUE_FORMAT='JSON', PARTITIONS=3, TIMESTAMP='viewtime');
        CREATE TABLE users (userid VARCHAR PRIMARY KEY, regionid VARCHAR) WITH
          (KAFKA_TOPIC='{name}.users', VALUE_FORMAT='JSON', PARTITIONS=3);
        SET 'auto.offset.reset'='earliest';
        CREATE STREAM enriched WITH (KAFKA_TOPIC='{name}.enriched') AS
          SELECT v.userid AS userid, v.pageid AS pageid, u.regionid AS regionid
          FROM pageviews v LEFT JOIN users u ON v.userid = u.userid EMIT CHANGES;
        CREATE TABLE per_region WITH (KAFKA_TOPIC='{name}.regions') AS
          SELECT regionid, COUNT(*) AS views FROM enriched WINDOW TUMBLING (SIZE 30 SECONDS)
          GROUP BY regionid EMIT CHANGES;
        CREATE TABLE alerts WITH (KAFKA_TOPIC='{name}.alerts') AS
          SELECT regionid, COUNT(*) AS views FROM enriched WINDOW TUMBLING (SIZE 30 SECONDS)
          GROUP BY regionid HAVING COUNT(*) >= 3 EMIT CHANGES;
    """)
    for user, region in (("ann", "north"), ("bob", "north"), ("cyd", "south")):
        produce(f"{name}.users", (user.encode(), b'{"REGIONID":"%s"}' % region.encode(), BEGIN - 9))
    views = [("ann", 0), ("bob", 1), ("cyd", 2), ("ann", 29), ("bob", 31), ("eve", 32)]
    for user, second in views:
        at = BEGIN + second * 1000
        produce(f"{name}.views", (user.encode(), b'{"PAGEID":"p%d","VIEWTIME":%d}' % (second, at), 7))

    until(lambda: queries(session)["CSAS_ENRICHED_1"]["written"] == 6)
    until(lambda: queries(session)["CTAS_PER_REGION_2"]["read"] == 6)
    until(lambda: queries(session)["CTAS_ALERTS_3"]["read"] == 6)
    ask = lambda sql: rows_of(*session.execute(sql))  # noqa: E731
    until(lambda: len(ask("SELECT * FROM per_region")) == 3)
    north = {"REGIONID": "north", "WINDOWSTART": BEGIN, "WINDOWEND": BEGIN + 30_000}
    assert ask("SELECT * FROM per_region WHERE regionid = 'north' ORDER BY WINDOWSTART") == [
        {**north, "VIEWS": 3},
        {**north, "WINDOWSTART": BEGIN + 30_000, "WINDOWEND": BEGIN + 60_000, "VIEWS": 1},
    ]
    assert ask("SELECT regionid, views FROM alerts") == [{"REGIONID": "north", "VIEWS": 3}]

    session.engine.close()  # all that was made is written
    enriched = [(k, json.loads(v), t) for k, v, t in records(client, f"{name}.enriched")]
    assert enriched == [
        (user.encode(), {"PAGEID": f"p{second}", "REGIONID": region}, BEGIN + second * 1000)
        for (user, second), region in zip(
            views, ["north", "north", "south", "north", "north", None], strict=True
        )
    ]
    window = lambda second: (BEGIN + second * 1000).to_bytes(8, "big")  # noqa: E731
    regions = {}
    for key, value, at in records(client, f"{name}.regions"):
        regions[key] = (json.loads(value), at)
    assert regions == {
        b"north" + window(0): ({"VIEWS": 3}, BEGIN + 29_000),
        b"south" + window(0): ({"VIEWS": 1}, BEGIN + 2_000),
        b"north" + window(30): ({"VIEWS": 1}, BEGIN + 31_000),
    }
    assert [(k, json.loads(v)) for k, v, _ in records(client, f"{name}.alerts")] == [
        (b"north" + window(0), {"VIEWS": 3})
    ]


def test_a_continuous_query_obeys_what_was_set_of_the_topic_as_a_bounded_one_does(run, topic):
    orders = topic([OutgoingRecord(b"k", b'{"n":1}')])
    run(f"SHOW TOPICS; SET 'topic.{orders}.value.format'='KAFKA';")
    run("SET 'auto.offset.reset'='earliest';")
    (bounded,) = run(f'SELECT * FROM "{orders}";')
    (live,) = run(f'SELECT * FROM "{orders}" EMIT CHANGES LIMIT 1;')
    assert [row["VALUE"] for row in rows_of(bounded)] == ['{"n":1}']
    assert [(weight, row["VALUE"]) for weight, row in changes_of(live, 1)] == [(1, '{"n":1}')]


def test_emit_changes_shows_rows_as_they_come_from_where_it_was_told(run, produce, topic):
    events = topic([OutgoingRecord(b"a", b'{"n":1}')], partitions=2)
    (live,) = run(f"SELECT n FROM `{events}` EMIT CHANGES")  # the default is latest
    assert live.poll(0.5) is not None
    produce(events, (b"a", b'{"n":2}'))
    assert changes_of(live, 1) == [(1, {"n": 2})]
    (live,) = run(f"SET 'auto.offset.reset'='earliest'; SELECT n FROM `{events}` EMIT CHANGES")[1:]
    assert changes_of(live, 2) == [(1, {"n": 1}), (1, {"n": 2})]
    (live,) = run(f"SELECT n FROM `{events}` EMIT CHANGES LIMIT 1")
    assert changes_of(live, 9) == [(1, {"n": 1})]
    assert live.poll(0.1) is None


def test_a_table_that_is_looked_up_is_whole_though_the_query_starts_at_the_end(run, topic, produce):
    told = topic([OutgoingRecord(b"u1", b'{"city":"Bern"}', BEGIN),
                  OutgoingRecord(b"u2", b'{"city":"Graz"}', BEGIN + 1)], partitions=2)  # fmt: skip
    clicks = topic([OutgoingRecord(b"u1", b'{"n":1}', BEGIN + 2)])
    (*_, live) = run(f"""
        CREATE TABLE people (k VARCHAR PRIMARY KEY, city VARCHAR) WITH
          (KAFKA_TOPIC='{told}', VALUE_FORMAT='JSON', KEY_FORMAT='KAFKA');
        CREATE STREAM clicks (k VARCHAR KEY, n INT) WITH
          (KAFKA_TOPIC='{clicks}', VALUE_FORMAT='JSON', KEY_FORMAT='KAFKA');
        CREATE STREAM people_too (k VARCHAR KEY, city VARCHAR) WITH
          (KAFKA_TOPIC='{told}', VALUE_FORMAT='JSON', KEY_FORMAT='KAFKA');
        SELECT c.k, n, city FROM clicks c LEFT JOIN people p ON c.k = p.k EMIT CHANGES;""")
    produce(clicks, (b"u2", b'{"n":2}', BEGIN + 3), (b"u1", b'{"n":3}', BEGIN + 4))
    assert changes_of(live, 2) == [
        (1, {"C_K": "u2", "N": 2, "CITY": "Graz"}), (1, {"C_K": "u1", "N": 3, "CITY": "Bern"}),
    ]  # fmt: skip
    # One topic as both: the table from its beginning, the stream from its end.
    (both,) = run("""SELECT s.k, s.city AS said, p.city AS was FROM people_too s
                     JOIN people p ON s.k = p.k EMIT CHANGES;""")
    produce(told, (b"u1", b'{"city":"Chur"}', BEGIN + 5))
    assert changes_of(both, 1) in (
        [(1, {"S_K": "u1", "SAID": "Chur", "WAS": "Bern"})],
        [(1, {"S_K": "u1", "SAID": "Chur", "WAS": "Chur"})],  # which of the two reads first is open
    )


def test_a_star_shows_the_same_columns_live_as_in_a_bounded_query(run, topic):
    events = topic([OutgoingRecord(b"a", b'{"n":1,"s":{"x":2}}')])
    run("SET 'auto.offset.reset'='earliest'")
    (live,) = run(f"SELECT * FROM `{events}` EMIT CHANGES LIMIT 1")
    (bounded,) = run(f"SELECT * FROM `{events}`")
    assert [row for _, row in changes_of(live, 1)] == rows_of(bounded) == [{"n": 1, "s": {"x": 2}}]


def test_windows_over_a_topic_that_nobody_declared(run, topic):
    events = topic([OutgoingRecord(b"a", b'{"n":%d}' % n, BEGIN + n * 1000) for n in range(4)])
    (bounded,) = run(f"""
        SELECT ROWKEY AS k, SUM(n) AS s, WINDOWSTART AS at FROM `{events}`
        WINDOW TUMBLING (SIZE 2 SECONDS) GROUP BY ROWKEY
    """)
    assert [list(row.values()) for row in rows_of(bounded)] == [
        ["a", 1, BEGIN], ["a", 5, BEGIN + 2000],
    ]  # fmt: skip


@pytest.fixture
def clicks(run, topic, name) -> str:
    """A declared stream CLICKS of two partitions, read from its beginning."""
    made = topic(partitions=2)
    run(f"""
        CREATE STREAM clicks (u VARCHAR KEY, v INT) WITH (KAFKA_TOPIC='{made}', VALUE_FORMAT='JSON');
        SET 'auto.offset.reset'='earliest';
    """)
    return made


def test_rows_are_shown_as_they_are_fetched_and_written_in_the_order_of_their_time(run, session, clicks, produce, client, name):
    run("SET 'auto.offset.reset'='earliest'")
    produce(clicks, *((b"k", b'{"v":%d}' % n, BEGIN + n, n % 2) for n in range(100)))
    (live,) = run("SELECT v FROM clicks EMIT CHANGES")
    shown = [row["V"] for _, row in changes_of(live, 100)]
    assert [v for v in shown if v % 2] == list(range(1, 100, 2))
    assert [v for v in shown if not v % 2] == list(range(0, 100, 2))
    run(f"CREATE STREAM s WITH (KAFKA_TOPIC='{name}', PARTITIONS=1) AS SELECT u, v FROM clicks EMIT CHANGES")
    until(lambda: queries(session)["CSAS_S_1"]["written"] == 100)
    assert [value for _, value, _ in records(client, name)] == [b'{"V":%d}' % n for n in range(100)]


def test_a_small_limit_reads_no_backlog(run, session, topic):
    name = topic([OutgoingRecord(b"k%d" % n, b'{"v":"%s"}' % (b"x" * 2000)) for n in range(20_000)], partitions=2)
    run("SET 'auto.offset.reset'='earliest'")
    (live,) = run(f"SELECT v FROM `{name}` EMIT CHANGES LIMIT 3")
    assert len(changes_of(live, 3)) == 3
    assert live.stats().scanned <= 2 * (1 << 20) // 2000  # one fetch of 1 MiB a partition


def test_a_partition_where_nothing_comes_stops_nothing(run, clicks, produce):
    (live,) = run("SELECT v FROM clicks EMIT CHANGES")
    assert len(live.poll(0.5)) == 0
    produce(clicks, (b"k", b'{"v":7}', BEGIN, 1))
    began = time.monotonic()
    assert changes_of(live, 1) == [(1, {"V": 7})]
    assert time.monotonic() - began < 1


def test_a_partition_that_is_added_is_read_from_its_first_record(run, clicks, produce, properties):
    from confluent_kafka.admin import AdminClient, NewPartitions

    (live,) = run("SELECT v FROM clicks EMIT CHANGES")
    produce(clicks, (b"k", b'{"v":1}', BEGIN, 0))
    assert len(live.poll(2)) == 1
    changer = AdminClient({"bootstrap.servers": properties["bootstrap.servers"]})
    changer.create_partitions([NewPartitions(clicks, 3)])[clicks].result(10)
    until(lambda: len(Session(properties).engine.context.client.topic(clicks).partitions) == 3)
    produce(clicks, (b"k", b'{"v":2}', BEGIN + 1, 2), (b"k", b'{"v":3}', BEGIN + 2, 0))
    assert sorted(row["V"] for _, row in changes_of(live, 2)) == [2, 3]


def test_an_aggregate_changes_row_by_row_and_sums_up_in_a_bounded_query(run, clicks, produce):
    for n, key in enumerate("aab"):
        produce(clicks, (key.encode(), b'{"v":%d}' % n, BEGIN + n * 1000))
    sql = "SELECT u, SUM(v) AS s FROM clicks WINDOW TUMBLING (SIZE 2 SECONDS) GROUP BY u"
    (live,) = run(f"{sql} EMIT CHANGES")
    assert live.key == ()  # the window is not selected: rows cannot be told apart
    assert changes_of(live, 4) == [
        (1, {"U": "a", "S": 0}), (-1, {"U": "a", "S": 0}), (1, {"U": "a", "S": 1}),
        (1, {"U": "b", "S": 2}),
    ]  # fmt: skip
    (bounded,) = run(sql)
    assert sorted(rows_of(bounded), key=str) == [{"U": "a", "S": 1}, {"U": "b", "S": 2}]


@pytest.mark.parametrize(
    ("window", "declared"),
    [
        ("TUMBLING (SIZE 1 SECOND)", "WINDOW_TYPE='TUMBLING', WINDOW_SIZE='1 SECOND'"),
        ("SESSION (1 SECOND)", "WINDOW_TYPE='SESSION'"),
    ],
)
def test_a_windowed_record_lies_where_its_key_without_the_window_would(
    run, clicks, topic, produce, name, window, declared
):
    keys = [f"user {n}" for n in range(60)]
    plain = topic([OutgoingRecord(k.encode(), b'{"v":1}') for k in keys], partitions=5)
    produce(clicks, *((k.encode(), b'{"v":1}', BEGIN + n) for n, k in enumerate(keys)))
    run(f"""CREATE TABLE {name} WITH (KAFKA_TOPIC='{name}', PARTITIONS=5) AS
        SELECT u, COUNT(*) AS n FROM clicks WINDOW {window} GROUP BY u;
        CREATE STREAM plain (u VARCHAR KEY, v INT) WITH (KAFKA_TOPIC='{plain}', VALUE_FORMAT='JSON');
        CREATE STREAM back (u VARCHAR KEY, n BIGINT)
            WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON', {declared});""")

    def places(source: str) -> dict:
        (found,) = run(f"SELECT u, ROWPARTITION AS p FROM {source}")
        return {row["U"]: row["p"] for row in rows_of(found)}

    until(lambda: len(places("back")) == len(keys))
    assert places("back") == places("plain")


def test_emit_final_waits_for_stream_time_which_moves_with_records_alone(run, clicks, produce):
    sql = (
        "SELECT u, COUNT(*) AS n, WINDOWSTART FROM clicks"
        " WINDOW TUMBLING (SIZE 1 SECOND, GRACE PERIOD 0 SECONDS) GROUP BY u EMIT FINAL"
    )
    (live,) = run(sql)
    produce(clicks, (b"a", b'{"v":1}', BEGIN, 0), (b"a", b'{"v":1}', BEGIN + 999, 0))
    until(lambda: live.poll(0.1) is not None and live.stats().scanned == 2)
    assert len(live.poll(1.5)) == 0
    produce(clicks, (b"b", b'{"v":1}', BEGIN + 1000, 0))
    assert changes_of(live, 1) == [(1, {"U": "a", "N": 2, "WINDOWSTART": BEGIN})]


def test_two_streams_joined_within_a_time_live_and_bounded(run, clicks, topic, produce):
    views = topic(partitions=2)
    run(f"CREATE STREAM views (u VARCHAR KEY, p VARCHAR) WITH (KAFKA_TOPIC='{views}',"
        " VALUE_FORMAT='JSON')")  # fmt: skip
    sql = (
        "SELECT c.u, v, p FROM clicks c JOIN views w WITHIN 5 SECONDS GRACE PERIOD 0 SECONDS"
        " ON c.u = w.u"
    )
    (live,) = run(f"{sql} EMIT CHANGES")
    assert len(live.poll(0.3)) == 0
    produce(views, (b"a", b'{"p":"x"}', BEGIN), (b"b", b'{"p":"y"}', BEGIN))
    produce(clicks, (b"a", b'{"v":1}', BEGIN + 5000), (b"b", b'{"v":2}', BEGIN + 5001))
    expected = {"C_U": "a", "V": 1, "P": "x"}
    ((weight, row),) = changes_of(live, 1)
    assert (weight, list(row.values())) == (1, list(expected.values()))
    (bounded,) = run(sql)
    assert [list(r.values()) for r in rows_of(bounded)] == [["a", 1, "x"]]


def test_a_declared_table_has_the_latest_row_of_each_key(run, topic, produce):
    users = topic(partitions=2)
    run(f"CREATE TABLE users (id VARCHAR PRIMARY KEY, city VARCHAR) WITH (KAFKA_TOPIC='{users}',"
        " VALUE_FORMAT='JSON')")  # fmt: skip
    produce(users, (b"a", b'{"city":"x"}'), (b"b", b'{"city":"y"}'), (b"c", b'{"city":"z"}'))
    produce(users, (b"a", b'{"city":"w"}'), (b"b", None), (None, b'{"city":"nobody"}'))
    ask = lambda sql: rows_of(*run(sql))  # noqa: E731
    assert ask("SELECT * FROM users ORDER BY id") == [
        {"ID": "a", "CITY": "w"}, {"ID": "c", "CITY": "z"},
    ]  # fmt: skip
    assert ask("SELECT COUNT(*) AS n FROM users") == [{"n": 2}]
    assert ask("SELECT city FROM users WHERE id = 'a'") == [{"CITY": "w"}]
    assert ask("SELECT * FROM users WHERE city = 'x'") == []
    run("SET 'auto.offset.reset'='earliest'")
    (live,) = run("SELECT city, COUNT(*) AS n FROM users GROUP BY city EMIT CHANGES")
    shown: dict = {}
    for weight, row in changes_of(live, 7, 3):
        shown[row["CITY"]] = row["N"] if weight > 0 else None
    assert {k: n for k, n in shown.items() if n} == {"w": 1, "z": 1}


@pytest.mark.parametrize(
    ("format", "key", "value"),
    [
        ("JSON", b"7", b'{"A":"x,y","B":1.5}'),
        ("DELIMITED", b"7", b'"x,y",1.5'),
    ],
)
def test_insert_values_writes_the_declared_format(run, client, name, format, key, value):
    run(f"""
        CREATE STREAM s (k INT KEY, a VARCHAR, b DOUBLE) WITH
          (KAFKA_TOPIC='{name}', FORMAT='{format}', PARTITIONS=1);
        INSERT INTO s (k, a, b, ROWTIME) VALUES (7, 'x,' + 'y', 1.5, 1234);
        INSERT INTO s (a) VALUES ('no key');
    """)
    first, second = records(client, name)
    assert first == (key, value, 1234)
    assert second[0] is None
    assert rows_of(*run("SELECT k, a, b FROM s WHERE k = 7")) == [{"K": 7, "A": "x,y", "B": 1.5}]


def test_a_poison_record_is_an_error_row_or_the_end_as_it_was_set(run, session, clicks, produce, name):
    produce(clicks, (b"a", b'{"v":1}', BEGIN, 0), (b"a", b"{oops", BEGIN, 0), (b"a", b'{"v":2}', BEGIN, 0))
    run(f"CREATE STREAM good WITH (KAFKA_TOPIC='{name}') AS SELECT u, v FROM clicks EMIT CHANGES")
    until(lambda: queries(session)["CSAS_GOOD_1"]["written"] == 2)
    assert queries(session)["CSAS_GOOD_1"]["left out"] == 1
    (error,) = [e for e in rows_of(*run("SHOW ERRORS")) if e["topic"] == clicks]
    assert (error["partition"], error["offset"], error["bytes"]) == (0, 1, b"{oops")
    run("SET 'ksql.fail.on.deserialization.error'='true'")
    run(f"CREATE STREAM strict WITH (KAFKA_TOPIC='{name}.2') AS SELECT u, v FROM clicks EMIT CHANGES")
    failed = until(lambda: (q := queries(session)["CSAS_STRICT_2"])["state"] == "ERROR" and q)
    assert f"topic {clicks}, partition 0, offset 1" in failed["error"]
    running = {q.id: q for q in session.running()}
    assert running["CSAS_STRICT_2"].failed
    assert not running["CSAS_GOOD_1"].failed
    (live,) = run("SELECT v FROM clicks EMIT CHANGES")
    with pytest.raises(CorruptRecord):
        changes_of(live, 9)


def test_a_topic_that_is_deleted_ends_its_query_with_an_error(run, session, clicks, properties, name):
    run(f"CREATE STREAM s WITH (KAFKA_TOPIC='{name}') AS SELECT u, v FROM clicks EMIT CHANGES")
    admin.delete_topic(properties, clicks)
    failed = until(lambda: (q := queries(session)["CSAS_S_1"])["state"] == "ERROR" and q)
    assert f"topic {clicks} was deleted" in failed["error"]
    (running,) = session.running()
    assert running.failed


def test_a_sink_that_is_deleted_is_an_error_and_is_not_created_anew(
    run, session, clicks, produce, properties, client, name
):
    run(f"CREATE STREAM s WITH (KAFKA_TOPIC='{name}') AS SELECT u, v FROM clicks EMIT CHANGES")
    admin.delete_topic(properties, name)
    until(lambda: name not in [t.name for t in client.topics()])
    time.sleep(1.2)  # what a query saw of its sink counts for a second
    produce(clicks, (b"a", b'{"v":1}'))
    failed = until(lambda: (q := queries(session)["CSAS_S_1"])["state"] == "ERROR" and q)
    assert f"topic {name}, which it writes, was deleted" in failed["error"]
    assert name not in [t.name for t in client.topics()]


def test_a_sink_has_the_properties_it_was_given_and_kafkas_partitions(run, session, clicks, produce, client, name):
    from kshell.kafka.partitioner import partition_for

    now = int(time.time() * 1000)  # the broker soon deletes what is older than RETENTION_MS
    run(f"""
        CREATE STREAM s WITH (KAFKA_TOPIC='{name}', PARTITIONS=5, REPLICAS=1, KEY_FORMAT='JSON',
          VALUE_FORMAT='DELIMITED', TIMESTAMP='v', RETENTION_MS=7200000) AS
          SELECT u, CAST(v AS BIGINT) + {now} AS v FROM clicks EMIT CHANGES;
    """)  # fmt: skip
    keys = [f"user-{n}" for n in range(20)]
    produce(clicks, *((k.encode(), b'{"v":1}') for k in keys))
    until(lambda: queries(session)["CSAS_S_1"]["written"] == 20)
    until(lambda: sum(e for _, e in held(client, name).offsets.values()) == 20)
    assert len(held(client, name).offsets) == 5
    configs = {n: v for n, v, _ in client.configs(name)}
    assert configs["retention.ms"] == "7200000"
    assert set(records(client, name)) == {(b'"%s"' % k.encode(), b"%d" % (now + 1), now + 1) for k in keys}
    ends = {p: e for p, (_, e) in held(client, name).offsets.items()}
    expected = dict.fromkeys(range(5), 0)
    for key in keys:
        expected[partition_for(b'"%s"' % key.encode(), 5)] += 1
    assert ends == expected


def test_a_kept_table_that_is_behind_or_has_failed_is_a_partial_answer(run, session, clicks, produce, name):
    run(f"CREATE TABLE {name} AS SELECT u, COUNT(*) AS n FROM clicks GROUP BY u EMIT CHANGES")
    (query,) = session.running()
    run(f"PAUSE {query.id}")
    time.sleep(0.5)
    produce(clicks, *((b"a", b'{"v":1}') for _ in range(3)))

    def behind():
        (answer,) = run(f"SELECT * FROM {name}")
        assert [r["N"] for r in rows_of(answer)] == []
        return answer.notices()

    (notice,) = until(behind)
    assert (notice.kind, notice.count) == (NoticeKind.PARTIAL, 3)
    assert query.id in notice.text
    run(f"RESUME {query.id}")
    until(lambda: rows_of(*run(f"SELECT n FROM {name}")) == [{"N": 3}])
    (answer,) = run(f"SELECT n FROM {name}")
    assert (rows_of(answer), list(answer.notices())) == ([{"N": 3}], [])
    admin.delete_topic(session.properties, name.upper())
    until(lambda: queries(session)[query.id]["state"] == "ERROR")
    (answer,) = run(f"SELECT n FROM {name}")
    assert [n.kind for n in answer.notices()] == [NoticeKind.PARTIAL]
    assert "failed" in answer.notices()[0].text


def test_queries_are_paused_resumed_replaced_and_ended(run, session, clicks, produce, client, name):
    run(f"CREATE STREAM s WITH (KAFKA_TOPIC='{name}') AS SELECT u, v FROM clicks EMIT CHANGES")
    run("PAUSE CSAS_S_1")
    assert [(q.id, q.state) for q in session.running()] == [("CSAS_S_1", "paused")]
    produce(clicks, (b"a", b'{"v":1}'))
    time.sleep(0.5)
    assert queries(session)["CSAS_S_1"]["written"] == 0
    run("RESUME CSAS_S_1")
    until(lambda: queries(session)["CSAS_S_1"]["written"] == 1)
    (told,) = run("CREATE STREAM IF NOT EXISTS s AS SELECT * FROM clicks EMIT CHANGES")
    assert "exists already" in told.text
    run("CREATE TABLE n AS SELECT u, COUNT(*) AS n FROM s GROUP BY u EMIT CHANGES")
    with pytest.raises(KshellError, match=r"Cannot drop S\.\n.*CTAS_N_2"):
        run("DROP STREAM s")
    (shown,) = run("EXPLAIN CTAS_N_2")
    assert isinstance(shown, Sections)
    with pytest.raises(UnknownName, match="NOPE"):
        run("TERMINATE nope")
    run("TERMINATE CTAS_N_2; DROP TABLE n DELETE TOPIC")
    until(lambda: "N" not in [t.name for t in client.topics()])
    run(f"CREATE OR REPLACE STREAM s WITH (KAFKA_TOPIC='{name}') AS SELECT u, v, v AS w FROM clicks EMIT CHANGES")
    assert [q.id for q in session.running()] == ["CSAS_S_3"]
    run("DROP STREAM s DELETE TOPIC")
    assert queries(session) == {}


def test_insert_select_goes_on_beside_the_query_that_made_the_stream(run, session, clicks, produce, topic, client, name):
    more = topic()
    run(f"""
        CREATE STREAM more (u VARCHAR KEY, v INT) WITH (KAFKA_TOPIC='{more}', VALUE_FORMAT='JSON');
        CREATE STREAM s WITH (KAFKA_TOPIC='{name}') AS SELECT u, v FROM clicks EMIT CHANGES;
        INSERT INTO s SELECT u, v * 10 AS v FROM more EMIT CHANGES;
    """)
    produce(clicks, (b"a", b'{"v":1}', BEGIN))
    produce(more, (b"b", b'{"v":2}', BEGIN + 1))
    until(lambda: sum(e for _, e in held(client, name).offsets.values()) == 2)
    assert records(client, name) == [(b"a", b'{"V":1}', BEGIN), (b"b", b'{"V":20}', BEGIN + 1)]


def test_types_spool_scripts_and_asserts(run, session, name, tmp_path):
    script = tmp_path / "s.sql"
    script.write_text(f"""
        CREATE TYPE address AS STRUCT<street VARCHAR, no INT>;
        CREATE STREAM people (id INT KEY, a address) WITH
          (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON', PARTITIONS=1);
        INSERT INTO people VALUES (1, STRUCT(street := 'x', no := 2));
    """)
    run(f"RUN SCRIPT '{script}'")
    assert rows_of(*run("SELECT a->street AS s FROM people")) == [{"s": "x"}]
    run("ASSERT VALUES people (id) VALUES (1)")
    run(f"ASSERT TOPIC {name} WITH (PARTITIONS=1); ASSERT NOT EXISTS TOPIC {name}x")
    with pytest.raises(KshellError, match="does not exist"):
        run(f"ASSERT TOPIC {name}x")
    run("INSERT INTO people VALUES (2, NULL)")
    with pytest.raises(KshellError, match="Expected ID 3, actual ID 2"):
        run("ASSERT VALUES people (id) VALUES (3)")
    script.write_text("SHOW TYPES;\n  SELECT FROM;")
    with pytest.raises(KshellError, match=re.escape(f"{script}, line 2: ")):
        run(f"RUN SCRIPT '{script}'")


def start(kafka, *arguments: str, **more) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*KSHELL, "-b", kafka.bootstrap, *arguments], text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, **more,
    )  # fmt: skip


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_script_stays_with_its_queries_until_it_is_stopped(kafka, topic, produce, client, name, tmp_path, sent, code):
    events = topic()
    script = tmp_path / "s.sql"
    spooled = tmp_path / "out.txt"
    script.write_text(f"""
        SPOOL '{spooled}';
        SET 'auto.offset.reset'='earliest';
        CREATE STREAM e (k VARCHAR KEY, v INT) WITH (KAFKA_TOPIC='{events}', VALUE_FORMAT='JSON');
        CREATE STREAM s WITH (KAFKA_TOPIC='{name}') AS SELECT k, v FROM e EMIT CHANGES;
        SHOW STREAMS;
    """)
    running = start(kafka, "-f", str(script), env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)})
    try:
        until(lambda: name in [t.name for t in client.topics()])
        produce(events, *((b"k", b'{"v":%d}' % n) for n in range(1000)))
        until(lambda: sum(e for _, e in held(client, name).offsets.values()) > 0)
        running.send_signal(sent)
        assert running.wait(15) == code
    finally:
        running.kill()
    out, err = running.communicate()
    assert "CSAS_S_1 still runs; Ctrl-C stops." in err
    assert "Traceback" not in err
    assert spooled.read_text() == out
    assert [json.loads(line)["stream"] for line in out.splitlines()] == ["E", "S"]


@pytest.mark.parametrize(
    ("format", "good"), [("JSON", b'{"v":1}'), ("DELIMITED", b"1"), ("KAFKA", b"\0\0\0\1")]
)
def test_a_record_that_cannot_be_decoded_counts_nowhere(run, session, topic, name, format, good):
    """Though a query needs nothing of its value: bounded and continuous queries have one reader."""
    events = topic([OutgoingRecord(b"k", b"no value"), OutgoingRecord(b"k", good)])
    run(f"""SET 'auto.offset.reset'='earliest';
        CREATE STREAM e (k VARCHAR KEY, v INT) WITH (KAFKA_TOPIC='{events}', VALUE_FORMAT='{format}');
        CREATE TABLE {name} AS SELECT k, COUNT(*) AS n FROM e GROUP BY k;""")
    (bounded,) = run("SELECT k, COUNT(*) AS n FROM e GROUP BY k")
    (kept,) = run(f"SELECT n FROM {name}")
    assert [r["n"] for r in rows_of(bounded)] == [1]
    assert [r["N"] for r in rows_of(kept)] == [1]


@pytest.mark.parametrize(
    ("last", "said"), [("EXIT", "failed: topic"), ("SELECT nothing FROM s", "no column named nothing")]
)
def test_a_script_that_leaves_says_which_queries_failed_before(kafka, topic, name, tmp_path, last, said):
    """What a failed query did not write is missing: exit code 0 would hide it."""
    events = topic([OutgoingRecord(b"k", b"no json")])
    script = f"""
        SET 'auto.offset.reset'='earliest'; SET 'ksql.fail.on.deserialization.error'='true';
        CREATE STREAM e (k VARCHAR KEY, v INT) WITH (KAFKA_TOPIC='{events}', VALUE_FORMAT='JSON');
        CREATE STREAM s WITH (KAFKA_TOPIC='{name}') AS SELECT k, v FROM e;
        CREATE TABLE kept AS SELECT k, SUM(v) AS n FROM e GROUP BY k;
        SELECT * FROM kept; SHOW QUERIES; {last};"""
    home = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path)}
    out, err = (running := start(kafka, "-e", script, env=home)).communicate(timeout=30)
    assert '"query":"CSAS_S_1","state":"ERROR"' in out
    assert re.search(r"uery CSAS_S_1 failed: topic .*, partition 0, offset 0", err)
    assert re.search(r"uery CTAS_KEPT_2 failed: topic", err)
    assert said in err
    assert running.returncode == 1


def test_a_pipe_gets_jsonl_of_an_aggregate_and_of_its_deletions(kafka, topic, produce, tmp_path):
    users = topic()
    produce(users, (b"a", b'{"c":"x"}'), (b"a", b'{"c":"y"}'), (b"a", None))
    running = start(
        kafka, "-e", f"CREATE TABLE u (id VARCHAR PRIMARY KEY, c VARCHAR) WITH (KAFKA_TOPIC='{users}',"
        " VALUE_FORMAT='JSON'); SET 'auto.offset.reset'='earliest';"
        " SELECT id, c FROM u EMIT CHANGES", env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
    )  # fmt: skip
    try:
        lines = [json.loads(running.stdout.readline()) for _ in range(3)]
    finally:
        running.send_signal(signal.SIGINT)
        running.wait(10)
    assert lines == [{"ID": "a", "C": "x"}, {"ID": "a", "C": "y"}, {"-": {"ID": "a", "C": "y"}}]


def test_explain_says_where_a_query_begins(run, topic):
    people, clicks = topic([OutgoingRecord(b"u1", b'{"city":"Bern"}')]), topic([])
    (*_, told) = run(f"""
        CREATE TABLE people (k VARCHAR PRIMARY KEY, city VARCHAR) WITH
          (KAFKA_TOPIC='{people}', VALUE_FORMAT='JSON', KEY_FORMAT='KAFKA');
        CREATE STREAM clicks (k VARCHAR KEY, n INT) WITH
          (KAFKA_TOPIC='{clicks}', VALUE_FORMAT='JSON', KEY_FORMAT='KAFKA');
        EXPLAIN SELECT n, city FROM clicks c JOIN people p ON c.k = p.k EMIT CHANGES;""")
    assert told.parts[0].text == (
        "Continuous: starts at the end ('auto.offset.reset' is latest). PEOPLE, which it looks up,"
        f" is read from its first record. Reads {clicks}, {people}."
    )


def test_a_table_is_asked_right_after_it_was_made(run, topic, name):
    orders = topic([OutgoingRecord(b"k%d" % (n % 7), b'{"n":%d}' % n) for n in range(20_000)], partitions=3)
    (*_, answer) = run(f"""
        SET 'auto.offset.reset'='earliest';
        CREATE TABLE {name} AS SELECT ROWKEY, COUNT(*) AS c, SUM(n) AS s FROM `{orders}` GROUP BY ROWKEY;
        SELECT SUM(c) AS c, SUM(s) AS s FROM {name};""")
    assert rows_of(answer) == [{"c": 20_000, "s": 20_000 * 19_999 // 2}]
    assert not answer.notices()


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("RETENTION_MS=7200000", {"cleanup.policy": "delete", "retention.ms": "7200000"}),
        ("RETENTION_MS=7200000, CLEANUP_POLICY='compact,delete'", {"cleanup.policy": "compact,delete", "retention.ms": "7200000"}),
    ],
)
def test_a_stream_makes_its_topic_with_what_is_said_of_it(run, client, name, said, wanted):
    declared = f"CREATE STREAM {{}} (k STRING KEY, v INT) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='JSON', PARTITIONS={{}}, {{}})"
    (told,) = run(declared.format("s", 2, said))
    assert told.text == "Stream S is created."
    configs = {n: v for n, v, _ in client.configs(name)}
    assert wanted.items() <= configs.items()
    assert len(client.topic(name).partitions) == 2
    run(f"ASSERT TOPIC `{name}` WITH (PARTITIONS=2, REPLICAS=1, {said})")
    with pytest.raises(KshellError, match="already exists, with different partition/replica"):
        run(declared.format("t", 3, said))
    (told,) = run(declared.format("t", 2, "RETENTION_MS=5"))
    assert f"Topic {name} stays as it is: retention.ms 7200000, not 5." in told.text


@pytest.mark.parametrize(
    ("said", "window", "wanted"),
    [
        ("", "", {"cleanup.policy": "compact"}),
        (", CLEANUP_POLICY='compact,delete', RETENTION_MS=7200000", "", {"cleanup.policy": "compact,delete", "retention.ms": "7200000"}),
        ("", "WINDOW TUMBLING (SIZE 1 MINUTE, RETENTION 3 HOURS, GRACE PERIOD 0 SECONDS)", {"cleanup.policy": "compact,delete", "retention.ms": "10800000"}),
    ],
)  # fmt: skip
def test_a_tables_topic_is_compacted_unless_with_says_otherwise(run, clicks, client, name, said, window, wanted):
    run(f"CREATE TABLE t WITH (KAFKA_TOPIC='{name}'{said}) AS SELECT u, COUNT(*) AS n FROM clicks {window} GROUP BY u EMIT CHANGES")
    configs = {n: v for n, v, _ in client.configs(name)}
    assert wanted.items() <= configs.items()


def test_isolation_is_the_statements(run, session, topic, kafka):
    from confluent_kafka import Producer as Sender

    name = topic()
    sender = Sender({"bootstrap.servers": kafka.bootstrap, "transactional.id": uuid.uuid4().hex, "log_level": 0})
    sender.init_transactions(10)
    sender.begin_transaction()
    sender.produce(name, b'{"n":1}')
    sender.flush(10)  # open: a reader of committed records sees none of it
    count = f"SELECT COUNT(*) AS n FROM `{name}`"
    assert next(run(count)[0].batches).to_pylist() == [{"n": 0}]
    run("SET 'isolation.level'='read_uncommitted'; SET 'auto.offset.reset'='earliest'")
    assert next(run(count)[0].batches).to_pylist() == [{"n": 1}]
    (live,) = run(f"SELECT n FROM `{name}` EMIT CHANGES LIMIT 1")
    assert changes_of(live, 1) == [(1, {"n": 1})]
    run("SET 'isolation.level'='read_committed'")
    assert next(run(count)[0].batches).to_pylist() == [{"n": 0}]
    sender.abort_transaction(10)


def test_who_chose_the_partitions_is_the_statements(run, session, topic):
    name = topic([OutgoingRecord(b"k%d" % n, b'{"n":1}') for n in range(40)], partitions=4)
    explain = f"EXPLAIN SELECT * FROM `{name}` WHERE ROWKEY = 'k1'"

    def partitions():
        (shown,) = run(explain)
        return sum(b.num_rows for b in shown.parts[1].batches)

    assert partitions() == 4
    run("SET 'kshell.partitioner'='murmur2'")
    assert partitions() == 1


def test_a_query_in_the_background_obeys_what_was_set_of_the_topic(run, session, topic, produce, client, name):
    source = topic([OutgoingRecord(None, b'{"n":1}')])
    run("SET 'auto.offset.reset'='earliest'")
    run(f"SET 'topic.{source}.value.format'='KAFKA'")
    (shown,) = run(f"EXPLAIN CREATE STREAM s WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='KAFKA') AS SELECT * FROM `{source}`")
    assert "VALUE" in shown.parts[1].text
    run(f"CREATE STREAM s WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='KAFKA') AS SELECT VALUE FROM `{source}` EMIT CHANGES")
    until(lambda: queries(session)["CSAS_S_1"]["written"] == 1)
    assert [value for _, value, _ in records(client, name)] == [b'{"n":1}']


def copying(broker, timeout: int):
    """A producer to the topic src, and a session with a query that copies it to s."""
    properties = Properties({"bootstrap.servers": broker.bootstrap, "auto.offset.reset": "earliest"})
    admin.create_topic(properties, "src", partitions=1, replicas=1, configs={})
    producer, session = Producer(properties), Session(properties)
    until(lambda: session.engine.context.client.find("src"))
    list(session.execute(
        "CREATE STREAM src (n BIGINT) WITH (KAFKA_TOPIC='src', VALUE_FORMAT='JSON');"
        f"SET 'delivery.timeout.ms'='{timeout}'; CREATE STREAM s WITH (KAFKA_TOPIC='s') AS SELECT n FROM src EMIT CHANGES"
    ))  # fmt: skip
    return producer, session, session.engine.context.queries["CSAS_S_1"]


def test_a_query_outlives_its_cluster_and_writes_all_of_it_once(own_broker):
    producer, session, query = copying(own_broker, 4000)
    producer.send("src", [OutgoingRecord(None, b'{"n":%d}' % n, n + 1) for n in range(1000)])
    producer.flush()
    until(lambda: query.written == 1000)
    query.pause()
    producer.send("src", [OutgoingRecord(None, b'{"n":%d}' % n, n + 1) for n in range(1000, 2000)])
    producer.flush()
    time.sleep(1)  # they are fetched, and wait
    own_broker.pause()
    query.resume()
    until(lambda: "not acknowledged" in session.running()[0].state)
    until(lambda: queries(session)["CSAS_S_1"]["state"] == "ERROR", 20)
    said = queries(session)["CSAS_S_1"]["error"]
    assert re.fullmatch(r"1,000 records not acknowledged for \d+ s \(stands at src-0 at offset 2000\)", said)
    own_broker.resume()
    list(session.execute("RESUME CSAS_S_1"))
    client = session.engine.context.client
    until(lambda: held(client, "s").offsets[0][1] == 2000, 30)
    assert [value for _, value, _ in records(client, "s")] == [b'{"N":%d}' % n for n in range(2000)]
    assert queries(session)["CSAS_S_1"]["state"] == "RUNNING"
    session.close()


def test_a_query_that_stood_still_and_was_acknowledged_after_all_ends_with_its_own_error(own_broker):
    producer, session, query = copying(own_broker, 2000)
    query.pause()
    producer.send("src", [OutgoingRecord(None, b'{"n":%d}' % n, n + 1) for n in range(10)])
    producer.flush()
    time.sleep(1)  # they are fetched, and wait
    own_broker.pause()
    query.resume()
    until(lambda: query.state.name == "ERROR", 20)
    own_broker.resume()
    until(lambda: query._producer.unwritten == 0, 20)
    query.stop()
    assert query.error.what.startswith("10 records not acknowledged")
    assert query.state.name == "ERROR"
    session.close()


def test_leaving_while_the_cluster_is_away_says_what_is_unwritten(own_broker):
    properties = Properties({"bootstrap.servers": own_broker.bootstrap})
    admin.create_topic(properties, "s", partitions=1, replicas=1, configs={})
    producer = Producer(properties)
    producer.send("s", [OutgoingRecord(None, b"first")])
    producer.flush()
    own_broker.pause()
    producer.send("s", [OutgoingRecord(None, b"%d" % n) for n in range(5)])
    began = time.monotonic()
    with pytest.raises(KshellError, match="5 records left unwritten"):
        producer.leave()
    assert time.monotonic() - began < 14
    own_broker.resume()
