"""KSQL's functions in bounded queries: macros with KSQL's meaning and their own names.

`batch` passes each query's tree through `translated`: a call of a function of the library becomes a
call of a macro, which is made from the library's templates with an overload for each signature.
DuckDB's other functions work as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sqlglot import exp

from kshell.sql import duck
from kshell.sql.bind.expressions import UNIT_FUNCTIONS
from kshell.sql.dialect import KSQL
from kshell.sql.functions import AGGREGATE, SCALAR, Form, Function, library
from kshell.sql.render import fill_template, lambda_params, python_in
from kshell.sql.signatures import Pattern, known_type
from kshell.types import STRING, duckdb_name

if TYPE_CHECKING:
    import duckdb

__all__ = ["ROW_ORDER", "translated"]

ROW_ORDER = "row_order"  # a SELECT's meta: the column that orders its records
_ORDER, _ORDER_NAME = "{order}", "row_order"

# Casts with Java's meaning; only DuckDB knows the type of the operand.
_CASTS = {"TEXT": "ksql_any_text", "VARCHAR": "ksql_any_text", "INT": "java_any_int",
          "BIGINT": "java_any_long"}  # fmt: skip

# Macros around Python functions that get DuckDB's JSON of a value, and its type.
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


def translated(tree: exp.Query, connection: duckdb.DuckDBPyConnection) -> exp.Query:
    """Changes the tree so that it calls macros instead of KSQL's functions, and returns it."""
    unnamed = _unnamed(tree)
    lambdas: list[tuple[exp.Anonymous, Form, str]] = []
    for call in list(tree.find_all(exp.Anonymous)):
        name = call.name.upper()
        function = library().get(name)
        if function is None or not _replaces(function, connection):
            continue
        form = _with_lambdas(call, function)
        if form is not None:
            depth = str(len(lambdas))
            _say_params(call, form, depth)
            lambdas.append((call, form, depth))
            continue
        first = call.expressions[0] if call.expressions else None
        if name in UNIT_FUNCTIONS and isinstance(first, exp.Column):
            first.replace(exp.Literal.string(first.name.upper()))
        arity = len(call.expressions)
        if _define(connection, name, function.forms, arity):
            if _ordered(function.forms, arity):
                call.append("expressions", _order_of(call))
            call.set("this", _macro(name, arity))
            _define_any(connection, _macro(name, arity))
    for cast in [c for c in tree.find_all(exp.Cast) if type(c) is exp.Cast]:
        macro = _CASTS.get(getattr(cast.to.this, "value", ""))
        if macro is not None:
            _define_any(connection, macro)
            cast.replace(exp.Anonymous(this=macro, expressions=[cast.this]))
    for call, form, depth in reversed(lambdas):
        call.replace(_filled(call, form, depth))
    for select, n, text in unnamed:
        _keep_name(select, n, text)
    return tree


def _define_any(connection: duckdb.DuckDBPyConnection, macro: str) -> None:
    """Define the macro, if it is one for values of any type."""
    if macro not in _ANY:
        return
    where, body = _ANY[macro]
    made = body.format(python=duck.python_function(where, [STRING, STRING], STRING))
    connection.execute(f"CREATE OR REPLACE TEMP MACRO {macro}(x) AS {made}")


def _unnamed(tree: exp.Query) -> list[tuple[exp.Select, int, str]]:
    """(SELECT, number of the item, its text) for selected items without a name."""
    named = (exp.Alias, exp.Column, exp.Star)
    return [
        (select, n, item.sql(dialect=KSQL))
        for select in tree.find_all(exp.Select)
        for n, item in enumerate(select.expressions)
        if not isinstance(item, named)
    ]


def _keep_name(select: exp.Select, n: int, text: str) -> None:
    """Name a column by its original text, if another text replaces it now."""
    item = select.expressions[n]
    if item.sql(dialect=KSQL) != text:
        item.replace(exp.alias_(item.copy(), text, quoted=True))


def _with_lambdas(call: exp.Anonymous, function: Function) -> Form | None:
    """The form that fits the call's lambdas, if any, by their numbers of parameters."""
    given = [len(a.expressions) if isinstance(a, exp.Lambda) else 0 for a in call.expressions]
    for form in function.forms if any(given) else ():
        wanted = [len(p.parts) - 1 if p.kind == "LAMBDA" else 0 for p in form.signature.params]
        if wanted == given:
            return form
    return None


def _say_params(call: exp.Anonymous, form: Form, depth: str) -> None:
    """Replace the lambdas' parameters by the form's SQL for them."""
    for number, params in lambda_params(form.template, depth).items():
        function = call.expressions[number]
        said = {p.name.casefold(): s for p, s in zip(function.expressions, params, strict=True)}
        for name in list(function.this.find_all(exp.Identifier)):
            field = isinstance(name.parent, exp.Dot) and name.arg_key == "expression"
            if not field and name.name.casefold() in said and isinstance(name.parent, exp.Expr):
                name.replace(exp.Var(this=said[name.name.casefold()]))


def _filled(call: exp.Anonymous, form: Form, depth: str) -> exp.Var:
    """The call's complete SQL, with its lambdas."""
    args = [a.this if isinstance(a, exp.Lambda) else a for a in call.expressions]
    texts = [a.sql(dialect=KSQL) for a in args]
    bodies = {n: (lambda _, text=text: text) for n, text in enumerate(texts)}
    return exp.Var(this=fill_template(form.template, texts, bodies, {"depth": depth}))


def _replaces(function: Function, connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether KSQL's function replaces DuckDB's; DuckDB's own aggregates stay."""
    if function.kind == AGGREGATE:
        return not _duckdb_has(connection, function.name, "aggregate")
    return function.kind == SCALAR


def _macro(name: str, arity: int) -> str:
    return f"ksql_{name.lower()}_{arity}"


def _ordered(forms: tuple[Form, ...], arity: int) -> bool:
    """Whether calls with so many arguments need the order of records: `{order}`."""
    return any(
        _ORDER in f.template for f in forms if f.signature.expanded(arity) is not None
    )


def _order_of(call: exp.Anonymous) -> exp.Expr:
    """The column that orders the call's records, which `batch.rewrite` left on its SELECT."""
    select = call.find_ancestor(exp.Select)
    order = select.meta.get(ROW_ORDER) if select is not None else None
    return order.copy() if isinstance(order, exp.Expr) else exp.Literal.number(0)


def _duckdb_has(connection: duckdb.DuckDBPyConnection, name: str, kind: str) -> bool:
    found = connection.execute(
        "SELECT count(*) FROM duckdb_functions() WHERE function_name = lower(?)"
        " AND function_type = ? AND internal",
        [name, kind],
    ).fetchall()
    return bool(found[0][0])


def _duckdb_takes(connection: duckdb.DuckDBPyConnection, name: str, arity: int) -> bool:
    """Whether DuckDB has a scalar function of that name for so many arguments."""
    found = connection.execute(
        "SELECT count(*) FROM duckdb_functions() WHERE function_name = lower(?) AND internal"
        " AND function_type = 'scalar'"
        " AND (len(parameters) = ? OR (varargs IS NOT NULL AND len(parameters) <= ?))",
        [name, arity, arity],
    ).fetchone()
    return bool(found and found[0])


def _define(
    connection: duckdb.DuckDBPyConnection, name: str, forms: tuple[Form, ...], arity: int
) -> bool:
    """Define the macro for calls with so many arguments; False if no form takes that many."""
    overloads = dict(_overloads(forms, arity))
    if not overloads:
        return False
    loose = ", ".join(f"a{n}" for n in range(arity))
    if _duckdb_takes(connection, name, arity) and loose not in overloads:
        overloads[loose] = f"system.main.{name.lower()}({loose})"
    made = ", ".join(f"({parameters}) AS {body}" for parameters, body in overloads.items())
    connection.execute(f"CREATE OR REPLACE TEMP MACRO {_macro(name, arity)} {made}")
    return True


def _overloads(forms: tuple[Form, ...], arity: int) -> Iterator[tuple[str, str]]:
    """(parameters, body), without the later of two with the same parameters."""
    seen = set()
    names = [f"a{n}" for n in range(arity)]
    last = f", {_ORDER_NAME}" if _ordered(forms, arity) else ""
    for form in forms:
        params = form.signature.expanded(arity)
        if params is None or any(p.kind == "LAMBDA" for p in params):
            continue
        types = [_type(p) for p in params]
        shown = ", ".join(f"{n} {t}".strip() for n, t in zip(names, types, strict=True))
        if shown in seen:
            continue
        body = _body(form, params, names)
        if body is not None:
            seen.add(shown)
            yield shown + last, body.replace(_ORDER, _ORDER_NAME)


def _type(pattern: Pattern) -> str:
    """DuckDB's name of a parameter's type; empty if any type is allowed."""
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
