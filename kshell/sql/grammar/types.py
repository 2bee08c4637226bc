"""Reads types, column declarations and WITH properties, for CREATE and similar statements.

`sources` uses them; cases read the columns of their sources with them too.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from kshell.errors import BindError, UnknownName
from kshell.sql.clauses import ColumnRole, ColumnSpec
from kshell.sql.grammar.cursor import Cursor
from kshell.sql.tokens import Kind, Token

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["read_columns", "read_properties", "read_type"]

_MOST_DIGITS = 76  # Arrow's decimal256
_DEEPEST = 64  # types nest in the text, and the reader recurses


def read_columns(cursor: Cursor) -> tuple[ColumnSpec, ...]:
    """`(name type [KEY | PRIMARY KEY | HEADERS | HEADER('key')], …)`."""
    cursor.expect("(")
    columns = [_column(cursor)]
    while cursor.take(","):
        columns.append(_column(cursor))
    cursor.expect(")")
    return tuple(columns)


def _column(cursor: Cursor) -> ColumnSpec:
    name = cursor.name("a name for the column")
    type = read_type(cursor)
    if cursor.take("PRIMARY", "KEY"):
        return ColumnSpec(name, type, ColumnRole.PRIMARY_KEY)
    if cursor.take("KEY"):
        return ColumnSpec(name, type, ColumnRole.KEY)
    if cursor.take("HEADERS"):
        return ColumnSpec(name, type, ColumnRole.HEADERS)
    if cursor.take("HEADER"):
        cursor.expect("(")
        header = cursor.string("the header's key in single quotes")
        cursor.expect(")")
        return ColumnSpec(name, type, ColumnRole.HEADERS, header)
    return ColumnSpec(name, type)


def read_type(cursor: Cursor, depth: int = 0) -> pa.DataType:
    """A type by its KSQL name, or the user's type of that name."""
    token = cursor.peek()
    if depth > _DEEPEST or token.kind not in (Kind.WORD, Kind.QUOTED) or token.upper == "NULL":
        raise cursor.fail("a type")
    cursor.next()
    match token.upper:
        case "ARRAY":
            return _array(cursor, depth)
        case "MAP":
            return _map(cursor, depth)
        case "STRUCT":
            return _struct(cursor, depth)
        case "DECIMAL":
            return _decimal(cursor, token)
    return _named(cursor, token)


def _array(cursor: Cursor, depth: int) -> pa.DataType:
    from kshell.types import array_of

    cursor.expect("<")
    element = read_type(cursor, depth + 1)
    cursor.expect(">")
    return array_of(element)


def _map(cursor: Cursor, depth: int) -> pa.DataType:
    from kshell.types import map_of

    cursor.expect("<")
    key = read_type(cursor, depth + 1)
    cursor.expect(",")
    value = read_type(cursor, depth + 1)
    cursor.expect(">")
    return map_of(key, value)


def _struct(cursor: Cursor, depth: int) -> pa.DataType:
    import pyarrow as pa

    from kshell.types import ksql_name, quote_ksql

    if cursor.take("<>"):
        return pa.struct([])
    cursor.expect("<")
    fields: list[tuple[str, pa.DataType]] = []
    while not cursor.at(">"):
        if fields:
            cursor.expect(",")
        place = cursor.place(cursor.peek())
        name = cursor.name("a name for the field").folded()
        type = read_type(cursor, depth + 1)
        for _, earlier in (f for f in fields if f[0] == name):
            shown = [f"'{quote_ksql(name)} {ksql_name(t)}'" for t in (earlier, type)]
            raise BindError(
                f"Duplicate field names found in STRUCT: {' and '.join(shown)}", place=place
            )
        fields.append((name, type))
    cursor.expect(">")
    return pa.struct(fields)


def _parameters(cursor: Cursor) -> list[int]:
    """`(n, …)` after a type; ksqlDB allows the word STRING there too, and ignores it."""
    if not cursor.take("("):
        return []
    numbers = []
    while True:
        if not cursor.take("STRING"):
            if cursor.peek().kind is not Kind.NUMBER:
                raise cursor.fail("STRING", "a whole number")
            numbers.append(cursor.integer())
        if not cursor.take(","):
            cursor.expect(")")
            return numbers


def _decimal(cursor: Cursor, token: Token) -> pa.DataType:
    import pyarrow as pa

    from kshell.types import decimal

    place = cursor.place(token)
    numbers = _parameters(cursor)
    if len(numbers) != 2:
        raise BindError("DECIMAL takes a precision and a scale: DECIMAL(10, 2)", place=place)
    precision, scale = numbers
    shown = f"DECIMAL({precision}, {scale})"
    if precision < 1:
        raise BindError(f"DECIMAL precision must be >= 1: {shown}", place=place)
    if scale > precision:
        raise BindError(f"DECIMAL precision must be >= scale: {shown}", place=place)
    if precision > _MOST_DIGITS:
        raise BindError(f"DECIMAL has at most {_MOST_DIGITS} digits: {shown}", place=place)
    return decimal(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)


def _named(cursor: Cursor, token: Token) -> pa.DataType:
    from kshell.types import PRIMITIVES

    by_name = {name: p.arrow for p in PRIMITIVES for name in p.names}
    found = by_name.get(token.upper)
    if found is not None:
        _parameters(cursor)
        return found
    folded = token.value if token.kind is Kind.QUOTED else token.upper
    for name, type in cursor.types.items():
        if name == folded or name.upper() == folded:
            return type
    raise UnknownName(
        "type",
        token.value,
        [*by_name, *cursor.types],
        what=f"Cannot resolve unknown type: {folded}",
        place=cursor.place(token),
    )


def read_properties(cursor: Cursor) -> Mapping[str, object]:
    """`WITH (name = literal, …)`, names in upper case; empty without WITH."""
    if not cursor.take("WITH"):
        return MappingProxyType({})
    cursor.expect("(")
    properties: dict[str, object] = {}
    while not cursor.at(")"):
        if properties:
            cursor.expect(",")
        said = cursor.peek()
        text = said.kind is Kind.STRING
        name = (cursor.next().value if text else cursor.name("a property").text).upper()
        if name in properties:
            raise BindError(f"{name} is given twice in the WITH clause", place=cursor.place(said))
        cursor.expect("=")
        properties[name] = _literal(cursor)
    cursor.expect(")")
    return MappingProxyType(properties)


def _literal(cursor: Cursor) -> object:
    if cursor.peek().kind is Kind.STRING:
        return cursor.next().value
    for word, value in (("TRUE", True), ("FALSE", False), ("NULL", None)):
        if cursor.take(word):
            return value
    sign = -1 if cursor.take("-") else 1
    token = cursor.peek()
    if token.kind is Kind.NUMBER and not token.text.isdigit():
        cursor.next()
        return sign * float(token.text)
    return sign * cursor.integer("a value: a string in single quotes, a number, TRUE or FALSE")
