"""What COPY writes to a file it reads again, whatever the rows; and every row of a file is read or said, with its line."""

from __future__ import annotations

import csv
import datetime
import io
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from kshell.catalog.model import Column
from kshell.errors import BindError
from kshell.formats import blocks as blocks_module
from kshell.formats.blocks import Block, Blocks
from kshell.formats.file_blocks import KINDS, open_blocks
from kshell.formats.file_writers import WRITERS

PAIR = pa.struct([("key", pa.binary()), ("value", pa.binary())])
MOMENTS = st.datetimes(datetime.datetime(1600, 1, 1), datetime.datetime(2500, 1, 1)).map(
    lambda m: m.replace(microsecond=m.microsecond // 1000 * 1000)
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\r"))
TYPES = {
    "i": (pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    "n": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "d": (pa.float64(), st.floats(allow_nan=False)),
    "s": (pa.string(), TEXTS),
    "o": (pa.bool_(), st.booleans()),
    "b": (pa.binary(), st.binary(max_size=9)),
    "at": (pa.timestamp("ms"), MOMENTS),
    "on": (pa.date32(), st.dates(datetime.date(1600, 1, 1), datetime.date(2500, 1, 1))),
    "c": (pa.decimal128(6, 2), st.decimals(-9999, 9999, places=2)),
    "l": (pa.list_(pa.int64()), st.lists(st.none() | st.integers(-5, 5), max_size=3)),
    "h": (pa.list_(PAIR), st.lists(st.fixed_dictionaries({"key": st.binary(max_size=3), "value": st.none() | st.binary(max_size=3)}), max_size=3)),
}  # fmt: skip


def read(kind: str, data: bytes, wanted: list[Column] | None, loose: bool = False) -> list[Block]:
    return list(open_blocks(kind, Blocks("f", io.BytesIO(data), wanted, loose=loose)))


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_there_and_back(kind: str, data) -> None:
    rows = data.draw(st.integers(1, 5))
    columns = {
        name: pa.array(data.draw(st.lists(st.none() | values, min_size=rows, max_size=rows)), type)
        for name, (type, values) in TYPES.items()
    }
    batch = pa.RecordBatch.from_pydict(columns)
    out = io.BytesIO()
    writer = WRITERS[kind](out, batch.schema)
    writer.write(batch)
    writer.close()
    blocks = read(kind, out.getvalue(), [Column(f.name, f.type) for f in batch.schema])
    assert [bad for block in blocks for bad in block.bad] == []
    assert pa.Table.from_batches([b.rows for b in blocks]).to_pydict() == batch.to_pydict()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.text(st.sampled_from('ab",\n ')), min_size=1, max_size=3), max_size=8),
    st.integers(1, 40),
)
def test_each_row_of_csv_is_read_or_said_with_its_line(rows: list[list[str]], size: int) -> None:
    """Cut at any size.  A row of another width than two is bad; Python's own reader counts the lines."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([["x", "y"], *rows])
    reader = csv.reader(io.StringIO(text.getvalue(), newline=""))
    expected, line = [], 1
    for row in reader:
        expected.append((line, row))
        line = reader.line_num + 1
    kept = blocks_module._SIZE
    blocks_module._SIZE = size
    try:
        blocks = read("csv", text.getvalue().encode(), [Column("x", pa.string()), Column("y", pa.string())])
    finally:
        blocks_module._SIZE = kept
    good = [
        (int(n), [row["x"], row["y"]])
        for b in blocks for n, row in zip(b.lines, b.rows.to_pylist(), strict=True)
    ]  # fmt: skip
    bad = [n for b in blocks for n, _ in b.bad]
    assert good == [(n, row) for n, row in expected[1:] if len(row) == 2]
    assert bad == [n for n, row in expected[1:] if len(row) != 2]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(['{"a":1}', "", "no", '{"a":"x"}', "[]", '{"a":2}\r']), max_size=12), st.integers(1, 30))
def test_each_line_of_json_is_read_or_said(lines: list[str], size: int) -> None:
    kept = blocks_module._SIZE
    blocks_module._SIZE = size
    try:
        blocks = read("jsonl", "\n".join(lines).encode(), [Column("a", pa.int64())])
    finally:
        blocks_module._SIZE = kept
    good = [(int(n), row["a"]) for b in blocks for n, row in zip(b.lines, b.rows.to_pylist(), strict=True)]
    assert good == [(n, int(li[5])) for n, li in enumerate(lines, 1) if li[5:6].isdigit()]
    assert [n for b in blocks for n, _ in b.bad] == [n for n, li in enumerate(lines, 1) if li in ("no", '{"a":"x"}', "[]")]
    for block in blocks:
        assert block.texts is not None
        assert [t.rstrip(b"\r") for t in block.texts.to_pylist()] == [b'{"a":%d}' % row["a"] for row in block.rows.to_pylist()]


def test_what_cannot_be_told_apart_ends_the_read() -> None:
    with pytest.raises(BindError, match="f, line 3: a quote in the middle"):
        read("csv", b'x,y\n1,2\n3,4"5\n', None)
    for text, line in ((b'x,y\n1,"open\n2,3\n', 2), (b'"x,y\n1,2\n', 1), (b'x,y\n1,2\n"a ""b",3\n4,"\n', 4)):
        with pytest.raises(BindError, match=f"f, line {line}: a quote is opened there, and not closed"):
            read("csv", text, None)
    with pytest.raises(BindError, match="carriage return alone"):
        read("csv", b"x,y\r1,2\r", None)
    assert [b.rows.to_pylist() for b in read("csv", b"x\r\n1\r\n", None)] == [[{"x": 1}]]
    with pytest.raises(BindError, match="two columns have one name"):
        read("csv", b"x,x\n1,2\n", None)
    for kind in ("parquet", "avro"):
        with pytest.raises(BindError, match="cannot be read"):
            read(kind, b"nothing of the kind", None)


def test_whole_numbers_of_csv_keep_all_their_digits() -> None:
    (block,) = read("csv", b"a,b,c,d\n9223372036854775807,9223372036854775808,1.5,1\n-5,1,9007199254740993,\n", None)
    assert block.rows.to_pydict() == {
        "a": [9223372036854775807, -5], "b": ["9223372036854775808", "1"], "c": ["1.5", "9007199254740993"], "d": [1, None],
    }  # fmt: skip


def test_times_finer_than_milliseconds_are_cut_and_others_have_no_type() -> None:
    made = io.BytesIO()
    moments = pa.array([1_700_000_000_123_456, None, 1_700_000_000_123_000], pa.timestamp("us", "UTC"))
    parquet.write_table(pa.table({"t": moments, "u": moments.slice(1).take(pa.array([0, 1, 1]))}), made)
    blocks = Blocks("f", io.BytesIO(made.getvalue()), None)
    (block,) = open_blocks("parquet", blocks)
    assert block.bad == []
    assert block.rows.column("t").cast(pa.int64()).to_pylist() == [1_700_000_000_123, None, 1_700_000_000_123]
    assert blocks.cut == ("t",)
    made = io.BytesIO()
    parquet.write_table(pa.table({"d": pa.array([1], pa.duration("s"))}), made)
    with pytest.raises(BindError, match=r"column d of f is duration\[s\], for which there is no type"):
        list(open_blocks("parquet", Blocks("f", io.BytesIO(made.getvalue()), None)))


def test_a_row_without_an_end_is_an_error_and_not_all_of_memory(monkeypatch) -> None:
    monkeypatch.setattr(blocks_module, "_LONGEST", 100)
    monkeypatch.setattr(blocks_module, "_SIZE", 60)
    with pytest.raises(BindError, match="line 2.*is a quote not closed"):
        read("csv", b'x\n"' + b"a\n" * 500, None)


def test_cells_of_csv_and_their_types() -> None:
    (block,) = read("csv", "a,b,c,é\n1,2.5,true,007\n,,,\n-3,1e3,false,é\n".encode(), None)
    assert block.rows.to_pydict() == {
        "a": [1, None, -3], "b": [2.5, None, 1000.0], "c": [True, None, False], "é": ["007", None, "é"],
    }  # fmt: skip
    wanted = [Column("D", pa.decimal128(4, 1)), Column("T", pa.timestamp("ms"))]
    blocks = read("csv", b"d,t\n1.5,2020-01-02T03:04:05Z\nx,2020-01-02 03:04:05\n2.0,never\n", wanted, loose=True)
    assert [b.rows.to_pylist() for b in blocks] == [[{"D": Decimal("1.5"), "T": datetime.datetime(2020, 1, 2, 3, 4, 5)}]]
    assert [n for n, _ in blocks[0].bad] == [3, 4]
