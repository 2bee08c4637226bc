"""Random queries, with a seed, asked of kshell and of plain DuckDB over the same rows."""

import random

import pyarrow as pa
import pytest

from tests.duckdb import random_queries
from tests.duckdb.beside import Outcome, ask, plain_connection

ROWS = {
    "t": pa.table({"a": [1, 2, None, 4, 2], "b": ["x", "Y", "x", None, ""], "d": [1.5, -2.5, None, 0.0, 7.25]}),
    "u": pa.table({"a": [2, 2, 9, None], "e": [[1, 2], [], None, [3]], "f": [True, False, None, True]}),
}
NUMBERS = ("{q}a", "length({q}b)", "CAST({q}d AS INT)", "{q}a / 2", "-{q}a::BIGINT", "coalesce({q}a, 0)", "ROUND({q}d)")
TESTS = ("{0} > {1}", "{0} IS NULL", "{0} BETWEEN 0 AND {1}", "{0} IN (1, 2, {1})", "NOT ({0} = {1})", "b LIKE 'x%'",
         "EXISTS (SELECT 1 FROM u WHERE u.a = t.a)", "{0} = (SELECT max(a) FROM u)")
AGGREGATES = ("count(*)", "sum({0})", "max({0})", "list({0} ORDER BY {0})", "count(DISTINCT {0}) FILTER (WHERE {1} > 0)")


def query(chance: random.Random) -> str:
    def number(qualifier: str = "t.") -> str:
        return chance.choice(NUMBERS).format(q=qualifier)

    def test() -> str:
        made = chance.choice(TESTS).format(number(), number())
        return f"{made} {chance.choice(('AND', 'OR'))} {test()}" if chance.random() < 0.3 else made

    source = chance.choice(("t", "t JOIN u USING (a)", "t LEFT JOIN u ON t.a = u.a", "t, u", "t SEMI JOIN u USING (a)"))
    if chance.random() < 0.2:
        source = f"(SELECT * FROM {source} WHERE {test()}) t" if source == "t" else source
    where = f" WHERE {test()}" if chance.random() < 0.6 else ""
    kind = chance.randrange(5)
    if kind == 0:
        return f"SELECT * FROM {source}{where}"
    if kind == 1:
        items = ", ".join(chance.choice(AGGREGATES).format(number(), number()) for _ in range(2))
        return f"SELECT {number()} AS k, /* {chance.random()} */ {items} FROM {source}{where} GROUP BY k"
    if kind == 2:
        return f"FROM {source}{where} SELECT DISTINCT {number()}, {test()}"
    if kind == 3:
        return f"SELECT {number()} FROM t{where} UNION ALL SELECT a FROM u ORDER BY 1 LIMIT 3"
    return f"WITH c AS (SELECT {number()} AS n FROM {source}{where}) SELECT n, (SELECT count(*) FROM c) FROM c"


@pytest.mark.parametrize("seed", range(4))
def test_both_say_the_same(seed: int) -> None:
    chance, plain = random.Random(seed), plain_connection()
    answered = 0
    for _ in range(60):
        sql = query(chance)
        verdict = ask(plain, ROWS, sql, {"kshell.dialect": "duckdb"})
        assert verdict.outcome in (Outcome.SAME, Outcome.APART), (sql, verdict.why)
        answered += verdict.outcome is Outcome.SAME
    assert answered > 45


@pytest.mark.parametrize("seed", range(4))
def test_both_say_the_same_of_queries_of_many_forms(seed: int) -> None:
    chance, plain = random.Random(seed), plain_connection()
    answered = 0
    for _ in range(40):
        sql = random_queries.query(chance)
        verdict = ask(plain, random_queries.ROWS, sql, {"kshell.dialect": "duckdb"})
        assert verdict.outcome in (Outcome.SAME, Outcome.APART), (sql, verdict.why)
        answered += verdict.outcome is Outcome.SAME
    assert answered > 32
