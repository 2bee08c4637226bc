"""The keys of the live view, as a table: `live` looks them up, `?` and docs/live.md list them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["KEYS", "Act", "Key", "act_of"]


class Act(Enum):
    """What a key does."""

    STOP = "stop"
    INTERRUPT = "interrupt"
    PAUSE = "pause"
    UP = "up"
    DOWN = "down"
    PAGE_UP = "page up"
    PAGE_DOWN = "page down"
    FIRST = "first"
    LAST = "last"
    LEFT = "left"
    RIGHT = "right"
    LEFTMOST = "leftmost"
    RIGHTMOST = "rightmost"
    MODE = "mode"
    SORT = "sort"
    FILTER = "filter"
    OPEN = "open"
    CHART = "chart"
    COPY = "copy"
    SAVE = "save"
    HELP = "help"
    BACK = "back"
    FOCUS = "focus"
    SUSPEND = "suspend"


@dataclass(frozen=True, slots=True)
class Key:
    """A row: the key as people write it, prompt_toolkit's names, what it does, and help."""

    shown: str
    names: tuple[str, ...]
    act: Act
    help: str


KEYS = (
    Key("q", ("q", "Q", "c-d"), Act.STOP,
        "close what is open, else stop, or leave a \\split; the rows in view stay on the screen"),
    Key("Ctrl-C", ("c-c",), Act.INTERRUPT, "stop; both queries of a \\split"),
    Key("Space", (" ",), Act.PAUSE, "pause, and go on"),
    Key("t", ("t",), Act.MODE, "rows, or the changelog: +I new, -U +U old and new, -D deleted"),
    Key("↑", ("up", "k"), Act.UP, "the row above; where rows are only added, it pauses"),
    Key("↓", ("down", "j"), Act.DOWN, "the row below"),
    Key("←", ("left", "h"), Act.LEFT, "the column before"),
    Key("→", ("right", "l"), Act.RIGHT, "the next column"),
    Key("<", ("<",), Act.LEFTMOST, "the first column"),
    Key(">", (">",), Act.RIGHTMOST, "the last column"),
    Key("PgUp", ("pageup", "c-b"), Act.PAGE_UP, "a page up"),
    Key("PgDn", ("pagedown", "c-f"), Act.PAGE_DOWN, "a page down"),
    Key("Home", ("home", "g"), Act.FIRST, "the first row"),
    Key("End", ("end", "G"), Act.LAST, "the last row; go on, and follow what comes"),
    Key("s", ("s",), Act.SORT, "sort by the column: descending, ascending, not"),
    Key("/", ("/",), Act.FILTER, "show only rows with this text"),
    Key("Enter", ("c-m", "c-j"), Act.OPEN,
        "open the row: the record that it is of, and all its columns, whole"),
    Key("c", ("c",), Act.CHART,
        "chart what is shown, and go back; there ← → choose the column, s sorts by it"),
    Key("w", ("w",), Act.SAVE, "write the rows of the filter to a file, all that are kept"),
    Key("y", ("y",), Act.COPY, "copy the cell to the clipboard"),
    Key("?", ("?",), Act.HELP, "these keys"),
    Key("Esc", ("escape",), Act.BACK, "close what is open, else end filter and sort"),
    Key("Tab", ("c-i",), Act.FOCUS, "the other query of a \\split"),
    Key("Ctrl-Z", ("c-z",), Act.SUSPEND, "suspend kshell; fg comes back"),
)  # fmt: skip

_ACTS = {name: key.act for key in KEYS for name in key.names}


def act_of(name: str) -> Act | None:
    """What the key of this name does.

    >>> act_of("pageup")
    <Act.PAGE_UP: 'page up'>
    """
    return _ACTS.get(name)
