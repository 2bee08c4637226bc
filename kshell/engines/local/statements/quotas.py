"""CREATE, ALTER and DROP QUOTA: plan how much users, clients and addresses may ask of the brokers.

`engine` dispatches here.  The brokers have checked a plan.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.engines.local.statements.proposals import planned
from kshell.errors import BindError, UnknownName
from kshell.kafka.quotas import QUOTAS, Entity, quotas_of, set_quotas
from kshell.results import Answer, Message, Proposal
from kshell.sql.clauses import Name
from kshell.sql.cluster import DropQuota, SetQuota, Whom

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["drop_quota", "set_quota"]

_KINDS = {"user": "user", "client-id": "client id", "ip": "address"}


def set_quota(context: Context, statement: SetQuota, properties: Properties) -> Answer | Proposal:
    """CREATE | ALTER QUOTA; raises BindError, UnknownName, KafkaError, Forbidden."""
    client, whom = context.client, statement.whom
    entity, of = _entity(whom), _words(whom)
    for name in (*(limit.name for limit in statement.limits), *statement.reset):
        _check_name(whom, name)
    for limit in statement.limits:
        if limit.value <= 0:
            raise BindError("a quota is more than 0", place=limit.name.place)
    now = quotas_of(client, entity)
    if statement.creates and now:
        raise BindError(
            f"{of} has quotas already: {_listed(now)}", hint="ALTER QUOTA changes them",
            place=whom[0].place,
        )  # fmt: skip
    if not statement.creates and not now:
        raise UnknownName("quota", of, what=f"{of} has no quota", place=whom[0].place)
    for name in statement.reset:
        if name.text not in now:
            raise UnknownName(
                "quota", name.text, now, what=f"{of} has no {name.text}", place=name.place
            )
    wanted = {n.name.text: n.value for n in statement.limits}
    limits = {name: value for name, value in wanted.items() if now.get(name) != value}
    gone = [name.text for name in statement.reset]
    if not limits and not gone:
        return Message(f"The quotas of {of} are so already.")
    set_quotas(client, properties, entity, limits, gone, only_check=True)
    after = {**{n: v for n, v in now.items() if n not in gone}, **limits}

    def apply() -> Answer:
        set_quotas(client, properties, entity, limits, gone)
        context.wait_for("quotas", lambda: quotas_of(client, entity) == after)
        return Message(f"The quotas of {of} are {'created' if statement.creates else 'changed'}.")

    title = f"{'Create' if statement.creates else 'Change'} quotas of {of}"
    steps = [(name, _shown(now.get(name)), _shown(after.get(name))) for name in (*limits, *gone)]
    return Proposal(f"{title}?", planned(title, steps), apply)


def drop_quota(
    context: Context, statement: DropQuota, properties: Properties
) -> Answer | Proposal:
    """DROP QUOTA [IF EXISTS]; raises UnknownName, KafkaError, Forbidden."""
    client, whom = context.client, statement.whom
    entity, of = _entity(whom), _words(whom)
    now = quotas_of(client, entity)
    if not now:
        what = f"{of} has no quota"
        if statement.if_exists:
            return Message(f"{what[0].upper()}{what[1:]}.")
        raise UnknownName("quota", of, what=what, place=whom[0].place)
    set_quotas(client, properties, entity, {}, list(now), only_check=True)

    def apply() -> Answer:
        set_quotas(client, properties, entity, {}, list(now))
        context.wait_for("quotas", lambda: not quotas_of(client, entity))
        return Message(f"The quotas of {of} are deleted.")

    title = f"Delete quotas of {of}"
    steps = [(name, _shown(value), None) for name, value in sorted(now.items())]
    return Proposal(f"{title}?", planned(title, steps), apply)


def _entity(whom: Sequence[Whom]) -> Entity:
    return {part.kind: part.name for part in whom}


def _words(whom: Sequence[Whom]) -> str:
    """Whom it is for, in words.

    >>> _words([Whom("user", "ann"), Whom("client-id", None)])
    'user ann, client id by default'
    """
    return ", ".join(
        f"{_KINDS[part.kind]} {'by default' if part.name is None else part.name}" for part in whom
    )


def _check_name(whom: Sequence[Whom], name: Name) -> None:
    """Raise UnknownName for what is no quota of such."""
    known = QUOTAS["ip" if whom[0].kind == "ip" else "user"]
    if name.text not in known:
        error = UnknownName("quota", name.text, known, place=name.place)
        error.hint = error.hint or f"one of {', '.join(known)}"
        raise error


def _listed(now: dict[str, float]) -> str:
    return ", ".join(f"{name} {_shown(value)}" for name, value in sorted(now.items()))


def _shown(value: float | None) -> str | None:
    """A quota as people write it: no fraction where there is none."""
    return None if value is None else f"{value:.15g}"
