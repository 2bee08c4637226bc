"""Unicode blocks: a line's points as quarters of characters, a bar and a column as eighths.

A terminal that has no such characters gets `encoding`'s signs for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kshell.terminal.charts.scale import places

__all__ = ["QUARTERS", "bar", "columns", "curve"]

QUARTERS = 2  # of a character, in each direction
# By the quarters that are filled: 1 upper left, 2 upper right, 4 lower left, 8 lower right.
_BLOCKS = np.array(list(" ▘▝▀▖▌▞▛▗▚▐▜▄▙▟█"))
_ACROSS = " ▏▎▍▌▋▊▉█"
_UP = np.array(list(" ▁▂▃▄▅▆▇█"))
_EIGHTHS = 8

Floats = Any  # a numpy array of float64; NaN where there is no number


def curve(low: Floats, high: Floats, bottom: float, top: float, lines: int) -> list[str]:
    """A line through the ranges, two to a character, from the line at the top downwards.

    >>> values = np.array([0.0, 1.0, 2.0, 3.0])
    >>> curve(values, values, 0.0, 3.0, 2)
    [' ▞', '▞ ']
    """
    size = lines * QUARTERS
    there = np.flatnonzero(~np.isnan(low))
    if not len(there):
        return [" " * (len(low) // QUARTERS)] * lines
    highest = _rows(high[there], bottom, top, size)
    lowest = _rows(low[there], bottom, top, size)
    every = np.arange(there[0], there[-1] + 1)
    above = np.full(len(low), size)
    below = np.full(len(low), -1)
    # Between two ranges the line goes straight from the middle of one to that of the next.
    middle = np.rint(np.interp(every, there, (highest + lowest) / 2)).astype(np.int64)
    above[every] = below[every] = middle
    above[there], below[there] = highest, lowest
    start, end = middle[:-1], middle[1:]
    half = (start + end) // 2
    far = np.abs(end - start) > 1
    for places_of, ends in ((every[:-1], (start, half)), (every[1:], (half, end))):
        at = places_of[far]
        above[at] = np.minimum.reduce([above[at], ends[0][far], ends[1][far]])
        below[at] = np.maximum.reduce([below[at], ends[0][far], ends[1][far]])
    row = np.arange(size)[:, None]
    filled = (row >= above) & (row <= below)
    codes = (
        filled[0::2, 0::2] + 2 * filled[0::2, 1::2] + 4 * filled[1::2, 0::2]
        + 8 * filled[1::2, 1::2]
    )  # fmt: skip
    return ["".join(line) for line in _BLOCKS[codes]]


def _rows(values: Floats, bottom: float, top: float, size: int) -> Any:
    """The rows of the values, 0 at the top."""
    return np.rint((1 - places(values, bottom, top)) * (size - 1)).astype(np.int64)


def bar(value: float, low: float, high: float, width: int) -> str:
    """A bar from zero, to the left if it is negative; `low` and `high` are those of all bars.

    >>> bar(5, 0, 10, 4), bar(-1, -1, 1, 4), bar(1, -1, 1, 4)
    ('██', '██', '  ██')
    """
    low, high = min(low, 0.0), max(high, 0.0)
    span = high / 2 - low / 2
    if value != value or not span:
        return ""
    left = min(max(round(-low / 2 / span * width), low < 0), width - (high > 0))
    # All bars have one scale; the side that has less room for its longest one decides.
    scales = [(width - left) / high] if high > 0 else []
    scales += [left / -low] if low < 0 else []
    length = abs(value) * min(scales) * _EIGHTHS
    length = max(round(length), 1) if value else 0
    full, rest = divmod(length, _EIGHTHS)
    if value < 0:  # there are no blocks that begin at the right but the half
        part = ("▐" if rest < 6 else "█") if rest > 2 or not full else ""
        return " " * (left - full - bool(part)) + part + "█" * full
    return " " * left + "█" * full + (_ACROSS[rest] if rest else "")


def columns(values: Floats, low: float, high: float, lines: int, wide: int = 1) -> list[str]:
    """A column of blocks for each value, as lines of text, the top first.

    It has one block at least, unless there is no number.

    >>> columns(np.array([3.0, float("nan")]), 0.0, 4.0, 1, 2)
    ['▆▆  ']
    >>> columns(np.array([3.0]), 0.0, 4.0, 2)
    ['▄', '█']
    """
    share = places(np.nan_to_num(values), min(low, 0.0), max(high, 0.0))
    height = np.maximum(np.rint(share * lines * _EIGHTHS).astype(np.int64), 1)
    height = np.repeat(np.where(np.isnan(values), 0, height), wide)
    parts = (np.clip(height - n * _EIGHTHS, 0, _EIGHTHS) for n in reversed(range(lines)))
    return ["".join(_UP[part]) for part in parts]
