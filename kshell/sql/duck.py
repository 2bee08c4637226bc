"""DuckDB, locked: only this module makes connections.

Only SQL that `kshell.batch` and `sql.render` write reaches it.  Even other SQL could not use files,
the network, extensions or Python variables.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

    from kshell.sql.expressions import Expression

__all__ = ["Database", "connect", "current", "plain", "python_function", "use", "using"]

_LOCKED = (
    "SET GLOBAL enable_external_access = false",
    "SET GLOBAL autoinstall_known_extensions = false",
    "SET GLOBAL autoload_known_extensions = false",
    "SET GLOBAL allow_community_extensions = false",
    "SET GLOBAL python_enable_replacements = false",
    "SET GLOBAL integer_division = true",  # as in KSQL: whole numbers divide to whole numbers
    "SET GLOBAL error_on_division_by_zero = false",
    "SET GLOBAL TimeZone = 'UTC'",
    "SET GLOBAL errors_as_json = true",  # with the place: `complaints` reads them
    "SET GLOBAL lock_configuration = true",
)


class Database:
    """One session's database: empty but for macros and Python functions, all made when needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._created: set[str] = set()
        self._has_macros = False

    def _opened(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            import duckdb

            made = duckdb.connect(":memory:")
            for statement in _LOCKED:
                made.execute(statement)
            self._connection = made
        return self._connection

    def plain(self) -> duckdb.DuckDBPyConnection:
        """A connection with its own temporary views, and without access to anything outside."""
        with self._lock:
            return self._opened().cursor()

    def connect(self) -> duckdb.DuckDBPyConnection:
        """The same, for SQL that has Java's macros in it."""
        self.add_macros()
        return self.plain()

    def add_macros(self) -> None:
        """Make Java's macros, also for connections that are there: it takes 30 ms."""
        with self._lock:
            if self._has_macros:
                return
            from kshell.sql.java.macros import JAVA_MACROS

            for macro in JAVA_MACROS:
                self._opened().execute(f"CREATE MACRO {macro}")
            self._has_macros = True

    def use(self, expressions: Iterable[Expression]) -> None:
        """Register the Python functions that the expressions call; may be called again."""
        from kshell.sql.expressions import Call, walk
        from kshell.sql.render import python_call, python_name

        for expression in expressions:
            for part in walk(expression):
                if isinstance(part, Call) and python_call(part):
                    types = [a.type for a in part.args]
                    self.create(python_name(part), python_call(part), types, part.type)

    def create(
        self, name: str, where: str, parameters: Sequence[pa.DataType], returns: pa.DataType
    ) -> None:
        """Register `module:function` under a name."""
        import duckdb

        from kshell.types import duckdb_name

        with self._lock:
            if name in self._created:
                return
            # On the connection that lives as long as the database, which keeps the function alive.
            self._opened().create_function(
                name,
                _over_arrow(_function(where, returns), returns, len(parameters)),
                [duckdb.sqltype(duckdb_name(t)) for t in parameters]
                or [duckdb.sqltype("BOOLEAN")],  # render.NO_ARGUMENT
                duckdb.sqltype(duckdb_name(returns)),
                type="arrow",
                null_handling="special",
                side_effects=not parameters,
            )
            self._created.add(name)


_PROCESS = Database()  # without a session: tests, `kshell test`
_current: ContextVar[Database] = ContextVar("database", default=_PROCESS)


def current() -> Database:
    """The database of the session whose statement runs now."""
    return _current.get()


@contextmanager
def using(database: Database) -> Iterator[None]:
    """Make a database the current one, inside the block."""
    before = _current.set(database)
    try:
        yield
    finally:
        _current.reset(before)


def connect() -> duckdb.DuckDBPyConnection:
    """A connection to the current database, with Java's macros.

    >>> connect().sql("SELECT 7 / 2").fetchall()
    [(3,)]
    """
    return current().connect()


def plain() -> duckdb.DuckDBPyConnection:
    """The same without Java's macros, until `add_macros` is called."""
    return current().plain()


def use(expressions: Iterable[Expression]) -> None:
    """Register the Python functions that the expressions call in the current database."""
    current().use(expressions)


def python_function(where: str, parameters: Sequence[pa.DataType], returns: pa.DataType) -> str:
    """Register `module:function` for these types; returns its name in SQL."""
    types = "|".join(map(str, (*parameters, returns)))
    name = f"py_{hashlib.md5(f'{where}|{types}'.encode()).hexdigest()[:16]}"
    current().create(name, where, parameters, returns)
    return name


def _function(where: str, type: pa.DataType) -> Callable[..., Any]:
    """The Python function; if it has a parameter `type`, it gets the result's type."""
    function: Callable[..., Any] = resolve_name(where)
    if "type" not in inspect.signature(function).parameters:
        return function
    made = functools.partial(function, type=type)
    made.__dict__.update(function.__dict__)  # its mark
    return made


def _over_arrow(
    function: Callable[..., Any], type: pa.DataType, count: int
) -> Callable[..., pa.Array]:
    """Makes a function of columns from a function of values.  A NULL argument gives NULL, unless
    the function is marked `takes_nulls`; one marked `over_columns` already works on Arrow
    arrays."""
    import pyarrow as pa

    columnar = getattr(function, "over_columns", False)
    strict = not getattr(function, "takes_nulls", False)

    def value(row: tuple[Any, ...]) -> Any:
        if strict and any(v is None for v in row):
            return None
        return function(*row)

    def run(*given: pa.ChunkedArray) -> pa.Array:
        columns = given[:count]
        if not columns:
            return pa.array([value(()) for _ in range(len(given[0]))], type)
        if columnar:
            made = function(*(c.combine_chunks() for c in columns))
            made = made if isinstance(made, pa.Array | pa.ChunkedArray) else pa.array(made, type)
            return made if made.type == type else made.cast(type)
        rows = zip(*(c.to_pylist() for c in columns), strict=True)
        return pa.array([value(row) for row in rows], type)

    # DuckDB evaluates annotations and counts parameters.
    run.__annotations__ = {}
    positional = inspect.Parameter.POSITIONAL_ONLY
    parameters = [inspect.Parameter(f"a{n}", positional) for n in range(max(count, 1))]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return run
