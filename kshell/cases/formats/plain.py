"""A case's JSON nodes as record bytes, and record bytes as nodes again.

In a case, a JSON record is JSON, a DELIMITED one is its line of text, a KAFKA one its single value.
AVRO, PROTOBUF and JSON_SR need a schema: `records` converts them.  `run` calls it for every record
that goes in or comes out.
"""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import pyarrow as pa

from kshell.cases.model import WindowSpec
from kshell.catalog.model import Column, Window, WindowType
from kshell.errors import CorruptRecord, Unsupported
from kshell.formats.coerce import node_text

__all__ = ["PLAIN", "add_window", "as_typed", "from_node", "split_window", "to_node"]

PLAIN = frozenset({"DELIMITED", "JSON", "KAFKA", "NONE"})  # the formats without a schema


def from_node(node: Any, format: str, columns: Sequence[Column]) -> bytes | None:
    """The bytes that a producer of that format would write for the node."""
    if node is None or format == "NONE":
        return None
    if format == "JSON":
        return node_text(node).encode()
    if format == "DELIMITED":
        return (node if isinstance(node, str) else node_text(node)).encode()
    if format == "KAFKA":
        return _kafka_bytes(node, columns)
    raise Unsupported(f"{format} in a case")


def to_node(data: bytes | None, format: str, columns: Sequence[Column]) -> Any:
    """The node that a case would write for those bytes."""
    if data is None or format == "NONE":
        return None
    if format == "JSON":
        return json.loads(data, parse_float=Decimal)
    if format == "DELIMITED":
        return data.decode()
    if format == "KAFKA":
        return _kafka_node(data, columns)
    raise Unsupported(f"{format} in a case")


def as_typed(node: Any, type: pa.DataType) -> Any:
    """The node that a case expects, as it comes in JSON: the case may write a DECIMAL as text, and
    a name in any case, because KSQL folds unquoted names.

    >>> as_typed({"a": "3.40"}, pa.struct([("A", pa.decimal128(3, 2))]))
    {'A': Decimal('3.40')}
    """
    if pa.types.is_decimal(type) and isinstance(node, str):
        try:
            return Decimal(node)
        except InvalidOperation:
            return node
    if pa.types.is_list(type) and isinstance(node, list):
        return [as_typed(n, type.value_type) for n in node]
    if pa.types.is_map(type) and isinstance(node, Mapping):
        return {k: as_typed(v, type.item_type) for k, v in node.items()}
    if pa.types.is_struct(type) and isinstance(node, Mapping):
        types = {f.name: f.type for f in type}
        made = {}
        for name, inner in node.items():
            folded = name if name in types or name.upper() not in types else name.upper()
            made[folded] = as_typed(inner, types.get(folded, pa.null()))
        return made
    return node


# The KAFKA format: a single value, written by Kafka's own serializers.
_PACKED: Mapping[pa.DataType, str] = {pa.int32(): ">i", pa.int64(): ">q", pa.float64(): ">d"}


def _kafka_bytes(node: Any, columns: Sequence[Column]) -> bytes:
    if not columns:
        return node_text(node).encode() if not isinstance(node, str) else node.encode()
    type = columns[0].type
    if isinstance(node, Mapping) and len(node) == 1:
        (node,) = node.values()
    if type == pa.binary():
        try:
            return base64.b64decode(node, validate=True)
        except (binascii.Error, TypeError):
            raise CorruptRecord(f"not base64: {node!r}") from None
    packed = _PACKED.get(type)
    if packed is None:
        return str(node).encode()
    try:
        return struct.pack(packed, float(node) if packed == ">d" else int(node))
    except (struct.error, ValueError, TypeError):
        return str(node).encode()  # the case wants a record of another type


def _kafka_node(data: bytes, columns: Sequence[Column]) -> Any:
    type = columns[0].type if columns else pa.string()
    if type == pa.binary():
        return base64.b64encode(data).decode()
    packed = _PACKED.get(type)
    if packed is None:
        return data.decode()
    return struct.unpack(packed, data)[0]


# A windowed key is the key and then its window, as Kafka Streams' windowed serializers write it.


def _time(spec: WindowSpec) -> bytes:
    return struct.pack(">q", spec.start)


def _session(spec: WindowSpec) -> bytes:
    return struct.pack(">qq", spec.end, spec.start)


_TAILS: Mapping[bool, tuple[int, Callable[[WindowSpec], bytes]]] = {
    True: (16, _session),
    False: (8, _time),
}


def add_window(key: bytes | None, spec: WindowSpec | None) -> bytes | None:
    """The key with its window behind it; a session has both ends, other windows only the start."""
    if key is None or spec is None:
        return key
    return key + _TAILS[spec.type == "session"][1](spec)


def split_window(
    key: bytes | None, window: Window | None
) -> tuple[bytes | None, WindowSpec | None]:
    """A windowed source's key without its window, and the window."""
    if key is None or window is None:
        return key, None
    session = window.type is WindowType.SESSION
    length = _TAILS[session][0]
    if len(key) < length:
        raise CorruptRecord("the key is too short to have a window")
    rest, tail = key[:-length], key[-length:]
    if session:
        end, start = struct.unpack(">qq", tail)
        return rest, WindowSpec(start, end, "session")
    (start,) = struct.unpack(">q", tail)
    return rest, WindowSpec(start, start + (window.size_ms or 0), "time")
