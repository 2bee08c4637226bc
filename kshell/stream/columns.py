"""The folds of many groups at once: which aggregate has one that goes by whole columns.

Operators of GROUP BY keep one `ColumnFolds`.  Results equal those of `folding`'s folds, row for
row; an aggregate that is not here runs its fold for each row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import pyarrow as pa

from kshell.sql.expressions import Call
from kshell.stream.column_folds import collected, numbers, offsets
from kshell.stream.column_folds.base import ColumnFold, EachRow, Grown, Numbers
from kshell.stream.windows import Steps

__all__ = ["ColumnFolds", "Grown", "column_fold"]


def _numeric(make: Callable[[Call], ColumnFold]) -> Callable[[Call], ColumnFold]:
    """That fold where the argument is a number, or kept as one."""
    return lambda call: make(call) if numbers.is_number(call.args[0].type) else EachRow(call)


_COLUMNAR: Mapping[str, Callable[[Call], ColumnFold]] = MappingProxyType(
    {
        "ATTR": collected.AttributeColumn,
        "AVG": _numeric(numbers.Average),
        "COLLECT_LIST": collected.ListColumn,
        "COLLECT_SET": collected.SetColumn,
        "COUNT": numbers.Count,
        "COUNT_DISTINCT": collected.CountDistinctColumn,
        "EARLIEST_BY_OFFSET": offsets.by_offset,
        "HISTOGRAM": collected.HistogramColumn,
        "LATEST_BY_OFFSET": offsets.by_offset,
        "MAX": _numeric(numbers.maximum),
        "MIN": _numeric(numbers.minimum),
        "SUM": _numeric(numbers.Sum),
    }
)


# These can take rows back by whole columns.
_REVERSIBLE = frozenset({"AVG", "COUNT", "SUM"})


def column_fold(call: Call, *, reversible: bool = False) -> ColumnFold:
    """The fold of that call over all groups; raises Unsupported if there is none.

    A `reversible` one can take rows back.
    """
    if reversible and call.function not in _REVERSIBLE:
        return EachRow(call)
    return _COLUMNAR.get(call.function, EachRow)(call)


class ColumnFolds:
    """The folds of a GROUP BY's aggregates."""

    def __init__(self, calls: Sequence[Call], *, reversible: bool = False) -> None:
        self._folds = [column_fold(call, reversible=reversible) for call in calls]

    def reach(self, size: int) -> None:
        """Have at least that many groups."""
        for fold in self._folds:
            fold.reach(size)

    def reset(self, groups: Numbers) -> None:
        """Clear these groups."""
        for fold in self._folds:
            fold.reset(groups)

    def run(self, steps: Steps, args: Sequence[Sequence[pa.Array]]) -> None:
        """Take the steps, in order; `args` are the rows' arguments of each aggregate."""
        for fold, mine in zip(self._folds, args, strict=True):
            fold.run(steps, mine)

    def result(self, groups: Numbers) -> list[pa.Array]:
        """The results of these groups, by aggregate."""
        return [fold.result(groups) for fold in self._folds]

    def save(self, groups: Numbers) -> dict[str, pa.Array]:
        """The states of these groups: a column for each aggregate, named by its number."""
        return {str(n): fold.save(groups) for n, fold in enumerate(self._folds)}

    def load(self, groups: Numbers, states: pa.RecordBatch) -> None:
        """Set the states of these groups to what was saved."""
        for n, fold in enumerate(self._folds):
            fold.load(groups, states.column(str(n)))
