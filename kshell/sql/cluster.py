"""The statements that change the cluster itself: its topics, its groups, and who may do what.

`grammar.cluster` makes them; each is answered by a `Proposal`, CONSUME only where others are
in the group.  Names are as typed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from kshell.errors import Place
from kshell.sql.clauses import Name, Number, Position
from kshell.sql.statements import Statement, statement

__all__ = [
    "AlterTopic", "Change", "Consume", "CreateAcl", "CreateTopic", "DeleteRecords", "DropAcl",
    "DropApplication", "DropGroup", "DropQuota", "DropTopic", "DropUser", "ElectLeaders", "Goal",
    "Guarantee", "Limit", "Move", "ReassignTopic", "ResetGroup", "Resource", "Rule", "Secret",
    "SetQuota", "SetUser", "Setting", "Whom",
]  # fmt: skip

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
class ReassignTopic(Change):
    """ALTER TOPIC name REASSIGN [PARTITION n] TO broker, …: these brokers have the replicas.

    The first leads; without a partition it is all of them, and the brokers lead in turn.
    """

    name: Name
    brokers: tuple[Number, ...]
    partition: Number | None = None


@statement
class DropTopic(Change):
    """DROP TOPIC [IF EXISTS] name."""

    name: Name
    if_exists: bool = False


@statement
class DeleteRecords(Change):
    """DELETE RECORDS FROM topic [PARTITION n] BEFORE offset | 'moment' | END."""

    topic: Name
    before: Position
    partition: Number | None = None


@statement
class ElectLeaders(Change):
    """ELECT LEADERS [topic, …]: the first replica of each partition leads; all topics without."""

    topics: tuple[Name, ...] = ()


@statement
class DropApplication(Change):
    """DROP APPLICATION [IF EXISTS] name: the state of its queries, not what they wrote."""

    name: Name
    if_exists: bool = False


class Goal(Enum):
    """Where RESET GROUP puts the offsets of a group."""

    EARLIEST = "EARLIEST"
    LATEST = "LATEST"
    MOMENT = "MOMENT"
    OFFSET = "OFFSET"
    SHIFT = "SHIFT"


@dataclass(frozen=True, slots=True)
class Move:
    """A goal, with the number of OFFSET and SHIFT, or the moment as written."""

    goal: Goal
    number: int = 0
    moment: str = ""
    place: Place | None = None


@statement
class ResetGroup(Change):
    """RESET GROUP name [ON topic, …] TO goal, or RESET GROUP name FROM 'file'.

    Without topics it is those in which the group has committed.
    """

    name: Name
    topics: tuple[Name, ...] = ()
    to: Move | None = None
    file: Name | None = None


@statement
class DropGroup(Change):
    """DROP GROUP [IF EXISTS] name."""

    name: Name
    if_exists: bool = False


class Guarantee(Enum):
    """When CONSUME commits: before its rows are shown, after that, or with what it writes."""

    AT_MOST_ONCE = "AT MOST ONCE"
    AT_LEAST_ONCE = "AT LEAST ONCE"
    EXACTLY_ONCE = "EXACTLY ONCE"


@statement
class Consume(Change):
    """CONSUME FROM topic GROUP group [COMMIT guarantee [INTO topic]] [LIMIT n].

    Without COMMIT it commits nothing; EXACTLY ONCE has a topic to write to.
    """

    topic: Name
    group: Name
    guarantee: Guarantee | None = None
    into: Name | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Resource:
    """What an ACL is about: TOPIC, GROUP, TRANSACTIONAL ID, DELEGATION TOKEN, USER or CLUSTER, and
    its name or the beginning of names."""

    kind: str
    name: str
    prefixed: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """ALLOW | DENY operation, … ON resource TO principal FROM HOST host; empty where not named."""

    permission: str = ""
    operations: tuple[str, ...] = ()
    resource: Resource | None = None
    principal: Name | None = None
    host: str = ""


@statement
class CreateAcl(Change):
    """CREATE ACL rule, of which all is named but the host."""

    rule: Rule


@statement
class DropAcl(Change):
    """DROP ACL rule: what it does not name may be anything."""

    rule: Rule


class Secret(str):
    """A password, which nothing shows by accident."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'********'"


@statement
class SetUser(Change):
    """CREATE | ALTER USER name PASSWORD 'secret' [MECHANISM m] [ITERATIONS n].

    `text` is without the password.
    """

    name: Name
    password: Secret
    mechanism: str
    iterations: Number | None = None
    creates: bool = True


@statement
class DropUser(Change):
    """DROP USER [IF EXISTS] name [MECHANISM m]; without a mechanism, all of the user's."""

    name: Name
    mechanism: str = ""
    if_exists: bool = False


@dataclass(frozen=True, slots=True)
class Whom:
    """Whom a quota is for: Kafka's kind (user, client-id, ip) and a name, None for the default."""

    kind: str
    name: str | None
    place: Place | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """A quota and its value."""

    name: Name
    value: float


@statement
class SetQuota(Change):
    """CREATE | ALTER QUOTA FOR whom SET name = value, … [RESET name, …]."""

    whom: tuple[Whom, ...]
    limits: tuple[Limit, ...] = ()
    reset: tuple[Name, ...] = ()
    creates: bool = True


@statement
class DropQuota(Change):
    """DROP QUOTA [IF EXISTS] FOR whom: all that they have."""

    whom: tuple[Whom, ...]
    if_exists: bool = False
