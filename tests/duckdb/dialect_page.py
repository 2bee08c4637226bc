"""docs/dialect.md, made of the tables: `python -m tests.duckdb.dialect_page` writes it."""

from __future__ import annotations

from pathlib import Path

from kshell.sql import duck
from kshell.sql.functions import AGGREGATE, SCALAR, library
from kshell.sql.macros import CASTS

PAGE = Path(__file__).parents[2] / "docs" / "dialect.md"
HEAD = """\
# Whose meaning a bounded query has

A bounded query is DuckDB's SQL as it was written. With `SET 'kshell.dialect'='duckdb'` all of it means
what DuckDB means by it. With `ksql`, the default, the functions and casts below mean what they mean in
a continuous query. In both, whole numbers divide to whole numbers, a division by zero is NULL, and the
time zone is UTC. This page is made from the tables of functions and casts; a test holds it to them.

What kshell edits in the text, in both dialects: names in FROM, names in backticks, names of fields that
DuckDB would take for one, and moments that are compared with ROWTIME. A bare name is the field of exactly that
name, else the only one without case; in `ksql` a quoted one is that field alone, in `duckdb` it matches as a bare
one does ([semantics](semantics.md) has the rule). In `ksql` besides: `a->b` where b is a name (in `duckdb` it is JSON's and, with a
lambda, DuckDB's), `STRUCT(a := 1)`, `MAP(k := v)`, lambdas `x => …`, types as `ARRAY<INT>`,
`SUBSTRING(x FROM a FOR n)` (in `ksql` with KSQL's meaning), the casts and
functions below. FROM takes no function that reaches files or settings, in either, and no query calls
`json_serialize_plan`. In `ksql` a name with dots is one name, a topic's (`main.t` too).

A query that only DuckDB's grammar has (PIVOT, UNPIVOT, SUMMARIZE, DESCRIBE SELECT, and what sqlglot cannot
read) means what DuckDB means by all of it, casts too, and a notice says so. In `ksql` it is refused, with
the place, where it has `a->b` or one of the functions and aggregates below in it.

DECIMALs keep their digits in ABS, CEIL, FLOOR, GREATEST, LEAST, ROUND and TRUNC, whose results have the types
that they have in continuous queries (within a lambda, ROUND and TRUNC of one argument give a BIGINT). Calls with
an unpacked `*COLUMNS(…)`, DISTINCT or ORDER BY in them are DuckDB's.
"""


def _kinds() -> dict[str, set[str]]:
    with duck.connect() as connection:
        rows = connection.execute(
            "SELECT upper(function_name), function_type FROM duckdb_functions() WHERE internal"
        ).fetchall()
    kinds: dict[str, set[str]] = {}
    for name, kind in rows:
        kinds.setdefault(name, set()).add(kind)
    return kinds


def page() -> str:
    """The page's text."""
    kinds = _kinds()
    both, alone, aggregates, kept = [], [], [], []
    for name, function in sorted(library().items()):
        if function.kind == SCALAR:
            known = kinds.get(name, set()) & {"scalar", "macro"}
            (both if known else alone).append((name, function.help))
        elif function.kind == AGGREGATE:
            (kept if "aggregate" in kinds.get(name, ()) else aggregates).append((name, function.help))
    parts = [HEAD, "## Casts\n"]
    parts += [f"* to {type}: `{macro}`, which is Java's rule" for type, macro in sorted(CASTS.items())]
    parts += ["", "Casts to other types, and TRY_CAST, are DuckDB's.", ""]
    parts += ["## Functions that both have: KSQL's meaning in `ksql`, DuckDB's in `duckdb`\n"]
    parts += [f"* {name}: {help}" for name, help in both]
    parts += ["", "## Functions that only KSQL has: they are there in `ksql`\n"]
    parts += [", ".join(name for name, _ in alone)]
    parts += ["", "## Aggregates that only KSQL has\n", *(f"* {name}: {help}" for name, help in aggregates)]
    parts += ["", "## Aggregates that both have: DuckDB's meaning in every bounded query\n"]
    parts += [", ".join(name for name, _ in kept), ""]
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
