"""Charts as lines of text."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.terminal.charts.canvas import bar, columns, curve
from kshell.terminal.charts.drawing import Drawn, caption, draw
from kshell.terminal.charts.kind import Asked, Kind, Plan, Relation, plan
from kshell.terminal.times import Times
from kshell.terminal.widths import width_of
from kshell.types import as_moment

NAN = math.nan
TIME = as_moment(pa.field("ROWTIME", pa.int64()))
START = as_moment(pa.field("WINDOWSTART", pa.int64()))
MINUTE = 60_000


def lines_of(drawn: Drawn) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in drawn.lines]


def chart(rows: pa.RecordBatch, width: int, height: int, asked: Asked | None = None) -> list[str]:
    made = plan(Relation(rows.schema), asked or Asked())
    return lines_of(draw(rows, made, Times.UTC, width, height))


@pytest.mark.parametrize(
    ("value", "low", "high", "width", "drawn"),
    [
        (10, 0, 10, 4, "████"),
        (1, 0, 1000, 4, "▏"),  # it is not nothing
        (0, 0, 10, 4, ""),
        (5, -5, 5, 4, "  ██"),
        (-5, -5, 5, 4, "██"),
        (-1, -1000, 0, 4, "   ▐"),
        (-3, -4, 0, 4, " ███"),
        (NAN, 0, 10, 4, ""),
        (0, 0, 0, 4, ""),
        (1.7e308, -1.7e308, 1.7e308, 4, "  ██"),
        (5, 5, 5, 1, "█"),
        (-5, -5, 5, 1, "▐"),
    ],
)
def test_a_bar(value: float, low: float, high: float, width: int, drawn: str) -> None:
    assert bar(value, low, high, width) == drawn


@pytest.mark.parametrize(
    ("value", "low", "high", "lines", "drawn"),
    [
        (8, 0, 8, 1, ["█"]),
        (4, 0, 8, 2, [" ", "█"]),
        (5, 0, 8, 2, ["▂", "█"]),
        (0, 0, 8, 1, ["▁"]),
        (0, 0, 0, 1, ["▁"]),
        (NAN, 0, 8, 2, [" ", " "]),
        (-8, -8, 8, 1, ["▁"]),
        (0, -8, 8, 1, ["▄"]),
    ],
)
def test_a_column(value: float, low: float, high: float, lines: int, drawn: list[str]) -> None:
    assert columns(np.array([value]), low, high, lines) == drawn


@pytest.mark.parametrize(
    ("low", "high", "lines", "drawn"),
    [
        ([0, 1, 2, 3], [0, 1, 2, 3], 2, [" ▞", "▞ "]),
        ([3, 2, 1, 0], [3, 2, 1, 0], 2, ["▚ ", " ▚"]),
        ([0, NAN, NAN, 3], [0, NAN, NAN, 3], 2, [" ▞", "▞ "]),
        ([0, 0, 0, 0], [3, 0, 0, 0], 2, ["▌ ", "▙▄"]),  # a peak in one step
        ([NAN, 0, NAN, NAN], [NAN, 0, NAN, NAN], 2, ["  ", "▗ "]),
        ([NAN] * 4, [NAN] * 4, 1, ["  "]),
    ],
)
def test_a_curve(low, high, lines: int, drawn: list[str]) -> None:
    assert curve(np.array(low, float), np.array(high, float), 0.0, 3.0, lines) == drawn


def test_bars_of_a_table() -> None:
    rows = pa.record_batch({"region": ["Vienna", "東京", None], "n": [40, 10, None]})
    assert chart(rows, 40, 5) == [
        " Vienna   40 │██████████████████████████",
        " 東京     10 │██████▌",
        " NULL   NULL │",
    ]


def test_negative_bars_have_the_scale_of_the_others() -> None:
    rows = pa.record_batch({"k": ["gain", "loss"], "n": [20, -10]})
    assert chart(rows, 32, 5) == [
        " gain  20 │       ██████████████",
        " loss -10 │███████",
    ]


def test_a_line_over_time() -> None:
    rows = pa.RecordBatch.from_arrays(
        [pa.array([10 * MINUTE, 0]), pa.array([30, 0])],
        schema=pa.schema([TIME, ("price", pa.int64())]),
    )
    assert chart(rows, 13, 4) == [
        " 20 ┤    ▄▄▞▀",
        "  0 ┤▄▞▀▀",
        "    └────────",
        "     00:00",
    ]


def test_texts_below_an_axis_are_even() -> None:
    days = [n * 24 * 60 * MINUTE for n in range(300)]
    rows = pa.RecordBatch.from_arrays(
        [pa.array(days), pa.array(range(300))], schema=pa.schema([TIME, ("n", pa.int64())])
    )
    below = chart(rows, 52, 8)[-1]
    assert below.split() == ["1970-03", "1970-05", "1970-07", "1970-09"]


def test_sparks_of_windows() -> None:
    minutes = [0, 0, 1, 1, 2, 4]
    rows = pa.RecordBatch.from_arrays(
        [pa.array(["a", "b", "a", "b", "a", "b"]), pa.array([m * MINUTE for m in minutes]),
         pa.array([1, 8, 4, 2, 8, 6])],
        schema=pa.schema([("k", pa.string()), START, ("n", pa.int64())]),
    )  # fmt: skip
    assert chart(rows, 20, 3) == [
        " a 8 │▁▁▄▄██",
        " b 6 │██▂▂    ▆▆",
        " █ 8  00:00",
    ]


def test_what_is_not_drawn_is_said() -> None:
    rows = pa.record_batch({"n": pa.array([*range(100_000), None], pa.int64())})
    drawn = draw(rows, Plan(Kind.LINE, (0,)), Times.UTC, 80, 10)
    assert len(drawn.lines) == 10
    # 80 columns without those of the axis, " 50k ┤": two steps each.
    assert drawn.notes == ("100,000 rows in 148 steps", "1 row without a number")
    rows = pa.record_batch({"k": [f"k{n}" for n in range(100_000)], "n": list(range(100_000))})
    drawn = draw(rows, Plan(Kind.BARS, (1,), (0,)), Times.UTC, 80, 10, 7)
    assert (len(drawn.lines), drawn.start, drawn.rest) == (10, 7, 99_983)
    assert lines_of(drawn)[0].startswith(" k7   7 │")


def test_several_columns_have_a_chart_each() -> None:
    rows = pa.record_batch({"k": ["a", "b"], "n": [1, 2], "m": [100, None]})
    assert chart(rows, 20, 8, Asked(("m", "n"))) == [
        "m", " a  100 │███████████", " b NULL │", "n", " a 1 │███████", " b 2 │██████████████",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [Kind.LINE, Kind.SPARKS])
def test_without_a_point_it_says_so(kind: Kind) -> None:
    rows = pa.RecordBatch.from_pylist([], pa.schema([("k", pa.string()), START, ("n", pa.int64())]))
    names = (0,) if kind is Kind.SPARKS else ()
    drawn = draw(rows, Plan(kind, (2,), names, 1), Times.UTC, 40, 5)
    assert lines_of(drawn) == [" no row has a point yet"]


def test_captions() -> None:
    schema = pa.schema([("k\x1b", pa.string()), START, ("n", pa.int64()), ("m", pa.int64())])
    assert caption(schema, Plan(Kind.SPARKS, (2, 3), (0,), 1)) == "n, m by k\\x1b, WINDOWSTART"
    assert caption(schema, Plan(Kind.LINE, (2,))) == "n"


NUMBERS = st.one_of(st.none(), st.floats(), st.integers(-10, 10).map(float))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(max_size=12), st.integers(-(2**62), 2**62), NUMBERS), max_size=30
    ),
    st.integers(1, 90), st.integers(1, 30), st.integers(0, 40), st.sampled_from(Kind),
    st.sampled_from(Times),
)  # fmt: skip
def test_no_line_is_wider_than_the_room(rows, width, height, start, kind, times) -> None:
    schema = pa.schema([("k", pa.string()), START, ("n", pa.float64())])
    clean = [(k.encode(errors="replace").decode(), w, n) for k, w, n in rows]
    columns = list(zip(*clean, strict=True)) or [(), (), ()]
    batch = pa.RecordBatch.from_arrays(
        [pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema=schema
    )
    made = Plan(kind, (2,), () if kind is Kind.LINE else (0,), None if kind is Kind.BARS else 1)
    drawn = draw(batch, made, times, width, height, start)
    assert len(drawn.lines) <= height
    if width >= 12:
        assert all(width_of(line) <= width for line in lines_of(drawn))
