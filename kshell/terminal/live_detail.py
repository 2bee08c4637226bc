"""What Enter opens: the record of a live row, and the row with all its columns, whole.

`live_frame` asks for it.  Nested values are indented JSON.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import orjson
import pyarrow as pa

from kshell.results import many
from kshell.terminal.board import Board, Mode
from kshell.terminal.cells import NULL, cells_of, type_label
from kshell.terminal.live_record import OpenedRecord, Section
from kshell.terminal.live_view import View
from kshell.terminal.sanitize import clean
from kshell.value_texts import json_default, json_values

__all__ = ["detail", "title"]

_JSON = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS


def title(view: View) -> str:
    """The first line above what is open."""
    record = view.record
    if record is None:
        return "One row"
    return f"Record {record.place}" + (f" of {clean(record.topic)}" if record.topic else "")


def detail(view: View) -> Iterator[Section]:
    """The record, if the row has one, and the columns; of a table's row how often it changed."""
    if view.record is not None:
        yield from _record(view.record)
        yield Section("")
        yield Section("the row")
    yield from _row(view)


def _record(record: OpenedRecord) -> Iterator[Section]:
    if record.sections:
        yield from record.sections
    elif record.said:
        yield Section("not here", clean(record.said))
    else:
        yield Section("reading …")


def _row(view: View) -> Iterator[Section]:
    board, rows = view.board, view.opened_rows
    if rows is None and not (board.ids(view.mode) == view.opened).any():
        yield Section("this row is not there any more")
        return
    if rows is None:
        rows = board.take(view.mode, np.array([view.opened]))
    for field, column in zip(board.schema, rows.columns, strict=True):
        heading = f"{clean(field.name)}  {type_label(field, board.times)}"
        yield Section(heading, "", tuple(_lines(column, field, board)))
    if view.mode is Mode.TABLE:
        count, when = board.changed(view.opened)
        at = time.strftime("%H:%M:%S", time.localtime(when))
        yield Section(f"{many(count, 'change')}, the last at {at}")


def _lines(column: pa.Array, field: pa.Field, board: Board) -> list[str]:
    if pa.types.is_nested(column.type) and column.null_count == 0:
        (value,) = json_values(column)
        text = orjson.dumps(value, default=json_default, option=_JSON).decode()
        return [clean(line) for line in text.split("\n")]
    (found,) = cells_of(column, field, board.times).texts
    return [NULL if found is None else found]
