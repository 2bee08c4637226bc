"""Finds all that is wrong in the configuration at once, for `kshell config validate`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from kshell.config.certificates import without_stores
from kshell.config.client_files import read_client_file
from kshell.config.private import why_not_private
from kshell.config.properties import PROPERTIES, alike, canonical, is_known, property_named
from kshell.config.setting import Setting
from kshell.config.sources import environment, file_variable_of, read_config, variable_of
from kshell.config.values import Properties
from kshell.errors import UsageError, nearest

__all__ = ["problems_of_client_file", "problems_of_config", "problems_of_environment"]

_FILES = tuple(name for name in PROPERTIES if name.endswith(".location"))
_OTHERS = frozenset({"KSHELL_PURE"})  # of the program itself


def problems_of_config(path: Path) -> Iterator[UsageError]:
    """What is wrong in a file like config.toml, in each of its profiles."""
    try:
        profiles = read_config(path)
    except UsageError as error:
        yield error
        return
    secret = [s.name for each in profiles.values() for s in each if _is_secret(s.name)]
    why, hint = why_not_private(path)
    if secret and why:
        yield UsageError(f"{why}, and holds {secret[0]}", hint=hint)
    shared = profiles.pop("", [])
    yield from _problems(shared, [])
    for settings in profiles.values():
        yield from _problems(settings, shared)


def problems_of_client_file(path: Path) -> Iterator[UsageError]:
    """What is wrong in a client's file, names that are almost kshell's too."""
    try:
        file = read_client_file(path)
    except UsageError as error:
        yield error
        return
    yield from _problems(file.settings, [])
    for name in file.ignored:
        if near := alike(name):
            yield UsageError(f"{path}: kshell has no use for {name}", hint=f"did you mean {near}?")


def problems_of_environment() -> Iterator[UsageError]:
    """What is wrong with the variables that begin with KSHELL_."""
    try:
        settings = [*environment()]
    except UsageError as error:
        yield error
        settings = []
    yield from _problems(settings, [])
    known = {variable_of(name) for name in PROPERTIES}
    known |= {file_variable_of(name) for name, p in PROPERTIES.items() if p.secret}
    for variable in sorted(os.environ):
        if variable.startswith("KSHELL_") and variable not in known | _OTHERS:
            close = nearest(variable, known, 1)
            hint = f"did you mean {close[0]}?" if close else "KSHELL_BOOTSTRAP_SERVERS and the like"
            yield UsageError(f"{variable}: no property has this variable", hint=hint)


def _problems(settings: Iterable[Setting], weaker: Iterable[Setting]) -> Iterator[UsageError]:
    """What is wrong with each setting, and with the files that they name together."""
    properties = Properties()
    for setting in weaker:
        try:
            properties = setting.onto(properties)
        except UsageError:
            pass  # it was said of the place itself
    origins: dict[str, str] = {}
    for setting in settings:
        try:
            properties = setting.onto(properties)
        except UsageError as error:
            yield error
            continue
        origins[canonical(setting.name)] = setting.origin
    files = [n for n in origins if n in _FILES and n in properties]
    missing = [n for n in files if not Path(properties[n]).expanduser().is_file()]
    for name in sorted(missing):
        yield UsageError(f"{origins[name]}: {name}: there is no file {properties[name]}")
    if files and not missing:
        for lead in ("", "schema.registry.", "connect."):
            try:
                without_stores(properties, lead)
            except UsageError as error:
                yield UsageError(f"{origins[files[0]]}: {error.what}", hint=error.hint)


def _is_secret(name: str) -> bool:
    return is_known(name) and property_named(name).secret
