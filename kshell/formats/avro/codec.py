"""AVRO as a codec (see `formats.base`).

Each record names its schema; Avro's rules convert the values of all schemas to the columns.
The subject's newest schema, SCHEMA_ID or SCHEMA_FILE gives the defaults and aliases of fields that
a record's own lacks.  Written is the schema of SCHEMA_ID, else one made of the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.compiled import compiled
from kshell.errors import BindError, UnknownSchema, UsageError
from kshell.formats import framing
from kshell.formats.avro.parse import Node, load
from kshell.formats.avro.program import Columns, Program
from kshell.formats.avro.schema import DEFAULT_NAME, avro_text, key_name, node_type
from kshell.formats.avro.steps import steps
from kshell.formats.avro.values import Write
from kshell.formats.avro.write import writer
from kshell.formats.base import Decoded, Half, Place
from kshell.formats.framing import HEADER, NO_VALUE, UNFRAMED, frame
from kshell.formats.registry import Schema, Schemas, SchemaType
from kshell.formats.row_writer import row_writer
from kshell.types import stored_type

__all__ = ["Avro", "open_avro", "record_name", "type_of_place"]

_UNFRAMED = "no schema id in front: not written with a schema registry"
_schema_ids = getattr(compiled("kshell.formats._avro"), "schema_ids", framing.schema_ids)


def open_avro(place: Place) -> Avro:
    """The codec; UsageError without a registry or a file."""
    if "SCHEMA_FILE" in place.format.options:
        return Avro(place, _of_file(place.format.options["SCHEMA_FILE"]))
    if place.schemas is None:
        raise UsageError(
            "AVRO needs a schema registry", hint="--registry URL, or VALUE_SCHEMA_FILE='….avsc'"
        )
    return Avro(place, None)


def _of_file(name: str) -> Node:
    from kshell.formats.schema_files import read_schema_file

    schema = read_schema_file(name)
    if schema.type is not SchemaType.AVRO:
        raise UsageError(f"{name} holds {schema.type.value}, not AVRO")
    return load(schema)


def record_name(place: Place) -> str:
    """The full name that ksqlDB gives the half's record."""
    given = place.format.options.get("SCHEMA_FULL_NAME", "")
    if given:
        return given
    return key_name(place.source) if place.half is Half.KEY and place.source else DEFAULT_NAME


def type_of_place(place: Place) -> pa.DataType:
    """The half as one type: its columns as a STRUCT, or its only column's."""
    if not place.wrapped:
        return place.columns[0].type
    return pa.struct([(c.name, c.type) for c in place.columns])


class _Reading:
    """The columns of one list of names, and the program of every schema that was met."""

    def __init__(self, place: Place, names: Sequence[str]) -> None:
        type = type_of_place(place)
        if place.wrapped:
            type = pa.struct([type.field(name) for name in names])
        self.columns = Columns(type, loose=place.loose)
        self.programs: dict[int, Program | str] = {}  # by schema id; text is why there is none


class Avro:
    """One half of one source; `file` is the schema from a file, if any."""

    def __init__(self, place: Place, file: Node | None) -> None:
        self._place, self._file = place, file
        self._reader: Node | None = file
        self._asked = file is not None
        self._readings: dict[tuple[str, ...], _Reading] = {}
        self._writer: tuple[bytes, Write] | None = None
        self._rows: Any = None  # the compiled writer

    def decode(self, data: pa.Array, names: Sequence[str]) -> Decoded:
        """See `base.Codec`."""
        reading = self._readings.get(tuple(names))
        if reading is None:
            reading = self._readings[tuple(names)] = _Reading(self._place, names)
        if self._file is not None:
            array, bad = self._decode_file(data, reading, self._file)
        else:
            array, bad = self._decode_framed(data, reading)
        if not self._place.wrapped:
            return Decoded([array], bad)
        return Decoded(array.flatten(), bad)

    def _decode_framed(
        self, data: pa.Array, reading: _Reading
    ) -> tuple[pa.Array, list[tuple[int, str]]]:
        ids = _schema_ids(data)
        if len(ids) and (ids == ids[0]).all():  # what most batches are
            distinct, which = ids[:1], np.zeros(len(ids), np.int32)
        else:
            distinct, inverse = np.unique(ids, return_inverse=True)
            which = inverse.astype(np.int32)
        places = np.full(len(distinct), -1, np.int32)
        programs: list[Program] = []
        refused: dict[int, str] = {}
        for number, id in enumerate(distinct.tolist()):
            found = self._program(id, reading)
            if isinstance(found, Program):
                places[number] = len(programs)
                programs.append(found)
            elif found:
                refused[number] = found
        array, bad = reading.columns.decode(data, places[which], programs)
        for number, reason in refused.items():
            bad += [(row, reason) for row in np.flatnonzero(which == number).tolist()]
        return array, sorted(bad)

    def _program(self, id: int, reading: _Reading) -> Program | str:
        """The program of a schema id, or why there is none ("" for a NULL)."""
        if id == NO_VALUE:
            return ""
        if id == UNFRAMED:
            return _UNFRAMED
        found = reading.programs.get(id)
        if found is None:
            found = reading.programs[id] = self._find_program(id, reading)
        return found

    def _find_program(self, id: int, reading: _Reading) -> Program | str:
        schemas = _registry(self._place)
        try:
            schema = schemas.by_id(id)
            if schema.type is not SchemaType.AVRO:
                return f"schema {id} is {schema.type.value}, not AVRO"
            node = load(schema)
            lone = len(self._place.columns) == 1 and self._place.wrapped
            return reading.columns.program(node, self._newest(), HEADER, lone=lone)
        except UnknownSchema as error:
            return error.what
        except BindError as error:
            return f"schema {id}: {error.what}"

    def _newest(self) -> Node | None:
        """The schema with the defaults and aliases."""
        if not self._asked:
            place, schemas = self._place, _registry(self._place)
            given = place.format.options.get("SCHEMA_ID")
            schema: Schema | None
            if given is not None:
                schema = schemas.by_id(int(given))
            else:
                name = place.format.options.get("SCHEMA_FULL_NAME", "")
                latest = schemas.latest(schemas.subject(place.topic, place.half.value, name))
                schema = latest.schema if latest is not None else None
            if schema is not None and schema.type is SchemaType.AVRO:
                self._reader = load(schema)
            self._asked = True  # last: chunks are decoded on several threads
        return self._reader

    def _decode_file(
        self, data: pa.Array, reading: _Reading, node: Node
    ) -> tuple[pa.Array, list[tuple[int, str]]]:
        """As framed records if they all begin like those and no more are bad, else as they are."""
        for header in (0, HEADER):
            if header not in reading.programs:
                lone = len(self._place.columns) == 1 and self._place.wrapped
                made = reading.columns.program(node, node, header, lone=lone)
                reading.programs[header] = made
        found = None
        ids = _schema_ids(data)
        headers = (0,) if (ids == UNFRAMED).any() else (HEADER, 0)
        for header in headers:
            program = reading.programs[header]
            assert isinstance(program, Program)
            which = np.where(ids == NO_VALUE, -1, 0).astype(np.int32)
            next = reading.columns.decode(data, which, [program])
            if found is None or len(next[1]) < len(found[1]):
                found = next
            if not found[1]:
                break
        assert found is not None
        return found

    def encode(self, columns: Sequence[pa.Array], gone: pa.Array) -> pa.Array:
        """See `base.Codec`."""
        if self._writer is None:
            prefix, node = self._schema_to_write()
            type, wrapped = type_of_place(self._place), self._place.wrapped
            write = writer(node, type)
            self._rows = row_writer(
                lambda: steps(node, type, wrapped=wrapped), "avro", single=not wrapped
            )
            self._writer = prefix, write
        prefix, write = self._writer
        if self._rows is not None:
            rows = self._rows.write(list(columns), gone, prefix)
            if rows is not None:
                return rows
        return pa.array(self._encoded(columns, gone, prefix, write), pa.binary())

    def _encoded(
        self, columns: Sequence[pa.Array], gone: pa.Array, prefix: bytes, write: Write
    ) -> Iterator[bytes | None]:
        """The same in Python, which refuses values with a reason."""
        stored = [c.cast(stored_type(c.type)).to_pylist() for c in columns]
        names = [c.name for c in self._place.columns]
        for number, deleted in enumerate(gone.to_pylist()):
            value: Any
            if self._place.wrapped:
                value = {name: column[number] for name, column in zip(names, stored, strict=True)}
            else:
                value = stored[0][number]
            if deleted or value is None:
                yield None
                continue
            out = bytearray(prefix)
            write(value, out)
            yield bytes(out)

    def _schema_to_write(self) -> tuple[bytes, Node]:
        """The bytes before every datum, and the schema of what is behind them."""
        place, type = self._place, type_of_place(self._place)
        if self._file is not None:
            return b"", self._file
        schemas = _registry(place)
        given = place.format.options.get("SCHEMA_ID")
        if given is not None:
            schema = schemas.by_id(int(given))
            if schema.type is not SchemaType.AVRO:
                raise BindError(f"schema {given} is {schema.type.value}, not AVRO")
            return frame(int(given), b""), load(schema)
        subject = schemas.subject(place.topic, place.half.value, record_name(place))
        if not place.loose:  # a topic that nobody declared keeps the schema it has
            newest = schemas.latest(subject)
            if newest is not None and newest.schema.type is SchemaType.AVRO:
                node = load(newest.schema)
                if node_type(node) == type:
                    return frame(newest.id, b""), node
        schema = Schema(SchemaType.AVRO, avro_text(type, record_name(place)))
        return frame(schemas.register(subject, schema), b""), load(schema)


def _registry(place: Place) -> Schemas:
    assert place.schemas is not None
    return place.schemas
