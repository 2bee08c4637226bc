"""Bound expressions as Flink SQL, with KSQL's meaning.

`nodes` calls `expression`.  A function's Flink SQL stands beside its DuckDB SQL in the library; one
without is refused by name, before anything is sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pyarrow as pa

from kshell.catalog.model import TIME_COLUMNS
from kshell.engines.flink.types import flink_type, literal, millis, quote, span, text
from kshell.errors import Unsupported
from kshell.sql.arithmetic import ARITHMETIC
from kshell.sql.expressions import (
    Call,
    Case,
    Cast,
    Column,
    Expression,
    Field,
    Lambda,
    Literal,
    MakeStruct,
    Variable,
)
from kshell.sql.functions import flink_of
from kshell.sql.render import DECIDED
from kshell.types import ksql_name

__all__ = ["NoEqual", "expression", "fill", "named"]

_HOLE = re.compile(
    r"\{(?:(?P<all>\*)|(?P<rest>\d+)\*|(?P<arg>\d+)|ms:(?P<ms>\d+)|text:(?P<text>\d+)"
    r"|plain:(?P<plain>\d+)|unit:(?P<unit>\d+)|(?P<type>type))\}"
)
_INFIX = {"ADD": "+", "SUBTRACT": "-", "MULTIPLY": "*", "DIVIDE": "/", "MODULO": "%"}
# Flink reads more texts than KSQL: '12.7' as a whole number, '12' as the year of a date.
_WHOLE = "REGEXP_EXTRACT({0}, '^ *([+-]?[0-9]+) *$', 1)"
_OF_TEXT = {
    pa.int32(): f"TRY_CAST({_WHOLE} AS INT)",
    pa.int64(): f"TRY_CAST({_WHOLE} AS BIGINT)",
    pa.bool_(): "CASE WHEN {0} IS NOT NULL THEN LOWER(TRIM({0})) IN ('true', 'yes', 't', 'y') END",
}
_DAY = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_HOUR = "[T ][0-9]{2}:[0-9]{2}"
_MOMENT = (
    "CASE WHEN REGEXP({0}, '^[0-9]{4}$') THEN {0} || '-01-01'"
    " WHEN REGEXP({0}, '^[0-9]{4}-[0-9]{1,2}$') THEN {0} || '-01'"
    f" WHEN REGEXP({{0}}, '^{_DAY}{_HOUR}Z?$')"
    " THEN REPLACE(REPLACE({0}, 'T', ' '), 'Z', '') || ':00'"
    f" WHEN REGEXP({{0}}, '^{_DAY}({_HOUR}:[0-9]{{2}}([.][0-9]{{1,9}})?)?Z?$')"
    " THEN REPLACE(REPLACE({0}, 'T', ' '), 'Z', '') END"
)
_ISO = "'yyyy-MM-dd''T''HH:mm:ss.SSS'"


class NoEqual(Unsupported):
    """A part of KSQL that Flink SQL does not have; `word` is where it stands in the statement."""

    def __init__(self, what: str, word: str, hint: str = "") -> None:
        super().__init__(what, hint=hint or "SET 'kshell.engine'='local' runs it in this process")
        self.word = word


def expression(bound: Expression) -> str:
    """Flink SQL of an expression over a node's columns; raises NoEqual.

    >>> one = Literal(1, pa.int32())
    >>> expression(Call("EQUAL", (Column("A", pa.int32()), one), pa.bool_(), "0"))
    '((`A` = CAST(1 AS INT)) IS TRUE)'
    """
    match bound:
        case Column():
            name = quote(bound.name)
            return millis(name) if bound.name in TIME_COLUMNS else name
        case Literal():
            return literal(bound.value, bound.type)
        case Cast():
            return _cast(bound)
        case Field():
            return f"({expression(bound.operand)}).{quote(bound.name)}"
        case MakeStruct():
            values = ", ".join(map(expression, bound.values))
            return f"CAST(ROW({values}) AS {flink_type(bound.type)})"
        case Case():
            whens = " ".join(
                f"WHEN {expression(c)} THEN {expression(v)}" for c, v in bound.whens
            )
            rest = "" if bound.default is None else f" ELSE {expression(bound.default)}"
            return f"CASE {whens}{rest} END"
        case Call():
            return _call(bound)
        case Lambda() | Variable():
            raise NoEqual("a lambda has no equal in Flink SQL", "=>")
    raise TypeError(f"no expression: {bound!r}")


def _call(call: Call) -> str:
    if call.variant.startswith("py:"):
        raise NoEqual(
            f"{call.function} is a function of your own: it runs in this process, not on Flink",
            call.function,
        )
    if any(isinstance(arg, Lambda) for arg in call.args):
        raise NoEqual(f"{call.function} with a lambda has no equal in Flink SQL", call.function)
    if call.function in ARITHMETIC:
        return _arithmetic(call)
    if call.function in ("AND", "OR"):
        return _logical(call)
    if call.function == "MAKE_MAP":
        return _map(call)
    template = flink_of(call)
    if not template:
        types = ", ".join(ksql_name(a.type) for a in call.args)
        raise NoEqual(f"{call.function}({types}) has no equal in Flink SQL", call.function)
    return fill(template, call)


def fill(template: str, call: Call) -> str:
    """A template of the library, filled: `{0}` an argument, `{*}` all, `{1*}` all from the second.

    `{ms:0}` is a time in milliseconds, `{text:0}` a constant as Flink wants some, `{plain:0}`
    one without `$`, `{unit:0}` the milliseconds of a unit of time.
    """
    args = [expression(arg) for arg in call.args]

    def hole(match: re.Match[str]) -> str:
        if match["all"]:
            return ", ".join(args)
        if match["rest"]:
            return ", ".join(args[int(match["rest"]) :])
        if match["arg"]:
            return args[int(match["arg"])]
        if match["ms"]:
            return millis(args[int(match["ms"])])
        if match["text"]:
            return text(_constant(call, int(match["text"])))
        if match["plain"]:
            written = _constant(call, int(match["plain"]))
            if "$" in written or "\\" in written:
                raise NoEqual(f"a group in {call.function}'s replacement has no equal on Flink",
                              call.function)  # fmt: skip
            return text(written)
        if match["unit"]:
            unit = _constant(call, int(match["unit"]))
            if (length := span(unit)) is None:
                raise NoEqual(f"{call.function} of {unit} has no equal in Flink SQL", unit)
            return str(length)
        return flink_type(call.type)

    return _HOLE.sub(hole, template)


def _constant(call: Call, n: int) -> str:
    arg = call.args[n]
    if not isinstance(arg, Literal) or not isinstance(arg.value, str):
        raise NoEqual(
            f"{call.function} on Flink takes a constant as argument {n + 1}", call.function
        )
    return arg.value


def _arithmetic(call: Call) -> str:
    left, right = map(expression, call.args)
    if call.variant == "text":
        return f"({left} || {right})"
    sign = _INFIX[call.function]
    if sign == "%" and call.type == pa.float64():
        raise NoEqual("% of DOUBLE has no equal in Flink SQL", "%")
    if sign in "/%" and call.type != pa.float64():  # a division by zero would end Flink's job
        right = f"NULLIF({right}, 0)"
    made = f"({left} {sign} {right})"
    return f"CAST({made} AS {flink_type(call.type)})" if call.variant == "decimal" else made


def _logical(call: Call) -> str:
    """AND and OR as in Java: what is NULL before the other side decides is NULL."""
    left, right = map(expression, call.args)
    first = call.args[0]
    if isinstance(first, Call) and first.function in DECIDED:
        return f"({left} {call.function} {right})"
    test, found = (left, "TRUE") if call.function == "OR" else (f"NOT {left}", "FALSE")
    return f"CASE WHEN {test} THEN {found} WHEN {left} IS NOT NULL THEN {right} END"


def _map(call: Call) -> str:
    keys, values = call.args
    if not (isinstance(keys, Call) and isinstance(values, Call)):
        raise NoEqual("this MAP has no equal in Flink SQL", "MAP")
    pairs = zip(keys.args, values.args, strict=True)
    return f"MAP[{', '.join(f'{expression(k)}, {expression(v)}' for k, v in pairs)}]"


def _cast(cast: Cast) -> str:
    """A cast that fails gives NULL, as in ksqlDB, and does not end the job."""
    operand, before, after = expression(cast.operand), cast.operand.type, cast.type
    if before == after:
        return operand
    if after == pa.string():
        if pa.types.is_boolean(before):
            return f"LOWER(CAST({operand} AS STRING))"
        if pa.types.is_timestamp(before):
            return f"DATE_FORMAT({operand}, {_ISO})"
        if pa.types.is_nested(before) or pa.types.is_binary(before):
            raise NoEqual(f"CAST of {ksql_name(before)} to text has no equal in Flink SQL", "CAST")
    if before == pa.string() and after in _OF_TEXT:
        return _OF_TEXT[after].replace("{0}", operand)
    if before == pa.string() and pa.types.is_temporal(after):
        moment = f"TRY_CAST({_MOMENT.replace('{0}', operand)} AS TIMESTAMP_LTZ(3))"
        return moment if pa.types.is_timestamp(after) else f"CAST({moment} AS DATE)"
    if pa.types.is_timestamp(after) and pa.types.is_date(before):
        return f"CAST({operand} AS TIMESTAMP_LTZ(3))"
    return f"TRY_CAST({operand} AS {flink_type(after)})"


def named(columns: Mapping[str, str]) -> str:
    """A select list of SQL by name."""
    return ", ".join(f"{sql} AS {quote(name)}" for name, sql in columns.items())
