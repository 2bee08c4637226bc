"""PRINT's records as blocks for people and as lines of JSON; hostile ones too."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pytest

from kshell.catalog.model import HEADERS
from kshell.terminal.output import Target
from kshell.terminal.printed import pretty, printed_blocks, printed_lines
from kshell.terminal.times import Times

AT = 1_700_000_000_123  # 2023-11-14T22:13:20.123Z


def records(*rows, value=None):
    names = ("topic", "partition", "offset", "timestamp", "key", "headers", "value", "error")
    types = (pa.string(), pa.int32(), pa.int64(), pa.int64(), pa.string(), HEADERS, value or pa.string(), pa.string())
    columns = zip(*rows, strict=True)
    arrays = [pa.array(list(c), t) for c, t in zip(columns, types, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, names=list(names))


def record(value, key="k", headers=(), error=None, timestamp=AT):
    return ("t", 2, 40, timestamp, key, [{"KEY": k, "VALUE": v} for k, v in headers], value, error)


def blocks(batch, colour=False):
    return "".join(printed_blocks(batch, Target(io.StringIO(), 80, colour, times=Times.UTC)))


LINE = "2023-11-14 22:13:20.123Z · 2@40 · key k"


def test_a_record_is_a_line_and_its_whole_value():
    long = "x" * 5000
    shown = blocks(records(
        record('{"id":12345678901234567890,"n":[1.10,{}],"s":"a\\nb"}', headers=[("trace", b"7"), ("raw", b"\xff"), ("none", None)]),
        record(long, key=None, timestamp=-1),
        record("two\nlines"),
        record(None),
        record(None, key=None, error="field VALUE: not valid UTF-8"),
    ))  # fmt: skip
    assert shown == f"""\
{LINE} · trace=7 · raw=0xff · none=NULL
  {{
    "id": 12345678901234567890,
    "n": [
      1.10,
      {{}}
    ],
    "s": "a\\nb"
  }}
no time · 2@40 · no key
  {long}
{LINE}
  two
  lines
{LINE}
  NULL
2023-11-14 22:13:20.123Z · 2@40
  field VALUE: not valid UTF-8
"""


def test_the_line_is_dim_where_there_are_colours():
    assert blocks(records(record("v")), colour=True) == f"\x1b[2m{LINE}\x1b[0m\n  v\n"


def test_times_are_numbers_where_the_user_wants_numbers():
    (shown,) = printed_blocks(records(record("v")), Target(io.StringIO(), 80, times=Times.NUMBER))
    assert shown == "1700000000123 · 2@40 · key k\n  v\n"


def test_nothing_of_a_record_controls_the_terminal():
    evil = "\x1b[2J\u202e\r"
    shown = blocks(records(record(evil, key=evil, headers=[(evil, evil.encode())]), record(f'{{"a":"{chr(0x202E)}"}}'), record(None, error=evil)))
    assert not set(shown) & set("\x1b\r\u202e")
    assert "\\x1b[2J\\u202e\\r" in shown
    # a value cannot forge the line of another record: its lines are indented
    forged = blocks(records(record(f"a\n{LINE}\nb")))
    assert [line for line in forged.splitlines() if not line.startswith("  ")] == [LINE]


def test_values_with_a_schema_are_json():
    type = pa.struct([("id", pa.int64()), ("raw", pa.binary())])
    assert blocks(records(record({"id": 1, "raw": b"a"}), value=type)) == f'{LINE}\n  {{\n    "id": 1,\n    "raw": "YQ=="\n  }}\n'
    assert blocks(records(record(7), value=pa.int32())) == f"{LINE}\n  7\n"
    (line,) = printed_lines(records(record({"id": 1, "raw": b"a"}), value=type))
    assert json.loads(line)["value"] == {"id": 1, "raw": "YQ=="}


@pytest.mark.parametrize("text", [
    "", "plain", "{", '{"a":1}}', "[1,]", "5", '"text"', "{'a':1}", "[" * 2000 + "]" * 2000, "[" * 70 + "]" * 70, "\ud800",
])  # fmt: skip
def test_what_is_no_json_is_as_it_is(text):
    assert pretty(text) == text


def test_pretty_keeps_all_but_the_space_between():
    text = ' {"a" : "x: [1,2], \\"{", "b":-1.0e-7 ,"c":[true,null,[ ]],"d":{"e":""}, "a":2} '
    made = pretty(text)
    assert json.loads(made, object_pairs_hook=list) == json.loads(text, object_pairs_hook=list)
    assert "-1.0e-7" in made
    assert pretty(made) == made


def test_lines_of_json_have_the_value_as_it_is():
    lines = list(printed_lines(records(
        record('{"id": 12345678901234567890,\n"x":1.10}', headers=[("a", b"b"), ("raw", b"\xff")]),
        record("text", key=None), record("5"), record(None), record(None, error="bad"),
    )))  # fmt: skip
    assert lines == [
        '{"topic":"t","partition":2,"offset":40,"timestamp":1700000000123,"key":"k",'
        '"headers":[{"key":"a","value":"b"},{"key":"raw","value":"/w=="}],'
        '"value":{"id": 12345678901234567890, "x":1.10},"error":null}',
        '{"topic":"t","partition":2,"offset":40,"timestamp":1700000000123,"key":null,"headers":[],"value":"text","error":null}',
        '{"topic":"t","partition":2,"offset":40,"timestamp":1700000000123,"key":"k","headers":[],"value":"5","error":null}',
        '{"topic":"t","partition":2,"offset":40,"timestamp":1700000000123,"key":"k","headers":[],"value":null,"error":null}',
        '{"topic":"t","partition":2,"offset":40,"timestamp":1700000000123,"key":"k","headers":[],"value":null,"error":"bad"}',
    ]
