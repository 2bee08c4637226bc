"""The types that JSON values suggest: what was seen at each place, and the narrowest type of all.

`guess` makes a shape of samples; what is found out later (values that do not fit, fields that were
in no sample) is a shape too, and is merged with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa

from kshell.formats.json_rules import MAX_DEPTH, depth_of, digits_of

__all__ = ["Shape", "exactly", "plain", "shape_of"]

_MAP_FIELDS = 64  # a nested object with more names than this is a map
_BIGINT = 2**63
_EXACT = 2**53  # the whole numbers that a double holds
_DIGITS = 38
_DOUBLE = Decimal("1.7976931348623157e308")
_BEYOND = 310  # digits of a number that no double is near


def exactly(data: bytes | str) -> Any:
    """JSON with every digit: fractions are Decimal; raises ValueError or RecursionError."""
    return json.loads(data, parse_float=Decimal, parse_constant=_no_constant)


def _quickly(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return exactly(data)  # a number beyond a double, half of a surrogate pair


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


class Shape:
    """What was seen at one place: kinds of values, how large numbers were, and what is inside."""

    def __init__(self) -> None:
        self.kinds: set[type] = set()
        self.seen = 0  # values that are not null
        self.largest = self.smallest = 0  # of the whole numbers
        self.digits = (0, 0)  # in front of and behind the point, at the most
        self.element: Shape | None = None
        self.fields: dict[str, Shape] = {}

    def add(self, value: Any) -> None:
        """One more value, as orjson or `exactly` gives it."""
        if value is None:
            return
        self.seen += 1
        if isinstance(value, float | Decimal):
            self.kinds.add(float)
            self._digits(Decimal(repr(value)) if isinstance(value, float) else value)
            return
        self.kinds.add(type(value))
        if isinstance(value, bool):
            return
        if isinstance(value, int):
            self.largest, self.smallest = max(self.largest, value), min(self.smallest, value)
        elif isinstance(value, list):
            self.element = self.element or Shape()
            for item in value:
                self.element.add(item)
        elif isinstance(value, dict):
            for name, item in value.items():
                self.fields.setdefault(name, Shape()).add(item)

    def _digits(self, number: Decimal) -> None:
        if not number.is_finite():
            self.digits = max(self.digits[0], _BEYOND - 1), self.digits[1]  # only a double has it
            return
        if abs(number) > _DOUBLE:
            self.digits = (_BEYOND, 0)
            return
        whole, scale = digits_of(number)
        self.digits = max(self.digits[0], whole), max(self.digits[1], scale)

    def merge(self, other: Shape) -> None:
        """What another place saw, too."""
        self.kinds |= other.kinds
        self.seen += other.seen
        self.largest = max(self.largest, other.largest)
        self.smallest = min(self.smallest, other.smallest)
        self.digits = (
            max(self.digits[0], other.digits[0]), max(self.digits[1], other.digits[1])
        )  # fmt: skip
        if other.element is not None:
            self.element = self.element or Shape()
            self.element.merge(other.element)
        for name, shape in other.fields.items():
            self.fields.setdefault(name, Shape()).merge(shape)

    @property
    def doubtful(self) -> bool:
        """Whether digits count that orjson does not give: of numbers that a double cannot hold."""
        beyond = max(self.largest, -self.smallest) > _EXACT or self.digits[0] > 15
        inner = (*self.fields.values(), *([self.element] if self.element is not None else ()))
        return (float in self.kinds and beyond) or any(shape.doubtful for shape in inner)

    def type(self) -> pa.DataType:
        """The narrowest type of all that was seen; null where nothing was."""
        if not self.kinds:
            return pa.null()
        if self.kinds <= {int, float}:
            return self._number()
        if self.kinds == {bool}:
            return pa.bool_()
        if self.kinds == {list}:
            assert self.element is not None
            return pa.list_(self.element.type())
        if self.kinds == {dict}:
            return self._object()
        return pa.string()

    def _number(self) -> pa.DataType:
        """BIGINT, DOUBLE, or DECIMAL where those would lose digits; text where that would too."""
        largest = max(self.largest, -self.smallest)
        whole, scale = len(str(largest)), 0
        if self.kinds == {int}:
            if self.smallest >= -_BIGINT and self.largest < _BIGINT:
                return pa.int64()
        elif largest <= _EXACT and self.digits[0] < _BEYOND:
            return pa.float64()
        else:
            whole, scale = max(whole, self.digits[0]), self.digits[1]
        return pa.decimal128(_DIGITS, scale) if whole + scale <= _DIGITS else pa.string()

    def _object(self) -> pa.DataType:
        if len(self.fields) > _MAP_FIELDS:
            together = Shape()
            for shape in self.fields.values():
                together.merge(shape)
            scalar = not together.kinds & {list, dict}
            return pa.map_(pa.string(), together.type() if scalar else pa.string())
        return pa.struct([(name, shape.type()) for name, shape in self.fields.items()])


def plain(type: pa.DataType) -> pa.DataType:
    """The type that a person sees: text where nothing was seen, or only empty objects.

    >>> plain(pa.list_(pa.null()))
    ListType(list<item: string>)
    """
    if pa.types.is_struct(type):
        return pa.struct([(f.name, plain(f.type)) for f in type]) if len(type) else pa.string()
    if pa.types.is_list(type):
        return pa.list_(plain(type.value_type))
    if pa.types.is_map(type):
        return pa.map_(type.key_type, plain(type.item_type))
    return pa.string() if pa.types.is_null(type) else type


def shape_of(samples: Iterable[bytes], column: str = "") -> tuple[Shape, int]:
    """The shape of the samples that are objects, and how many those are.

    With the name of a `column` each sample of any kind is a value of that.
    """
    samples = list(samples)
    root, objects = _shape(samples, _quickly, column)
    return _shape(samples, exactly, column) if root.doubtful else (root, objects)


def _shape(samples: Sequence[bytes], load: Any, column: str) -> tuple[Shape, int]:
    root, objects = Shape(), 0
    for sample in samples:
        try:
            value = load(sample)
        except (ValueError, RecursionError):
            continue
        deep = depth_of(value) > MAX_DEPTH  # an error row
        if (column or isinstance(value, dict)) and not deep:
            objects += 1
            root.add({column: value} if column else value)
    return root, objects
