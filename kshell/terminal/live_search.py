"""Which rows of a live view have a text; of a table, some thousand are looked at in one go.

`live_view` has a `Search` while a filter is set.  A table's row is looked at again only when it has
changed, so that a key, and a frame, wait for few of 100,000 rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from kshell.stream.column_folds.base import Grown
from kshell.terminal.board import Board, Ints, Mode

__all__ = ["Search", "with_text"]

_CELLS = 20_000  # cells that are looked at in one go: some milliseconds


def with_text(columns: list[pa.Array], sought: str) -> Any:
    """At which rows a cell has the text, in whatever case.

    >>> with_text([pa.array(["Ann", None]), pa.array(["x", "y"])], "an").tolist()
    [True, False]
    """
    import pyarrow.compute as pc

    mask: Any = False
    for column in columns:
        found = pc.fill_null(pc.match_substring(column, sought, ignore_case=True), False)
        mask = mask | np.asarray(found)
    return mask


class Search:
    """The rows of a table that have a text; `left` is how many were not looked at yet."""

    def __init__(
        self, board: Board, mode: Mode, sought: str, before: Search | None = None
    ) -> None:
        """`before` is the search of the text to which a letter was added, or of another text."""
        self.sought, self.left = sought, 0
        self._board, self._mode = board, mode
        self._size = max(_CELLS // max(len(board.schema), 1), 1)
        # Of each row: whether it has the text, and the change after which that was seen.
        self._found, self._seen = Grown(np.bool_, False), Grown(np.int64, -1)
        # A backslash may be that of a control character, which only clean text has.
        if before is not None and sought.startswith(before.sought) and "\\" not in sought:
            self._found.data = before._found.data.copy()
            self._seen.data = np.where(before._found.data, -1, before._seen.data)

    def step(self, ids: Ints) -> None:
        """Look at some of these rows."""
        if not len(ids):
            self.left = 0
            return
        for grown in (self._found, self._seen):
            grown.reach(int(ids.max()) + 1)
        changed = self._board.last_changes(ids)
        stale = ids[self._seen.data[ids] != changed]
        part = stale[: self._size]
        if len(part):
            rows = self._board.take(self._mode, part)
            columns = self._board.searched(rows, self.sought)
            self._found.data[part] = with_text(columns, self.sought)
            self._seen.data[part] = self._board.last_changes(part)
        self.left = len(stale) - len(part)

    def of(self, ids: Ints) -> Ints:
        """Those of these rows that were found so far."""
        return ids[self._found.data[ids]]
