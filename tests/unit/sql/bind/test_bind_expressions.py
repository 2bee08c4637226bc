"""Expressions: their types, and what stands for what."""

from decimal import Decimal

import pyarrow as pa
import pytest

from kshell.catalog.catalog import Catalog
from kshell.errors import BindError
from kshell.sql.bind.coercion import alike
from kshell.sql.bind.expressions import Binder
from kshell.sql.bind.literals import number
from kshell.sql.bind.moments import moment_ms
from kshell.sql.bind.scope import Origin, Scope
from kshell.sql.bind.text import text_of
from kshell.sql.expressions import Call, Case, Cast, Column, Expression, Literal
from kshell.sql.parse import parse
from kshell.sql.statements import Select
from kshell.types import BIGINT, BOOLEAN, DOUBLE, INTEGER, STRING, decimal


def tree(text: str) -> pa.DataType:
    (statement,) = parse(f"SELECT {text} FROM S EMIT CHANGES;")
    assert isinstance(statement, Select)
    return statement.query.tree.expressions[0]


@pytest.fixture(scope="module")
def binder(world: Catalog) -> Binder:
    return Binder(Scope((Origin("S", world.sources["S"]),)), "SELECT", {"MINE": pa.list_(INTEGER)})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", Literal(1, INTEGER)),
        ("-1", Literal(-1, INTEGER)),
        ("2147483648", Literal(2147483648, BIGINT)),
        ("-2147483648", Literal(-2147483648, INTEGER)),
        ("1.50", Literal(Decimal("1.50"), decimal(3, 2))),
        ("0.001", Literal(Decimal("0.001"), decimal(3, 3))),
        ("1.5e1", Literal(15.0, DOUBLE)),
        ("'it''s'", Literal("it's", STRING)),
        ("TRUE", Literal(True, BOOLEAN)),
        ("(V)", Column("V", INTEGER)),
        ("S.V", Column("V", INTEGER)),
    ],
)
def test_constants_and_columns(binder: Binder, text: str, expected: Expression) -> None:
    assert binder.bind(tree(text)) == expected


@pytest.mark.parametrize(
    ("text", "type"),
    [
        ("V + 1", INTEGER),
        ("V + 3000000000", BIGINT),
        ("V * 1.5e0", DOUBLE),
        ("W + 'x'", STRING),
        ("V = 1 AND NOT W IS NULL", BOOLEAN),
        ("V BETWEEN 1 AND 2.5", BOOLEAN),
        ("W LIKE 'a%' ESCAPE '!'", BOOLEAN),
        ("V IN (1, 2)", BOOLEAN),
        ("ARRAY[1, 2.50]", pa.list_(decimal(12, 2))),
        ("MAP('a' := 1)", pa.map_(STRING, INTEGER)),
        ("STRUCT(a := 1, `b` := 'x')", pa.struct([("A", INTEGER), ("b", STRING)])),
        ("CAST(W AS MINE)", None),
        ("CAST(V AS DECIMAL(4, 1))", decimal(4, 1)),
        ("CAST(ARR AS ARRAY<STRING>)", pa.list_(STRING)),
        ("ARR[1]", INTEGER),
        ("ST->A", INTEGER),
        ("CASE WHEN V > 1 THEN 1 ELSE 2.5 END", decimal(11, 1)),
    ],
)
def test_types(binder: Binder, text: str, type: pa.DataType | None) -> None:
    if type is None:
        with pytest.raises(BindError, match=r"Cast of STRING to ARRAY<INTEGER> is not supported"):
            binder.bind(tree(text))
        return
    assert binder.bind(tree(text)).type == type


def test_a_simple_case_is_a_searched_one(binder: Binder) -> None:
    bound = binder.bind(tree("CASE V WHEN 1 THEN 'a' END"))
    assert isinstance(bound, Case)
    condition, value = bound.whens[0]
    assert isinstance(condition, Call)
    assert (condition.function, condition.args) == (
        "EQUAL", (Column("V", INTEGER), Literal(1, INTEGER)),
    )  # fmt: skip
    assert (value, bound.default) == (Literal("a", STRING), None)


def test_numbers_are_compared_in_their_common_type(binder: Binder) -> None:
    bound = binder.bind(tree("V = 1.5"))
    assert isinstance(bound, Call)
    assert bound.args == (
        Cast(Column("V", INTEGER), decimal(11, 1)),
        Literal(Decimal("1.5"), decimal(11, 1)),
    )


def test_written_strings_take_the_type_beside_them() -> None:
    assert alike([Column("B", BOOLEAN), Literal("yes", STRING)])[1] == Literal(True, BOOLEAN)
    assert alike([Column("W", STRING), Literal(10, INTEGER)])[1] == Cast(
        Literal(10, INTEGER), STRING
    )
    with pytest.raises(BindError, match='invalid input syntax for type INTEGER: "ten"'):
        alike([Column("V", INTEGER), Literal("ten", STRING)])
    with pytest.raises(BindError, match="operator does not exist: INTEGER = BOOLEAN"):
        alike([Column("V", INTEGER), Column("B", BOOLEAN)])


def test_structs_side_by_side_have_the_fields_of_both() -> None:
    first = Column("A", pa.struct([("X", INTEGER), ("Y", BIGINT)]))
    second = Column("B", pa.struct([("Y", INTEGER), ("Z", BIGINT)]))
    joined = pa.struct([("X", INTEGER), ("Y", BIGINT), ("Z", BIGINT)])
    assert [v.type for v in alike([first, second])] == [joined, joined]


@pytest.mark.parametrize("text", ["9223372036854775808", "-9223372036854775809", "1e309"])
def test_numbers_that_do_not_fit(text: str) -> None:
    with pytest.raises(BindError, match=r"Invalid numeric literal|Number overflows DOUBLE"):
        number(text)


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("1970-01-01T00:00:00.001", 1),
        ("1970-01-01 00:00:01", 1000),
        ("1970-01", 0),
        ("1969-12-31T23:00:00-0100", 0),
        ("1970-01-01T04:45:00+04:45", 0),
    ],
)
def test_moments(text: str, ms: int) -> None:
    assert moment_ms(text) == ms


@pytest.mark.parametrize("text", ["soon", "1970-13-01", "1970-01-01T25:00:00", ""])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(BindError, match="Failed to parse timestamp"):
        moment_ms(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("v + 1 * 2", "(V + (1 * 2))"),
        ("not a = 'x'", "(NOT (A = 'x'))"),
        ("a is not null", "(A IS NOT NULL)"),
        ("abs(`v`)", "ABS(v)"),
        ("cast(a as varchar)", "CAST(A AS STRING)"),
        ("a->b[1]", "A->B[1]"),
        ("case when a then 1 else 2 end", "(CASE WHEN A THEN 1 ELSE 2 END)"),
    ],
)
def test_messages_print_expressions_as_ksqldb_does(text: str, shown: str) -> None:
    assert text_of(tree(text)) == shown
