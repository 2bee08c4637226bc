"""CREATE and DROP ACL: plan rules of who may do what; `engine` dispatches here."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from kshell.config import Properties
from kshell.engines.local.statements.proposals import planned, remark
from kshell.errors import BindError
from kshell.kafka.security import Acl, acls, create_acls, delete_acls
from kshell.results import Answer, Message, Proposal
from kshell.sql.cluster import CreateAcl, DropAcl, Rule
from kshell.wording import many

if TYPE_CHECKING:
    from kshell.engines.local.context import Context

__all__ = ["create_acl", "drop_acl"]

_EVERYWHERE = "*"


def create_acl(
    context: Context, statement: CreateAcl, properties: Properties
) -> Answer | Proposal:
    """CREATE ACL; raises BindError, KafkaError, Forbidden."""
    wanted = _acls(statement.rule, _EVERYWHERE)
    made = [acl for acl in wanted if not acls(context.client, acl)]
    if not made:
        return Message("These ACLs exist already.")

    def apply() -> Answer:
        create_acls(context.client, properties, made)
        context.wait_for("ACLs", lambda: all(acls(context.client, acl) for acl in made))
        return Message(f"{many(len(made), 'ACL')} created.")

    plan = planned("Create ACLs", [("ACL", None, str(acl)) for acl in made])
    return Proposal(f"Create {many(len(made), 'ACL')}?", plan, apply)


def drop_acl(context: Context, statement: DropAcl, properties: Properties) -> Answer | Proposal:
    """DROP ACL; raises BindError, KafkaError, Forbidden."""
    wanted = _acls(statement.rule, None)
    found = list(dict.fromkeys(chain.from_iterable(acls(context.client, acl) for acl in wanted)))
    gone = [acl for acl in found if acl.known]
    left = [remark(f"kshell cannot delete {acl}") for acl in found if not acl.known]
    if not gone:
        return Message("There is no such ACL.", tuple(left))

    def apply() -> Answer:
        delete_acls(context.client, properties, gone)
        context.wait_for("ACLs", lambda: not any(acls(context.client, acl) for acl in gone))
        return Message(f"{many(len(gone), 'ACL')} deleted.")

    plan = planned("Delete ACLs", [("ACL", str(acl), None) for acl in gone])
    return Proposal(f"Delete {many(len(gone), 'ACL')}?", plan, apply, tuple(left))


def _acls(rule: Rule, host: str | None) -> list[Acl]:
    """A rule for each operation, or the filter of all; `host` is meant where none is named."""
    principal = rule.principal
    if principal is not None and ":" not in principal.text:
        raise BindError(
            f"{principal.text} is no principal: it has no type",
            hint=f"'User:{principal.text}'",
            place=principal.place,
        )
    resource = rule.resource
    return [
        Acl(
            rule.permission or None,
            operation,
            resource.kind if resource else None,
            resource.name if resource else None,
            resource.prefixed if resource else None,
            principal.text if principal else None,
            rule.host or host,
        )
        for operation in rule.operations or (None,)
    ]
