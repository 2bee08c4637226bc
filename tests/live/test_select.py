"""Bounded and continuous SELECT on real Kafka, against kcat and against what was written."""

from __future__ import annotations

import json
import subprocess
import time

import pytest

from kshell.errors import BindError, KshellError, UnknownName
from kshell.kafka.produce import OutgoingRecord, Producer
from kshell.results import Notice, NoticeKind

pytestmark = pytest.mark.live


def record(n: int, **more) -> OutgoingRecord:
    value = {"n": n, "region": f"r{n % 3}", "nested": {"x": {"y": n * 2}}, **more}
    return OutgoingRecord(b"k%d" % (n % 7), json.dumps(value).encode(), timestamp=1_000 + n)


def test_an_answer_is_what_was_written(topic, ask):
    name = topic([record(n) for n in range(1000)], partitions=3)
    assert ask(f"SELECT region, COUNT(*) c, SUM(n) s FROM `{name}` GROUP BY region ORDER BY 1") == [
        {"region": "r0", "c": 334, "s": 166833},
        {"region": "r1", "c": 333, "s": 166167},
        {"region": "r2", "c": 333, "s": 166500},
    ]


def test_nested_fields(topic, ask):
    name = topic([record(21)])
    assert ask(f"SELECT nested->x->y AS y, nested FROM `{name}`") == [
        {"y": 42, "nested": {"x": {"y": 42}}}
    ]


def test_a_sample_decides_no_answer(topic, ask):
    prices = [10] * 210 + [10.5] * 10 + [10] * 210
    name = topic([OutgoingRecord(None, b'{"price":%s}' % str(p).encode()) for p in prices], partitions=1)
    assert ask(f"SELECT COUNT(*) AS n FROM `{name}` WHERE price > 10.2") == [{"n": 10}]
    assert ask(f"SELECT COUNT(*) AS n, SUM(price) AS s FROM `{name}`") == [{"n": 430, "s": 4305.0}]


def test_ids_near_two_to_the_64_stay_apart(topic, ask):
    ids = [2**64 - 1, 2**64 - 2, 2**64 - 3]
    name = topic([OutgoingRecord(None, b'{"id":%d}' % i) for i in ids], partitions=1)
    assert ask(f"SELECT id, COUNT(*) AS n FROM `{name}` GROUP BY id ORDER BY id DESC") == [
        {"id": i, "n": 1} for i in ids
    ]


def test_the_same_records_as_kcat(topic, ask, kafka, kcat):
    name = topic([record(n) for n in range(500)], partitions=4)
    out = subprocess.run(
        [kcat, "-C", "-b", kafka.bootstrap, "-t", name, "-e", "-q", "-f", "%p %o %k %T %s\n"],
        capture_output=True, text=True, check=True, timeout=30,
    ).stdout  # fmt: skip
    theirs = sorted(line.split(" ", 4) for line in out.splitlines())
    ours = sorted(
        [str(r["ROWPARTITION"]), str(r["ROWOFFSET"]), r["ROWKEY"], str(r["ROWTIME"]), r["n"]]
        for r in ask(f"SELECT ROWPARTITION, ROWOFFSET, ROWKEY, ROWTIME, n FROM `{name}`")
    )
    assert [(*t[:4], json.loads(t[4])["n"]) for t in theirs] == [tuple(o) for o in ours]


@pytest.mark.parametrize("name", ["page.views-v1", "Mixed_Case", "a.b.c"])
def test_names_with_dots_and_dashes_bare_and_quoted(topic, ask, name):
    topic([record(1)], name=name)
    for written in (name, f"`{name}`", f'"{name}"', name.upper()):
        assert ask(f"SELECT n FROM {written}") == [{"n": 1}]


def test_joins_ctes_windows_and_subqueries(topic, ask):
    left = topic([record(n) for n in range(10)])
    right = topic([OutgoingRecord(b"x", b'{"region":"r1","name":"one"}')])
    rows = ask(
        f"WITH big AS (SELECT * FROM `{left}` WHERE n > 3) "
        f"SELECT b.n, r.name, row_number() OVER (ORDER BY b.n) AS i FROM big b "
        f"JOIN `{right}` r ON r.region = b.region WHERE b.n < (SELECT MAX(n) FROM `{left}`) ORDER BY 1"
    )
    assert rows == [{"n": 4, "name": "one", "i": 1}, {"n": 7, "name": "one", "i": 2}]


def test_headers_keys_and_tombstones(topic, ask):
    name = topic(
        [
            OutgoingRecord(b"k", b'{"a":1}', 5, headers=[("trace", b"t1"), ("empty", None)]),
            OutgoingRecord(b"k", None, 6),
        ]
    )
    assert ask(f"SELECT ROWKEY, ROWHEADERS, a FROM `{name}` ORDER BY ROWOFFSET") == [
        {"ROWKEY": "k", "a": 1, "ROWHEADERS": [
            {"KEY": "trace", "VALUE": b"t1"}, {"KEY": "empty", "VALUE": None}]},
        {"ROWKEY": "k", "a": None, "ROWHEADERS": []},
    ]  # fmt: skip


def test_an_empty_topic_has_no_rows_and_its_offsets(topic, ask, session):
    name = topic(partitions=2)
    (result,) = session.execute(f"SELECT * FROM `{name}`")
    assert list(result.batches) == []
    assert list(result.notices()) == [
        Notice(NoticeKind.EMPTY, f"topic {name} is empty; its partitions end at 0: 0, 1: 0")
    ]
    assert ask(f"SELECT COUNT(*) AS n FROM `{topic(partitions=2)}`") == [{"n": 0}]


def test_bad_records_are_told_and_harm_nothing(topic, session):
    good = [record(n) for n in range(400)]
    bad = [OutgoingRecord(b"k", b"{broken"), OutgoingRecord(b"k", b"[1]")]
    name = topic([*good[:200], *bad, *good[200:]])  # out of the sample's reach
    (result,) = session.execute(f"SELECT n FROM `{name}`")
    rows = [r for b in result.batches for r in b.to_pylist()]
    (errors,) = session.execute("SHOW ERRORS")
    told = [r for b in errors.batches for r in b.to_pylist()]
    assert sorted(r["n"] for r in rows) == list(range(400))
    (notice,) = result.notices()
    assert (notice.kind, notice.count) == (NoticeKind.UNDECODABLE, 2)
    assert [(t["offset"], t["reason"]) for t in told] == [
        (200, "not valid JSON"),
        (201, "a JSON array, where an object was expected"),
    ]


@pytest.mark.parametrize("limit", [30, 400])
def test_a_scan_limit_makes_the_answer_partial_only_where_records_are_left(topic, session, limit):
    name = topic([record(n) for n in range(30)])
    list(session.execute(f"SET 'kshell.scan.max.records'='{limit}'"))
    (result,) = session.execute(f"SELECT n FROM `{name}`")
    assert sum(b.num_rows for b in result.batches) == 30
    assert list(result.notices()) == []


def test_a_scan_that_stops_at_a_limit_says_how_many_it_did_not_read(topic, session, properties):
    name = topic()
    producer = Producer(properties)
    for part in range(3):  # a batch each, and a fetch of each: PARTITION_BYTES is 1 MiB
        pad = "x" * 2000
        records = [b'{"n":%d,"pad":"%s"}' % (n, pad.encode()) for n in range(part * 600, part * 600 + 600)]
        producer.send(name, [OutgoingRecord(None, r) for r in records])
        producer.flush()
    for sql in ("SELECT n FROM `{}`", "SELECT COUNT(*) AS n FROM `{}`"):
        list(session.execute("SET 'kshell.scan.max.records'='1'"))
        (result,) = session.execute(sql.format(name))
        rows = [r["n"] for b in result.batches for r in b.to_pylist()]
        read = rows[0] if "COUNT" in sql else len(rows)
        (notice,) = result.notices()
        assert read == 1
        assert (notice.kind, notice.count) == (NoticeKind.PARTIAL, 1799)
        assert "1 record (kshell.scan.max.*)" in notice.text


def test_values_that_are_no_json_are_text_or_bytes(topic, ask):
    text = topic([OutgoingRecord(None, b"hello"), OutgoingRecord(None, "wörld".encode())])
    assert [r["VALUE"] for r in ask(f"SELECT * FROM `{text}`")] == ["hello", "wörld"]
    raw = topic([OutgoingRecord(None, b"\x00\xff\x01"), OutgoingRecord(None, b"\xfe")])
    assert [r["VALUE"] for r in ask(f"SELECT * FROM `{raw}`")] == [b"\x00\xff\x01", b"\xfe"]


def test_records_written_after_the_start_are_not_in_the_answer(topic, session, properties):
    name = topic([record(n) for n in range(100)])
    (result,) = session.execute(f"SELECT n FROM `{name}`")
    producer = Producer(properties)
    producer.send(name, [record(n) for n in range(100, 200)])
    producer.flush()
    assert sum(b.num_rows for b in result.batches) == 100


def test_rowtime_rowkey_and_partition_read_less(topic, session, ask):
    name = topic([record(n) for n in range(700)], partitions=3)
    [*session.execute("SET 'kshell.partitioner'='murmur2'")]
    (plan,) = session.execute(f"EXPLAIN SELECT n FROM `{name}` WHERE ROWKEY = 'k3'")
    ranges = [r for b in plan.parts[1].batches for r in b.to_pylist()]
    assert len(ranges) == 1
    assert len(ask(f"SELECT n FROM `{name}` WHERE ROWKEY = 'k3'")) == 100
    assert len(ask(f"SELECT n FROM `{name}` WHERE ROWTIME >= 1600")) == 100
    assert len(ask(f"SELECT n FROM `{name}` WHERE ROWPARTITION = 1")) == ask(
        f"SELECT COUNT(*) c FROM `{name}` WHERE ROWPARTITION = 1"
    )[0]["c"]


def test_a_predicate_and_the_same_one_made_opaque(topic, ask):
    """Records without a time, times out of order, and keys in the middle that another partitioner placed."""
    times = [5000, -1, 9000, 0, 2000, -1, 8000]
    keys = [b"k%d" % (n % 3) for n in range(300)]
    name = topic([OutgoingRecord(k, b'{"n":%d}' % n, times[n % 7]) for n, k in enumerate(keys)], partitions=3)
    for where in (
        "ROWTIME >= -1", "ROWTIME = -1", "ROWTIME < 0", "ROWTIME > -1", "ROWTIME >= 0", "ROWTIME BETWEEN -5 AND 2000",
        "ROWTIME < 8000", "ROWTIME > 'infinity'::DOUBLE", "ROWTIME < 1e30", "ROWTIME > -1e400::DOUBLE",
        "ROWOFFSET > -99999999999999999999", "ROWOFFSET <= 3.5", "ROWKEY = 'k1'", "ROWKEY IN ('k0', 'k2')",
        "ROWPARTITION IN (0, 1.5)", "ROWTIME >= 8000 AND ROWKEY = 'k2'",
    ):  # fmt: skip
        count = f"SELECT COUNT(*) AS c FROM `{name}` WHERE "
        assert ask(count + where) == ask(f"{count} coalesce({where}, false) OR n < 0"), where
    newest = f"SELECT n FROM `{name}` WHERE ROWTIME < 0 ORDER BY ROWTIME DESC LIMIT 90"
    assert len(ask(newest)) == ask(f"SELECT COUNT(*) AS c FROM `{name}` WHERE ROWTIME = -1")[0]["c"] == 86


def test_old_records_out_of_order_are_not_missed_by_a_time_bound(topic, ask):
    times = [5000, 1000, 9000, 2000, 8000, 3000]
    name = topic([OutgoingRecord(None, b'{"t":%d}' % t, t) for t in times])
    assert sorted(r["t"] for r in ask(f"SELECT t FROM `{name}` WHERE ROWTIME >= 4000")) == [
        5000, 8000, 9000]  # fmt: skip
    assert sorted(r["t"] for r in ask(f"SELECT t FROM `{name}` WHERE ROWTIME < 4000")) == [
        1000, 2000, 3000]  # fmt: skip
    assert ask(f"SELECT t FROM `{name}` ORDER BY ROWTIME DESC LIMIT 2") == [{"t": 9000}, {"t": 8000}]


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_every_codec_of_a_real_producer(topic, ask, kafka, codec):
    from confluent_kafka import Producer as Sender

    name = topic()
    sender = Sender({"bootstrap.servers": kafka.bootstrap, "compression.type": codec, "linger.ms": 50})
    for n in range(2000):
        sender.produce(name, value=b'{"n":%d,"text":"some text to compress"}' % n)
    sender.flush()
    assert ask(f"SELECT COUNT(*) c, SUM(n) s FROM `{name}`") == [{"c": 2000, "s": 1999000}]


def test_a_continuous_select_gives_what_arrives(topic, session, properties):
    name = topic([record(0)])
    (live,) = session.execute(f"SELECT n, region FROM `{name}` WHERE n > 1 EMIT CHANGES LIMIT 3")
    assert len(live.poll(0.5)) == 0
    producer = Producer(properties)
    producer.send(name, [record(n) for n in range(1, 9)])
    producer.flush()
    rows, end = [], time.monotonic() + 10
    while (changes := live.poll(0.2)) is not None and time.monotonic() < end:
        rows += changes.rows.to_pylist()
    assert rows == [{"n": n, "region": f"r{n % 3}"} for n in (2, 3, 4)]


def test_a_continuous_select_from_the_beginning(topic, session):
    name = topic([record(n) for n in range(5)])
    list(session.execute("SET 'auto.offset.reset'='earliest'"))
    (live,) = session.execute(f"SELECT n FROM `{name}` EMIT CHANGES LIMIT 5")
    rows, end = [], time.monotonic() + 10
    while (changes := live.poll(0.2)) is not None and time.monotonic() < end:
        rows += changes.rows.to_pylist()
    assert [r["n"] for r in rows] == [0, 1, 2, 3, 4]


def test_insert_and_read_back(topic, session, ask):
    name = topic([record(1)], partitions=2)
    (told,) = session.execute(
        f"INSERT INTO `{name}` (ROWKEY, ROWTIME, N, region) VALUES ('x', 77, 5, 'it''s'), ('y', 78, 6, NULL)"
    )
    assert told.text == f"2 records written to {name}."
    assert ask(f"SELECT ROWKEY, ROWTIME, n, region FROM `{name}` WHERE n > 1 ORDER BY n") == [
        {"ROWKEY": "x", "ROWTIME": 77, "n": 5, "region": "it's"},
        {"ROWKEY": "y", "ROWTIME": 78, "n": 6, "region": None},
    ]
    with pytest.raises(BindError, match="^2 columns and 1 value$") as raised:
        list(session.execute(short := f"INSERT INTO `{name}` (N, region) VALUES (7, 'a'), (8)"))
    assert raised.value.hint == "the columns are n, region"
    assert raised.value.place.column == short.rindex("8") + 1
    assert ask(f"SELECT count(*) AS c FROM `{name}`") == [{"c": 3}]


def test_print(topic, session):
    name = topic([OutgoingRecord(b"k", b"not json", 9), OutgoingRecord(None, b'{"a":1}', 10)])
    (live,) = session.execute(f"PRINT `{name}` FROM BEGINNING LIMIT 2")
    rows, end = [], time.monotonic() + 10
    while (changes := live.poll(0.2)) is not None and time.monotonic() < end:
        rows += changes.rows.to_pylist()
    assert [(r["key"], r["value"], r["timestamp"]) for r in rows] == [
        ("k", "not json", 9), (None, '{"a":1}', 10)]  # fmt: skip


def test_print_every_third_record(topic, session):
    name = topic([record(n) for n in range(8)], partitions=1)
    (live,) = session.execute(f"PRINT `{name}` FROM BEGINNING INTERVAL 3 LIMIT 2")
    rows, end = [], time.monotonic() + 10
    while (changes := live.poll(0.2)) is not None and time.monotonic() < end:
        rows += changes.rows.to_pylist()
    assert [r["offset"] for r in rows] == [0, 3]
    assert (live.stats().rows, live.stats().scanned) == (2, 8)


def test_show_and_describe(topic, session):
    name = topic([record(1), record(2)], partitions=2, max_message_bytes=123456)
    (topics,) = session.execute("SHOW TOPICS EXTENDED")
    (mine,) = [r for b in topics.batches for r in b.to_pylist() if r["topic"] == name]
    assert (mine["partitions"], mine["replicas"], mine["records up to"]) == (2, 1, 2)
    (described,) = session.execute(f"DESCRIBE `{name}`")
    summary, columns, partitions, configs = described.parts
    assert "100% are JSON" in summary.text
    assert [(r["column"], r["type"]) for b in columns.batches for r in b.to_pylist()] == [
        ("ROWKEY", "STRING"), ("n", "BIGINT"), ("region", "STRING"),
        ("nested", "STRUCT<`x` STRUCT<`y` BIGINT>>")]  # fmt: skip
    assert [r["leader"] for b in partitions.batches for r in b.to_pylist()] == [1, 1]
    assert {"config": "max.message.bytes", "value": "123456"} in [
        r for b in configs.batches for r in b.to_pylist()]  # fmt: skip


def test_an_unknown_topic_names_the_nearest(topic, session):
    topic(name="clickstream")
    with pytest.raises(UnknownName) as error:
        list(session.execute("SELECT * FROM clikstream"))
    assert error.value.hint == "did you mean clickstream?"
    assert error.value.place.column == 15


@pytest.mark.parametrize(
    ("select", "message"),
    [
        ("COUNT(*)", "aggregate function .* without a GROUP BY"),
        ("MAX(n)", "aggregate function .* without a GROUP BY"),
        ("row_number() OVER ()", "OVER"),
    ],
)
def test_what_needs_a_group_or_all_rows_is_refused_in_a_continuous_query(
    topic, session, select, message
):
    name = topic([record(1)])
    with pytest.raises(KshellError, match=message):
        list(session.execute(f"SELECT {select} FROM `{name}` EMIT CHANGES"))
