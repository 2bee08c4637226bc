"""What the tests of all formats share: a codec of some columns, and one value in and out."""

from __future__ import annotations

import datetime
from decimal import Context, Decimal

import pyarrow as pa
from hypothesis import strategies as st

from kshell.catalog.model import Column, FormatSpec
from kshell.formats.base import Half, Place
from kshell.formats.open import open_codec
from kshell.formats.registry import Remembered

INT, BIGINT, DOUBLE, STRING = pa.int32(), pa.int64(), pa.float64(), pa.string()
BOOLEAN, BYTES, DATE, TIME = pa.bool_(), pa.binary(), pa.date32(), pa.time32("ms")
TIMESTAMP = pa.timestamp("ms")


def place(format, columns, options=None, *, schemas=None, half=Half.VALUE, wrapped=True):
    given = tuple(Column(n, t) for n, t in columns.items())
    return Place("t", half, FormatSpec(format, options or {}), given, wrapped, True, schemas)


def codec(format, columns, options=None, **more):
    if format in ("PROTOBUF", "JSON_SR") and "schemas" not in more:
        more["schemas"] = Remembered()
    return open_codec(place(format, columns, options, **more))


def read(made, *records, names):
    """The rows as tuples, or for a bad one the reason."""
    found = made.decode(pa.array(records, pa.binary()), names)
    bad = dict(found.bad)
    assert len(bad) == len(found.bad)
    for column in found.columns:
        assert len(column) == len(records)
        column.validate(full=True)
        assert all(column[row].as_py() is None for row in bad), "a bad row is all NULL"
    rows = zip(*(c.to_pylist() for c in found.columns), strict=True)
    return [bad.get(i, row) for i, row in enumerate(rows)]


def one(format, columns, record, options=None, **more):
    """The row of one record, or the reason."""
    made = codec(format, columns, options, **more)
    data = record.encode() if isinstance(record, str) else record
    return read(made, data, names=list(columns))[0]


def write(format, columns, *rows, options=None, gone=None, **more):
    """The records of rows."""
    made = codec(format, columns, options, **more)
    arrays = [pa.array([r[i] for r in rows], t) for i, t in enumerate(columns.values())]
    return made.encode(arrays, pa.array(gone or [False] * len(rows), pa.bool_())).to_pylist()


SCALARS = {
    INT: st.integers(-(2**31), 2**31 - 1),
    BIGINT: st.integers(-(2**63), 2**63 - 1),
    DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    STRING: st.text(max_size=12) | st.text(' ",\n\r\t|;#\\/\x85\u2028é\0\x1a-', max_size=6),
    BOOLEAN: st.booleans(),
    BYTES: st.binary(max_size=12),
    DATE: st.dates(),
    TIME: st.times().map(lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000, tzinfo=None)),
    TIMESTAMP: st.datetimes(datetime.datetime(1, 1, 1)).map(
        lambda t: t.replace(microsecond=t.microsecond // 1000 * 1000)
    ),
    pa.decimal128(10, 3): st.integers(-(10**10) + 1, 10**10 - 1).map(lambda n: Decimal(n).scaleb(-3)),
    pa.decimal128(38, 20): st.integers(-(10**37), 10**37).map(
        lambda n: Decimal(n).scaleb(-20, Context(prec=60))
    ),
}


def types(nested=True):
    """Column types that ksqlDB has."""
    scalars = st.sampled_from(list(SCALARS))
    if not nested:
        return scalars
    names = st.lists(st.sampled_from(["A", "B", "C", "LONG_NAME"]), min_size=1, max_size=3, unique=True)
    return st.recursive(
        scalars,
        lambda inner: st.one_of(
            inner.map(pa.list_),
            inner.map(lambda t: pa.map_(STRING, t)),
            st.tuples(names, st.lists(inner, min_size=3, max_size=3)).map(
                lambda x: pa.struct(list(zip(x[0], x[1], strict=False)))
            ),
        ),
        max_leaves=4,
    )


def values(type, nulls=True):
    """Values of a type; `nulls` tells whether there are any inside of collections."""
    if type in SCALARS:
        return SCALARS[type]
    inside = (lambda s: st.none() | s) if nulls else (lambda s: s)
    if pa.types.is_list(type):
        return st.lists(inside(values(type.value_type, nulls)), max_size=3)
    if pa.types.is_map(type):
        keys = st.text(max_size=4)
        return st.dictionaries(keys, inside(values(type.item_type, nulls)), max_size=3).map(
            lambda d: sorted(d.items())
        )
    return st.fixed_dictionaries({f.name: inside(values(f.type, nulls)) for f in type})


@st.composite
def columns_and_rows(draw, nested=True, nulls=True):
    """Columns by name, and a few rows of them."""
    found = draw(st.lists(types(nested), min_size=1, max_size=3))
    columns = {f"C{i}": t for i, t in enumerate(found)}
    cell = (lambda t: st.none() | values(t, nulls)) if nulls else (lambda t: values(t, nulls))
    rows = draw(st.lists(st.tuples(*map(cell, found)), min_size=1, max_size=4))
    return columns, rows


def as_read(rows):
    """Maps come back as lists of pairs, in whatever order."""
    return [tuple(map(_sorted, row)) for row in rows]


def _sorted(value):
    if isinstance(value, list):
        inner = [_sorted(v) for v in value]
        pairs = inner and all(isinstance(v, tuple) and len(v) == 2 for v in inner)
        return sorted(inner, key=lambda p: p[0]) if pairs else inner
    if isinstance(value, tuple):
        return tuple(map(_sorted, value))
    if isinstance(value, dict):
        return {k: _sorted(v) for k, v in value.items()}
    return value
