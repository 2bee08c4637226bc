"""Messages of the formats v0 and v1, written by aiokafka's builder: all that they can hold, and every
lie about it."""

from __future__ import annotations

import gzip
import struct
import zlib

import cramjam
import pytest
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kshell.kafka import codecs, message_sets
from kshell.kafka.records import BadSpan, Wanted, count, decode

from .conftest import make_batch, marker

ALL = Wanted(True, True, True, True, True)
END = 1 << 62
ROWS = [(10, b"a", b"x"), (11, None, b""), (12, b"", None), (13, b"k", b"v" * 300)]
pytestmark = pytest.mark.usefixtures("implementation")


def message(magic: int, offset: int, time: int, key, value, attributes: int = 0) -> bytes:
    """One message, as the protocol's guide has it."""

    def field(content):
        return struct.pack(">i", -1) if content is None else struct.pack(">i", len(content)) + content

    times = struct.pack(">q", time) if magic else b""
    body = struct.pack(">bb", magic, attributes) + times + field(key) + field(value)
    return struct.pack(">qiI", offset, len(body) + 4, zlib.crc32(body)) + body


def plain(magic: int, rows=ROWS, base: int = 0) -> bytes:
    builder = LegacyRecordBatchBuilder(magic, 0, 1 << 30)
    for n, (time, key, value) in enumerate(rows):
        builder.append(base + n, time, key, value)
    return bytes(builder.build())


def pressed(codec: int, magic: int, data: bytes) -> bytes:
    """As producers did: Java's framing of snappy; and in v0 the checksum of lz4's header from the
    magic number on."""
    if codec == 1:
        return gzip.compress(data)
    if codec == 2:
        blocks = [bytes(cramjam.snappy.compress_raw(data[at : at + 50])) for at in range(0, len(data), 50)]
        framed = b"".join(struct.pack(">i", len(block)) + block for block in blocks)
        return b"\x82SNAPPY\x00" + struct.pack(">ii", 1, 1) + framed
    frame = bytearray(cramjam.lz4.compress(data))
    if magic == 0:
        end = 14 if frame[4] & 8 else 6
        assert frame[end] == message_sets._xxh32(bytes(frame[4:end])) >> 8 & 255
        frame[end] = message_sets._xxh32(bytes(frame[:6])) >> 8 & 255  # where it has no content size
    return bytes(frame)


def wrapped(magic: int, held: bytes, last: int, codec: int = 1, time: int = 99, append: bool = False) -> bytes:
    value = pressed(codec, magic, held) if codec in (1, 2, 3) else held
    return message(magic, last, time, None, value, codec | 8 * append)


def of_v1(n: int, last: int, **how) -> bytes:
    """A compressed message of n records, the last at that offset."""
    return wrapped(1, plain(1, [(5, b"k%d" % i, b"v%d" % i) for i in range(n)]), last, **how)


def rows_of(data: bytes, start: int = 0, end: int = END):
    decoded = decode(data, ALL, start=start, end=end)
    return [
        (r["offset"], r["timestamp"], r["key"], r["value"]) for r in decoded.batch.to_pylist()
    ], decoded.bad


def offsets(data: bytes, start: int = 0, end: int = END) -> list[int]:
    return [r[0] for r in rows_of(data, start, end)[0]]


def expected(magic: int, base: int):
    return [(base + n, t if magic else -1, k, v) for n, (t, k, v) in enumerate(ROWS)]


@pytest.mark.parametrize("magic", [0, 1])
def test_messages_that_are_not_compressed(magic):
    data = plain(magic, base=7)
    assert rows_of(data) == (expected(magic, 7), ())
    assert decode(data, ALL, start=0, end=END).next_offset == 11
    assert count(data, start=0, end=END) == (4, 11, ())
    assert decode(data, ALL, start=0, end=END).batch.column("headers").to_pylist() == [[]] * 4


@pytest.mark.parametrize("codec", [1, 2, 3])
@pytest.mark.parametrize("magic", [0, 1])
def test_compressed_messages(magic, codec):
    held = plain(magic, base=0 if magic else 40)  # v1 counts from 0, v0 does not
    data = wrapped(magic, held, 43, codec) + plain(magic, base=44)
    assert rows_of(data) == (expected(magic, 40) + expected(magic, 44), ())
    assert count(data, start=0, end=END) == (8, 48, ())


def test_the_range_asked_for_may_begin_and_end_in_a_compressed_message():
    data = of_v1(5, 4) + of_v1(5, 9)
    for start in range(10):
        for end in range(start, 11):
            assert offsets(data, start, end) == list(range(start, end))
            assert count(data, start=start, end=end)[0] == end - start


def test_compaction_leaves_gaps_in_a_compressed_message():
    held = message(1, 2, 5, b"a", b"x") + message(1, 7, 5, b"b", b"y")
    assert offsets(wrapped(1, held, 107)) == [102, 107]


def test_the_brokers_time_of_a_compressed_message_is_that_of_all_in_it():
    data = of_v1(2, 1, time=77, append=True) + of_v1(1, 2, time=77)
    assert [r[1] for r in rows_of(data)[0]] == [77, 77, 5]
    alone = message(1, 3, 88, b"k", b"v", attributes=8)
    assert rows_of(alone)[0] == [(3, 88, b"k", b"v")]


@pytest.mark.parametrize("time", [-1, 0, (1 << 63) - 1, -(1 << 63)])
def test_times_of_every_size(time):
    data = message(1, 0, 3, None, b"a") + message(1, 1, time, None, b"b")
    assert [r[1] for r in rows_of(data)[0]] == [3, time]


def test_formats_follow_one_another_in_one_answer():
    data = (
        plain(0, base=0) + of_v1(3, 6) + plain(1, base=7) + make_batch([(0, 1, b"k", b"v", [])], base=11)
        + make_batch([(0, 1, b"k", b"v", [])], base=12, producer=3, attributes=16)
        + marker(13, 3, abort=True) + plain(0, base=14)
    )  # fmt: skip
    assert offsets(data) == [*range(13), *range(14, 18)]
    decoded = decode(data, ALL, start=0, end=END, aborted=[(3, 12)])
    assert decoded.batch.column("offset").to_pylist() == [*range(12), *range(14, 18)]


def test_a_cut_off_message_is_left_for_the_next_fetch():
    data = plain(1) + of_v1(5, 8)[:-1]
    assert rows_of(data) == (expected(1, 0), ())
    assert decode(data, ALL, start=0, end=END).next_offset == 4


def test_a_wrong_checksum_spoils_its_message_alone():
    bad = bytearray(message(1, 1, 5, b"k", b"v"))
    bad[-1] ^= 1
    data = message(1, 0, 5, b"k", b"v") + bad + message(1, 2, 5, b"k", b"v")
    assert offsets(data) == [0, 2]
    span = BadSpan(1, 1, "the message's checksum does not match")
    assert rows_of(data)[1] == (span,)
    assert count(data, start=0, end=END) == (2, 3, (span,))
    assert offsets(wrapped(1, data, 12)) == [10, 12]
    assert rows_of(wrapped(1, data, 12))[1] == (BadSpan(11, 11, span.reason),)
    assert rows_of(wrapped(1, data, 12), start=12)[1] == ()
    assert rows_of(wrapped(1, data, 12), end=11)[1] == ()


def test_the_last_message_is_passed_where_it_is_broken():
    bad = bytearray(plain(0, [(0, b"k", b"v")], base=5))
    bad[-1] ^= 1
    assert decode(bytes(bad), ALL, start=5, end=END).next_offset == 6


def spoiled(data: bytes, why: str, last: int = 9) -> None:
    """The compressed message is one bad record; what follows it is read."""
    found, bad = rows_of(data + message(1, last + 1, 5, b"k", b"v"))
    assert [r[0] for r in found] == [last + 1]
    assert [(b.first, b.last) for b in bad] == [(last, last)]
    assert why in bad[0].reason


def test_compressed_messages_that_are_not_what_they_say():
    held = plain(1)
    spoiled(wrapped(1, held[:-1], 9), "cut off")
    spoiled(wrapped(1, b"", 9), "no messages in it")
    spoiled(wrapped(1, held, 9, codec=4), "no compression codec of old messages has number 4")
    spoiled(wrapped(1, held, 9, codec=7), "no compression codec of old messages has number 7")
    spoiled(message(1, 9, 5, None, None, 1), "has no value")
    spoiled(message(1, 9, 5, None, b"\x1f\x8bnot gzip", 1), "gzip")
    spoiled(message(0, 9, 5, None, b"\x04\x22\x4d", 3), "lz4")
    spoiled(wrapped(1, message(1, 5, 1, None, b"a") + message(1, 5, 1, None, b"b"), 9), "out of order")
    spoiled(wrapped(1, message(1, -1, 1, None, b"a"), 9), "out of order")
    spoiled(wrapped(1, message(1, 10, 1, None, b"a"), 9), "go beyond its own")
    spoiled(wrapped(0, message(0, 0, 1, None, b"a"), 1 << 40), "not possible", 1 << 40)


def test_a_compressed_message_in_a_compressed_message_is_not_opened():
    held = of_v1(2, 0) + message(1, 1, 5, b"k", b"v")
    found, bad = rows_of(wrapped(1, held, 9))
    assert [r[0] for r in found] == [9]
    assert bad == (BadSpan(8, 8, "a compressed message in a compressed message"),)


@pytest.mark.parametrize("length", [-2, 1 << 30, (1 << 31) - 1])
def test_hostile_lengths(length):
    body = struct.pack(">bbqi", 1, 0, 5, length) + b"abc"
    data = struct.pack(">qiI", 0, len(body) + 4, zlib.crc32(body)) + body
    found, bad = rows_of(data + message(1, 1, 5, b"k", b"v"))
    assert ([r[0] for r in found], len(bad)) == ([1], 1)


@pytest.mark.parametrize("magic", [3, 77, -1])
def test_a_format_that_does_not_exist(magic):
    data = bytearray(message(1, 0, 5, b"k", b"v"))
    struct.pack_into(">b", data, 16, magic)
    _, (bad,) = rows_of(bytes(data))
    assert bad == BadSpan(0, 0, f"no message format has number {magic}")


def test_a_decompression_bomb_is_refused_within_bounds():
    data = wrapped(1, b"\0" * (codecs.LIMIT + 1), 9)
    spoiled(data, "more than is allowed")


def test_many_bombs_in_one_answer_are_bad_records(monkeypatch):
    """Of old messages and of batches: what is too much is told of, and none is lost silently."""
    old = of_v1(50, 49) + of_v1(50, 99)
    new = [make_batch([(n, 1, None, b"v", []) for n in range(50)], base=b, codec=1) for b in (0, 50)]
    for data in (old, b"".join(new)):
        one = count(data[: len(data) // 2 + 3], start=0, end=END)[0]
        monkeypatch.setattr("kshell.kafka.message_sets.AT_ONCE", 3000)
        monkeypatch.setattr("kshell.kafka.records.AT_ONCE", 600)
        found, bad = rows_of(data)
        assert len(found) == one == 50
        assert bad[0].last == 99
        assert "more than is allowed" in bad[0].reason
        monkeypatch.undo()


rows = st.lists(
    st.tuples(st.integers(0, 2**40), st.none() | st.binary(max_size=20), st.none() | st.binary(max_size=300)),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(rows, st.sampled_from([0, 1]), st.sampled_from([0, 1, 2, 3])), min_size=1, max_size=4))
def test_what_was_written_is_read(parts):
    data, wanted, base = b"", [], 100
    for some, magic, codec in parts:
        last = base + len(some) - 1
        if codec:
            data += wrapped(magic, plain(magic, some, 0 if magic else base), last, codec)
        else:
            data += plain(magic, some, base)
        wanted += [(base + n, t if magic else -1, k, v) for n, (t, k, v) in enumerate(some)]
        base = last + 1
    assert rows_of(data) == (wanted, ())
