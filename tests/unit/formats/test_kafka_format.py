"""KAFKA, NONE and BYTES against struct; sizes that are no number, text that is none."""

from __future__ import annotations

import struct

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshell.errors import Unsupported

from .halves import BIGINT, BYTES, DOUBLE, INT, SCALARS, STRING, codec, one, read, write

PACKED = {INT: ">i", BIGINT: ">q", DOUBLE: ">d"}


@pytest.mark.parametrize("type", PACKED)
def test_numbers_are_structs(type):
    @given(st.lists(st.none() | SCALARS[type], min_size=1, max_size=6))
    def check(values):
        made = write("KAFKA", {"K": type}, *[(v,) for v in values])
        assert made == [None if v is None else struct.pack(PACKED[type], v) for v in values]
        found = read(codec("KAFKA", {"K": type}), *made, names=["K"])
        assert found == [(v,) for v in values]

    check()


def test_literals():
    assert one("KAFKA", {"K": INT}, b"\xff\xff\xff\xfe") == (-2,)
    assert one("KAFKA", {"K": BIGINT}, b"\0\0\0\0\0\0\1\0") == (256,)
    assert one("KAFKA", {"K": DOUBLE}, b"\x3f\xf8\0\0\0\0\0\0") == (1.5,)
    assert one("KAFKA", {"K": STRING}, "é") == ("é",)
    assert one("KAFKA", {"K": STRING}, b"") == ("",)
    assert one("KAFKA", {"K": BYTES}, b"\xff") == (b"\xff",)
    assert one("BYTES", {"K": BYTES}, b"\xff") == (b"\xff",)
    assert one("NONE", {"K": INT}, b"ignored") == (None,)
    assert write("NONE", {"K": INT}, (1,)) == [None]
    assert write("KAFKA", {"K": STRING}, ("é",), ("x",), gone=[False, True]) == ["é".encode(), None]


def test_wrong_sizes_are_bad_rows_between_good_ones():
    made = codec("KAFKA", {"K": INT})
    good = struct.pack(">i", 7)
    data = pa.array([b"skip", b"", good, None, b"12345", good], pa.binary()).slice(1)
    found = made.decode(data, ["K"])
    assert found.columns[0].to_pylist() == [None, 7, None, None, 7]
    assert found.bad == [
        (0, "field K: 0 bytes where 4 are a number (Integer)"),
        (3, "field K: 5 bytes where 4 are a number (Integer)"),
    ]
    assert made.decode(data.slice(0, 0), ["K"]).columns[0].to_pylist() == []


def test_text_that_is_none():
    found = read(codec("KAFKA", {"K": STRING}), b"a", b"\xff", None, "é".encode(), names=["K"])
    assert found == [("a",), "field K: not valid UTF-8", (None,), ("é",)]


def test_a_key_that_nobody_declared_is_not_read():
    made = codec("KAFKA", {})
    assert made.decode(pa.array([b"x"], pa.binary()), []).columns == []
    assert made.encode([], pa.array([False])).to_pylist() == [None]


def test_what_kafka_has_not():
    with pytest.raises(Unsupported, match="KAFKA has no BOOLEAN"):
        codec("KAFKA", {"K": pa.bool_()})
