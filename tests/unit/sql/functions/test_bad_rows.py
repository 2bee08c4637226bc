"""A row on which an expression fails: NULL, an error row, and nothing else is touched."""

import time

import pyarrow as pa


def test_only_the_row_that_fails_is_null(evaluated):
    found = evaluated("CAST(A AS INT)", A=pa.array(["1", "x", None, "4"]))
    assert found.values == [1, None, None, 4]
    assert found.errors == [("R", 'For input string: "x"')]


def test_every_row_that_fails_is_told(evaluated):
    found = evaluated("10 / A", A=pa.array([0, 5, 0, None], pa.int32()))
    assert found.values == [None, 2, None, None]
    assert found.errors == [("R", "/ by zero")] * 2


def test_one_part_of_a_constructor_fails_alone(evaluated):
    column = pa.array(["1", "x"])
    array = evaluated("ARRAY[7, CAST(A AS INT)]", A=column)
    struct = evaluated("STRUCT(F := 7, G := CAST(A AS INT))", A=column)
    mapped = evaluated("MAP('F' := 7, 'G' := CAST(A AS INT))", A=column)
    assert array.values == [[7, 1], [7, None]]
    assert struct.values == [{"F": 7, "G": 1}, {"F": 7, "G": None}]
    assert mapped.values == [{"F": 7, "G": 1}, {"F": 7, "G": None}]
    for found in (array, struct, mapped):
        assert found.errors == [("R", 'For input string: "x"')]


def test_a_python_function_that_raises(evaluated):
    found = evaluated("REGEXP_EXTRACT(P, 'abc')", P=pa.array(["b", "["]))
    assert found.values == ["b", None]
    ((_, message),) = found.errors
    assert message.startswith("Invalid regular expression pattern: [")


def test_a_null_in_arithmetic_fails_a_lambda(evaluated):
    column = pa.array([[1, None], [2, 3]], pa.list_(pa.int32()))
    found = evaluated("TRANSFORM(A, x => x + 1)", A=column)
    assert found.values == [None, [3, 4]]
    assert found.errors == [("R", "NULL + in a lambda")]


def test_a_side_that_decides_keeps_the_other_from_failing(evaluated):
    column = pa.array([0, 5], pa.int32())
    assert evaluated("A <> 0 AND 10 / A > 1", A=column) == ([False, True], [])
    assert evaluated("A = 0 OR 10 / A > 1", A=column) == ([True, True], [])
    assert evaluated("CASE WHEN A = 0 THEN -1 ELSE 10 / A END", A=column) == ([-1, 2], [])


def test_columns_that_differ_in_case_only(evaluated):
    found = evaluated("`a` + `A` * 10", a=pa.array([1], pa.int32()), A=pa.array([2], pa.int32()))
    assert found.values == [21]


def test_bad_rows_among_many_are_found_quickly(evaluated):
    texts = [str(n) for n in range(10_000)]
    texts[7_001] = "x"
    texts[::100] = ["bad"] * 100
    began = time.perf_counter()
    found = evaluated("CAST(A AS INT)", A=pa.array(texts))
    assert len(found.errors) == 101
    assert sum(v is None for v in found.values) == len(found.errors)
    assert time.perf_counter() - began < 2
