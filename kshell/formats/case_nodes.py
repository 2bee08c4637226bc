"""The formats as `kshell test` needs them: one record at a time, and a registry in memory.

The bytes go through the same codecs as a topic's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec, Source
from kshell.errors import Unsupported
from kshell.formats.registry import Schemas
from kshell.formats.source import SourceReader, SourceWriter

__all__ = ["CaseCodec", "open_codec"]

_HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
_THROW = "ksql.timestamp.throw.on.invalid"


class CaseCodec:
    """A case's records as rows and back; `record` has key, value, timestamp and headers."""

    def __init__(self, schemas: Schemas | None, properties: Mapping[str, str]) -> None:
        self.schemas = schemas
        self._throws = str(properties.get(_THROW, "")).lower() == "true"
        self._readers: dict[int, tuple[Source, SourceReader]] = {}
        self._writers: dict[int, tuple[Source, SourceWriter]] = {}

    def _reader(self, source: Source) -> SourceReader:
        found = self._readers.get(id(source))
        if found is None:
            names = [c.name for c in source.columns()]
            names += ["WINDOWSTART", "WINDOWEND"]
            found = source, SourceReader(source, names, self.schemas, throws=self._throws)
            self._readers[id(source)] = found
        return found[1]

    def decode(self, source: Source, record: Any, offset: int) -> dict[str, Any] | None:
        """The record's columns, with "ROWTIME" and, where it has no value, "ROWGONE" true; None for
        one that cannot be used."""
        headers = [{"key": h.key, "value": h.value} for h in record.headers]
        raw = pa.RecordBatch.from_arrays(
            [
                pa.array([record.key], pa.binary()),
                pa.array([record.value], pa.binary()),
                pa.array([record.timestamp], pa.int64()),
                pa.array([headers], _HEADERS),
            ],
            names=["key", "value", "timestamp", "headers"],
        )
        read = self._reader(source).read(raw)
        if read.bad:
            return None
        columns = {name: column[0].as_py() for name, column in read.columns.items()}
        columns["ROWTIME"] = read.times[0].as_py()
        columns["ROWPARTITION"], columns["ROWOFFSET"] = 0, offset
        columns["ROWGONE"] = read.tombstone[0].as_py()
        return columns

    def encode(
        self,
        target: Source,
        columns: Mapping[str, Any],
        timestamp: int,
        gone: bool,
        window: tuple[int, int] | None,
    ) -> tuple[bytes | None, bytes | None, int] | None:
        """Key, value and time of the record that the sink writes; None where it has no time."""
        found = self._writers.get(id(target))
        if found is None:
            found = target, SourceWriter(target, self.schemas)
            self._writers[id(target)] = found
        bounds = None
        if window is not None:
            bounds = pa.array([window[0]], pa.int64()), pa.array([window[1]], pa.int64())
        written = found[1].write(
            [pa.array([columns.get(c.name)], c.type) for c in target.key],
            [pa.array([columns.get(c.name)], c.type) for c in target.value],
            pa.array([timestamp], pa.int64()),
            pa.array([gone], pa.bool_()),
            bounds,
        )
        if written.bad:
            return None
        return written.keys[0].as_py(), written.values[0].as_py(), written.times[0].as_py()

    def from_node(self, node: Any, source: Source, half: str) -> bytes | None:
        """A JSON node as bytes of a format that has a schema."""
        raise Unsupported(f"{_format(source, half).name} in a case")

    def to_node(self, data: bytes | None, source: Source, half: str) -> Any:
        """Those bytes as a JSON node."""
        raise Unsupported(f"{_format(source, half).name} in a case")

    def infer(self, topic: str, half: str, format: FormatSpec) -> tuple[Column, ...] | None:
        """The columns of the topic's registered schema."""
        raise Unsupported(f"{format.name} in a case")


def _format(source: Source, half: str) -> FormatSpec:
    return source.key_format if half == "key" else source.value_format


def open_codec(topics: Mapping[str, Any], properties: Mapping[str, str]) -> CaseCodec:
    """The codec of one case, its topics' schemas registered."""
    return CaseCodec(None, properties)
