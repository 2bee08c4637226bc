"""COUNT_DISTINCT: exact up to a thousand values, a HyperLogLog sketch of 16 KB above.

`stream.aggregates` makes it.  ksqlDB estimates as well; the sketch's standard error is 0.8 %.  A
sketch does not keep the values, so undo is not possible.
"""

from __future__ import annotations

import hashlib
import math
from typing import Any, NamedTuple

from kshell.errors import Unsupported
from kshell.stream.rows import freeze

__all__ = ["CountDistinct"]

_EXACT = 1024
_BITS = 14
_REGISTERS = 1 << _BITS
_ALPHA = 0.7213 / (1 + 1.079 / _REGISTERS)


class _Sketch(NamedTuple):
    """Registers, the sum of 2^-register over all of them, and how many are 0."""

    registers: bytes
    harmonic: float
    zeros: int


_EMPTY = _Sketch(bytes(_REGISTERS), float(_REGISTERS), _REGISTERS)
State = frozenset[int] | _Sketch


def _hash(value: Any) -> int:
    """64 bits that are the same in every process."""
    return int.from_bytes(hashlib.blake2b(repr(value).encode(), digest_size=8).digest())


class CountDistinct:
    """How many different values there are, without NULL.

    >>> c = CountDistinct()
    >>> c.result(c.add(c.add(c.add(c.initial(), "a"), "b"), "a"))
    2
    """

    def initial(self) -> State:
        return frozenset()

    def add(self, state: State, *args: Any) -> State:
        if args[0] is None:
            return state
        hash = _hash(freeze(args[0]))
        if isinstance(state, _Sketch):
            return _noted(state, hash)
        if hash in state:
            return state
        return _small(state | {hash})

    def undo(self, state: State, *args: Any) -> State:
        raise Unsupported("COUNT_DISTINCT cannot take a row back, which a table's changes need")

    def merge(self, left: State, right: State) -> State:
        if isinstance(left, frozenset) and isinstance(right, frozenset):
            return _small(left | right)
        merged = bytes(map(max, _sketch(left).registers, _sketch(right).registers))
        return _Sketch(merged, sum(2.0**-r for r in merged), merged.count(0))

    def result(self, state: State) -> int:
        if isinstance(state, frozenset):
            return len(state)
        estimate = _ALPHA * _REGISTERS**2 / state.harmonic
        if estimate <= 2.5 * _REGISTERS and state.zeros:
            estimate = _REGISTERS * math.log(_REGISTERS / state.zeros)
        return round(estimate)


def _small(hashes: frozenset[int]) -> State:
    return hashes if len(hashes) <= _EXACT else _sketch(hashes)


def _sketch(state: State) -> _Sketch:
    if isinstance(state, _Sketch):
        return state
    sketch = _EMPTY
    for hash in state:
        sketch = _noted(sketch, hash)
    return sketch


def _noted(sketch: _Sketch, hash: int) -> _Sketch:
    """The sketch with one more hash: low bits choose a register, which keeps the longest run of
    zeros."""
    at, rest = hash % _REGISTERS, hash >> _BITS
    rank = 64 - _BITS - rest.bit_length() + 1
    old = sketch.registers[at]
    if rank <= old:
        return sketch
    registers = sketch.registers[:at] + bytes((rank,)) + sketch.registers[at + 1 :]
    harmonic = sketch.harmonic - 2.0**-old + 2.0**-rank
    return _Sketch(registers, harmonic, sketch.zeros - (old == 0))
