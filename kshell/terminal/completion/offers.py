"""Candidates as they are gathered and put in order.

Callers say what may stand at the cursor, kind by kind; `Offers` keeps what fits the typed text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from kshell.terminal.completion.names import SourceName, in_backticks
from kshell.terminal.completion.ranking import MOST, Fit, HasName, Index, fit
from kshell.terminal.completion.tree import Typed

__all__ = ["Candidate", "Offers"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Text to insert, how many characters before the cursor it replaces, and what it is."""

    text: str
    replaces: int
    kind: str


E = TypeVar("E", bound=HasName)
_MOST_SEARCHED = 15_000  # names that are searched for letters apart from each other: it takes time


class Offers:
    """Gathers candidates; each call of a method adds one kind, which comes after those before it.

    How well a name fits counts first, then its kind, then whether it was used, then its place.
    """

    def __init__(self, typed: Typed, used: Mapping[str, int], lower: bool) -> None:
        self.typed, self.used = typed, used
        text = typed.text
        self.lower = text.islower() if text else lower  # of keywords
        self.lower_calls = lower
        # With a dot or a dash in it, the text can only be a whole name of a source or the like.
        self._loose = typed.kind == "word" and bool(re.search(r"[.\-]", text))
        self._found: list[tuple[Fit, int, int, str, str]] = []
        self._kinds = self._searched = 0

    def __len__(self) -> int:
        return len(self._found)

    def names(
        self,
        index: Index[E],
        text: Callable[[E], str],
        meta: Callable[[E], str],
        *,
        dotted: bool = False,
        keep: Callable[[E], bool] = lambda entry: True,
        in_string: bool = False,
        in_order: bool = False,
    ) -> None:
        """Names of an index, as `text` writes them or, `in_string`, as a string.

        `dotted` names are written whole, with their dots and dashes; `in_order` it does not count
        which ones were used.
        """
        if self.typed.kind == ("name" if in_string else "string"):
            return
        if self._loose and not dotted and not in_string:
            return
        self._kinds += 1
        self._searched += len(index)
        letters = self._searched <= _MOST_SEARCHED
        used = {} if in_order else self.used
        matching = index.matching(self.typed.text, used, letters=letters)
        for order, (fits, entry) in enumerate(matching):
            if not keep(entry):
                continue
            written = text(entry)
            if in_string:
                written = self._as_string(written)
            elif self.typed.kind == "name":
                written = self._in_quote(entry.name)
            self._found.append((fits, self._kinds, order, written, meta(entry)))

    def sources(self, index: Index[SourceName]) -> None:
        """Names for FROM, and where a source or a topic is meant alike."""
        self.names(
            index, lambda s: s.text, lambda s: s.kind, dotted=True, keep=lambda s: not s.covered
        )

    def words(self, words: Iterable[str], kind: str = "keyword") -> None:
        """Keywords, in the case of what was typed; letters in their order are too little to fit."""
        if self.typed.kind != "word" or self._loose:
            return
        self._kinds += 1
        for order, word in enumerate(words):
            fits = fit(word, self.typed.text)
            if fits is not None and fits <= Fit.PART_BEGINS:
                cased = word.lower() if self.lower else word
                self._found.append((fits, self._kinds, order, cased, kind))

    def pairs(self, texts: Iterable[tuple[str, str]], *, dotted: bool = False) -> None:
        """Texts as they are, with what each is; `dotted` ones may have dots and dashes."""
        if self.typed.kind not in ("word", "variable") or (self._loose and not dotted):
            return
        self._kinds += 1
        for order, (text, kind) in enumerate(texts):
            fits = fit(text, self.typed.text)
            if fits is not None:
                self._found.append((fits, self._kinds, order, text, kind))

    def strings(self, values: Iterable[tuple[str, str]]) -> None:
        """Values in single quotes, whose end is part of them."""
        if self.typed.kind == "name":
            return
        self._kinds += 1
        found: list[tuple[Fit, int, int, str, str]] = []
        for value, kind in values:
            fits = fit(value, self.typed.text)
            if fits is not None:
                used = -self.used.get(value.casefold(), -1)
                found.append((fits, used, len(found), value, kind))
                if len(found) > MOST and fits is Fit.BEGINS:
                    break
        for order, (fits, _, _, value, kind) in enumerate(sorted(found)[:MOST]):
            self._found.append((fits, self._kinds, order, self._as_string(value), kind))

    def _as_string(self, value: str) -> str:
        goes_on = self.typed.closed or value.endswith("/")  # a folder
        return "'" + value.replace("'", "''") + ("" if goes_on else "'")

    def _in_quote(self, name: str) -> str:
        quoted = in_backticks(name, self.typed.quote)
        return quoted[:-1] if self.typed.closed else quoted

    def candidates(self) -> list[Candidate]:
        """What was gathered, best first, each text once."""
        replaces = -(len(self.typed.text) + len(self.typed.quote))
        unique: dict[str, Candidate] = {}
        for *_, text, kind in sorted(self._found):
            unique.setdefault(text, Candidate(text, replaces, kind))
        return list(unique.values())
