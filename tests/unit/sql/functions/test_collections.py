"""Arrays, maps and lambdas: NULLs, order, and what cannot be called."""

import pyarrow as pa
import pytest

from kshell.errors import BindError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ARRAY_CONCAT(CAST(NULL AS ARRAY<INT>), ARRAY[1])", [1]),
        ("ARRAY_CONCAT(CAST(NULL AS ARRAY<INT>), CAST(NULL AS ARRAY<INT>))", None),
        ("ARRAY_CONTAINS(ARRAY[1, NULL], NULL)", True),
        ("ARRAY_CONTAINS(CAST(NULL AS ARRAY<INT>), 1)", False),
        ("ARRAY_CONTAINS(ARRAY[CAST(1 AS BIGINT)], 1)", True),
        ("ARRAY_CONTAINS(ARRAY[STRUCT(A := 1)], STRUCT(A := 1))", True),
        ("ARRAY_DISTINCT(ARRAY[3, NULL, 1, 3, NULL])", [3, None, 1]),
        ("ARRAY_DISTINCT(ARRAY[ARRAY[1], ARRAY[1]])", [[1]]),
        ("ARRAY_DISTINCT(ARRAY[MAP('a' := 1), MAP('a' := 1)])", [{"a": 1}]),
        ("ARRAY_EXCEPT(ARRAY[1, 2, NULL, 1], ARRAY[2])", [1, None]),
        ("ARRAY_EXCEPT(ARRAY[1], CAST(NULL AS ARRAY<INT>))", None),
        ("ARRAY_INTERSECT(ARRAY[1, NULL, 2, NULL], ARRAY[NULL, 2])", [None, 2]),
        ("ARRAY_UNION(ARRAY[2, 1], ARRAY[NULL, 1])", [2, 1, None]),
        ("ARRAY_JOIN(ARRAY[TRUE, NULL], '-')", "true-null"),
        ("ARRAY_JOIN(ARRAY[1.50, 2.00])", "1.50,2.00"),
        ("ARRAY_JOIN(ARRAY[1.0E10, 1.0E-5, 0.5E0], '|')", "1.0E10|1.0E-5|0.5"),
        ("ARRAY_JOIN(ARRAY['a', 'b'], NULL)", "ab"),
        ("ARRAY_LENGTH(CAST(NULL AS ARRAY<INT>))", None),
        ("ARRAY_MAX(ARRAY[NULL, CAST(NULL AS INT)])", None),
        ("ARRAY_MIN(ARRAY['b', NULL, 'A'])", "A"),
        ("ARRAY_REMOVE(ARRAY[1, NULL, 2], NULL)", [1, 2]),
        ("ARRAY_SORT(ARRAY[2, NULL, 1])", [1, 2, None]),
        ("ARRAY_SORT(ARRAY[2, NULL, 1], 'descending')", [2, 1, None]),
        ("ARRAY_SORT(ARRAY[2, 1], 'sideways')", None),
        ("AS_MAP(ARRAY['a', 'b', 'a'], ARRAY[1, 2])", {"a": None, "b": 2}),
        ("AS_MAP(ARRAY['a'], CAST(NULL AS ARRAY<INT>))", None),
        ("ENTRIES(MAP('b' := 2, 'a' := 1), TRUE)", [{"K": "a", "V": 1}, {"K": "b", "V": 2}]),
        ("MAP_KEYS(CAST(NULL AS MAP<STRING, INT>))", None),
        ("MAP_VALUES(MAP('a' := 1, 'b' := CAST(NULL AS INT)))", [1, None]),
        ("MAP_UNION(MAP('a' := 1, 'b' := 2), MAP('b' := 3))", {"a": 1, "b": 3}),
        ("MAP_UNION(CAST(NULL AS MAP<STRING, INT>), MAP('a' := 1))", {"a": 1}),
        ("SLICE(ARRAY[1, 2, 3], NULL, 2)", [1, 2]),
        ("SLICE(ARRAY[1, 2, 3], 2, NULL)", [2, 3]),
        ("SLICE(ARRAY[1, 2, 3], 0, 2)", None),
        ("SLICE(ARRAY[1, 2, 3], 2, 4)", None),
        ("ARRAY[1, 2, 3][-1]", 3),
        ("ARRAY[1, 2, 3][0]", None),
        ("ARRAY[1, 2, 3][-4]", None),
        ("MAP('a' := 1)['b']", None),
        ("MAP('a' := 1, 'a' := 2)", {"a": 2}),
        ("MAP(1 := 'x')[1]", "x"),
        ("MAP(CAST(NULL AS STRING) := 10)", {"null": 10}),
        ("STRUCT(`a b` := 1, A := STRUCT(`b` := 2))->A->`b`", 2),
    ],
)
def test_collections(value, text, expected):
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FILTER(ARRAY[1, NULL, 3], x => x > 1)", [3]),
        ("FILTER(MAP('a' := 1, 'b' := 2), (k, v) => k = 'b' AND v > 1)", {"b": 2}),
        ("REDUCE(CAST(NULL AS ARRAY<INT>), 5, (s, x) => s + x)", 5),
        ("REDUCE(ARRAY[1, 2], '', (s, x) => s + CAST(x AS STRING))", "12"),
        ("REDUCE(MAP('a' := 1, 'b' := 2), 10, (s, k, v) => s + v + LEN(k))", 15),
        ("REDUCE(ARRAY[STRUCT(V := 1), STRUCT(V := 2)], 0, (s, x) => s + x->V)", 3),
        ("TRANSFORM(ARRAY['a', NULL], x => UCASE(x))", ["A", None]),
        ("TRANSFORM(MAP('a' := 1), (k, v) => UCASE(k), (k, v) => v * 2)", {"A": 2}),
        ("TRANSFORM(ARRAY[1, 2], X => x * X)", [1, 4]),
        ("TRANSFORM(ARRAY[ARRAY[1, 2]], x => TRANSFORM(x, y => y + ARRAY_LENGTH(x)))", [[3, 4]]),
        ("TRANSFORM(ARRAY[1, 2], x => REDUCE(ARRAY[10, 20], x, (s, y) => s + x * y))", [31, 62]),
        ("FILTER(ARRAY[1, 2, 3], x => ARRAY_CONTAINS(ARRAY_REMOVE(ARRAY[1, 2], 2), x))", [1]),
        ("TRANSFORM(FILTER(ARRAY[1, 2, 3], x => x > 1), x => STRUCT(A := x))", [{"A": 2}, {"A": 3}]),
    ],
)  # fmt: skip
def test_lambdas(value, text, expected):
    assert value(text) == expected


def test_a_lambda_sees_the_row(evaluated):
    column = pa.array([[1, 2], [3], None], pa.list_(pa.int32()))
    by = pa.array([10, 100, 1000], pa.int32())
    assert evaluated("TRANSFORM(A, x => x * B)", A=column, B=by).values == [[10, 20], [300], None]


@pytest.mark.parametrize(
    "text",
    [
        "MAP_KEYS(M)",
        "SPLIT(REDUCE(M, '', (s, k, v) => CONCAT(s, k)), '')",
        "TRANSFORM(ENTRIES(M, FALSE), x => x->K)",
        "TRANSFORM(MAP_VALUES(M), v => CHR(v))",
    ],
)
def test_maps_are_walked_as_java_walks_a_hash_map(evaluated, text):
    """Among four buckets d, h, l and p fall into 0, b into 2; each walk is in that order."""
    letters = ["b", "p", "d"]
    column = pa.array([[(c, ord(c)) for c in letters]], pa.map_(pa.string(), pa.int32()))
    assert evaluated(text, M=column).values == [["p", "d", "b"]]


def test_equal_keys_fail_a_transformed_map(evaluated):
    found = evaluated("TRANSFORM(MAP('a' := 1, 'b' := 2), (k, v) => 'same', (k, v) => v)")
    assert found.values == [None]
    assert "unique" in found.errors[0][1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("TRANSFORM(ARRAY[1], (x, y) => x)", "takes a lambda of 1 arguments, not of 2"),
        ("TRANSFORM(MAP('a' := 1), (k, v) => k)", "does not accept parameters"),
        ("FILTER(ARRAY[1], x => x)", "does not accept parameters"),
        ("REDUCE(ARRAY[1], '', (s, x) => x)", "does not accept parameters"),
        ("REDUCE(ARRAY[CAST(1 AS BIGINT)], 0, (s, x) => s + x)", "does not accept parameters"),
        ("TRANSFORM(ARRAY[ARRAY[1]], x => TRANSFORM(x, x => x))", "Reusing lambda arguments"),
        ("ARRAY_UNION(ARRAY[1], ARRAY['a'])", "does not accept parameters"),
        ("ARRAY_CONTAINS(ARRAY['a'], 1)", "does not accept parameters"),
        ("AS_MAP(ARRAY[1], ARRAY[1])", "does not accept parameters"),
    ],
)
def test_what_cannot_be_called(bound, text, message):
    with pytest.raises(BindError, match="(?s)" + message):
        bound(text)


def test_cube():
    from kshell.sql.java.arrays import cube

    assert cube([1, None]) == [[None, None], [1, None]]
    assert cube([]) == [[]]
    assert cube(None) == []
