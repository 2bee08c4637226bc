"""The names in FROM of a draft, and the spans where they stand."""

from __future__ import annotations

from dataclasses import dataclass

from kshell.sql.spans import Draft
from kshell.sql.syntax import FromName, Selection, Syntax
from kshell.sql.tokens import Kind

__all__ = ["Source", "sources_of"]

_STATEMENTS = frozenset(
    {"TABLE", "SUMMARIZE", "DESCRIBE", "DESC", "SHOW"}
)  # what takes a bare name
_BEFORE = frozenset({"FROM", "JOIN", "PIVOT", "UNPIVOT", "SUMMARIZE", "TABLE"})
_AFTER_FROM = frozenset(
    [
        "WHERE",
        "GROUP",
        "HAVING",
        "ON",
        "USING",
        "SELECT",
        "ORDER",
        "LIMIT",
        "QUALIFY",
        "WINDOW",
        "UNION",
        "EXCEPT",
        "INTERSECT",
        "IN",
        "FOR",
    ]
)
_JOINS = frozenset({"ON", "USING"})


@dataclass(slots=True, eq=False)
class Source:
    """One name in FROM: `draft.source[start:end]` is the name alone."""

    path: tuple[str, ...]
    start: int
    end: int
    alias: str
    needs_alias: bool
    within: Selection | None
    renamed: tuple[str, ...] = ()  # its first columns in FROM t AS a(x, y)

    @property
    def called(self) -> str:
        """The name by which the query's columns speak of it."""
        return (self.alias or self.path[-1]).casefold()


def sources_of(draft: Draft, syntax: Syntax | None) -> list[Source]:
    """Every name in FROM that is no CTE's, in the order of the text."""
    found = _without_syntax(draft) if syntax is None else _located(draft, syntax)
    return sorted(found, key=lambda s: s.start)


def _located(draft: Draft, syntax: Syntax) -> list[Source]:
    taken: set[int] = set()
    found = []
    for name in sorted(syntax.sources, key=lambda s: -s.start):
        n = _token_of(draft, name, taken)
        taken.add(n)
        last = n + 2 * (len(name.path) - 1)
        start, end = draft.tokens[n].start, draft.tokens[last].end
        needs = name.start >= 0 and not name.alias
        found.append(
            Source(name.path, start, end, name.alias, needs, name.within, name.renamed)
        )
    return found


def _token_of(draft: Draft, name: FromName, taken: set[int]) -> int:
    """The first token of the name."""
    if name.start >= 0:
        n = draft.at(name.start)
        return n + 2 if draft.is_sign(n + 1, ":") else n  # FROM alias: name
    for n, token in enumerate(draft.tokens):
        if n not in taken and draft.word(n - 1) in _STATEMENTS and token.value == name.path[0]:
            return n
    raise AssertionError(name)


def _without_syntax(draft: Draft) -> list[Source]:
    """Where DuckDB shows no tree (a PIVOT without IN): the names that words announce."""
    ctes = {
        token.value.casefold()
        for n, token in enumerate(draft.tokens)
        if draft.word(n + 1) == "AS" and draft.is_sign(n + 2, "(") and _begins_query(draft, n + 3)
    }
    found = []
    listing: dict[int, bool] = {}  # by depth of parentheses: whether commas part sources
    depth = 0
    for n, token in enumerate(draft.tokens):
        word = token.upper
        if token.kind is Kind.SIGN and token.text in "([{":
            depth += 1
            listing[depth] = False
        elif token.kind is Kind.SIGN and token.text in ")]}":
            depth -= 1
        elif word in _BEFORE:
            listing[depth] = word == "FROM"
        elif word in _AFTER_FROM and not (word in _JOINS and listing.get(depth)):
            listing[depth] = False
        announced = draft.word(n - 1) in _BEFORE or (
            draft.is_sign(n - 1, ",") and listing.get(depth)
        )
        named = token.kind in (Kind.WORD, Kind.QUOTED, Kind.STRING) and not draft.is_sign(
            n + 1, "("
        )
        if not announced or not named or word in ("SELECT", "LATERAL", "WITH", "VALUES"):
            continue
        if word and draft.is_sign(n + 1, ":"):
            continue
        last = n
        while draft.is_sign(last + 1, "."):
            last += 2
        path = tuple(t.value for t in draft.tokens[n : last + 1 : 2])
        if len(path) == 1 and path[0].casefold() in ctes:
            continue
        at = last + 1 + (draft.word(last + 1) == "AS")
        following = draft.tokens[at : at + 1]
        aliased = following and (at > last + 1 or _is_alias(following[0].upper, following[0].kind))
        alias = following[0].value if aliased else ""
        found.append(Source(path, token.start, draft.tokens[last].end, alias, not alias, None))
    return found


def _begins_query(draft: Draft, n: int) -> bool:
    return draft.word(n) in ("SELECT", "FROM", "WITH", "VALUES", "PIVOT", "UNPIVOT", "TABLE") or (
        draft.is_sign(n, "(")
    )


_CLAUSES = (
    _AFTER_FROM
    | _BEFORE
    | frozenset(
        [
            "CROSS",
            "LEFT",
            "RIGHT",
            "FULL",
            "INNER",
            "OUTER",
            "NATURAL",
            "SEMI",
            "ANTI",
            "ASOF",
            "POSITIONAL",
            "TABLESAMPLE",
            "OFFSET",
            "AS",
        ]
    )
)


def _is_alias(word: str, kind: Kind) -> bool:
    return kind is Kind.QUOTED or (bool(word) and word not in _CLAUSES)
