"""Each format, against what it must say of the same rows."""

from __future__ import annotations

import csv
import datetime
import decimal
import io
import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kshell.config import Properties
from kshell.errors import UsageError
from kshell.preview import as_text
from kshell.session import Session
from kshell.terminal.formats import FORMATS
from kshell.terminal.output import WRITERS, Target, write
from kshell.terminal.sanitize import clean
from kshell.value_texts import raw_texts

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
    assert remarks == ["cells with … are cut: --output vertical shows all"]


def test_table_leaves_columns_out_rather_than_wrap() -> None:
    out = io.StringIO()
    table = pa.table({f"c{i}": ["a long value here"] for i in range(12)})
    remarks = write("table", table.schema, table.to_batches(), Target(out, width=60))
    assert all(len(line) <= 60 for line in out.getvalue().splitlines())
    assert remarks == ["12 columns, 3 shown; cells with … are cut: --output vertical shows all"]


def test_table_of_nothing_has_its_heading() -> None:
    assert written("table", ROWS.slice(0, 0)).splitlines()[0].split() == ["n", "│", "name", "│", "at"]


def test_table_dims_null_but_not_the_word() -> None:
    text = written("table", pa.table({"v": [None, "NULL"]}), width=80, colour=True)
    assert text.splitlines()[2:] == [" \x1b[2;3mNULL\x1b[0m", " NULL"]


def test_widths_come_from_the_first_rows_and_later_ones_are_cut_for_a_terminal_alone() -> None:
    batches = [pa.record_batch({"v": ["ab"] * 1000}), pa.record_batch({"v": ["abcdef"]})]
    for width, shown in ((80, " a…"), (None, " abcdef")):
        out = io.StringIO()
        write("table", batches[0].schema, iter(batches), Target(out, width=width))
        assert out.getvalue().splitlines()[-1] == shown


def test_table_streams_after_its_sample() -> None:
    out = io.StringIO()

    def batches():  # type: ignore[no-untyped-def]
        yield pa.record_batch({"v": ["first"] * 1000})
        assert "first" in out.getvalue()
        yield pa.record_batch({"v": ["second"]})

    write("table", pa.schema([("v", pa.string())]), batches(), Target(out))


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


@pytest.mark.parametrize("name", ["json", "jsonl"])
def test_json_on_a_terminal_is_clean_and_reads_back(name: str) -> None:
    hostile = "\x1b[2J\x7f\x9b31m\u2028\u202e\U000e0041 \\ ü"
    table = pa.table({f"n{hostile}": [hostile] * 200})
    out = io.StringIO()
    write(name, table.schema, table.to_batches(), Target(out, width=80))
    said = out.getvalue()
    assert clean(said.replace("\n", "")) == said.replace("\n", "")
    rows = json.loads(said) if name == "json" else list(map(json.loads, said.splitlines()))
    assert rows == table.to_pylist()


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
    assert written("jsonl", table) == '{"d":1.5,"b":"/wA=","m":{"k":1},"t":"2024-02-29","x":"NaN"}\n'


def test_csv_quotes_and_leaves_null_empty() -> None:
    table = pa.table({"a": ['say "hi"', None], "b": ["x,y", "line\nend"]})
    assert written("csv", table) == 'a,b\n"say ""hi""","x,y"\n,"line\nend"\n'


def test_csv_writes_an_empty_text_as_two_quotes_and_null_as_nothing() -> None:
    table = pa.table({"a": ["", None, "x"], "b": ['"', "", None], "n": [1, None, 3]})
    assert written("csv", table) == 'a,b,n\n"","""",1\n,"",\nx,,3\n'


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


def answered(sql: str) -> pa.Table:
    session = Session(Properties({}), tables={"t": pa.table({"x": [1]})})
    try:
        *_, answer = session.execute(sql)
        return pa.Table.from_batches(list(answer.batches), answer.schema)
    finally:
        session.close()


def in_parquet(table: pa.Table) -> tuple[pa.Table, Sequence[str]]:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw)
    said = write("parquet", table.schema, table.to_batches(), Target(stream))
    return pq.read_table(pa.BufferReader(raw.getvalue())), said


@pytest.mark.parametrize(
    ("item", "text", "in_json"),
    [
        ("'NaN'::DOUBLE", "NaN", '"NaN"'),
        ("'-inf'::FLOAT", "-Infinity", '"-Infinity"'),
        ("{'a': ['inf'::DOUBLE, 1.5]}", '{"a":["Infinity",1.5]}', '{"a":["Infinity",1.5]}'),
        ("MAP {'NaN'::DOUBLE: 1}", '{"NaN":1}', '{"NaN":1}'),
        ("MAP {true: NULL}", '{"true":null}', '{"true":null}'),
        ("INTERVAL '1 month 2 days 03:04:05.5'", "1 month 2 days 03:04:05.5", '"1 month 2 days 03:04:05.5"'),
        ("[INTERVAL '-1 hour', NULL]", '["-01:00:00",null]', '["-01:00:00",null]'),
        ("TIMESTAMP_NS '2020-01-01 00:00:00.123456789'", "2020-01-01 00:00:00.123456789", '"2020-01-01T00:00:00.123456789"'),
        ("'infinity'::TIMESTAMP", "infinity", '"infinity"'),
        ("DATE '9999-12-31' + 100000", "10273-10-15", '"10273-10-15"'),
        ("union_value(k := 1)", "1", "1"),
        ("{}", "{}", "{}"),
        ("'0xab'::BLOB", "0x30786162", '"MHhhYg=="'),
    ],
)  # fmt: skip
def test_each_kind_of_value_reads_alike_in_every_format(item: str, text: str, in_json: str) -> None:
    table = answered(f"SELECT {item} AS v")
    assert written("jsonl", table) == f'{{"v":{in_json}}}\n'
    assert list(csv.reader(io.StringIO(written("csv", table)))) == [["v"], [text]]
    assert written("table", table).splitlines()[-1].strip() == text
    assert as_text(table, more=False).splitlines()[-1] == (text if len(text) <= 40 else text[:39] + "…")
    assert in_parquet(table)[0].num_rows == 1


@pytest.mark.parametrize("interval", ["1 year 2 months -1 day", "-13 months", "0 days", "36:00:00.000001", "-00:00:01"])
def test_an_interval_reads_as_in_duckdb(interval: str) -> None:
    table = answered(f"SELECT INTERVAL '{interval}' AS i, CAST(INTERVAL '{interval}' AS VARCHAR) AS t")
    assert raw_texts(table["i"].chunk(0)) == table["t"].to_pylist()


def test_parquet_says_what_it_holds_as_text() -> None:
    read, said = in_parquet(answered("SELECT INTERVAL 1 DAY AS i, [INTERVAL 1 DAY] AS l, 1 AS n"))
    assert read.to_pylist() == [{"i": "1 day", "l": '["1 day"]', "n": 1}]
    assert "i, l" in said[0]


@pytest.mark.parametrize("name", [n for n in FORMATS if n not in ("arrow", "parquet")])
def test_columns_of_one_name_take_the_next_free_number(name: str) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2]), pa.array([3])], names=["id", "id", "id_1"])
    text = written(name, table)
    text = text.replace("\\", "")
    assert 0 < text.index("id_2") < text.index("id_1")


def test_a_sum_of_bigints_is_a_whole_number_in_json() -> None:
    total = pa.table({"s": pa.array([decimal.Decimal(20002), decimal.Decimal(-(2**62)) - 1], pa.decimal128(38, 0))})
    out = io.StringIO()
    write("jsonl", total.schema, total.to_batches(), Target(out))
    assert out.getvalue() == '{"s":20002}\n{"s":-4611686018427387905}\n'
