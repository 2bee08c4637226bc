"""A row of the table of properties, and which values it may have; `properties` has the table."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from kshell.errors import UsageError, nearest

__all__ = ["SCHEMA_FILES", "Property", "Scope", "checked", "delimiter_flaw", "schema_file_flaw"]


class Scope(Enum):
    """The owner of a property; after a change of a connection's property, kshell connects again."""

    SESSION = "session"
    CONNECTION = "connection"


@dataclass(frozen=True, slots=True)
class Property:
    """A row: name, default (None: not set), one line of help; `values` if only some are allowed.

    `flaw` says what is wrong with a value, and a hint; both are empty for a good one.
    """

    name: str
    default: str | None
    help: str
    values: tuple[str, ...] = ()
    secret: bool = False
    least: int | None = None  # of a whole number
    file: bool = False  # it names a local file
    fixed: bool = False  # no SET changes it
    flaw: Callable[[str], tuple[str, str]] | None = None
    scope: Scope = Scope.SESSION


SCHEMA_FILES = (".avsc", ".json", ".jsonschema", ".proto", ".desc", ".protoset")


def schema_file_flaw(value: str) -> tuple[str, str]:
    """Why a value cannot be the path of a schema's file, and a hint; both empty where it can."""
    path = Path(value).expanduser()
    if path.suffix.lower() not in SCHEMA_FILES:
        return f"{value} is no schema file by its name", f"known are {', '.join(SCHEMA_FILES)}"
    if path.is_file() and os.access(path, os.R_OK):
        return "", ""
    reason = "it may not be read" if path.is_file() else "no such file"
    beside = path.parent.iterdir() if path.parent.is_dir() else ()
    close = nearest(path.name, (p.name for p in beside if p.name != path.name))
    hint = f"did you mean {path.parent / close[0]}?" if close else "the path of a schema's file"
    return f"the schema file {path} cannot be read: {reason}", hint


def delimiter_flaw(value: str) -> tuple[str, str]:
    """Why a value cannot be a delimiter, and a hint; both empty where it can.

    >>> delimiter_flaw("TAB"), delimiter_flaw("||")[1]
    (('', ''), 'a character, TAB or SPACE')
    """
    if len(value.strip()) == 1 == len(value) or value.upper() in ("TAB", "SPACE"):
        return "", ""
    return f"a delimiter cannot be '{value}'", "a character, TAB or SPACE"


def checked(known: Property, value: str) -> str:
    """The value as it counts; UsageError if the property cannot have it."""
    if known.values:
        by_fold = {v.casefold(): v for v in known.values}
        if value.casefold() not in by_fold:
            close = nearest(value, known.values, 1)
            meant = f"did you mean {close[0]}? " if close else ""
            raise UsageError(
                f"{known.name} cannot be '{value}'",
                hint=f"{meant}It is one of {', '.join(known.values)}" if meant
                else f"one of {', '.join(known.values)}",
            )  # fmt: skip
        return by_fold[value.casefold()]
    if known.least is not None and not re.fullmatch(r"[0-9]{1,18}", value):
        raise UsageError(f"{known.name} is a whole number, not '{value}'")
    if known.least is not None and int(value) < known.least:
        raise UsageError(f"{known.name} cannot be {value}", hint=f"{known.least} is the least")
    if known.flaw is not None:
        what, hint = known.flaw(value)
        if what:
            raise UsageError(f"{known.name}: {what}", hint=hint)
    return value
