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
    def deeper(inner):
        return st.builds(
            lambda f, a, b: Call(f, (a, b), type, "plain"),
            st.sampled_from(["ADD", "SUBTRACT", "MULTIPLY"]), inner, inner,
        )  # fmt: skip

    return st.recursive(atoms(type), deeper, max_leaves=3)


def compared() -> st.SearchStrategy[Expression]:
    operands = st.one_of(
        *(st.tuples(numbers(t), numbers(t)) for t in (INT, LONG, DOUBLE)),
        st.tuples(atoms(TEXT), atoms(TEXT)),
        st.tuples(atoms(INT).map(lambda a: Cast(a, LONG)), numbers(LONG)),
    )
    return st.builds(lambda f, ab: Call(f, ab, BOOL, "0"), st.sampled_from(COMPARISONS), operands)


def logic(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.builds(lambda f, a, b: Call(f, (a, b), BOOL, "0"), st.sampled_from(["AND", "OR"]), inner, inner),
        st.builds(lambda a: Call("NOT", (a,), BOOL, "0"), inner),
        st.builds(lambda f, a: Call(f, (a,), BOOL, "0"), st.sampled_from(["IS_NULL", "IS_NOT_NULL"]),
                  st.one_of(atoms(TEXT), atoms(DOUBLE))),
    )  # fmt: skip


expressions = st.one_of(
    numbers(INT), numbers(LONG), numbers(DOUBLE),
    st.recursive(st.one_of(compared(), atoms(BOOL)), logic, max_leaves=4),
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
