"""Bytes, encodings, digests, and the numbers in bytes."""

import re

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshell.sql.java.encodings import from_bytes, to_bytes

HEX = "4578616d706C6521"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"ENCODE('{HEX}', 'hex', 'ascii')", "Example!"),
        (f"ENCODE('0x{HEX}', 'HEX', 'Utf8')", "Example!"),
        (f"ENCODE('X''{HEX}''', 'hex', 'base64')", "RXhhbXBsZSE="),
        ("ENCODE('0x', 'hex', 'utf8')", ""),
        ("ENCODE('0x578', 'hex', 'utf8')", "\x05x"),
        ("ENCODE('c39c', 'hex', 'utf8')", "Ü"),
        ("ENCODE('c39c', 'hex', 'ascii')", "\ufffd\ufffd"),
        ("ENCODE('Ü!', 'ascii', 'hex')", "3f21"),
        ("ENCODE('Ü!', 'utf8', 'hex')", "c39c21"),
        ("ENCODE('RXh*hbXBsZSE', 'base64', 'utf8')", "Example!"),
        ("ENCODE('-_8=', 'base64', 'hex')", "fbff"),
        ("FROM_BYTES(TO_BYTES('1aB2', 'hex'), 'hex')", "1AB2"),
        ("FROM_BYTES(TO_BYTES('IQ', 'base64'), 'ascii')", "!"),
        ("TO_BYTES('', 'base64')", b""),
        ("INT_FROM_BYTES(TO_BYTES('E5070000', 'hex'), 'LITTLE_ENDIAN')", 2021),
        ("INT_FROM_BYTES(TO_BYTES('FFFFFFFF', 'hex'))", -1),
        ("BIGINT_FROM_BYTES(TO_BYTES('AAAAASoF8gA=', 'base64'), 'BIG_ENDIAN')", 5000000000),
        ("DOUBLE_FROM_BYTES(TO_BYTES('QICm/ZvJ9YI=', 'base64'))", 532.8738323),
        ("UUID(TO_BYTES('00', 'hex'))", None),
        ("MD5('')", "d41d8cd98f00b204e9800998ecf8427e"),
        ("MD5(NULL)", None),
        ("TO_BYTES(NULL, 'hex')", None),
        ("FROM_BYTES(TO_BYTES('00', 'hex'), NULL)", None),
    ],
)
def test_of_constants(text, expected, value):
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("ENCODE('578', 'hex', 'utf8')", "no hex digits in pairs: 578"),
        ("ENCODE('0x0x', 'hex', 'utf8')", "no hex digits"),
        ("ENCODE('X''', 'hex', 'utf8')", "no hex digits"),
        ("ENCODE('a', 'null', 'utf8')", "Unknown encoding type 'null'"),
        ("TO_BYTES('IQ=', 'base64')", "no base64: IQ="),
        ("TO_BYTES('I', 'base64')", "no base64: I"),
        ("TO_BYTES('a*Gk', 'base64')", "no base64"),
        ("INT_FROM_BYTES(TO_BYTES('000001', 'hex'))",
         "Number of bytes must be equal to 4, but found 3"),
        ("BIGINT_FROM_BYTES(TO_BYTES('00000001', 'hex'))", "equal to 8, but found 4"),
        ("DOUBLE_FROM_BYTES(TO_BYTES('0000000000000000', 'hex'), 'MIDDLE')",
         "Byte order must be BIG_ENDIAN or LITTLE_ENDIAN, not MIDDLE"),
    ],
)  # fmt: skip
def test_what_fails_is_null_and_an_error(text, why, evaluated):
    found = evaluated(text)
    assert found.values == [None]
    assert [why in message for _, message in found.errors] == [True]


@given(st.binary(), st.sampled_from(["hex", "base64"]))
def test_bytes_come_back(value, encoding):
    columns = pa.array([value]), pa.array([encoding])
    assert to_bytes(from_bytes(*columns), columns[1]).to_pylist() == [value]


def test_a_uuid_is_random(evaluated):
    found = evaluated("CONCAT(UUID(), S)", S=pa.array([""] * 20)).values
    assert len(set(found)) == 20
    shape = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    assert all(shape.fullmatch(uuid) for uuid in found)
