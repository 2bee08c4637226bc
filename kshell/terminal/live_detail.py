"""One row of a live view with all its columns, whole: nested values as indented JSON.

`live_frame` asks for it when a person presses Enter.
"""

from __future__ import annotations

import time

import numpy as np
import orjson
import pyarrow as pa

from kshell.results import many
from kshell.terminal.board import Board, Mode
from kshell.terminal.cells import NULL, cells_of, type_label
from kshell.terminal.sanitize import clean
from kshell.value_texts import json_default, json_values

__all__ = ["detail"]

_JSON = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS


def detail(board: Board, mode: Mode, id: int) -> list[tuple[str, list[str]]]:
    """(heading, lines of clean text) of each column; of a table's row also how often it changed."""
    if not (board.ids(mode) == id).any():
        return [("this row is not there any more", [])]
    ids = np.array([id])
    rows = board.take(mode, ids)
    told = [
        (f"{field.name}  {type_label(field, board.times)}", _lines(column, field, board))
        for column, field in zip(rows.columns, board.schema, strict=True)
    ]
    if mode is Mode.TABLE:
        count, when = board.changed(id)
        at = time.strftime("%H:%M:%S", time.localtime(when))
        told.append((f"{many(count, 'change')}, the last at {at}", []))
    return told


def _lines(column: pa.Array, field: pa.Field, board: Board) -> list[str]:
    if pa.types.is_nested(column.type) and column.null_count == 0:
        (value,) = json_values(column)
        text = orjson.dumps(value, default=json_default, option=_JSON).decode()
        return [clean(line) for line in text.split("\n")]
    (found,) = cells_of(column, field, board.times).texts
    return [NULL if found is None else found]
