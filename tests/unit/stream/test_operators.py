"""Each operator by hand: records in, changes out, as (weight, key …, value …, [window,] ROWTIME)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.streams.query import Query
from tests.streams.records import Record

_WITH = "WITH (KAFKA_TOPIC='{}', KEY_FORMAT='KAFKA', VALUE_FORMAT='JSON', PARTITIONS=1);"
L = f"CREATE STREAM L (K STRING KEY, V BIGINT) {_WITH.format('l')}"
R = f"CREATE STREAM R (K STRING KEY, V BIGINT) {_WITH.format('r')}"
LT = f"CREATE TABLE L (K STRING PRIMARY KEY, V BIGINT) {_WITH.format('l')}"
RT = f"CREATE TABLE R (K STRING PRIMARY KEY, V BIGINT) {_WITH.format('r')}"
GT = f"CREATE TABLE L (K STRING PRIMARY KEY, G STRING, V BIGINT) {_WITH.format('l')}"

Change = tuple[Any, ...]


def left(key: str | None, ts: int, *cells: str | int | None) -> Record:
    return Record("l", key, cells or None, ts)


def right(key: str | None, ts: int, *cells: str | int | None) -> Record:
    return Record("r", key, cells or None, ts)


def check(script: str, *steps: tuple[Record, list[Change]]) -> None:
    """Each record makes exactly these changes, in this order."""
    query = Query.of(script)
    for record, expected in steps:
        made = [
            (weight, *row.values())
            for part in query.changes([record], 1)
            for row, weight in zip(
                part.rows.to_pylist(), part.weights.to_pylist(), strict=True
            )
        ]
        assert made == expected, record


def test_filter_of_a_stream() -> None:
    check(
        f"{L} CREATE STREAM O AS SELECT K, V FROM L WHERE V > 3;",
        (left("a", 1, 5), [(1, "a", 5, 1)]),
        (left("a", 2, 3), []),
        (left("a", 3, None), []),
        (left("a", 4), []),
        (left(None, 5, 4), [(1, None, 4, 5)]),
    )


def test_project_passes_what_has_no_value() -> None:
    check(
        f"{L} CREATE STREAM O AS SELECT K, V + 1 AS W FROM L;",
        (left("a", 1, 5), [(1, "a", 6, 1)]),
        (left("a", 2), [(0, "a", None, 2)]),
    )


def test_partition_by() -> None:
    check(
        f"{L} CREATE STREAM O AS SELECT V, K FROM L PARTITION BY V;",
        (left("a", 1, 5), [(1, 5, "a", 1)]),
        (left("a", 2, None), [(1, None, "a", 2)]),
    )


def test_explode_zips_and_pads() -> None:
    check(
        f"""{L} CREATE STREAM O AS
            SELECT K, EXPLODE(ARRAY[V, V + 1]) AS A, EXPLODE(ARRAY[V]) AS B FROM L;""",
        (left("a", 1, 5), [(1, "a", 5, 5, 1), (1, "a", 6, None, 1)]),
        (left("a", 2), []),
    )


def test_an_expression_that_fails_is_null_and_reported() -> None:
    errors: list[tuple[dict[str, Any], str, str]] = []
    script = f"{L} CREATE STREAM O AS SELECT K, V AS V, 10 / V AS W FROM L;"
    query = Query.of(script, on_error=lambda *error: errors.append(error))
    records = [left("a", 1, 5), left("b", 2, 0), left("c", 3, 2)]
    (made,) = query.changes(records, 3)
    assert made.rows.column("W").to_pylist() == [2, None, 5]
    assert made.rows.column("V").to_pylist() == [5, 0, 2]
    ((row, column, message),) = errors
    assert (row["K"], row["V"], column) == ("b", 0, "W")
    assert "zero" in message.lower()


def test_a_row_from_before_1970_is_an_error() -> None:
    errors: list[tuple[dict[str, Any], str, str]] = []
    script = _windowed("SLIDING (SIZE 5 MILLISECONDS)")
    query = Query.of(script, on_error=lambda *error: errors.append(error))
    (made,) = query.changes([left("a", -1, 5), left("a", 2, 7)], 2)
    assert made.rows.to_pylist() == [
        {"K": "a", "S": 7, "WINDOWSTART": 0, "WINDOWEND": 5, "ROWTIME": 2}
    ]
    assert [(row["V"], column) for row, column, _ in errors] == [(5, "ROWTIME")]


def test_table_source() -> None:
    check(
        f"{LT} CREATE TABLE O AS SELECT K, V FROM L;",
        (left("a", 1, 5), [(1, "a", 5, 1)]),
        (left("a", 4, 6), [(-1, "a", 5, 1), (1, "a", 6, 4)]),
        (left("a", 3, 6), [(-1, "a", 6, 4), (1, "a", 6, 3)]),  # late, the same value: still a change
        (left("a", 7), [(-1, "a", 6, 7)]),
        (left("a", 8), [(0, "a", None, 8)]),
        (left(None, 9, 1), []),
    )


def test_filter_of_a_table() -> None:
    check(
        f"{LT} CREATE TABLE O AS SELECT K, V FROM L WHERE V > 3;",
        (left("a", 1, 1), []),
        (left("a", 2, 5), [(1, "a", 5, 2)]),
        (left("a", 3, 6), [(-1, "a", 5, 2), (1, "a", 6, 3)]),
        (left("a", 4, 2), [(-1, "a", 6, 4)]),
        (left("a", 5, None), []),
        (left("a", 6), []),
    )


def test_group_by() -> None:
    check(
        f"{L} CREATE TABLE O AS SELECT K, COUNT(*) AS N, SUM(V) AS S FROM L GROUP BY K;",
        (left("a", 9, 5), [(1, "a", 1, 5, 9)]),
        (left("a", 3, None), [(-1, "a", 1, 5, 9), (1, "a", 2, 5, 9)]),  # the latest time stays
        (left("a", 4), []),
        (left(None, 4, 1), []),
    )


def test_group_by_of_a_table() -> None:
    check(
        f"{GT} CREATE TABLE O AS SELECT G, COUNT(*) AS N, SUM(V) AS S FROM L GROUP BY G;",
        (left("a", 1, "x", 5), [(1, "x", 1, 5, 1)]),
        (left("a", 2, "x", 7), [(-1, "x", 1, 5, 1), (1, "x", 1, 7, 2)]),
        (
            left("a", 3, "y", 7),
            [(-1, "x", 1, 7, 2), (1, "x", 0, 0, 3), (1, "y", 1, 7, 3)],
        ),
        (left("a", 4, None, 7), [(-1, "y", 1, 7, 3), (1, "y", 0, 0, 4)]),
        (left("a", 5), []),
        (left("b", 6), []),
    )


def test_having() -> None:
    check(
        f"{GT} CREATE TABLE O AS SELECT G, COUNT(*) AS N FROM L GROUP BY G HAVING COUNT(*) > 1;",
        (left("a", 1, "x", 5), []),
        (left("b", 2, "x", 5), [(1, "x", 2, 2)]),
        (left("a", 3), [(-1, "x", 2, 3)]),
        (left("b", 4), []),
    )


def _windowed(window: str, emit: str = "CHANGES") -> str:
    return f"""{L} CREATE TABLE O AS SELECT K, SUM(V) AS S FROM L WINDOW {window}
        GROUP BY K EMIT {emit};"""


def test_tumbling() -> None:
    check(
        _windowed("TUMBLING (SIZE 10 MILLISECONDS, GRACE PERIOD 5 MILLISECONDS)"),
        (left("a", 12, 1), [(1, "a", 1, 10, 20, 12)]),
        (left("b", 24, 1), [(1, "b", 1, 20, 30, 24)]),
        (left("a", 11, 2), [(-1, "a", 1, 10, 20, 12), (1, "a", 3, 10, 20, 12)]),
        (left("b", 25, None), [(-1, "b", 1, 20, 30, 24), (1, "b", 1, 20, 30, 25)]),
        (left("a", 19, 4), []),  # stream time is 25: end and grace have passed
    )


def test_hopping() -> None:
    check(
        _windowed(
            "HOPPING (SIZE 10 MILLISECONDS, ADVANCE BY 5 MILLISECONDS, GRACE PERIOD 0 MILLISECONDS)"
        ),
        (left("a", 2, 1), [(1, "a", 1, 0, 10, 2)]),
        (
            left("a", 7, 2),
            [(-1, "a", 1, 0, 10, 2), (1, "a", 3, 0, 10, 7), (1, "a", 2, 5, 15, 7)],
        ),
        (left("b", 10, 1), [(1, "b", 1, 5, 15, 10), (1, "b", 1, 10, 20, 10)]),
        (left("a", 8, 4), [(-1, "a", 2, 5, 15, 7), (1, "a", 6, 5, 15, 8)]),
    )


def test_session_merges() -> None:
    check(
        _windowed("SESSION (5 MILLISECONDS, GRACE PERIOD 10 MILLISECONDS)"),
        (left("a", 10, 1), [(1, "a", 1, 10, 10, 10)]),
        (left("a", 10, 2), [(-1, "a", 1, 10, 10, 10), (1, "a", 3, 10, 10, 10)]),
        (left("a", 18, 4), [(1, "a", 4, 18, 18, 18)]),
        (
            left("a", 14, 8),
            [(-1, "a", 3, 10, 10, 10), (-1, "a", 4, 18, 18, 18), (1, "a", 15, 10, 18, 18)],
        ),
        (left("a", 2, 1), []),  # 2 is before 18 - 5 - 10
    )


def test_a_session_that_grows_within_its_bounds_leaves_and_comes_back() -> None:
    query = Query.of(_windowed("SESSION (5 MILLISECONDS, GRACE PERIOD 10 MILLISECONDS)"))
    for record in (left("a", 10, 1), left("a", 14, 1)):
        query.made(record)
    assert [(m.window, m.value) for m in query.made(left("a", 12, 1))] == [
        ((10, 14), None),
        ((10, 14), "3"),
    ]


def test_sliding() -> None:
    check(
        _windowed("SLIDING (SIZE 5 MILLISECONDS, GRACE PERIOD 20 MILLISECONDS)"),
        (left("a", 10, 1), [(1, "a", 1, 5, 10, 10)]),
        # The first row's right side, then the own left side.
        (left("a", 12, 2), [(1, "a", 2, 11, 16, 12), (1, "a", 3, 7, 12, 12)]),
        # Before both: it joins the windows that reach back to it; its right side has both.
        (
            left("a", 9, 4),
            [
                (-1, "a", 3, 7, 12, 12),
                (1, "a", 7, 7, 12, 12),
                (-1, "a", 1, 5, 10, 10),
                (1, "a", 5, 5, 10, 10),
                (1, "a", 4, 4, 9, 9),
                (1, "a", 3, 10, 15, 12),
            ],
        ),
    )


@pytest.mark.parametrize(
    ("window", "before", "closing", "bounds"),
    [
        ("TUMBLING (SIZE 10 MILLISECONDS, GRACE PERIOD 5 MILLISECONDS)", 14, 15, (0, 10)),
        ("SESSION (10 MILLISECONDS, GRACE PERIOD 5 MILLISECONDS)", 17, 18, (2, 2)),
        ("SLIDING (SIZE 2 MILLISECONDS, GRACE PERIOD 5 MILLISECONDS)", 7, 8, (0, 2)),
    ],
)
def test_final(window: str, before: int, closing: int, bounds: tuple[int, int]) -> None:
    """Ends are of the window for sessions and sliding windows, so those close 1 ms later."""
    query = Query.of(_windowed(window, "FINAL"))
    assert query.made(left("a", 2, 1)) == []
    assert query.made(left("b", before, 1)) == []
    assert [(m.key, m.window, m.value) for m in query.made(left("b", closing, 1))] == [
        ("a", bounds, "1")
    ]


@pytest.mark.parametrize(
    ("window", "bounds"),
    [
        ("TUMBLING (SIZE 10 MILLISECONDS, GRACE PERIOD 5 MILLISECONDS)", [(0, 10)]),
        ("HOPPING (SIZE 10 MILLISECONDS, ADVANCE BY 5 MILLISECONDS, GRACE PERIOD 0 MILLISECONDS)",
         [(0, 10)]),
        ("SESSION (10 MILLISECONDS, GRACE PERIOD 5 MILLISECONDS)", [(2, 2)]),
        ("SLIDING (SIZE 2 MILLISECONDS, GRACE PERIOD 5 MILLISECONDS)", [(0, 2)]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("jump", [60_000_000, 10**12])
def test_a_jump_of_time_loses_no_window(
    window: str, bounds: list[tuple[int, int]], jump: int
) -> None:
    """Streams' emission on window close drops what its store has expired by then."""
    query = Query.of(_windowed(window, "FINAL"))
    assert query.made(left("a", 2, 1)) == []
    assert [m.window for m in query.made(left("b", jump, 1))] == bounds
    assert query.made(left("b", jump, 1)) == []


@pytest.mark.parametrize(
    ("window", "before", "closing", "bounds"),
    [
        ("TUMBLING (SIZE 10 MILLISECONDS)", 9, 10, (0, 10)),
        ("HOPPING (SIZE 10 MILLISECONDS, ADVANCE BY 10 MILLISECONDS)", 9, 10, (0, 10)),
        ("SESSION (10 MILLISECONDS)", 12, 13, (2, 2)),
        ("SLIDING (SIZE 2 MILLISECONDS)", 2, 3, (0, 2)),
    ],
)
def test_final_without_grace_closes_at_the_end(
    window: str, before: int, closing: int, bounds: tuple[int, int]
) -> None:
    query = Query.of(_windowed(window, "FINAL"))
    assert query.made(left("a", 2, 1)) == []
    assert query.made(left("b", before, 1)) == []
    made = query.made(left("b", closing, 1))
    assert [(m.window, m.value) for m in made if m.key == "a"] == [(bounds, "1")]
    assert query.made(left("a", 2, 5)) == []  # late
    changing = Query.of(_windowed(window, "CHANGES"))
    changing.made(left("b", closing, 1))
    assert changing.made(left("a", 2, 5)) != []  # a day's grace


@pytest.mark.parametrize(
    "window",
    [
        "TUMBLING (SIZE 10 MILLISECONDS, GRACE PERIOD 5 MILLISECONDS)",
        "HOPPING (SIZE 10 MILLISECONDS, ADVANCE BY 5 MILLISECONDS, GRACE PERIOD 5 MILLISECONDS)",
        "SESSION (10 MILLISECONDS, GRACE PERIOD 5 MILLISECONDS)",
        "SLIDING (SIZE 10 MILLISECONDS, GRACE PERIOD 5 MILLISECONDS)",
    ],
)
@pytest.mark.parametrize("emit", ["CHANGES", "FINAL"])
@pytest.mark.parametrize("size", [1, 50])
def test_rows_that_no_window_takes_are_counted(window: str, emit: str, size: int) -> None:
    query = Query.of(_windowed(window, emit))
    given = [left("a", 100, 1), *(left("a", 90 + n % 10, 1) for n in range(20)), left("b", 99, 1)]
    late = [left("a", 3, 1), left("b", 40, 1), left("b", 7, 1)]
    for _ in query.changes([*given, *late, left(None, 1, 1), left("a", 1)], size):
        pass
    assert query.graph.late == 3


def _join(kind: str, within: str, streams: bool = True) -> str:
    declared, made = (L + R, "STREAM") if streams else (LT + RT, "TABLE")
    return f"""{declared} CREATE {made} O AS SELECT L.K, L.V AS A, R.V AS B
        FROM L {kind} R {within} ON L.K = R.K;"""


def test_stream_join_within() -> None:
    check(
        _join("JOIN", "WITHIN (2 MILLISECONDS, 5 MILLISECONDS) GRACE PERIOD 50 MILLISECONDS"),
        (left("a", 10, 1), []),
        (right("a", 15, 2), [(1, "a", 1, 2, 15)]),
        (right("a", 16, 3), []),
        (right("a", 8, 4), [(1, "a", 1, 4, 10)]),
        (right("a", 7, 5), []),
        (left(None, 10, 1), []),
        (left("a", 10), []),
        (left("a", 9, 6), [(1, "a", 6, 5, 9), (1, "a", 6, 4, 9)]),
    )


def test_outer_stream_join_waits() -> None:
    check(
        _join("LEFT JOIN", "WITHIN 5 MILLISECONDS GRACE PERIOD 10 MILLISECONDS"),
        (left("a", 10, 1), []),
        (right("z", 25, 1), []),  # 10 + 5 + 10 has not passed
        (right("z", 26, 1), [(1, "a", 1, None, 10)]),
        (left(None, 26, 7), [(1, None, 7, None, 26)]),  # nothing can match it
        (left("b", 20, 2), [(1, "b", 2, None, 20)]),  # its window has passed: at once
        (right("b", 20, 3), [(1, "b", 2, 3, 20)]),  # and then it matches all the same
        (left("c", 26, 4), []),
        (right("c", 60), []),  # no value: it moves time, and is no row to look at what waits
        (left("d", 60, 5), [(1, "c", 4, None, 26)]),
    )


def test_without_grace_nothing_waits() -> None:
    check(
        _join("LEFT JOIN", "WITHIN 5 MILLISECONDS"),
        (left("a", 10, 1), [(1, "a", 1, None, 10)]),
        (right("a", 12, 2), [(1, "a", 1, 2, 12)]),
    )


def test_stream_table_join() -> None:
    check(
        f"{L} {RT} CREATE STREAM O AS SELECT L.K, L.V AS A, R.V AS B FROM L LEFT JOIN R ON L.K = R.K;",
        (left("a", 5, 1), [(1, "a", 1, None, 5)]),
        (right("a", 9, 2), []),
        (left("a", 6, 3), [(1, "a", 3, 2, 6)]),  # the table as it is now; the stream's time
        (left("a", 7), []),
        (left(None, 8, 4), [(1, None, 4, None, 8)]),
        (right("a", 10), []),
        (left("a", 11, 5), [(1, "a", 5, None, 11)]),
    )


def test_table_join() -> None:
    check(
        _join("JOIN", "", streams=False),
        (left("a", 5, 1), []),
        (right("a", 3, 2), [(1, "a", 1, 2, 5)]),
        (left("a", 7, 3), [(-1, "a", 1, 2, 5), (1, "a", 3, 2, 7)]),
        (left("a", 8), [(-1, "a", 3, 2, 8)]),
        (left("a", 9), [(0, "a", None, None, 9)]),  # a deletion of nothing, with a match: a record
        (right("a", 10), []),
    )


def test_left_table_join() -> None:
    check(
        _join("LEFT JOIN", "", streams=False),
        (left("a", 5, 1), [(1, "a", 1, None, 5)]),
        (right("a", 6, 2), [(-1, "a", 1, None, 5), (1, "a", 1, 2, 6)]),
        # The joined row at -1 is the one that was given.
        (right("a", 7), [(-1, "a", 1, 2, 6), (1, "a", 1, None, 7)]),
        (left("a", 8), [(-1, "a", 1, None, 8)]),
        (left("a", 9), []),
    )


def _foreign(kind: str) -> str:
    return f"""{GT} {RT} CREATE TABLE O AS SELECT L.K, L.V AS A, R.V AS B
        FROM L {kind} R ON L.G = R.K;"""


def test_foreign_key_join() -> None:
    check(
        _foreign("JOIN"),
        (left("a", 5, "x", 1), []),
        (right("x", 3, 2), [(1, "a", 1, 2, 3)]),  # the right row's own time
        (left("a", 4, "x", 7), [(-1, "a", 1, 2, 3), (1, "a", 7, 2, 4)]),
        (left("a", 6, "y", 7), [(-1, "a", 7, 2, 6)]),
        (left("a", 7, "z", 7), [(0, "a", None, None, 7)]),  # Streams cannot know that y had no row
        (left("a", 8, "z", 7), []),
        (left("a", 9, None, 7), [(0, "a", None, None, 9)]),
        (left("a", 10), []),
        (right("x", 11, 4), []),
    )


def test_foreign_key_left_join() -> None:
    check(
        _foreign("LEFT JOIN"),
        (left("a", 5, "x", 1), [(1, "a", 1, None, 5)]),
        (left("a", 6, None, 1), [(-1, "a", 1, None, 5), (1, "a", 1, None, 6)]),
        (right("x", 7, 2), []),
        (left("a", 4, "x", 1), [(-1, "a", 1, None, 6), (1, "a", 1, 2, 7)]),
        (left("a", 8), [(-1, "a", 1, 2, 8)]),
        (left("a", 9), []),
    )
