"""A case's records: one at a time, through the same codecs as in topics, with a registry in memory.

`world` opens the codec.  Cases write records as JSON nodes: `plain` converts those of formats
without a schema, a row of `_NODES` the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import resolve_name
from types import MappingProxyType
from typing import Any

import pyarrow as pa

from kshell.cases.formats.base import Nodes
from kshell.cases.formats.registry import CaseSchemas
from kshell.cases.log import Stored
from kshell.cases.model import TopicSpec
from kshell.catalog.model import WINDOW_COLUMNS, Column, FormatSpec, Source
from kshell.errors import Unsupported
from kshell.formats.base import Half, Place
from kshell.formats.from_schema import infer_columns
from kshell.formats.source import SourceWriter
from kshell.formats.source_reader import SourceReader, place_of

__all__ = ["CaseCodec", "open_codec"]


# Each row is `module:maker`; a maker takes a Place and the schema that the case gives the topic, or
# None if a producer has only the columns.
_NODES: Mapping[str, str] = MappingProxyType(
    {
        "AVRO": "kshell.cases.formats.avro:open_nodes",
        "JSON_SR": "kshell.cases.formats.json_sr:open_nodes",
        "PROTOBUF": "kshell.cases.formats.protobuf:open_nodes",
        "PROTOBUF_NOSR": "kshell.cases.formats.protobuf:open_nodes",
    }
)

_HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
_THROW = "ksql.timestamp.throw.on.invalid"


class CaseCodec:
    """A case's records as rows and back."""

    def __init__(self, schemas: CaseSchemas, properties: Mapping[str, str]) -> None:
        self.schemas = schemas
        self._throws = str(properties.get(_THROW, "")).lower() == "true"
        self._readers: dict[int, tuple[Source, SourceReader]] = {}
        self._writers: dict[int, tuple[Source, SourceWriter]] = {}
        self._nodes: dict[tuple[int, str], tuple[Source, Nodes]] = {}

    def _reader(self, source: Source) -> SourceReader:
        found = self._readers.get(id(source))
        if found is None:
            names = [*(c.name for c in source.columns()), *WINDOW_COLUMNS, *source.pseudo_columns()]
            found = source, SourceReader(source, names, self.schemas, throws=self._throws)
            self._readers[id(source)] = found
        return found[1]

    def decode(self, source: Source, record: Stored, offset: int) -> dict[str, Any] | None:
        """The record's columns, with "ROWTIME" and, where it has no value, "ROWGONE" true; None if
        it cannot be used."""
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
        columns = {"ROWPARTITION": 0, "ROWOFFSET": offset} | columns  # declared ones go before
        columns["ROWGONE"] = read.tombstone[0].as_py()
        return columns

    def encode(
        self,
        target: Source,
        columns: Mapping[str, Any],
        timestamp: int,
        gone: bool,
        window: tuple[int, int] | None,
        keyless: bool | None = None,
    ) -> tuple[bytes | None, bytes | None, int] | None:
        """Key, value and time of the record that the sink writes; None if it has no time.

        `keyless` as `SourceWriter.write` has it.
        """
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
            None if keyless is None else pa.array([keyless], pa.bool_()),
        )
        if written.bad:
            return None
        return written.keys[0].as_py(), written.values[0].as_py(), written.times[0].as_py()

    def from_node(self, node: Any, source: Source, half: str) -> bytes | None:
        """A JSON node as bytes of a format that has a schema."""
        return None if node is None else self._nodes_of(source, half).from_node(node)

    def to_node(self, data: bytes | None, source: Source, half: str) -> Any:
        """Those bytes as a JSON node."""
        return None if data is None else self._nodes_of(source, half).to_node(data)

    def expected(self, node: Any, data: bytes | None, source: Source, half: str) -> Any:
        """The node that a case expects, in the form of the bytes that came."""
        if node is None or data is None:
            return node
        return self._nodes_of(source, half).expected(node, data)

    def _nodes_of(self, source: Source, half: str) -> Nodes:
        found = self._nodes.get((id(source), half))
        if found is None:
            place = place_of(source, Half(half), self.schemas)
            given = self.schemas.given(source.topic, place.half, place.format)
            found = source, _open_nodes(place, given)
            self._nodes[id(source), half] = found
        return found[1]

    def infer(self, topic: str, half: str, format: FormatSpec) -> tuple[Column, ...] | None:
        """The columns of the topic's registered schema."""
        self.schemas.given(topic, Half(half), format)
        return infer_columns(self.schemas, topic, Half(half), format)


def _open_nodes(place: Place, given: Any) -> Nodes:
    maker = _NODES.get(place.format.name)
    if maker is None:
        raise Unsupported(f"{place.format.name} in a case")
    nodes: Nodes = resolve_name(maker)(place, given)
    return nodes


def open_codec(topics: Mapping[str, TopicSpec], properties: Mapping[str, str]) -> CaseCodec:
    """The codec of one case, its topics' schemas registered."""
    return CaseCodec(CaseSchemas(topics), properties)
