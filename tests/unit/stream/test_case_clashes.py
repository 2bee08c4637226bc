"""Structs whose fields differ only in case, through DuckDB and back."""

from __future__ import annotations

import pyarrow as pa
import pytest

from kshell.errors import Unsupported
from kshell.field_names import escaped_type, plain_type
from kshell.sql.expressions import Call, Cast, Column, Expression, Field, Literal, MakeStruct
from kshell.stream.evaluate import Evaluator, ignore_errors

ALIKE = pa.struct([("FOO", pa.string()), ("foo", pa.string()), ("Foo", pa.int32())])
UPPER = Call("UCASE", (Column("T", pa.string()),), pa.string())


def _values(expression: Expression, column: str, array: pa.Array) -> list[object]:
    made = Evaluator([("X", expression)], ignore_errors)(pa.record_batch({column: array}))[0]
    assert made.type == expression.type
    return list(made.to_pylist())


def test_a_struct_is_made_of_fields_that_differ_in_case() -> None:
    made = MakeStruct((UPPER, Column("T", pa.string()), Literal(7, pa.int32())), ALIKE)
    assert _values(made, "T", pa.array(["x"])) == [{"FOO": "X", "foo": "x", "Foo": 7}]


def test_each_field_is_read() -> None:
    s = Column("S", ALIKE)
    array = pa.array([{"FOO": "a", "foo": "b", "Foo": 3}, None], ALIKE)
    both = Call("CONCAT", (Field(s, "FOO", pa.string()), Field(s, "foo", pa.string())), pa.string())
    assert _values(both, "S", array)[:1] == ["ab"]


def test_inside_of_arrays_and_maps() -> None:
    held = pa.list_(ALIKE)
    array = pa.array([[{"FOO": "a", "foo": "b", "Foo": 3}], []], held)
    assert _values(
        Call("ARRAY_DISTINCT", (Column("L", held),), held), "L", array
    ) == [[{"FOO": "a", "foo": "b", "Foo": 3}], []]  # fmt: skip
    made = escaped_type(pa.map_(pa.string(), ALIKE))
    assert len({n.lower() for n in made.item_type.names}) == 3
    assert plain_type(made) == pa.map_(pa.string(), ALIKE)


def test_a_sliced_column_keeps_its_rows() -> None:
    array = pa.array([{"FOO": str(n), "foo": "", "Foo": n} for n in range(5)], ALIKE)[3:]
    field = Cast(Field(Column("S", ALIKE), "Foo", pa.int32()), pa.string())
    assert _values(field, "S", array) == ["3", "4"]


def test_its_text_would_have_other_names() -> None:
    with pytest.raises(Unsupported, match="differ only in case"):
        _values(Cast(Column("S", ALIKE), pa.string()), "S", pa.array([None], ALIKE))
