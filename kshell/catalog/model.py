"""What a name in FROM means: a stream or a table over a topic, declared or inferred.

Frozen, and built whole: DDL and inference make a `Source`, binding reads it, engines open it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any

import pyarrow as pa

__all__ = ["BOUNDS", "PSEUDO_COLUMNS", "Column", "FormatSpec", "HeaderColumn", "Kind", "Source",
           "TopicSettings", "Window", "WindowType"]  # fmt: skip


def _empty() -> Mapping[str, Any]:
    return MappingProxyType({})


# What every record has beside its columns.  ROWTIME is ksqlDB's: milliseconds since 1970 in UTC.
PSEUDO_COLUMNS: Mapping[str, pa.DataType] = MappingProxyType(
    {"ROWTIME": pa.int64(), "ROWPARTITION": pa.int32(), "ROWOFFSET": pa.int64()}
)
# What the key of a windowed source has beside its columns: milliseconds as well.
BOUNDS = ("WINDOWSTART", "WINDOWEND")


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
        if self.key is not None:
            return pa.binary()
        return pa.list_(pa.struct([("KEY", pa.string()), ("VALUE", pa.binary())]))


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

    def schema(self) -> pa.Schema:
        """`columns()` as Arrow."""
        return pa.schema([(c.name, c.type) for c in self.columns()])
