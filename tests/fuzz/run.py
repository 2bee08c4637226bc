"""Mutated bytes into the decoders: `python -m tests.fuzz.run TARGET COUNT [SEED]`.

Meant for a process of its own, because what it looks for may end it.  Every outcome but a result, a
reported bad record or a CorruptRecord is a failure; so is an input that takes over a second.
"""

from __future__ import annotations

import random
import struct
import sys
import time
import zlib
from collections.abc import Callable

import cramjam
import orjson
import pyarrow as pa
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from kshell.errors import CorruptRecord
from kshell.formats import json_scan
from kshell.formats.json_scan import Field, Names, Types
from kshell.kafka import codecs, records
from kshell.kafka.records import Wanted

from . import protobuf, text
from .avro import fuzz_avro
from .mutate import mutate
from .protobuf import fuzz_protobuf, fuzz_protobuf_schema
from .text import fuzz_declared_json, fuzz_delimited, fuzz_json_schema

_END = 1 << 62


def _batch(chance: random.Random, codec: int) -> bytes:
    builder = DefaultRecordBatchBuilder(2, codec, 0, chance.choice([-1, 7]), 0, 0, 1 << 20)
    for n in range(chance.randrange(1, 12)):
        key = chance.choice([None, b"", b"key-%d" % n])
        value = chance.choice([None, b"", b'{"a":%d}' % n, bytes(chance.randrange(60))])
        headers = [("h", None), ("", b"v")][: chance.randrange(3)]
        builder.append(n, 1000 + n, key, value, headers)
    batch = bytearray(builder.build())
    if chance.random() < 0.2:
        attributes = struct.unpack_from(">h", batch, 21)[0] | chance.choice([8, 16, 32, 48])
        struct.pack_into(">h", batch, 21, attributes)
    return bytes(batch)


def _sealed(chance: random.Random, data: bytearray) -> bytes:
    """Mostly with a length and a checksum that match, so that the mutation gets further."""
    if len(data) > 61 and chance.random() < 0.9:
        struct.pack_into(">i", data, 8, len(data) - 12)
        data[16] = 2
        struct.pack_into(">I", data, 17, calc_crc32c(memoryview(data)[21:]))
    return bytes(data)


def fuzz_records(chance: random.Random) -> Callable[[], None]:
    seeds = [_batch(chance, codec) for codec in (0, 0, 0, 0, 1, 2, 3, 4) for _ in range(6)]
    wanted = Wanted(True, True, True, True, True)

    def once() -> None:
        data = _sealed(chance, mutate(chance, chance.choice(seeds)))
        if chance.random() < 0.3:
            data += chance.choice(seeds)
        start = chance.choice([0, 0, 3, 1 << 40])
        aborted = [(7, 0)] if chance.random() < 0.2 else []
        try:
            decoded = records.decode(data, wanted, start=start, end=_END, aborted=aborted)
            decoded.batch.validate(full=True)
            counted, following, _ = records.count(data, start=start, end=_END, aborted=aborted)
            assert following == decoded.next_offset
            assert counted >= decoded.batch.num_rows
        except CorruptRecord:
            pass

    return once


def _messages(chance: random.Random, magic: int, codec: int) -> bytearray:
    builder = LegacyRecordBatchBuilder(magic, codec, 1 << 20)
    count = chance.randrange(1, 9)
    for n in range(count):
        key = chance.choice([None, b"", b"key-%d" % n])
        builder.append(n, 1000 + n, key, chance.choice([None, b"", bytes(chance.randrange(60))]))
    data = bytearray(builder.build())
    if codec:
        struct.pack_into(">q", data, 0, count - 1)
    return data


def _checked(chance: random.Random, data: bytearray) -> bytearray:
    """Mostly with a length and a checksum that match."""
    if len(data) > 17 and chance.random() < 0.9:
        struct.pack_into(">i", data, 8, len(data) - 12)
        data[16] &= 1
        struct.pack_into(">I", data, 12, zlib.crc32(memoryview(data)[16:]))
    return data


def fuzz_messages(chance: random.Random) -> Callable[[], None]:
    """Formats v0 and v1; what is compressed is broken before and after it is."""
    kinds = [(magic, codec) for magic in (0, 1) for codec in (0, 0, 1, 2, 3) if magic or codec < 3]
    seeds = [_messages(chance, *kind) for kind in kinds for _ in range(4)]
    wanted = Wanted(True, True, True, True, True)

    def once() -> None:
        data = _checked(chance, mutate(chance, chance.choice(seeds)))
        if chance.random() < 0.4:
            body = struct.pack(">bbqii", 1, 1, 5, -1, 0) + bytes(cramjam.gzip.compress(data))
            struct.pack_into(">i", held := bytearray(body), 14, len(body) - 18)
            data = _checked(chance, bytearray(struct.pack(">qiI", chance.randrange(99), 0, 0) + held))
        if chance.random() < 0.3:
            data += chance.choice(seeds)
        start = chance.choice([0, 0, 3, 1 << 40])
        try:
            decoded = records.decode(data, wanted, start=start, end=_END)
            decoded.batch.validate(full=True)
            counted, following, _ = records.count(data, start=start, end=_END)
            assert following == decoded.next_offset
            assert counted >= decoded.batch.num_rows
        except CorruptRecord:
            pass

    return once


def fuzz_json(chance: random.Random) -> Callable[[], None]:
    record = {"a": 12, "d": 1.5e3, "s": 'te\\xt "é" \u2603', "b": True, "n": {"x": [1, {"y": None}]}}
    seeds = [orjson.dumps(record), orjson.dumps(record, option=orjson.OPT_INDENT_2),
             b'{"s":"\\ud83d\\ude00\\n","a":-9223372036854775808}', b'{"n":[[[[[]]]]],"d":-0.1E-7}']  # fmt: skip
    fields = [Field("a", pa.int64()), Field("d", pa.float64()), Field("s", pa.string()),
              Field("b", pa.bool_()), Field("n", pa.list_(pa.int8())), Field("i", pa.int32())]  # fmt: skip

    def once() -> None:
        rows = [bytes(mutate(chance, chance.choice(seeds))) for _ in range(20)]
        values = pa.array([r if chance.random() < 0.97 else None for r in rows], pa.binary())
        found = json_scan.scan(values, fields, chance.choice(list(Names)), chance.choice(list(Types)))
        bad = {row for row, _ in found.bad}
        for column in found.columns:
            column.validate(full=True)
        for row, value in enumerate(values.to_pylist()):
            if row not in bad and value is not None:
                # What we take as JSON, another parser does too (but for halves of surrogates).
                try:
                    orjson.loads(value)
                except orjson.JSONDecodeError as error:
                    if "surrogate" not in str(error) and "escaped" not in str(error):
                        raise AssertionError(f"took {value!r}") from error

    return once


TARGETS: dict[str, tuple[Callable[[random.Random], Callable[[], None]], int]] = {
    # what to run, and how many inputs one call is
    "records": (fuzz_records, 1),
    "messages": (fuzz_messages, 1),
    "json": (fuzz_json, 20),
    "avro": (fuzz_avro, 20),
    "protobuf": (fuzz_protobuf, protobuf.ROWS),
    "protobuf_schema": (fuzz_protobuf_schema, 1),
    "declared_json": (fuzz_declared_json, text.ROWS),
    "delimited": (fuzz_delimited, text.ROWS),
    "json_schema": (fuzz_json_schema, 1),
}


def main() -> None:
    """Run one target and print how many inputs it stood."""
    name, count = sys.argv[1], int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    codecs.LIMIT = 1 << 20
    prepare, size = TARGETS[name]
    once = prepare(random.Random(seed))
    slowest = 0.0
    for _ in range(-(-count // size)):
        began = time.perf_counter()
        once()
        slowest = max(slowest, time.perf_counter() - began)
    assert slowest < 1, f"one input took {slowest:.1f} s"
    print(f"{count} inputs, slowest {slowest * 1000:.1f} ms")


if __name__ == "__main__":
    main()
