"""Blocks of a CSV file, of which each row is read or said with its line.

`file_blocks` names it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from csv import reader as csv_reader
from typing import Any

import numpy as np
import pyarrow as pa

from kshell.errors import BindError
from kshell.formats.blocks import NEWLINE, Block, Blocks, ends_of, good, pieces
from kshell.formats.cells import Bad, inferred, of_texts
from kshell.wording import many

__all__ = ["read_csv"]

_RETURN, _QUOTE, _COMMA = 13, 34, 44


def read_csv(blocks: Blocks) -> Iterator[Block]:
    """Comma-separated, with a line of names.  An empty cell is NULL, "" is an empty text."""
    header: list[str] = []
    for data, line in pieces(blocks, quoted=True):
        if not header:
            _check_returns(blocks, data)
            header, data, line = _header(blocks, data, line)
        texts, lines, bad = _cells(blocks, data, line, header)
        if not blocks.columns and len(lines):
            _settle(blocks, texts, header)
        if not len(lines) and not bad:
            continue
        columns: list[pa.Array] = []
        worse: Bad = []
        for column in blocks.columns:
            made, wrong = of_texts(texts[header.index(blocks.names[column.name])], column)
            columns.append(made)
            worse += wrong
        block = good(columns, [c.name for c in blocks.columns], lines, worse)
        yield Block(block.rows, block.lines, sorted([*bad, *block.bad]))


def _not_closed(blocks: Blocks, line: int) -> BindError:
    return blocks.wrong("a quote is opened there, and not closed", f"line {line}")


def _check_returns(blocks: Blocks, data: bytes) -> None:
    """Raise BindError where lines end as on an old Mac: all of them would be the names."""
    if b"\n" not in data and b"\r" in data.rstrip(b"\r"):
        raise blocks.wrong("its lines end with a carriage return alone", "line 1")


def _header(blocks: Blocks, text: bytes, line: int) -> tuple[list[str], bytes, int]:
    """The names in the first row, and the bytes and the line behind it."""
    rows = csv_reader(io.StringIO(text.decode("utf-8", "replace"), newline=""))
    header = next(rows, [])
    if len(set(header)) < len(header):
        raise blocks.wrong("two columns have one name", f"line {line}")
    at = 0
    for _ in range(rows.line_num):
        at = text.find(b"\n", at) + 1 or len(text)
    if text.count(b'"', 0, at) % 2:
        raise _not_closed(blocks, line)
    return header, text[at:], line + rows.line_num


def _settle(blocks: Blocks, texts: Sequence[pa.Array], header: Sequence[str]) -> None:
    """The columns, in the types that the first rows suggest where none is declared."""
    held = [t.cast(pa.string(), safe=False) for t in texts]
    suggested = [inferred(t) for t in held] if blocks.wanted is None else [pa.string()] * len(held)
    blocks.choose(pa.schema(list(zip(header, suggested, strict=True))))


def _cells(
    blocks: Blocks, data: bytes, line: int, header: Sequence[str]
) -> tuple[list[pa.Array], Any, Bad]:
    """The cells as columns of bytes, the lines of the rows, and the rows with too many or too few
    cells, by line."""
    from pyarrow import csv

    starts = _starts(blocks, np.frombuffer(data, np.uint8), line)
    wrong: list[tuple[int, str]] = []

    def skip(row: Any) -> str:
        cells, columns = many(row.actual_columns, "cell"), many(row.expected_columns, "column")
        has = f"it has {cells}, and the file {columns}"
        wrong.append((row.number - 1, has))
        return "skip"

    if not len(starts):
        return [pa.array([], pa.binary()) for _ in header], starts, []
    names = [str(n) for n in range(len(header))]  # a file's own may be anything
    try:
        table = csv.read_csv(
            pa.BufferReader(data),
            csv.ReadOptions(use_threads=False, column_names=names),
            csv.ParseOptions(newlines_in_values=True, invalid_row_handler=skip),
            csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.binary()), null_values=[""],
                strings_can_be_null=True, quoted_strings_can_be_null=False,
            ),
        )  # fmt: skip
    except pa.ArrowInvalid as error:
        raise blocks.wrong(str(error).splitlines()[0], f"line {line} or after") from None
    kept = np.ones(len(starts), np.bool_)
    kept[[row for row, _ in wrong]] = False
    lines = starts[kept]
    if len(lines) != table.num_rows:
        raise blocks.wrong("its rows cannot be told apart", f"line {line} or after")
    return (
        [c.combine_chunks() for c in table.columns], lines,
        [(int(starts[row]), why) for row, why in wrong],
    )  # fmt: skip


def _starts(blocks: Blocks, data: Any, line: int) -> Any:
    """The lines in which rows begin; empty lines are no rows."""
    quotes = np.flatnonzero(data == _QUOTE)
    if len(quotes):
        _check_quotes(blocks, data, quotes, line)
    breaks = np.flatnonzero(data == NEWLINE)
    ends = ends_of(data, breaks, quotes)
    begins = np.concatenate(([0], ends[:-1] + 1))
    numbers = line + np.searchsorted(breaks, begins)
    there = ends > begins
    alone = np.flatnonzero(ends - begins == 1)  # a line's end of Windows is no row
    there[alone[data[begins[alone]] == _RETURN]] = False
    return numbers[there]


def _check_quotes(blocks: Blocks, data: Any, quotes: Any, line: int) -> None:
    """Raise BindError at a quote in the middle of a cell, behind which rows cannot be told apart,
    and at one that is not closed."""
    opening = quotes[::2]
    before = data[np.maximum(opening - 1, 0)]
    fine = (opening == 0) | (before == _COMMA) | (before == NEWLINE) | (before == _QUOTE)
    if not fine.all():
        at = opening[np.flatnonzero(~fine)[0]]
        number = line + int(np.count_nonzero(data[:at] == NEWLINE))
        raise blocks.wrong(
            'a quote in the middle of a cell: write the cell in quotes, and "" for one',
            f"line {number}",
        )
    if len(quotes) % 2:
        raise _not_closed(blocks, line + int(np.count_nonzero(data[: quotes[-1]] == NEWLINE)))
