"""CREATE, ALTER and DROP USER: plan users with SCRAM passwords; `engine` dispatches here.

A password is in no plan, no message and no error.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kshell.config import MASK, Properties
from kshell.engines.local.statements.proposals import planned
from kshell.errors import BindError, UnknownName
from kshell.kafka.security import delete_user, users_mechanisms
from kshell.kafka.security import set_user as set_password
from kshell.results import Answer, Message, Proposal
from kshell.sql.cluster import DropUser, SetUser

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["drop_user", "set_user"]

_ITERATIONS = 8192
_FEWEST, _MOST = 4096, 16384  # that Kafka takes


def set_user(context: Context, statement: SetUser, properties: Properties) -> Answer | Proposal:
    """CREATE | ALTER USER; raises BindError, UnknownName, KafkaError, Forbidden."""
    name, mechanism = statement.name.text, statement.mechanism
    iterations = statement.iterations.value if statement.iterations else _ITERATIONS
    if statement.iterations is not None and not _FEWEST <= iterations <= _MOST:
        raise BindError(
            f"Kafka takes {_FEWEST:,} to {_MOST:,} iterations", place=statement.iterations.place
        )
    if not statement.password:
        raise BindError("the password is empty", place=statement.name.place)
    admin = context.admin(properties)
    now = users_mechanisms(admin, name)
    if statement.creates and mechanism in now:
        raise BindError(
            f"user {name} has a password for {mechanism} already",
            hint=f"ALTER USER {name} changes it",
            place=statement.name.place,
        )
    if not statement.creates and mechanism not in now:
        has = f": it has one for {', '.join(now)}" if now else ""
        raise UnknownName(
            "user", name, what=f"user {name} has no password for {mechanism}{has}",
            place=statement.name.place,
        )  # fmt: skip

    def apply() -> Answer:
        set_password(admin, name, mechanism, iterations, statement.password)
        context.wait_for(
            f"user {name}", lambda: users_mechanisms(admin, name).get(mechanism) == iterations
        )
        return Message(f"User {name} is {'created' if statement.creates else 'changed'}.")

    title = f"{'Create' if statement.creates else 'Change'} user {name}"
    before = now.get(mechanism)
    steps = [
        (f"password for {mechanism}", None if before is None else MASK, MASK),
        ("iterations", None if before is None else str(before), str(iterations)),
    ]
    return Proposal(f"{title}?", planned(title, steps), apply)


def drop_user(context: Context, statement: DropUser, properties: Properties) -> Answer | Proposal:
    """DROP USER; raises UnknownName, KafkaError, Forbidden."""
    name = statement.name.text
    admin = context.admin(properties)
    now = users_mechanisms(admin, name)
    gone = [m for m in now if statement.mechanism in ("", m)]
    if not gone:
        what = f" for {statement.mechanism}" if statement.mechanism else ""
        told = f"user {name} has no password{what}"
        if statement.if_exists:
            return Message(f"{told[0].upper()}{told[1:]}.")
        raise UnknownName("user", name, what=told, place=statement.name.place)

    def apply() -> Answer:
        delete_user(admin, name, gone)
        context.wait_for(
            f"user {name}", lambda: not set(gone) & set(users_mechanisms(admin, name))
        )
        return Message(f"User {name} is deleted.")

    title = f"Delete user {name}"
    steps = [(f"password for {mechanism}", MASK, None) for mechanism in gone]
    return Proposal(f"{title}?", planned(title, steps), apply)
