"""DuckDB, locked: the only place where a connection is made.

User SQL reaches it only as what `batch` and `render` write; should something slip through, there is
no file, no network, no extension and no Python variable for it to reach.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

import duckdb

from kshell.sql.java.macros import JAVA_MACROS

if TYPE_CHECKING:
    import pyarrow as pa

    from kshell.sql.expressions import Expression

__all__ = ["connect", "python_function", "use"]

_LOCKED = (
    "SET GLOBAL enable_external_access = false",
    "SET GLOBAL autoinstall_known_extensions = false",
    "SET GLOBAL autoload_known_extensions = false",
    "SET GLOBAL allow_community_extensions = false",
    "SET GLOBAL python_enable_replacements = false",
    "SET GLOBAL integer_division = true",  # as KSQL: whole numbers divide to whole numbers
    "SET GLOBAL error_on_division_by_zero = false",
    "SET GLOBAL TimeZone = 'UTC'",
    "SET GLOBAL lock_configuration = true",
)
_REGISTERING = threading.Lock()
_created: set[str] = set()


@cache
def _database() -> duckdb.DuckDBPyConnection:
    """The process's database: empty but for macros and Python functions, which all share."""
    connection = duckdb.connect(":memory:")
    for statement in _LOCKED:
        connection.execute(statement)
    for macro in JAVA_MACROS:
        connection.execute(f"CREATE MACRO {macro}")
    return connection


def connect() -> duckdb.DuckDBPyConnection:
    """A connection with temporary views of its own, that can reach nothing outside itself.

    >>> connect().sql("SELECT 7 / 2").fetchall()
    [(3,)]
    """
    with _REGISTERING:
        return _database().cursor()


def use(expressions: Iterable[Expression]) -> None:
    """Register the Python functions that the expressions call; again is no harm."""
    from kshell.sql.expressions import Call, walk
    from kshell.sql.render import python_call, python_name

    for expression in expressions:
        for part in walk(expression):
            if isinstance(part, Call) and python_call(part):
                types = [a.type for a in part.args]
                _create(python_name(part), python_call(part), types, part.type)


def python_function(where: str, parameters: Sequence[pa.DataType], returns: pa.DataType) -> str:
    """Register `module:function` for these types; gives the name that SQL calls it by."""
    types = "|".join(map(str, (*parameters, returns)))
    name = f"py_{hashlib.md5(f'{where}|{types}'.encode()).hexdigest()[:16]}"
    _create(name, where, parameters, returns)
    return name


def _create(
    name: str, where: str, parameters: Sequence[pa.DataType], returns: pa.DataType
) -> None:
    from kshell.types import duckdb_name

    with _REGISTERING:
        if name in _created:
            return
        # On the connection that is never closed: it keeps the Python function alive.
        _database().create_function(
            name,
            _over_arrow(_function(where, returns), returns, len(parameters)),
            [duckdb.sqltype(duckdb_name(t)) for t in parameters],
            duckdb.sqltype(duckdb_name(returns)),
            type="arrow",
            null_handling="special",
            side_effects=not parameters,
        )
        _created.add(name)


def _function(where: str, type: pa.DataType) -> Callable[..., Any]:
    """The Python function; one that asks for `type` is given the result's."""
    function: Callable[..., Any] = resolve_name(where)
    if "type" not in inspect.signature(function).parameters:
        return function
    made = functools.partial(function, type=type)
    made.__dict__.update(function.__dict__)  # what it is marked as
    return made


def _over_arrow(
    function: Callable[..., Any], type: pa.DataType, count: int
) -> Callable[..., pa.Array]:
    """A function of values as one of columns.  NULL in, NULL out, unless it is marked
    `takes_nulls`; one marked `over_columns` takes and gives Arrow arrays itself."""
    import pyarrow as pa

    columnar = getattr(function, "over_columns", False)
    strict = not getattr(function, "takes_nulls", False)

    def value(row: tuple[Any, ...]) -> Any:
        if strict and any(v is None for v in row):
            return None
        return function(*row)

    def run(*columns: pa.ChunkedArray) -> pa.Array:
        if columnar:
            made = function(*(c.combine_chunks() for c in columns))
            made = made if isinstance(made, pa.Array | pa.ChunkedArray) else pa.array(made, type)
            return made if made.type == type else made.cast(type)
        rows = zip(*(c.to_pylist() for c in columns), strict=True)
        return pa.array([value(row) for row in rows], type)

    # DuckDB evaluates annotations and counts parameters.
    run.__annotations__ = {}
    positional = inspect.Parameter.POSITIONAL_ONLY
    parameters = [inspect.Parameter(f"a{n}", positional) for n in range(count)]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run
