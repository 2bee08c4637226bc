"""Converts a source's records to columns and back: key, value, headers, window and time.

Engines read and write topics through these; so does `cases`, one record at a time.  This module has
the parts that need the whole record: a windowed key's bounds behind its bytes, the column that is
the record's time, header columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.catalog.model import HEADERS, WINDOW_COLUMNS, Kind, Source, WindowType, pseudo_type
from kshell.errors import EvaluationError
from kshell.field_names import plain
from kshell.formats.base import Codec, Decoded, Half, Place
from kshell.formats.open import open_codec
from kshell.formats.primitive import numbers_of, numbers_to
from kshell.formats.registry import Schemas

if TYPE_CHECKING:
    from kshell.formats.found import Learned

__all__ = ["Read", "SourceReader", "SourceWriter", "header_column", "place_of", "rowkey_column",
           "unwraps"]  # fmt: skip

_UNWRAPS = ("AVRO", "JSON", "JSON_SR")  # formats that can hold a single value without a record
_TIME = 8  # bytes behind a key: a window's start; a session's has its end before it


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


def place_of(
    source: Source, half: Half, schemas: Schemas | None, *, as_text: bool = False
) -> Place:
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
        suggested={} if key else source.suggested,
        samples=source.samples,
        as_text=as_text,
    )


def _codec(source: Source, half: Half, schemas: Schemas | None, as_text: bool = False) -> Codec:
    return open_codec(place_of(source, half, schemas, as_text=as_text))


@dataclass(frozen=True, slots=True)
class Read:
    """The columns asked for, and the bad rows with why.

    Rows that are bad are in the columns too: the caller takes them out.  `times` are the records',
    `tombstone` says which have no value: None where the parts that say so were not asked for.
    `value` is what was decoded of the values.
    """

    columns: dict[str, pa.Array]
    times: Any
    tombstone: Any
    bad: list[tuple[int, str]]
    value: Decoded | None = None


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
        self._keys = [c.name for c in source.key if c.name in wanted or source.kind is Kind.TABLE]
        self._values = [c.name for c in source.value if c.name in wanted]
        headers = {h.name: h.key for h in source.headers}
        pseudo = source.pseudo_columns()
        if "ROWHEADERS" in pseudo:
            headers["ROWHEADERS"] = None
        self._headers = {name: key for name, key in headers.items() if name in wanted}
        self._rowkey = "ROWKEY" in pseudo and "ROWKEY" in wanted
        if self._rowkey:
            self._keys = [c.name for c in source.key]
        windowed = WINDOW_COLUMNS if source.window is not None else ()
        self._bounds = [n for n in windowed if n in wanted]
        self._key = _codec(source, Half.KEY, schemas)
        self._value = _codec(source, Half.VALUE, schemas, sparing)
        self._fields = [plain(n) for n in self._values]
        self._time = _time_of(source)
        self._throws = throws
        self._sparing = sparing
        self.needs_headers = bool(self._headers)
        self.needs_key = bool(self._keys or self._rowkey) or not sparing
        self.needs_value = bool(self._values) or not sparing

    def read(self, raw: pa.RecordBatch) -> Read:
        """The batch's columns by name."""
        columns: dict[str, pa.Array] = {}
        reasons: dict[int, str] = {}
        keys = raw.column("key") if self.needs_key else None
        values = raw.column("value") if self.needs_value else None
        value: Decoded | None = None
        if self.source.window is not None:
            keys, bounds, short = _split_window(keys, self.source)
            columns.update(zip(WINDOW_COLUMNS, bounds, strict=True))
            reasons.update((row, "key: too short to have a window") for row in short)
        if self._keys:
            made = self._key.decode(keys, [plain(n) for n in self._keys])
            columns.update(zip(self._keys, made.columns, strict=True))
            reasons.update((row, f"key: {why}") for row, why in made.bad)
        if self._rowkey:
            made_of = [columns[n] for n in self._keys]
            # Where no key is declared it is shown as bytes.
            columns["ROWKEY"] = rowkey_column(self.source, made_of) if made_of else keys
        if self._values:
            value = self._value.decode(values, self._fields)
            columns.update(zip(self._values, value.columns, strict=True))
            reasons.update(value.bad)
        for name, header in self._headers.items():
            columns[name] = header_column(raw.column("headers"), header)
        times = raw.column("timestamp") if "timestamp" in raw.schema.names else None
        if self._time is not None:
            times = self._own_times(columns[self.source.timestamp_column], values, times, reasons)
        tombstone = None if values is None else values.is_null()
        return Read(columns, times, tombstone, sorted(reasons.items()), value)

    def learn(self, raw: pa.RecordBatch, read: Read, *, whole: bool) -> Learned:
        """What the values have that the samples of their topic had not."""
        from kshell.formats.found import FoundCodec, Learned

        if read.value is None or not isinstance(self._value, FoundCodec):
            return Learned()
        return self._value.learn(raw.column("value"), self._fields, read.value, whole=whole)

    def _own_times(
        self, column: pa.Array, values: pa.Array, times: pa.Array, reasons: dict[int, str]
    ) -> pa.Array:
        assert self._time is not None
        made = self._time(column)
        own = np.ones(len(times), np.bool_)
        own[list(reasons)] = False
        if self.source.timestamp_column not in self._keys:
            own &= np.asarray(values.is_valid())  # a tombstone has no columns to have its time in
        wrong = own & _no_times(made)
        for row in np.flatnonzero(wrong).tolist():
            why = f"{column[row].as_py()!r} in {self.source.timestamp_column} is no time"
            if self._throws:
                raise EvaluationError(
                    f"Fatal user code error in TimestampExtractor callback for record: {why}"
                )
            reasons[row] = why
        return pc.if_else(pa.array(own & ~wrong), made, times)


def _no_times(made: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray(pc.less(made, 0).fill_null(True))


def _time_of(source: Source) -> Callable[[pa.Array], pa.Array] | None:
    """How the source's time column gives milliseconds, NULL where it gives none."""
    if not source.timestamp_column:
        return None
    if not source.timestamp_format:
        return lambda column: column.cast(pa.int64())
    from kshell.moments.columns import millis_or_null

    pattern = source.timestamp_format
    return lambda column: millis_or_null(pattern, column)


def _split_window(
    keys: pa.Array, source: Source
) -> tuple[pa.Array, tuple[pa.Array, pa.Array], list[int]]:
    """Keys without their windows, the windows' (starts, ends), and the rows too short for one."""
    assert source.window is not None
    session = source.window.type is WindowType.SESSION
    tail = 2 * _TIME if session else _TIME
    long = pc.greater_equal(pc.binary_length(keys), tail)
    short = np.flatnonzero(np.asarray(pc.invert(long).fill_null(False))).tolist()
    keys = pc.if_else(long, keys, pa.scalar(None, pa.binary()))
    starts = numbers_of(pc.binary_slice(keys, -_TIME, None), pa.int64())
    if session:
        ends = numbers_of(pc.binary_slice(keys, -2 * _TIME, -_TIME), pa.int64())
    else:
        ends = pc.add(starts, source.window.size_ms or 0)
    return pc.binary_slice(keys, 0, -tail), (starts, ends), short


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


@dataclass(frozen=True, slots=True)
class Written:
    """Keys, values (binary) and times (ms) of records to produce; which cannot be: (row, why)."""

    keys: pa.Array
    values: pa.Array
    times: pa.Array
    bad: list[tuple[int, str]]


class SourceWriter:
    """Makes records of a source's columns."""

    def __init__(self, source: Source, schemas: Schemas | None = None) -> None:
        self.source = source
        self._key = _codec(source, Half.KEY, schemas)
        self._value = _codec(source, Half.VALUE, schemas)
        self._time = _time_of(source)

    def write(
        self,
        key: Sequence[pa.Array],
        value: Sequence[pa.Array],
        times: pa.Array,
        gone: pa.Array,
        window: tuple[pa.Array, pa.Array] | None = None,
        keyless: pa.Array | None = None,
    ) -> Written:
        """Columns in the source's order; `gone` rows get no value, `window` is (starts, ends).

        `keyless` rows get no key: by default those whose key columns are all NULL.
        """
        keys = self._key.encode(key, _all_null(key, len(gone)) if keyless is None else keyless)
        if window is not None:
            keys = _with_window(keys, window, self.source)
        values = self._value.encode(value, gone)
        bad: list[tuple[int, str]] = []
        if self._time is not None:
            times, bad = self._own_times(key, value, times, gone)
        return Written(keys, values, times, bad)

    def _own_times(
        self, key: Sequence[pa.Array], value: Sequence[pa.Array], times: pa.Array, gone: pa.Array
    ) -> tuple[pa.Array, list[tuple[int, str]]]:
        assert self._time is not None
        name = self.source.timestamp_column
        names = [c.name for c in (*self.source.key, *self.source.value)]
        column = [*key, *value][names.index(name)]
        made = self._time(column)
        own = np.ones(len(times), np.bool_)
        if name not in {c.name for c in self.source.key}:
            own = ~np.asarray(gone)
        wrong = own & _no_times(made)
        bad = [
            (row, f"{column[row].as_py()!r} in {name} is no time")
            for row in np.flatnonzero(wrong).tolist()
        ]
        return pc.if_else(pa.array(own & ~wrong), made, times), bad


def _all_null(columns: Sequence[pa.Array], count: int) -> pa.Array:
    if not columns:
        return pa.array([True] * count, pa.bool_())
    gone = columns[0].is_null()
    for column in columns[1:]:
        gone = pc.and_(gone, column.is_null())
    return gone


def _with_window(
    keys: pa.Array, window: tuple[pa.Array, pa.Array], source: Source
) -> pa.Array:
    session = source.window is not None and source.window.type is WindowType.SESSION
    start, end = map(numbers_to, window)
    parts = [keys.fill_null(b""), *([end] if session else []), start]
    return pc.binary_join_element_wise(*parts, b"")
