"""The statements about Kafka Connect and the schema registry.

`grammar.services` makes them; each that changes something is answered by a `Proposal`.  Names are
as typed.
"""

from __future__ import annotations

from enum import Enum

from kshell.sql.clauses import Name, Number
from kshell.sql.cluster import Change, Secret
from kshell.sql.statements import Statement, statement

__all__ = [
    "LEVELS", "ConnectorAction", "ControlConnector", "CreateConnector", "DescribeConnector",
    "DiffSubject", "DropConnector", "SetCompatibility",
]  # fmt: skip

# What a registry may ask of a subject's next schema.
LEVELS = ("BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL",
          "FULL_TRANSITIVE", "NONE")  # fmt: skip


@statement
class CreateConnector(Change):
    """CREATE SOURCE | SINK CONNECTOR [IF NOT EXISTS] name WITH ('config'='value', …).

    `type` is source or sink; any value may be a secret.
    """

    name: Name
    type: str
    configs: tuple[tuple[Name, Secret], ...]
    if_not_exists: bool = False


@statement
class DropConnector(Change):
    """DROP CONNECTOR [IF EXISTS] name."""

    name: Name
    if_exists: bool = False


class ConnectorAction(Enum):
    """What can be done to a connector that is there."""

    PAUSE = "PAUSE"
    RESUME = "RESUME"
    RESTART = "RESTART"


@statement
class ControlConnector(Change):
    """PAUSE | RESUME | RESTART CONNECTOR name; RESTART CONNECTOR name TASK n is one task."""

    action: ConnectorAction
    name: Name
    task: Number | None = None


@statement
class DescribeConnector(Statement):
    """DESCRIBE CONNECTOR name."""

    name: Name


@statement
class SetCompatibility(Change):
    """ALTER SUBJECT name | REGISTRY SET COMPATIBILITY level, or RESET COMPATIBILITY (no level)."""

    subject: Name | None
    level: str


@statement
class DiffSubject(Statement):
    """DIFF SUBJECT name [FROM version] [TO version]: the last two, where they are not named."""

    subject: Name
    before: Number | None = None
    after: Number | None = None
