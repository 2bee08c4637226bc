"""Makes the Avro record that a producer with the schema would write for a case's JSON node, and a
node from a record.

Names match in any case, names that the schema does not have are skipped; times are numbers and
bytes base64, as everywhere in cases.  `records` calls it.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.cases.formats.base import respelled
from kshell.errors import CorruptRecord
from kshell.formats.avro.codec import record_name, type_of_place
from kshell.formats.avro.parse import Node, branch_names, is_entry, load, options
from kshell.formats.avro.program import Columns
from kshell.formats.avro.schema import avro_text, decimal_of, node_type
from kshell.formats.avro.values import (
    default_bytes,
    put_blocks,
    put_boolean,
    put_bytes,
    put_decimal,
    put_double,
    put_float,
    put_long,
    put_symbol,
    put_text,
)
from kshell.formats.base import Place
from kshell.formats.framing import HEADER, frame, split_frame
from kshell.formats.json_values import plain_writer
from kshell.formats.registry import Registered, Schema, SchemaType

__all__ = ["open_nodes"]


class _Nodes:
    def __init__(self, place: Place, given: Registered | None) -> None:
        self._place, self._given = place, given
        self._made: tuple[bytes, Node] | None = None

    def from_node(self, node: Any) -> bytes:
        """See `base.Nodes`."""
        prefix, schema = self._producer()
        out = bytearray(prefix)
        try:
            _put_node(schema, node, out)
        except (ValueError, TypeError, AttributeError, struct.error, InvalidOperation) as error:
            raise CorruptRecord(f"{node!r} is no {schema.simple_name}: {error}") from None
        return bytes(out)

    def to_node(self, data: bytes) -> Any:
        """See `base.Nodes`."""
        id, _ = split_frame(data)
        assert self._place.schemas is not None
        schema = load(self._place.schemas.by_id(id))
        columns = Columns(node_type(schema), loose=False)
        program = columns.program(schema, schema, HEADER)
        which = np.zeros(1, np.int32)
        found, bad = columns.decode(pa.array([data], pa.binary()), which, [program])
        if bad:
            raise CorruptRecord(bad[0][1])
        return plain_writer(columns.type)(found[0].as_py())

    def expected(self, node: Any, data: bytes) -> Any:
        """See `base.Nodes`."""
        came = self.to_node(data)
        return _numbers(respelled(node, came), came)

    def _producer(self) -> tuple[bytes, Node]:
        """The bytes before every record that a producer writes, and its schema."""
        if self._made is None:
            place = self._place
            assert place.schemas is not None
            if self._given is not None:
                schema, id = self._given.schema, self._given.id
            else:
                text = avro_text(type_of_place(place), record_name(place))
                schema = Schema(SchemaType.AVRO, text)
                subject = place.schemas.subject(place.topic, place.half.value)
                id = place.schemas.register(subject, schema)
            self._made = frame(id, b""), load(schema)
        return self._made


def _numbers(node: Any, came: Any) -> Any:
    """The node with each text as a DECIMAL, if the record has one in its place."""
    if isinstance(node, Mapping) and isinstance(came, Mapping):
        return {k: _numbers(v, came.get(k)) for k, v in node.items()}
    if isinstance(node, list) and isinstance(came, list) and len(node) == len(came):
        return [_numbers(n, c) for n, c in zip(node, came, strict=True)]
    if isinstance(node, str) and isinstance(came, Decimal):
        try:
            return Decimal(node)
        except InvalidOperation:
            return node
    return node


def _put_node(schema: Node, node: Any, out: bytearray) -> None:
    """Writes the node by the schema; ValueError or TypeError if it does not fit."""
    kind = schema.kind
    if kind == "union":
        _put_union(schema, node, out)
    elif kind == "record":
        _put_record(schema, node, out)
    elif kind == "array":
        items = node
        if is_entry(schema.parts[0]) and isinstance(node, Mapping):
            items = [{"key": k, "value": v} for k, v in node.items()]
        put_blocks(items, lambda v, o: _put_node(schema.parts[0], v, o), out)
    elif kind == "map":
        put_blocks(list(node.items()), lambda v, o: _put_entry(schema, v, o), out)
    elif decimal_of(schema):
        put_decimal(schema, Decimal(str(node)), out)
    else:
        _put_scalar(schema, node, out)


def _put_entry(schema: Node, pair: tuple[str, Any], out: bytearray) -> None:
    put_text(pair[0], out)
    _put_node(schema.parts[0], pair[1], out)


def _put_record(schema: Node, node: Mapping[str, Any], out: bytearray) -> None:
    folded = {str(k).casefold(): k for k in node}
    for field in schema.fields:
        name = field.name if field.name in node else folded.get(field.name.casefold())
        if name is None and field.has_default:
            out += default_bytes(field)
        else:
            _put_node(field.node, None if name is None else node[name], out)


def _put_union(schema: Node, node: Any, out: bytearray) -> None:
    """Writes the node with the first branch that it fits; a STRUCT of the branches' names chooses
    its branch."""
    if isinstance(node, Mapping) and len(options(schema)) > 1:
        named = {n.casefold(): i for n, i in branch_names(schema).items()}
        given = [(named.get(str(k).casefold()), v) for k, v in node.items() if v is not None]
        if len(given) == 1 and given[0][0] is not None:
            put_long(given[0][0], out)
            _put_node(schema.parts[given[0][0]], given[0][1], out)
            return
    for place, part in enumerate(schema.parts):
        trial = bytearray()
        put_long(place, trial)
        try:
            _put_node(part, node, trial)
        except (ValueError, TypeError, AttributeError, struct.error, InvalidOperation):
            continue
        out += trial
        return
    raise ValueError(f"{node!r} is no branch of the union")


def _put_scalar(schema: Node, node: Any, out: bytearray) -> None:
    kind = schema.kind
    if kind in ("int", "long", "float", "double") and isinstance(node, str):
        node = Decimal(node)
    number = isinstance(node, int | float | Decimal) and not isinstance(node, bool)
    if kind == "null" and node is None:
        return
    if kind == "boolean" and isinstance(node, bool):
        put_boolean(node, out)
    elif kind in ("int", "long") and number and node == int(node):
        put_long(int(node), out)
    elif kind in ("float", "double") and number:
        (put_double if kind == "double" else put_float)(float(node), out)
    elif kind == "string" and isinstance(node, str):
        put_text(node, out)
    elif kind == "enum":
        put_symbol(schema, node, out)
    elif kind in ("bytes", "fixed") and isinstance(node, str):
        data = base64.b64decode(node, validate=True)
        if kind == "bytes":
            put_bytes(data, out)
        elif len(data) == schema.size:
            out += data
        else:
            raise ValueError(node)
    else:
        raise TypeError(f"{node!r} is no {kind}")


def open_nodes(place: Place, given: Registered | None) -> _Nodes:
    """The nodes of one half of one source."""
    return _Nodes(place, given)
