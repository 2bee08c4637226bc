"""The answer to one statement, for a program: rows, changes, a message, or parts.

`library.Session` makes one around each `results.Answer`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from typing import Any

import pyarrow as pa

from kshell.changes import Changes
from kshell.errors import KshellError, UsageError
from kshell.preview import as_html, as_text, printable
from kshell.results import Answer, Live, Message, Notice, Rows, Sections, notices_of

__all__ = ["Result"]

_CLOSED = "this answer was closed before all of it was read"
_SHOWN = 20  # rows that a Result shows of itself


class Result:
    """A bounded answer, a continuous one, a message, or several of them (DESCRIBE, EXPLAIN).

    A bounded answer, or a continuous one with a LIMIT, is read when the program asks for it:
    `to_arrow` and `rows` read all of it into memory; iterating reads it once, batch by batch, and
    keeps nothing.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._unread = self._pulled()
        self._ahead: deque[pa.RecordBatch] = deque()  # read for display, and not yet iterated over
        self._table: pa.Table | None = None
        self._iterated = self._closed = self._ended = False

    @property
    def open(self) -> bool:
        """Whether there may be more to read: of a bounded or a continuous answer, till its end."""
        pulled = isinstance(self._answer, Rows | Live)
        return pulled and self._table is None and not self._ended and not self._closed

    @property
    def bounded(self) -> bool:
        """Whether it is a table with an end."""
        return isinstance(self._answer, Rows)

    @property
    def live(self) -> bool:
        """Whether it is continuous: iterate over its `Changes`, and close it."""
        return isinstance(self._answer, Live)

    @property
    def title(self) -> str:
        """The heading of a part of a description."""
        return self._answer.title if isinstance(self._answer, Rows | Live) else ""

    @property
    def schema(self) -> pa.Schema:
        """The columns; a message has one, `message`."""
        if isinstance(self._answer, Rows) and not (
            self._ahead or self._iterated or self._table is not None
        ):
            self._ahead.extend(islice(self._unread, 1))  # types are settled with the first rows
        if isinstance(self._answer, Rows | Live):
            return self._answer.schema
        return self.to_arrow().schema

    @property
    def text(self) -> str:
        """A message's sentence; an empty string for other answers."""
        return self._answer.text if isinstance(self._answer, Message) else ""

    @cached_property
    def parts(self) -> tuple[Result, ...]:
        """The answers that a description is made of, in their order."""
        parts = self._answer.parts if isinstance(self._answer, Sections) else ()
        made = tuple(Result(part) for part in parts)
        return tuple(inner for part in made for inner in (part.parts or (part,)))

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The notices of what was read so far: that it is PARTIAL, or what was left out."""
        return notices_of(self._answer)

    def to_arrow(self) -> pa.Table:
        """All rows; reads them if that was not done yet.  Raises KshellError."""
        if self._table is None:
            self._table = self._read()
        return self._table

    def rows(self) -> list[tuple[Any, ...]]:
        """The rows as tuples of Python's values; raises UsageError for what Python has not."""
        table = self.to_arrow()
        try:
            columns = [c.to_pylist() for c in table.columns]
        except (ValueError, OverflowError) as error:  # nanoseconds, the year 10000
            raise UsageError(
                f"Python has no such value: {error}", hint="to_arrow() has it"
            ) from None
        return list(zip(*columns, strict=True)) if columns else [()] * table.num_rows

    def __iter__(self) -> Iterator[Any]:
        """RecordBatches, or Changes for a continuous answer until it ends or is closed."""
        if isinstance(self._answer, Live):
            return self._changes(self._answer)
        if self._table is None and isinstance(self._answer, Rows):
            return self._batches()
        return iter(self.to_arrow().to_batches())

    def close(self) -> None:
        """Stop the query; may be called again."""
        self._closed = True
        if isinstance(self._answer, Rows | Live):
            self._answer.cancel()

    def _read(self) -> pa.Table:
        match self._answer:
            case Rows():
                return pa.Table.from_batches(list(self._batches()), self._answer.schema)
            case Message():
                return pa.table({"message": [self._answer.text]})
            case Live(ends=True):
                changes = self._changes(self._answer)
                shown = [c.rows.filter(c.there()) for c in changes]
                return pa.Table.from_batches(shown, self._answer.schema)
            case Live():
                raise UsageError(
                    "a continuous answer has no end", hint="for changes in result: …, or LIMIT n"
                )
            case Sections():
                raise UsageError("this is several answers", hint="they are its parts")

    def _pulled(self) -> Iterator[pa.RecordBatch]:
        """The answer's batches with its own column names: DuckDB renames columns of equal name."""
        if isinstance(self._answer, Rows):
            for batch in self._answer.batches:
                yield pa.RecordBatch.from_arrays(batch.columns, schema=self._answer.schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """The batches read ahead, then the rest; once."""
        if self._closed:
            raise UsageError(_CLOSED)
        if self._iterated:
            raise UsageError("this answer was iterated over: its rows are not kept")
        self._iterated = True
        try:
            while self._ahead:
                yield self._ahead.popleft()
            yield from self._unread
        except KshellError:
            self.close()
            raise
        except BaseException as error:
            if self._closed and isinstance(error, OSError):  # DuckDB was interrupted
                raise UsageError(_CLOSED) from None
            self.close()
            raise
        if self._closed:
            raise UsageError(_CLOSED)
        self._ended = True

    def _changes(self, live: Live) -> Iterator[Changes]:
        try:
            while not self._closed and (changes := live.poll(0.2)) is not None:
                if len(changes):
                    yield changes
            self._ended = True
        finally:
            self.close()

    def _first(self) -> tuple[pa.Table, bool]:
        """The rows to show, and whether there are more; keeps the batches that it reads."""
        if self._table is None and isinstance(self._answer, Rows) and not self._iterated:
            while sum(b.num_rows for b in self._ahead) <= _SHOWN:
                batch = next(self._unread, None)
                if batch is None:
                    break
                self._ahead.append(batch)
            table = pa.Table.from_batches(self._ahead, self._answer.schema)
        else:
            table = self.to_arrow()
        return table.slice(0, _SHOWN), table.num_rows > _SHOWN

    def _shape(self) -> str:
        """The text for an answer without rows to show: continuous, or already iterated over."""
        columns = ", ".join(printable(name) for name in self.schema.names)
        kind = "a continuous answer" if self.live else "an answer that was iterated over"
        return f"<{kind}: {columns}>"

    def _hidden(self) -> bool:
        return self.live or (self._iterated and self._table is None)

    def __repr__(self) -> str:
        if self.parts:
            return "\n\n".join(
                "\n".join(filter(None, [printable(part.title), repr(part)])) for part in self.parts
            )
        if isinstance(self._answer, Message):
            return "\n".join(printable(line) for line in self._answer.text.split("\n"))
        if self._hidden():
            return self._shape()
        rows, more = self._first()
        return as_text(rows, more=more)

    def _repr_html_(self) -> str:
        from html import escape

        if self.parts:
            return "".join(
                f"<h4>{escape(printable(part.title))}</h4>{part._repr_html_()}"
                for part in self.parts
            )
        if isinstance(self._answer, Message) or self._hidden():
            return f"<pre>{escape(repr(self))}</pre>"
        rows, more = self._first()
        return as_html(rows, more=more)
