"""Evaluates plain expressions without DuckDB: comparisons, IN, LIKE, logic, and Java's arithmetic.

`evaluate` asks this module first: DuckDB needs a millisecond to plan a statement for each batch,
and a single record would wait for that.  Results equal those of `render`'s SQL; for other
expressions the answer is None.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kshell.sql.expressions import Call, Cast, Column, Expression, Literal

__all__ = ["Direct", "Indirect", "direct"]

Direct = Callable[[pa.RecordBatch], pa.Array]
_Part = Callable[[pa.RecordBatch], Any]  # an array, or a scalar for a constant

_PLAIN = (pa.bool_(), pa.int32(), pa.int64(), pa.float64(), pa.string())
_NUMBERS = (pa.int32(), pa.int64(), pa.float64())
# Made once: to guess the type of a number takes 0.2 ms.
_SPECIAL = {type: pa.array([0, -1], type) for type in (pa.int32(), pa.int64())}


class Indirect(Exception):
    """DuckDB must do these values."""


def direct(expression: Expression) -> Direct | None:
    """How to evaluate it, or None.  The function may raise Indirect.

    >>> n = Column("N", pa.int32())
    >>> double = direct(Call("MULTIPLY", (n, Literal(2, pa.int32())), pa.int32(), "plain"))
    >>> double(pa.record_batch({"N": pa.array([1, None], pa.int32())})).to_pylist()
    [2, None]
    """
    part = _part(expression)
    if part is None:
        return None

    def run(batch: pa.RecordBatch) -> pa.Array:
        made = part(batch)
        return pa.repeat(made, batch.num_rows) if isinstance(made, pa.Scalar) else made

    return run


def _part(expression: Expression) -> _Part | None:
    match expression:
        case Column():
            name = expression.name
            return lambda batch: batch.column(name)
        case Literal() if expression.type in _PLAIN:
            scalar = pa.scalar(expression.value, expression.type)
            return lambda batch: scalar
        case Cast():
            return _cast(expression)
        case Call():
            return _call(expression)
    return None


def _cast(cast: Cast) -> _Part | None:
    """Widens numbers."""
    source, target = cast.operand.type, cast.type
    if source not in _NUMBERS or target not in _NUMBERS:
        return None
    if _NUMBERS.index(source) > _NUMBERS.index(target):
        return None
    operand = _part(cast.operand)
    if operand is None:
        return None
    return lambda batch: pc.cast(operand(batch), target, safe=False)


def _call(call: Call) -> _Part | None:
    make = _CALLS.get(call.function)
    if make is None:
        return None
    parts = [_part(a) for a in call.args]
    known = [p for p in parts if p is not None]
    return make(call, known) if len(known) == len(parts) else None


def _comparison(
    compare: Callable[..., Any], count: int = 2
) -> Callable[[Call, list[_Part]], _Part | None]:
    """A comparison with NULL is false, as in ksqlDB."""

    def make(call: Call, parts: list[_Part]) -> _Part | None:
        types = {a.type for a in call.args}
        if len(parts) != count or len(types) != 1 or not types <= set(_PLAIN):
            return None
        floating = pa.float64() in types

        def run(batch: pa.RecordBatch) -> Any:
            values = [part(batch) for part in parts]
            if floating and _any_nan(*values):
                raise Indirect
            return pc.fill_null(compare(*values), False)

        return run

    return make


def _any_nan(*values: Any) -> bool:
    return any(pc.any(pc.is_nan(pa.array([v.as_py()], v.type) if isinstance(v, pa.Scalar) else v))
               .as_py() for v in values)  # fmt: skip


def _arithmetic(compute: Callable[[Any, Any], Any]) -> Callable[[Call, list[_Part]], _Part | None]:
    """Whole numbers wrap around, as in Java."""

    def make(call: Call, parts: list[_Part]) -> _Part | None:
        types = {a.type for a in call.args}
        if call.variant != "plain" or types != {call.type} or call.type not in _NUMBERS:
            return None
        left, right = parts
        return lambda batch: compute(left(batch), right(batch))

    return make


def _by_whole(compute: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """By 0 it fails, by -1 it may wrap around: DuckDB does both."""

    def run(left: Any, by: Any) -> Any:
        if _is_special(by):
            raise Indirect
        return compute(left, by)

    return run


def _is_special(by: Any) -> bool:
    if isinstance(by, pa.Scalar):
        return by.as_py() in (0, -1)
    return bool(pc.any(pc.is_in(by, value_set=_SPECIAL[by.type])).as_py())


def _quotient(call: Call, parts: list[_Part]) -> _Part | None:
    divide = pc.divide if call.type == pa.float64() else _by_whole(pc.divide)
    return _arithmetic(divide)(call, parts)


def _remainder(call: Call, parts: list[_Part]) -> _Part | None:
    """With the sign of the left side, as in Java."""
    return None if call.type == pa.float64() else _arithmetic(_by_whole(_rest))(call, parts)


def _rest(left: Any, by: Any) -> Any:
    return pc.subtract(left, pc.multiply(pc.divide(left, by), by))


def _within(value: Any, low: Any, high: Any) -> Any:
    return pc.and_(pc.greater_equal(value, low), pc.less_equal(value, high))


def _in(call: Call, parts: list[_Part]) -> _Part | None:
    """One of some constants that are no doubles."""
    value, *options = call.args
    type = value.type
    listed = [o.value for o in options if isinstance(o, Literal) and o.type == type]
    if len(listed) != len(options) or type not in _PLAIN or type == pa.float64():
        return None
    known = pa.array([o for o in listed if o is not None], type)
    return lambda batch: pc.is_in(parts[0](batch), value_set=known)


def _like(call: Call, parts: list[_Part]) -> _Part | None:
    """A constant pattern without a backslash, which Arrow takes as an escape."""
    _, pattern, *escape = call.args
    text = pattern.value if isinstance(pattern, Literal) else None
    if escape or text is None or "\\" in text:
        return None
    return lambda batch: pc.fill_null(pc.match_like(parts[0](batch), text), False)


def _logic(compute: Callable[..., Any]) -> Callable[[Call, list[_Part]], _Part | None]:
    def make(call: Call, parts: list[_Part]) -> _Part | None:
        return lambda batch: compute(*(p(batch) for p in parts))

    return make


def _text(call: Call, parts: list[_Part]) -> _Part | None:
    return lambda batch: pc.binary_join_element_wise(*(p(batch) for p in parts), "")


def _add(call: Call, parts: list[_Part]) -> _Part | None:
    if call.variant == "text" and {a.type for a in call.args} == {pa.string()}:
        return _text(call, parts)
    return _arithmetic(pc.add)(call, parts)


_CALLS: Mapping[str, Callable[[Call, list[_Part]], _Part | None]] = MappingProxyType(
    {
        "ADD": _add,
        # As in Java: if the left side is NULL, the result is NULL, whatever the right side is.
        "AND": _logic(lambda a, b: pc.if_else(a, b, False)),
        "BETWEEN": _comparison(_within, 3),
        "DIVIDE": _quotient,
        "EQUAL": _comparison(pc.equal),
        "GREATER": _comparison(pc.greater),
        "GREATER_OR_EQUAL": _comparison(pc.greater_equal),
        "IN": _in,
        "IS_NOT_NULL": _logic(pc.is_valid),
        "IS_NULL": _logic(pc.is_null),
        "LESS": _comparison(pc.less),
        "LESS_OR_EQUAL": _comparison(pc.less_equal),
        "LIKE": _like,
        "MODULO": _remainder,
        "MULTIPLY": _arithmetic(pc.multiply),
        "NOT": _logic(pc.invert),
        "NOT_EQUAL": _comparison(pc.not_equal),
        "OR": _logic(lambda a, b: pc.if_else(a, True, b)),
        "SUBTRACT": _arithmetic(pc.subtract),
    }
)
