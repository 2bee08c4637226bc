"""Converts a source's records to columns: key, value, headers, window and time.

Engines read topics through it; so does `cases`, one record at a time; `source` writes them.  What
not every source has is loaded when a source has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from kshell.catalog.model import HEADERS, WINDOW_COLUMNS, Kind, Source, pseudo_type
from kshell.errors import EvaluationError
from kshell.field_names import plain
from kshell.formats.base import Codec, Decoded, Found, Half, Learned, Place
from kshell.formats.open import open_codec

if TYPE_CHECKING:
    from kshell.formats.found import SparingJson
    from kshell.formats.registry import Schemas

__all__ = ["Read", "SourceReader", "header_column", "place_of", "rowkey_column", "unwraps"]

_UNWRAPS = ("AVRO", "JSON", "JSON_SR")  # formats that can hold a single value without a record


def unwraps(source: Source, half: Half) -> bool:
    """Whether the half's single column is the whole key or value, and no record around it.

    ksqlDB: a single key column is not wrapped where its format can do without; a single value
    column is wrapped unless WRAP_SINGLE_VALUE says otherwise.  Of a topic that nobody declared,
    WRAP_SINGLE_VALUE decides for both halves.
    """
    columns, format = (
        (source.key, source.key_format) if half is Half.KEY else (source.value, source.value_format)
    )
    if not source.declared:
        return len(columns) == 1 and format.options.get("WRAP_SINGLE_VALUE") == "false"
    if len(columns) != 1 or format.name not in _UNWRAPS:
        return False
    if half is Half.KEY:
        return True
    return format.options.get("WRAP_SINGLE_VALUE", "true").lower() == "false"


def place_of(source: Source, half: Half, schemas: Schemas | None) -> Place:
    """Where the codec of a source's half works."""
    key = half is Half.KEY
    format = source.key_format if key else source.value_format
    return Place(
        source.topic,
        half,
        format,
        tuple(replace(c, name=plain(c.name)) for c in (source.key if key else source.value)),
        wrapped=not unwraps(source, half),
        loose=source.declared,
        schemas=None if "SCHEMA_FILE" in format.options else schemas,
        source=source.name,
        suggested=source.suggested_key if key else source.suggested,
        samples=source.samples,
    )


def _codec(
    source: Source, half: Half, schemas: Schemas | None, *, sparing: bool
) -> Codec | SparingJson:
    place = place_of(source, half, schemas)
    if sparing and place.suggested and place.format.name == "JSON" and half is Half.VALUE:
        from kshell.formats.found import SparingJson

        return SparingJson(place)
    return open_codec(place)


@dataclass(frozen=True, slots=True)
class Read:
    """The columns asked for, and the bad rows with why.

    Rows that are bad are in the columns too: the caller takes them out.  `times` are the records',
    `tombstone` says which have no value: None where the parts that say so were not asked for.
    `halves` are what was decoded of keys and values.
    """

    columns: dict[str, pa.Array]
    times: Any
    tombstone: Any
    bad: list[tuple[int, str]]
    halves: Mapping[Half, Decoded]

    @property
    def misfits(self) -> set[int]:
        """Rows that have another type than samples suggested."""
        return {row for half in self.halves.values() for row in half.misfits}


class SourceReader:
    """Makes columns of a batch with `key` and `value` (binary), `timestamp` (ms) and `headers`.

    `sparing`: of a record only what the columns need is looked at, and JSON's nested values come as
    text where `comes_as_text`: for a bounded query over a topic that nobody declared.
    """

    def __init__(
        self, source: Source, names: Sequence[str], schemas: Schemas | None = None,
        *, throws: bool = False, sparing: bool = False,
    ) -> None:  # fmt: skip
        self.source = source
        wanted = set(names) | ({source.timestamp_column} - {""})
        headers = {h.name: h.key for h in source.headers}
        pseudo = source.pseudo_columns()
        if "ROWHEADERS" in pseudo:
            headers["ROWHEADERS"] = None
        self._headers = {name: key for name, key in headers.items() if name in wanted}
        self._rowkey = "ROWKEY" in pseudo and "ROWKEY" in wanted
        # A declared half is decoded whole: a column that it lacks the type for is an error, as in
        # ksqlDB, also when that column is not asked for.
        whole = source.declared and not sparing
        key = whole or self._rowkey or source.kind is Kind.TABLE
        self._keys = [c.name for c in source.key if key or c.name in wanted]
        self._values = [c.name for c in source.value if whole or c.name in wanted]
        self._fields = [plain(n) for n in self._values]
        self._time: Callable[[pa.Array], pa.Array] | None = None
        if source.timestamp_column:
            from kshell.formats.record_parts import time_of

            self._time = time_of(source)
        self._throws = throws
        self._sparing = sparing
        self.needs_headers = bool(self._headers)
        self.needs_key = bool(self._keys or self._rowkey) or not sparing
        self.needs_value = bool(self._values) or not sparing
        if self._keys or not sparing:
            self._key = _codec(source, Half.KEY, schemas, sparing=sparing)
        if self.needs_value:
            self._value = _codec(source, Half.VALUE, schemas, sparing=sparing)

    def read(self, raw: pa.RecordBatch) -> Read:
        """The batch's columns by name."""
        columns: dict[str, pa.Array] = {}
        reasons: dict[int, str] = {}
        keys = raw.column("key") if self.needs_key else None
        values = raw.column("value") if self.needs_value else None
        halves: dict[Half, Decoded] = {}
        if self.source.window is not None:
            from kshell.formats.record_parts import split_window

            keys, bounds, short = split_window(keys, self.source)
            columns.update(zip(WINDOW_COLUMNS, bounds, strict=True))
            reasons.update((row, "key: too short to have a window") for row in short)
        if self._keys:
            made = halves[Half.KEY] = self._key.decode(keys, [plain(n) for n in self._keys])
            columns.update(zip(self._keys, made.columns, strict=True))
            reasons.update((row, f"key: {why}") for row, why in made.bad)
        if self._rowkey:
            made_of = [columns[n] for n in self._keys]
            # Where no key is declared it is shown as bytes.
            columns["ROWKEY"] = rowkey_column(self.source, made_of) if made_of else keys
        if self._values:
            made = halves[Half.VALUE] = self._value.decode(values, self._fields)
            columns.update(zip(self._values, made.columns, strict=True))
            reasons.update(made.bad)
        for name, header in self._headers.items():
            columns[name] = header_column(raw.column("headers"), header)
        times = raw.column("timestamp") if "timestamp" in raw.schema.names else None
        if self._time is not None:
            times = self._own_times(columns[self.source.timestamp_column], values, times, reasons)
        tombstone = None if self._sparing or values is None else values.is_null()
        return Read(columns, times, tombstone, sorted(reasons.items()), halves)

    def learn(
        self, raw: pa.RecordBatch, read: Read, *, whole: bool
    ) -> Mapping[Half, Learned]:
        """What the records have that the samples of their topic had not."""
        learned = {}
        for half, made in read.halves.items():
            codec = self._key if half is Half.KEY else self._value
            if (made.misfits or made.others) and isinstance(codec, Found):
                names = [plain(n) for n in self._keys] if half is Half.KEY else self._fields
                learned[half] = codec.learn(raw.column(half.value), names, made, whole=whole)
        return learned

    def _own_times(
        self, column: pa.Array, values: pa.Array, times: pa.Array, reasons: dict[int, str]
    ) -> pa.Array:
        import pyarrow.compute as pc

        from kshell.formats.record_parts import no_times

        assert self._time is not None
        made = self._time(column)
        own = np.ones(len(times), np.bool_)
        own[list(reasons)] = False
        if self.source.timestamp_column not in self._keys:
            own &= np.asarray(values.is_valid())  # a tombstone has no columns to have its time in
        wrong = own & no_times(made)
        for row in np.flatnonzero(wrong).tolist():
            why = f"{column[row].as_py()!r} in {self.source.timestamp_column} is no time"
            if self._throws:
                raise EvaluationError(
                    f"Fatal user code error in TimestampExtractor callback for record: {why}"
                )
            reasons[row] = why
        return pc.if_else(pa.array(own & ~wrong), made, times)


def rowkey_column(source: Source, made: Sequence[pa.Array]) -> pa.Array:
    """ROWKEY of the key's columns."""
    if len(made) == 1:
        return made[0]
    fields = list(pseudo_type("ROWKEY", source.key))
    return pa.StructArray.from_arrays(made, fields=fields)


def header_column(headers: pa.Array, key: str | None) -> pa.Array:
    """HEADERS: all of them; HEADER('key'): the last of that key, or NULL."""
    if key is not None:
        rows = ([(_text(h["key"]), h["value"]) for h in row or ()] for row in headers.to_pylist())
        return pa.array([_last(pairs, key) for pairs in rows], pa.binary())
    pairs = headers.values
    names = pa.array([_text(n) for n in pairs.field(0).to_pylist()], pa.string())
    structs = pa.StructArray.from_arrays([names, pairs.field(1)], fields=list(HEADERS.value_type))
    return pa.ListArray.from_arrays(headers.offsets, structs, type=HEADERS)


def _last(pairs: Sequence[tuple[str | None, bytes | None]], key: str) -> bytes | None:
    return next((v for k, v in reversed(pairs) if k == key), None)


def _text(key: bytes | str | None) -> str | None:
    return key.decode(errors="replace") if isinstance(key, bytes) else key
