"""A refusal for want of rights, in one form: the operation and the resource, as ACLs name them."""

from __future__ import annotations

from collections.abc import Sequence

from kshell.errors import Forbidden

__all__ = ["CLUSTER", "FORBIDDEN", "Right", "all_refused", "no_idempotence", "refused"]

FORBIDDEN = frozenset({29, 30, 31, 53})  # a topic, a group, the cluster, a transactional id
CLUSTER = "cluster"
Right = tuple[str, str]  # an operation and a resource, as ACLs name them


def refused(operation: str, resource: str) -> Forbidden:
    """The error where brokers deny an operation.

    >>> str(refused("READ", "topic orders"))
    'not allowed: READ on topic orders'
    """
    return all_refused([(operation, resource)])


def no_idempotence(topic: str) -> Forbidden:
    """The error where brokers deny that records are numbered: since Kafka 3.0 whoever may write to
    any topic may have that.

    >>> str(no_idempotence("t"))
    'not allowed: WRITE on topic t (before Kafka 3.0 IDEMPOTENT_WRITE on the cluster too)'
    """
    error = refused("WRITE", f"topic {topic}")
    return Forbidden(
        f"{error.what} (before Kafka 3.0 IDEMPOTENT_WRITE on the cluster too)", hint=error.hint
    )


def all_refused(rights: Sequence[Right]) -> Forbidden:
    """The error where brokers deny several rights.

    >>> str(all_refused([("READ", "topic a"), ("WRITE", "topic b")]))
    'not allowed: READ on topic a; WRITE on topic b'
    """
    return Forbidden(
        f"not allowed: {'; '.join(f'{operation} on {resource}' for operation, resource in rights)}",
        hint="the cluster's ACLs deny it to this user, or allow it to nobody",
    )
