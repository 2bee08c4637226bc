"""Names that only the cluster has: groups, brokers, principals; they come in the background.

`slots` offers them in statements, `values` beside the columns of system tables that they fill.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from kshell.sql.keywords import RESERVED
from kshell.terminal.completion.names import Field, Known, in_backticks
from kshell.terminal.completion.offers import Offers
from kshell.terminal.completion.ranking import Index

__all__ = ["offer_listed", "offer_values"]

_BARE = re.compile(r"\w[\w.\-]*", re.ASCII)
# Which names fill a text column of the system tables.
_OF_COLUMN: Mapping[str, str] = {"group_id": "group", "principal": "principal"}


def offer_listed(offers: Offers, known: Known, what: str, given: Collection[str] = ()) -> None:
    """Offer the groups or brokers, without those that the statement gives."""
    names = [Field(n, _written(n)) for n in known.listed(what) if n not in given]
    offers.names(Index(names), lambda f: f.text, lambda f: what, dotted=True)


def offer_values(offers: Offers, known: Known, column: str) -> None:
    """Offer what a text column of a system table can have, as strings."""
    if column == "topic":
        topics = (s.name for s in known.sources.entries if s.kind == "topic")
        offers.strings((name, "topic") for name in topics)
    elif (what := _OF_COLUMN.get(column)) is not None:
        offers.strings((name, what) for name in known.listed(what))


def _written(name: str) -> str:
    """As the grammar takes it: bare, if it may be."""
    bare = _BARE.fullmatch(name) and name.upper() not in RESERVED
    return name if bare else in_backticks(name)
