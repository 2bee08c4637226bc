"""COUNT_DISTINCT: exact up to a thousand values, a HyperLogLog sketch of 16 KB above.

`stream.aggregates` and `stream.columns` make it.  ksqlDB estimates as well; the sketch's standard
error is 0.8 %.  A sketch does not keep the values, so undo is not possible.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import Any

from kshell.errors import Unsupported
from kshell.stream.rows import freeze

__all__ = ["CountDistinct", "Distinct"]

_EXACT = 1024
_BITS = 14
_REGISTERS = 1 << _BITS
_ALPHA = 0.7213 / (1 + 1.079 / _REGISTERS)


def _hash(value: Any) -> int:
    """64 bits that are the same in every process."""
    return int.from_bytes(hashlib.blake2b(repr(value).encode(), digest_size=8).digest())


class Distinct:
    """Different values: the hashes of few, of many a sketch's registers."""

    __slots__ = ("_harmonic", "_hashes", "_registers", "_zeros")

    def __init__(self, hashes: Sequence[int] = (), registers: bytes = b"") -> None:
        self._hashes = set(hashes)
        self._registers = bytearray(registers)
        # The sum of 2^-register over all registers, and how many are 0.
        self._harmonic = sum(2.0**-r for r in registers)
        self._zeros = registers.count(0)

    @classmethod
    def of(cls, plain: Sequence[int] | bytes) -> Distinct:
        """What `plain` gave."""
        return cls((), plain) if isinstance(plain, bytes) else cls(plain)

    def plain(self) -> list[int] | bytes:
        """The hashes, or the registers."""
        return bytes(self._registers) if self._registers else sorted(self._hashes)

    def copy(self) -> Distinct:
        """One that can change apart from this one."""
        made = Distinct()
        made._hashes, made._registers = set(self._hashes), bytearray(self._registers)
        made._harmonic, made._zeros = self._harmonic, self._zeros
        return made

    def __repr__(self) -> str:
        return f"Distinct({self.plain()!r})"

    def add(self, value: Any) -> None:
        """One more value."""
        self._note(_hash(freeze(value)))

    def merge(self, other: Distinct) -> None:
        """The values of another."""
        if not other._registers:
            for hash in other._hashes:
                self._note(hash)
            return
        self._to_sketch()
        merged = bytes(map(max, self._registers, other._registers))
        self._registers = bytearray(merged)
        self._harmonic, self._zeros = sum(2.0**-r for r in merged), merged.count(0)

    def count(self) -> int:
        """How many there are."""
        if not self._registers:
            return len(self._hashes)
        estimate = _ALPHA * _REGISTERS**2 / self._harmonic
        if estimate <= 2.5 * _REGISTERS and self._zeros:
            estimate = _REGISTERS * math.log(_REGISTERS / self._zeros)
        return round(estimate)

    def _note(self, hash: int) -> None:
        if self._registers:
            self._raise(hash)
            return
        self._hashes.add(hash)
        if len(self._hashes) > _EXACT:
            self._to_sketch()

    def _to_sketch(self) -> None:
        if not self._registers:
            self._registers = bytearray(_REGISTERS)
            self._harmonic, self._zeros = float(_REGISTERS), _REGISTERS
            for hash in self._hashes:
                self._raise(hash)
            self._hashes = set()

    def _raise(self, hash: int) -> None:
        """Low bits choose a register, which keeps the longest run of zeros."""
        at, rest = hash % _REGISTERS, hash >> _BITS
        rank = 64 - _BITS - rest.bit_length() + 1
        old = self._registers[at]
        if rank > old:
            self._registers[at] = rank
            self._harmonic += 2.0**-rank - 2.0**-old
            self._zeros -= old == 0


class CountDistinct:
    """How many different values there are, without NULL.

    >>> c = CountDistinct()
    >>> c.result(c.add(c.add(c.add(c.initial(), "a"), "b"), "a"))
    2
    """

    def initial(self) -> Distinct:
        return Distinct()

    def add(self, state: Distinct, *args: Any) -> Distinct:
        if args[0] is None:
            return state
        more = state.copy()
        more.add(args[0])
        return more

    def undo(self, state: Distinct, *args: Any) -> Distinct:
        raise Unsupported("COUNT_DISTINCT cannot take a row back, which a table's changes need")

    def merge(self, left: Distinct, right: Distinct) -> Distinct:
        both = left.copy()
        both.merge(right)
        return both

    def result(self, state: Distinct) -> int:
        return state.count()
