"""The schema registry of one case: the schemas that its `topics` come with.

`records` opens it.  A schema without an id in the case gets the id that a statement uses for it,
else the next one: ksqlDB numbers schemas in its own order.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from kshell.cases.model import TopicSpec
from kshell.catalog.model import FormatSpec
from kshell.formats.base import Half
from kshell.formats.registry import Registered, Remembered, Schema, SchemaType

__all__ = ["CaseSchemas"]

_TYPES = {
    "AVRO": SchemaType.AVRO,
    "JSON": SchemaType.JSON,
    "JSON_SR": SchemaType.JSON,
    "PROTOBUF": SchemaType.PROTOBUF,
    "PROTOBUF_NOSR": SchemaType.PROTOBUF,
}


class CaseSchemas(Remembered):
    """`Schemas` in memory, from the key_schema and value_schema of a case's topics."""

    def __init__(self, topics: Mapping[str, TopicSpec]) -> None:
        super().__init__()
        self._given: dict[tuple[str, Half], tuple[Schema, int | None]] = {}
        for topic in topics.values():
            for half in Half:
                schema = _schema(topic, half)
                if schema is None:
                    continue
                id = getattr(topic, f"{half.value}_schema_id")
                self._given[topic.name, half] = schema, id
                if id is not None:
                    self.put(f"{topic.name}-{half.value}", schema, int(id))

    def given(self, topic: str, half: Half, format: FormatSpec) -> Registered | None:
        """The schema that the case gives the topic, registered; None if it gives none."""
        schema, id = self._given.get((topic, half), (None, None))
        if schema is None:
            return None
        subject = f"{topic}-{half.value}"
        if id is None and "SCHEMA_ID" in format.options:
            self.put(subject, schema, int(format.options["SCHEMA_ID"]))
        elif id is None and self.latest(subject) is None:
            self.register(subject, schema)
        return self.latest(subject)


def _schema(topic: TopicSpec, half: Half) -> Schema | None:
    written = getattr(topic, f"{half.value}_schema")
    if written is None:
        return None
    type = _TYPES.get(getattr(topic, f"{half.value}_format") or "AVRO", SchemaType.AVRO)
    references = getattr(topic, f"{half.value}_references")
    imports = dict(_imports(references))
    return Schema(type, _text(written, type), (), imports)


def _imports(references: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str]]:
    for reference in references:
        yield from _imports(reference.get("references") or ())
        type = _TYPES.get(str(reference.get("format") or "").upper(), SchemaType.PROTOBUF)
        yield str(reference["name"]), _text(reference["schema"], type)


def _text(written: Any, type: SchemaType) -> str:
    if isinstance(written, str) and (type is SchemaType.PROTOBUF or written[:1] in '{["'):
        return written
    return json.dumps(written, default=_number)


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(type(value).__name__)
