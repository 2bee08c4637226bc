"""KSQL's functions as data: their names, their types, and their SQL in DuckDB.

The rows are in `library/*.toml`; `bind` resolves calls with it, `render` writes them, completion
and DESCRIBE FUNCTION list them.  Messages are ksqlDB's.
"""

from __future__ import annotations

import tomllib
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources

import pyarrow as pa

from kshell.errors import BindError, Place, UnknownName
from kshell.sql.arithmetic import ARITHMETIC, arithmetic
from kshell.sql.expressions import Call, Cast, Expression, Lambda, Literal
from kshell.sql.extremes import EXTREMES, of_one_type
from kshell.sql.signatures import (
    Pattern,
    Signature,
    fits,
    known_type,
    parse_signature,
    returned,
)
from kshell.sql.users import users
from kshell.types import ksql_name

__all__ = [
    "USER", "Form", "Function", "accepted", "describe", "flink_of", "is_aggregate",
    "is_table_function",
    "library", "names", "resolve_aggregate", "resolve_lambda_params", "resolve_scalar",
    "resolve_table", "template_of",
]  # fmt: skip

SCALAR, AGGREGATE, TABLE, OPERATOR = "scalar", "aggregate", "table", "operator"
USER = "user"  # the category of the user's own


@dataclass(frozen=True, slots=True)
class Form:
    """One overload: its signature and DuckDB SQL, or `py:module:function` for Python."""

    signature: Signature
    template: str


@dataclass(frozen=True, slots=True)
class Function:
    """A row: its kind, its overloads, a line of help, and an example with its result.

    `flink` has its SQL on Flink for all overloads, or for each; empty where there is none.
    """

    name: str
    kind: str
    category: str
    forms: tuple[Form, ...]
    help: str = ""
    example: tuple[str, object] | None = None
    flink: tuple[str, ...] = ()


def _row(name: str, category: str, row: dict[str, object]) -> Function:
    kinds = {"operators": OPERATOR, "aggregates": AGGREGATE, "tables": TABLE}
    pairs = row.get("forms", [])
    assert isinstance(pairs, list)
    forms = tuple(Form(parse_signature(s), t) for s, t in pairs)
    example = row.get("example")
    pair = (str(example[0]), example[1]) if isinstance(example, list) else None
    flink = row.get("flink", ())
    assert isinstance(flink, str | list | tuple)
    return Function(
        name, kinds.get(category, SCALAR), category, forms, str(row.get("help", "")), pair,
        (flink,) if isinstance(flink, str) else tuple(flink),
    )  # fmt: skip


def library() -> Mapping[str, Function]:
    """Every function by every name that it has: KSQL's, then the user's."""
    return ChainMap(_own(), users())  # type: ignore[arg-type]


def accepted(rows: Sequence[Function]) -> tuple[dict[str, Function], list[str]]:
    """The user's functions by name; and a line for each that is refused."""
    known: dict[str, Function] = {}
    refused = []
    for row in rows:
        if row.name in _own():
            refused.append(f"{row.name} is a function of KSQL: give yours another name")
        else:
            known[row.name] = row
    return known, refused


def template_of(call: Call) -> str:
    """DuckDB SQL of a bound call of KSQL's or the user's, or its `py:module:function`."""
    if call.variant.startswith("py:"):
        return call.variant
    forms = _own()[call.function].forms
    return forms[int(call.variant or 0)].template if forms else ""


def flink_of(call: Call) -> str:
    """Flink SQL of a bound call, an aggregate's too; empty where Flink has no equal."""
    found = _own()[call.function].flink
    if len(found) < 2:
        return found[0] if found else ""
    return found[int(call.variant or 0)]


class _Library(Mapping[str, Function]):
    """The rows of the files; each is made a `Function` when it is first asked for: few ever are."""

    def __init__(self) -> None:
        self._rows: dict[str, tuple[str, str, dict[str, object]]] = {}
        self._known: dict[str, Function] = {}
        for file in sorted(resources.files("kshell.sql.library").iterdir(), key=lambda f: f.name):
            if not file.name.endswith(".toml"):
                continue
            category = file.name.removesuffix(".toml")
            for name, row in tomllib.loads(file.read_text("utf-8")).items():
                for known in (name, *row.get("aliases", ())):
                    self._rows[known] = (name, category, row)

    def __getitem__(self, name: str) -> Function:
        own, category, row = self._rows[name]
        if own not in self._known:
            self._known[own] = _row(own, category, row)
        return self._known[own]

    def __contains__(self, name: object) -> bool:
        return name in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


@cache
def _own() -> _Library:
    return _Library()


def names() -> tuple[str, ...]:
    """Names that a person may call, sorted."""
    return tuple(sorted(n for n, f in library().items() if f.kind != OPERATOR))


def is_aggregate(name: str) -> bool:
    """Whether the name is an aggregate function's."""
    found = library().get(name.upper())
    return found is not None and found.kind == AGGREGATE


def is_table_function(name: str) -> bool:
    """Whether the name is a table function's (EXPLODE …)."""
    found = library().get(name.upper())
    return found is not None and found.kind == TABLE


def describe(name: str) -> Function:
    """The row; raises UnknownName."""
    found = library().get(name.upper())
    if found is None:
        what = f"Can't find any functions with the name '{name.upper()}'"
        raise UnknownName("function", name.upper(), names(), what=what)
    return found


def _shown(type: pa.DataType) -> str:
    return "null" if pa.types.is_null(type) else ksql_name(type)


def _no_fit(name: str, function: Function, args: Sequence[Expression]) -> BindError:
    given = ", ".join("LAMBDA" if isinstance(a, Lambda) else _shown(a.type) for a in args)
    alternatives = "\n".join(
        f"{name}({', '.join(map(str, f.signature.params))}{'...' * f.signature.variadic})"
        for f in function.forms
    )
    return BindError(
        f"Function '{name}' does not accept parameters ({given}).\n"
        f"Valid alternatives are:\n{alternatives}"
    )


def _match(form: Form, args: Sequence[Expression]) -> tuple[int, Call] | None:
    """(how much the arguments must widen, the call), or None."""
    params = form.signature.expanded(len(args))
    if params is None:
        return None
    bound: dict[str, pa.DataType] = {}
    cost = 0
    for param, arg in zip(params, args, strict=True):
        step = _fit_one(param, arg, bound)
        if step is None:
            return None
        cost += step
    typed = tuple(_coerced(p, a, bound) for p, a in zip(params, args, strict=True))
    types = [a.type for a in typed]
    type = returned(form.signature, types, bound)
    return cost * 2 + form.signature.variadic, Call("", typed, type)


def _fit_one(param: Pattern, arg: Expression, bound: dict[str, pa.DataType]) -> int | None:
    if isinstance(arg, Lambda) != (param.kind == "LAMBDA"):
        return None
    if isinstance(arg, Lambda):
        if len(arg.params) != len(param.parts) - 1:
            return None
        result = param.parts[-1]
        known = known_type(result, bound)
        found = fits(result, arg.type, bound)
        if found is None or (known is not None and known_type(result, bound) != known):
            return None  # the types of its parameters would change after the body was bound
        return found[0]
    found = fits(param, arg.type, bound)
    return None if found is None else found[0]


def _coerced(param: Pattern, arg: Expression, bound: dict[str, pa.DataType]) -> Expression:
    if isinstance(arg, Lambda):
        body = _coerced(param.parts[-1], arg.body, bound)
        return Lambda(arg.params, body, body.type)
    found = fits(param, arg.type, dict(bound))
    target = found[1] if found else arg.type
    if param.kind in bound:
        target = bound[param.kind]
    if target == arg.type or _untyped(target):
        return arg
    if isinstance(arg, Literal) and arg.value is None:
        return Literal(None, target)
    return Cast(arg, target)


def _untyped(type: pa.DataType) -> bool:
    if pa.types.is_nested(type):
        return any(_untyped(type.field(n).type) for n in range(type.num_fields))
    return bool(pa.types.is_null(type))


def _resolve(name: str, args: Sequence[Expression], function: Function) -> Call:
    best: tuple[int, Call] | None = None
    for number, form in enumerate(function.forms):
        found = _match(form, args)
        if found is not None and (best is None or found[0] < best[0]):
            # A call of the user's carries what it calls: their names are one session's.
            variant = form.template if function.category == USER else str(number)
            best = found[0], replace(found[1], function=function.name, variant=variant)
    if best is None:
        raise _no_fit(name, function, args)
    if _untyped(best[1].type):
        raise BindError(
            f"The type of {name}(…) is not known from NULL alone.",
            hint="CAST(NULL AS STRING) has a type",
        )
    return best[1]


def resolve_scalar(name: str, args: Sequence[Expression], place: Place | None = None) -> Expression:
    """The call with its arguments widened as the best overload wants them.

    Raises UnknownName for no such function, BindError where no overload takes the arguments.
    """
    function = describe(name)
    if function.name in ARITHMETIC:
        return arithmetic(function.name, args[0], args[1])
    if function.name == "MAKE_MAP":
        return _make_map(args)
    try:
        if function.name in EXTREMES:
            args = of_one_type(name, args)
        return _resolve(name, args, function)
    except BindError as error:
        if place is not None:
            error.with_place(place)
        raise


def _make_map(args: Sequence[Expression]) -> Expression:
    keys = _resolve("MAKE_ARRAY", args[::2], describe("MAKE_ARRAY"))
    values = _resolve("MAKE_ARRAY", args[1::2], describe("MAKE_ARRAY"))
    type = pa.map_(keys.type.value_type, values.type.value_type)
    return Call("MAKE_MAP", (keys, values), type)


def resolve_lambda_params(name: str, arg_types: Sequence[pa.DataType]) -> list[pa.DataType]:
    """The types of the parameters of a function's lambda, from its other arguments' types."""
    function = describe(name)
    for form in function.forms:
        bound: dict[str, pa.DataType] = {}
        plain = [p for p in form.signature.params if p.kind != "LAMBDA"]
        lambdas = [p for p in form.signature.params if p.kind == "LAMBDA"]
        if not lambdas or len(plain) != len(arg_types):
            continue
        if all(fits(p, t, bound) is not None for p, t in zip(plain, arg_types, strict=True)):
            types = [known_type(p, bound) for p in lambdas[0].parts[:-1]]
            if all(t is not None for t in types):
                return [t for t in types if t is not None]
    given = ", ".join([*map(_shown, arg_types), "LAMBDA"])
    raise BindError(f"Function '{name}' does not accept parameters ({given}).")


def resolve_aggregate(name: str, args: Sequence[Expression]) -> Call:
    """An aggregate's call; COUNT(*) has no arguments."""
    return _resolve(name, args, describe(name))


def resolve_table(name: str, args: Sequence[Expression]) -> Call:
    """A table function's call; its type is an element's."""
    return _resolve(name, args, describe(name))
