"""What a query compares columns with: times of people become milliseconds, bounds are collected.

`rewrite` asks it; `pushdown` makes bounds of what it gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from kshell.batch.pseudo import Pseudo
from kshell.batch.pushdown import Narrowing
from kshell.batch.sources import Source
from kshell.batch.times import parse_moment
from kshell.batch.translate_error import translate_error
from kshell.catalog.model import TIME_COLUMNS
from kshell.errors import BindError, Place
from kshell.sql.clauses import Query
from kshell.sql.spans import Draft
from kshell.sql.syntax import Side
from kshell.sql.tokens import Kind
from kshell.types import quote_text

__all__ = ["Comparisons"]

_UNKNOWN = object()
_COMPARED = ("=", "<>", "!=", "<", ">", "<=", ">=")


@dataclass(frozen=True, slots=True)
class Comparisons:
    """Those of one query; `place` is where a span of its words was written."""

    query: Query
    connection: duckdb.DuckDBPyConnection
    pseudo: Pseudo
    place: Callable[[int, int], Place]
    now_ms: int

    @property
    def draft(self) -> Draft:
        """The words."""
        return self.pseudo.draft

    def tests(self) -> Iterable[tuple[Source, Narrowing]]:
        """Puts milliseconds in place of times; gives what holds for every row of one source."""
        if self.pseudo.syntax is None:
            self._by_words()
            return
        for test in self.pseudo.syntax.tests:
            column = self.pseudo.meant(test.column)
            type = self.pseudo.time_type(test.column)
            if type is not None and type != pa.int64():
                self._compare_timestamps(test.sides)
                continue
            moments = [None if type is None else self._moment(s) for s in test.sides]
            for side, moment in zip(test.sides, moments, strict=True):
                if moment is not None:
                    self.draft.replace(*self._span(side), str(moment))
            if column is None or not test.every or test.column.within is None:
                continue
            source, name, pseudo = column
            alone = len(test.column.within.sources) == 1 and not test.column.within.others
            if source.within is not test.column.within or not source.within.narrows:
                continue
            if len(test.column.path) == 1 and not alone:
                continue
            values = [self._constant(s, m) for s, m in zip(test.sides, moments, strict=True)]
            if any(v is _UNKNOWN for v in values):
                continue
            if test.op == "BETWEEN":
                yield source, Narrowing(name, pseudo, ">=", (values[0],))
                yield source, Narrowing(name, pseudo, "<=", (values[1],))
            else:
                yield source, Narrowing(name, pseudo, test.op, tuple(values))

    def _by_words(self) -> None:
        """Times compared with text where DuckDB shows no tree, as in a PIVOT without IN."""
        draft = self.draft
        for n, token in enumerate(draft.tokens):
            named = token.kind is Kind.WORD and token.upper in TIME_COLUMNS
            if not named or not self.pseudo.is_exposed(token.upper):
                continue
            first = n - 2 if draft.is_sign(n - 1, ".") else n
            if any(draft.is_sign(first - 1, sign) for sign in _COMPARED):
                self._word(first - 2)
            after = n + 2 if draft.word(n + 1) == "NOT" else n + 1
            if any(draft.is_sign(after, sign) for sign in _COMPARED):
                self._word(after + 1)
            elif draft.word(after) == "BETWEEN":
                self._word(self._word(after + 1) + 1)
            elif draft.word(after) == "IN" and draft.is_sign(after + 1, "("):
                at = after + 2
                while at < draft.partner(after + 1):
                    at = self._word(at) + 1

    def _word(self, n: int) -> int:
        """Puts milliseconds in place of the time that begins there; gives the token after it."""
        last = n + 1 if self.draft.word(n) in ("TIMESTAMP", "DATE") else n
        text = self.draft.tokens[last] if last < len(self.draft.tokens) else None
        if text is None or text.kind is not Kind.STRING:
            return last + 1
        moment = parse_moment(text.value, self.now_ms)
        if moment is None:
            raise self._no_time(text.value, text.start, text.end)
        self.draft.replace(self.draft.tokens[n].start, text.end, str(moment))
        return last + 1

    def _no_time(self, value: str, start: int, end: int) -> BindError:
        return BindError(
            f"'{value}' is no time",
            hint="try '10 minutes ago', 'yesterday' or '2026-01-31T10:00:00Z'",
            place=self.place(start, end),
        )

    def _compare_timestamps(self, sides: Sequence[Side]) -> None:
        """Timestamps take what DuckDB reads as one; '10 minutes ago' it does not."""
        for side in sides:
            if side.start < 0 or not side.steady:
                continue
            token = self.draft.tokens[self.draft.at(side.start)]
            if token.kind is not Kind.STRING or token.end != self._span(side)[1]:
                continue
            read = f"SELECT TRY_CAST({quote_text(token.value)} AS TIMESTAMP)"
            if self.connection.execute(read).fetchall() == [(None,)]:
                self.draft.replace(*self._span(side), f"epoch_ms({self._moment(side)}::BIGINT)")

    def _span(self, side: Side) -> tuple[int, int]:
        """The side's tokens, with the parentheses that they are part of."""
        first, last = self.draft.within(side.start), self.draft.before(side.end)
        for n in range(first, last + 1):
            partner = self.draft.partner(n)
            if partner >= 0:
                first, last = min(first, partner), max(last, partner)
        return self.draft.tokens[first].start, self.draft.tokens[last].end

    def _moment(self, side: Side) -> int | None:
        """The milliseconds that a text or a timestamp is; None for what is neither."""
        if side.varies or side.start < 0:
            return None
        start, end = self._span(side)
        token = self.draft.tokens[self.draft.at(start)]
        value = (
            token.value
            if token.kind is Kind.STRING and token.end == end
            else self._evaluate(start, end)
        )
        if isinstance(value, str):
            moment = parse_moment(value, self.now_ms)
            if moment is None:
                raise self._no_time(value, start, end)
            return moment
        if isinstance(value, date):  # a datetime too
            return parse_moment(value.isoformat(), self.now_ms)
        return None

    def _constant(self, side: Side, moment: int | None) -> Any:
        if moment is not None:
            return moment
        if not side.steady or side.start < 0:
            return _UNKNOWN
        return self._evaluate(*self._span(side))

    def _evaluate(self, start: int, end: int) -> Any:
        sql = f"SELECT {self.draft.text(start, end)}\n"
        try:
            return self.connection.sql(sql).to_arrow_table().column(0)[0].as_py()
        except duckdb.Error as error:
            place = self.place(start, end)
            raise translate_error(error, self.query, [], sql, lambda *_: place) from error
        except (OverflowError, ValueError):  # a date beyond Python's
            return _UNKNOWN
