"""Bounded outer joins WITHIN: what still waits for a match at the end of the topics has none."""

from __future__ import annotations

import uuid
from collections import Counter

import pytest

from kshell.config import Properties
from kshell.kafka.produce import Producer

# (key, number, time); 40 has no match in time, 50 none at all, and the last rows nothing comes after
LEFT = [("a", 10, 1000), ("b", 20, 2000), ("a", 40, 9000), ("c", 50, 9500)]
RIGHT = [("a", 1, 1500), ("b", 2, 2500), ("b", 3, 2600), ("d", 4, 9800)]
WITHIN = "WITHIN 1 SECOND GRACE PERIOD 1 DAY"


@pytest.fixture
def streams(demo, execute):
    producer = Producer(Properties({"bootstrap.servers": demo.bootstrap}))
    for name, records in (("l", LEFT), ("r", RIGHT)):
        topic = f"j{uuid.uuid4().hex[:10]}"
        rows = [(None, f'{{"k":"{k}","n":{n}}}'.encode(), time, 0, None) for k, n, time in records]
        producer.send(topic, rows)
        producer.flush()
        execute(f"CREATE STREAM {name} (k STRING, n INT) WITH (KAFKA_TOPIC='{topic}', VALUE_FORMAT='JSON')")


def pairs(kind: str) -> Counter:
    """The join by hand: every pair of one key within a second, and each row of an outer side without one."""
    found = Counter(
        (a, b) for k, a, s in LEFT for m, b, t in RIGHT if k == m and abs(s - t) <= 1000
    )
    if kind in ("LEFT", "FULL OUTER"):
        found.update((a, None) for _, a, _ in LEFT if all(a != x for x, _ in list(found)))
    if kind in ("RIGHT", "FULL OUTER"):
        found.update((None, b) for _, b, _ in RIGHT if all(b != y for _, y in list(found)))
    return found


@pytest.mark.parametrize("kind", ["INNER", "LEFT", "RIGHT", "FULL OUTER"])
def test_rows_without_a_match_are_given_out_at_the_end(streams, rows, kind):
    found = rows(f"SELECT l.n AS a, r.n AS b FROM l {kind} JOIN r {WITHIN} ON l.k = r.k")
    assert Counter(found) == pairs(kind)


def test_what_stands_above_the_join_has_them_too(streams, rows):
    text = f"SELECT l.k, COUNT(*) AS n FROM l LEFT JOIN r {WITHIN} ON l.k = r.k WHERE r.n IS NULL GROUP BY l.k"
    assert sorted(rows(text)) == [("a", 1), ("c", 1)]
    text = f"""SELECT l.n AS a, r.n AS b, o.n AS c FROM l LEFT JOIN r {WITHIN} ON l.k = r.k
        LEFT JOIN r AS o {WITHIN} ON l.k = o.k"""
    wanted = {(10, 1, 1), (20, 2, 2), (20, 2, 3), (20, 3, 2), (20, 3, 3), (40, None, None), (50, None, None)}
    assert Counter(rows(text)) == Counter(wanted)


def test_a_limit_ends_the_answer_before(streams, rows):
    text = f"SELECT l.n AS a, r.n AS b FROM l LEFT JOIN r {WITHIN} ON l.k = r.k LIMIT 4"
    assert len(rows(text)) == 4
