"""The chart over a live view: of the rows that it shows, in their order.

`live_frame` asks for it while the chart is open.
"""

from __future__ import annotations

import numpy as np

from kshell.errors import KshellError
from kshell.terminal.board import COMING, Mode
from kshell.terminal.charts.drawing import Drawn, caption, draw
from kshell.terminal.charts.kind import Asked, Relation, plan
from kshell.terminal.live_view import View
from kshell.terminal.sanitize import clean
from kshell.terminal.widths import wrapped
from kshell.wording import many

__all__ = ["chart_of"]


def chart_of(view: View, width: int, height: int) -> tuple[str, Drawn]:
    """What is charted, and the chart; or why there is none."""
    board, mode, ids = view.board, view.mode, view.order()
    if mode is Mode.CHANGELOG:  # of each change its new row
        ids = ids[np.isin(ids, board.ids(Mode.APPEND))]
    table = mode is Mode.TABLE
    relation = Relation(board.schema, board.key if table else (), grows=mode in COMING)
    try:
        found = plan(relation, Asked(cursor=view.column))
    except KshellError as error:
        lines = wrapped(f" {clean(error.what)}", max(width, 1))
        return "", Drawn(tuple(((line, ""),) for line in lines[:height]))
    rows = board.take(mode, ids)
    drawn = draw(rows, found, board.times, max(width, 1), max(height, 1), view.below)
    what = caption(board.schema, found)
    if not table and board.rows > (kept := len(board.ids(Mode.APPEND))):
        which = "last" if mode in COMING else "first"
        what += f" · the {which} {kept:,} of {many(board.rows, 'row')}"
    return what, drawn
