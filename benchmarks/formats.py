"""Declared formats without a schema, 200,000 records of five columns, one core.

Declared JSON against the scan of an undeclared topic (target: no more than 1.5 times its time: names
match in two ways), DELIMITED against csv.reader and KAFKA against struct, record by record into
Arrow (targets: a third).  Alternating, medians of seven.
"""

from __future__ import annotations

import csv
import struct
from collections.abc import Callable

import orjson
import pyarrow as pa
from compare import alternate, report

from kshell.catalog.model import Column, FormatSpec
from kshell.formats.base import Codec, Half, Place
from kshell.formats.json_scan import Field, Names, Types, scan
from kshell.formats.open import open_codec

ROWS, BATCH = 200_000, 16_384
COLUMNS = {"orderid": pa.int64(), "userid": pa.string(), "total": pa.float64(), "count": pa.int32(),
           "paid": pa.bool_()}  # fmt: skip


def codec(format: str, columns: dict[str, pa.DataType]) -> Codec:
    """Over columns that are declared, and so in upper case."""
    given = tuple(Column(n.upper(), t) for n, t in columns.items())
    return open_codec(Place("t", Half.VALUE, FormatSpec(format), given))


def batches(values: list[bytes]) -> list[pa.Array]:
    """As they come off a topic."""
    return [pa.array(values[i : i + BATCH], pa.binary()) for i in range(0, ROWS, BATCH)]


def reading(format: str, columns: dict[str, pa.DataType], chunks: list[pa.Array]) -> Callable[[], None]:
    """All columns of all chunks."""
    made, names = codec(format, columns), [n.upper() for n in columns]

    def run() -> None:
        assert not any(made.decode(chunk, names).bad for chunk in chunks)

    return run


def main() -> None:
    """Print a line for each format."""
    rows = [(i, f"User_{i % 1000}", i / 7, i % 9, i % 2 == 0) for i in range(ROWS)]
    texts = batches([orjson.dumps(dict(zip(COLUMNS, row, strict=True))) for row in rows])
    fields = [Field(n, t) for n, t in COLUMNS.items()]

    def undeclared() -> None:
        for chunk in texts:
            scan(chunk, fields, Names.EXACT, Types.STRICT)

    times = alternate({"ours": reading("JSON", COLUMNS, texts), "scan": undeclared})
    report("declared JSON, against undeclared", times["ours"], times["scan"], "≤ 1.5")

    lines = [f"{a},{b},{c},{d},{str(e).lower()}".encode() for a, b, c, d, e in rows]
    chunks = batches(lines)

    def by_csv() -> None:
        for chunk in chunks:
            found = list(csv.reader([line.decode() for line in chunk.to_pylist()]))
            a, b, c, d, e = zip(*found, strict=True)
            pa.array(map(int, a), pa.int64()), pa.array(b), pa.array(map(float, c), pa.float64())
            pa.array(map(int, d), pa.int32()), pa.array([x == "true" for x in e])

    times = alternate({"ours": reading("DELIMITED", COLUMNS, chunks), "csv": by_csv})
    report("DELIMITED, against csv.reader", times["ours"], times["csv"], "≤ 0.333")

    packed = batches([struct.pack(">q", i) for i in range(ROWS)])

    def by_struct() -> None:
        unpack = struct.Struct(">q").unpack
        for chunk in packed:
            pa.array([unpack(v)[0] for v in chunk.to_pylist()], pa.int64())

    times = alternate({"ours": reading("KAFKA", {"k": pa.int64()}, packed), "struct": by_struct})
    report("KAFKA BIGINT, against struct", times["ours"], times["struct"], "≤ 0.333")


if __name__ == "__main__":
    main()
