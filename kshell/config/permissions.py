"""What statements may do: change a property, use local files, write to the cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kshell.config.properties import property_named
from kshell.errors import StatementError, UsageError

__all__ = ["check_files", "check_settable", "check_writes"]


def check_settable(names: Iterable[str], properties: Mapping[str, str]) -> None:
    """Raise UsageError or StatementError where a statement may not set one of the properties."""
    for known in map(property_named, names):
        if known.fixed:
            raise UsageError(
                f"{known.name} is of the connection: no statement changes it",
                hint="-X, a profile or connect() sets it",
            )
        if known.file:
            check_files(properties, f"SET '{known.name}'")


def check_files(properties: Mapping[str, str], what: str) -> None:
    """Raise StatementError where statements may not read and write local files."""
    if properties.get("kshell.files") != "true":
        raise StatementError(
            f"{what}: statements may not use local files here",
            hint="kshell.files=true when connecting; in a program connect(files=True)",
        )


def check_writes(properties: Mapping[str, str], what: str) -> None:
    """Raise StatementError where the cluster and the registry are only read."""
    if properties.get("kshell.read.only") == "true":
        raise StatementError(
            f"{what}: this connection is read only", hint="kshell.read.only was set when connecting"
        )
