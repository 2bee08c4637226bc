"""What the tests of Avro share: a registry in memory, a codec over it, both decoders in turn."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import fastavro
import pyarrow as pa
import pytest

from kshell.catalog.model import Column, FormatSpec
from kshell.formats.avro import codec, program
from kshell.formats.avro.codec import Avro, open_avro
from kshell.formats.base import Half, Place
from kshell.formats.framing import frame
from kshell.formats.registry import Remembered, Schema, SchemaType


def record(*fields: tuple[str, Any] | dict, name: str = "R", **more: Any) -> dict:
    """A record's schema of (name, type) pairs."""
    made = [f if isinstance(f, dict) else {"name": f[0], "type": f[1]} for f in fields]
    return {"type": "record", "name": name, "fields": made, **more}


def datum(schema: Any, value: Any) -> bytes:
    """The value as fastavro writes it."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


class Topic:
    """A topic of framed records whose schemas are registered as they come."""

    def __init__(self) -> None:
        self.schemas = Remembered()

    def id(self, schema: Any) -> int:
        return self.schemas.register("t-value", Schema(SchemaType.AVRO, json.dumps(schema)))

    def framed(self, schema: Any, value: Any) -> bytes:
        return frame(self.id(schema), datum(schema, value))

    def codec(
        self, columns: dict[str, pa.DataType], *, wrapped: bool = True, loose: bool = True,
        **options: str,
    ) -> Avro:
        made = tuple(Column(n, t) for n, t in columns.items())
        return open_avro(
            Place("t", Half.VALUE, FormatSpec("AVRO", options), made, wrapped, loose, self.schemas)
        )


def read(
    schema: Any, payloads: Sequence[bytes | None], columns: dict[str, pa.DataType], **more: Any
) -> tuple[list[list[Any]], list[tuple[int, str]]]:
    """The columns' values and the bad rows of records that have that schema."""
    topic = Topic()
    id = topic.id(schema)
    data = pa.array([None if p is None else frame(id, p) for p in payloads], pa.binary())
    found = topic.codec(columns, **more).decode(data, list(columns))
    for column in found.columns:
        column.validate(full=True)
    return [c.to_pylist() for c in found.columns], found.bad


@pytest.fixture(params=["compiled", "pure"])
def either(request, monkeypatch):
    """Runs a test over C and again over Python."""
    if request.param == "pure":
        monkeypatch.setattr(program, "_avro", None)
        monkeypatch.setattr(codec, "_schema_ids", codec.framing.schema_ids)
    elif program._avro is None:
        pytest.skip("_avro is not built")
    return request.param
