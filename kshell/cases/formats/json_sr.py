"""A case's JSON node as a JSON_SR record: the node's text behind the id of the topic's schema.

`records` calls it.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pyarrow as pa

from kshell.cases.formats.base import respelled
from kshell.formats.base import Place
from kshell.formats.coerce import node_text
from kshell.formats.framing import frame, split_frame
from kshell.formats.json_sr.schema import json_schema_text
from kshell.formats.registry import Registered, Schema, SchemaType

__all__ = ["open_nodes"]


class _Nodes:
    def __init__(self, place: Place, given: Registered | None) -> None:
        self._place, self._id = place, given.id if given is not None else None

    def from_node(self, node: Any) -> bytes:
        """See `base.Nodes`."""
        if self._id is None:
            self._id = self._register()
        return frame(self._id, node_text(node).encode())

    def to_node(self, data: bytes) -> Any:
        """See `base.Nodes`."""
        return json.loads(split_frame(data)[1], parse_float=Decimal)

    def expected(self, node: Any, data: bytes) -> Any:
        """See `base.Nodes`."""
        return respelled(node, self.to_node(data))

    def _register(self) -> int:
        place = self._place
        assert place.schemas is not None
        columns = place.columns
        type = columns[0].type if not place.wrapped else pa.struct(
            [(c.name, c.type) for c in columns]
        )  # fmt: skip
        subject = place.schemas.subject(place.topic, place.half.value)
        schema = Schema(SchemaType.JSON, json_schema_text(type))
        return place.schemas.register(subject, schema)


def open_nodes(place: Place, given: Registered | None) -> _Nodes:
    """The nodes of one half of one source."""
    return _Nodes(place, given)
