"""The points of charts: what has one, and how many are kept."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest

from kshell.terminal.charts.kind import Kind, Plan
from kshell.terminal.charts.points import bars_of, line_of, sparks_of
from kshell.terminal.times import Times
from kshell.types import as_moment

NAN = float("nan")
BARS = Plan(Kind.BARS, (1,), (0,))
TIME = as_moment(pa.field("ROWTIME", pa.int64()))


def numbers(array: object) -> list[float | None]:
    """NaN as None: it is not equal to itself."""
    return [None if n != n else n for n in np.asarray(array).tolist()]


def test_bars_in_view_and_the_ends_of_all() -> None:
    rows = pa.record_batch({"k": ["a", "b", "c", None], "n": [5, -2, None, 9]})
    found = bars_of(rows, BARS, 1, Times.UTC, 1, 2)
    assert (found.names, found.texts, numbers(found.values)) == (["b", "c"], ["-2", None], [-2, None])
    assert (found.low, found.high, found.start, found.count, found.left_out) == (-2, 9, 1, 4, 1)
    assert bars_of(rows, BARS, 1, Times.UTC, 99, 2).names == ["c", "NULL"]


@pytest.mark.parametrize(
    ("column", "values", "texts"),
    [
        (pa.array([Decimal("1.10"), None], pa.decimal128(20, 2)), [1.1, None], ["1.10", None]),
        (pa.array([Decimal(10) ** 50], pa.decimal256(60, 0)), [1e50], ["1" + "0" * 50]),
        (pa.array([2**63], pa.uint64()), [2.0**63], [str(2**63)]),
        (pa.array([NAN, float("inf"), float("-inf"), 0.5]), [None, None, None, 0.5],
         ["NaN", "Infinity", "-Infinity", "0.5"]),
        (pa.array([], pa.int64()), [], []),
    ],
)  # fmt: skip
def test_numbers_of_every_type(column, values, texts) -> None:
    rows = pa.record_batch([["a"] * len(column), column], ["k", "n"])
    found = bars_of(rows, BARS, 1, Times.UTC, 0, 9)
    assert numbers(found.values) == values
    assert found.texts == texts


def test_names_are_clean_and_of_several_columns() -> None:
    rows = pa.record_batch({"a": ["\x1b[2J", "\u202e"], "n": [1, 2], "b": [7, None]})
    found = bars_of(rows, Plan(Kind.BARS, (1,), (0, 2)), 1, Times.UTC, 0, 9)
    assert found.names == ["\\x1b[2J · 7", "\\u202e · NULL"]


def test_a_line_has_the_lowest_and_highest_of_each_step() -> None:
    times = pa.array([0, 10, 11, 12, 100, None, -1], pa.int64())
    rows = pa.RecordBatch.from_arrays(
        [times, pa.array([3, 9, 1, 5, 4, 7, 7])], schema=pa.schema([TIME, ("n", pa.int64())])
    )
    line = line_of(rows, Plan(Kind.LINE, (1,), (), 0), 1, 11)
    assert numbers(line.low) == [3, 1, *[None] * 8, 4]
    assert numbers(line.high) == [3, 9, *[None] * 8, 4]
    assert (line.first, line.last, line.moment, line.along) == (0, 100, True, "ROWTIME")
    assert (line.rows, line.left_out) == (5, 2)


def test_a_line_over_the_rows_as_they_come() -> None:
    rows = pa.record_batch({"n": [4, None, 6]})
    line = line_of(rows, Plan(Kind.LINE, (0,)), 0, 3)
    assert (numbers(line.low), line.first, line.last) == ([4, None, 6], 1, 3)
    assert (line.along, line.moment, line.rows, line.left_out) == ("rows", False, 2, 1)


@pytest.mark.parametrize("values", [[], [None], [NAN]])
def test_a_line_without_points(values: list[float | None]) -> None:
    rows = pa.record_batch({"n": pa.array(values, pa.float64())})
    line = line_of(rows, Plan(Kind.LINE, (0,)), 0, 3)
    assert numbers(line.low) == [None] * 3
    assert line.rows == 0


def test_a_line_of_numbers_that_are_far_apart() -> None:
    rows = pa.record_batch({"x": [-1.7e308, 1.7e308], "n": [1.7e308, -1.7e308]})
    line = line_of(rows, Plan(Kind.LINE, (1,), (), 0), 1, 3)
    assert numbers(line.low) == [1.7e308, None, -1.7e308]


@pytest.mark.parametrize(
    ("column", "first", "last"),
    [
        (pa.array([1, 2], pa.date32()), 86_400_000, 172_800_000),
        (pa.array([1, 2], pa.timestamp("s")), 1000, 2000),
        (pa.array([1000, 2000], pa.timestamp("us", "UTC")), 1, 2),
        (pa.array([-(2**62), 2**62], pa.timestamp("s")), -(2.0**62) * 1000, 2.0**62 * 1000),
    ],
)
def test_moments_of_every_type(column, first, last) -> None:
    rows = pa.record_batch([column, [1, 2]], ["t", "n"])
    line = line_of(rows, Plan(Kind.LINE, (1,), (), 0), 1, 2)
    assert (line.first, line.last) == (first, last)


SPARKS = Plan(Kind.SPARKS, (2,), (0,), 1)


def windows(*rows: tuple[str | None, int | None, int | None]) -> pa.RecordBatch:
    schema = pa.schema([("k", pa.string()), as_moment(pa.field("w", pa.int64())), ("n", pa.int64())])
    return pa.RecordBatch.from_pylist(
        [dict(zip(schema.names, row, strict=True)) for row in rows], schema
    )


def test_sparks_have_a_place_for_each_window() -> None:
    rows = windows(("b", 0, 1), ("a", 60, 2), ("b", 180, 3), ("a", 120, None), (None, 180, 7))
    found = sparks_of(rows, SPARKS, 2, Times.UTC, 0, 9, 9)
    assert found.names == ["b", "a", "NULL"]
    assert found.moments.tolist() == [0, 60, 120, 180]
    assert [numbers(row) for row in found.grid] == [
        [1, None, None, 3], [None, 2, None, None], [None, None, None, 7]
    ]  # fmt: skip
    assert found.texts == ["3", None, "7"]
    assert (found.low, found.high, found.count, found.windows, found.left_out) == (1, 7, 3, 4, 1)


def test_a_gap_between_windows_is_seen() -> None:
    rows = windows(("a", 0, 1), ("a", 60, 2), ("a", 300, 3))
    found = sparks_of(rows, SPARKS, 2, Times.UTC, 0, 9, 9)
    assert found.moments.tolist() == [0, 60, 120, 180, 240, 300]
    assert numbers(found.grid[0]) == [1, 2, None, None, None, 3]


def test_sessions_have_no_gaps() -> None:
    rows = windows(("a", 0, 1), ("a", 7, 2), ("a", 100_000, 3))
    found = sparks_of(rows, SPARKS, 2, Times.UTC, 0, 9, 9)
    assert found.moments.tolist() == [0, 7, 100_000]


def test_the_newest_windows_and_some_of_the_keys() -> None:
    rows = windows(*((f"k{k}", w * 10, w) for w in range(50) for k in range(20)))
    found = sparks_of(rows, SPARKS, 2, Times.UTC, 18, 5, 4)
    assert found.names == [f"k{k}" for k in range(15, 20)]
    assert found.moments.tolist() == [460, 470, 480, 490]
    assert numbers(found.grid[0]) == [46, 47, 48, 49]
    assert (found.start, found.count, found.windows) == (15, 20, 50)


def test_sparks_of_no_rows() -> None:
    found = sparks_of(windows(), SPARKS, 2, Times.UTC, 0, 9, 9)
    assert (found.names, found.count, found.grid.shape) == ([], 0, (0, 0))


def test_a_key_that_has_no_window_in_view_has_its_newest_value() -> None:
    rows = windows(("old", 0, 5), *(("new", w * 10, w) for w in range(20)), ("none", None, 1))
    found = sparks_of(rows, SPARKS, 2, Times.UTC, 0, 9, 3)
    assert found.names == ["old", "new", "none"]
    assert found.texts == ["5", "19", ""]
    assert numbers(found.grid[0]) == [None] * 3
