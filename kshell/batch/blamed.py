"""The words of a query that a complaint of DuckDB is about, where it does not say a place.

`translate_error` asks; each row of `_ROWS` is a complaint, what kshell says of it, a hint, and how
its words are found among the tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from kshell.errors import nearest
from kshell.sql.tokens import Kind, Token, tokenize

__all__ = ["Blame", "blame"]

_NAMES = (Kind.WORD, Kind.QUOTED)
_ARGUMENTS = frozenset("(,")


@dataclass(frozen=True, slots=True)
class Blame:
    """What is wrong, a hint, and the span of the words; the span is (-1, -1) if none was found.

    `field` says that a field of that name is what is missing.
    """

    what: str
    hint: str
    start: int = -1
    end: int = -1
    field: str = ""


_Find = Callable[[Sequence[Token], Sequence[str]], "tuple[int, int] | None"]


def _field(tokens: Sequence[Token], said: Sequence[str]) -> tuple[int, int] | None:
    """The field's name after -> or a dot; of several, the one after what the message names."""
    name, *of = said
    before = re.findall(r"\w+", of[0])[-1:] if of else []
    found = [
        n
        for n in range(2, len(tokens))
        if tokens[n - 1].text in ("->", ".", "[") and tokens[n].value.casefold() == name.casefold()
    ]
    best = [n for n in found if [tokens[n - 2].value.casefold()] == [b.casefold() for b in before]]
    chosen = next(iter(best or found), None)
    return None if chosen is None else (tokens[chosen].start, tokens[chosen].end)


def _all_fields(tokens: Sequence[Token], said: Sequence[str]) -> tuple[int, int] | None:
    """`->*`, or `.*` of a path of several parts."""
    for n in range(2, len(tokens)):
        if tokens[n].text == "*" and tokens[n - 1].text in ("->", "."):
            first = n - 2
            while first > 1 and tokens[first - 1].text in ("->", "."):
                first -= 2
            return tokens[first].start, tokens[n].end
    return None


def _argument(tokens: Sequence[Token], said: Sequence[str]) -> tuple[int, int] | None:
    """A star that is an argument of a call, as in row(r.*)."""
    for n in range(1, len(tokens)):
        first = n - 2 if tokens[n - 1].text == "." else n
        if tokens[n].text == "*" and tokens[first - 1].text in _ARGUMENTS and first > 1:
            opening = max((k for k in range(first) if tokens[k].text == "("), default=0)
            called = tokens[opening - 1].upper
            if opening and called and called not in ("COUNT", "COLUMNS", "SELECT", "IN", "EXISTS"):
                return tokens[first].start, tokens[n].end
    return None


def _star(tokens: Sequence[Token], said: Sequence[str]) -> tuple[int, int] | None:
    """A star with the pattern that names are to match: * LIKE '…'."""
    pattern = said[0].replace("''", "'") if said else ""
    for n in range(len(tokens) - 1):
        near = range(n + 1, min(n + 5, len(tokens)))
        texts = [k for k in near if tokens[k].kind is Kind.STRING and tokens[k].value == pattern]
        if tokens[n].text == "*" and texts:
            first = n - 2 if tokens[n - 1].text in (".", "->") else n
            return tokens[first].start, tokens[texts[0]].end
    return None


def _in_list(tokens: Sequence[Token], said: Sequence[str]) -> tuple[int, int] | None:
    """A name in a star's list: `last` of them where it is there twice."""
    name, word = said
    begin = next((n for n, t in enumerate(tokens) if t.upper == word.upper()), -1)
    alike = [t for t in tokens[begin + 1 :] if _is(t, name)] if begin >= 0 else []
    if word.upper() == "REPLACE":  # the name is behind AS
        alike = [t for n, t in enumerate(tokens) if _is(t, name) and tokens[n - 1].upper == "AS"]
    return (alike[0].start, alike[0].end) if alike else None


def _twice(tokens: Sequence[Token], said: Sequence[str]) -> tuple[int, int] | None:
    first = _in_list(tokens, said)
    after = [t for t in tokens if first is not None and t.start >= first[1]]
    return _in_list([t for t in tokens if t.upper == said[1].upper()] + after, said)


def _is(token: Token, name: str) -> bool:
    return token.kind in _NAMES and token.value.casefold() == name.casefold()


def _position(tokens: Sequence[Token], said: Sequence[str]) -> tuple[int, int] | None:
    """A number of GROUP BY that no column has."""
    grouped = False
    for before, token in pairwise(tokens):
        grouped = grouped or (before.upper, token.upper) == ("GROUP", "BY")
        if not grouped:
            continue
        if token.kind is Kind.NUMBER and not 1 <= float(token.text) <= int(said[0]):
            return token.start, token.end
    return None


def _second_source(tokens: Sequence[Token], said: Sequence[str]) -> tuple[int, int] | None:
    """The second source of that name or alias."""
    begin = next((n for n, t in enumerate(tokens) if t.upper == "FROM"), 0)
    found = [
        tokens[n]
        for n in range(begin, len(tokens))
        if _is(tokens[n], said[0])
        and "." not in (tokens[n - 1].text, tokens[min(n + 1, len(tokens) - 1)].text)
    ]
    return (found[1].start, found[1].end) if len(found) > 1 else None


def _second_query(tokens: Sequence[Token], said: Sequence[str]) -> tuple[int, int] | None:
    """The second query of that name in WITH."""
    named = [
        t
        for t, after in pairwise(tokens)
        if _is(t, said[0]) and (after.text == "(" or after.upper == "AS")
    ]
    return (named[1].start, named[1].end) if len(named) > 1 else None


def _word(*words: str) -> _Find:
    """The first of these words."""

    def find(tokens: Sequence[Token], said: Sequence[str]) -> tuple[int, int] | None:
        return next(((t.start, t.end) for t in tokens if t.upper in words), None)

    return find


def _first_star(tokens: Sequence[Token], said: Sequence[str]) -> tuple[int, int] | None:
    return next(((t.start, t.end) for t in tokens if t.text == "*" or t.upper == "PIVOT"), None)


def _joined_on(tokens: Sequence[Token], said: Sequence[str]) -> tuple[int, int] | None:
    """A name in USING (…)."""
    begin = next((n for n, t in enumerate(tokens) if t.upper == "USING"), len(tokens))
    return next(((t.start, t.end) for t in tokens[begin:] if _is(t, said[0])), None)


def _numbered(tokens: Sequence[Token], said: Sequence[str]) -> tuple[int, int] | None:
    """#9."""
    return next(((sign.start, number.end) for sign, number in pairwise(tokens)
                 if (sign.text, number.text) == ("#", said[0])), None)  # fmt: skip


def _subquery(tokens: Sequence[Token], said: Sequence[str]) -> tuple[int, int] | None:
    """The first query that stands for a value."""
    of_rows = ("IN", "EXISTS", "FROM", "JOIN", "ANY", "ALL", "SOME", "ARRAY", "AS", ",")
    for n in range(1, len(tokens) - 1):
        before = tokens[n - 1].upper or tokens[n - 1].text
        if tokens[n].text == "(" and tokens[n + 1].upper == "SELECT" and before not in of_rows:
            return tokens[n].start, tokens[n + 1].end
    return None


def _parameter(tokens: Sequence[Token], said: Sequence[str]) -> tuple[int, int] | None:
    """`?`, `$1` or `$name`."""
    for n, token in enumerate(tokens):
        if token.text == "?":
            return token.start, token.end
        if token.text == "$" and n + 1 < len(tokens):
            return token.start, tokens[n + 1].end
    return None


@dataclass(frozen=True, slots=True)
class _Row:
    """`what` and `hint` are filled with the groups of the pattern: {0}, {1}."""

    pattern: re.Pattern[str]
    what: str
    hint: str
    find: _Find


_NOT_A_STRUCT = (
    "TRY(EXTRACTJSONFIELD(text, '$.{0}')) reads JSON text; DESCRIBE shows the columns' types"
)
_ALL_OF = "a source's name alone is its row: SELECT r FROM t AS r; COUNT(*) takes a star"
_DESCRIBED = "DESCRIBE shows the columns"
_ROWS = (
    _Row(
        re.compile(r"Cannot extract field '(.+?)' from expression \"(.*)\" because", re.DOTALL),
        "Can't access field {0}: the value is not a STRUCT", _NOT_A_STRUCT, _field,
    ),
    _Row(re.compile(r'Could not find key "(.+?)" in struct'), "no field named {0}",
         "DESCRIBE shows a STRUCT's fields", _field),
    _Row(re.compile(r"Cannot extract field from expression|in front of a star expression"),
         "->* takes all fields of a column that is a STRUCT",
         "give the STRUCT a name first: SELECT x.* FROM (SELECT a->b AS x FROM t)", _all_fields),
    _Row(re.compile(r"STAR expression is only allowed as the root element"),
         "a star cannot be an argument of a function", _ALL_OF, _argument),
    _Row(re.compile(r"lambda_col [!~*]+ '(.*?)'\).*empty set of columns", re.DOTALL),
         "the pattern '{0}' leaves no column", _DESCRIBED, _star),
    _Row(re.compile(r'No matching columns found that match regex "\^\(\?:(.*)\)\$"', re.DOTALL),
         "the pattern '{0}' leaves no column", _DESCRIBED, _star),
    _Row(re.compile(r'No matching columns found that match regex "(.*)"', re.DOTALL),
         "the pattern '{0}' leaves no column", _DESCRIBED, _star),
    _Row(re.compile(r"regexp_matches\(\w+, '(.*?)'\).*empty set of columns", re.DOTALL),
         "the pattern '{0}' leaves no column", _DESCRIBED, _star),
    _Row(re.compile(r"resulted in an empty set of columns"), "no column is left of the star",
         _DESCRIBED, _star),
    _Row(re.compile(r"GROUP BY term out of range - should be between 1 and (\d+)"),
         "GROUP BY takes the number of a column, from 1 to {0}", "or a column's name", _position),
    _Row(re.compile(r'duplicate alias "(.+?)"'), "two sources are named {0}",
         "give each source an alias of its own: FROM t AS a JOIN t AS b", _second_source),
    _Row(re.compile(r'Duplicate CTE name "(.+)"'), "two queries in WITH are named {0}",
         "give each query in WITH a name of its own", _second_query),
    _Row(re.compile(r"Set operations can only apply"), "both sides need as many columns",
         "SELECT as many columns on both sides", _word("UNION", "INTERSECT", "EXCEPT")),
    _Row(re.compile(r'Column "(.+)" does not exist on (left|right) side of join'),
         "the {1} side of the join has no column named {0}",
         "USING takes names that both sides have; ON names a column of each", _joined_on),
    _Row(re.compile(r"Sample sample_size (\S+) out of range"), "a sample cannot be {0} %",
         "from 0 to 100", _word("TABLESAMPLE", "SAMPLE")),
    _Row(re.compile(r"SELECT list is empty"), "the answer has no columns",
         "of a topic without fields COUNT(*) and ROWTIME can be selected; a PIVOT makes columns of"
         " the values that it meets", _first_star),
    _Row(re.compile(r"COLLATE can only be applied"), "COLLATE is for text",
         "CAST(… AS VARCHAR) makes text of it", _word("COLLATE")),
    _Row(re.compile(r"Positional reference (\d+) out of range \(total (\d+) columns\)"),
         "there is no column #{0}", "#1 to #{1}", _numbered),
    _Row(re.compile(r"More than one row returned by a subquery"),
         "a query that stands for a value gives more than one row",
         "LIMIT 1, or an aggregate as MAX(…), makes it one row", _subquery),
    _Row(re.compile(r'Duplicate entry "(.+)" in (EXCLUDE|REPLACE|RENAME) list'),
         "{0} is in the {1} list twice", "name it once", _twice),
    _Row(re.compile(r'Column "(.+)" in (EXCLUDE|REPLACE|RENAME) list not found'),
         "no column named {0}", _DESCRIBED, _in_list),
    _Row(re.compile(r"Values were not provided for the following parameters"),
         "a statement has no parameters",
         "DEFINE name = '…' makes a variable, and ${{name}} stands for it", _parameter),
)  # fmt: skip


def blame(text: str, said: str, known: Sequence[str]) -> Blame | None:
    """What a complaint of one of the rows is about; `known` are columns for the nearest name."""
    for row in _ROWS:
        found = row.pattern.search(said)
        if found is None:
            continue
        groups = found.groups()
        span = row.find(list(tokenize(text)), groups) or (-1, -1)
        hint = row.hint.format(*groups)
        close = nearest(groups[0], known) if row.what.startswith("no column named") else []
        hint = f"did you mean {' or '.join(close)}?" if close else hint
        missing = groups[0] if row.what.startswith("no field named") else ""
        return Blame(row.what.format(*groups), hint, *span, missing)
    return None
