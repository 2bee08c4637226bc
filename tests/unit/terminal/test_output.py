"""Each format, against what it must say of the same rows."""

from __future__ import annotations

import datetime
import decimal
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kshell.errors import UsageError
from kshell.terminal.commands import FORMATS
from kshell.terminal.output import WRITERS, Target, write
from kshell.terminal.tables import layout

ROWS = pa.table(
    {
        "n": pa.array([1, None, 300], pa.int64()),
        "name": ["ann", "東京", None],
        "at": [{"city": "Lisbon"}, None, {"city": None}],
    }
)


def written(name: str, table: pa.Table = ROWS, **target: object) -> str:
    out = io.StringIO()
    write(name, table.schema, table.to_batches(), Target(out, **target))  # type: ignore[arg-type]
    return out.getvalue()


def test_every_format_has_a_writer_and_a_name() -> None:
    assert tuple(WRITERS) == FORMATS


def test_table_aligns_numbers_right_and_counts_wide_characters_twice() -> None:
    assert [line.rstrip() for line in written("table").splitlines()] == [
        "    n │ name │ at",
        "──────┼──────┼───────────────────",
        '    1 │ ann  │ {"city":"Lisbon"}',
        " NULL │ 東京 │ NULL",
        '  300 │ NULL │ {"city":null}',
    ]  # fmt: skip


def test_table_cuts_to_the_terminal_and_says_how_to_see_all() -> None:
    out = io.StringIO()
    table = pa.table({"n": [1], "text": ["x" * 50], "wide": ["東" * 30]})
    remarks = write("table", table.schema, table.to_batches(), Target(out, width=40))
    lines = out.getvalue().splitlines()
    assert lines[2] == " 1 │ " + "x" * 14 + "… │ " + "東" * 7 + "…"
    assert "\\x" in remarks[0]


def test_table_leaves_columns_out_rather_than_wrap() -> None:
    out = io.StringIO()
    table = pa.table({f"c{i}": ["a long value here"] for i in range(12)})
    remarks = write("table", table.schema, table.to_batches(), Target(out, width=60))
    assert all(len(line) <= 60 for line in out.getvalue().splitlines())
    assert remarks == ["7 more columns do not fit: \\x or --output vertical shows them"]


def test_table_of_nothing_has_its_heading() -> None:
    assert written("table", ROWS.slice(0, 0)).splitlines()[0].split() == ["n", "│", "name", "│", "at"]


def test_table_dims_null_but_not_the_word() -> None:
    text = written("table", pa.table({"v": [None, "NULL"]}), width=80, colour=True)
    assert text.splitlines()[2:] == [" \x1b[2;3mNULL\x1b[0m", " NULL"]


def test_widths_come_from_the_first_rows_and_later_ones_are_cut() -> None:
    batches = [pa.record_batch({"v": ["ab"] * 1000}), pa.record_batch({"v": ["abcdef"]})]
    out = io.StringIO()
    write("table", batches[0].schema, iter(batches), Target(out))
    assert out.getvalue().splitlines()[-1] == " a…"


def test_table_streams_after_its_sample() -> None:
    out = io.StringIO()

    def batches():  # type: ignore[no-untyped-def]
        yield pa.record_batch({"v": ["first"] * 1000})
        assert "first" in out.getvalue()
        yield pa.record_batch({"v": ["second"]})

    write("table", pa.schema([("v", pa.string())]), batches(), Target(out))


def test_layout_takes_from_the_widest_first() -> None:
    assert layout([4, 10, 100], 60) == [4, 10, 38]
    assert layout([4, 10, 100], None) == [4, 10, 100]


def test_vertical() -> None:
    assert written("vertical", ROWS.slice(0, 1)).splitlines() == [
        "─ row 1 ──",
        "   n │ 1",
        "name │ ann",
        '  at │ {"city":"Lisbon"}',
    ]


def test_jsonl() -> None:
    assert written("jsonl").splitlines() == [
        '{"n":1,"name":"ann","at":{"city":"Lisbon"}}',
        '{"n":null,"name":"東京","at":null}',
        '{"n":300,"name":null,"at":{"city":null}}',
    ]


def test_json_is_one_array_also_of_nothing() -> None:
    assert written("json", ROWS.slice(0, 0)) == "[]\n"
    assert written("json", pa.table({"a": [1, 2]})) == '[\n{"a":1},\n{"a":2}\n]\n'


def test_json_of_kinds_it_has_no_word_for() -> None:
    table = pa.table(
        {
            "d": pa.array([decimal.Decimal("1.50")]),
            "b": [b"\xff\x00"],
            "m": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int32())),
            "t": [datetime.date(2024, 2, 29)],
            "x": [float("nan")],
        }
    )
    assert written("jsonl", table) == '{"d":1.5,"b":"/wA=","m":{"k":1},"t":"2024-02-29","x":null}\n'


def test_csv_quotes_and_leaves_null_empty() -> None:
    table = pa.table({"a": ['say "hi"', None], "b": ["x,y", "line\nend"]})
    assert written("csv", table) == 'a,b\n"say ""hi""","x,y"\n,"line\nend"\n'


def test_csv_safe_disarms_formulas_but_not_numbers() -> None:
    table = pa.table({"=cmd": ["=1+1", "@x"], "n": [-1, 2]})
    assert written("csv", table, csv_safe=True) == "'=cmd,n\n'=1+1,-1\n'@x,2\n"


def test_tsv_escapes_as_postgres_does() -> None:
    table = pa.table({"a": ["x\ty", None, "b\\c"]})
    assert written("tsv", table) == "a\nx\\ty\n\\N\nb\\\\c\n"


def test_markdown_cannot_be_broken_out_of() -> None:
    table = pa.table({"a": ["x|y", "<b>[l](u)"], "n": [1, 2]})
    assert written("markdown", table).splitlines() == [
        "| a | n |", "|---|---:|", "| x\\|y | 1 |", "| \\<b\\>\\[l\\](u) | 2 |",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_binary_formats_refuse_a_terminal_and_read_back(name: str) -> None:
    with pytest.raises(UsageError, match="not for a terminal"):
        written(name, width=80)
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw)
    write(name, ROWS.schema, ROWS.to_batches(), Target(stream))
    source = pa.BufferReader(raw.getvalue())
    read = pa.ipc.open_stream(source).read_all() if name == "arrow" else pq.read_table(source)
    assert read.to_pylist() == ROWS.to_pylist()


def test_two_columns_of_one_name_are_both_written() -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    assert written("jsonl", table) == '{"a":1,"a_1":2}\n'


def test_bytes_are_text_where_they_can_be_and_else_hex() -> None:
    lines = written("table", pa.table({"b": [b"abc", b"\x00\xff"]})).splitlines()
    assert lines[2:] == [" abc", " 0x00ff"]


def test_a_sum_of_bigints_is_a_whole_number_in_json() -> None:
    total = pa.table({"s": pa.array([decimal.Decimal(20002), decimal.Decimal(-(2**62)) - 1], pa.decimal128(38, 0))})
    out = io.StringIO()
    write("jsonl", total.schema, total.to_batches(), Target(out))
    assert out.getvalue() == '{"s":20002}\n{"s":-4611686018427387905}\n'
