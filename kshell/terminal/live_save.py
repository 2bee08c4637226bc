"""Writes the rows of a live view to a file, in the format of its name.

`live` calls it for the key `w`.
"""

from __future__ import annotations

import os

import pyarrow as pa

from kshell.errors import KshellError
from kshell.terminal.board import Mode
from kshell.terminal.formats import format_of
from kshell.terminal.live_footer import not_kept
from kshell.terminal.live_view import View
from kshell.terminal.output import Target, write
from kshell.whole_file import WholeFile, exists
from kshell.wording import many

__all__ = ["save"]

_SIGN = "change"  # the column of the changelog's signs


def save(view: View, path: str) -> str:
    """Write the rows that the filter leaves, sorted as they are; says what was done, or why not."""
    path = os.path.expanduser(path)
    name = format_of(path)
    if name is None:
        return f"name it .csv, .jsonl, .parquet or the like: {path}"
    if exists(path):
        return f"it exists, and is not replaced: {path}"
    view.search_all()
    ids = view.order()
    rows = view.board.take(view.mode, ids)
    if view.mode is Mode.CHANGELOG:
        signs = pa.array([row.op for row in view.board.drawn(view.mode, ids)], pa.string())
        schema = pa.schema([pa.field(_SIGN, pa.string()), *view.board.schema])
        rows = pa.RecordBatch.from_arrays([signs, *rows.columns], schema=schema)
    try:
        whole = WholeFile(path)
        write(name, rows.schema, iter([rows]), Target(whole.file))
        whole.done()
    except OSError as error:
        return f"it cannot be written ({error.strerror}): {path}"
    except KshellError as error:
        return error.what
    said = [f"{many(len(ids), 'row')} written", *not_kept(view, len(view.board.ids(view.mode)))]
    return f"{', '.join(said)}: {path}"
