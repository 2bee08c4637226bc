"""A JSON node as a value of a KSQL type, with ksqlDB's leniency and no more.

`json_values` and the JSON_SR codec use it.  Text stands for a number where it is one, anything
stands for text, numbers stand for times; what fits in no way is a CorruptRecord that tells where.
Nodes are Python's: numbers with a fraction are Decimal or float.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import math
import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, InvalidOperation
from functools import cache
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from kshell.errors import CorruptRecord
from kshell.types import ksql_name

__all__ = ["RANGES", "bytes_of", "converter", "node_text"]

# The numbers that are a time: what Python's dates hold too, the years 1 to 9999.
RANGES: Mapping[pa.DataType, tuple[int, int]] = MappingProxyType(
    {
        pa.date32(): (-719_162, 2_932_896),
        pa.time32("ms"): (0, 86_399_999),
        pa.timestamp("ms"): (-62_135_596_800_000, 253_402_300_799_999),
    }
)

Convert = Callable[[Any], Any]
_LONGEST = 20  # digits of a BIGINT and one more
# What Double.parseDouble takes, but for hexadecimal.
_JAVA_DOUBLE = re.compile(
    r"[+-]?(NaN|Infinity|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[dDfF]?)"
)
_EXACT = Context(prec=80)  # more than any DECIMAL has


class _Unfit(Exception):
    """The node does not fit the type; the containers around it add their names."""

    def __init__(self, node: Any, type: str, path: str = "") -> None:
        self.node, self.type, self.path = node, type, path


def node_text(node: Any) -> str:
    """A node as compact JSON, numbers with the digits they came with.

    >>> node_text({"a": [Decimal("1.10"), None]})
    '{"a":[1.10,null]}'
    """
    if isinstance(node, dict):
        inner = ",".join(f"{json.dumps(k, ensure_ascii=False)}:{node_text(v)}"
                         for k, v in node.items())  # fmt: skip
        return "{" + inner + "}"
    if isinstance(node, list):
        return "[" + ",".join(map(node_text, node)) + "]"
    if isinstance(node, Decimal):
        return str(node)
    return json.dumps(node, ensure_ascii=False)


def _is_number(node: Any) -> bool:
    return isinstance(node, int | float | Decimal) and not isinstance(node, bool)


def _boolean(node: Any) -> Any:
    if isinstance(node, bool):
        return node
    raise _Unfit(node, "BOOLEAN")


def _whole(bits: int, name: str) -> Convert:
    bound = 1 << bits - 1

    def convert(node: Any) -> Any:
        value: int | None = None
        if isinstance(node, Decimal):  # 1E+999999999 is a number of which no one wants the digits
            value = int(node) if node.adjusted() < _LONGEST else None
        elif isinstance(node, float):
            value = int(node) if math.isfinite(node) else None
        elif _is_number(node):
            value = int(node)
        elif isinstance(node, str) and _is_plain(node):
            with contextlib.suppress(ValueError):
                value = int(node)
        if value is None or not -bound <= value < bound:
            raise _Unfit(node, name)
        return value

    return convert


def _is_plain(text: str) -> bool:
    """Whether a number may be written so: Python takes more than Java."""
    return text.isascii() and "_" not in text and text == text.strip()


def _double(node: Any) -> Any:
    if _is_number(node):
        try:
            return float(node)
        except OverflowError:
            raise _Unfit(node, "DOUBLE") from None
    if isinstance(node, str) and _JAVA_DOUBLE.fullmatch(node.strip()):
        return float(node.strip().rstrip("dDfF"))
    raise _Unfit(node, "DOUBLE")


def _string(node: Any) -> Any:
    if isinstance(node, str):
        return node if node.isascii() else _whole_pairs(node)
    if isinstance(node, bool):
        return "true" if node else "false"
    if isinstance(node, float):
        return repr(node)
    return _whole_pairs(node_text(node))


def _whole_pairs(text: str) -> str:
    """The text with U+FFFD for halves of surrogate pairs, which UTF-8 does not have."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _decimal(type: pa.DataType) -> Convert:
    unit = Decimal(1).scaleb(-type.scale)
    name = ksql_name(type)

    def convert(node: Any) -> Any:
        try:
            if isinstance(node, str) and _is_plain(node):
                value = Decimal(node)
            elif _is_number(node):
                value = Decimal(str(node)) if isinstance(node, float) else Decimal(node)
            else:
                raise _Unfit(node, name)
            exponent = value.as_tuple().exponent
            if not isinstance(exponent, int):
                raise _Unfit(node, name)
            if -exponent > type.scale:  # more digits than it can hold, unless they are zeros
                shorter = value.normalize(_EXACT)
                if -int(shorter.as_tuple().exponent) > type.scale:
                    raise _Unfit(node, name)
            if value.adjusted() >= type.precision - type.scale and value:
                raise _Unfit(node, name)
            return value.quantize(unit, context=_EXACT)
        except (InvalidOperation, ValueError):
            raise _Unfit(node, name) from None

    return convert


def bytes_of(text: str) -> bytes | None:
    """The bytes of a base64 text; None if it is not base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _bytes(node: Any) -> Any:
    found = bytes_of(node) if isinstance(node, str) else None
    if found is None:
        raise _Unfit(node, "BYTES")
    return found


def _ranged(bits: int, type: pa.DataType) -> Convert:
    whole, name, (low, high) = _whole(bits, ksql_name(type)), ksql_name(type), RANGES[type]

    def convert(node: Any) -> int:
        number: int = whole(node)
        if not low <= number <= high:
            raise _Unfit(node, name)
        return number

    return convert


_BY_TYPE: dict[pa.DataType, Convert] = {
    pa.bool_(): _boolean,
    pa.int32(): _whole(32, "INTEGER"),
    pa.int64(): _whole(64, "BIGINT"),
    pa.float64(): _double,
    pa.string(): _string,
    pa.binary(): _bytes,
    pa.date32(): _ranged(32, pa.date32()),
    pa.time32("ms"): _ranged(32, pa.time32("ms")),
    pa.timestamp("ms"): _ranged(64, pa.timestamp("ms")),
}


def _array(type: pa.DataType) -> Convert:
    inner = _convert(type.value_type)
    name = ksql_name(type)

    def convert(node: Any) -> Any:
        if not isinstance(node, list):
            raise _Unfit(node, name)
        return [None if n is None else _at(inner, n, f"[{i}]") for i, n in enumerate(node)]

    return convert


def _map(type: pa.DataType) -> Convert:
    keys, inner = _convert(type.key_type), _convert(type.item_type)
    name = ksql_name(type)

    def convert(node: Any) -> Any:
        if not isinstance(node, dict):
            raise _Unfit(node, name)
        return [
            (keys(k), None if n is None else _at(inner, n, f"['{k}']")) for k, n in node.items()
        ]

    return convert


def _struct(type: pa.DataType) -> Convert:
    fields = [(f.name, _convert(f.type)) for f in type]
    name = ksql_name(type)

    def convert(node: Any) -> Any:
        if not isinstance(node, dict):
            raise _Unfit(node, name)
        folded: dict[str, Any] | None = None
        out = {}
        for field, inner in fields:
            value = node.get(field)
            if value is None and field not in node:
                if folded is None:
                    folded = {k.upper(): v for k, v in node.items()}
                value = folded.get(field)
            out[field] = None if value is None else _at(inner, value, f"->{field}")
        return out

    return convert


def _at(convert: Convert, node: Any, step: str) -> Any:
    try:
        return convert(node)
    except _Unfit as unfit:
        unfit.path = step + unfit.path
        raise


@cache
def _convert(type: pa.DataType) -> Convert:
    if pa.types.is_decimal(type):
        return _decimal(type)
    if pa.types.is_list(type):
        return _array(type)
    if pa.types.is_map(type):
        return _map(type)
    if pa.types.is_struct(type):
        return _struct(type)
    return _BY_TYPE[type]


def converter(type: pa.DataType, name: str) -> Convert:
    """A function of a node that gives a value for Arrow; raises CorruptRecord.

    >>> converter(pa.int64(), "ID")("12")
    12
    """
    inner = _convert(type)

    def convert(node: Any) -> Any:
        if node is None:
            return None
        try:
            return inner(node)
        except _Unfit as unfit:
            raise CorruptRecord(
                f"{name}{unfit.path}: {_shown(unfit.node)} is no {unfit.type}"
            ) from None

    return convert


def _shown(node: Any) -> str:
    text = node_text(node) if not isinstance(node, float) else repr(node)
    return text if len(text) <= 60 else text[:59] + "…"
