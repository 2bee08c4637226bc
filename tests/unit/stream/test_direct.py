"""What is evaluated without DuckDB gives what DuckDB gives."""

from __future__ import annotations

import math

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.sql.expressions import Call, Cast, Column, Expression, Literal
from kshell.stream.direct import direct
from kshell.stream.evaluate import Evaluator, _Indirectly, ignore_errors

INT, LONG, DOUBLE, TEXT, BOOL = pa.int32(), pa.int64(), pa.float64(), pa.string(), pa.bool_()
TYPES = {"I": INT, "J": INT, "L": LONG, "X": DOUBLE, "Y": DOUBLE, "S": TEXT, "T": TEXT, "B": BOOL}
VALUES = {
    INT: st.integers(-(1 << 31), (1 << 31) - 1),
    LONG: st.integers(-(1 << 63), (1 << 63) - 1),
    DOUBLE: st.floats(allow_nan=True),
    TEXT: st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=4),
    BOOL: st.booleans(),
}
COMPARISONS = ("EQUAL", "NOT_EQUAL", "LESS", "LESS_OR_EQUAL", "GREATER", "GREATER_OR_EQUAL")


def atoms(type: pa.DataType) -> st.SearchStrategy[Expression]:
    columns = [Column(n, t) for n, t in TYPES.items() if t == type]
    literals = VALUES[type].filter(lambda v: v == v and v not in (math.inf, -math.inf))
    return st.one_of(st.sampled_from(columns), literals.map(lambda v: Literal(v, type)))


def numbers(type: pa.DataType) -> st.SearchStrategy[Expression]:
    signs = ["ADD", "SUBTRACT", "MULTIPLY", "DIVIDE", *(["MODULO"] if type != DOUBLE else [])]

    def deeper(inner):
        return st.builds(
            lambda f, a, b: Call(f, (a, b), type, "plain"), st.sampled_from(signs), inner, inner
        )

    return st.recursive(atoms(type), deeper, max_leaves=3)


def compared() -> st.SearchStrategy[Expression]:
    operands = st.one_of(
        *(st.tuples(numbers(t), numbers(t)) for t in (INT, LONG, DOUBLE)),
        st.tuples(atoms(TEXT), atoms(TEXT)),
        st.tuples(atoms(INT).map(lambda a: Cast(a, LONG)), numbers(LONG)),
    )
    return st.builds(lambda f, ab: Call(f, ab, BOOL, "0"), st.sampled_from(COMPARISONS), operands)


def chosen() -> st.SearchStrategy[Expression]:
    """IN and BETWEEN of some types, and LIKE."""
    literals = {
        t: st.one_of(st.none(), VALUES[t]).map(lambda v, t=t: Literal(v, t)) for t in VALUES
    }
    patterns = st.text(st.sampled_from("ab%_. \n\u00e9"), max_size=4)
    texts = st.one_of(atoms(TEXT), patterns.map(lambda v: Literal(v, TEXT)))
    return st.one_of(
        *(
            st.builds(lambda v, o: Call("IN", (v, *o), BOOL, "0"),
                      atoms(t), st.lists(literals[t], min_size=1, max_size=3))
            for t in (INT, LONG, TEXT, BOOL)
        ),
        *(
            st.builds(lambda *p: Call("BETWEEN", p, BOOL, "0"), numbers(t), atoms(t), numbers(t))
            for t in (INT, LONG, DOUBLE)
        ),
        st.builds(lambda v, p: Call("LIKE", (v, Literal(p, TEXT)), BOOL, "0"), texts, patterns),
    )  # fmt: skip


def logic(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.builds(lambda f, a, b: Call(f, (a, b), BOOL, "0"), st.sampled_from(["AND", "OR"]), inner, inner),
        st.builds(lambda a: Call("NOT", (a,), BOOL, "0"), inner),
        st.builds(lambda f, a: Call(f, (a,), BOOL, "0"), st.sampled_from(["IS_NULL", "IS_NOT_NULL"]),
                  st.one_of(atoms(TEXT), atoms(DOUBLE))),
    )  # fmt: skip


expressions = st.one_of(
    numbers(INT), numbers(LONG), numbers(DOUBLE),
    st.recursive(st.one_of(compared(), chosen(), atoms(BOOL)), logic, max_leaves=4),
    st.tuples(atoms(TEXT), atoms(TEXT)).map(lambda ab: Call("ADD", ab, TEXT, "text")),
)  # fmt: skip
rows = st.fixed_dictionaries({n: st.one_of(st.none(), VALUES[t]) for n, t in TYPES.items()})


@settings(max_examples=150, deadline=None)
@given(expressions, st.lists(rows, min_size=1, max_size=5))
def test_the_same_as_duckdb(expression, values):
    batch = pa.RecordBatch.from_pylist(values, schema=pa.schema(TYPES))
    if not isinstance(expression, Column | Literal):
        assert direct(expression) is not None
    ours = Evaluator([("V", expression)], ignore_errors)(batch)[0]
    theirs = _Indirectly([("V", expression)], ignore_errors)(batch)[0]
    assert ours.type == theirs.type == expression.type
    assert str(ours.to_pylist()) == str(theirs.to_pylist())  # as text: NaN is itself there


def test_a_null_on_the_left_decides_as_in_java():
    a, b = Column("A", BOOL), Column("B", BOOL)
    cells = [(x, y) for x in (True, False, None) for y in (True, False, None)]
    batch = pa.record_batch([pa.array(side, BOOL) for side in zip(*cells, strict=True)], ["A", "B"])
    both, either = Call("AND", (a, b), BOOL, "0"), Call("OR", (a, b), BOOL, "0")
    for evaluator in (Evaluator, _Indirectly):
        found = evaluator([("both", both), ("either", either)], ignore_errors)(batch)
        assert found[0].to_pylist() == [True, False, None, False, False, False, None, None, None]
        assert found[1].to_pylist() == [True, True, True, True, False, None, None, None, None]


def test_doubles_divide_as_in_java():
    x, y = Column("X", DOUBLE), Column("Y", DOUBLE)
    sides = {"X": [7.0, -7.0, 1.0, -1.0, 0.0, 1e300], "Y": [2.0, 2.0, 0.0, 0.0, 0.0, 1e-300]}
    batch = pa.record_batch({name: pa.array(side, DOUBLE) for name, side in sides.items()})
    quotient = Call("DIVIDE", (x, y), DOUBLE, "plain")
    twice = Call("DIVIDE", (x, Call("MULTIPLY", (y, y), DOUBLE, "plain")), DOUBLE, "plain")
    for evaluator in (Evaluator, _Indirectly):
        found = evaluator([("q", quotient), ("t", twice)], ignore_errors)(batch)
        assert str(found[0].to_pylist()) == "[3.5, -3.5, inf, -inf, nan, inf]"
        assert str(found[1].to_pylist()) == "[1.75, -1.75, inf, -inf, nan, inf]"


def test_whole_numbers_divide_as_in_java():
    a, b = Column("A", INT), Column("B", INT)
    sides = {"A": [7, -7, 7, -7, -(2**31), 5], "B": [2, 2, -2, -2, -1, 0]}
    batch = pa.record_batch({name: pa.array(side, INT) for name, side in sides.items()})
    failed = []

    def on_error(row, column, message):
        failed.append((row["A"], column, message))

    both = [("q", Call("DIVIDE", (a, b), INT, "plain")), ("r", Call("MODULO", (a, b), INT, "plain"))]
    for rows in (batch.slice(0, 4), batch):
        quotients, remainders = Evaluator(both, on_error)(rows)
        assert quotients.to_pylist() == [3, -3, -3, 3, -(2**31), None][: len(rows)]
        assert remainders.to_pylist() == [1, -1, 1, -1, 0, None][: len(rows)]
    assert [f[:2] for f in failed] == [(5, "q"), (5, "r")]
    assert all("/ by zero" in f[2] for f in failed)
