"""Wanted columns and the programs that fill them: `codec` makes one for each list of names.

A batch may hold records of several schemas; each has a program, and all fill the same columns.  The
compiled `_avro` runs them where it was built, `pure` where not (or where KSHELL_PURE is set).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.compiled import compiled
from kshell.errors import BindError
from kshell.formats.avro import pure
from kshell.formats.avro.ops import Code, Op, Slot, Slots
from kshell.formats.avro.parse import Node
from kshell.formats.avro.plan import resolve

__all__ = ["Columns", "Program"]

# Why a record is refused, by the number that `avro.h` gives.
_REASONS = (
    "",
    "the record ends too early",
    "more bytes after the record",
    "nested more than 64 deep",
    "a number of more than 64 bits",
    "a length that cannot be",
    "a union branch that is not there",
    "an enum symbol that is not there",
    "a boolean that is neither 0 nor 1",
    "a value out of its column's range",
    "not valid UTF-8",
    "too many items that take no bytes",
    "a map with the same key twice",
    "a map with a key that is NULL",
    "a value that does not fit the column's type",
    "grows too large when decoded",
)
_UNFIT = _REASONS.index("a value that does not fit the column's type")
_BITS, _FIXED, _BYTES, _LIST, _MAP, _STRUCT = range(6)
_MOST = 1 << 30
_avro = compiled("kshell.formats._avro")


@dataclass(frozen=True, slots=True)
class Program:
    """A schema's way into the columns; `header` bytes come before each datum."""

    ops: tuple[Op, ...]  # the first is the root
    header: int
    flat: tuple[Any, ...]


class Columns:
    """What is wanted, as one type: a STRUCT of columns, or the one type of an unwrapped half."""

    def __init__(self, type: pa.DataType, *, loose: bool) -> None:
        self.type = type
        self._loose = loose
        slots = Slots()
        self.root = slots.make(type)
        self._slots = slots.all
        self._flat = _flat_slots(slots.all)

    def program(
        self, writer: Node, reader: Node | None, header: int, *, lone: bool = False
    ) -> Program:
        """The writer's program; `lone` says that the STRUCT's one field may be the whole datum.

        BindError where the schema is too large.
        """
        slot = self.root
        try:
            if lone and not _is_record(writer) and len(slot.children) == 1:
                inner = resolve(writer, slot.children[0], reader, loose=self._loose)
                root = Op(Code.RECORD, slot.number, children=[inner], least=inner.least)
            else:
                root = resolve(writer, slot, reader, loose=self._loose)
        except RecursionError:
            raise BindError("an Avro schema that is nested too deep") from None
        ops = _reachable(root)
        return Program(tuple(ops), header, _flat_ops(ops, self._slots, header))

    def decode(
        self, values: pa.BinaryArray, which: Any, programs: Sequence[Program]
    ) -> tuple[pa.Array, list[tuple[int, str]]]:
        """Every value by programs[which[row]], NULL where that is below 0; and the bad rows."""
        if _avro is not None:
            flat = [p.flat for p in programs]
            array, bad = _avro.decode(values, which, self.type, *self._flat, flat)
        else:
            rooted = [(p.ops, p.header) for p in programs]
            array, bad = pure.decode(values, which, self._slots, rooted)
        return array, [
            (row, _reason(why, programs[number].ops[op])) for row, why, op, number in bad
        ]


def _is_record(writer: Node) -> bool:
    return writer.kind == "record" or any(b.kind == "record" for b in writer.parts)


def _reason(why: int, op: Op) -> str:
    reason = op.symbols[0] if why == _UNFIT and op.symbols else _REASONS[why]
    return f"{op.path}: {reason}" if op.path else reason


def _kind(type: pa.DataType) -> tuple[int, int]:
    """What kind of slot a type needs, and how many bytes a value has."""
    if pa.types.is_boolean(type):
        return _BITS, 0
    if pa.types.is_struct(type):
        return _STRUCT, 0
    if pa.types.is_map(type):
        return _MAP, 0
    if pa.types.is_list(type):
        return _LIST, 0
    if type in (pa.string(), pa.binary()):
        return _BYTES, 0
    return _FIXED, type.bit_width // 8


def _flat_slots(slots: Sequence[Slot]) -> tuple[Any, Any]:
    table = np.zeros((len(slots), 5), np.int32)
    links: list[int] = []
    for slot in slots:
        digits = slot.type.precision if pa.types.is_decimal(slot.type) else 0
        table[slot.number] = (*_kind(slot.type), len(links), len(slot.children), digits)
        links += [child.number for child in slot.children]
    return table, np.array([*links, 0], np.int32)


def _reachable(root: Op) -> list[Op]:
    found, seen = [root], {id(root)}
    for op in found:  # grows on the way
        for child in op.children:
            if id(child) not in seen:
                seen.add(id(child))
                found.append(child)
    return found


def _flat_ops(ops: Sequence[Op], slots: Sequence[Slot], header: int) -> tuple[Any, ...]:
    number = {id(op): i for i, op in enumerate(ops)}
    table = np.zeros((len(ops), 9), np.int32)
    links: list[int] = []
    blob = bytearray()
    for i, op in enumerate(ops):
        x, y, first, count = op.x, op.y, len(links), len(op.children)
        links += [number[id(child)] for child in op.children]
        if op.code is Code.ENUM:
            count = len(op.symbols) + 1
            for symbol in op.symbols:
                links.append(len(blob))
                blob += symbol.encode()
            links.append(len(blob))
        elif op.code in (Code.CONSTANT, Code.CUT):
            x, y = len(blob), len(op.data)
            blob += op.data
        op.cost = min(sum(_cost(child, slots, set()) for child in op.children), _MOST)
        op.least = min(op.least, _MOST)
        table[i] = (op.code, op.slot, x, y, op.null, first, count, op.least, op.cost)
    blob.append(0)
    return table, np.array([*links, 0], np.int32), np.frombuffer(bytes(blob), np.uint8), header


def _cost(op: Op, slots: Sequence[Slot], seen: set[int]) -> int:
    """8 for a place in a column, and its default's bytes."""
    if op.slot < 0 or id(op) in seen:
        return 0
    seen.add(id(op))
    own = len(op.data) + 8 * (slots[op.slot].size if op.code is Code.MISSING else 1)
    return own + sum(_cost(child, slots, seen) for child in op.children)
