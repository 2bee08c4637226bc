"""The fold of each aggregate function: one row of `FOLDS` for each.

`Aggregate` asks `fold_of` for each call.  The types are in `sql/library/aggregates.toml`, the
checks in `sql.bind`; here a call's constants (a number of values, whether NULLs count, a limit)
make the fold.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from kshell.errors import Unsupported
from kshell.sql.expressions import Call, Literal
from kshell.stream.folding import Fold
from kshell.stream.folds.collected import Attribute, CollectList, CollectSet, Histogram
from kshell.stream.folds.distinct import CountDistinct
from kshell.stream.folds.numbers import (
    Average,
    Correlation,
    Count,
    Deviation,
    Sum,
    SumList,
    Variance,
)
from kshell.stream.folds.offsets import Earliest, EarliestFew, Latest, LatestFew
from kshell.stream.folds.ordered import Maximum, Minimum, Top, TopDistinct, TopRows

__all__ = ["FOLDS", "fold_of"]

_HISTOGRAM_LIMIT = 1000


def _constants(call: Call) -> list[Any]:
    """The constants after the call's columns."""
    return [a.value for a in call.args[1:] if isinstance(a, Literal)]


def _top(call: Call) -> Fold:
    type, k = call.args[0].type, _constants(call)[-1]
    if len(call.args) == 2:
        return Top(k, type)
    return TopRows(k, type, [f.name for f in call.type.value_type])


def _by_offset(
    one: Callable[[Any], Fold], few: Callable[[int, Any], Fold]
) -> Callable[[Call], Fold]:
    def make(call: Call) -> Fold:
        constants = _constants(call)
        keeps_nulls = bool(constants) and constants[-1] is False
        counts = _any if keeps_nulls else _not_null
        if constants and not isinstance(constants[0], bool):
            return few(constants[0], counts)
        return one(counts)

    return make


def _any(value: Any) -> bool:
    return True


def _not_null(value: Any) -> bool:
    return value is not None


FOLDS: Mapping[str, Callable[[Call], Fold]] = MappingProxyType(
    {
        "ATTR": lambda call: Attribute(),
        "AVG": lambda call: Average(),
        "COLLECT_LIST": lambda call: CollectList(_constants(call)[-1]),
        "COLLECT_SET": lambda call: CollectSet(_constants(call)[-1]),
        "CORRELATION": lambda call: Correlation(),
        "COUNT": lambda call: Count(),
        "COUNT_DISTINCT": lambda call: CountDistinct(),
        "EARLIEST_BY_OFFSET": _by_offset(Earliest, EarliestFew),
        "HISTOGRAM": lambda call: Histogram(_HISTOGRAM_LIMIT),
        "LATEST_BY_OFFSET": _by_offset(Latest, LatestFew),
        "MAX": lambda call: Maximum(call.type),
        "MIN": lambda call: Minimum(call.type),
        "STDDEV_SAMP": lambda call: Variance(),
        "STDDEV_SAMPLE": lambda call: Deviation(),
        "SUM": lambda call: Sum(call.type),
        "SUM_LIST": lambda call: SumList(call.type),
        "TOPK": _top,
        "TOPKDISTINCT": lambda call: TopDistinct(_constants(call)[-1], call.args[0].type),
    }
)


def fold_of(call: Call) -> Fold:
    """The fold for that call; raises Unsupported if there is none."""
    make = FOLDS.get(call.function)
    if make is None:
        raise Unsupported(f"the aggregate {call.function} in a continuous query")
    return make(call)
