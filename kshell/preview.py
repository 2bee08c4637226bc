"""The first rows of an answer as text and as HTML, for a notebook or a Python prompt.

`result.Result` draws itself with it.  A record's content cannot control the screen: characters that
do not print become escapes, and HTML's become entities.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import pyarrow as pa

from kshell.value_texts import raw_texts

__all__ = ["as_html", "as_text", "printable"]

_WIDEST = 40
_MORE = "… more rows"


def printable(text: str) -> str:
    """The text with escapes for characters that do not print.

    >>> printable("a\\x1b[2J")
    'a\\\\x1b[2J'
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _cell(value: str | None) -> str:
    text = "" if value is None else printable(value[: 4 * _WIDEST])
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _cells(rows: pa.Table) -> tuple[list[str], list[tuple[str, ...]]]:
    heading = [_cell(name) for name in rows.schema.names]
    columns = [
        [_cell(text) for chunk in column.chunks for text in raw_texts(chunk)]
        for column in rows.columns
    ]
    return heading, list(zip(*columns, strict=True))


def as_text(rows: pa.Table, *, more: bool) -> str:
    """A small table; `more` says whether there are more rows.

    >>> print(as_text(pa.table({"n": [1, 10]}), more=False))
    n
    ──
    1
    10
    """
    heading, body = _cells(rows)
    widths = [max(map(len, column)) for column in zip(heading, *body, strict=True)]

    def line(cells: Sequence[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return " │ ".join(padded).rstrip()

    lines = [line(heading), "─┼─".join("─" * width for width in widths), *map(line, body)]
    return "\n".join([*lines, _MORE] if more else lines)


def as_html(rows: pa.Table, *, more: bool) -> str:
    """The same as an HTML table."""
    heading, body = _cells(rows)

    def line(tag: str, cells: Sequence[str]) -> str:
        return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"

    lines = [line("th", heading), *(line("td", row) for row in body)]
    return f"<table>{''.join(lines)}</table>{f'<p>{_MORE}</p>' if more else ''}"
