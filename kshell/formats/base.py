"""Formats: they turn the bytes of keys and values into typed columns, and back.

A codec is made for one half (key or value) of one source: `Codec.decode` takes a column of bytes,
`Codec.encode` gives one.  `open` makes it.  A value that cannot be decoded is a bad row with its
reason, never an exception and never a NULL.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec

if TYPE_CHECKING:
    from kshell.formats.registry import Schemas
    from kshell.formats.shapes import Shape

__all__ = ["FEW", "Asked", "Codec", "Decoded", "Found", "Half", "Learned", "Place"]

FEW = 10  # records that are kept to see what a format is


class Half(Enum):
    """One of a record's two parts."""

    KEY = "key"
    VALUE = "value"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a codec works: the topic, the half, the format with its options, and the registry.

    `source` is the stream's or table's name, which ksqlDB calls the schema of its key by.
    `wrapped` says whether a single column stands in a record or is the whole value.
    `loose` names match fields of any case, as ksqlDB's do; undeclared topics' match exactly.
    `suggested` are the types that so many `samples` suggest of columns that nobody declared; null
    where none had a value.
    """

    topic: str
    half: Half
    format: FormatSpec
    columns: tuple[Column, ...]
    wrapped: bool = True
    loose: bool = True
    schemas: Schemas | None = None
    source: str = ""
    suggested: Mapping[str, pa.DataType] = field(default_factory=dict)
    samples: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """Of which half of which topic; `format` is what the user set, its name empty if only options.

    `schemas` is None where no registry is configured.
    """

    topic: str
    half: Half
    schemas: Schemas | None = None
    format: FormatSpec | None = None

    @property
    def column(self) -> str:
        """What a single column is called."""
        return "ROWKEY" if self.half is Half.KEY else "VALUE"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A column for each of the names asked for, and the rows that are bad: (row, reason).

    `misfits` are of another type than samples suggested; `others` have more fields than were asked
    for.
    """

    columns: list[pa.Array]
    bad: list[tuple[int, str]]
    misfits: Sequence[int] = ()
    others: Sequence[int] = ()


@dataclass(slots=True)
class Learned:
    """What records have that samples had not: the first value of another type in words, the shape
    of such records or some of them, and how many have which fields that no column has."""

    why: str = ""
    shape: Shape | None = None
    samples: list[bytes] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)

    def merge(self, other: Learned) -> None:
        """What other records have."""
        self.why = self.why or other.why
        if self.shape is None:
            self.shape = other.shape
        elif other.shape is not None:
            self.shape.merge(other.shape)
        self.samples = [*self.samples, *other.samples][:FEW]
        self.others.update(other.others)


class Codec(Protocol):
    """One half of one source."""

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """Columns by name out of a binary column; a NULL gives NULLs."""

    def encode(self, columns: Sequence[pa.Array], gone: pa.Array) -> pa.Array:
        """All columns of the half, in order, as a binary column; NULL where `gone` is true."""


@runtime_checkable
class Found(Protocol):
    """Decodes columns that samples suggested, and says what does not fit those."""

    def learn(
        self, values: pa.Array, names: Sequence[str], found: Decoded, *, whole: bool
    ) -> Learned:
        """What the samples did not have; `whole`: count fields that no column has, too."""
