"""Finds the names that fit what was typed, best first.

A name fits if it begins with the typed text, has a part that does, contains it, or has its letters
in their order.  `candidates` asks an `Index` for each kind of name that may stand at the cursor.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from itertools import accumulate
from typing import Generic, Protocol, TypeVar

__all__ = ["MOST", "Fit", "Index", "fit"]

MOST = 100  # candidates of one kind: a person types on, and does not read more


class Fit(IntEnum):
    """How well a name fits, best first."""

    BEGINS = 0
    PART_BEGINS = 1
    CONTAINS = 2
    LETTERS = 3


class _Named(Protocol):
    @property
    def name(self) -> str: ...


N = TypeVar("N", bound=_Named)
_PART = re.compile(r"[\W_]")


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
        parts = any(folded.startswith(typed, m.end()) for m in _PART.finditer(folded))
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
        self.by_name: dict[str, int] = {}
        for number, name in enumerate(folded):
            self.by_name.setdefault(name, number)

    def __len__(self) -> int:
        return len(self.entries)

    def named(self, name: str) -> N | None:
        """The entry of that name: the exact one, or the first in another case."""
        number = self.by_name.get(name.casefold())
        if number is None:
            return None
        first = self.entries[number]
        if first.name == name:
            return first
        return next((e for e in self.entries[number:] if e.name == name), first)

    def matching(self, typed: str, used: Mapping[str, int]) -> list[tuple[Fit, N]]:
        """The best that fit: within one `Fit` used names first, the last used before others."""
        typed = typed.casefold().replace("\n", " ")
        fits = {n: f for name in used if (n := self.by_name.get(name)) is not None
                and (f := fit(name, typed)) is not None}  # fmt: skip
        for kind in Fit:
            left = MOST - len(fits)
            if left > 0:
                self._look(kind, typed, fits, left)
        recent = {self.by_name[n]: when for n, when in used.items() if n in self.by_name}
        best = sorted(fits, key=lambda n: (fits[n], -recent.get(n, -1), n))
        return [(fits[n], self.entries[n]) for n in best[:MOST]]

    def _look(self, kind: Fit, typed: str, fits: dict[int, Fit], most: int) -> None:
        """Add up to `most` names that fit in that way and in no better one."""
        if not typed:
            for number in range(len(self.entries) if kind is Fit.BEGINS else 0):
                if number not in fits:
                    fits[number] = kind
                    most -= 1
                if most <= 0:
                    return
            return
        if kind is Fit.LETTERS and len(typed) < 2:
            return
        for match in _pattern(kind, typed).finditer(self._joined):
            number = bisect_right(self._starts, match.start()) - 1
            if number not in fits:
                fits[number] = kind
                most -= 1
                if most <= 0:
                    return


def _pattern(kind: Fit, typed: str) -> re.Pattern[str]:
    """What finds names in the joined text; each match begins within the name, or at its line end."""
    literal = re.escape(typed)
    if kind is Fit.BEGINS:
        return re.compile("\n" + literal)
    if kind is Fit.PART_BEGINS:
        return re.compile(rf"(?<=[^\w\n]){literal}|(?<=_){literal}")
    if kind is Fit.CONTAINS:
        return re.compile(literal)
    letters = "".join(f"[^\n{re.escape(c)}]*{re.escape(c)}" for c in typed)
    return re.compile("\n" + letters)
