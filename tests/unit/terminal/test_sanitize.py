"""No byte of a record reaches the terminal unclean, whichever renderer draws it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable

import pyarrow as pa
import pytest

from kshell.errors import KafkaError, Place
from kshell.results import LiveStats
from kshell.terminal.board import Board
from kshell.terminal.encoding import SIGNS
from kshell.terminal.messages import error_lines
from kshell.terminal.output import WRITERS, Target, write
from kshell.terminal.sanitize import clean, clean_block

TEXT = [name for name in WRITERS if name not in ("arrow", "parquet")]


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("plain", "plain"),
        ("Zürich 東京", "Zürich 東京"),
        ("\x1b[31m", "\\x1b[31m"),
        ("\x9b", "\\x9b"),
        ("\x00\x7f", "\\x00\\x7f"),
        ("a\r\n\tb", "a\\r\\n\\tb"),
        ("\u202e\u2066\u200b\ufeff", "\\u202e\\u2066\\u200b\\ufeff"),
        ("\ud800", "\\ud800"),
        ("\ue000\U000f0000\U000e0041", "\\ue000\\U000f0000\\U000e0041"),
        ("\u2028", "\\u2028"),
    ],
)
def test_clean_shows_what_would_be_obeyed(given: str, shown: str) -> None:
    assert clean(given) == shown


def test_clean_block_keeps_line_ends_only() -> None:
    assert clean_block("a\nb\x1b\r") == "a\nb\\x1b\\r"


@pytest.mark.parametrize("name", TEXT)
def test_no_writer_lets_anything_through_to_a_terminal(name, hostile, unclean) -> None:
    table = pa.table(
        {
            hostile: [hostile, None, "plain"],
            "bytes": [hostile.encode(), b"\xff\x1b", b""],
            "nested": [{hostile: [hostile]}] * 3,
            "map": pa.array([[(hostile, hostile)]] * 3, pa.map_(pa.string(), pa.string())),
        }
    )
    out = io.StringIO()
    write(name, table.schema, table.to_batches(), Target(out, width=400, colour=False))
    text = out.getvalue()
    if name == "tsv":
        assert {line.count("\t") for line in text.splitlines()} == {3}  # its own, and no other
        text = text.replace("\t", " ")
    assert unclean(text) == []
    assert "title" in out.getvalue()  # it is shown, not dropped


@pytest.mark.parametrize("name", ["json", "jsonl"])
def test_json_for_a_pipe_is_json_with_the_value_as_it_was(name, hostile) -> None:
    out = io.StringIO()
    table = pa.table({"v": [hostile]})
    write(name, table.schema, table.to_batches(), Target(out))
    assert json.loads(out.getvalue()) in ({"v": hostile}, [{"v": hostile}])


def test_errors_of_brokers_and_the_statement_are_clean(hostile, unclean) -> None:
    error = KafkaError(hostile, hint=hostile, place=Place(1, 3, 2))
    assert unclean("\n".join(error_lines(error, "\x1b]0;\x07 FROM x"))) == []


def test_the_live_view_draws_no_markup_and_no_escape(hostile, unclean) -> None:
    from kshell.changes import Changes
    from kshell.terminal.live_frame import frame, scene
    from kshell.terminal.live_view import View

    schema = pa.schema([(hostile, pa.string())])
    board = Board(schema, ())
    board.add(Changes.of(pa.record_batch([[hostile]], schema=schema)))
    view = View.of(board)
    made = frame(view, scene(view, 300, 12), LiveStats(note=hostile), hostile, 300, 12)
    drawn = "\n".join("".join(text for text, _ in line) for line in made.lines)
    assert unclean(drawn) == []
    assert "[bold red]g[/bold red]" in drawn  # as text, not as a style


def test_a_joiner_joins_emoji_and_nothing_else() -> None:
    coder, rainbow = "👩🏽\u200d💻", "🏳\ufe0f\u200d🌈"
    assert clean(coder + rainbow) == coder + rainbow
    assert clean("a\u200db") == "a\\u200db"
    assert clean("👩\u200d") == "👩\\u200d"
    assert clean("\u200d👩") == "\\u200d👩"
    assert clean("👩\u200d\u200d💻") == "👩\\u200d\\u200d💻"


# A terminal that is not UTF-8


@pytest.fixture
def drawn_in_ascii(monkeypatch) -> Callable[[str, pa.Table], str]:
    def drawn(name: str, rows: pa.Table) -> str:
        stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors=SIGNS)
        monkeypatch.setattr(sys, "stdout", stream)
        write(name, rows.schema, rows.to_batches(), Target(stream, width=80))
        stream.flush()
        return stream.buffer.getvalue().decode("ascii")

    return drawn


def test_the_columns_of_an_ascii_terminal_are_as_wide_as_what_it_shows(drawn_in_ascii) -> None:
    drawn = drawn_in_ascii("table", pa.table({"größe": ["Zürich", "東京", "plain"], "n": [1, 2, 3]}))
    assert drawn.splitlines() == [
        " gr\\xf6\\xdfe  | n",
        "--------------+---",
        " Z\\xfcrich    | 1",
        " \\u6771\\u4eac | 2",
        " plain        | 3",
    ]


def test_json_stays_json_on_an_ascii_terminal(drawn_in_ascii) -> None:
    drawn = drawn_in_ascii("json", pa.table({"größe": ["Zürich", "東京😀\x9b"]}))
    assert [row["größe"] for row in json.loads(drawn)] == ["Zürich", "東京😀\x9b"]
