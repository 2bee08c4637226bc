"""Any value of any columns, written and read back, is equal; and the reference libraries read it too."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kshell.formats import json_scan, json_scan_py
from kshell.formats.json_values import plain_writer
from kshell.formats.protobuf.pool import load, message_class, message_named
from kshell.formats.registry import Remembered

from .halves import STRING, as_read, codec, columns_and_rows, read, types, values, write

quick = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(params=["compiled", "pure"], autouse=True)
def implementation(request, monkeypatch):
    if request.param == "compiled":
        module = pytest.importorskip("kshell.formats._json")
        pytest.importorskip("kshell.formats._protobuf")
        monkeypatch.setattr(json_scan, "_scan", module.scan)
        monkeypatch.delenv("KSHELL_PURE", raising=False)
    else:
        monkeypatch.setattr(json_scan, "_scan", json_scan_py.scan)
        monkeypatch.setenv("KSHELL_PURE", "1")


def there_and_back(format, columns, rows, options=None):
    made = codec(format, columns, options)
    arrays = [pa.array([r[i] for r in rows], t) for i, t in enumerate(columns.values())]
    records = made.encode(arrays, pa.array([False] * len(rows))).to_pylist()
    return records, read(made, *records, names=list(columns))


@pytest.mark.parametrize("format", ["JSON", "JSON_SR"])
@quick
@given(given_=columns_and_rows())
def test_json(format, given_):
    columns, rows = given_
    records, found = there_and_back(format, columns, rows)
    assert as_read(found) == as_read(rows)
    for record, row in zip(records, rows, strict=True):
        text = record[5:] if format == "JSON_SR" else record
        plain = {n: plain_writer(t)(v) for (n, t), v in zip(columns.items(), row, strict=True)}
        exact = json.loads(text, parse_float=Decimal)
        assert _same_digits(exact, plain)
        assert orjson.loads(text).keys() == columns.keys()


def _same_digits(node, plain):
    if isinstance(plain, dict):
        return node.keys() == plain.keys() and all(_same_digits(node[k], plain[k]) for k in plain)
    if isinstance(plain, list):
        return len(node) == len(plain) and all(map(_same_digits, node, plain))
    if isinstance(plain, float):
        return float(node) == plain
    return node == plain


@quick
@given(st.data())
def test_json_single_values(data):
    type = data.draw(types())
    value = data.draw(values(type))
    made = codec("JSON", {"K": type}, wrapped=False)
    records = made.encode([pa.array([value, None], type)], pa.array([False, False])).to_pylist()
    assert records[1] is None
    assert as_read(read(made, *records, names=["K"])) == as_read([(value,), (None,)])


NULLABLE = {"PROTOBUF_NULLABLE_REPRESENTATION": "OPTIONAL"}


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("options", [{}, NULLABLE, {"PROTOBUF_NULLABLE_REPRESENTATION": "WRAPPER"}])
@given(given_=columns_and_rows(nulls=False))
def test_protobuf(options, given_):
    columns, rows = given_
    records, found = there_and_back("PROTOBUF_NOSR", columns, rows, options)
    assert as_read(found) == as_read(rows)
    # And with a frame, upb's own class of the registered schema takes each record whole.
    schemas = Remembered()
    framed = write("PROTOBUF", columns, *rows, options=options, schemas=schemas)
    kind = message_class(message_named(load(schemas.by_id(1))))
    for plain, record in zip(records, framed, strict=True):
        parsed = kind.FromString(record[6:])
        assert parsed.SerializeToString(deterministic=True) == plain
    assert as_read(read(codec("PROTOBUF", columns, options, schemas=schemas), *framed, names=list(columns))) == as_read(rows)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(columns_and_rows(nested=False))
def test_protobuf_scalars_that_may_be_null(given_):
    columns, rows = given_
    for options in (NULLABLE, {"PROTOBUF_NULLABLE_REPRESENTATION": "WRAPPER"}):
        assert there_and_back("PROTOBUF_NOSR", columns, rows, options)[1] == rows


@quick
@given(columns_and_rows(nested=False), st.sampled_from([",", "|", "TAB", "SPACE", ";"]))
def test_delimited(given_, delimiter):
    columns, rows = given_
    # A NULL and an empty text are one and the same in a line, and so are empty bytes.
    if len(columns) == 1:
        columns, rows = columns | {"X": STRING}, [(*r, "x") for r in rows]
    wanted = [tuple(None if v in ("", b"") else v for v in row) for row in rows]
    records, found = there_and_back("DELIMITED", columns, rows, {"DELIMITER": delimiter})
    assert found == wanted
    separator = {"TAB": "\t", "SPACE": " "}.get(delimiter, delimiter)
    for record, row in zip(records, rows, strict=True):
        lines = io.StringIO(record.decode(), newline="")
        cells = next(csv.reader(lines, delimiter=separator, strict=True))
        assert len(cells) == len(row)
        texts = [(c, v) for c, v in zip(cells, row, strict=True) if isinstance(v, str)]
        assert all(c == v for c, v in texts)
