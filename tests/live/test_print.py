"""PRINT on real Kafka: ranges of offsets, of moments and from the ends, across partitions."""

from __future__ import annotations

import time

import pytest

from kshell.errors import BindError, UnknownName
from kshell.kafka.produce import OutgoingRecord, Producer

AT = 1_700_000_000_000  # 2023-11-14T22:13:20Z


def printed(session, text, seconds=15):
    """(partition, offset, value) of the records, of a PRINT that ends by itself."""
    (live,) = session.execute(text)
    assert live.ends
    rows, deadline = [], time.monotonic() + seconds
    while (changes := live.poll(0.2)) is not None:
        assert time.monotonic() < deadline, rows
        rows += changes.rows.to_pylist()
    return [(r["partition"], r["offset"], r["value"]) for r in rows]


@pytest.fixture
def three(topic, properties):
    """A topic of three partitions: 5, 2 and no records, ten seconds apart, in turns."""
    name = topic(partitions=3)
    producer = Producer(properties)
    places = [(0, "a0"), (1, "b0"), (0, "a1"), (1, "b1"), (0, "a2"), (0, "a3"), (0, "a4")]
    producer.send(name, [
        OutgoingRecord(b"k", text.encode(), AT + 10_000 * n, partition=p) for n, (p, text) in enumerate(places)
    ])  # fmt: skip
    producer.flush()
    return name


A = [(0, n, f"a{n}") for n in range(5)]
B = [(1, n, f"b{n}") for n in range(2)]


@pytest.mark.parametrize(("clauses", "wanted"), [
    ("FROM BEGINNING TO END", A + B),
    ("TO END", A + B),
    ("FROM 1 TO 4", A[1:4] + B[1:]),
    ("FROM 0 TO 1", A[:1] + B[:1]),
    ("FROM 99 TO END", []),
    ("FROM -2 TO END", A[3:] + B),
    ("FROM -3 TO -1", A[2:4] + B[:1]),
    ("FROM BEGINNING TO BEGINNING", []),
    ("PARTITION 1 TO END", B),
    ("PARTITION 0 FROM 2 TO 999", A[2:]),
    ("PARTITION 2 TO END", []),
    ("FROM '2023-11-14T22:13:50Z' TO END", A[2:] + B[1:]),
    ("FROM '@1700000010000' TO '@1700000050000'", A[1:3] + B),
    ("TO '@-1m'", A + B),
    ("FROM '@-1m' TO END", []),
    ("FROM BEGINNING TO END WHERE ROWOFFSET = 1 OR ROWPARTITION = 1", [A[1], *B]),
    ("FROM BEGINNING TO END INTERVAL 3 LIMIT 1", None),
])  # fmt: skip
def test_ranges_across_partitions(session, three, clauses, wanted):
    found = printed(session, f"PRINT `{three}` {clauses}")
    if wanted is None:
        assert len(found) == 1
        return
    assert sorted(found) == sorted(wanted)
    for number in range(3):  # each partition is in order
        offsets = [offset for p, offset, _ in found if p == number]
        assert offsets == sorted(offsets)


@pytest.mark.parametrize(("clauses", "wanted"), [
    ("LAST 1", [A[4]]),
    ("LAST 4", [B[1], A[2], A[3], A[4]]),
    ("LAST 50", [A[0], B[0], A[1], B[1], A[2], A[3], A[4]]),
    ("LAST 0", []),
    ("PARTITION 1 LAST 1", [B[1]]),
    ("LAST 2 WHERE ROWKEY = 'k' AND ROWOFFSET < 2", [A[1], B[1]]),
])  # fmt: skip
def test_the_last_records_of_all_partitions_in_order_of_their_times(session, three, clauses, wanted):
    assert printed(session, f"PRINT `{three}` {clauses}") == wanted


def test_last_passes_over_offsets_without_records(topic, session, properties):
    """Of a transaction's marks, and of aborted records."""
    name = topic()
    for n in range(3):
        producer = Producer(properties)
        producer.send(name, [OutgoingRecord(None, b"%d" % n, AT + n)])
        producer.flush()
    transactional(properties, name, [b"x"] * 20, commit=False)
    transactional(properties, name, [b"3"], commit=True)
    assert [value for _, _, value in printed(session, f"PRINT `{name}` LAST 3")] == ["1", "2", "3"]


def transactional(properties, name, values, *, commit):
    from confluent_kafka import Producer as Theirs

    producer = Theirs({"bootstrap.servers": properties["bootstrap.servers"], "transactional.id": f"{name}-x"})
    producer.init_transactions()
    producer.begin_transaction()
    for value in values:
        producer.produce(name, value, partition=0)
    producer.flush()
    (producer.commit_transaction if commit else producer.abort_transaction)()


def test_a_range_without_an_end_goes_on(topic, session, properties):
    name = topic([OutgoingRecord(None, b"%d" % n, AT) for n in range(3)])
    (live,) = session.execute(f"PRINT `{name}` FROM -1")
    (late,) = session.execute(f"PRINT `{name}` FROM 4")
    assert not live.ends
    assert live.follows
    producer = Producer(properties)
    producer.send(name, [OutgoingRecord(None, b"%d" % n, AT) for n in (3, 4)])
    producer.flush()
    for answer, wanted in ((live, ["2", "3", "4"]), (late, ["4"])):
        rows, deadline = [], time.monotonic() + 15
        while len(rows) < len(wanted) and time.monotonic() < deadline:
            rows += answer.poll(0.2).rows.to_pylist()
        assert [r["value"] for r in rows] == wanted
        answer.cancel()
        assert answer.poll(0) is None


def test_a_record_that_cannot_be_decoded_is_a_row_with_an_error(topic, session):
    name = topic([
        OutgoingRecord(b"k", b'{"a": 1}', AT, headers=[("h", b"x"), ("h", None)]),
        OutgoingRecord(None, b"\xff\xfe", AT + 1), OutgoingRecord(b"g", None, AT + 2),
        OutgoingRecord(None, b'{"a": 2}', AT + 3),
    ])  # fmt: skip
    (live,) = session.execute(f"PRINT `{name}` TO END")
    rows = []
    while (changes := live.poll(0.2)) is not None:
        rows += changes.rows.to_pylist()
    assert [(r["key"], r["value"], r["error"]) for r in rows] == [
        ("k", '{"a": 1}', None), (None, None, "field VALUE: not valid UTF-8"), ("g", None, None), (None, '{"a": 2}', None)]
    assert rows[0]["headers"] == [{"KEY": "h", "VALUE": b"x"}, {"KEY": "h", "VALUE": None}]
    assert [(r["topic"], r["timestamp"]) for r in rows] == [(name, AT + n) for n in range(4)]
    (only,) = session.execute(f"PRINT `{name}` TO END WHERE a > 1")
    rows = []
    while (changes := only.poll(0.2)) is not None:
        rows += changes.rows.to_pylist()
    assert [r["offset"] for r in rows] == [3]
    assert only.stats().bad.count == 1


def test_what_is_not_there_is_refused(topic, session):
    name = topic(partitions=2)
    for text, error, what, hint in (
        ("PARTITION 7", BindError, f"topic {name} has no partition 7", "it has 2 partitions, counted from 0"),
        ("FROM 'soon'", BindError, "'soon' is no moment",
         "'@-10m', '10 minutes ago', 'yesterday' or '2026-01-31T10:00:00Z'"),
        ("WHERE nothing = 1", UnknownName, None, None),
    ):
        with pytest.raises(error) as caught:
            list(session.execute(f"PRINT `{name}` {text}"))
        assert what is None or (caught.value.what, caught.value.hint) == (what, hint)
        assert caught.value.place is not None
