"""The statements that change the cluster itself: its topics.

`grammar.cluster` makes them; each is answered by a `Proposal`.  Names of topics are as typed.
"""

from __future__ import annotations

from kshell.sql.clauses import Name, Number
from kshell.sql.statements import Statement, statement

__all__ = ["AlterTopic", "Change", "CreateTopic", "DropTopic", "Setting"]

Setting = tuple[Name, str]  # a config of a topic, with its place, and its value


@statement
class Change(Statement):
    """What all of them have: they write."""

    @property
    def writes(self) -> bool:
        """Always."""
        return True


@statement
class CreateTopic(Change):
    """CREATE TOPIC [IF NOT EXISTS] name [PARTITIONS n] [REPLICAS n] [SET 'k'='v', …]."""

    name: Name
    partitions: Number | None = None
    replicas: Number | None = None
    configs: tuple[Setting, ...] = ()
    if_not_exists: bool = False


@statement
class AlterTopic(Change):
    """ALTER TOPIC name [SET 'k'='v', …] [RESET 'k', …] [PARTITIONS n]."""

    name: Name
    configs: tuple[Setting, ...] = ()
    reset: tuple[Name, ...] = ()
    partitions: Number | None = None


@statement
class DropTopic(Change):
    """DROP TOPIC [IF EXISTS] name."""

    name: Name
    if_exists: bool = False
