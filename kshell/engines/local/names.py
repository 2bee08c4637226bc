"""Which topic a name means, and what its columns are."""

from __future__ import annotations

from kshell.errors import BindError, Forbidden, UnknownName
from kshell.kafka.client import Client
from kshell.sql.statements import Name

__all__ = ["topic_named"]


def topic_named(client: Client, name: Name) -> str:
    """The topic's exact name: as written, or in any case where only one fits.

    Raises UnknownName with the nearest names, Forbidden, BindError where several fit.
    """
    known = [t.name for t in client.topics()]
    if name.text in known:
        return name.text
    folded = [k for k in known if k.casefold() == name.text.casefold()]
    if len(folded) == 1:
        return folded[0]
    if folded:
        raise BindError(
            f"{name.text} could be {' or '.join(folded)}",
            hint=f'quote the one you mean: "{folded[0]}"',
            place=name.place,
        )
    try:
        client.topic(name.text)  # one that ACLs hide is not listed; asked for by name it is told
    except Forbidden:
        raise
    except UnknownName:
        pass
    raise UnknownName("topic", name.text, known, place=name.place)
