"""The compiled writer of rows gives the bytes that its twins in Python give, whatever the columns."""

from __future__ import annotations

import random
import struct

import numpy as np
import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kshell.value_texts import java_double

from .halves import (
    BIGINT,
    BOOLEAN,
    BYTES,
    DATE,
    DOUBLE,
    INT,
    SCALARS,
    STRING,
    TIME,
    TIMESTAMP,
    codec,
    columns_and_rows,
)

pytest.importorskip("kshell.formats._write")
thorough = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
ODD_TEXT = "".join(map(chr, range(0x22))) + '\\/\x7f\x80é\u2028\ud7ff\ue000😀'


def both(made, arrays, gone):
    """What C writes; it is what Python writes."""
    assert made._writer is not None
    given = pa.array(gone, pa.bool_())
    written = made.encode(arrays, given)
    written.validate(full=True)
    compiled, made._writer = made._writer, None
    twin = made.encode(arrays, given)
    made._writer = compiled
    assert written.type == pa.binary()
    assert written.to_pylist() == twin.to_pylist()
    return written.to_pylist()


def arrays_of(columns, rows):
    return [pa.array([r[i] for r in rows], t) for i, t in enumerate(columns.values())]


@pytest.mark.parametrize("format", ["JSON", "DELIMITED"])
@thorough
@given(st.data())
def test_any_rows_of_any_columns(format, data):
    columns, rows = data.draw(columns_and_rows(nested=format == "JSON"))
    arrays = arrays_of(columns, rows)
    gone = data.draw(st.lists(st.booleans() | st.none(), min_size=len(rows), max_size=len(rows)))
    options = {"DELIMITER": data.draw(st.sampled_from([",", "|", "TAB", "SPACE", "é"]))} if format == "DELIMITED" else {}
    made = codec(format, columns, options)
    both(made, arrays, gone)
    # Parts of longer columns: their buffers begin elsewhere.
    longer = [pa.concat_arrays([a, a, a])[len(rows) - 1 : 2 * len(rows)] for a in arrays]
    both(made, longer, [*gone, False])


@thorough
@given(st.data())
def test_single_values(data):
    columns, rows = data.draw(columns_and_rows())
    name, type = next(iter(columns.items()))
    array = pa.array([r[0] for r in rows], type)
    both(codec("JSON", {name: type}, wrapped=False), [array], [False] * len(rows))


def doubles():
    """Numbers of every exponent, with few digits and with many, and their neighbours."""
    chosen = random.Random(7)
    found = [0.0, *(n * 5e-324 for n in range(300)), 2.2250738585072014e-308, 1.7976931348623157e308, 9007199254740993.0]
    found += [float(f"{chosen.randrange(10**n)}e{e}") for n in range(1, 18) for e in range(-330, 300, 3)]
    found += [2.0**e for e in range(-1074, 1024)]
    found += [struct.unpack("<d", struct.pack("<Q", chosen.getrandbits(63)))[0] for _ in range(100_000)]
    found += [np.nextafter(x, 0.0) for x in found[1:8000]]
    return [float(x) for x in found if np.isfinite(x)]


def test_doubles_have_the_fewest_digits():
    given = doubles()
    given += [-x for x in given]
    columns = [pa.array(given, DOUBLE)]
    gone = pa.array([False] * len(given))
    written = codec("JSON", {"N": DOUBLE}, wrapped=False).encode(columns, gone).to_pylist()
    assert written == list(map(orjson.dumps, given))
    lines = codec("DELIMITED", {"X": STRING, "N": DOUBLE})
    assert lines._writer is not None
    written = lines.encode([pa.array(["x"] * len(given)), *columns], gone).to_pylist()
    assert written == [b"x," + java_double(x).encode() for x in given]


@pytest.mark.parametrize(
    ("type", "values"),
    [
        (DOUBLE, [float("nan"), float("inf"), -float("inf"), -0.0]),
        (STRING, ["", ODD_TEXT, *ODD_TEXT, "long enough for a word\t", '"' * 40, " x", "x ", "-5", "#", "a,b", "$"]),
        (BYTES, [bytes(range(n)) for n in range(9)]),
        (INT, [0, -1, -(2**31), 2**31 - 1]),
        (BIGINT, [0, -1, -(2**63), 2**63 - 1, *(10**n for n in range(19)), *(-(10**n) for n in range(19))]),
        (BOOLEAN, [True, False]),
        (DATE, [0, -1, -(2**31), 2**31 - 1]),
        (TIME, [0, 86_399_999, -5, 2**31 - 1]),
        (TIMESTAMP, [0, -1, -(2**63), 2**63 - 1]),
        *((pa.decimal128(38, s), [0, 1, -1, 10**38 - 1, -(10**38) + 1, 2**64, 10**s, 7 * 10 ** max(s - 1, 0)]) for s in (0, 1, 19, 37, 38)),
    ],
)  # fmt: skip
def test_values_at_the_ends(type, values):
    if pa.types.is_decimal(type):
        raw = b"".join(v.to_bytes(16, "little", signed=True) for v in values)
        array = pa.Array.from_buffers(type, len(values), [None, pa.py_buffer(raw)])
    elif type in (DATE, TIME, TIMESTAMP):
        array = pa.array(values, INT if type in (DATE, TIME) else BIGINT).view(type)
    else:
        array = pa.array(values, type)
    gone = [False] * len(array)
    both(codec("JSON", {"N": type}), [array], gone)
    both(codec("JSON", {"N": pa.list_(type)}), [pa.ListArray.from_arrays([0, len(array)], array)], [False])
    both(codec("DELIMITED", {"N": type}), [array], gone)
    both(codec("DELIMITED", {"A": STRING, "N": type}), [array.cast(STRING) if type == STRING else pa.array(["x"] * len(array)), array], gone)


@pytest.mark.parametrize("count", [1, 2, 3, 40])
def test_a_key_that_a_map_has_twice_has_its_last_value(count):
    type = pa.map_(STRING, BIGINT)
    pairs = [(f"k{n % (count // 2 + 1)}", n) for n in range(count)]
    (record,) = both(codec("JSON", {"M": type}), [pa.array([pairs], type)], [False])
    assert orjson.loads(record)["M"] == dict(pairs)


def test_names_are_json_too():
    columns = {'a"b': BIGINT, "tab\t": pa.struct([("\\", STRING)])}
    rows = [(1, {"\\": "x"}), (None, None)]
    records = both(codec("JSON", columns), arrays_of(columns, rows), [False, False])
    assert orjson.loads(records[0]) == {'a"b': 1, "tab\t": {"\\": "x"}}


@pytest.mark.parametrize("type", [pa.map_(BIGINT, STRING), pa.decimal128(5, -2), pa.struct([("A", INT), ("A", INT)])])
def test_types_that_python_alone_writes(type):
    assert codec("JSON", {"N": type})._writer is None


def test_a_column_of_another_type_is_written_in_python():
    made = codec("JSON", {"N": BIGINT})
    assert made._writer is not None
    assert made.encode([pa.array([7], INT)], pa.array([False])).to_pylist() == [b'{"N":7}']


def test_no_rows():
    assert codec("JSON", {"N": BIGINT}).encode([pa.array([], BIGINT)], pa.array([], pa.bool_())).to_pylist() == []


def test_every_scalar_is_written_in_c():
    for type in SCALARS:
        assert codec("JSON", {"N": type})._writer is not None
        assert codec("DELIMITED", {"N": type})._writer is not None


def test_a_framed_record_begins_with_its_schema():
    made = codec("JSON_SR", {"N": BIGINT})
    found = made.encode([pa.array([1, None, 2], BIGINT)], pa.array([False, True, False]))
    assert found.to_pylist() == [b'\0\0\0\0\1{"N":1}', None, b'\0\0\0\0\1{"N":2}']
