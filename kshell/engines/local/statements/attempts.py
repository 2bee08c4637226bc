"""A bounded query that starts again with wider types, over the same offsets, while no row is out.

`select` and `bounded_continuous` give it what begins them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from kshell.engines.local.sources.lookup import Lookup
from kshell.errors import BindError, EvaluationError, Misfit
from kshell.results import Notice, Progress, Rows

if TYPE_CHECKING:
    from kshell.engines.local.sources.field_search import FieldSearch

__all__ = ["attempted"]

_MOST = 12  # each has some type wider than the last


def attempted(tree: exp.Query, lookup: Lookup, begin: Callable[[], Rows]) -> Rows:
    """The rows that `begin` gives in the end; fields that no sample had are looked for."""
    return _Attempts(tree, lookup, begin).rows


class _Attempts:
    """`begin` plans the query by what is known, and again when a scan has met something else."""

    def __init__(self, tree: exp.Query, lookup: Lookup, begin: Callable[[], Rows]) -> None:
        self._tree, self._lookup, self._begin = tree, lookup, begin
        self._cancelled = False
        self._current = Rows(pa.schema([]), iter(()))
        self._searches: list[FieldSearch] = []
        try:
            self._current = begin()
        except BindError as error:
            from kshell.engines.local.sources.field_search import all_sampled, searches

            self._searches = searches(lookup, tree, error)
            if not self._searches:
                raise all_sampled(lookup, error) from None
        self.rows = Rows(
            self._current.schema,
            self._batches(),
            cancel=self._cancel,
            progress=self._progress,
            notices=self._notices,
        )

    def _batches(self) -> Iterator[pa.RecordBatch]:
        widening = self._lookup.widening
        if self._searches:
            self._search()
        for _ in range(_MOST):
            try:
                for batch in self._current.batches:
                    widening.rows_out = widening.rows_out or batch.num_rows > 0
                    yield batch
                return
            except Misfit as misfit:
                if widening.rows_out:
                    raise EvaluationError(
                        f"{misfit.what}; rows are out already, so it cannot start again",
                        hint="run it once more: the wider type is known now",
                    ) from None
                last = misfit
            if self._cancelled:
                return
            try:
                self._again()
            except BindError as error:
                error.hint = "; ".join(filter(None, (error.hint, last.what)))
                raise
        raise EvaluationError(last.what)

    def _again(self) -> None:
        """Plan it once more, with all that is learned by now."""
        self._lookup.again()
        self._current = self._begin()
        self.rows.schema = self._current.schema

    def _search(self) -> None:
        """Look for the fields that the query names in the records, and plan it once more."""
        from kshell.engines.local.sources.field_search import looked_at, wanted_names

        names = wanted_names(self._tree)
        for search in self._searches:
            search.run(names)
        done, self._searches = self._searches, []
        if self._cancelled:
            return
        try:
            self._again()
        except BindError as error:
            raise looked_at(error, done) from None

    def _progress(self) -> Progress | None:
        for search in self._searches:
            return search.progress()
        return self._current.progress()

    def _cancel(self) -> None:
        self._cancelled = True
        for search in self._searches:
            search.cancel()
        self._current.cancel()

    def _notices(self) -> Sequence[Notice]:
        return self._current.notices()
