"""The twin of avro.h in Python: the same programs, answers, limits and refusals, value by value.

`program` uses it where nothing was compiled; tests hold the two against each other.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa

from kshell.formats.avro.ops import Code, Fit, Op, Slot

__all__ = ["decode"]

_DEEPEST, _EMPTY_ITEMS, _GROWTH = 64, 1000, 64
_ROW_FREE, _BATCH_FREE, _BATCH_MOST = 1 << 16, 1 << 26, 1 << 30
(_CUT_OFF, _LEFT_OVER, _TOO_NESTED, _BAD_VARINT, _BAD_SIZE, _BAD_BRANCH, _BAD_SYMBOL,
 _BAD_BOOLEAN, _NO_ROOM_FOR, _BAD_TEXT, _TOO_MANY, _SAME_KEY, _NULL_KEY, _UNFIT,
 _TOO_LARGE) = range(1, 16)  # fmt: skip
_FITS: Mapping[int, tuple[int, int]] = {
    Fit.LONG: (-(1 << 63), (1 << 63) - 1),
    Fit.INT: (-(1 << 31), (1 << 31) - 1),
    Fit.DATE: (-719162, 2932896),
    Fit.TIME: (0, 86_399_999),
}
_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")


class _Refused(Exception):
    def __init__(self, why: int, op: Op) -> None:
        super().__init__(why)
        self.why, self.op = why, op


def decode(
    values: pa.BinaryArray,
    which: Any,
    slots: Sequence[Slot],
    programs: Sequence[tuple[Sequence[Op], int]],
) -> tuple[pa.Array, list[tuple[int, int, int, int]]]:
    """As `_avro.decode`."""
    rows: list[Any] = []
    bad: list[tuple[int, int, int, int]] = []
    run = _Run(slots, values)
    for number, (value, place) in enumerate(zip(values.to_pylist(), which.tolist(), strict=True)):
        if place < 0:
            rows.append(None)
            continue
        ops, header = programs[place]
        try:
            rows.append(run.record(value, ops[0], header))
        except _Refused as refused:
            failed = next(i for i, op in enumerate(ops) if op is refused.op)
            bad.append((number, refused.why, failed, place))
            rows.append(None)
    return pa.array(rows, slots[0].type), bad


class _Run:
    def __init__(self, slots: Sequence[Slot], values: pa.BinaryArray) -> None:
        self._slots = slots
        self._names: dict[int, dict[int, str]] = {
            s.number: {c.number: s.type.field(i).name for i, c in enumerate(s.children)}
            for s in slots
            if pa.types.is_struct(s.type)
        }
        size = sum(map(len, filter(None, values.to_pylist())))
        self._batch_left = min(size * _GROWTH + _BATCH_FREE, _BATCH_MOST)
        self._data = b""
        self._at = self._left = self._empty = 0
        self._steps: dict[Code, Callable[[Op, int], Any]] = {
            Code.NULL: self._null,
            Code.BOOLEAN: self._boolean,
            Code.INT: self._whole,
            Code.LONG: self._whole,
            Code.FLOAT: self._float,
            Code.DOUBLE: self._double,
            Code.BYTES: self._bytes,
            Code.FIXED: self._bytes,
            Code.TEXT: self._bytes,
            Code.ENUM: self._symbol,
            Code.BOOLEAN_TEXT: self._boolean,
            Code.LONG_TEXT: self._whole_text,
            Code.LONG_DOUBLE: self._whole_double,
            Code.SCALED: self._whole,
            Code.DECIMAL: self._bytes,
            Code.UUID: self._bytes,
            Code.RECORD: self._record,
            Code.ARRAY: self._items,
            Code.MAP: self._items,
            Code.UNION: self._union,
            Code.BRANCHES: self._union,
            Code.CONSTANT: self._constant,
            Code.MISSING: self._null,
            Code.UNFIT: self._unfit,
            Code.CUT: self._cut,
        }

    def record(self, data: bytes, root: Op, header: int) -> Any:
        """One row's value."""
        given = min(len(data) * _GROWTH + _ROW_FREE, self._batch_left)
        self._data, self._at, self._left, self._empty = data, header, given, _EMPTY_ITEMS
        try:
            if len(data) < header:
                raise _Refused(_CUT_OFF, root)
            value = self._read(root, 0)
            if self._at != len(data):
                raise _Refused(_LEFT_OVER, root)
            return value
        finally:
            self._batch_left -= given - max(self._left, 0)

    def _varint(self, op: Op) -> int:
        if self._at < len(self._data) and self._data[self._at] < 0x80:  # mostly
            short = self._data[self._at]
            self._at += 1
            return (short >> 1) ^ -(short & 1)
        value = 0
        for shift in range(0, 70, 7):
            if self._at >= len(self._data):
                raise _Refused(_CUT_OFF, op)
            byte = self._data[self._at]
            self._at += 1
            if shift == 63 and byte > 1:
                break
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
        raise _Refused(_BAD_VARINT, op)

    def _take(self, size: int, op: Op) -> bytes:
        if size < 0:
            raise _Refused(_BAD_SIZE, op)
        if size > len(self._data) - self._at:
            raise _Refused(_CUT_OFF, op)
        self._at += size
        return self._data[self._at - size : self._at]

    def _spend(self, cost: int, op: Op) -> None:
        self._left -= cost
        if self._left < 0:
            raise _Refused(_TOO_LARGE, op)

    def _whole(self, op: Op, depth: int) -> int:
        """The long, divided and in its bounds."""
        code = op.code
        value = self._varint(op)
        if code is Code.SCALED:
            value //= op.x
        low, high = _FITS[Fit.INT if code is Code.INT else op.y]
        if not low <= value <= high:
            raise _Refused(_NO_ROOM_FOR, op)
        return value

    def _read(self, op: Op, depth: int) -> Any:
        if op.null >= 0:
            branch = self._varint(op)
            if branch == op.null:
                return None
            if branch != 1 - op.null:
                raise _Refused(_BAD_BRANCH, op)
        return self._steps[op.code](op, depth)

    def _null(self, op: Op, depth: int) -> None:
        return None

    def _whole_double(self, op: Op, depth: int) -> float:
        return float(self._whole(op, depth))

    def _whole_text(self, op: Op, depth: int) -> str:
        return str(self._whole(op, depth))

    def _float(self, op: Op, depth: int) -> Any:
        return _FLOAT.unpack(self._take(4, op))[0]

    def _double(self, op: Op, depth: int) -> Any:
        return _DOUBLE.unpack(self._take(8, op))[0]

    def _cut(self, op: Op, depth: int) -> str:
        self._read(op.children[0], depth)
        return op.data.decode()

    def _unfit(self, op: Op, depth: int) -> Any:
        raise _Refused(_UNFIT, op)

    def _boolean(self, op: Op, depth: int) -> Any:
        (byte,) = self._take(1, op)
        if byte > 1:
            raise _Refused(_BAD_BOOLEAN, op)
        return byte == 1 if op.code is Code.BOOLEAN else ("false", "true")[byte]

    def _bytes(self, op: Op, depth: int) -> Any:
        code = op.code
        if code is Code.UUID:
            size = 16
        elif code is Code.FIXED or (code is Code.DECIMAL and op.x > 0):
            size = op.x
        else:
            size = self._varint(op)
        data = self._take(size, op)
        if code is Code.TEXT:
            try:
                return data.decode()
            except UnicodeDecodeError:
                raise _Refused(_BAD_TEXT, op) from None
        if code is Code.UUID:
            text = data.hex()
            return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        return self._decimal(data, op) if code is Code.DECIMAL else data

    def _decimal(self, data: bytes, op: Op) -> Any:
        if not data:
            raise _Refused(_BAD_SIZE, op)
        number = int.from_bytes(data, "big", signed=True)
        if not -(1 << 127) <= number < 1 << 127:
            raise _Refused(_NO_ROOM_FOR, op)
        rest = 0
        if op.y >= 0:
            number *= 10**op.y
        else:
            number, rest = divmod(number, int(10**-op.y))
        type = self._slots[op.slot].type
        if rest or abs(number) >= 10**type.precision:
            raise _Refused(_NO_ROOM_FOR, op)
        return Decimal(number).scaleb(-type.scale, Context(prec=40))

    def _symbol(self, op: Op, depth: int) -> Any:
        index = self._varint(op)
        if not 0 <= index < len(op.symbols):
            raise _Refused(_BAD_SYMBOL, op)
        if op.slot >= 0:
            self._spend(len(op.symbols[index].encode()), op)
        return op.symbols[index]

    def _record(self, op: Op, depth: int) -> Any:
        depth += 1
        if depth > _DEEPEST:
            raise _Refused(_TOO_NESTED, op)
        self._spend(1, op)
        names = self._names.get(op.slot)
        if names is None:
            for child in op.children:
                self._read(child, depth)
            return None
        found = {}
        for child in op.children:
            value = self._read(child, depth)
            if child.slot >= 0:
                found[names[child.slot]] = value
        return found

    def _items(self, op: Op, depth: int) -> Any:
        depth += 1
        if depth > _DEEPEST:
            raise _Refused(_TOO_NESTED, op)
        least = sum(c.least for c in op.children)
        cost = op.cost
        items: list[Any] = []
        entries = op.code is Code.MAP and op.x == 1
        while count := self._varint(op):
            stop = None
            if count < 0:
                if count == -(1 << 63):
                    raise _Refused(_BAD_SIZE, op)
                count, size = -count, self._varint(op)
                if size < 0:
                    raise _Refused(_BAD_SIZE, op)
                if size > len(self._data) - self._at:
                    raise _Refused(_CUT_OFF, op)
                stop = self._at + size
            if least:
                if count > (len(self._data) - self._at) // least:
                    raise _Refused(_CUT_OFF, op)
            else:
                self._empty -= count
                if self._empty < 0:
                    raise _Refused(_TOO_MANY, op)
            self._spend(count * cost, op)
            for _ in range(count):
                values = [self._read(c, depth) for c in op.children]
                items.append(tuple(values) if op.code is Code.MAP else values[0])
            if stop is not None and self._at != stop:
                raise _Refused(_BAD_SIZE, op)
        if op.slot >= 0 and op.code is Code.MAP:
            self._check_keys([k for k, _ in items], entries, op)
        return items

    def _check_keys(self, keys: Sequence[Any], entries: bool, op: Op) -> None:
        if entries and any(k is None for k in keys):
            raise _Refused(_NULL_KEY, op)
        # As bytes, like the columns': 0.0 and -0.0 are two keys.
        plain = [_DOUBLE.pack(k) if isinstance(k, float) else k for k in keys]
        if len(set(plain)) != len(plain):
            raise _Refused(_SAME_KEY, op)

    def _union(self, op: Op, depth: int) -> Any:
        branch = self._varint(op)
        if not 0 <= branch < len(op.children):
            raise _Refused(_BAD_BRANCH, op)
        child = op.children[branch]
        if op.code is Code.UNION:
            return self._read(child, depth)
        if child.code is Code.NULL:
            return None
        value = self._read(child, depth)
        names = self._names[op.slot]
        return {name: value if slot == child.slot else None for slot, name in names.items()}

    def _constant(self, op: Op, depth: int) -> Any:
        self._spend(len(op.data), op)
        kept = self._data, self._at
        self._data, self._at = op.data, 0
        try:
            return self._read(op.children[0], depth)
        finally:
            self._data, self._at = kept
