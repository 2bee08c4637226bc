"""Aggregates of numbers: COUNT, SUM, SUM_LIST, AVG, the deviations and CORRELATION.

`stream.aggregates` makes them.  All can undo a row, so all work on tables.  As in ksqlDB, a NULL
changes nothing; without values the sum is 0 and the mean 0.0.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa

from kshell.errors import EvaluationError
from kshell.types import ksql_name

__all__ = ["Average", "Correlation", "Count", "Deviation", "Sum", "SumList", "Variance"]


_EXACT = Context(prec=80)  # Python's own sums of Decimals have 28 digits


def _plus(left: Any, right: Any) -> Any:
    exact = isinstance(left, Decimal) or isinstance(right, Decimal)
    return _EXACT.add(left, right) if exact else left + right


def _minus(left: Any, right: Any) -> Any:
    exact = isinstance(left, Decimal) or isinstance(right, Decimal)
    return _EXACT.subtract(left, right) if exact else left - right


class Count:
    """Rows, or values that are not NULL."""

    def initial(self) -> int:
        return 0

    def add(self, state: int, *args: Any) -> int:
        return state + 1 if not args or args[0] is not None else state

    def undo(self, state: int, *args: Any) -> int:
        return state - 1 if not args or args[0] is not None else state

    def merge(self, left: int, right: int) -> int:
        return left + right

    def result(self, state: int) -> int:
        return state


class Sum:
    """The sum, in the type of the values.  A sum that does not fit ends the query, as in ksqlDB for
    DECIMAL (ksqlDB's INTEGER and BIGINT wrap around)."""

    def __init__(self, type: pa.DataType) -> None:
        self._name = ksql_name(type)
        if pa.types.is_decimal(type):
            self._bound: Any = Decimal(10) ** (type.precision - type.scale)
        else:
            self._bound = math.inf if pa.types.is_floating(type) else 1 << (type.bit_width - 1)
        self._zero: Any = 0.0 if pa.types.is_floating(type) else 0

    def initial(self) -> Any:
        return self._zero

    def add(self, state: Any, *args: Any) -> Any:
        return state if args[0] is None else self._checked(_plus(state, args[0]))

    def undo(self, state: Any, *args: Any) -> Any:
        return state if args[0] is None else self._checked(_minus(state, args[0]))

    def merge(self, left: Any, right: Any) -> Any:
        return self._checked(_plus(left, right))

    def result(self, state: Any) -> Any:
        return state

    def _checked(self, value: Any) -> Any:
        if -self._bound < value < self._bound or self._bound == math.inf:
            return value
        if value == -self._bound and isinstance(self._bound, int):
            return value
        raise EvaluationError(
            f"Numeric field overflow: a SUM of {self._name} came to {value}",
            hint="sum a wider type: SUM(CAST(x AS …))",
        )


class SumList(Sum):
    """The sum over arrays of numbers."""

    def add(self, state: Any, *args: Any) -> Any:
        return self._checked(state + _total(args[0]))

    def undo(self, state: Any, *args: Any) -> Any:
        return self._checked(state - _total(args[0]))


def _total(values: Iterable[Any] | None) -> Any:
    return sum(v for v in values or () if v is not None)


class Average:
    """The mean; the state is the sum and the count."""

    def initial(self) -> tuple[Any, int]:
        return (0, 0)

    def add(self, state: tuple[Any, int], *args: Any) -> tuple[Any, int]:
        return state if args[0] is None else (state[0] + args[0], state[1] + 1)

    def undo(self, state: tuple[Any, int], *args: Any) -> tuple[Any, int]:
        return state if args[0] is None else (state[0] - args[0], state[1] - 1)

    def merge(self, left: tuple[Any, int], right: tuple[Any, int]) -> tuple[Any, int]:
        return (left[0] + right[0], left[1] + right[1])

    def result(self, state: tuple[Any, int]) -> float:
        return state[0] / state[1] if state[1] else 0.0


Moments = tuple[int, Any, float]  # count, sum, sum of squared distances from the mean


class Variance:
    """The sample variance, by Youngs and Cramer's updates.

    >>> v = Variance()
    >>> state = v.add(v.add(v.initial(), 10.0), 12.0)
    >>> v.result(state), v.result(v.undo(state, 12.0))
    (2.0, 0.0)
    """

    def initial(self) -> Moments:
        return (0, 0, 0.0)

    def add(self, state: Moments, *args: Any) -> Moments:
        value = args[0]
        if value is None:
            return state
        n, total, squares = state[0] + 1, state[1] + value, state[2]
        if n > 1:
            squares += float(n * value - total) ** 2 / (n * (n - 1))
        return (n, total, squares)

    def undo(self, state: Moments, *args: Any) -> Moments:
        value = args[0]
        if value is None:
            return state
        n, total, squares = state
        if n <= 1:
            return self.initial()
        squares -= float(n * value - total) ** 2 / (n * (n - 1))
        return (n - 1, total - value, max(squares, 0.0))

    def merge(self, left: Moments, right: Moments) -> Moments:
        if not left[0] or not right[0]:
            return left if left[0] else right
        n, m = left[0], right[0]
        apart = float(m * left[1] - n * right[1]) ** 2 / (n * m * (n + m))
        return (n + m, left[1] + right[1], left[2] + right[2] + apart)

    def result(self, state: Moments) -> float:
        return state[2] / (state[0] - 1) if state[0] > 1 else 0.0


class Deviation(Variance):
    """The sample standard deviation."""

    def result(self, state: Moments) -> float:
        return math.sqrt(super().result(state))


Sums = tuple[int, float, float, float, float, float]  # count, x, y, xx, yy, xy


class Correlation:
    """Pearson's coefficient of the pairs in which neither is NULL; NaN if there is none."""

    def initial(self) -> Sums:
        return (0, 0.0, 0.0, 0.0, 0.0, 0.0)

    def add(self, state: Sums, *args: Any) -> Sums:
        return self._moved(state, args, 1)

    def undo(self, state: Sums, *args: Any) -> Sums:
        return self._moved(state, args, -1)

    def merge(self, left: Sums, right: Sums) -> Sums:
        n, x, y, xx, yy, xy = (a + b for a, b in zip(left, right, strict=True))
        return (int(n), x, y, xx, yy, xy)

    def result(self, state: Sums) -> float:
        n, x, y, xx, yy, xy = state
        spread = math.sqrt(max(n * xx - x * x, 0.0)) * math.sqrt(max(n * yy - y * y, 0.0))
        return (n * xy - x * y) / spread if spread else math.nan

    def _moved(self, state: Sums, pair: tuple[Any, ...], by: int) -> Sums:
        a, b = pair[:2]
        if a is None or b is None:
            return state
        n, x, y, xx, yy, xy = state
        return (
            n + by, x + by * a, y + by * b,
            xx + by * a * a, yy + by * b * b, xy + by * a * b,
        )  # fmt: skip
