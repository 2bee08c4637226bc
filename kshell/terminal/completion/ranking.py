"""Finds the names that fit what was typed, best first.

A name fits if it begins with the typed text, has a part that does, contains it, or has its letters
in their order.  `candidates` asks an `Index` for each kind of name that may stand at the cursor.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import IntEnum
from itertools import accumulate
from typing import Generic, Protocol, TypeVar

__all__ = ["MOST", "Fit", "HasName", "Index", "fit"]

MOST = 100  # candidates of one kind: a person types on, and does not read more


class Fit(IntEnum):
    """How well a name fits, best first."""

    BEGINS = 0
    PART_BEGINS = 1
    CONTAINS = 2
    LETTERS = 3


class HasName(Protocol):
    """What an index holds."""

    @property
    def name(self) -> str:
        """What is looked for."""


N = TypeVar("N", bound=HasName)
_LEADS = "_.- "  # a part of a name begins behind one of these


def fit(name: str, typed: str) -> Fit | None:
    """How well one name fits; None where it does not.

    >>> fit("orders", "ORD"), fit("page_views", "vi"), fit("orders", "der"), fit("orders", "x")
    (<Fit.BEGINS: 0>, <Fit.PART_BEGINS: 1>, <Fit.CONTAINS: 2>, None)
    >>> fit("order_id", "oid")
    <Fit.LETTERS: 3>
    """
    folded, typed = name.casefold(), typed.casefold()
    if folded.startswith(typed):
        return Fit.BEGINS
    at = folded.find(typed)
    if at > 0:
        parts = any(lead + typed in folded for lead in _LEADS)
        return Fit.PART_BEGINS if parts else Fit.CONTAINS
    rest = iter(folded)
    return Fit.LETTERS if len(typed) > 1 and all(letter in rest for letter in typed) else None


class Index(Generic[N]):
    """Names in their order, folded and joined once: a look for all that fit runs in C."""

    def __init__(self, entries: Iterable[N]) -> None:
        self.entries: Sequence[N] = tuple(entries)
        folded = [e.name.casefold().replace("\n", " ") for e in self.entries]
        self._joined = "\n" + "\n".join(folded)
        self._starts = list(accumulate((len(f) + 1 for f in folded), initial=0))[:-1]
        self._exact = {e.name: e for e in reversed(self.entries)}
        self.by_name = {name: n for n, name in reversed(list(enumerate(folded)))}

    def __len__(self) -> int:
        return len(self.entries)

    def named(self, name: str) -> N | None:
        """The entry of that name: the exact one, or the first in another case."""
        found = self._exact.get(name)
        if found is None and (number := self.by_name.get(name.casefold())) is not None:
            return self.entries[number]
        return found

    def matching(
        self, typed: str, used: Mapping[str, int], *, letters: bool = True
    ) -> list[tuple[Fit, N]]:
        """The best that fit: within one `Fit` used names first, the last used before others.

        Without `letters` those are left out that have the typed letters apart from each other.
        """
        typed = typed.casefold().replace("\n", " ")
        recent = {n: used[name] for name in used if (n := self.by_name.get(name)) is not None}
        fits = {n: f for n in recent if (f := fit(self.entries[n].name, typed)) is not None}
        if not letters:
            fits = {n: f for n, f in fits.items() if f is not Fit.LETTERS}
        for kind in Fit if typed else (Fit.BEGINS,):
            if kind is not Fit.LETTERS or (letters and len(typed) > 1):
                for number in self._numbers(kind, typed):
                    if len(fits) >= MOST:
                        break
                    fits.setdefault(number, kind)
        best = sorted(fits, key=lambda n: (fits[n], -recent.get(n, -1), n))
        return [(fits[n], self.entries[n]) for n in best[:MOST]]

    def _numbers(self, kind: Fit, typed: str) -> Iterator[int]:
        """The entries that fit in that way; those that fit in a better way may be among them."""
        if not typed:
            yield from range(len(self.entries))
        elif kind is Fit.LETTERS:
            pattern = "".join(f"[^\n{re.escape(c)}]*{re.escape(c)}" for c in typed)
            for match in re.finditer("\n" + pattern, self._joined):
                yield self._number(match.start())
        else:
            leads = {Fit.BEGINS: "\n", Fit.PART_BEGINS: _LEADS}.get(kind, "")
            for lead in leads or ("",):
                at = self._joined.find(lead + typed)
                while at >= 0:
                    yield self._number(at)
                    line = self._joined.find("\n", at + 1)
                    at = self._joined.find(lead + typed, line) if line >= 0 else -1

    def _number(self, place: int) -> int:
        """The entry at a place of the joined text; a line end belongs to the entry after it."""
        return bisect_right(self._starts, place) - 1
