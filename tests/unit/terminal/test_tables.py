"""What a person sees of a table on terminals of several widths, drawn by hand."""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.results import MARKS
from kshell.terminal.ends import Gap
from kshell.terminal.output import Target, write
from kshell.terminal.times import Times
from kshell.terminal.widths import width_of
from kshell.types import as_moment

ORDERS = pa.table(
    {
        "orderid": pa.array([1, 20], pa.int64()),
        "name": ["Zoë 👩\u200d💻", "a name that is far too long for this"],
        "address": [{"city": "Lisbon", "zip": 1100}, None],
        "at": pa.array([0, 1], pa.timestamp("ms")),
        "day": [datetime.date(2024, 2, 29), None],
    }
)
MOMENT = pa.schema([as_moment(pa.field("ROWTIME", pa.int64())), ("n", pa.int64())])


def drawn(
    name: str, table: pa.Table, batches: Iterable[Any] | None = None, **target: object
) -> tuple[list[str], list[str]]:
    out = io.StringIO()
    target = {"times": Times.UTC, **target}
    parts = table.to_batches() if batches is None else batches
    remarks = write(name, table.schema, parts, Target(out, **target))  # type: ignore[arg-type]
    return out.getvalue().splitlines(), list(remarks)


def test_80_columns_shrink_the_widest() -> None:
    lines, remarks = drawn("table", ORDERS.drop(["address"]), width=80, prompt=True)
    assert lines == [
        " orderid │ name                         │ at                       │ day",
        "  BIGINT │ STRING                       │ TIMESTAMP                │ DATE",
        "─────────┼──────────────────────────────┼──────────────────────────┼────────────",
        "       1 │ Zoë 👩\u200d💻                       │ 1970-01-01 00:00:00.000Z │ 2024-02-29",
        "      20 │ a name that is far too long… │ 1970-01-01 00:00:00.001Z │ NULL",
    ]
    assert remarks == ["cells with … are cut: \\x shows all"]


def test_a_type_is_whole_or_not_there_and_no_column_is_left_out_for_it() -> None:
    table = pa.table({c: pa.array([1], pa.int64()) for c in "abcdefgh"})
    assert drawn("table", table, width=40, prompt=True)[0] == [
        " a │ b │ c │ d │ e │ f │ g │ h",
        "───┼───┼───┼───┼───┼───┼───┼───",
        " 1 │ 1 │ 1 │ 1 │ 1 │ 1 │ 1 │ 1",
    ]
    mixed = table.append_column("name", pa.array(["Ann Lee"]))
    assert drawn("table", mixed, width=43, prompt=True)[0][:2] == [
        " a │ b │ c │ d │ e │ f │ g │ h │ name",
        "   │   │   │   │   │   │   │   │ STRING",
    ]
    assert drawn("table", table, width=30, prompt=True)[0] == [
        "      a │      b │ … │      h",
        " BIGINT │ BIGINT │ … │ BIGINT",
        "────────┼────────┼───┼────────",
        "      1 │      1 │ … │      1",
    ]
    assert drawn("table", table, width=80, prompt=True)[0][1] == " │ ".join([" BIGINT"] + ["BIGINT"] * 7)


def test_50_columns_leave_out_the_middle_and_count_it() -> None:
    lines, remarks = drawn("table", ORDERS, width=50)
    assert lines == [
        " orderid │ name                  │ … │ day",
        "─────────┼───────────────────────┼───┼────────────",
        "       1 │ Zoë 👩\u200d💻                │ … │ 2024-02-29",
        "      20 │ a name that is far t… │ … │ NULL",
    ]
    assert remarks == ["5 columns, 3 shown; cells with … are cut: --output vertical shows all"]


def test_a_type_keeps_its_column_wide_and_columns_are_counted_in_thousands() -> None:
    given = pa.table({"amount": pa.array([None], pa.decimal128(38, 10)), "text": pa.array(["x" * 90])})
    assert drawn("table", given, width=30, prompt=True)[0][1] == " DECIMAL(38, 10) │ STRING"
    many = pa.table({f"c{n}": pa.array([n]) for n in range(1500)})
    assert drawn("table", many, width=30)[1] == ["1,500 columns, 4 shown: --output vertical shows all"]


def test_200_columns_show_all() -> None:
    lines, remarks = drawn("table", ORDERS, width=200)
    assert lines[-2:] == [
        f'       1 │ Zoë 👩\u200d💻{" " * 30} │ {{"city":"Lisbon","zip":1100}}'
        " │ 1970-01-01 00:00:00.000Z │ 2024-02-29",
        "      20 │ a name that is far too long for this │ NULL                        "
        " │ 1970-01-01 00:00:00.001Z │ NULL",
    ]
    assert remarks == []


def test_rows_are_in_the_colour_of_what_they_say_of_themselves() -> None:
    schema = pa.schema([("change", pa.string()), ("before", pa.string()), ("after", pa.string())], {MARKS: b"change"})
    rows = [("added", None, "x"), ("removed", "y", None), ("changed", "a", "b"), ("same", "c", "c")]
    table = pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)
    lines, _ = drawn("table", table, width=80, colour=True)
    codes = [re.findall(r"\x1b\[(3\d)m", line) for line in lines[-4:]]
    assert [set(found) for found in codes] == [{"32"}, {"31"}, {"33"}, set()]
    for line in lines[-4:-1]:
        assert line.startswith("\x1b[3")
        assert line.endswith("\x1b[0m")
        after = re.split(r"\x1b\[0m", line)[1:-1]
        assert all(part.startswith("\x1b[3") for part in after)  # the colour goes on behind a rule or a NULL
    plain, _ = drawn("table", table, width=80)
    assert plain == [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]


def test_a_long_heading_is_wrapped_and_whole() -> None:
    name = "SUM(CASE WHEN total > 100 THEN total ELSE 0 END) of all the orders"
    lines, remarks = drawn("table", pa.table({name: [1.5], "n": [2]}), width=60)
    assert lines == [
        "     SUM(CASE WHEN total > 100 THEN total │ n",
        "            ELSE 0 END) of all the orders │",
        "──────────────────────────────────────────┼───",
        "                                      1.5 │ 2",
    ]
    assert remarks == []


def test_rows_that_are_left_out_are_a_line() -> None:
    rows = pa.table({"n": [1, 2, 3, 4], "s": ["a", "b", "c", "d"]})
    parts = [*rows.slice(0, 1).to_batches(), Gap(2), *rows.slice(3).to_batches()]
    assert drawn("table", rows, parts, width=40)[0] == [
        " n │ s", "───┼───", " 1 │ a", " · │ ·", " 4 │ d",
    ]  # fmt: skip
    assert drawn("vertical", rows, parts, width=40)[0] == [
        "─ row 1 ──", "n │ 1", "s │ a", "· 2 rows ·", "─ row 4 ──", "n │ 4", "s │ d",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["table", "vertical", "markdown"])
def test_moments_are_times_for_people(name) -> None:
    table = pa.table([[1_700_000_000_123, None], [1_700_000_000_123, 1]], schema=MOMENT)
    text = "\n".join(drawn(name, table, width=80)[0])
    assert "2023-11-14 22:13:20.123Z" in text
    assert "1700000000123" in text  # of the column that is a number
    numbers = "\n".join(drawn(name, table, width=80, times=Times.NUMBER)[0])
    assert numbers.count("1700000000123") == 2


@pytest.mark.parametrize("name", ["json", "jsonl", "csv", "tsv"])
def test_moments_are_numbers_for_machines(name) -> None:
    table = pa.table([[1_700_000_000_123], [1]], schema=MOMENT)
    assert "1700000000123" in drawn(name, table)[0][-1 if name != "json" else 1]


def test_vertical_wraps_words_and_takes_nested_values_apart() -> None:
    table = pa.table(
        {
            "id": [7],
            "text": ["the quick brown fox jumps over the lazy dog"],
            "address": [{"city": "Lisbon", "lines": ["Rua A 1", "Rua B 22"], "zip": 1100}],
        }
    )
    assert drawn("vertical", table, width=40)[0] == [
        "─ row 1 ──",
        "     id │ 7",
        "   text │ the quick brown fox jumps over",
        "        │ the lazy dog",
        "address │ {",
        '        │   "city": "Lisbon",',
        '        │   "lines": [',
        '        │     "Rua A 1",',
        '        │     "Rua B 22"',
        "        │   ],",
        '        │   "zip": 1100',
        "        │ }",
    ]


def test_auto_is_a_table_while_all_of_it_fits() -> None:
    narrow = pa.table({"a": [1], "b": ["x"]})
    assert drawn("auto", narrow, width=40)[0] == drawn("table", narrow, width=40)[0]
    assert drawn("auto", ORDERS, width=80)[0] == drawn("vertical", ORDERS, width=80)[0]
    assert drawn("auto", ORDERS)[0] == drawn("table", ORDERS)[0]


def test_numbers_that_get_longer_keep_their_digits() -> None:
    batches = [
        pa.record_batch({"n": pa.array(range(1000), pa.int64()), "s": ["x"] * 1000}),
        pa.record_batch({"n": pa.array([123_456], pa.int64()), "s": ["y"]}),
    ]
    lines, remarks = drawn("table", pa.Table.from_batches(batches[:1]), batches, width=40)
    assert lines[-1] == " 123456 │ y"
    assert remarks == []


CELLS = st.one_of(
    st.none(), st.text(max_size=90), st.sampled_from(["👩\u200d💻" * 9, "東京" * 20, "e\u0301" * 30]),
    st.integers(-(2**63), 2**63 - 1), st.lists(st.text(max_size=9), max_size=9),
    st.fixed_dictionaries({"a": st.text(max_size=50), "b": st.lists(st.integers(0, 9))}),
)  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    rows = draw(st.integers(1, 4))
    columns = []
    for _ in range(draw(st.integers(1, 12))):
        first = draw(CELLS)
        like = {
            str: st.text(max_size=90), int: st.integers(-(2**63), 2**63 - 1),
        }.get(type(first), st.none())  # fmt: skip
        columns.append(pa.array([first, *(draw(like | st.none()) for _ in range(rows - 1))]))
    names = [draw(st.text(st.characters(codec="utf-8"), max_size=60)) for _ in columns]
    return pa.table(columns, names=names)


@pytest.mark.parametrize("name", ["table", "vertical"])
def test_a_mark_that_takes_a_column_of_its_own_is_counted(name) -> None:
    table = pa.table({"\u093e000": pa.array([["00\u109a", ""]])})
    lines, _ = drawn(name, table, width=12)
    assert all(width_of(line) <= 12 for line in lines)


@settings(max_examples=150, deadline=None)
@given(tables(), st.integers(12, 120), st.booleans(), st.sampled_from(["table", "vertical", "auto"]))
def test_no_drawn_line_is_wider_than_the_terminal(table, width, prompt, name) -> None:
    lines, _ = drawn(name, table, width=width, prompt=prompt)
    assert all(width_of(line) <= width for line in lines)
