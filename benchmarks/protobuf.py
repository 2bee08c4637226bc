"""Protobuf behind a registry's frame to Arrow columns: kshell against google.protobuf (upb).

A million records of eight fields, one of them nested; two attributes are wanted.  upb parses each
record, both attributes are read of it and put into Arrow arrays: what a program over its Python API
does.  kshell decodes the same binary column in batches of 16,384.  A second line wants a nested, a
repeated and a oneof's column too.  Alternating, medians of seven.  Target: a third of upb's time.
"""

from __future__ import annotations

import random

import pyarrow as pa
from compare import alternate, report

from kshell.formats.framing import frame
from kshell.formats.protobuf.decode import Framed
from kshell.formats.protobuf.pool import load, message_class, message_named
from kshell.formats.registry import Remembered, Schema, SchemaType

ROWS, BATCH, PREFIX = 1_000_000, 16_384, 6
TEXT = """syntax = "proto3";
message Order {
  int64 orderid = 1; string userid = 2; double total = 3; int32 count = 4; bool paid = 5;
  enum Region { EU = 0; US = 1; } Region region = 6;
  message Address { string city = 1; int32 zip = 2; } Address address = 7;
  repeated int32 items = 8;
  oneof by { string card = 9; int64 account = 10; }
}"""


def records(order: type) -> list[bytes]:
    """Framed as Confluent's serializer does it."""
    chance = random.Random(1)
    made = []
    for i in range(ROWS):
        one = order(orderid=i, userid=f"User_{i % 1000}", total=i / 7, count=i % 9, paid=i % 2 == 0,
                    region=i % 2, items=[chance.randrange(1000) for _ in range(i % 4)])  # fmt: skip
        one.address.city, one.address.zip = f"City_{i % 50}", i % 9999
        if i % 2:
            one.card = "4111"
        else:
            one.account = i
        made.append(frame(1, b"\0" + one.SerializeToString()))
    return made


def main() -> None:
    """Print the two lines."""
    schemas, schema = Remembered(), Schema(SchemaType.PROTOBUF, TEXT)
    schemas.register("orders-value", schema)
    order = message_class(message_named(load(schema)))
    values = records(order)
    batches = [pa.array(values[i : i + BATCH], pa.binary()) for i in range(0, ROWS, BATCH)]

    def ours(fields: list[pa.Field]) -> list[pa.ChunkedArray]:
        reader = Framed(schemas, fields)
        found = [reader.decode(batch) for batch in batches]
        assert not any(f.bad for f in found)
        return [pa.chunked_array([f.columns[i] for f in found]) for i in range(len(fields))]

    def upb_two() -> list[pa.Array]:
        ids, totals = [], []
        for value in values:
            one = order.FromString(value[PREFIX:])
            ids.append(one.orderid)
            totals.append(one.total)
        return [pa.array(ids, pa.int64()), pa.array(totals, pa.float64())]

    def upb_more() -> list[pa.Array]:
        users, cities, items, cards = [], [], [], []
        for value in values:
            one = order.FromString(value[PREFIX:])
            users.append(one.userid)
            cities.append({"city": one.address.city} if one.HasField("address") else None)
            items.append(list(one.items))
            cards.append(one.card if one.HasField("card") else None)
        return [pa.array(users, pa.string()), pa.array(cities, city.type),
                pa.array(items, pa.list_(pa.int32())), pa.array(cards, pa.string())]  # fmt: skip

    city = pa.field("address", pa.struct([("city", pa.string())]))
    two = [pa.field("orderid", pa.int64()), pa.field("total", pa.float64())]
    more = [pa.field("userid", pa.string()), city, pa.field("items", pa.list_(pa.int32())),
            pa.field("card", pa.string())]  # fmt: skip
    for name, fields, theirs in (
        ("two attributes", two, upb_two),
        ("text, nested, repeated and oneof", more, upb_more),
    ):
        for mine, peer in zip(ours(fields), theirs(), strict=True):
            assert mine.combine_chunks().equals(peer)
        times = alternate({"kshell": lambda f=fields: ours(f), "upb": theirs})
        report(f"protobuf, 1 M records: {name}", times["kshell"], times["upb"], "≤ 0.333")
        print(f"{'':58s} {ROWS / times['kshell'] / 1e6:8.1f} M records/s")


if __name__ == "__main__":
    main()
