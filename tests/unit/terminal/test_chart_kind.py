"""Which chart a relation gets."""

from __future__ import annotations

import pyarrow as pa
import pytest

from kshell.errors import KshellError
from kshell.terminal.charts.kind import Asked, Kind, Relation, plan
from kshell.types import as_moment

BIGINT, TEXT = pa.int64(), pa.string()
TIME = as_moment(pa.field("ROWTIME", BIGINT))
START = as_moment(pa.field("WINDOWSTART", BIGINT))
END = as_moment(pa.field("WINDOWEND", BIGINT))
REGION, USER, ID = pa.field("region", TEXT), pa.field("userid", TEXT), pa.field("id", BIGINT)
N, PRICE = pa.field("n", BIGINT), pa.field("price", pa.decimal128(9, 2))
AT, DAY = pa.field("at", pa.timestamp("ms")), pa.field("day", pa.date32())
ALIASED = as_moment(pa.field("w", BIGINT))


@pytest.mark.parametrize(
    ("columns", "key", "grows", "kind", "values", "names", "along"),
    [
        # a live windowed table, its window by another name, a session window
        ([REGION, START, N], ("region", "WINDOWSTART"), False, Kind.SPARKS, [2], [0], 1),
        ([ALIASED, REGION, N], ("region", "w"), False, Kind.SPARKS, [2], [1], 0),
        ([REGION, START, END, N], ("region", "WINDOWSTART", "WINDOWEND"), False, Kind.SPARKS, [3], [0], 1),
        ([START, N], ("WINDOWSTART",), False, Kind.LINE, [1], [], 0),
        # a live table: numbers of the key name its bars
        ([REGION, N, PRICE], ("region",), False, Kind.BARS, [1], [0], None),
        ([ID, REGION, N], ("id", "region"), False, Kind.BARS, [2], [0, 1], None),
        ([ID, AT, N], ("id",), False, Kind.BARS, [2], [0], None),
        # a live stream
        ([TIME, USER, N], (), True, Kind.LINE, [2], [], 0),
        ([USER, N], (), True, Kind.LINE, [1], [], None),
        ([ID, N], (), True, Kind.LINE, [0], [], None),
        # results
        ([REGION, START, N], (), False, Kind.SPARKS, [2], [0], 1),
        ([START, N], (), False, Kind.LINE, [1], [], 0),
        ([USER, TIME, N], (), False, Kind.LINE, [2], [], 1),
        ([N, DAY], (), False, Kind.LINE, [0], [], 1),
        ([REGION, N], (), False, Kind.BARS, [1], [0], None),
        ([PRICE, REGION, USER], (), False, Kind.BARS, [0], [1], None),
        ([ID, N, PRICE], (), False, Kind.LINE, [1], [], 0),
        ([N], (), False, Kind.LINE, [0], [], None),
    ],
)  # fmt: skip
def test_what_is_found(columns, key, grows, kind, values, names, along) -> None:
    made = plan(Relation(pa.schema(columns), key, grows))
    assert (made.kind, made.values, made.names, made.along) == (
        kind, tuple(values), tuple(names), along
    )  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "values", "by", "kind", "charted", "names", "along"),
    [
        ([REGION, N, PRICE], ["price"], "", Kind.BARS, [2], [0], None),
        ([REGION, N, PRICE], ["price", "n"], "", Kind.BARS, [2, 1], [0], None),
        ([ID, N, PRICE], ["n"], "", Kind.LINE, [1], [], 0),
        ([ID, N], ["id", "n"], "", Kind.LINE, [0, 1], [], None),
        ([TIME, AT, N], [], "at", Kind.LINE, [2], [], 1),
        ([TIME, USER, N], ["n"], "userid", Kind.SPARKS, [2], [1], 0),
        ([USER, AT, N], [], "userid", Kind.SPARKS, [2], [0], 1),
        ([ID, N], [], "n", Kind.LINE, [0], [], 1),
        ([REGION, USER, START, N], [], "USERID", Kind.SPARKS, [3], [1], 2),
        ([REGION, START, N], [], "windowstart", Kind.SPARKS, [2], [0], 1),
    ],
)
def test_what_is_asked(columns, values, by, kind, charted, names, along) -> None:
    made = plan(Relation(pa.schema(columns)), Asked(tuple(values), by))
    assert (made.kind, made.values, made.names, made.along) == (
        kind, tuple(charted), tuple(names), along
    )  # fmt: skip


@pytest.mark.parametrize(("cursor", "charted"), [(0, 1), (1, 1), (2, 2), (3, 1)])
def test_the_column_of_the_cursor_is_charted(cursor: int, charted: int) -> None:
    schema = pa.schema([REGION, N, PRICE, USER])
    assert plan(Relation(schema, ("region",)), Asked(cursor=cursor)).values == (charted,)


@pytest.mark.parametrize(
    ("columns", "values", "by", "what"),
    [
        ([REGION, TIME], [], "", "there are no numbers to chart: the columns are region STRING, ROWTIME BIGINT ms"),
        ([N], [], "n", "there are no numbers to chart: the columns are n BIGINT"),
        ([REGION, N], ["region"], "", "region has no numbers: the columns are region STRING, n BIGINT"),
        ([TIME, N], ["rowtime"], "", "rowtime has no numbers: the columns are ROWTIME BIGINT ms, n BIGINT"),
        ([REGION, N], ["ROWTIME"], "", "no column named ROWTIME"),
        ([REGION, N], ["n"], "reg", "no column named reg"),
        ([N, pa.field("N", BIGINT), REGION], ["n", "N"], "", None),
        ([pa.field("aA", BIGINT), pa.field("Aa", BIGINT)], ["aa"], "", "aa may be aA and Aa"),
        ([pa.field("\x1b[2J", TEXT)], [], "", "there are no numbers to chart: the columns are \\x1b[2J STRING"),
    ],
)  # fmt: skip
def test_what_cannot_be_charted(columns, values, by, what) -> None:
    def ask() -> None:
        plan(Relation(pa.schema(columns)), Asked(tuple(values), by))

    if what is None:
        ask()
        return
    with pytest.raises(KshellError) as raised:
        ask()
    assert raised.value.what == what


def test_a_plan_for_its_own_columns_alone() -> None:
    made = plan(Relation(pa.schema([REGION, USER, START, ID, N])), Asked(("n",), "userid"))
    assert made.columns == (1, 2, 4)
    small = made.narrowed()
    assert (small.values, small.names, small.along) == ((2,), (0,), 1)
