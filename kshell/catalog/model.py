"""What a name in FROM means: a stream or a table over a topic, declared or inferred.

Frozen, and built whole: DDL and inference make a `Source`, binding reads it, engines open it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any

import pyarrow as pa

__all__ = [
    "HEADERS",
    "PSEUDO_COLUMNS",
    "RESERVED",
    "WINDOW_COLUMNS",
    "Column",
    "FormatSpec",
    "HeaderColumn",
    "Kind",
    "PseudoColumn",
    "Source",
    "TopicSettings",
    "Window",
    "WindowType",
    "pseudo_type",
]  # fmt: skip


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


HEADERS = pa.list_(pa.struct([("KEY", pa.string()), ("VALUE", pa.binary())]))
"""All headers of a record, in their order."""


@dataclass(frozen=True, slots=True)
class PseudoColumn:
    """A column that every record has beside its own.

    `type` is None for the key's own type.  KSQL refuses a `reserved` name to all other columns;
    a column of the other names hides the pseudo column.  `log` columns say where Kafka's log has
    the record and are NULL where there is no log; INSERT INTO a topic sets those `given`.
    """

    type: pa.DataType | None
    reserved: bool = False
    log: bool = False
    given: bool = False


# ROWTIME is ksqlDB's: milliseconds since 1970 in UTC.
PSEUDO_COLUMNS: Mapping[str, PseudoColumn] = MappingProxyType(
    {
        "ROWTIME": PseudoColumn(pa.int64(), reserved=True, given=True),
        "ROWPARTITION": PseudoColumn(pa.int32(), reserved=True, log=True, given=True),
        "ROWOFFSET": PseudoColumn(pa.int64(), reserved=True, log=True),
        "ROWKEY": PseudoColumn(None, given=True),
        "ROWHEADERS": PseudoColumn(HEADERS, log=True),
    }
)
RESERVED: Mapping[str, pa.DataType] = MappingProxyType(
    {n: c.type for n, c in PSEUDO_COLUMNS.items() if c.reserved and c.type is not None}
)
# What the key of a windowed source has beside its columns: milliseconds as well.
WINDOW_COLUMNS = ("WINDOWSTART", "WINDOWEND")


class Kind(Enum):
    """A stream's rows are facts; a table's rows replace one another by key."""

    STREAM = "STREAM"
    TABLE = "TABLE"


class WindowType(Enum):
    """How a windowed source's key carries its window."""

    TUMBLING = "TUMBLING"
    HOPPING = "HOPPING"
    SESSION = "SESSION"
    SLIDING = "SLIDING"


@dataclass(frozen=True, slots=True)
class Window:
    """A windowed key: its type, and its size in milliseconds (None for SESSION)."""

    type: WindowType
    size_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A named, typed column."""

    name: str
    type: pa.DataType


@dataclass(frozen=True, slots=True)
class HeaderColumn:
    """HEADERS (key is None: all of them) or HEADER('key')."""

    name: str
    key: str | None = None

    @property
    def type(self) -> pa.DataType:
        """BYTES for one header, ARRAY<STRUCT<KEY STRING, VALUE BYTES>> for all."""
        return HEADERS if self.key is None else pa.binary()


@dataclass(frozen=True, slots=True)
class FormatSpec:
    """A serialization format by name (JSON, AVRO, …) and its WITH properties (upper case)."""

    name: str
    options: Mapping[str, str] = field(default_factory=_empty, hash=False)


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """What a statement says of its topic: None and no entry where it says nothing.

    `configs` have Kafka's names; `defaults` are for a topic to create where `configs` are silent.
    """

    partitions: int | None = None
    replicas: int | None = None
    configs: Mapping[str, str] = field(default_factory=_empty, hash=False)
    defaults: Mapping[str, str] = field(default_factory=_empty, hash=False)


@dataclass(frozen=True, slots=True)
class Source:
    """A stream or a table over one topic.

    `declared` is False for a topic whose columns were inferred: its names keep their spelling and
    match case-insensitively.  `presence` then tells the share of sampled records that had a column.
    """

    name: str
    kind: Kind
    topic: str
    key: tuple[Column, ...]
    value: tuple[Column, ...]
    key_format: FormatSpec
    value_format: FormatSpec
    headers: tuple[HeaderColumn, ...] = ()
    window: Window | None = None
    timestamp_column: str = ""
    timestamp_format: str = ""
    read_only: bool = False  # CREATE SOURCE STREAM|TABLE
    declared: bool = True
    sql: str = ""
    query_id: str = ""  # the query that writes it, if one does
    connector: str = ""  # the connector that writes it, if one is said to
    presence: Mapping[str, float] = field(default_factory=_empty, hash=False)

    def columns(self) -> Iterator[Column]:
        """Key columns, value columns, header columns: the order of SELECT *."""
        yield from self.key
        yield from self.value
        for header in self.headers:
            yield Column(header.name, header.type)

    def pseudo_columns(self) -> dict[str, pa.DataType]:
        """The pseudo columns that no column of its own hides, with their types."""
        own = {c.name for c in self.columns()}
        return {n: pseudo_type(n, self.key) for n in PSEUDO_COLUMNS if n not in own}

    def schema(self) -> pa.Schema:
        """`columns()` as Arrow."""
        return pa.schema([(c.name, c.type) for c in self.columns()])


def pseudo_type(name: str, key: Sequence[Column]) -> pa.DataType:
    """The type of a pseudo column where those are the key's columns.

    ROWKEY is the one key column, or a STRUCT of several; of a key that nobody declared its bytes.

    >>> pseudo_type("ROWKEY", [Column("A", pa.int32()), Column("B", pa.string())])
    StructType(struct<A: int32, B: string>)
    """
    type = PSEUDO_COLUMNS[name].type
    if type is not None:
        return type
    if len(key) > 1:
        return pa.struct([(c.name, c.type) for c in key])
    return key[0].type if key else pa.binary()
