"""Where COPY … FROM puts rows: the columns it wants of a file, and how they become records.

A declared source takes its columns; a topic that nobody declared what its records have: objects of
JSON with all of the file's columns, or its schema's fields.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.copy_options import CopyOptions
from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.config import Properties
from kshell.engines.local.sources.chunks import schemas_for
from kshell.engines.local.statements import envelope
from kshell.engines.local.statements.insert_typed import as_newest, takes
from kshell.errors import BindError, EvaluationError, Unwritable
from kshell.field_names import DECLARED, meant
from kshell.formats.base import Half
from kshell.formats.blocks import Block, no_column
from kshell.formats.cells import Bad, fitted, of_texts
from kshell.formats.open import open_codec
from kshell.formats.source import SourceWriter
from kshell.formats.source_reader import place_of
from kshell.kafka.outgoing import Outgoing

__all__ = ["Target", "target_of"]

Encode = Callable[[Block], tuple[Outgoing, Bad]]  # the records, and the rows that are none
_ANY = pa.null()  # the file's own type


@dataclass(frozen=True, slots=True)
class Target:
    """What a file is asked for (None: all of its columns), and the maker of records, when its
    columns are known.  `lacks`: what else the file has is not written; `needs`: fields that lines
    of JSON must have."""

    wanted: Sequence[Column] | None
    loose: bool
    encoder: Callable[[Sequence[Column]], Encode]
    lacks: bool = False
    needs: Sequence[str] = ()


def target_of(
    source: Source, kind: str, options: CopyOptions, properties: Properties, partitions: int
) -> Target:
    """The target of a file of a kind; raises BindError where the options do not go with it."""
    if options.envelope == "true":
        return Target(
            envelope.READ, False, lambda _: lambda b: envelope.outgoing_of(b, partitions),
            needs=envelope.NEEDED,
        )  # fmt: skip
    if source.declared:
        return _declared(source, options, properties)
    if source.value_format.name == "NONE":  # it is empty
        source = replace(source, value_format=FormatSpec("JSON"))
    if source.value_format.name != "JSON" and (takes(source) or source.value):
        return _typed(source, options, properties)
    return _json(source, kind, options, properties)


def _extra(columns: Sequence[Column], name: str, loose: bool) -> tuple[str, list[Column]]:
    """A column of the file that an option names: one of these, or one more."""
    if not name:
        return "", []
    found = meant(name, [c.name for c in columns], turns=DECLARED) if loose else []
    found = found or [c.name for c in columns if c.name == name]
    return (found[0], []) if len(found) == 1 else (name, [Column(name, _ANY)])


def _declared(source: Source, options: CopyOptions, properties: Properties) -> Target:
    if source.read_only or source.file is not None or source.window is not None:
        kind = "a file's table" if source.file is not None else "windowed"
        raise BindError(
            f"cannot copy into {source.name}: it is {'read only' if source.read_only else kind}"
        )
    key = () if options.key else source.key
    columns = [*key, *source.value]
    named, more = _extra(columns, options.key, True)
    time_of, also = _extra([*columns, *more], options.timestamp, True)
    if options.key and len(source.key) != 1:
        raise BindError(f"{source.name} has {len(source.key)} key columns: leave KEY out")
    if options.timestamp:
        source = replace(source, timestamp_column="")
    encode = _Rows(source, named, time_of, properties)
    needs = [name for name in (named, time_of) if name]
    return Target([*columns, *more, *also], True, lambda _: encode, lacks=True, needs=needs)


def _typed(source: Source, options: CopyOptions, properties: Properties) -> Target:
    source = as_newest(source, schemas_for(source, properties))
    named, more = _extra(source.value, options.key, False)
    time_of, also = _extra([*source.value, *more], options.timestamp, False)
    source = _with_plain_key(source)
    encode = _Rows(source, named, time_of, properties)
    needs = [name for name in (named, time_of) if name]
    return Target([*source.value, *more, *also], False, lambda _: encode, lacks=True, needs=needs)


def _with_plain_key(source: Source) -> Source:
    """A topic whose keys nobody has seen gets texts."""
    if source.key_format.name not in ("NONE", "BYTES"):
        return source
    name = source.key[0].name if source.key else "ROWKEY"
    return replace(
        source, key=(Column(name, pa.string()),), key_format=FormatSpec("KAFKA")
    )


def _json(source: Source, kind: str, options: CopyOptions, properties: Properties) -> Target:
    source = _with_plain_key(source)
    if len(source.key) != 1 and options.key:
        raise BindError(f"the keys of {source.topic} have {len(source.key)} columns: leave KEY out")
    given = dict.fromkeys(n for n in (options.key, options.timestamp) if n)
    if kind == "jsonl":
        encode = _Lines(source, options.key, options.timestamp, properties)
        wanted = [Column(name, _ANY) for name in given]
        return Target(wanted, False, lambda _: encode, needs=tuple(given))

    def encoder(columns: Sequence[Column]) -> Encode:
        names = [c.name for c in columns]
        for name in given:
            if name not in names:
                raise no_column(name, names)
        target = replace(source, value=tuple(columns))
        return _Rows(target, options.key, options.timestamp, properties)

    return Target(None, False, encoder)


class _Rows:
    """Rows as records in the source's formats.  `key` and `time` name columns of the rows; without
    a `key` they are the source's own, as far as the rows have them."""

    def __init__(self, source: Source, key: str, time: str, properties: Properties) -> None:
        self._source, self._key, self._time = source, key, time
        self._writer = SourceWriter(source, schemas_for(source, properties))

    def __call__(self, block: Block) -> tuple[Outgoing, Bad]:
        rows, bad = block.rows, Bad()
        keys, wrong = self._keys(rows)
        times, late = _times(rows, self._time)
        bad += [*wrong, *late]
        made, worse = self._written(keys, rows, times, 0, rows.num_rows)
        return Outgoing(*(pa.concat_arrays(list(c)) for c in zip(*made, strict=True))), bad + worse

    def _keys(self, rows: pa.RecordBatch) -> tuple[list[pa.Array], Bad]:
        if self._key:
            column, bad = _as(rows.column(self._key), self._source.key[0])
            keys = [column]
        else:
            there = rows.schema.names
            bad = []
            keys = [
                rows.column(c.name) if c.name in there else pa.nulls(rows.num_rows, c.type)
                for c in self._source.key
            ]
        if self._source.kind is Kind.TABLE and self._source.declared:
            for column in keys:
                gone = np.flatnonzero(np.asarray(column.is_null())).tolist()
                bad += [(row, "the primary key is NULL") for row in gone]
        return keys, bad

    def _written(
        self, keys: list[pa.Array], rows: pa.RecordBatch, times: pa.Array, at: int, count: int
    ) -> tuple[list[tuple[pa.Array, pa.Array, pa.Array]], Bad]:
        """Keys, values and times; rows that the format cannot hold are found by halving."""
        part = rows.slice(at, count)
        gone = pa.repeat(pa.scalar(False), count)
        try:
            made = self._writer.write(
                [k.slice(at, count) for k in keys],
                [part.column(c.name) for c in self._source.value],
                times.slice(at, count), gone,
            )  # fmt: skip
        except (Unwritable, EvaluationError) as error:
            if count == 1:
                nothing = pa.nulls(1, pa.binary())
                why = error.what.rpartition("record): ")[2]
                return [(nothing, nothing, pa.nulls(1, pa.int64()))], [(at, why)]
            half = count // 2
            first, bad = self._written(keys, rows, times, at, half)
            second, worse = self._written(keys, rows, times, at + half, count - half)
            return first + second, bad + worse
        bad = [(at + row, why) for row, why in made.bad]
        return [(made.keys, made.values, made.times)], bad


class _Lines:
    """Lines of JSON as values, byte for byte."""

    def __init__(self, source: Source, key: str, time: str, properties: Properties) -> None:
        self._key, self._time, self._column = key, time, source.key[0] if source.key else None
        self._codec = None
        if key:
            place = place_of(source, Half.KEY, schemas_for(source, properties))
            self._codec = open_codec(place)

    def __call__(self, block: Block) -> tuple[Outgoing, Bad]:
        rows, bad = block.rows, Bad()
        assert block.texts is not None
        keys = pa.nulls(len(block.texts), pa.binary())
        if self._codec is not None and self._column is not None:
            column, wrong = _as(rows.column(self._key), self._column)
            bad += wrong
            keys = self._codec.encode([column], column.is_null())
        times, late = _times(rows, self._time)
        return Outgoing(keys, block.texts, times), bad + late


def _as(column: pa.Array, wanted: Column) -> tuple[pa.Array, Bad]:
    """A column in another type; texts are read."""
    if column.type == wanted.type:
        return column, []
    if pa.types.is_string(column.type):
        return of_texts(column.cast(pa.binary()), wanted)
    return fitted(column, wanted)


def _times(rows: pa.RecordBatch, name: str) -> tuple[pa.Array, Bad]:
    """The records' times in milliseconds: now, or what a column says."""
    if not name:
        now = pa.scalar(int(time.time() * 1000), pa.int64())
        return pa.repeat(now, rows.num_rows), []
    column = rows.column(name)
    number, moment = Column(name, pa.int64()), Column(name, pa.timestamp("ms"))
    if pa.types.is_string(column.type):
        digits = pc.match_substring_regex(column, "^-?[0-9]+$")
        none = pa.scalar(None, pa.string())
        numbers, bad = _as(pc.if_else(digits, column, none), number)
        moments, worse = _as(pc.if_else(digits, none, column), moment)
        column, bad = pc.coalesce(numbers, moments.cast(pa.int64())), sorted([*bad, *worse])
    elif pa.types.is_temporal(column.type):
        column, bad = fitted(column, moment)
    else:
        column, bad = fitted(column, number)
    made = column.cast(pa.int64())
    wrong = np.asarray(pc.less(made, 0).fill_null(True))
    known = {row for row, _ in bad}
    bad += [
        (row, f"{name} is no time: {column[row].as_py()}")
        for row in np.flatnonzero(wrong).tolist() if row not in known
    ]  # fmt: skip
    return made, bad
