"""What is open over a live view: the keys, or a row with all its columns and its record, whole.

`live_frame` asks for the lines.  Nested values are indented JSON.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import orjson
import pyarrow as pa

from kshell.terminal.board import Board, Mode
from kshell.terminal.cells import NULL, cells_of, type_label
from kshell.terminal.live_keys import KEYS
from kshell.terminal.live_record import OpenedRecord, Section
from kshell.terminal.live_view import View
from kshell.terminal.sanitize import clean
from kshell.terminal.widths import padded, width_of, wrapped
from kshell.value_texts import json_default, json_values
from kshell.wording import many

__all__ = ["help_lines", "row_lines", "title"]

Line = tuple[tuple[str, str], ...]  # (text, style)

_JSON = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS


def title(view: View) -> str:
    """The first line above what is open."""
    record = view.record
    if record is None:
        return "One row"
    return f"Record {record.place}" + (f" of {clean(record.topic)}" if record.topic else "")


def help_lines(width: int) -> list[Line]:
    """The keys and what they do."""
    size = max(width_of(key.shown) for key in KEYS)
    lines: list[Line] = []
    for key in KEYS:
        first, *rest = wrapped(key.help, max(width - size - 3, 1))
        lines.append(((f" {padded(key.shown, size, False)}  ", "heading"), (first, "")))
        lines += [((" " * (size + 3), ""), (text, "")) for text in rest]
    return lines


def row_lines(view: View, width: int) -> list[Line]:
    """The record and the row that are open, laid out once for each width."""
    version = view.board.version if view.opened_rows is None else 0
    asked = (view.opened, view.record, version, width)
    if view.opened_lines[0] != asked:
        lines: list[Line] = []
        for section in _sections(view):
            lines += _headed(section.heading, section.beside, width)
            for text in section.below:
                inner = text.lstrip(" ")
                lines += _indented(2 + len(text) - len(inner), inner, width)
        view.opened_lines = (asked, lines)
    return view.opened_lines[1]


def _headed(heading: str, text: str, width: int) -> list[Line]:
    """A text beside its heading if there is room, else below it."""
    if text and width_of(heading) + 2 + width_of(text) <= width:
        return [((f"{heading}  ", "heading"), (text, ""))]
    lines: list[Line] = [((part, "heading"),) for part in wrapped(heading, width)]
    return lines + (_indented(2, text, width) if text else [])


def _indented(indent: int, text: str, width: int) -> list[Line]:
    indent = min(indent, width // 2)
    return [((" " * indent, ""), (part, "")) for part in wrapped(text, max(width - indent, 1))]


def _sections(view: View) -> Iterator[Section]:
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
