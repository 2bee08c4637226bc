"""A refusal for want of rights, in one form: the operation and the resource, as ACLs name them."""

from __future__ import annotations

from kshell.errors import Forbidden

__all__ = ["CLUSTER", "FORBIDDEN", "Right", "refused"]

FORBIDDEN = frozenset({29, 30, 31, 53})  # a topic, a group, the cluster, a transactional id
CLUSTER = "cluster"
Right = tuple[str, str]  # an operation and a resource, as ACLs name them


def refused(operation: str, resource: str) -> Forbidden:
    """The error where brokers deny an operation.

    >>> str(refused("READ", "topic orders"))
    'not allowed: READ on topic orders'
    """
    return Forbidden(
        f"not allowed: {operation} on {resource}",
        hint="the cluster's ACLs deny it to this user, or allow it to nobody",
    )
