"""IN, ARRAY[…], MAP(…), CASE and arguments of one type: the first that is no NULL tells the kind."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from kshell.errors import BindError, ParseError

from .conftest import Bind, Evaluate

COLUMNS: dict[str, pa.Array] = {
    "I": pa.array([10], pa.int32()),
    "B": pa.array([3_000_000_000], pa.int64()),
    "D": pa.array([2.5]),
    "X": pa.array([Decimal("2.5")], pa.decimal128(4, 1)),
    "N": pa.array([None], pa.decimal128(4, 1)),
    "Y": pa.array([Decimal("1.123456")], pa.decimal128(7, 6)),
    "S": pa.array(["10"]),
    "T": pa.array([True]),
    "L": pa.array([[1, 10]], pa.list_(pa.int32())),
}
TYPES = {name: column.type for name, column in COLUMNS.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # text beside numbers: the list widens to hold it
        ("I IN ('10')", True),
        ("I IN (3000000000, '10')", True),
        ("I IN ('3000000000', '10')", True),
        ("I IN ('3e2', '1e1')", True),
        ("I IN ('10.5', '10.0')", True),
        ("X IN ('2.50')", True),
        ("X IN ('2.55')", False),
        ("D IN ('2.5', 7)", True),
        ("10 IN (B, 10)", True),
        # text beside BOOLEAN: true, false, yes, no, and what these begin with
        ("T IN ('tr')", True),
        ("T IN ('Y', 'fal')", True),
        ("T IN ('n', 'FALSE')", False),
        # beside a STRING other literals are text
        ("S IN (9, 10)", True),
        ("S IN (10.0)", False),
        ("'true' IN (TRUE)", True),
        ("'1.0' IN (1e0)", True),
        ("'1' IN (1, 'a')", True),
        # NULL has no say, and matches nothing
        ("NULL IN (1, '1')", False),
        ("I IN (NULL, 10)", True),
        ("I IN (NULL)", False),
        ("I NOT IN (NULL, 1)", True),
        ("I NOT IN (NULL, '10')", False),
        ("ARRAY[NULL, 1] IN (ARRAY[NULL, 1])", True),
        # part by part
        ("ARRAY[I] IN (ARRAY['10'])", True),
        ("ARRAY[I] IN (ARRAY['7', '8'], ARRAY[10.0])", True),
        ("L IN (ARRAY['1', '10'])", True),
        ("ARRAY[1, 10] IN (L)", True),
        ("ARRAY[S] IN (ARRAY[10])", True),
        ("ARRAY[ARRAY[I]] IN (ARRAY[ARRAY['10']])", True),
        ("MAP('a' := I) IN (MAP('a' := '10'))", True),
        ("MAP(I := 1) IN (MAP('10' := 1.0))", True),
        ("STRUCT(a := I) IN (STRUCT(a := '10'))", True),
        ("STRUCT(a := I) IN (STRUCT(b := 1))", False),
        ("STRUCT(a := S, b := T) IN (STRUCT(a := 10, b := 'yes'))", True),
        # constructors
        ("ARRAY[1, 2.50]", [Decimal("1.00"), Decimal("2.50")]),
        ("ARRAY[1, '2.5']", [Decimal("1.0"), Decimal("2.5")]),
        ("ARRAY[1, B]", [1, 3_000_000_000]),
        ("ARRAY[X, 1, D]", [2.5, 1.0, 2.5]),
        ("ARRAY['2', 1]", ["2", "1"]),
        ("ARRAY[NULL, '2', TRUE]", [None, "2", "true"]),
        ("ARRAY[ARRAY[1], ARRAY[2.5]]", [[Decimal("1.0")], [Decimal("2.5")]]),
        ("MAP('a' := 1, 'b' := 2.5e0)", {"a": 1.0, "b": 2.5}),
        # CASE takes the widest number
        ("CASE WHEN T THEN 1 ELSE B END", 1),
        ("CASE WHEN T THEN I WHEN FALSE THEN X ELSE 1.25 END", Decimal("10.00")),
        ("CASE WHEN T THEN X ELSE D END", 2.5),
        # arguments that are of one type T
        ("COALESCE(X, Y)", Decimal("2.500000")),
        ("COALESCE(Y, X)", Decimal("1.123456")),
        ("COALESCE(N, Y)", Decimal("1.123456")),
        ("COALESCE(NULL, N, 7, Y)", Decimal("7.000000")),
        ("IFNULL(N, 1)", Decimal("1.0")),
        ("IFNULL(N, B)", Decimal("3000000000.0")),
        ("IFNULL(N, D)", 2.5),
        ("NULLIF(X, 2.50)", None),
        ("ARRAY_CONTAINS(ARRAY[X], 2.50)", True),
        ("ARRAY_CONCAT(ARRAY[X], ARRAY[Y])", [Decimal("2.500000"), Decimal("1.123456")]),
        ("MAP_UNION(MAP('a' := X), MAP('b' := Y))", {"a": Decimal("2.500000"), "b": Decimal("1.123456")}),
    ],
)  # fmt: skip
def test_come_to_one_type(evaluated: Evaluate, text: str, expected: Any) -> None:
    found = evaluated(text, **COLUMNS)
    assert (found.values, found.errors) == ([expected], [])
    assert type(found.values[0]) is type(expected)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("I IN ('ten')", 'invalid input syntax for type INTEGER: "ten"'),
        ("I IN ('')", 'invalid input syntax for type INTEGER: ""'),
        ("I IN ('nan')", 'invalid input syntax for type INTEGER: "nan"'),
        ("I IN ('1_0')", 'invalid input syntax for type INTEGER: "1_0"'),
        ("I IN ('9223372036854775808')", "invalid input syntax for type INTEGER"),
        ("D IN ('1e999')", "invalid input syntax for type DOUBLE"),
        ("T IN ('maybe')", 'invalid input syntax for type BOOLEAN: "maybe"'),
        ("T IN ('')", 'invalid input syntax for type BOOLEAN: ""'),
        ("T IN ('on')", 'invalid input syntax for type BOOLEAN: "on"'),
        ("T IN ('1')", 'invalid input syntax for type BOOLEAN: "1"'),
        ("I IN (S)", "operator does not exist: INTEGER = STRING"),
        ("T IN (S)", "operator does not exist: BOOLEAN = STRING"),
        ("T IN (1)", "operator does not exist: BOOLEAN = INTEGER"),
        ("I IN (TRUE)", "operator does not exist: INTEGER = BOOLEAN"),
        ("S IN (I)", "operator does not exist: STRING = INTEGER"),
        ("'1' IN (I)", "operator does not exist: STRING = INTEGER"),
        ("S IN (1, T)", "operator does not exist: STRING = BOOLEAN"),
        ("NULL IN ('1', I)", "operator does not exist: STRING = INTEGER"),
        ("S IN (L)", "operator does not exist: STRING = ARRAY<INTEGER>"),
        ("L IN (1)", "operator does not exist: ARRAY<INTEGER> = INTEGER"),
        ("ARRAY[I] IN (ARRAY[S])", "operator does not exist: INTEGER = STRING"),
        ("ARRAY[S] IN (L)", "operator does not exist: STRING = INTEGER"),
        ("STRUCT(a := I) IN (STRUCT(a := S))", "operator does not exist: INTEGER = STRING"),
        ("ARRAY[S, I]", "operator does not exist: STRING = INTEGER"),
        ("ARRAY[TRUE, 1]", "operator does not exist: BOOLEAN = INTEGER"),
        ("MAP('a' := 1, 'b' := S)", "operator does not exist: INTEGER = STRING"),
        ("CASE WHEN T THEN '1' ELSE I END", "Type for all 'THEN' clauses should be the same."),
    ],
)
def test_refused(bound: Bind, text: str, message: str) -> None:
    with pytest.raises(BindError) as caught:
        bound(text, **TYPES)
    assert message in caught.value.what


@pytest.mark.parametrize("text", ["I IN ()", "I NOT IN ()", "I + 1 IN (\n)"])
def test_a_list_of_nothing_is_no_list(bound: Callable[..., Any], text: str) -> None:
    with pytest.raises(ParseError, match=r"Syntax error at or near"):
        bound(text, **TYPES)
