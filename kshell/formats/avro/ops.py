"""What programs are made of: `plan` makes Ops of schemas, `program` numbers them, `pure` runs them.

An Op reads one value off the bytes, and puts it into a slot or passes over it.  A slot is a place
in the wanted type; parents are numbered before what is in them.  `avro.h` has the same lists.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

import pyarrow as pa

from kshell.types import parts

__all__ = ["Code", "Fit", "Op", "Slot", "Slots"]


class Code(IntEnum):
    """What an Op does; `avro.h` has the same list.  (x, y) are the numbers it needs."""

    NULL = 0  # no bytes
    BOOLEAN = 1
    INT = 2  # zigzag varint of 32 bits
    LONG = 3
    FLOAT = 4
    DOUBLE = 5
    BYTES = 6  # a length and as many bytes
    FIXED = 7  # x bytes
    TEXT = 8  # as BYTES, and UTF-8 is demanded
    ENUM = 9  # an index into symbols
    BOOLEAN_TEXT = 10
    LONG_TEXT = 11  # decimal digits
    LONG_DOUBLE = 12
    SCALED = 13  # a long divided by x, towards the past; y: Fit
    DECIMAL = 14  # BYTES, or FIXED where x > 0; y: digits to shift
    UUID = 15  # FIXED of 16 bytes as text
    RECORD = 16
    ARRAY = 17
    MAP = 18
    UNION = 19
    BRANCHES = 20  # a union as a STRUCT of its branches
    CONSTANT = 21  # child reads `data` instead of the record
    MISSING = 22  # NULL, no bytes
    UNFIT = 23  # nothing the column can hold
    CUT = 24  # `data` as text; child passes over the value


class Fit(IntEnum):
    """What a number must be to be taken."""

    LONG = 0
    INT = 1
    DATE = 2  # in the years 1 to 9999
    TIME = 3  # within a day


@dataclass(slots=True, eq=False)
class Op:
    """One step; `slot` is -1 where the value is passed over.

    `null` is the union branch that is null where the value is optional, else -1.  `least` is how
    few bytes it takes, `cost` how much an item of it is counted to grow beyond its bytes (see
    `program`), `path` for messages.
    """

    code: Code
    slot: int = -1
    x: int = 0
    y: int = 0
    null: int = -1
    children: list[Op] = field(default_factory=list)
    symbols: tuple[str, ...] = ()
    data: bytes = b""
    least: int = 0
    cost: int = 0
    path: str = ""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place in the wanted type; a MAP's children are its keys and its items."""

    number: int
    type: pa.DataType
    children: tuple[Slot, ...]

    @property
    def size(self) -> int:
        """How many places are here and below."""
        return 1 + sum(c.size for c in self.children)


class Slots:
    """Numbers a type's places."""

    def __init__(self) -> None:
        self.all: list[Slot] = []

    def make(self, type: pa.DataType) -> Slot:
        """The type's place and those below, all appended to `all` by number."""
        number = len(self.all)
        self.all.append(Slot(number, type, ()))
        slot = Slot(number, type, tuple(self.make(t) for t in parts(type)))
        self.all[number] = slot
        return slot
