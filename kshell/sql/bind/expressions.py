"""sqlglot's expressions to bound ones: every name resolved, every type known.

`bind.select` and its parts make a `Binder` per clause.  Which overloads there are is
`sql.functions`'s to know; what may be compared, added and cast is checked here, in ksqlDB's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import pyarrow as pa
from sqlglot import exp

from kshell.catalog.model import TIME_COLUMNS
from kshell.durations import UNITS
from kshell.errors import BindError, KshellError, Unsupported
from kshell.sql import functions
from kshell.sql.as_written import place_of
from kshell.sql.bind.calls import bind_aggregate
from kshell.sql.bind.checks import check_arithmetic, check_comparison
from kshell.sql.bind.coercion import alike, numbers_alike
from kshell.sql.bind.constructors import make_array, make_map, make_struct
from kshell.sql.bind.datatypes import arrow_type, can_cast
from kshell.sql.bind.literals import coerce, number
from kshell.sql.bind.moments import moment_ms
from kshell.sql.bind.scope import Scope
from kshell.sql.bind.text import comparison_name, text_of
from kshell.sql.expressions import (
    Case,
    Cast,
    Expression,
    Lambda,
    Literal,
    Variable,
)  # fmt: skip
from kshell.sql.widening import common_type
from kshell.types import BOOLEAN, DATE, STRING, TIME, TIMESTAMP, is_numeric, ksql_name

__all__ = ["UNIT_FUNCTIONS", "Binder"]

_ARITHMETIC: Mapping[type[exp.Expr], str] = MappingProxyType(
    {
        exp.Add: "ADD", exp.Sub: "SUBTRACT", exp.Mul: "MULTIPLY", exp.Div: "DIVIDE",
        exp.IntDiv: "DIVIDE", exp.Mod: "MODULO", exp.DPipe: "ADD",
    }
)  # fmt: skip
_COMPARISON: Mapping[type[exp.Expr], str] = MappingProxyType(
    {
        exp.EQ: "EQUAL", exp.NEQ: "NOT_EQUAL", exp.LT: "LESS", exp.LTE: "LESS_OR_EQUAL",
        exp.GT: "GREATER", exp.GTE: "GREATER_OR_EQUAL", exp.NullSafeEQ: "IS_NOT_DISTINCT",
        exp.NullSafeNEQ: "IS_DISTINCT",
    }
)  # fmt: skip
_UNITS = frozenset(f"{unit}{s}" for unit in ("YEAR", "MONTH", "WEEK", *UNITS) for s in ("", "S"))
# The functions whose first argument is a unit of time, written as a bare word.
UNIT_FUNCTIONS = ("DATEADD", "DATESUB", "TIMEADD", "TIMESUB", "TIMESTAMPADD", "TIMESTAMPSUB")
_DEEPEST = 200


def _nothing() -> Mapping[str, pa.DataType]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Binder:
    """Binds one clause's expressions in a scope; `clause` is how messages name it.

    `variables` are a lambda's parameters inside it; `types` the user's types; `aggregate` is the
    aggregate function around what is bound, if any.
    """

    scope: Scope
    clause: str
    types: Mapping[str, pa.DataType] = field(default_factory=_nothing)
    variables: Mapping[str, pa.DataType] = field(default_factory=_nothing)
    aggregate: str = ""
    depth: int = 0

    def bind(self, node: exp.Expr) -> Expression:
        """The bound expression; BindError with the place of what does not fit."""
        if not isinstance(node, exp.Expr):  # sqlglot leaves a bare word where grammar has none
            raise BindError(f"not an expression: {node}")
        if self.depth > _DEEPEST:
            raise BindError("the expression nests too deeply", place=place_of(node))
        try:
            return replace(self, depth=self.depth + 1)._bind(node)
        except KshellError as error:
            place = place_of(node)
            if place is not None:
                error.with_place(place)
            raise

    def text(self, node: exp.Expr) -> str:
        """The expression as messages show it."""
        return text_of(node, self.scope.prefixed)

    def _bind(self, node: exp.Expr) -> Expression:
        match node:
            case exp.Paren():
                return self.bind(node.this)
            case exp.Column():
                return self.scope.resolve(node, self.clause)
            case exp.Identifier():
                return self._variable(node)
            case exp.Literal():
                return Literal(node.name, STRING) if node.is_string else number(node.name)
            case exp.Null():
                return Literal(None, pa.null())
            case exp.Boolean():
                return Literal(bool(node.this), BOOLEAN)
            case exp.Neg():
                return self._negate(node)
            case exp.And() | exp.Or():
                return self._logical("AND" if isinstance(node, exp.And) else "OR", node)
            case exp.Not():
                return self._not(node)
            case exp.Is():
                return self._is(node, "IS_NULL", "IS_NOT_DISTINCT")
            case exp.In():
                return self._in(node)
            case exp.Between():
                return self._between(node)
            case exp.Like() | exp.Escape():
                return self._like(node)
            case exp.Case():
                return self._case(node)
            case exp.Cast():
                return self._cast(node)
            case exp.Dot():
                return self._dot(node)
            case exp.Bracket():
                index = node.expressions[0]
                return self._call("SUBSCRIPT", self.bind(node.this), self.bind(index))
            case exp.Array():
                return make_array(node, self.bind)
            case exp.Map():
                return make_map(node, self.bind)
            case exp.Struct():
                return make_struct(node, self.bind)
            case exp.Anonymous():
                return self._function(node, node.name.upper(), node.expressions)
            case exp.Trim():
                return self._function(node, "TRIM", [node.this])
            case exp.Lambda():
                raise BindError("a lambda is an argument of a function and nothing else")
        if type(node) in _ARITHMETIC:
            return self._arithmetic(node)
        if type(node) in _COMPARISON:
            return self._comparison(node)
        return self._other(node)

    def _other(self, node: exp.Expr) -> Expression:
        """What sqlglot reads as a function of its own (CURRENT_DATE and its like)."""
        if isinstance(node, exp.Func):
            arguments = [a for a in node.args.values() if isinstance(a, exp.Expr)]
            return self._function(node, str(node.sql_name()), arguments)
        raise Unsupported(
            f"{type(node).__name__.upper()} is not part of a continuous query: {node.sql()}",
            hint="without EMIT CHANGES all of SQL works",
        )

    def _call(self, name: str, *args: Expression) -> Expression:
        return functions.resolve_scalar(name, args)

    def _variable(self, node: exp.Identifier) -> Expression:
        for name, type in self.variables.items():
            if name.casefold() == node.name.casefold():
                return Variable(name, type)
        return self.scope.resolve(exp.Column(this=node.copy()), self.clause)

    def _negate(self, node: exp.Neg) -> Expression:
        if isinstance(node.this, exp.Literal) and not node.this.is_string:
            return number("-" + node.this.name)
        return self._call("NEGATE", self.bind(node.this))

    def _logical(self, name: str, node: exp.Expr) -> Expression:
        sides = [self.bind(node.this), self.bind(node.expression)]
        for side, part in zip(sides, (node.this, node.expression), strict=True):
            self._check_boolean(side, part)
        return self._call(name, *sides)

    def _check_boolean(self, side: Expression, part: exp.Expr) -> None:
        if side.type != BOOLEAN and not pa.types.is_null(side.type):
            raise BindError(
                f"{self.text(part)} should evaluate to boolean but is {ksql_name(side.type)}",
                place=place_of(part),
            )

    def _not(self, node: exp.Not) -> Expression:
        inner = node.this
        if isinstance(inner, exp.Is):
            return self._is(inner, "IS_NOT_NULL", "IS_DISTINCT")
        if isinstance(inner, exp.In):
            return self._call("NOT", self._in(inner))  # of a NULL too: Java's, not SQL's
        operand = self.bind(inner)
        self._check_boolean(operand, inner)
        return self._call("NOT", operand)

    def _is(self, node: exp.Is, null_test: str, comparison: str) -> Expression:
        operand = self.bind(node.this)
        if isinstance(node.expression, exp.Null):
            return self._call(null_test, operand)
        return self._call(comparison, operand, self.bind(node.expression))

    def _in(self, node: exp.In) -> Expression:
        if node.args.get("query") is not None or node.args.get("unnest") is not None:
            raise Unsupported("a subquery is not part of a continuous query", place=place_of(node))
        value = self.bind(node.this)
        options = [self._moment(node.this, self.bind(e)) for e in node.expressions]
        known = [o for o in options if not (isinstance(o, Literal) and o.value is None)]
        return self._call("IN", *alike([value, *(known or options)]))

    def _between(self, node: exp.Between) -> Expression:
        value = self.bind(node.this)
        bounds = [self._moment(node.this, self.bind(node.args[b])) for b in ("low", "high")]
        for bound, part in zip(bounds, ("low", "high"), strict=True):
            check_comparison(
                (self.text(node.this), value), (self.text(node.args[part]), bound), "EQUAL"
            )
        low, high = (_as_time(b, value) for b in bounds)
        if is_numeric(value.type):
            value, low, high = alike([value, low, high])
        return self._call("BETWEEN", value, low, high)

    def _moment(self, other: exp.Expr, value: Expression) -> Expression:
        """A string beside ROWTIME or a window's bound is a moment."""
        if (
            isinstance(other, exp.Column)
            and other.name.upper() in TIME_COLUMNS
            and isinstance(value, Literal)
            and value.type == STRING
            and value.value is not None
        ):
            return number(str(moment_ms(value.value)), wide=True)
        return value

    def _comparison(self, node: exp.Expr) -> Expression:
        left, right = self.bind(node.this), self.bind(node.expression)
        left = self._moment(node.expression, left)
        right = self._moment(node.this, right)
        check_comparison(
            (self.text(node.this), left), (self.text(node.expression), right),
            comparison_name(node),
        )  # fmt: skip
        left, right = numbers_alike(left, right)
        name = _COMPARISON[type(node)]
        return self._call(name, _as_time(left, right), _as_time(right, left))

    def _arithmetic(self, node: exp.Expr) -> Expression:
        left, right = self.bind(node.this), self.bind(node.expression)
        name = _ARITHMETIC[type(node)]
        check_arithmetic(name, left, right, self.text(node))
        return self._call(name, left, right)

    def _like(self, node: exp.Expr) -> Expression:
        like = node.this if isinstance(node, exp.Escape) else node
        args = [self.bind(like.this), self.bind(like.expression)]
        if isinstance(node, exp.Escape):
            args.append(self.bind(node.expression))
        found = self._call("LIKE", *args)
        return self._call("NOT", found) if like.args.get("negate") else found

    def _case(self, node: exp.Case) -> Expression:
        whens = []
        for branch in node.args["ifs"]:
            condition = branch.this
            if node.this is not None:
                condition = exp.EQ(this=node.this.copy(), expression=condition.copy())
            bound = self.bind(condition)
            if bound.type != BOOLEAN:
                raise BindError(
                    "WHEN operand type should be boolean.\n"
                    f"Type for '{self.text(condition)}' is {ksql_name(bound.type)}",
                    place=place_of(condition),
                )
            whens.append((bound, self.bind(branch.args["true"])))
        written = node.args.get("default")
        default = None if written is None else self.bind(written)
        results = [value for _, value in whens] + ([] if default is None else [default])
        type = common_type([r.type for r in results])
        if type is None:
            shown = ", ".join(dict.fromkeys(ksql_name(r.type) for r in results))
            raise BindError(
                "Invalid Case expression. Type for all 'THEN' clauses should be the same."
                f" Types: {shown}"
            )
        if pa.types.is_null(type):
            raise BindError("Invalid Case expression. All case branches have NULL type")
        return Case(
            tuple((condition, coerce(value, type)) for condition, value in whens),
            None if default is None else coerce(default, type),
            type,
        )

    def _cast(self, node: exp.Cast) -> Expression:
        operand = self.bind(node.this)
        type = arrow_type(node.to, self.types)
        if not can_cast(operand.type, type):
            lead = "Invalid Select: " if self.clause == "SELECT" else ""
            raise BindError(
                f"{lead}Cast of {ksql_name(operand.type)} to {ksql_name(type)} is not supported"
            )
        return Cast(operand, type)

    def _dot(self, node: exp.Dot) -> Expression:
        if isinstance(node.expression, exp.Star):
            raise BindError("->* stands alone in SELECT", place=place_of(node))
        return self.scope.struct_field(self.bind(node.this), node.expression)

    def _function(self, node: exp.Expr, name: str, nodes: list[exp.Expr]) -> Expression:
        place = place_of(node)
        arguments = [a for a in nodes if not isinstance(a, exp.Star)]
        if functions.is_aggregate(name):
            return self._aggregate(name, arguments)
        if functions.is_table_function(name):
            if self.clause != "SELECT":
                raise BindError(
                    f"Can't find any functions with the name '{name}' for {self.clause}: it makes "
                    "rows, which only SELECT takes",
                    place=place,
                    hint="explode in one query, and filter or group its result in another",
                )
            return functions.resolve_table(name, [self.bind(a) for a in arguments])
        args: list[Expression] = []
        plain = [None if isinstance(a, exp.Lambda) else self._argument(name, i, a)
                 for i, a in enumerate(arguments)]  # fmt: skip
        known = [a.type for a in plain if a is not None]
        for argument, bound in zip(arguments, plain, strict=True):
            args.append(bound if bound is not None else self._lambda(name, known, argument))
        return functions.resolve_scalar(name, args, place)

    def _argument(self, function: str, index: int, node: exp.Expr) -> Expression:
        if (
            function in UNIT_FUNCTIONS
            and index == 0
            and isinstance(node, exp.Column)
            and not node.table
            and node.name.upper() in _UNITS
        ):
            return Literal(node.name.upper(), STRING)
        return self.bind(node)

    def _lambda(self, name: str, known: list[pa.DataType], node: exp.Expr) -> Expression:
        params = [p.name for p in node.expressions]
        types = functions.resolve_lambda_params(name, known)
        if len(types) != len(params):
            raise BindError(
                f"{name} takes a lambda of {len(types)} arguments, not of {len(params)}",
                place=place_of(node),
            )
        taken = {p.casefold() for p in self.variables}
        for param in params:
            if param.casefold() in taken:
                raise BindError(
                    f"Reusing lambda arguments in nested lambda is not allowed: {param}",
                    place=place_of(node),
                )
        inner = MappingProxyType({**self.variables, **dict(zip(params, types, strict=True))})
        body = replace(self, variables=inner).bind(node.this)
        return Lambda(tuple(params), body, body.type)

    def _aggregate(self, name: str, arguments: list[exp.Expr]) -> Expression:
        if self.clause == "GROUP BY":
            raise BindError(
                f"GROUP BY does not support aggregate functions: {name} is an aggregate function."
            )
        if self.aggregate:
            raise BindError(f"Aggregate functions can not be nested: {self.aggregate}({name}())")
        inner = replace(self, aggregate=name)
        if not arguments and name != "COUNT":  # ksqlDB: an aggregate of nothing is of ROWTIME
            first = self.scope.origins[0].alias
            arguments = [exp.column("ROWTIME", table=first, quoted=True)]
        bound = [inner.bind(a) for a in arguments]
        return bind_aggregate(name, bound, [self.text(a) for a in arguments])


def _as_time(value: Expression, other: Expression) -> Expression:
    """Strings beside times are read as times, and dates beside timestamps as midnights."""
    if value.type == STRING and other.type in (DATE, TIME, TIMESTAMP):
        return Cast(value, other.type)
    if value.type == DATE and other.type == TIMESTAMP:
        return Cast(value, TIMESTAMP)
    return value
