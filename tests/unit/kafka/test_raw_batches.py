"""Batches as another topic takes them: bytes where that is possible, and the same records always."""

from __future__ import annotations

import struct

import pytest

from kshell.errors import CorruptRecord
from kshell.kafka.fetcher import Chunk
from kshell.kafka.raw_batches import batches_of
from kshell.kafka.records import Wanted, decode

from .conftest import make_batch, marker, seal
from .test_message_sets import of_v1, plain

pytestmark = pytest.mark.usefixtures("implementation")
ALL = Wanted(True, True, True, True, True)
END = 1 << 62
HEADERS = [("h", b"1"), ("h", None), ("é", b"\xff")]
ROWS = [(i, 1000 - i, None if i == 1 else b"k%d" % i, None if i == 2 else b"v" * 90 * i, HEADERS[:i]) for i in range(4)]
CODECS = range(5)


def passed(data: bytes, start: int = 0, end: int = END, aborted=()) -> list:
    return list(batches_of(Chunk(0, start, memoryview(bytearray(data)), aborted, 0), end))


def stamped(batches: list, producer: int = 77, epoch: int = 5) -> list:
    sequence = 40
    for batch in batches:
        batch.stamp(producer, epoch, sequence)
        sequence += batch.count
    return batches


def contents(data: bytes, **how) -> list[tuple]:
    rows = decode(data, ALL, start=how.get("start", 0), end=how.get("end", END), aborted=how.get("aborted", ())).batch.to_pylist()
    return [(r["timestamp"], r["key"], r["value"], [tuple(h.values()) for h in r["headers"]]) for r in rows]


def head(batch) -> tuple:
    """Attributes, last delta, producer, epoch, sequence, count; as KIP-98 places them."""
    attributes, delta = struct.unpack_from(">hi", batch.data, 21)
    return attributes, delta, *struct.unpack_from(">qhii", batch.data, 43)


@pytest.mark.parametrize("codec", CODECS)
def test_records_stay_as_they_were_written(codec):
    data = make_batch(ROWS, base=100, codec=codec)
    (batch,) = stamped(passed(data))
    assert bytes(batch.data[61:]) == data[61:]
    assert bytes(batch.data[27:43]) == data[27:43]  # the times
    assert (batch.first, batch.next, batch.count, batch.anew, batch.sequence) == (100, 104, 4, False, 40)
    assert head(batch) == (codec, 3, 77, 5, 40, 4)
    assert bytes(batch.data[:16]) == struct.pack(">qii", 0, len(data) - 12, -1)
    assert contents(bytes(batch.data)) == contents(data) != []  # and the checksum holds


def test_a_batch_of_a_transaction_or_with_a_delete_horizon_is_an_ordinary_one():
    for attributes in (0x10, 0x40):
        data = make_batch(ROWS, producer=5, attributes=attributes)
        (batch,) = stamped(passed(data))
        assert head(batch)[0] == 0
        assert (bytes(batch.data[61:]), contents(bytes(batch.data))) == (data[61:], contents(data))


def test_aborted_and_control_batches_are_left_out():
    parts = [
        make_batch(ROWS[:1], base=0, producer=5, attributes=0x10), make_batch(ROWS[:2], base=1, producer=6, attributes=0x10),
        marker(3, 5, abort=True), make_batch(ROWS[:1], base=4, producer=5, attributes=0x10), marker(5, 6, abort=False),
        marker(6, 5, abort=False), make_batch(ROWS[:1], base=7),
    ]  # fmt: skip
    batches = passed(b"".join(parts), aborted=((5, 0),))
    assert [(b.first, b.next) for b in batches] == [(1, 3), (4, 5), (7, 8)]


@pytest.mark.parametrize("codec", CODECS)
def test_gaps_are_closed(codec):
    kept = [ROWS[0], ROWS[2], (300, *ROWS[3][1:])]
    data = bytearray(make_batch(kept, base=50, codec=codec))
    struct.pack_into(">i", data, 23, 400)  # compaction took the last ones too
    data = seal(data)
    (batch,) = stamped(passed(data))
    assert (batch.anew, batch.first, batch.next) == (True, 50, 451)
    assert head(batch) == (codec, 2, 77, 5, 40, 3)
    assert contents(bytes(batch.data)) == contents(data)
    assert decode(bytes(batch.data), ALL, start=0, end=END).batch["offset"].to_pylist() == [0, 1, 2]
    assert struct.unpack_from(">q", batch.data, 35)[0] == max(row[1] for row in kept)


def test_many_records_with_gaps():
    rows = [(i * 3, i, b"k", b"x" * (i % 200), []) for i in range(400)]
    data = make_batch(rows)
    (batch,) = stamped(passed(data))
    assert contents(bytes(batch.data)) == contents(data)
    assert head(batch)[1] == 399


def test_a_batch_without_records_is_passed_over():
    data = bytearray(make_batch(ROWS[:1]))[:61]
    struct.pack_into(">i", data, 8, 61 - 12)
    struct.pack_into(">i", data, 57, 0)
    assert passed(seal(data) + make_batch(ROWS[:1], base=9))[0].first == 9


def test_a_part_of_a_batch():
    data = make_batch(ROWS, base=10) + make_batch(ROWS, base=14)
    batches = stamped(passed(data, 12, 15))
    assert [(b.first, b.next, b.count, b.anew) for b in batches] == [(12, 14, 2, True), (14, 15, 1, True)]
    got = [row for b in batches for row in contents(bytes(b.data))]
    assert got == contents(data, start=12, end=15)
    assert len(got) == 3


def test_the_brokers_time_is_kept():
    data = bytearray(make_batch(ROWS, attributes=8))
    struct.pack_into(">q", data, 35, 5555)
    data = seal(data)
    (batch,) = stamped(passed(data))
    assert [row[0] for row in contents(bytes(batch.data))] == [5555] * 4
    assert [row[1:] for row in contents(bytes(batch.data))] == [row[1:] for row in contents(data)]
    assert head(batch)[0] == 0


@pytest.mark.parametrize("data", [plain(0), plain(1), of_v1(3, 7), of_v1(3, 9, append=True)])
def test_old_messages_are_written_anew(data):
    batches = stamped(passed(data))
    assert all(b.anew for b in batches)
    got = [row for b in batches for row in contents(bytes(b.data))]
    assert got == contents(data)
    assert len(got) >= 3


@pytest.mark.parametrize("at", [30, 70])
def test_a_wrong_checksum_ends_it_with_the_offsets(at):
    bad = bytearray(make_batch(ROWS, base=4))
    bad[at] ^= 1
    given = batches_of(Chunk(0, 0, memoryview(make_batch(ROWS) + bytes(bad) + make_batch(ROWS, base=8)), (), 12), END)
    assert next(given).first == 0
    with pytest.raises(CorruptRecord, match="offsets 4 to 7: the batch's checksum does not match"):
        next(given)


def test_records_that_lie_about_their_length():
    bad = bytearray(make_batch([(0, 1, b"k", b"v", []), (5, 1, b"k", b"v", [])]))
    bad[61] = 0x7E  # the first record's length
    with pytest.raises(CorruptRecord, match="offsets 0 to 5: its records are cut off or malformed"):
        passed(seal(bad))
