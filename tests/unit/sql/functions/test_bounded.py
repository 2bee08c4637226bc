"""KSQL's functions in bounded queries mean what they mean in continuous ones."""

import datetime

import duckdb
import pyarrow as pa
import pytest

from kshell.batch.plan import prepare
from kshell.sql import duck, functions
from kshell.sql.complaints import failure
from kshell.sql.parse import parse
from tests.unit.sql.functions.macros import in_macros

EXAMPLES = [
    (name, *function.example)
    for name, function in functions.library().items()
    if function.kind == functions.SCALAR and function.example is not None
]


def answer(text, **columns):
    (statement,) = parse(f"SELECT {text}{' FROM S' if columns else ''};")
    with duck.connect() as connection:
        if columns:
            connection.register("S", pa.table(columns))
        sql = in_macros(statement.query, connection)
        return connection.sql(sql).to_arrow_table()


@pytest.mark.parametrize(("name", "text", "expected"), EXAMPLES)
def test_every_example(name, text, expected):
    (found,) = answer(text).column(0).to_pylist(maps_as_pydicts="lossy")
    assert found == (pytest.approx(expected) if isinstance(expected, float) else expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FILTER(MAP('a' := 1, 'b' := 2), (k, v) => k <> 'a' AND v > 1)", {"b": 2}),
        ("REDUCE(MAP('a' := 1), 5, (s, k, v) => s + v + LEN(k))", 7),
        ("REDUCE(ARRAY['a', 'b'], '', (s, x) => CONCAT(s, x))", "ab"),
        ("TRANSFORM(MAP('a' := 1), (k, v) => UCASE(k), (k, v) => v + 1)", {"A": 2}),
        ("TRANSFORM(ARRAY[ARRAY[1, 2]], x => TRANSFORM(x, y => y + ARRAY_LENGTH(x)))", [[3, 4]]),
        ("TRANSFORM(ARRAY[STRUCT(x := 1)], x => x->x)", [1]),
        ("TRANSFORM(ARRAY[1], X => x + X)", [2]),
        ("TRANSFORM(FILTER(ARRAY[1, 2], x => x > 1), x => x * 10)", [20]),
        ("LIST_TRANSFORM(ARRAY[1], x => x + 1)", [2]),
        ("STRUCT(A := STRUCT(B := 5))->A->B", 5),
        ("MAP('a' := 1)['a']", 1),
        ("ARRAY[1, 2, 3][-1]", 3),
        ("ARRAY_DISTINCT(ARRAY['b', 'a', 'b'])", ["b", "a"]),
        ("ARRAY_UNION(ARRAY[1.5], ARRAY[1.5, 2.5])", [1.5, 2.5]),
        ("ARRAY_JOIN(ARRAY[1.0E10, 0.5E0], '|')", "1.0E10|0.5"),
        ("CAST(-1.9E0 AS INT)", -1),
        ("CAST(1.9 AS BIGINT)", 1),
        ("CAST(2147483648 AS INT)", -2147483648),
        ("CAST(1.0E7 AS STRING)", "1.0E7"),
        ("CAST(CAST('10:20:00' AS TIME) AS STRING)", "10:20"),
        ("CAST(' 12 ' AS INT)", 12),
        ("CAST(TRUE AS STRING)", "true"),
        ("CAST('2020-01-02' AS DATE)", datetime.date(2020, 1, 2)),
        ("CAST(ARRAY[1, 2, NULL] AS STRING)", "[1, 2, null]"),
        ("CAST(ARRAY['a', 'b,c'] AS STRING)", "[a, b,c]"),
        ("CAST(ARRAY[1.0E10, 0.5E0] AS STRING)", "[1.0E10, 0.5]"),
        ("CAST(ARRAY[ARRAY[1.50, 2]] AS STRING)", "[[1.50, 2.00]]"),
        ("CAST(MAP('a' := CAST(NULL AS INT), 'b' := 3) AS STRING)", "{a=null, b=3}"),
        ("CAST(STRUCT(A := 1, B := TRUE) AS STRING)", "Struct{A=1,B=true}"),
        ("CAST(ARRAY[CAST('2020-01-02T03:04:05' AS TIMESTAMP)] AS STRING)",
         "[2020-01-02T03:04:05.000]"),
        ("TO_JSON_STRING(CAST('2020-01-02T03:04:05.6' AS TIMESTAMP))",
         '"2020-01-02T03:04:05.600"'),
        ("TO_JSON_STRING(CAST('10:20:00' AS TIME))", '"10:20"'),
        ("TO_JSON_STRING(ARRAY[1.0E10, NULL])", "[1.0E10,null]"),
        ("TO_JSON_STRING(MAP('k' := STRUCT(D := 1.50)))", '{"k":{"D":1.50}}'),
        ("TO_JSON_STRING(CAST(NULL AS INT))", "null"),
        ("TO_JSON_STRING(ARRAY[CAST('1234567890123456789012345678.1' AS DECIMAL(38, 9))])",
         "[1234567890123456789012345678.100000000]"),
        ("TO_JSON_STRING(TO_BYTES('4100FF5C225C7841', 'hex'))", '"QQD/XCJceEE="'),
        ("TO_JSON_STRING(ARRAY[TO_BYTES('', 'utf8'), NULL, TO_BYTES('a', 'utf8')])", '["",null,"YQ=="]'),
    ],
)
def test_expressions(text, expected):
    (found,) = answer(text).column(0).to_pylist(maps_as_pydicts="lossy")
    assert found == expected


def test_a_lambda_sees_the_row():
    columns = {"A": pa.array([[1, 2], None]), "B": pa.array([10, 100])}
    assert answer("TRANSFORM(A, x => x * B)", **columns).column(0).to_pylist() == [[10, 20], None]


def test_columns_are_named_as_they_were_written():
    written = ["UCASE('a')", "TRANSFORM(ARRAY[1], x => x + 1)", "1 + 1"]
    (statement,) = parse(f"SELECT {', '.join(written)}, LEN('a') AS N;")
    with duck.connect() as connection:
        planned = prepare(statement.query, None, connection, True, 0)
    assert planned.schema.names == [*written, "N"]


def test_what_fails_is_told_in_ksqls_words():
    with pytest.raises(duckdb.Error) as caught:
        answer("CAST('x' AS INT)")
    assert failure(caught.value) == 'For input string: "x"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # the hash of "b" is 98 and that of "a" 97, of four buckets the third and the second; "c" is 99, "d" 100
        ("CAST(MAP('b' := 1, 'a' := 2) AS VARCHAR)", "{a=2, b=1}"),
        ("CAST(ARRAY[MAP('b' := 1, 'a' := 2)] AS STRING)", "[{a=2, b=1}]"),
        ("CAST(STRUCT(M := MAP('b' := 1, 'a' := 2)) AS VARCHAR)", "Struct{M={a=2, b=1}}"),
        ("CAST(MAP('b' := MAP('d' := 1, 'c' := 2), 'a' := NULL) AS VARCHAR)", "{a=null, b={d=1, c=2}}"),
        ("MAP('b' := 1, 'a' := 2)::VARCHAR", "{a=2, b=1}"),
    ],
)
def test_a_text_of_a_map_has_the_order_of_a_java_map(text, expected):
    assert answer(text).column(0).to_pylist() == [expected]


@pytest.mark.parametrize("keys", [["zeta", "Aa", "BB", "b", "a"], ["é", "😀", ""], [str(n) for n in range(60)], ["x"]])
def test_a_text_of_a_map_is_the_same_in_both_kinds_of_query(evaluated, keys):
    values = pa.array([[(key, n) for n, key in enumerate(keys)]], pa.map_(pa.string(), pa.int32()))
    (continuous,) = evaluated("CAST(M AS STRING)", M=values).values
    assert answer("CAST(M AS STRING)", M=values).column(0).to_pylist() == [continuous]
