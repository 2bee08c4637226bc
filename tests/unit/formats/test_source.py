"""Both halves of a record: windowed keys, the column that is the time, headers, wrapping."""

from __future__ import annotations

import datetime
import struct

import pyarrow as pa
import pytest

from kshell.catalog.model import Column, FormatSpec, HeaderColumn, Kind, Source, Window, WindowType
from kshell.errors import EvaluationError
from kshell.formats.base import Half
from kshell.formats.source import SourceWriter
from kshell.formats.source_reader import SourceReader, unwraps

from .halves import BIGINT, INT, STRING, TIMESTAMP

HEADERS = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))


def source(value=None, key=None, kind=Kind.STREAM, key_format="KAFKA", **more):
    value = {"V": BIGINT} if value is None else value
    key = {"K": INT} if key is None else key
    columns = [tuple(Column(n, t) for n, t in half.items()) for half in (key, value)]
    return Source("S", kind, "t", *columns, FormatSpec(key_format), FormatSpec("JSON"), **more)


def raw(*records, headers=None):
    keys, values, times = zip(*records, strict=True)
    arrays = [pa.array(keys, pa.binary()), pa.array(values, pa.binary()), pa.array(times, pa.int64())]
    arrays.append(pa.array(headers or [None] * len(records), HEADERS))
    return pa.RecordBatch.from_arrays(arrays, ["key", "value", "timestamp", "headers"])


def test_reasons_name_the_half():
    reader = SourceReader(source(), ["K", "V"])
    found = reader.read(raw((b"\0\0\0\1", b'{"V":2}', 5), (b"x", b'{"V":2}', 6), (b"\0\0\0\1", b"{", 7), (None, None, 8)))
    assert {n: c.to_pylist() for n, c in found.columns.items()} == {"K": [1, None, 1, None], "V": [2, 2, None, None]}
    assert found.bad == [(1, "key: field K: 1 bytes where 4 are a number (Integer)"), (2, "not valid JSON")]
    assert found.tombstone.to_pylist() == [False, False, False, True]
    assert found.times.to_pylist() == [5, 6, 7, 8]


@pytest.mark.parametrize(
    ("window", "tail", "bounds"),
    [
        (Window(WindowType.TUMBLING, 30), struct.pack(">q", 60), (60, 90)),
        (Window(WindowType.HOPPING, 10), struct.pack(">q", 5), (5, 15)),
        (Window(WindowType.SESSION), struct.pack(">qq", 99, 60), (60, 99)),
    ],
)
def test_windowed_keys_there_and_back(window, tail, bounds):
    given = source(window=window, kind=Kind.TABLE)
    key = b"\0\0\0\7" + tail
    found = SourceReader(given, ["K", "V", "WINDOWSTART", "WINDOWEND"]).read(raw((key, b'{"V":1}', 1), (b"short", b"{}", 2), (None, None, 3)))
    assert found.columns["K"].to_pylist() == [7, None, None]
    assert found.columns["WINDOWSTART"].to_pylist() == [bounds[0], None, None]
    assert found.columns["WINDOWEND"].to_pylist() == [bounds[1], None, None]
    assert [row for row, _ in found.bad] == [1]
    written = SourceWriter(given).write(
        [pa.array([7], INT)], [pa.array([1], BIGINT)], pa.array([4]), pa.array([False]),
        tuple(pa.array([b], pa.int64()) for b in bounds),
    )  # fmt: skip
    assert written.keys.to_pylist() == [key]
    assert written.values.to_pylist() == [b'{"V":1}']


def test_the_time_is_a_column():
    given = source({"V": BIGINT}, timestamp_column="V")
    reader = SourceReader(given, ["V"])
    records = raw((None, b'{"V":7}', 1), (None, b'{"V":-7}', 2), (None, b"{}", 3), (None, None, 4), (None, b"?", 5))
    found = reader.read(records)
    assert found.times.to_pylist() == [7, 2, 3, 4, 5]
    assert found.bad == [(1, "-7 in V is no time"), (2, "None in V is no time"), (4, "not valid JSON")]
    with pytest.raises(EvaluationError, match="-7 in V is no time"):
        SourceReader(given, ["V"], throws=True).read(records)
    written = SourceWriter(given).write(
        [pa.array([1, 1, 1], INT)], [pa.array([9, -1, None], BIGINT)], pa.array([4, 5, 6]), pa.array([False, False, True])
    )
    assert written.times.to_pylist() == [9, 5, 6]
    assert written.bad == [(1, "-1 in V is no time")]


@pytest.mark.parametrize(
    ("type", "text", "pattern"),
    [(TIMESTAMP, "1500", ""), (STRING, '"1970-01-01 00:00:01.500"', "yyyy-MM-dd HH:mm:ss.SSS")],
)
def test_the_time_is_a_timestamp_or_a_text(type, text, pattern):
    given = source({"T": type}, timestamp_column="T", timestamp_format=pattern)
    found = SourceReader(given, []).read(raw((None, b'{"T":%s}' % text.encode(), 1), (None, b'{"T":"x"}', 2)))
    assert found.times.to_pylist() == [1500, 2]
    assert [row for row, _ in found.bad] == [1]
    value = datetime.datetime(1970, 1, 1, 0, 0, 2) if type == TIMESTAMP else "1970-01-01 00:00:02.000"
    written = SourceWriter(given).write([pa.array([1], INT)], [pa.array([value], type)], pa.array([4]), pa.array([False]))
    assert written.times.to_pylist() == [2000]


def test_the_time_is_a_key():
    given = source(key={"K": BIGINT}, timestamp_column="K")
    key = struct.pack(">q", 55)
    assert SourceReader(given, ["V"]).read(raw((key, None, 1))).times.to_pylist() == [55]


def test_headers():
    given = source(headers=(HeaderColumn("H"), HeaderColumn("A", "a")))
    headers = [[{"key": "a", "value": b"1"}, {"key": "b", "value": None}, {"key": "a", "value": b"2"}], None]
    found = SourceReader(given, ["H", "A"]).read(raw((None, b"{}", 1), (None, b"{}", 2), headers=headers))
    assert found.columns["A"].to_pylist() == [b"2", None]
    assert found.columns["H"].to_pylist() == [
        [{"KEY": "a", "VALUE": b"1"}, {"KEY": "b", "VALUE": None}, {"KEY": "a", "VALUE": b"2"}], []]  # fmt: skip
    assert not SourceReader(given, ["V"]).needs_headers


def test_what_unwraps():
    one, two = {"V": INT}, {"V": INT, "W": INT}
    assert not unwraps(source(one), Half.VALUE)
    wrapped = Source("S", Kind.STREAM, "t", (Column("K", INT),), (Column("V", INT),), FormatSpec("JSON"),
                     FormatSpec("JSON", {"WRAP_SINGLE_VALUE": "false"}))  # fmt: skip
    assert unwraps(wrapped, Half.VALUE)
    assert unwraps(wrapped, Half.KEY)
    assert not unwraps(source(key=two, key_format="JSON"), Half.KEY)
    assert not unwraps(source(key=one, key_format="PROTOBUF"), Half.KEY)


def test_a_key_of_nulls_is_no_key():
    given = source(key={"A": INT, "B": STRING}, key_format="JSON")
    columns = [pa.array([1, None, None], INT), pa.array([None, "x", None], STRING)]
    written = SourceWriter(given).write(columns, [pa.array([1, 2, 3], BIGINT)], pa.array([1, 2, 3]), pa.array([False, True, False]))
    assert written.keys.to_pylist() == [b'{"A":1,"B":null}', b'{"A":null,"B":"x"}', None]
    assert written.values.to_pylist() == [b'{"V":1}', None, b'{"V":3}']


@pytest.mark.parametrize("names", [["V", "W"], ["W"], ["K"], []])
def test_a_declared_record_is_bad_whatever_is_asked_of_it(names):
    reader = SourceReader(source({"V": INT, "W": INT}), names)
    found = reader.read(raw((b"\0\0\0\1", b'{"V":"abc","W":1}', 5), (b"\0\0\0\1", b'{"V":2,"W":3}', 6)))
    assert [row for row, _ in found.bad] == [0]
