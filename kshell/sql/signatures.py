"""The types of a function's parameters and result, as `(ARRAY<T>, T) -> BOOLEAN` in the library.

A signature has types, type variables (T, U, K, V), DECIMAL for any decimal, ANY for any type,
STRUCT for any struct, STRUCT<K STRING, V T> for one with these fields, and lambdas `(T) => U`.  A
last parameter that ends in `...` may be repeated or left out.  `functions` matches calls against
them; the implicit widening is ksqlDB's: INTEGER → BIGINT → DECIMAL → DOUBLE.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import pyarrow as pa

from kshell.sql.widening import as_decimal, common_type
from kshell.types import BIGINT, DOUBLE, INTEGER, PRIMITIVES, STRING, decimal, is_numeric

__all__ = ["Pattern", "Signature", "fits", "known_type", "parse_signature", "returned"]

_PRIMITIVES = {name: p.arrow for p in PRIMITIVES for name in p.names}
_VARIABLES = ("T", "U", "K", "V")


def _without_scale(type: pa.Decimal128Type) -> pa.DataType:
    return decimal(max(type.precision - type.scale, 1), 0)


# Result types made of an argument's: the same, and its whole part.
_OF_A_DECIMAL: Mapping[str, Callable[[pa.Decimal128Type], pa.DataType]] = {
    "DECIMAL": lambda type: type,
    "WHOLE": _without_scale,
}
_KINDS = {*_PRIMITIVES, *_VARIABLES, "ARRAY", "MAP", "STRUCT", "ANY", *_OF_A_DECIMAL}
_ORDER = {INTEGER: 0, BIGINT: 1, DOUBLE: 3}
_TOKEN = re.compile(r"\s*(=>|->|\.\.\.|[A-Za-z_]\w*|[<>(),])")


@dataclass(frozen=True, slots=True)
class Pattern:
    """A type with holes: `kind` is a primitive's name, ARRAY, MAP, LAMBDA, DECIMAL, ANY, STRUCT or
    a variable; `parts` are its element types (a lambda's parameters, then its result), `names` a
    struct's fields."""

    kind: str
    parts: tuple[Pattern, ...] = ()
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.names:
            fields = (f"{n} {p}" for n, p in zip(self.names, self.parts, strict=True))
            return f"STRUCT<{', '.join(fields)}>"
        if self.kind == "LAMBDA":
            return f"({', '.join(map(str, self.parts[:-1]))}) => {self.parts[-1]}"
        inner = f"<{', '.join(map(str, self.parts))}>" if self.parts else ""
        return ("DECIMAL" if self.kind in _OF_A_DECIMAL else self.kind) + inner


@dataclass(frozen=True, slots=True)
class Signature:
    """Parameters and result; with `variadic`, the last parameter may be repeated or left out."""

    params: tuple[Pattern, ...]
    returns: Pattern
    variadic: bool = False

    def __str__(self) -> str:
        shown = ", ".join(map(str, self.params)) + ("..." if self.variadic else "")
        return f"({shown}) -> {self.returns}"

    def expanded(self, count: int) -> tuple[Pattern, ...] | None:
        """The parameters for that many arguments, or None."""
        if not self.variadic:
            return self.params if count == len(self.params) else None
        fixed = self.params[:-1]
        if count < len(fixed):
            return None
        return fixed + (self.params[-1],) * (count - len(fixed))


class _Reader:
    def __init__(self, text: str) -> None:
        self.tokens = _TOKEN.findall(text)
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, expected: str = "") -> str:
        token = self.peek()
        if expected and token != expected:
            raise ValueError(f"{expected} expected, {token or 'the end'} found")
        self.at += 1
        return token

    def pattern(self) -> Pattern:
        if self.peek() == "(":
            params = self.patterns()
            self.take("=>")
            return Pattern("LAMBDA", (*params, self.pattern()))
        kind = self.take()
        if kind not in _KINDS:
            raise ValueError(f"{kind or 'nothing'} is no type of a signature")
        if self.peek() != "<":
            if kind in ("ARRAY", "MAP"):
                raise ValueError(f"{kind} of what? {kind}<…>")
            return Pattern(kind)
        parts, names = [], []
        while self.peek() in ("<", ","):
            self.take()
            if kind == "STRUCT":
                names.append(self.take())
            parts.append(self.pattern())
        self.take(">")
        return Pattern(kind, tuple(parts), tuple(names))

    def patterns(self) -> tuple[Pattern, ...]:
        self.take("(")
        found = []
        while self.peek() not in (")", "..."):
            found.append(self.pattern())
            if self.peek() == ",":
                self.take()
        if self.peek() == ")":
            self.take()
        return tuple(found)


@cache
def parse_signature(text: str) -> Signature:
    """Read a signature.

    >>> str(parse_signature("(ARRAY<T>, (T) => U) -> ARRAY<U>"))
    '(ARRAY<T>, (T) => U) -> ARRAY<U>'
    """
    reader = _Reader(text)
    params = reader.patterns()
    variadic = reader.peek() == "..."
    if variadic:
        reader.take()
        reader.take(")")
    reader.take("->")
    return Signature(params, reader.pattern(), variadic)


def _widens(source: pa.DataType, target: pa.DataType) -> int | None:
    """How far the type must widen: 0 if it is the same, None if it cannot."""
    if source == target or pa.types.is_null(source):
        return 0
    if target in _ORDER and is_numeric(source):
        step = _ORDER[target] - _ORDER.get(source, 2)
        return step if step > 0 else None
    return None


def fits(
    pattern: Pattern, type: pa.DataType, bound: dict[str, pa.DataType]
) -> tuple[int, pa.DataType] | None:
    """(how much it must widen, to what type), or None; binds variables."""
    kind = pattern.kind
    if kind == "ANY":
        return 0, STRING if pa.types.is_null(type) else type
    if kind in _VARIABLES:
        known = bound.get(kind)
        if known is None or pa.types.is_null(known):
            bound[kind] = type
            return 0, type
        if pa.types.is_null(type) or known == type:
            return 0, known
        wide = _widens(type, known)
        if wide is not None:
            return wide, known
        back = _widens(known, type)
        if back is not None:
            bound[kind] = type  # an earlier argument is widened to this one
            return back, type
        joined = common_type([known, type])
        if joined is None:
            return None
        bound[kind] = joined  # DECIMALs of unlike scale, or beside whole numbers: both widen
        return 2, joined
    if pa.types.is_null(type):
        return 1, known_type(pattern, bound) or type
    if kind == "DECIMAL":
        if pa.types.is_decimal(type):
            return 0, type
        return (2, as_decimal(type)) if type in (INTEGER, BIGINT) else None
    if kind == "ARRAY":
        if not pa.types.is_list(type):
            return None
        inner = fits(pattern.parts[0], type.value_type, bound)
        return None if inner is None else (inner[0], pa.list_(inner[1]))
    if kind == "MAP":
        if not pa.types.is_map(type):
            return None
        key = fits(pattern.parts[0], type.key_type, bound)
        value = fits(pattern.parts[1], type.item_type, bound)
        if key is None or value is None:
            return None
        return key[0] + value[0], pa.map_(key[1], value[1])
    if kind == "STRUCT" and not pattern.names:
        return (0, type) if pa.types.is_struct(type) else None
    if kind == "STRUCT":
        known = known_type(pattern, bound)
        return (0, type) if type == known else None
    wide = _widens(type, _PRIMITIVES[kind])
    return None if wide is None else (wide, _PRIMITIVES[kind])


def known_type(pattern: Pattern, bound: Mapping[str, pa.DataType]) -> pa.DataType | None:
    """The pattern's type if its variables are known."""
    if pattern.kind in _PRIMITIVES:
        return _PRIMITIVES[pattern.kind]
    if pattern.kind in _VARIABLES or pattern.kind == "DECIMAL":
        return bound.get(pattern.kind)
    parts = [known_type(p, bound) for p in pattern.parts]
    if pattern.kind == "ARRAY" and parts[0] is not None:
        return pa.list_(parts[0])
    if pattern.kind == "MAP" and None not in parts:
        return pa.map_(*parts)
    if pattern.names and None not in parts:
        return pa.struct(list(zip(pattern.names, parts, strict=True)))
    return None


def returned(
    signature: Signature, types: Sequence[pa.DataType], bound: Mapping[str, pa.DataType]
) -> pa.DataType:
    """The result's type; DECIMAL… is made of the type of the first decimal argument."""
    decimals = [t for t in types if pa.types.is_decimal(t)]
    if signature.returns.kind in _OF_A_DECIMAL and decimals:
        return _OF_A_DECIMAL[signature.returns.kind](decimals[0])
    type = known_type(signature.returns, bound)
    return pa.null() if type is None else type
