"""A name in FROM means one of these: a stream or a table over a topic, declared or inferred.

Frozen: DDL and inference make a complete `Source`, binding reads it, engines open it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any

import pyarrow as pa

__all__ = [
    "GIVEN",
    "HEADERS",
    "PSEUDO_COLUMNS",
    "RESERVED",
    "TIME_COLUMNS",
    "WINDOW_COLUMNS",
    "Column",
    "FileRows",
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
    """A column that every record has in addition to its own.

    `type` None means the key's type.  No other column may have a `reserved` name; a column with one
    of the other names hides the pseudo column.  `log` columns are the record's place in Kafka's
    log, NULL if there is no log.  INSERT INTO a topic may set those that are `given`.
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
        "ROWHEADERS": PseudoColumn(HEADERS, log=True, given=True),
    }
)
# What INSERT names besides a source's own columns; ROWVALUE is the whole value, as text or bytes.
GIVEN = (*(name for name, column in PSEUDO_COLUMNS.items() if column.given), "ROWVALUE")
RESERVED: Mapping[str, pa.DataType] = MappingProxyType(
    {n: c.type for n, c in PSEUDO_COLUMNS.items() if c.reserved and c.type is not None}
)
# The key of a windowed source also has these, in milliseconds too.
WINDOW_COLUMNS = ("WINDOWSTART", "WINDOWEND")
TIME_COLUMNS = ("ROWTIME", *WINDOW_COLUMNS)


class Kind(Enum):
    """A stream keeps all rows; in a table, a row replaces the one before with the same key."""

    STREAM = "STREAM"
    TABLE = "TABLE"


class WindowType(Enum):
    """The kind of window in a windowed source's key."""

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
    """The settings of its topic that a statement gives; None or no entry for the others.

    `configs` have Kafka's names; a topic that is created takes from `defaults` what `configs` does
    not have.
    """

    partitions: int | None = None
    replicas: int | None = None
    configs: Mapping[str, str] = field(default_factory=_empty, hash=False)
    defaults: Mapping[str, str] = field(default_factory=_empty, hash=False)


@dataclass(frozen=True, slots=True, eq=False)
class FileRows:
    """The rows of a file, read once: columns by the source's names; `time` is when it was written,
    in milliseconds since 1970."""

    path: str
    rows: pa.Table
    time: int


@dataclass(frozen=True, slots=True)
class Source:
    """A stream or a table over one topic; or a table of a `file`'s rows or of the `system`, which
    have no topic.

    `declared` is False for a topic whose columns were inferred: its names keep their case and match
    in any case.  `presence` is then the share of sampled records that had each column; `suggested`
    and `suggested_key` have the types of columns that other records may not fit, null where no
    sample had a value.
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
    query_id: str = ""  # the query that writes it, if any
    connector: str = ""  # the connector that writes it, if WITH names one
    presence: Mapping[str, float] = field(default_factory=_empty, hash=False)
    samples: int = 0  # of a topic's records, which suggested its columns
    suggested: Mapping[str, pa.DataType] = field(default_factory=_empty, hash=False)
    file: FileRows | None = None
    moments: frozenset[str] = frozenset()  # columns that are times in milliseconds
    suggested_key: Mapping[str, pa.DataType] = field(default_factory=_empty, hash=False)
    system: bool = False  # a system table: the cluster's own state, and no topic
    hidden: frozenset[str] = frozenset()  # own columns that * leaves out
    cut: tuple[str, ...] = ()  # the ways to times that lose digits, a column's name first
    profile: str = ""  # whose cluster has the topic, if it is not this session's

    @property
    def read_from(self) -> str:
        """Its topic's name, or its file's path, or its own name where it has neither."""
        if self.system:
            return self.name
        return self.topic if self.file is None else self.file.path

    def columns(self) -> Iterator[Column]:
        """Key columns, value columns, header columns: the order of SELECT *."""
        yield from self.key
        yield from self.value
        for header in self.headers:
            yield Column(header.name, header.type)

    def pseudo_columns(self) -> dict[str, pa.DataType]:
        """The pseudo columns that no own column hides, with their types."""
        own = {c.name for c in self.columns()}
        return {n: pseudo_type(n, self.key) for n in PSEUDO_COLUMNS if n not in own}

    def schema(self) -> pa.Schema:
        """`columns()` as Arrow."""
        return pa.schema([(c.name, c.type) for c in self.columns()])


def pseudo_type(name: str, key: Sequence[Column]) -> pa.DataType:
    """The type of a pseudo column, for a key with these columns.

    ROWKEY is the single key column, or a STRUCT of several, or the key's bytes if no key is
    declared.

    >>> pseudo_type("ROWKEY", [Column("A", pa.int32()), Column("B", pa.string())])
    StructType(struct<A: int32, B: string>)
    """
    type = PSEUDO_COLUMNS[name].type
    if type is not None:
        return type
    if len(key) > 1:
        return pa.struct([(c.name, c.type) for c in key])
    return key[0].type if key else pa.binary()
