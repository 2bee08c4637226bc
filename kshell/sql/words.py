"""KSQL's words as DuckDB's: what DuckDB's parser does not read, in a form that it does.

`batch.rewrite` calls it before DuckDB parses a query: names in backticks or with dashes, and, in
the default dialect, `a->b`, STRUCT(…), MAP(…), lambdas and KSQL's types.  Their meaning is
`macros`' to give.
"""

from __future__ import annotations

from functools import cache

from sqlglot import exp
from sqlglot.errors import SqlglotError

from kshell.field_names import alike, escaped
from kshell.sql import duck
from kshell.sql.dialect import KSQL
from kshell.sql.spans import Draft
from kshell.sql.tokens import Kind
from kshell.types import quote_duckdb

__all__ = ["DUCKDB_AGGREGATES", "cast_type", "casts", "in_duckdb_words", "needs_macros"]

# Aggregates of KSQL's names that DuckDB has: in a bounded query they are DuckDB's.
DUCKDB_AGGREGATES = frozenset(
    {"AVG", "COUNT", "HISTOGRAM", "MAX", "MIN", "STDDEV_SAMP", "SUM"}
)


def in_duckdb_words(text: str, tree: exp.Query, ksql: bool) -> Draft:
    """The text with edits; `tree` is what sqlglot read of it (empty where it could not)."""
    draft = Draft(text)
    _sources(draft, tree)
    taken = {(e.start, e.end) for e in draft._edits}
    for token in draft.tokens:
        if token.kind is Kind.QUOTED and not _in(taken, token.start):
            readable = token.value and "\0" not in token.value
            if token.text[0] == "`" or not readable:
                made = token.value if readable else escaped(token.value)
                draft.replace(token.start, token.end, quote_duckdb(made))
    _alike(draft)
    if ksql:
        _names(draft, tree, taken)
        _dereferences(draft)
        _lambdas(draft)
        _constructors(draft)
        _substrings(draft)
        _types(draft)
        _explodes(draft)
    return draft


def _explodes(draft: Draft) -> None:
    """EXPLODE(…) is UNNEST(…): a row for each element, none where there is none."""
    for call in draft.calls():
        if call.name == "EXPLODE":
            token = draft.tokens[call.token]
            draft.replace(token.start, token.end, "UNNEST")


def _alike(draft: Draft) -> None:
    """EXCLUDE (id, ID) and REPLACE (… AS id, … AS ID): DuckDB's parser would see one name twice."""
    for n in range(len(draft.tokens)):
        if draft.word(n) not in ("EXCLUDE", "EXCEPT", "REPLACE") or not draft.is_sign(n + 1, "("):
            continue
        if not draft.is_sign(n - 1, "*"):
            continue
        spans = draft.parts(n + 2, draft.partner(n + 1))
        last = [draft.tokens[draft.before(end)] for _, end in spans]
        for token in last:
            folded = alike(token.value)
            if any(alike(o.value) == folded and o.value != token.value for o in last):
                draft.replace(token.start, token.end, quote_duckdb(escaped(token.value)))


def needs_macros(draft: Draft) -> bool:
    """Whether there is a call or a cast for `macros` to look at: the library takes time to load."""
    return bool(casts(draft)) or any(c.name not in DUCKDB_AGGREGATES for c in draft.calls())


def _in(spans: set[tuple[int, int]], at: int) -> bool:
    return any(start <= at < end for start, end in spans)


def _names(draft: Draft, tree: exp.Query, taken: set[tuple[int, int]]) -> None:
    """Names that DuckDB has not: its reserved words, and those that begin with a digit."""
    for name in tree.find_all(exp.Identifier):
        start, end = name.meta.get("start", -1), name.meta.get("end", -1) + 1
        if name.args.get("quoted") or start < 0 or draft.source[start:end] != name.name:
            continue
        if _in(taken, start) or draft.is_sign(draft.before(start), "->"):
            continue
        if name.name.lower() in _reserved() or not name.name.isidentifier():
            draft.replace(start, end, quote_duckdb(name.name))


@cache
def _reserved() -> frozenset[str]:
    """The words that DuckDB takes as a name only in quotes."""
    rows = duck.plain().execute(
        "SELECT keyword_name FROM duckdb_keywords()"
        " WHERE keyword_category IN ('reserved', 'type_function')"
    )
    return frozenset(word for (word,) in rows.fetchall())


def _sources(draft: Draft, tree: exp.Query) -> None:
    """Names in FROM that DuckDB cannot read: dashes, a digit first, many dots."""
    for table in tree.find_all(exp.Table):
        parts = [p for p in table.parts if isinstance(p, exp.Identifier)]
        spans = [(p.meta["start"], p.meta["end"] + 1) for p in parts if "start" in p.meta]
        if len(spans) != len(table.parts) or not spans:
            continue
        start, end = min(s for s, _ in spans), max(e for _, e in spans)
        if any(p.args.get("quoted") for p in parts) and len(parts) < 3:
            continue
        plain = all(part.isidentifier() for part in draft.source[start:end].split("."))
        if not plain or len(parts) > 2:
            *before, last = (p.name for p in parts)
            made = (
                f"{quote_duckdb('.'.join(before))}.{quote_duckdb(last)}"
                if before
                else quote_duckdb(last)
            )
            draft.replace(start, end, made)


def _dereferences(draft: Draft) -> None:
    """a->b is a.b, where what follows is a name; beside text or a number it is JSON's."""
    for n, token in enumerate(draft.tokens):
        if not draft.is_sign(n, "->") or n + 1 >= len(draft.tokens):
            continue
        after = draft.tokens[n + 1]
        if after.kind in (Kind.WORD, Kind.QUOTED) or draft.is_sign(n + 1, "*"):
            draft.replace(token.start, token.end, ".")
            if after.kind is Kind.WORD and not after.text.isidentifier():
                draft.replace(after.start, after.end, quote_duckdb(after.text))


def _lambdas(draft: Draft) -> None:
    """x => …, (k, v) => … is lambda x: …, lambda k, v: …"""
    for n, token in enumerate(draft.tokens):
        if not draft.is_sign(n, "=>") or n == 0:
            continue
        first = last = n - 1
        if draft.is_sign(n - 1, ")"):
            first, last = draft.partner(n - 1) + 1, n - 2
        names = [t for t in draft.tokens[first : last + 1] if t.kind in (Kind.WORD, Kind.QUOTED)]
        shown = ", ".join(t.text if t.kind is Kind.WORD else quote_duckdb(t.value) for t in names)
        begin = draft.tokens[first if first == n - 1 else first - 1].start
        draft.replace(begin, token.end, f"lambda {shown}:")


def _constructors(draft: Draft) -> None:
    """STRUCT(a := 1) is struct_pack(a := 1); MAP(k := v) is MAP {k: v}; in a type they stay."""
    types = [range(first, last + 1) for _, _, first, last in casts(draft)]
    for call in draft.calls():
        if any(call.token in span for span in types):
            continue
        name, close = draft.tokens[call.token], draft.tokens[call.close]
        if call.name == "STRUCT":
            draft.replace(name.start, name.end, "struct_pack")
        elif call.name == "MAP":
            level = draft.level(call.open + 1, call.close)
            pairs = [draft.tokens[n] for n in level if draft.is_sign(n, ":=")]
            if not pairs:
                continue
            draft.replace(name.start, draft.tokens[call.open].end, "MAP {")
            for pair in pairs:
                draft.replace(pair.start, pair.end, ":")
            draft.replace(close.start, close.end, "}")


def _substrings(draft: Draft) -> None:
    """SUBSTRING(x FROM a FOR n) is SUBSTRING(x, a, n)."""
    for call in draft.calls():
        if call.name != "SUBSTRING":
            continue
        level = draft.level(call.open + 1, call.close)
        words = [n for n in level if draft.word(n) in ("FROM", "FOR")]
        for n in words:
            alone = draft.word(n) == "FOR" and len(words) == 1
            draft.replace(draft.tokens[n].start, draft.tokens[n].end, ", 1," if alone else ",")


def casts(draft: Draft) -> list[tuple[str, int, int, int]]:
    """(type, number of the token CAST, TRY_CAST or ::, first and last token of the type)."""
    found = []
    for n, token in enumerate(draft.tokens):
        if token.upper in ("CAST", "TRY_CAST") and draft.is_sign(n + 1, "("):
            close = draft.partner(n + 1)
            words = [k for k in draft.level(n + 2, close) if draft.word(k) == "AS"]
            if words and words[-1] + 1 < close:
                found.append((n, words[-1] + 1, close - 1))
        elif draft.is_sign(n, "::") and draft.word(n + 1):
            last = n + 1
            while last + 1 < len(draft.tokens):
                if draft.tokens[last + 1].text in ("(", "["):
                    last = draft.partner(last + 1)
                elif draft.word(last + 1) == "ARRAY":
                    last += 1
                else:
                    break
            found.append((n, n + 1, last))
    return [
        (draft.source[draft.tokens[a].start : draft.tokens[b].end], n, a, b)
        for n, a, b in found
        if b >= a
    ]


@cache
def cast_type(text: str) -> exp.DataType | None:
    """sqlglot's type of a type's text; None where it knows none."""
    try:
        return exp.DataType.build(text, dialect=KSQL)
    except (SqlglotError, ValueError):
        return None


def _types(draft: Draft) -> None:
    """ARRAY<INT>, STRUCT<…>, MAP<…> and BYTES in casts."""
    for text, _, first, last in casts(draft):
        if "<" not in text and text.upper() != "BYTES":
            continue
        type = cast_type(text)
        if type is not None:
            made = type.sql(dialect=KSQL)
            draft.replace(draft.tokens[first].start, draft.tokens[last].end, made)
