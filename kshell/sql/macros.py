"""KSQL's functions in bounded queries: macros with KSQL's meaning under names of their own.

`batch.rewrite` hands each query's draft to `note_macros`: a call of a function that the library has
becomes a call of a macro, made of the library's own templates, one overload for each signature.
What DuckDB has beside them is reached as before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from kshell.sql import duck
from kshell.sql.bind.expressions import UNIT_FUNCTIONS
from kshell.sql.functions import AGGREGATE, SCALAR, USER, Form, Function, library
from kshell.sql.overloads import Noted, Overloads
from kshell.sql.render import fill_template, lambda_params, python_in
from kshell.sql.signatures import Pattern, known_type, returned
from kshell.sql.spans import Call, Draft
from kshell.sql.syntax import Syntax
from kshell.sql.tokens import Kind
from kshell.sql.words import DUCKDB_AGGREGATES, cast_type, casts
from kshell.types import STRING, decimal, duckdb_name, quote_text

if TYPE_CHECKING:
    import duckdb

__all__ = ["CASTS", "ksqls_calls", "note_macros", "note_users"]

_DECIMAL = re.compile(r"DECIMAL\((\d+), ?(\d+)\)")
_ORDER, _ORDER_NAME = "{order}", "row_order"

# Casts whose meaning is Java's; what is cast has its type in DuckDB only.
CASTS = {"TEXT": "ksql_any_text", "VARCHAR": "ksql_any_text", "INT": "java_any_int",
          "BIGINT": "java_any_long"}  # fmt: skip

# What stands for the forms of DECIMAL and DOUBLE, where the argument's type is not known: a macro
# for DOUBLE would take DECIMAL too, and lose its digits.
_WHOLE = (
    "CASE WHEN typeof({{0}}) LIKE 'DECIMAL%' THEN CAST({} AS BIGINT)"
    " ELSE {} END"
)
_DECIMALS: Mapping[str, str] = {
    "ABS": "abs({0})",
    "CEIL": "ceil({0})",
    "FLOOR": "floor({0})",
    "GREATEST": "greatest({*})",
    "LEAST": "least({*})",
    "ROUND": _WHOLE.format(
        "floor({0}) + CASE WHEN {0} - floor({0}) >= 0.5 THEN 1 ELSE 0 END",
        "java_double_to_long(java_round(CAST({0} AS DOUBLE)))",
    ),
    "TRUNC": _WHOLE.format("trunc({0})", "java_double_to_long(CAST({0} AS DOUBLE))"),
}

# Macros around Python functions that are given DuckDB's JSON of a value, and its type.
_ANY = {
    "ksql_any_text": (
        "kshell.sql.java.any_text:as_text",
        "CASE WHEN typeof(x) LIKE '%]' OR typeof(x) LIKE '%)' AND typeof(x) NOT LIKE 'DECIMAL%'"
        " THEN {python}(CAST(to_json(x) AS VARCHAR), typeof(x)) ELSE java_any_text(x) END",
    ),
    "ksql_to_json_string_1": (
        "kshell.sql.java.any_text:as_json",
        "{python}(CAST(to_json(x) AS VARCHAR), typeof(x))",
    ),
}


def note_macros(
    draft: Draft,
    syntax: Syntax | None,
    connection: duckdb.DuckDBPyConnection,
    order_of: Callable[[int], str],
) -> Overloads:
    """Let macros stand for calls of KSQL's functions and for its casts, and make those macros.

    `order_of` gives the column that orders the records at an offset of the text.
    """
    duck.current().add_macros()
    _note_casts(draft, connection)
    return _noted(draft, syntax, connection, order_of, library())


def note_users(
    draft: Draft,
    syntax: Syntax | None,
    connection: duckdb.DuckDBPyConnection,
    order_of: Callable[[int], str],
) -> Overloads:
    """Let macros stand for calls of the user's own functions: all else is DuckDB's."""
    users = {name: row for name, row in library().items() if row.category == USER}
    return _noted(draft, syntax, connection, order_of, users)


def _noted(
    draft: Draft,
    syntax: Syntax | None,
    connection: duckdb.DuckDBPyConnection,
    order_of: Callable[[int], str],
    functions: Mapping[str, Function],
) -> Overloads:
    found = Overloads(draft, connection)
    in_from = {c.start for c in syntax.table_calls} if syntax is not None else set()
    stars = [(s.start, s.end) for s in syntax.stars] if syntax is not None else []
    done: set[int] = set()  # tokens that are a lambda's parameters
    depth = 0
    for call in reversed(list(draft.calls())):
        name = draft.tokens[call.token]
        function = functions.get(call.name)
        if function is None or name.start in in_from or not _replaces(function):
            continue
        if _is_clause(draft, call, stars):
            continue
        form = _with_lambdas(draft, call, function)
        if form is not None:
            _note_lambdas(draft, call, form, str(depth), done)
            depth += 1
            continue
        if any(draft.word(n) in _WITHIN_CALL for n in draft.level(call.open + 1, call.close)):
            continue  # DuckDB's own grammar: f(x ORDER BY y), substring(x FROM 1)
        if any(draft.is_sign(draft.at(start), "*") for start, _ in call.args):
            continue  # COALESCE(*COLUMNS(*)): the number of arguments is DuckDB's to know
        _note_call(found, call, function, order_of)
    return found


def ksqls_calls(draft: Draft) -> Iterator[Call]:
    """The calls of KSQL's functions, whose meaning DuckDB has not or another."""
    for call in draft.calls():
        function = library().get(call.name)
        if function is None or not _replaces(function) or function.category == USER:
            continue
        after_star = any(draft.is_sign(call.token - n, "*") for n in (1, 2))
        if call.name == "FILTER" or (call.name == "REPLACE" and after_star):
            continue
        if any(form.signature.expanded(len(call.args)) is not None for form in function.forms):
            yield call


_WITHIN_CALL = frozenset({"ORDER", "DISTINCT", "FROM", "FOR"})


def _is_clause(draft: Draft, call: Call, stars: list[tuple[int, int]]) -> bool:
    """REPLACE (…) of a star, and FILTER (…) of an aggregate, which are no calls."""
    start = draft.tokens[call.token].start
    if call.name == "FILTER":
        return draft.is_sign(call.token - 1, ")")
    if call.name != "REPLACE":
        return False
    return any(
        a <= start < b and call.token in draft.level(draft.at(a), draft.at(b)) for a, b in stars
    )


def _note_call(
    found: Overloads, call: Call, function: Function, order_of: Callable[[int], str]
) -> None:
    draft = found.draft
    name, close = draft.tokens[call.token], draft.tokens[call.close]
    arity = len(call.args)
    overloads = _define(found.connection, call.name, function.forms, arity)
    if not overloads:
        return
    macro = _macro(call.name, arity)
    _define_any(found.connection, macro)
    if len(overloads) > 1:
        found.noted.append(Noted(call, macro, overloads, _of_decimals(function.forms, arity)))
    draft.replace(name.start, name.end, macro)
    if call.name in UNIT_FUNCTIONS and arity:
        unit = draft.tokens[call.open + 1]
        if unit.kind is Kind.WORD and unit.end == call.args[0][1]:
            draft.replace(unit.start, unit.end, quote_text(unit.upper))
    if _ordered(function.forms, arity):
        draft.insert(close.start, (", " if arity else "") + order_of(name.start))


def _note_casts(draft: Draft, connection: duckdb.DuckDBPyConnection) -> None:
    begins: dict[int, int] = {}  # by the last token of x::type, its first
    for text, n, first, last in casts(draft):
        type = cast_type(text)
        macro = CASTS.get(getattr(type.this, "value", "")) if type is not None else None
        token = draft.tokens[n]
        start = n
        if token.upper == "TRY_CAST" or draft.word(last) == "ARRAY":
            continue
        if token.text == "::":
            start = begins[n - 1] if n - 1 in begins else draft.operand(n - 1)
            begins[last] = start
        if macro is None:
            continue
        _define_any(connection, macro)
        if token.text == "::":
            draft.insert(draft.tokens[start].start, f"{macro}(")
            draft.replace(token.start, draft.tokens[last].end, ")")
        else:
            draft.replace(token.start, token.end, macro)
            draft.replace(draft.tokens[first - 1].start, draft.tokens[last].end, "")


def _define_any(connection: duckdb.DuckDBPyConnection, macro: str) -> None:
    """Make that macro, if it is one for values of any type."""
    if macro not in _ANY:
        return
    where, body = _ANY[macro]
    made = body.format(python=duck.python_function(where, [STRING, STRING], STRING))
    connection.execute(f"CREATE OR REPLACE TEMP MACRO {macro}(x) AS {made}")


def _lambda(draft: Draft, span: tuple[int, int]) -> tuple[list[int], int] | None:
    """The tokens of a lambda's parameters and of its colon; None for what is no lambda."""
    first, last = draft.at(span[0]), draft.at(span[1])
    if draft.word(first) != "LAMBDA":
        return None
    for n in range(first + 1, last):
        if draft.is_sign(n, ":"):
            return [k for k in range(first + 1, n) if not draft.is_sign(k, ",")], n
    return None


def _with_lambdas(draft: Draft, call: Call, function: Function) -> Form | None:
    """The form that takes the call's lambdas, if it has any: by their numbers of parameters."""
    found = [_lambda(draft, span) for span in call.args]
    given = [len(f[0]) if f is not None else 0 for f in found]
    for form in function.forms if any(given) else ():
        wanted = [len(p.parts) - 1 if p.kind == "LAMBDA" else 0 for p in form.signature.params]
        if wanted == given:
            return form
    return None


def _note_lambdas(draft: Draft, call: Call, form: Form, depth: str, done: set[int]) -> None:
    """Let the form's SQL stand for the call, and what it says for the lambdas' parameters."""
    spans = list(call.args)
    for number, said in lambda_params(form.template, depth).items():
        found = _lambda(draft, spans[number])
        if found is None:
            continue
        names, colon = found
        known = {draft.tokens[n].value.casefold(): s for n, s in zip(names, said, strict=True)}
        last = draft.at(spans[number][1])
        spans[number] = (draft.tokens[colon + 1].start, spans[number][1])
        for n in range(colon + 1, last):
            token = draft.tokens[n]
            named = token.kind in (Kind.WORD, Kind.QUOTED) and n not in done
            if named and token.value.casefold() in known and not draft.is_sign(n - 1, "."):
                done.add(n)
                draft.replace(token.start, token.end, known[token.value.casefold()])

    def made() -> str:
        texts = [draft.text(a, b) for a, b in spans]
        bodies = {n: (lambda _, text=text: text) for n, text in enumerate(texts)}
        return fill_template(form.template, texts, bodies, {"depth": depth})

    draft.replace(draft.tokens[call.token].start, draft.tokens[call.close].end, made)


def _replaces(function: Function) -> bool:
    """Whether KSQL's function stands in the place of DuckDB's; DuckDB's own aggregates stay."""
    if function.kind == AGGREGATE:
        return function.name not in DUCKDB_AGGREGATES
    return function.kind == SCALAR


def _macro(name: str, arity: int) -> str:
    return f"ksql_{name.lower()}_{arity}"


def _ordered(forms: tuple[Form, ...], arity: int) -> bool:
    """Whether calls with so many arguments need to know the order of records: `{order}`."""
    return any(_ORDER in f.template for f in forms if f.signature.expanded(arity) is not None)


@cache
def _scalars() -> Mapping[str, Sequence[tuple[int, bool]]]:
    """DuckDB's scalar functions: each form's number of parameters, and whether it takes more."""
    rows = duck.plain().execute(
        "SELECT upper(function_name), len(parameters), varargs IS NOT NULL FROM duckdb_functions()"
        " WHERE internal AND function_type = 'scalar'"
    )
    found: dict[str, list[tuple[int, bool]]] = {}
    for name, count, more in rows.fetchall():
        found.setdefault(name, []).append((count, more))
    return found


def _duckdb_takes(name: str, arity: int) -> bool:
    """Whether DuckDB has a scalar function of that name for so many arguments."""
    forms = _scalars().get(name, ())
    return any(count == arity or (more and count <= arity) for count, more in forms)


def _define(
    connection: duckdb.DuckDBPyConnection, name: str, forms: tuple[Form, ...], arity: int
) -> list[tuple[str, str]]:
    """Make the macro for calls with so many arguments; its overloads, none where no form fits."""
    overloads = dict(_overloads(name, forms, arity))
    if not overloads:
        return []
    loose = ", ".join(f"a{n}" for n in range(arity))
    if _duckdb_takes(name, arity) and loose not in overloads:
        overloads[loose] = f"system.main.{name.lower()}({loose})"
    made = ", ".join(f"({parameters}) AS {body}" for parameters, body in overloads.items())
    connection.execute(f"CREATE OR REPLACE TEMP MACRO {_macro(name, arity)} {made}")
    return list(overloads.items())


def _overloads(name: str, forms: tuple[Form, ...], arity: int) -> Iterator[tuple[str, str]]:
    """(parameters, body), the later of two with the same parameters left out."""
    seen = set()
    names = [f"a{n}" for n in range(arity)]
    last = f", {_ORDER_NAME}" if _ordered(forms, arity) else ""
    decimals = _DECIMALS.get(name, "") if arity == 1 or "*" in _DECIMALS.get(name, "") else ""
    for form in forms:
        params = form.signature.expanded(arity)
        if params is None or any(p.kind == "LAMBDA" for p in params):
            continue
        if decimals and params[0].kind in ("DECIMAL", "DOUBLE"):
            continue
        types = [_type(p) for p in params]
        shown = ", ".join(f"{n} {t}".strip() for n, t in zip(names, types, strict=True))
        if shown in seen:
            continue
        body = _body(form, params, names)
        if body is not None:
            seen.add(shown)
            yield shown + last, body.replace(_ORDER, _ORDER_NAME)
    if decimals and seen:
        yield ", ".join(names), fill_template(decimals, names)


def _of_decimals(
    forms: tuple[Form, ...], arity: int
) -> Callable[[Sequence[str]], tuple[str, str] | None] | None:
    """Makes the form of DECIMAL whose result has a type made of the argument's, if there is one."""
    for form in forms:
        params = form.signature.expanded(arity) if python_in(form.template) else None
        if params and params[0].kind == "DECIMAL":
            return partial(_of_decimal, form, params)
    return None


def _of_decimal(
    form: Form, params: tuple[Pattern, ...], given: Sequence[str]
) -> tuple[str, str] | None:
    """(parameters, body) for a first argument of just that DECIMAL."""
    found = _DECIMAL.fullmatch(given[0])
    if found is None:
        return None
    types = [decimal(int(found[1]), int(found[2]))]
    types += [known for p in params[1:] if (known := known_type(p, {})) is not None]
    returns = returned(form.signature, types, {})
    python = duck.python_function(python_in(form.template), types, returns)
    names = [f"a{n}" for n in range(len(params))]
    cast = [f"CAST({n} AS {duckdb_name(t)})" for n, t in zip(names, types, strict=True)]
    return ", ".join(names), fill_template(form.template, cast, names={"python": python})


def _type(pattern: Pattern) -> str:
    """DuckDB's name of a parameter's type; empty where any type will do."""
    type = known_type(pattern, {})
    return "" if type is None else duckdb_name(type)


def _body(form: Form, params: tuple[Pattern, ...], names: list[str]) -> str | None:
    returns = known_type(form.signature.returns, {})
    where = python_in(form.template)
    types = [known_type(p, {}) for p in params]
    if (where and None in types) or ((where or "{type}" in form.template) and returns is None):
        return None
    said = {"type": "" if returns is None else duckdb_name(returns)}
    if where:
        said["python"] = duck.python_function(where, types, returns)
    return fill_template(form.template, names, names=said)
