"""Functions that the user writes in Python, in addition to KSQL's.

`session` loads `~/.config/kshell/functions.py` (or the file that `kshell.functions` names) and the
entry points of the group `kshell.functions` before the first statement that needs a cluster.  An
error in them is reported with file and line, and does not stop anything.  A file of functions:

    from kshell.sql.udf import columnar, scalar
    import pyarrow.compute as pc

    @scalar("(STRING, INTEGER) -> STRING", help="The text so many times.")
    def repeat(text, times):
        return text * times

    @columnar("(DOUBLE) -> DOUBLE", name="C_TO_F", help="Fahrenheit of Celsius.")
    def fahrenheit(celsius):            # an Arrow array in, an Arrow array out
        return pc.add(pc.multiply(celsius, 1.8), 32.0)

Then `SELECT REPEAT(name, 2) FROM topic` works, also with EMIT CHANGES.  A `scalar` is called once
for each row, but not if an argument is NULL, with Python's int, float, str, bytes, Decimal, date,
time, datetime, list, dict (a struct) and list of pairs (a map).  An exception is that row's error.
Signatures are those of `sql.signatures`; a function with variables (T) works in continuous queries
only.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from kshell.sql import functions
from kshell.sql.signatures import Signature, parse_signature
from kshell.sql.users import ENTRY_POINTS

__all__ = ["columnar", "load", "scalar"]

F = TypeVar("F", bound=Callable[..., Any])
_MARK = "__kshell_function__"
_loads = count(1)


@dataclass(frozen=True, slots=True)
class _Declared:
    name: str
    signature: Signature
    help: str


def scalar(signature: str, *, name: str = "", help: str = "") -> Callable[[F], F]:
    """Declare a Python function of values as a KSQL function; raises ValueError.

    >>> @scalar("(INTEGER) -> INTEGER", help="One more.")
    ... def inc(number):
    ...     return number + 1
    >>> inc(1)
    2
    """

    def declare(function: F) -> F:
        return _declare(function, signature, name, help)

    return declare


def columnar(signature: str, *, name: str = "", help: str = "") -> Callable[[F], F]:
    """Declare a Python function of Arrow arrays as a KSQL function; raises ValueError."""

    def declare(function: F) -> F:
        function.over_columns = True  # type: ignore[attr-defined]
        return _declare(function, signature, name, help)

    return declare


def _declare(function: F, text: str, name: str, help: str) -> F:
    known = (name or function.__name__).upper()
    signature = parse_signature(text)
    if any(p.kind == "LAMBDA" for p in signature.params):
        raise ValueError(f"{known}: a lambda cannot be given to Python")
    try:
        inspect.signature(function).bind(*signature.params)
    except TypeError as error:
        raise ValueError(f"{known}: {signature} does not fit the function: {error}") from None
    if getattr(function, "over_columns", False) and not signature.params:
        raise ValueError(f"{known}: without a column it cannot know how many rows there are")
    shown = help or (inspect.getdoc(function) or "").partition("\n")[0]
    setattr(function, _MARK, _Declared(known, signature, shown))
    return function


def load(path: Path | None) -> tuple[dict[str, functions.Function], list[str]]:
    """The functions of the file and of the entry points, by name; and an error message for each
    problem, with its file and line."""
    problems: list[str] = []
    found: list[Callable[..., Any]] = []
    if path is not None:
        found += _of_file(path, problems)
    for entry in importlib.metadata.entry_points(group=ENTRY_POINTS):
        try:
            loaded = entry.load()
        except Exception as error:
            problems.append(f"entry point {entry.name} = {entry.value}: {_told(error)}")
            continue
        found += _declared_in(vars(loaded).values() if isinstance(loaded, ModuleType) else [loaded])
    known, refused = functions.accepted(_rows(found))
    return known, [*problems, *refused]


def _of_file(path: Path, problems: list[str]) -> list[Callable[..., Any]]:
    name = f"kshell_functions_{next(_loads)}"  # a new name each time, so that no old module is used
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        problems.append(f"{path}: no Python file")
        return []
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        problems.append(f"{path}{_line(error, path)}: {_told(error)}")
    return _declared_in(vars(module).values())


def _line(error: BaseException, path: Path) -> str:
    if isinstance(error, SyntaxError) and error.lineno and error.filename == str(path):
        return f", line {error.lineno}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(path)]
    return f", line {frames[-1].lineno}" if frames else ""


def _told(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {text}".rstrip(": ")


def _declared_in(values: Iterable[Any]) -> list[Callable[..., Any]]:
    return [v for v in values if callable(v) and hasattr(v, _MARK)]


def _rows(found: Sequence[Callable[..., Any]]) -> list[functions.Function]:
    """A row for each name; functions with the same name are overloads."""
    rows: dict[str, functions.Function] = {}
    for function in found:
        declared: _Declared = getattr(function, _MARK)
        where = f"py:{function.__module__}:{function.__qualname__}"
        form = functions.Form(declared.signature, where)
        row = rows.get(declared.name) or functions.Function(
            declared.name, functions.SCALAR, functions.USER, (), declared.help
        )
        rows[declared.name] = replace(row, forms=(*row.forms, form))
    return list(rows.values())
