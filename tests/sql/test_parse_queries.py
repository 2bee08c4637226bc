"""Queries: KSQL's clauses, KSQL's expressions, DuckDB's SQL, and where errors point."""

from __future__ import annotations

import pytest
from sqlglot import exp

from kshell.catalog.model import WindowType
from kshell.errors import BindError, ParseError, Place
from kshell.sql.as_written import place_of
from kshell.sql.clauses import Emit, Query, WindowClause, Within
from kshell.sql.dialect import aggregates
from kshell.sql.parse import parse
from kshell.sql.statements import CreateAsSelect, Select


def query(text: str) -> Query:
    (statement,) = parse(text)
    assert isinstance(statement, Select | CreateAsSelect)
    return statement.query


def item(expression: str) -> exp.Expr:
    return query(f"SELECT {expression} FROM t EMIT CHANGES").tree.expressions[0]


@pytest.mark.parametrize(
    ("clause", "window"),
    [
        ("TUMBLING (SIZE 30 SECONDS)", WindowClause(WindowType.TUMBLING, 30_000)),
        (
            "HOPPING (SIZE 1 MINUTE, ADVANCE BY 20 SECONDS, RETENTION 1 DAY, GRACE PERIOD 2 HOURS)",
            WindowClause(WindowType.HOPPING, 60_000, 20_000, 86_400_000, 7_200_000),
        ),
        ("SESSION (500 MILLISECONDS)", WindowClause(WindowType.SESSION, 500)),
        (
            "SLIDING (SIZE 5 SECONDS, GRACE PERIOD 0 SECONDS)",
            WindowClause(WindowType.SLIDING, 5_000, grace_ms=0),
        ),
    ],
)
def test_windows(clause: str, window: WindowClause) -> None:
    q = query(f"SELECT a, COUNT(*) FROM t WINDOW {clause} WHERE a > 1 GROUP BY a EMIT FINAL")
    assert (q.window, q.emit) == (window, Emit.FINAL)
    assert q.tree.args["where"].sql() == "WHERE a > 1"


def test_within_stands_beside_its_join() -> None:
    q = query(
        "SELECT * FROM a JOIN b WITHIN 5 SECONDS ON a.i = b.i JOIN t ON a.i = t.i "
        "LEFT JOIN c WITHIN (1 SECOND, 2 SECONDS) GRACE PERIOD 1 DAY ON a.i = c.i EMIT CHANGES"
    )
    withins = [join.args.get("within") for join in q.tree.args["joins"]]
    assert withins == [Within(5000, 5000), None, Within(1000, 2000, 86_400_000)]


def test_partition_by_and_limit() -> None:
    q = query("SELECT a FROM t WHERE b PARTITION BY (a, f(b)) EMIT CHANGES LIMIT 2")
    assert [e.sql() for e in q.partition_by] == ["a", "F(b)"]
    assert q.tree.args["limit"].expression.sql() == "2"


def test_partition_by_nothing() -> None:
    with pytest.raises(BindError, match="PARTITION BY requires at least one expression"):
        query("SELECT a FROM t PARTITION BY () EMIT CHANGES")


def test_a_query_without_emit_is_bounded_and_keeps_its_text() -> None:
    q = query("  SELECT 1 -- one\n")
    assert (q.emit, q.text) == (Emit.BOUNDED, "SELECT 1")


@pytest.mark.parametrize(
    ("written", "duckdb"),
    [
        ("a->b->c", "a.b.c"),
        ("t.a->b[1]->c", "t.a.b[1].c"),
        ("a->*", "a.*"),
        ("ARRAY[1, a][-1]", "[1, a][-1]"),
        ("STRUCT(x := 1, `y` := b->c)", "{'x': 1, 'y': b.c}"),
        ("MAP('k' := v, x := 2)", "MAP(['k', x], [v, 2])"),
        ("TRANSFORM(l, x => X + y)", "TRANSFORM(l, LAMBDA x : X + y)"),
        ("REDUCE(m, 0, (s, k, v) => s + v->a)", "REDUCE(m, 0, LAMBDA s, k, v : s + v.a)"),
        ("CAST(a AS STRUCT<x ARRAY<INT>>)", "CAST(a AS STRUCT(x INT[]))"),
        ("a IS DISTINCT FROM b", "a IS DISTINCT FROM b"),
        ("a LIKE 'x!%' ESCAPE '!'", "a LIKE 'x!%' ESCAPE '!'"),
        ("a || b + 'c'", "a || b + 'c'"),
        ("`my col` + \"Q\"", '"my col" + "Q"'),
        ("date + time + timestamp + key + value", "date + time + timestamp + key + value"),
        ("len(x) + SUBSTRING(y, 1, 2)", "LEN(x) + SUBSTRING(y, 1, 2)"),
        ("COUNT()", "COUNT()"),
    ],
)
def test_expressions(written: str, duckdb: str) -> None:
    assert item(written).sql("duckdb") == duckdb


def test_lambda_parameters_are_identifiers_and_the_rest_columns() -> None:
    lambda_ = item("TRANSFORM(l, x => X + y)").find(exp.Lambda)
    assert lambda_ is not None
    assert [c.name for c in lambda_.this.find_all(exp.Column)] == ["y"]


def test_functions_keep_their_names_and_arguments() -> None:
    call = item("ifnull(a, 1)")
    assert isinstance(call, exp.Anonymous)
    assert (call.name, len(call.expressions)) == ("ifnull", 2)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("orders", ["orders"]),
        ("my-topic", ["my-topic"]),
        ("my-topic.v1", ["my-topic", "v1"]),
        ("page.views", ["page", "views"]),
        ("a.b-c.d", ["a.b-c", "d"]),
        ("`my topic.x`", ["my topic.x"]),
    ],
)
def test_names_in_from(name: str, parts: list[str]) -> None:
    q = query(f"SELECT x-1 FROM {name} AS t WHERE x-1 > 0")
    table = q.tree.find(exp.Table)
    assert table is not None
    assert [p.name for p in table.parts] == parts
    assert q.tree.expressions[0].sql() == "x - 1"


@pytest.mark.parametrize(
    "sql",
    [
        "WITH c AS (SELECT * FROM t) SELECT * FROM c ORDER BY x DESC LIMIT 3 OFFSET 1",
        "SELECT SUM(x) OVER (PARTITION BY y ORDER BY z) FROM t QUALIFY ROW_NUMBER() OVER () = 1",
        "SELECT * FROM a ASOF JOIN b USING (id)",
        "SELECT b.* EXCLUDE (x) FROM b WHERE x IN (SELECT y FROM c)",
        "SELECT 1 UNION ALL SELECT 2",
        "SELECT EXTRACT(YEAR FROM x), UNNEST([1, 2]), COUNT(*) FILTER(WHERE x > 1) FROM t",
    ],
)
def test_duckdbs_sql_passes_as_it_is(sql: str) -> None:
    assert query(sql).tree.sql("duckdb") == sql


def test_aggregates_of_bounded_queries_are_known() -> None:
    assert aggregates(query("SELECT COUNT(*) FROM t").tree)
    assert not aggregates(query("SELECT LEN(x) FROM t").tree)


def test_places_are_the_scripts() -> None:
    _, statement = parse("SHOW TOPICS;\nSELECT a,\n   `b c` + f(1) FROM t;")
    assert isinstance(statement, Select)
    places = {c.name: place_of(c) for c in statement.query.tree.find_all(exp.Column)}
    assert places == {"a": Place(2, 8, 1), "b c": Place(3, 4, 5)}
    call = statement.query.tree.find(exp.Anonymous)
    assert call is not None
    assert place_of(call) == Place(3, 12, 1)
    _, statement = parse("SHOW TOPICS;\nSELECT * FROM t WHERE a + b = c;")
    assert isinstance(statement, Select)
    assert place_of(statement.query.tree.find(exp.EQ)) == Place(2, 23, 1)


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("SELECT a FORM t", Place(1, 10, 4), "did you mean FROM?"),
        ("SELECT a FROM t WHRE x = 1", Place(1, 17, 4), "did you mean WHERE?"),
        ("SELECT a FROM t\nEMIT CHNAGES", Place(2, 6, 7), "did you mean CHANGES?"),
        ("SELECT a FROM t WHERE (x = 1", Place(1, 29, 1), ""),
        ("SELECT a FROM t EMIT CHANGES WHERE x", Place(1, 30, 5), ""),
        ("SELECT FROM t", Place(1, 8, 4), ""),
        ("SELECT CAST(a AS NULL) FROM t", Place(1, 18, 4), ""),
        ("SELECT a FROM t WINDOW TUMBLING (SIZE 3 BOBS) GROUP BY a", Place(1, 41, 4), ""),
        ("SELECT 1e5+1,\n 2e1-1 +", Place(2, 9, 1), ""),
        ("SELECT a FROM t WITHIN 3 SECONDS", Place(1, 17, 6), ""),
        ("SELECT 1; DELETE FROM t", Place(1, 18, 4), ""),
        ("SELECT 1; UPDATE t SET a = 1", Place(1, 11, 6), ""),
    ],
)
def test_refusals(text: str, place: Place, hint: str) -> None:
    with pytest.raises(ParseError) as raised:
        parse(text)
    assert raised.value.place == place
    assert raised.value.hint.startswith(hint)
    assert f"line {place.line}:{place.column}" in raised.value.what


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("9223372036854775808", "Invalid numeric literal: 9223372036854775808"),
        ("-9223372036854775809", "Invalid numeric literal: -9223372036854775809"),
        ("1.8E308", "Number overflows DOUBLE: 1.8E308"),
    ],
)
def test_numbers_that_fit_no_type(expression: str, said: str) -> None:
    with pytest.raises(ParseError, match=said):
        item(expression)
    assert item("-9223372036854775808").sql() == "-9223372036854775808"


def test_continuous_queries_group_by_values_and_read_sources() -> None:
    with pytest.raises(ParseError, match="near 'AND'"):
        parse("CREATE TABLE o AS SELECT COUNT(*) FROM t GROUP BY a AND b;")
    with pytest.raises(ParseError, match="expected a stream or a table"):
        parse("CREATE STREAM o AS SELECT * FROM EXPLODE(a);")
    assert query("SELECT COUNT(*) FROM t GROUP BY a AND b").emit is Emit.BOUNDED


@pytest.mark.parametrize("text", ["(" * 4000 + "1", "SELECT " + "(" * 4000 + "1" + ")" * 4000])
def test_what_nests_too_deeply_is_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)


@pytest.mark.parametrize(
    "clause",
    [
        "FROM s WINDOW TUMBLING (SIZE 99999999999999 DAYS) GROUP BY k",
        "FROM s WINDOW HOPPING (SIZE 1 DAY, ADVANCE BY 99999999999999 DAYS) GROUP BY k",
        "FROM s WINDOW SESSION (1 DAY, GRACE PERIOD 999999999999999999 SECONDS) GROUP BY k",
        "FROM s JOIN r WITHIN 999999999999999999 HOURS ON s.k = r.k",
    ],
)
def test_a_time_that_no_moment_can_be_added_to_is_refused_with_its_place(clause: str) -> None:
    with pytest.raises(ParseError, match="'9+'.*expected a shorter time"):
        list(parse(f"SELECT k, COUNT(*) {clause} EMIT CHANGES;"))
    list(parse("SELECT k FROM s JOIN r WITHIN 10000000 DAYS ON s.k = r.k EMIT CHANGES;"))


@pytest.mark.parametrize(
    ("text", "source", "left"),
    [
        ("SELECT * FROM t AT GROUP g-1", "t", "SELECT * FROM t             "),
        ("SELECT x.n FROM `a.b` x AT GROUP 'g-1' WHERE n > 1", "a.b", "SELECT x.n FROM `a.b` x                WHERE n > 1"),
        ("SELECT * FROM (SELECT * FROM t AT GROUP g-1 AS y) EMIT CHANGES", "t", None),
        ("SELECT * FROM a JOIN t AT GROUP g-1 ON a.k = t.k", "t", None),
    ],
)
def test_at_group_belongs_to_the_name_before_it(text: str, source: str, left: str | None) -> None:
    (statement,) = parse(text)
    (found,) = statement.query.groups
    assert (found.source.text, found.group.text) == (source, "g-1")
    assert found.group.place.column == text.index("g-1") + 1 - text.count("'g-1")
    if left is not None:
        assert statement.query.text == left


def test_at_may_still_be_a_name() -> None:
    (statement,) = parse("SELECT at, COUNT(*) FROM t at GROUP BY at")
    assert statement.query.groups == ()


def test_at_group_with_nothing_before_it() -> None:
    with pytest.raises(BindError, match="AT GROUP stands behind a name in FROM") as raised:
        parse("SELECT 1 AT GROUP g")
    assert raised.value.place.column == 10
