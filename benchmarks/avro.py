"""Avro behind a schema registry's frame: GROUP BY, against fastavro record by record into Arrow.

`python benchmarks/avro.py [RECORDS]`: in process, alternating, medians of seven.  The records are in
memory as a fetch gives them, in chunks; both sides answer the same query with DuckDB.
"""

from __future__ import annotations

import io
import json
import sys
from decimal import Decimal

import duckdb
import fastavro
import pyarrow as pa
from compare import alternate, report

from kshell.catalog.model import Column, FormatSpec
from kshell.formats.avro.codec import open_avro
from kshell.formats.avro.schema import avro_type
from kshell.formats.base import Half, Place
from kshell.formats.framing import frame
from kshell.formats.registry import Remembered, Schema, SchemaType

CHUNK = 50_000
FLAT = {"type": "record", "name": "Order", "fields": [
    {"name": "id", "type": "long"}, {"name": "region", "type": "string"},
    {"name": "price", "type": "double"}, {"name": "amount", "type": "int"},
    {"name": "paid", "type": "boolean"}]}  # fmt: skip
NESTED = {"type": "record", "name": "Cart", "fields": [
    {"name": "id", "type": "long"}, {"name": "region", "type": ["null", "string"]},
    {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OPEN", "PAID", "SENT"]}},
    {"name": "total", "type": {"type": "bytes", "logicalType": "decimal", "precision": 12, "scale": 2}},
    {"name": "moment", "type": {"type": "long", "logicalType": "timestamp-millis"}},
    {"name": "items", "type": {"type": "array", "items": {"type": "record", "name": "Item", "fields": [
        {"name": "sku", "type": "string"}, {"name": "n", "type": "int"},
        {"name": "price", "type": ["null", "double"]}]}}},
    {"name": "tags", "type": {"type": "map", "values": "string"}}]}  # fmt: skip


def flat(n: int) -> dict:
    return {"id": n, "region": f"Region_{n % 10}", "price": n % 977 + 0.25, "amount": n % 1000,
            "paid": n % 3 == 0}  # fmt: skip


def nested(n: int) -> dict:
    items = [{"sku": f"sku-{(n + k) % 997}", "n": k, "price": None if k % 4 else 1.5} for k in range(n % 5)]
    return {"id": n, "region": f"Region_{n % 10}", "state": ("OPEN", "PAID", "SENT")[n % 3],
            "total": Decimal(n % 100_000) / 100, "moment": 1_700_000_000_000 + n, "items": items,
            "tags": {"a": "x", f"k{n % 7}": "value"}}  # fmt: skip


class Bench:
    """One schema's records and the two ways to a query's answer."""

    def __init__(self, schema: dict, make, records: int) -> None:
        schemas = Remembered()
        written = Schema(SchemaType.AVRO, json.dumps(schema))
        id = schemas.register("bench-value", written)
        self.parsed = fastavro.parse_schema(schema)
        rows = []
        for n in range(records):
            out = io.BytesIO()
            fastavro.schemaless_writer(out, self.parsed, make(n))
            rows.append(frame(id, out.getvalue()))
        self.rows = rows
        self.chunks = [pa.array(rows[at : at + CHUNK], pa.binary()) for at in range(0, records, CHUNK)]
        self.type = avro_type(written)
        columns = tuple(Column(f.name, f.type) for f in self.type)
        place = Place("bench", Half.VALUE, FormatSpec("AVRO"), columns, loose=False, schemas=schemas)
        self.codec = open_avro(place)

    def ours(self, names: list[str], sql: str):
        """kshell's decoder, only the columns that the query names."""

        def run() -> list:
            batches = []
            for chunk in self.chunks:
                found = self.codec.decode(chunk, names)
                assert not found.bad
                batches.append(pa.RecordBatch.from_arrays(found.columns, names=names))
            return _answer(pa.Table.from_batches(batches), sql)

        return run

    def theirs(self, sql: str):
        """fastavro's reader, a dict a record, then Arrow."""
        schema = pa.schema(list(self.type))

        def run() -> list:
            read, parsed = fastavro.schemaless_reader, self.parsed
            batches = []
            for at in range(0, len(self.rows), CHUNK):
                found = [read(io.BytesIO(row[5:]), parsed, None) for row in self.rows[at : at + CHUNK]]
                batches.append(pa.RecordBatch.from_pylist(found, schema=schema))
            return _answer(pa.Table.from_batches(batches), sql)

        return run


_CONNECTION = duckdb.connect()


def _answer(table: pa.Table, sql: str) -> list:
    _CONNECTION.register("bench", table)
    return sorted(_CONNECTION.sql(sql).fetchall())


def compare(bench: Bench, name: str, names: list[str], sql: str, target: str) -> None:
    ours, theirs = bench.ours(names, sql), bench.theirs(sql)
    assert ours() == theirs()
    taken = alternate({"ours": ours, "theirs": theirs})
    report(name, taken["ours"], taken["theirs"], target)
    ours_, theirs_ = taken["ours"].wall, taken["theirs"].wall
    rate = len(bench.rows) / ours_ / 1e6
    print(f"    {theirs_ / ours_:.1f}x fastavro; {rate:.1f} M records/s", flush=True)


def main() -> None:
    """Write the records, run, print."""
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    group = "SELECT region, COUNT(*) FROM bench GROUP BY region"
    bench = Bench(FLAT, flat, records)
    compare(bench, "Avro, 5 flat fields, GROUP BY one", ["region"], group, "<= 0.1 (stretch 0.02)")
    total = "SELECT region, paid, MAX(id), SUM(price), SUM(amount) FROM bench GROUP BY ALL"
    compare(bench, "Avro, 5 flat fields, all of them read", [f.name for f in bench.type], total,
            "<= 0.1 (stretch 0.02)")  # fmt: skip
    bench = Bench(NESTED, nested, records // 5)
    compare(bench, "Avro, nested, GROUP BY one", ["region"], group, "<= 0.1")
    total = """SELECT region, state, SUM(total), MAX(moment)::VARCHAR, SUM(len(items)),
               SUM(cardinality(tags)) FROM bench GROUP BY ALL"""
    compare(bench, "Avro, nested, all of it read", [f.name for f in bench.type], total, "<= 0.1")


if __name__ == "__main__":
    main()
