"""A feed takes in one step's worth at a time: what comes first is seen first, and memory is flat."""

from __future__ import annotations

import threading

import pyarrow as pa

from kshell.changes import Changes
from kshell.engines.local.continuous.feed import Feed
from kshell.engines.local.sources.base import Piece
from kshell.results import LeftOut

ROWS = 10_000


class Backlog:
    """An input of so many pieces a partition, all of which have come already."""

    def __init__(self, pieces: dict[int, int], scan: int = 0, step_ms: int = 1) -> None:
        self.scans = [scan]
        self.constant = False
        self.paused: frozenset[int] = frozenset()
        self.note = self.held_back = ""
        self.polled = 0
        self._left = dict(pieces)
        self._at = dict.fromkeys(pieces, 0)
        self._step = step_ms

    @property
    def partitions(self):
        return list(self._at)

    def poll(self):
        for p, left in self._left.items():
            if left and p not in self.paused:
                self._left[p] -= 1
                self.polled += 1
                first = self._at[p]
                self._at[p] += ROWS
                times = pa.array(range(first * self._step, (first + ROWS) * self._step, self._step), pa.int64())
                rows = pa.record_batch({"V": pa.array([p] * ROWS, pa.int64()), "ROWTIME": times})
                return Piece(p, [(self.scans[0], Changes.of(rows), LeftOut())])
        return None

    def ended(self, partition):
        return not self._left[partition]

    @property
    def done(self):
        return not any(self._left.values())

    @property
    def lag(self):
        return sum(self._left.values()) * ROWS

    def cancel(self):
        self._left = dict.fromkeys(self._left, 0)


def rows_of(steps):
    return [changes for step in steps for changes in step.values()]


def drained(feed):
    out = []
    while (steps := feed.poll(0.1)) is not None:
        out += steps
    return out


def test_the_first_rows_come_before_the_backlog_is_read():
    backlog = Backlog({0: 500})
    feed = Feed([backlog], threading.Event())
    steps = feed.poll(1)
    assert 0 < sum(len(c) for c in rows_of(steps)) <= 7 * ROWS
    assert backlog.polled <= 7
    assert sum(len(c) for c in rows_of(steps + drained(feed))) == 500 * ROWS


def test_a_partition_far_ahead_is_paused_and_nothing_is_lost():
    # The second partition's records are all later than the first's: they wait for them.
    early, late = Backlog({0: 300}), Backlog({0: 300}, scan=1, step_ms=1_000_000)
    feed = Feed([early, late], threading.Event())
    held = 0
    total = 0
    while (steps := feed.poll(0.1)) is not None:
        total += sum(len(c) for c in rows_of(steps))
        held = max(held, (early.polled + late.polled) * ROWS - total)
    assert total == 600 * ROWS
    assert held * 16 <= (32 << 20) + 14 * ROWS * 16


def test_of_several_partitions_the_order_is_that_of_time():
    feed = Feed([Backlog({0: 3, 1: 3, 2: 3})], threading.Event())
    times = [t for c in rows_of(drained(feed)) for t in c.rows.column("ROWTIME").to_pylist()]
    assert len(times) == 9 * ROWS
    assert times == sorted(times)


def test_in_the_order_of_arrival_no_partition_waits_for_another():
    from kshell.engines.local.continuous.time_order import Arrival

    class Waiting(Backlog):
        def ended(self, partition):
            return False  # more may come of each

    feed = Feed([Waiting({0: 2, 1: 0})], threading.Event(), order=Arrival())
    assert sum(len(c) for c in rows_of(feed.poll(1))) == 2 * ROWS
    by_time = Feed([Waiting({0: 2, 1: 0})], threading.Event())
    assert by_time.poll(0.05) is None or by_time.scanned == 2 * ROWS


def test_what_is_made_of_one_record_alone():
    from kshell.config import Properties
    from kshell.session import Session
    from kshell.sql import plan
    from kshell.sql.parse import parse

    rows = pa.table({"a": [1], "b": [2]})
    session = Session(Properties({}), tables={"t": rows, "u": rows})
    context = session.engine.context

    def apart(text):
        from kshell.engines.local.statements.plans import plan_query

        (statement,) = parse(text)
        return plan.row_by_row(plan_query(context.lookup(session.properties), statement.query))

    assert apart("SELECT a + 1 AS x FROM t WHERE b > 1 EMIT CHANGES")
    assert apart("SELECT EXPLODE(ARRAY[a, b]) AS x FROM t EMIT CHANGES")
    assert not apart("SELECT a FROM t PARTITION BY b EMIT CHANGES")
    assert not apart("SELECT a, COUNT(*) AS n FROM t GROUP BY a EMIT CHANGES")
    assert not apart("SELECT t.a FROM t JOIN u WITHIN 1 SECOND ON t.a = u.a EMIT CHANGES")


def test_the_lag_of_several_inputs_is_unknown_if_one_of_them_is():
    class Away(Backlog):
        lag = None

    known = Backlog({0: 2})
    assert Feed([known], threading.Event()).lag == 2 * ROWS
    assert Feed([known, Away({0: 3})], threading.Event()).lag is None


def test_a_query_says_where_it_stands_in_a_few_partitions():
    from kshell.engines.local.continuous.background import stands_at

    reached = [("src", p, 10 * p) for p in range(6)]
    assert stands_at(reached[:2]) == "stands at src-0 at offset 0, src-1 at offset 10"
    assert stands_at(reached, most=1) == "stands at src-0 at offset 0, 5 more"
