"""Calls of aggregate functions: default arguments, arguments that must be constants, TOPK's rows.

`bind.expressions` calls `bind_aggregate` for each call, `bind.aggregate` calls `limited` for those
that a query makes.  Rules and wording are ksqlDB's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from kshell.errors import BindError, UsageError
from kshell.sql import functions
from kshell.sql.expressions import Call, Expression, Literal
from kshell.types import BOOLEAN, INTEGER, ksql_name

__all__ = ["bind_aggregate", "limited"]

# Where a call's constants begin: what is before are columns.
_CONSTANTS = {
    "EARLIEST_BY_OFFSET": 1, "LATEST_BY_OFFSET": 1, "TOPK": -1, "TOPKDISTINCT": -1,
}  # fmt: skip
_COUNTED = {  # how messages name the number of values that is asked for
    "EARLIEST_BY_OFFSET": "earliestN", "LATEST_BY_OFFSET": "latestN",
    "TOPK": "k", "TOPKDISTINCT": "k",
}  # fmt: skip
_LIMITS = {
    "COLLECT_LIST": "ksql.functions.collect_list.limit",
    "COLLECT_SET": "ksql.functions.collect_set.limit",
}
_DEFAULT_LIMIT = 1000


def bind_aggregate(name: str, args: Sequence[Expression], texts: Sequence[str]) -> Call:
    """The call; `texts` are the arguments as messages show them.  BindError where none fits."""
    if name in _CONSTANTS:
        start = _CONSTANTS[name] % max(len(args), 1) if len(args) > 1 else len(args)
        for number, (arg, text) in enumerate(zip(args, texts, strict=True), 1):
            if number > start:
                _check_constant(name, number, arg, text)
    if name == "TOPK" and len(args) > 2:
        return _ordered(_top_rows(args))
    return _ordered(functions.resolve_aggregate(name, args))


def _ordered(call: Call) -> Call:
    """The call, if what it orders has an order."""
    type = call.args[0].type if call.args else None
    if call.function in ("TOPK", "TOPKDISTINCT") and (
        type == BOOLEAN or pa.types.is_nested(type) or pa.types.is_null(type)
    ):
        shown = ", ".join("null" if pa.types.is_null(a.type) else ksql_name(a.type)
                          for a in call.args)  # fmt: skip
        raise BindError(
            f"Function '{call.function}' does not accept parameters ({shown}).",
            hint="it orders numbers, texts, bytes and times",
        )
    return call


def _check_constant(name: str, number: int, arg: Expression, text: str) -> None:
    if not isinstance(arg, Literal):
        raise BindError(
            f"Parameter {number} passed to function {name} must be a literal constant, "
            f"but was expression: '{text}'"
        )
    if arg.type == INTEGER and arg.value < 1:
        raise BindError(f"{name}: {_COUNTED[name]} must be 1 or greater, and is {arg.value}")


def _top_rows(args: Sequence[Expression]) -> Call:
    """TOPK(sort, other columns…, k): structures of the sorted value and the others."""
    call = functions.resolve_aggregate("TOPK", [args[0], args[-1]])
    sort, k = call.args
    others = args[1:-1]
    for arg in others:
        if pa.types.is_null(arg.type):
            raise BindError("TOPK: a NULL among the columns has no type", hint="CAST(NULL AS …)")
    fields = [("sort_col", sort.type), *((f"col{n}", a.type) for n, a in enumerate(others))]
    return replace(
        call, args=(sort, *others, k), type=pa.list_(pa.struct(fields)), variant="rows"
    )


def limited(call: Call, properties: Mapping[str, str]) -> Call:
    """The call with the number of values that the properties let it collect as its last argument,
    so that the plan has all that its folds need."""
    name = _LIMITS.get(call.function)
    if name is None:
        return call
    written = str(properties.get(name, _DEFAULT_LIMIT))
    try:
        limit = int(written)
    except ValueError:
        raise UsageError(f"{name} is no whole number: {written}") from None
    return replace(call, args=(*call.args, Literal(limit if limit >= 0 else 2**31 - 1, INTEGER)))
