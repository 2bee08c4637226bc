"""What the live view shows of a board, and how each key changes it: no terminal, no clock.

`live` hands it keys; `live_frame` draws it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from kshell.terminal.board import COMING, Board, Mode, Row
from kshell.terminal.live_keys import Act, act_of
from kshell.terminal.live_search import Search, with_text
from kshell.terminal.sanitize import clean

if TYPE_CHECKING:
    from kshell.terminal.live_record import OpenedRecord

__all__ = ["Focus", "Open", "View", "Window"]

_GLOW = 0.8  # seconds for which a changed cell is highlighted
_COPIED = 8 << 10  # bytes of a cell that are copied at most
_IN_CHART = (Act.SORT, Act.LEFT, Act.RIGHT, Act.LEFTMOST, Act.RIGHTMOST)  # keys that it has too
_ENDINGS = ("c-h", "backspace", "delete")  # keys that take a letter away
Ids = Any  # a numpy array of int64


class Open(Enum):
    """What is open over the rows."""

    NOTHING = 0
    HELP = 1
    ROW = 2
    CHART = 3


class Focus(Enum):
    """Whether keys are for the view, if it shares the screen with another."""

    ALONE = 0
    HERE = 1
    ELSEWHERE = 2


@dataclass(frozen=True, slots=True)
class Window:
    """The rows in view; `first` is the place of the first of them among all `found` rows."""

    rows: tuple[Row, ...]
    first: int
    found: int


@dataclass
class View:
    """`page` and `columns` are what the last frame had room for; -1 for no cursor."""

    board: Board
    mode: Mode
    focus: Focus = Focus.ALONE
    over: str = ""  # how its query ended, where the view outlives it
    paused: bool = False
    stopped: bool = False
    interrupted: bool = False  # by Ctrl-C
    cursor: int = -1  # the id of a row
    top: int = 0  # the place of the first row in view, where the view does not follow
    follows: bool = True  # rows that come at the end
    column: int = 0
    first_column: int = 0
    page: int = 1
    sort: tuple[int, bool] | None = None  # column, descending
    sought: str = ""
    typing: bool = False  # the text of the filter
    naming: bool = False  # the file to write
    name: str = ""
    saves: str = ""  # the name of a file that is to be written
    said: str = ""  # in the place of the figures, until the next key
    open: Open = Open.NOTHING
    below: int = 0  # lines of what is open that are above the screen
    opened: int = -1  # the id of the row that is open
    opened_rows: pa.RecordBatch | None = None  # that row, where no other takes its place
    place: tuple[int, int] | None = None  # the partition and the offset of its record
    record: OpenedRecord | None = None  # as far as it was read
    opened_lines: tuple[object, list[Any]] = (None, [])  # as the last frame laid them out
    copied: str | None = None  # a cell for the clipboard
    widths: tuple[int, ...] = ()
    hints: tuple[str, ...] = ()  # why there may be no row for long
    _lit: dict[tuple[int, int], float] = field(default_factory=dict)
    _seen: dict[int, tuple[str | None, ...]] = field(default_factory=dict)
    _seen_change: int = 0
    _order: tuple[object, Ids] = (None, None)
    _search: Search | None = None  # of a table's rows

    @classmethod
    def of(cls, board: Board) -> View:
        """A view in the board's first mode."""
        return cls(board, board.modes[0])

    def order(self) -> Ids:
        """The ids of the rows that the filter leaves, sorted."""
        asked = (self.board.version, self.mode, self.sort, self.sought)
        if self._order[0] != asked:
            self._order = (asked, self._ordered())
        return self._order[1]

    def _ordered(self) -> Ids:
        ids = self.board.ids(self.mode)
        if self.sought:
            ids = self._matching(ids)
        if self.sort is not None and len(ids):
            column, descending = self.sort
            (values,) = self.board.take(self.mode, ids, [column]).columns
            ids = ids[_places(values, descending)]
        return ids

    def _matching(self, ids: Ids) -> Ids:
        """The rows that have the text, of a table those that were looked at so far."""
        if self.mode in COMING:
            rows = self.board.take(self.mode, ids)
            return ids[with_text(self.board.searched(rows, self.sought), self.sought)]
        if self._search is None or self._search.sought != self.sought:
            self._search = Search(self.board, self.mode, self.sought, self._search)
        self._search.step(ids)
        return self._search.of(ids)

    @property
    def unsearched(self) -> int:
        """How many rows the filter has not looked at yet."""
        filtered = self.sought and self.mode not in COMING
        return self._search.left if filtered and self._search is not None else 0

    def search(self) -> bool:
        """Look at some of those rows; gives whether there are more."""
        if self.unsearched and self._search is not None:
            self._search.step(self.board.ids(self.mode))
            self._order = (None, None)
        return bool(self.unsearched)

    def search_all(self) -> None:
        """Look at all rows that the filter has not looked at."""
        self.order()
        while self.search():
            pass

    def window(self, room: int) -> Window:
        """The rows that fit into so many lines."""
        ids = self.order()
        last = max(len(ids) - room, 0)
        first = last if self._at_end() else min(self.top, last)
        shown = ids[first : first + room]
        return Window(tuple(self.board.drawn(self.mode, shown)), first, len(ids))

    def _at_end(self) -> bool:
        return self.follows and self.mode in COMING and self.sort is None

    def glow(self, rows: tuple[Row, ...], now: float) -> None:
        """Light the cells that changed since the last frame; others go out with time."""
        self._lit = {cell: until for cell, until in self._lit.items() if until > now}
        if self.mode in (Mode.TABLE, Mode.WATCH):
            for row in rows:
                before = self._seen.get(row.id)
                if before is None and row.born <= self._seen_change:
                    continue
                for i, text in enumerate(row.texts):
                    if before is None or before[i] != text:
                        self._lit[row.id, i] = now + max(_GLOW, self.board.every)
        self._seen = {row.id: row.texts for row in rows}
        self._seen_change = self.board.changes

    def renew(self) -> None:
        """Begin at the first column: the columns are others."""
        self.column = self.first_column = 0
        self.widths, self.sort, self.cursor = (), None, -1
        self._lit, self._seen = {}, {}

    def dim(self) -> None:
        """Show no cursor and no light: the rows stay on the main screen."""
        self.cursor, self._lit = -1, {}

    @property
    def glows(self) -> bool:
        """Whether a cell is lit."""
        return bool(self._lit)

    def lit(self, row: Row, column: int) -> bool:
        """Whether a cell changed a short time ago."""
        return (row.id, column) in self._lit

    def press(self, name: str, text: str = "") -> None:
        """Act on a key of prompt_toolkit's name; `text` is what it types."""
        self.said = ""
        if self.typing or self.naming:
            self._type(name, text)
            return
        match act_of(name):
            case Act.INTERRUPT:
                self.stopped = self.interrupted = True
            case Act.STOP if self.open is Open.NOTHING:
                self.stopped = True
            case Act.STOP:
                self.open = Open.NOTHING
            case Act.BACK:
                self._back()
            case Act.HELP:
                self.open, self.below = Open.HELP, 0
            case Act.FOCUS:
                pass  # of whom has several views
            case Act.PAUSE:
                self.paused = not self.paused
            case Act.CHART:
                self.open = Open.NOTHING if self.open is Open.CHART else Open.CHART
                self.below = 0
                self.column = self.column if self.sort is None else self.sort[0]
            case Act() as act if self.open is not Open.NOTHING and not (
                self.open is Open.CHART and act in _IN_CHART
            ):
                self.below = max(self.below + _lines(act, self.page), 0)
            case Act.MODE:
                modes = self.board.modes
                self.mode = modes[(modes.index(self.mode) + 1) % len(modes)]
                self.cursor, self.top, self.follows = -1, 0, True
                self._lit, self._seen = {}, {}
            case Act.SORT:
                self._sort()
            case Act.FILTER:
                self.typing = True
            case Act.SAVE:
                self.naming = True
            case Act.OPEN | Act.COPY as act:
                self._take(act)
            case Act.LEFT | Act.RIGHT | Act.LEFTMOST | Act.RIGHTMOST as act:
                last = max(len(self.board.schema) - 1, 0)
                aims = {Act.LEFT: self.column - 1, Act.RIGHT: self.column + 1, Act.LEFTMOST: 0}
                self.column = min(max(aims.get(act, last), 0), last)
            case Act() as act:
                self._move(act)

    def _type(self, key: str, typed: str) -> None:
        """Change the filter's text, or the file's name."""
        done, gone = key in ("c-m", "c-j"), key == "escape"
        if key == "c-c":
            self.stopped = self.interrupted = True
        elif self.naming:
            self.name = "" if gone else _typed(self.name, key, typed)
            if done:
                self.saves, self.name = self.name.strip(), ""
            self.naming = not (done or gone)
        else:
            self.sought = "" if gone else _typed(self.sought, key, typed)
            self.typing = not (done or gone)
            self.cursor, self.top = -1, 0

    def _back(self) -> None:
        """Close what is open; if nothing is, show all rows in their places again."""
        if self.open is not Open.NOTHING:
            self.open = Open.NOTHING
        else:
            self.sort, self.sought, self.cursor, self.top = None, "", -1, 0

    def _sort(self) -> None:
        if not self.board.schema.names:
            return  # the first run of a watched query is still to come
        turns = (None, (self.column, True), (self.column, False))
        at = turns.index(self.sort) if self.sort in turns else 0
        self.sort = turns[(at + 1) % len(turns)]
        self.cursor, self.top = -1, 0

    def _place(self) -> int:
        """The place of the cursor among the rows; -1 if its row is not there."""
        found = np.flatnonzero(self.order() == self.cursor)
        return int(found[0]) if len(found) else -1

    def _take(self, act: Act) -> None:
        ids = self.order()
        if not len(ids):
            return
        if self._place() < 0:
            last = max(len(ids) - self.page, 0)
            self.cursor = int(ids[-1] if self._at_end() else ids[min(self.top, last)])
        at = np.array([self.cursor])
        if act is Act.OPEN:
            self.open, self.below, self.opened = Open.ROW, 0, self.cursor
            self.place = self.board.place(self.mode, self.cursor)
            passes = self.mode in COMING
            self.opened_rows = self.board.take(self.mode, at) if passes else None
        else:
            self._copy(at)

    def _copy(self, at: Ids) -> None:
        """Copy the cell of this row, or as much of it as goes."""
        (row,) = self.board.drawn(self.mode, at)
        name, text = clean(self.board.schema.names[self.column]), row.texts[self.column]
        if text is None:
            self.said = f"{name} is NULL: nothing copied"
            return
        whole = text.encode()
        part = f"{_COPIED:,} of {len(whole):,} bytes of " if len(whole) > _COPIED else ""
        self.copied, self.said = whole[:_COPIED].decode(errors="ignore"), f"{part}{name} copied"

    def _move(self, act: Act) -> None:
        """Move the cursor; the rows in view follow it."""
        ids = self.order()
        if not len(ids):
            return
        last = max(len(ids) - self.page, 0)
        top = last if self._at_end() else min(self.top, last)
        if act is Act.LAST:
            at_end = self.mode in COMING and self.sort is None
            self.top, self.follows = last, True
            self.cursor = -1 if at_end else int(ids[-1])
            self.paused = self.paused and not at_end
            return
        place, lines = self._place(), _lines(act, self.page)
        if place < 0:
            place = min(top + self.page, len(ids)) - 1 if self._at_end() else top
            lines = 0 if abs(lines) == 1 else lines  # the first key shows the cursor
        moved = min(max(place + lines, 0), len(ids) - 1)
        if act in (Act.PAGE_UP, Act.PAGE_DOWN):
            top = min(max(top + lines, 0), last)
        self.top = min(max(top, moved - self.page + 1), moved)
        if self.mode in COMING:
            # What comes would move the rows away under the reader.
            self.follows, self.paused = False, True
        self.cursor = int(ids[moved])


def _typed(text: str, key: str, typed: str) -> str:
    """The text after a key."""
    if key in _ENDINGS:
        return text[:-1]
    return text + typed if typed.isprintable() else text


def _lines(act: Act, page: int) -> int:
    """How many lines further down a key moves."""
    many = 1 << 30
    return {
        Act.UP: -1, Act.DOWN: 1, Act.PAGE_UP: -page, Act.PAGE_DOWN: page,
        Act.FIRST: -many, Act.LAST: many,
    }.get(act, 0)  # fmt: skip


def _places(column: pa.Array, descending: bool) -> Any:
    """The rows' places in the order of a column; NULL is last, equal ones stay as they are."""
    import pyarrow.compute as pc

    if pa.types.is_nested(column.type):
        from kshell.value_texts import raw_texts

        column = pa.array(raw_texts(column), pa.string())
    order = "descending" if descending else "ascending"
    return np.asarray(pc.array_sort_indices(column, order=order))
