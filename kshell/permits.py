"""What a connection permits statements: local files (kshell.files), writing (kshell.read.only).

`session` asks before it runs a statement.  The writers of topics, records and schemas ask too, so
that no statement can forget it.
"""

from __future__ import annotations

from collections.abc import Mapping

from kshell.errors import StatementError

__all__ = ["check_files", "check_writes"]


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
