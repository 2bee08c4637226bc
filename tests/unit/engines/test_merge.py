"""The order in which a query sees the records of several partitions and topics."""

from __future__ import annotations

import pyarrow as pa

from kshell.changes import Changes
from kshell.engines.local.continuous.time_order import Merge, Step, cut


def rows(*pairs: tuple[str, int]) -> Changes:
    return Changes.of(
        pa.record_batch(
            {
                "V": pa.array([v for v, _ in pairs], pa.string()),
                "ROWTIME": pa.array([t for _, t in pairs], pa.int64()),
            }
        )
    )


def shown(steps: list[Step]) -> list[tuple[int, str]]:
    """The rows of each step as runs of one scan's."""
    runs: list[tuple[int, str]] = []
    for step in steps:
        placed = []
        for scan, c in step.items():
            order = range(len(c)) if c.order is None else c.order.to_pylist()
            placed += list(zip(order, [scan] * len(c), c.rows.column("V").to_pylist(), strict=True))
        for _, scan, text in sorted(placed):
            if runs and runs[-1][0] == scan:
                runs[-1] = (scan, runs[-1][1] + text)
            else:
                runs.append((scan, text))
    return runs


def test_the_rows_of_what_is_constant_come_first_whatever_their_times() -> None:
    merge = Merge([(0, 0)])
    merge.add((1, 0), constant=True)
    merge.put((0, 0), rows(("a", 1), ("b", 2)))
    assert merge.take([(1, 0)]) == []  # its first rows are still to come
    merge.put((1, 0), rows(("x", 90)))
    merge.put((0, 0), rows(("c", 3)))
    assert shown(merge.take([(1, 0)])) == [(1, "x")]  # and so may be its next
    merge.put((1, 0), rows(("y", 80)))
    assert shown(merge.take([])) == [(1, "y"), (0, "abc")]


def test_partitions_interleave_by_time() -> None:
    merge = Merge([(0, 0), (0, 1)])
    merge.put((0, 0), rows(("a", 1), ("c", 3), ("e", 5)))
    merge.put((0, 1), rows(("b", 2), ("d", 4), ("f", 6)))
    assert shown(merge.take(())) == [(0, "abcdef")]
    assert merge.take(()) == []


def test_nothing_comes_while_a_partition_that_goes_on_is_empty() -> None:
    merge = Merge([(0, 0), (0, 1)])
    merge.put((0, 0), rows(("a", 1)))
    assert merge.take({(0, 1)}) == []
    assert shown(merge.take(())) == [(0, "a")]


def test_what_may_still_be_preceded_waits() -> None:
    merge = Merge([(0, 0), (0, 1)])
    merge.put((0, 0), rows(("a", 1), ("z", 9)))
    merge.put((0, 1), rows(("b", 2)))
    assert shown(merge.take({(0, 1)})) == [(0, "ab")]
    merge.put((0, 1), rows(("c", 3)))
    assert shown(merge.take({(0, 1)})) == [(0, "c")]
    assert shown(merge.take(())) == [(0, "z")]


def test_offsets_keep_their_order_within_a_partition() -> None:
    merge = Merge([(0, 0), (0, 1)])
    merge.put((0, 0), rows(("late", 9)))
    merge.put((0, 0), rows(("early", 1)))
    merge.put((0, 1), rows(("x", 5)))
    assert shown(merge.take(())) == [(0, "xlateearly")]


def test_scans_interleave_by_time() -> None:
    merge = Merge([(0, 0), (1, 0)])
    merge.put((0, 0), rows(("a", 1), ("b", 2), ("d", 4)))
    merge.put((1, 0), rows(("c", 3), ("e", 5)))
    assert shown(merge.take(())) == [(0, "ab"), (1, "c"), (0, "d"), (1, "e")]


def test_equal_times_come_by_scan_and_partition() -> None:
    merge = Merge([(0, 0), (0, 1), (1, 0)])
    merge.put((1, 0), rows(("c", 7)))
    merge.put((0, 1), rows(("b", 7)))
    merge.put((0, 0), rows(("a", 7)))
    assert shown(merge.take(())) == [(0, "ab"), (1, "c")]


def test_weights_travel_with_their_rows() -> None:
    merge = Merge([(0, 0), (0, 1)])
    gone = rows(("b", 2))
    merge.put((0, 0), rows(("a", 1), ("c", 3)))
    merge.put((0, 1), Changes.of(gone.rows, -1))
    (step,) = merge.take(())
    assert step[0].weights.to_pylist() == [1, -1, 1]


def test_held_counts_what_waits() -> None:
    merge = Merge([(0, 0), (0, 1)])
    merge.put((0, 0), rows(("a", 1), ("b", 2)))
    assert merge.held((0, 0)) == 2 * 8 + 2 + 2 * 4  # times, text, and where each text begins
    merge.put((0, 1), rows(("x", 1)))
    merge.take({(0, 1)})
    assert merge.held((0, 0)) == 8 + 1 + 4


def test_a_step_is_cut_in_the_order_of_its_rows() -> None:
    merge = Merge([(0, 0), (1, 0)])
    merge.put((0, 0), rows(("a", 1), ("b", 2), ("d", 4)))
    merge.put((1, 0), rows(("c", 3), ("e", 5)))
    (step,) = merge.take(())
    assert [shown([part]) for part in cut(step, 2)] == [
        [(0, "ab")],
        [(1, "c"), (0, "d")],
        [(1, "e")],
    ]
