"""Bounded queries over literals: answers, what is read for them, and what is refused."""

from __future__ import annotations

import pytest

from kshell.batch.run import run
from kshell.batch.tables import Bounds
from kshell.errors import BindError, EvaluationError, Outage, UnknownName


def test_star_shows_the_columns_without_the_pseudo_columns(answer):
    assert answer("SELECT * FROM orders LIMIT 1") == [
        {"region": "eu", "amount": 10, "item": {"x": 1}}
    ]


def test_star_of_an_alias_and_a_pseudo_column_by_name(answer):
    assert answer("SELECT o.*, ROWTIME FROM orders o WHERE amount = 20") == [
        {"region": "us", "amount": 20, "item": {"x": 2}, "ROWTIME": 2000}
    ]


def test_names_match_whatever_their_case(answer):
    assert answer("SELECT REGION FROM Orders WHERE Amount = 30") == [{"region": "eu"}]


def test_group_by_reads_only_the_columns_it_names(answer, table):
    rows = answer("SELECT region, COUNT(*) FROM orders GROUP BY region ORDER BY 2 DESC, 1")
    assert rows == [
        {"region": "eu", "COUNT(*)": 2},
        {"region": "asia", "COUNT(*)": 1},
        {"region": "us", "COUNT(*)": 1},
    ]
    assert table.opened == [["region"]]


def test_count_reads_no_column_at_all(answer, table):
    assert answer("SELECT COUNT(*) FROM orders") == [{"COUNT(*)": 4}]
    assert table.opened == [[]]


def test_every_reference_is_a_scan_of_its_own(answer, table):
    rows = answer(
        "WITH big AS (SELECT amount FROM other WHERE amount > 15) "
        "SELECT o.region, b.amount FROM orders o JOIN big b ON b.amount = o.amount ORDER BY 2"
    )
    assert rows == [{"region": "us", "amount": 20}, {"region": "eu", "amount": 30}]
    assert sorted(map(sorted, table.opened)) == [["amount"], ["amount", "region"]]


def test_a_nested_field_is_decoded_in_the_query(answer, table):
    assert answer("SELECT item.x FROM orders WHERE item.x > 1 ORDER BY 1") == [{"x": 2}, {"x": 4}]
    assert table.opened == [["item"]]


@pytest.mark.parametrize(
    ("where", "bounds"),
    [
        ("ROWOFFSET BETWEEN 5 AND 9", Bounds(offset_from=5, offset_to=10)),
        ("ROWOFFSET > 5 AND ROWOFFSET < 9 AND amount = 1", Bounds(offset_from=6, offset_to=9)),
        ("7 <= ROWOFFSET", Bounds(offset_from=7)),
        ("ROWTIME >= '10 minutes ago'", Bounds(time_from=400_000)),
        ("ROWTIME < '1970-01-01T00:00:02'", Bounds(time_to=2000)),
        ("ROWTIME >= TIMESTAMP '1970-01-01 00:00:03'", Bounds(time_from=3000)),
        ("ROWPARTITION = 3", Bounds(partitions=frozenset({3}))),
        ("ROWPARTITION IN (1, 2)", Bounds(partitions=frozenset({1, 2}))),
        ("ROWKEY = 'a'", Bounds(keys=("a",))),
        ("rowkey IN ('a', 'b') AND ROWKEY <> 'c'", Bounds(keys=("a", "b"))),
        ("ROWOFFSET > 5 OR amount = 1", Bounds()),
        ("ROWOFFSET > random() * 5", Bounds()),
        ("NOT ROWOFFSET > 5", Bounds()),
        ("ROWOFFSET > amount", Bounds()),
        ("ROWOFFSET >= 1.5", Bounds(offset_from=2)),
        ("ROWOFFSET <= 1.5", Bounds(offset_to=2)),
        ("ROWOFFSET = NULL", Bounds()),
    ],
)
def test_a_where_narrows_what_is_read(plan, table, where, bounds):
    plan(f"SELECT region FROM orders WHERE {where}")
    assert table.asked == [bounds]


def test_bounds_of_a_join_go_to_the_reference_they_speak_of(plan, table):
    plan(
        "SELECT 1 FROM orders a LEFT JOIN other b ON a.amount = b.amount "
        "WHERE b.ROWOFFSET > 3 AND a.ROWPARTITION = 1"
    )
    assert table.asked == [Bounds(partitions=frozenset({1})), Bounds(offset_from=4)]


def test_a_moment_filters_as_it_seeks(answer):
    assert answer("SELECT ROWOFFSET FROM orders WHERE ROWTIME > '1970-01-01T00:00:02Z'") == [
        {"ROWOFFSET": 2},
        {"ROWOFFSET": 3},
    ]


def test_a_string_that_is_no_time_is_refused_with_examples(plan):
    with pytest.raises(BindError, match="'soon' is no time") as error:
        plan("SELECT 1 FROM orders WHERE ROWTIME > 'soon'")
    assert "10 minutes ago" in error.value.hint


def test_an_unknown_column_has_a_place_and_a_near_name(plan):
    with pytest.raises(UnknownName, match="no column named regoin") as error:
        plan("SELECT regoin FROM orders")
    assert error.value.hint == "did you mean region?"
    assert error.value.place.column == 8


def test_an_unknown_topic_has_a_near_name(plan):
    with pytest.raises(UnknownName) as error:
        plan("SELECT 1 FROM ordres")
    assert error.value.hint == "did you mean orders?"


@pytest.mark.parametrize("function", ["read_csv('/etc/passwd')", "duckdb_settings()", "glob('*')"])
def test_nothing_but_tables_stands_in_from(plan, function):
    with pytest.raises(BindError, match="cannot stand in FROM"):
        plan(f"SELECT * FROM {function}")


def test_a_file_name_in_from_is_a_topic_name(plan):
    with pytest.raises(UnknownName, match="no topic named /etc/passwd"):
        plan("SELECT * FROM '/etc/passwd'")


def test_an_error_while_running_is_told(answer):
    with pytest.raises(EvaluationError, match="Could not convert string 'eu'"):
        answer("SELECT CAST(region AS INT) FROM orders")


def test_a_failing_scan_keeps_its_own_error_and_gives_no_rows(plan, table):
    table.fail = Outage("cannot reach broker 2 for 5 s")
    with pytest.raises(Outage, match="broker 2"):
        list(run(*plan("SELECT region FROM orders")).batches)


def test_cancel_stops_the_scan_and_ends_the_iteration(plan, table):
    result = run(*plan("SELECT region FROM orders"))
    result.cancel()
    assert list(result.batches) == []


def test_the_end_of_the_answer_stops_the_scan(answer, table):
    answer("SELECT region FROM orders LIMIT 1")
    assert table.cancelled > 0


def test_an_expression_that_fails_ends_the_query_and_tells_of_try(answer):
    with pytest.raises(EvaluationError, match="us") as caught:
        answer("SELECT CAST(region AS INT) FROM orders WHERE region = 'us'")
    assert "TRY(expression)" in caught.value.hint
    rows = answer("SELECT TRY(CAST(region AS INT)) AS n FROM orders WHERE region = 'us'")
    assert rows == [{"n": None}]
