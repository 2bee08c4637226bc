"""The values of a TOML file with their lines, which `tomllib` does not give.

`sources` reads config.toml with it.  A file that is TOML as a whole is read again, statement by
statement: each begins on a line of its own, and is complete when it is TOML by itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kshell.errors import UsageError, reason_of

__all__ = ["Entry", "read_toml"]

_LINE = re.compile(r" ?\(at line (\d+), column \d+\)")


@dataclass(frozen=True, slots=True)
class Entry:
    """A value, the names of the tables that it is in and its own, and the line of its name."""

    path: tuple[str, ...]
    value: object
    line: int


def read_toml(path: Path) -> list[Entry]:
    """The values in the order of the file; an empty table is an entry too, with the value {}.

    Raises UsageError, with file and line, if the file is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {reason_of(error)}") from None
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        line = int(found[1]) if found else text.count("\n") + 1
        raise UsageError(f"{path}:{line}: {_LINE.sub('', str(error))}") from None
    return list(_entries(text))


def _entries(text: str) -> Iterator[Entry]:
    """
    >>> [(e.path, e.value, e.line) for e in _entries("[a.'b.c']\\nd = [\\n 1,\\n]\\ne.f = 2")]
    [(('a', 'b.c'), {}, 1), (('a', 'b.c', 'd'), [1], 2), (('a', 'b.c', 'e', 'f'), 2, 5)]
    """
    table: tuple[str, ...] = ()
    pending, begun = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        if not pending:
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            begun = number
        pending += line + "\n"
        try:
            read = tomllib.loads(pending)
        except tomllib.TOMLDecodeError:
            continue  # a value of several lines
        if pending.lstrip().startswith("["):
            table = _names(read)
            yield Entry(table, {}, begun)
        else:
            yield from (Entry(table + names, value, begun) for names, value in _values(read))
        pending = ""


def _names(table: Mapping[str, object]) -> tuple[str, ...]:
    """The names of a header, which were read as tables in each other."""
    names: list[str] = []
    inner: object = table
    while isinstance(inner, list | dict) and inner:
        if isinstance(inner, list):
            inner = inner[0]
        else:
            ((name, inner),) = inner.items()
            names.append(name)
    return tuple(names)


def _values(table: Mapping[str, object]) -> Iterator[tuple[tuple[str, ...], object]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from (((name, *names), inner) for names, inner in _values(value))
        else:
            yield (name,), value
