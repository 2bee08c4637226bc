"""Rows on their side, one line or more a column: for rows that are wider than the terminal.

`output` writes `vertical` with it.  Long text is wrapped between words, and nested values that are
longer than a line are taken apart, so nothing is cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson
import pyarrow as pa

from kshell.terminal.cells import NULL, cells_of
from kshell.terminal.ends import Gap
from kshell.terminal.sanitize import clean
from kshell.terminal.tables import Style
from kshell.terminal.times import Times
from kshell.terminal.widths import BETWEEN, width_of, wrapped
from kshell.value_texts import json_default, json_values

__all__ = ["pretty", "vertical"]

_INDENT = "  "
_LEAST = 8  # columns that an indent leaves for a value


def vertical(
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch | Gap],
    room: int | None,
    style: Style,
    times: Times,
) -> Iterator[str]:
    """The rows in blocks of lines, each ending in a newline."""
    page = _Page(schema, room, style, times)
    number = 0
    for batch in batches:
        if isinstance(batch, Gap):
            number += batch.rows
            yield page.gap(batch)
        elif batch.num_rows:
            yield "".join(page.rows(batch, number))
            number += batch.num_rows


class _Page:
    """Headings on the left, wrapped to half of the terminal, and values on the right."""

    def __init__(
        self, schema: pa.Schema, room: int | None, style: Style, times: Times
    ) -> None:
        self._schema, self._style, self._times = schema, style, times
        names = [clean(n) for n in schema.names]
        self._left = max(map(width_of, names), default=0)
        self._right: int | None = None
        if room is not None:
            self._left = min(self._left, max((room - BETWEEN) // 2, 1))
            self._right = max(room - self._left - BETWEEN, 1)
        self._room = room
        self._names = [wrapped(n, max(self._left, 1)) for n in names]

    def rows(self, batch: pa.RecordBatch, before: int) -> Iterator[str]:
        """Each row's lines."""
        columns = [
            self._values(column, field)
            for column, field in zip(batch.columns, self._schema, strict=True)
        ]
        for n in range(batch.num_rows):
            lines = [self._rule(f"─ row {before + n + 1:,} ")]
            for heading, values in zip(self._names, columns, strict=True):
                lines += self._entry(heading, values[n])
            yield "\n".join(lines) + "\n"

    def gap(self, gap: Gap) -> str:
        """The line for rows that are left out."""
        style = self._style
        text = f"· {gap.rows:,} rows ·"
        return f"{style.rule}{text[: self._room]}{style.reset}\n"

    def _rule(self, title: str) -> str:
        style = self._style
        line = title + "─" * max(self._left + 2 - len(title), 2)
        return f"{style.rule}{line[: self._room]}{style.reset}"

    def _values(self, column: pa.Array, field: pa.Field) -> Sequence[Any]:
        """Lists of lines, None for NULL."""
        right = self._right
        if pa.types.is_nested(column.type) and right is not None:
            return [None if v is None else pretty(v, right) for v in json_values(column)]
        texts = cells_of(column, field, self._times).texts
        if right is None:
            return [None if t is None else [t] for t in texts]
        return [None if t is None else wrapped(t, right) for t in texts]

    def _entry(self, heading: Sequence[str], value: Sequence[str] | None) -> Iterator[str]:
        style = self._style
        shown = [f"{style.null}{NULL}{style.reset}"] if value is None else value
        for n in range(max(len(heading), len(shown))):
            name = heading[n] if n < len(heading) else ""
            space = " " * (self._left - width_of(name))
            text = shown[n] if n < len(shown) else ""
            bar = f"{style.rule}│{style.reset}"
            yield f"{space}{style.heading}{name}{style.reset} {bar} {text}".rstrip(" ")


def _compact(value: Any) -> str:
    """A value in JSON on one line, with spaces for people."""
    if isinstance(value, dict):
        members = (f"{_plain(k)}: {_compact(v)}" for k, v in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_compact, value)) + "]"
    return _plain(value)


def _plain(value: Any) -> str:
    return clean(orjson.dumps(value, json_default, orjson.OPT_NON_STR_KEYS).decode())


def pretty(value: Any, width: int) -> list[str]:
    """A value in JSON: what fits into a line is on one, all else is taken apart.

    >>> pretty({"city": "Lisbon", "at": [38.7, -9.1]}, 20)
    ['{', '  "city": "Lisbon",', '  "at": [38.7, -9.1]', '}']
    """
    return [line for text in _apart("", value, "", width) for line in _lines(text, width)]


def _lines(text: str, width: int) -> list[str]:
    """A line that is still too long, wrapped under its own indent."""
    bare = text.lstrip(" ")
    indent = text[: len(text) - len(bare)]
    if width_of(text) <= width or len(indent) + _LEAST > width:
        return wrapped(text, width)
    first, *rest = wrapped(bare, width - len(indent) - len(_INDENT))
    return [indent + first, *(indent + _INDENT + line for line in rest)]


def _apart(before: str, value: Any, after: str, width: int) -> Iterator[str]:
    """`before` has the indent and the name, `after` a comma."""
    line = before + _compact(value) + after
    if width_of(line) <= width or not isinstance(value, dict | list) or not value:
        yield line
        return
    indent = before[: len(before) - len(before.lstrip(" "))] + _INDENT
    items: list[tuple[str, Any]]
    if isinstance(value, dict):
        signs, items = "{}", [(f"{_plain(k)}: ", v) for k, v in value.items()]
    else:
        signs, items = "[]", [("", v) for v in value]
    yield before + signs[0]
    for n, (name, inner) in enumerate(items, 1):
        yield from _apart(indent + name, inner, "," if n < len(items) else "", width)
    yield indent.removesuffix(_INDENT) + signs[1] + after
