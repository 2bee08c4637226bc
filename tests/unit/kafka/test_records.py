"""The batch decoder, compiled and pure: every feature of the format, and every lie about it."""

from __future__ import annotations

import random
import struct

import cramjam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kshell.errors import CorruptRecord
from kshell.kafka import codecs, records, records_py
from kshell.kafka.records import BadSpan, Wanted, count, decode

from .conftest import make_batch, marker, seal

try:
    from kshell.kafka import _records
except ImportError:
    _records = None

ALL = Wanted(True, True, True, True, True)
END = 1 << 62
pytestmark = pytest.mark.usefixtures("implementation")


def simple(n: int, base: int = 0, **how) -> bytes:
    return make_batch([(i, 1000 + i, b"k%d" % i, b"v%d" % i, []) for i in range(n)], base=base, **how)


def offsets(data: bytes, start: int = 0, end: int = END, **how) -> list[int]:
    decoded = decode(data, Wanted(offset=True), start=start, end=end, **how)
    return decoded.batch.column("offset").to_pylist()


def test_all_columns():
    data = make_batch(
        [
            (0, 1000, b"a", b"x", [("h", b"1"), ("h", None)]),
            (1, 900, None, b"", []),
            (2, 1001, b"", None, [("é", b"\xff")]),
        ],
        base=7,
    )
    assert decode(data, ALL, start=0, end=END).batch.to_pydict() == {
        "offset": [7, 8, 9],
        "timestamp": [1000, 900, 1001],
        "key": [b"a", None, b""],
        "value": [b"x", b"", None],
        "headers": [
            [{"key": b"h", "value": b"1"}, {"key": b"h", "value": None}],
            [],
            [{"key": "é".encode(), "value": b"\xff"}],
        ],
    }


def test_only_the_wanted_columns_are_made():
    batch = decode(simple(3), Wanted(value=True), start=0, end=END).batch
    assert batch.to_pydict() == {"value": [b"v0", b"v1", b"v2"]}
    nothing = decode(simple(3), Wanted(), start=0, end=END).batch
    assert (nothing.num_rows, nothing.num_columns) == (3, 0)


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4])
def test_every_codec(codec):
    data = simple(50, base=100, codec=codec) + simple(2, base=150)
    assert offsets(data) == list(range(100, 152))
    assert count(data, start=0, end=END) == (52, 152, ())


def test_snappy_without_the_java_framing():
    plain = simple(3)
    raw = bytes(cramjam.snappy.compress_raw(plain[61:]))
    batch = bytearray(plain[:61] + raw)
    struct.pack_into(">i", batch, 8, len(batch) - 12)
    struct.pack_into(">h", batch, 21, 2)
    assert offsets(seal(batch)) == [0, 1, 2]


def test_only_the_range_asked_for():
    data = simple(10, base=0) + simple(10, base=10)
    assert offsets(data, 5, 12) == [5, 6, 7, 8, 9, 10, 11]
    assert count(data, start=5, end=12)[0] == 7
    assert offsets(data, 12, END) == list(range(12, 20))


def test_gaps_of_compaction_are_passed_over():
    data = make_batch([(0, 1, b"a", b"", []), (5, 1, b"b", b"", [])], base=10)
    tail = bytearray(data)
    struct.pack_into(">i", tail, 23, 20)  # the last delta outlives the last record
    decoded = decode(seal(tail), ALL, start=0, end=END)
    assert decoded.batch.column("offset").to_pylist() == [10, 15]
    assert decoded.next_offset == 31


def test_a_cut_off_batch_is_left_for_the_next_fetch():
    data = simple(3) + simple(3, base=3)[:-1]
    decoded = decode(data, ALL, start=0, end=END)
    assert (decoded.batch.num_rows, decoded.next_offset, decoded.bad) == (3, 3, ())


def test_no_bytes_are_no_records():
    decoded = decode(b"", ALL, start=4, end=END)
    assert (decoded.batch.num_rows, decoded.next_offset) == (0, 4)
    assert count(b"", start=4, end=END) == (0, 4, ())


def test_log_append_time_is_the_brokers():
    batch = bytearray(simple(2, attributes=8))
    struct.pack_into(">q", batch, 35, 5_000)
    times = decode(seal(batch), ALL, start=0, end=END).batch.column("timestamp")
    assert times.to_pylist() == [5_000, 5_000]


def test_control_batches_are_not_data():
    data = simple(1, producer=9, attributes=16) + marker(1, 9, abort=False) + simple(1, base=2)
    assert offsets(data) == [0, 2]
    assert count(data, start=0, end=END)[:2] == (2, 3)


def test_an_aborted_transaction_is_left_out_and_only_it():
    data = (
        simple(2, base=0, producer=1, attributes=16)  # aborted
        + simple(2, base=2, producer=2, attributes=16)  # committed, in between
        + marker(4, 1, abort=True)
        + marker(5, 2, abort=False)
        + simple(2, base=6, producer=1, attributes=16)  # the next one of producer 1
        + marker(8, 1, abort=False)
    )
    assert offsets(data, aborted=[(1, 0)]) == [2, 3, 6, 7]
    assert count(data, start=0, end=END, aborted=[(1, 0)]) == (4, 9, ())
    assert offsets(data) == [0, 1, 2, 3, 6, 7]


def test_an_aborted_transaction_before_the_range_does_not_hide_the_next_one():
    data = (
        simple(2, base=0, producer=1, attributes=16)  # aborted
        + marker(2, 1, abort=True)
        + simple(2, base=3, producer=1, attributes=16)
        + marker(5, 1, abort=False)
    )
    for start in range(7):
        assert offsets(data, start, aborted=[(1, 0)]) == [n for n in (3, 4) if n >= start]


def test_a_wrong_checksum_spoils_its_batch_alone():
    bad = bytearray(simple(3, base=3))
    bad[-1] ^= 1
    decoded = decode(simple(3) + bytes(bad) + simple(3, base=6), ALL, start=0, end=END)
    assert decoded.batch.column("offset").to_pylist() == [0, 1, 2, 6, 7, 8]
    assert decoded.bad == (BadSpan(3, 5, "the batch's checksum does not match"),)
    assert decoded.next_offset == 9


def test_a_count_beyond_the_bytes_allocates_nothing():
    batch = bytearray(simple(2))
    struct.pack_into(">i", batch, 57, 2_000_000_000)
    decoded = decode(seal(batch), ALL, start=0, end=END)
    assert decoded.batch.num_rows == 0
    assert decoded.bad == (BadSpan(0, 1, "the batch claims more records than fit into it"),)


def test_a_count_beyond_the_decompressed_bytes():
    batch = bytearray(simple(2, codec=4))
    struct.pack_into(">i", batch, 57, 2_000_000_000)
    assert "more records" in decode(seal(batch), ALL, start=0, end=END).bad[0].reason


@pytest.mark.parametrize("codec", [1, 4])
def test_a_decompression_bomb_is_refused_within_bounds(codec):
    compress = {1: cramjam.gzip.compress, 4: cramjam.zstd.compress}[codec]
    bomb = bytes(compress(b"\0" * (codecs.LIMIT + 1)))
    batch = bytearray(simple(1, codec=codec)[:61] + bomb)
    struct.pack_into(">i", batch, 8, len(batch) - 12)
    decoded = decode(seal(batch), ALL, start=0, end=END)
    assert decoded.bad == (BadSpan(0, 0, "it would decompress to more than is allowed"),)


def test_an_unknown_codec():
    batch = bytearray(simple(1))
    struct.pack_into(">h", batch, 21, 7)
    assert "codec" in decode(seal(batch), ALL, start=0, end=END).bad[0].reason


def test_broken_compressed_data():
    batch = bytearray(simple(9, codec=1))
    batch[80] ^= 0xFF
    assert "gzip" in decode(seal(batch), ALL, start=0, end=END).bad[0].reason


@pytest.mark.parametrize("cut", range(61, 79))
def test_records_that_end_too_early(cut):
    batch = bytearray(make_batch([(0, 1, b"key", b"value", [("h", b"x")])]))[:cut]
    struct.pack_into(">i", batch, 8, len(batch) - 12)
    decoded = decode(seal(batch), ALL, start=0, end=END)
    assert decoded.batch.num_rows == 0
    assert len(decoded.bad) == 1


def test_a_bad_batch_leaves_the_validity_of_the_next_rows_alone():
    cut = bytearray(make_batch([(0, 1, b"a", b"b", []), (1, 1, b"c", b"d", [])], base=0))
    cut = cut[:-3]
    struct.pack_into(">i", cut, 8, len(cut) - 12)
    after = make_batch([(0, 1, None, None, []), (1, 1, None, b"x", [])], base=2)
    decoded = decode(seal(cut) + after, ALL, start=0, end=END)
    assert decoded.batch.column("key").to_pylist() == [None, None]
    assert decoded.batch.column("value").to_pylist() == [None, b"x"]


@pytest.mark.parametrize(("at", "bytes_"), [(8, b"\xff\xff\xff\xff"), (0, b"\xff" * 8)])
def test_a_header_that_leaves_no_way_on_is_an_error(at, bytes_):
    batch = bytearray(simple(1))
    batch[at : at + len(bytes_)] = bytes_
    with pytest.raises(CorruptRecord, match="offset 3"):
        decode(seal(batch), ALL, start=3, end=END)


rows = st.lists(
    st.tuples(
        st.integers(-(2**40), 2**40),
        st.none() | st.binary(max_size=20),
        st.none() | st.binary(max_size=300),
        st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=9)), max_size=3),
    ),
    min_size=1,
    max_size=20,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(rows, min_size=1, max_size=4), st.sampled_from([0, 1, 2, 3, 4]))
def test_the_same_as_aiokafkas_parser(batches, codec):
    data, expected, base = b"", [], 100
    for batch in batches:
        data += make_batch([(i, *r) for i, r in enumerate(batch)], base=base, codec=codec)
        expected += [(base + i, *r) for i, r in enumerate(batch)]
        base += len(batch)
    table = decode(data, ALL, start=0, end=END).batch.to_pylist()
    got = [
        (r["offset"], r["timestamp"], r["key"], r["value"],
         [(h["key"].decode(), h["value"]) for h in r["headers"]])
        for r in table
    ]  # fmt: skip
    assert got == expected


@pytest.mark.skipif(_records is None, reason="the compiled decoder was not built here")
def test_mutated_bytes_give_the_same_compiled_and_pure(monkeypatch):
    chance = random.Random(5)
    seeds = [simple(5), simple(5, codec=2), simple(3, producer=4, attributes=16)]
    differing = 0
    for _ in range(3000):
        data = bytearray(chance.choice(seeds) + simple(2, base=9))
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        if chance.random() < 0.8:
            size = 12 + int.from_bytes(data[8:12], "big")
            if 61 <= size <= len(data):
                data[:size] = seal(data[:size])
        results = []
        for implementation in (_records, records_py):
            monkeypatch.setattr(records, "_impl", implementation)
            try:
                decoded = decode(bytes(data), Wanted(True, False, False, True), start=0, end=END)
                results.append((decoded.batch.to_pydict(), decoded.next_offset))
            except CorruptRecord as error:
                results.append(str(error))
        differing += results[0] != results[1]
    # aiokafka's parser is laxer in a few things (a record longer than its fields); never stricter.
    assert differing < 60


def test_checksum_of_known_bytes():
    assert records._impl.crc(b"123456789") == 0xE3069283  # the check value of CRC-32C


@pytest.mark.parametrize("size", [0, 7, 8, 3071, 3072, 3073, 6144, 10_000, 100_003])
def test_checksums_of_every_length_are_aiokafkas(size):
    from aiokafka.record.util import calc_crc32c

    data = random.Random(size).randbytes(size)
    assert records._impl.crc(data) == calc_crc32c(data)
