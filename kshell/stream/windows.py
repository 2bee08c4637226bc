"""Places rows into sessions and sliding windows, and has the steps that folds then take.

`ops.session` and `ops.sliding` use it.  The work is done in C where that was built; the twin in
Python gives the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kshell.compiled import compiled
from kshell.stream import windows_py

__all__ = [
    "ADD", "AGAIN", "MAXIMUM", "MERGE", "MINIMUM", "SUM",
    "Placed", "Sessions", "Sliding", "Steps", "run",
]  # fmt: skip

_chosen = compiled("kshell.stream._windows") or windows_py

Sessions = _chosen.Sessions
Sliding = _chosen.Sliding
run = _chosen.run

ADD, MERGE, AGAIN = windows_py.ADD, windows_py.MERGE, windows_py.AGAIN
SUM, MINIMUM, MAXIMUM = windows_py.SUM, windows_py.MINIMUM, windows_py.MAXIMUM


@dataclass(frozen=True, slots=True)
class Steps:
    """What becomes of the states of groups, in order.

    Step i is of the group `into[i]`: ADD gives it the row `what[i]`, MERGE what the group `what[i]`
    has; other kinds change nothing.  Without `kinds`, step i adds row i, or takes it back where
    `signs` has -1.  There are `rows` rows.
    """

    rows: int
    into: Any
    kinds: Any = None
    what: Any = None
    signs: Any = None

    @property
    def merges(self) -> int:
        """How many groups are merged into others."""
        return 0 if self.kinds is None else int((self.kinds == MERGE).sum())


@dataclass(frozen=True, slots=True)
class Placed:
    """Where rows went: the steps, and the windows that they touched, by number.

    `old` are touched windows that were there before, with their bounds of then (`old_lasts` of a
    sliding window is its latest row's time), and `homes` the windows that they are part of now.
    `touched` are the windows as they are now; the higher its `order`, the later one was touched.
    `gone` can be dropped once they have been given out.
    """

    kinds: Any
    into: Any
    what: Any
    old: Any
    old_starts: Any
    old_lasts: Any
    homes: Any
    touched: Any
    order: Any
    gone: Any

    def steps(self, rows: int) -> Steps:
        """The steps for the folds; there were so many rows."""
        return Steps(rows, self.into, self.kinds, self.what)
