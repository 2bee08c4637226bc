"""Which topic a name means.

`engine` asks, for every name that nobody declared.
"""

from __future__ import annotations

import contextlib

from kshell.errors import BindError, UnknownName
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
    with contextlib.suppress(UnknownName):
        client.topic(name.text)  # one that ACLs hide is not listed; asked for by name it is told
    raise UnknownName("topic", name.text, known, place=name.place)
