"""Random queries of many forms: expressions of a type from a small grammar, and all clauses around them."""

from __future__ import annotations

import datetime
import random

import pyarrow as pa

__all__ = ["ROWS", "query"]

_DAY = datetime.datetime(2024, 2, 28, 23, 59, 59, 999000)
ROWS = {
    "t": pa.table(
        {
            "id": pa.array([1, 2, 3, 4, 5, None], pa.int64()),
            "Key": pa.array(["a", "B", None, "", "a'b", "é"]),
            "rowtime": pa.array([0.5, -1.5, None, 2.25, 1e9, 0.0]),
            "l": pa.array([[1, 2], [], None, [3, None], [5], [1]], pa.list_(pa.int64())),
            "s": pa.array([{"x": 1, "Y": "q"}, None, {"x": None, "Y": "r"}, {"x": 4, "Y": ""}, {"x": 5, "Y": None}, {"x": 1, "Y": "q"}]),
            "ts": pa.array([_DAY + datetime.timedelta(hours=n * 7) for n in range(6)], pa.timestamp("ms")),
        }
    ),
    "u": pa.table(
        {
            "id": pa.array([1, 1, 4, None], pa.int64()),
            "select": pa.array([10, 20, None, 40], pa.int32()),
            "a.b": pa.array(["x", "y", "x", None]),
            "ok": pa.array([True, False, None, True]),
        }
    ),
}
_CALLS = {
    "number": ("({number} + {number})", "({number} * 2)", "abs({number})", "coalesce({number}, 0)", "length({text})",
               "round({number}, 1)", "CASE WHEN {truth} THEN {number} ELSE {number} END", "(({number})::DOUBLE)",
               "CAST({number} AS DECIMAL(12, 2))", "list_sum({list})", "len({list})", "{list}[1]", "instr({text}, 'a')",
               "greatest({number}, {number})", "nullif({number}, 1)", "extract(year FROM {moment})", "({number} % 3)",
               "-{number}", "sign({number})", "list_reduce([1, 2, 3], lambda p, q: p + q)", "ifnull({number}, -1)", "floor({number})",
               "({number} / 2)", "({number} // 2)", "({number} - 1)", "epoch_ms({moment})"),
    "text": ("upper({text})", "({text} || {text})", "concat({text}, {number})", "substring({text} FROM 1 FOR 2)", "{text}[1:1]",
             "replace({text}, 'a', 'b')", "(({number})::VARCHAR)", "strftime({moment}, '%Y-%m')", "lpad({text}, 4, '*')",
             "regexp_replace({text}, '(a)', '\\\\1\\\\1', 'g')", "string_split({text}, 'a')[1]", "trim({text})", "reverse({text})",
             "CAST({truth} AS TEXT)", "concat_ws('-', {text}, {text})", "regexp_extract({text}, '[a-z]')", "$$a$$", "format('{{}}-{{}}', {number}, {text})"),
    "truth": ("({number} > {number})", "({text} LIKE '%a%')", "({number} IS NULL)", "({number} BETWEEN 0 AND {number})",
              "({number} IN (1, 2, {number}))", "(NOT {truth})", "({truth} AND {truth})", "({truth} OR {truth})",
              "list_contains({list}, 1)", "({text} IS DISTINCT FROM {text})", "({text} ILIKE 'A%')", "EXISTS (SELECT 1 FROM u AS e WHERE e.id = t.id)",
              "(t.id IN (SELECT id FROM u AS i WHERE {truth_u}))", "({number} = ANY (SELECT id FROM u AS j))", "({moment} > TIMESTAMP '2024-02-29 12:00:00')",
              "({moment}::DATE = DATE '2024-02-29')", "regexp_matches({text}, 'a')", "({text} SIMILAR TO '[a-z]+')"),
    "list": ("list_sort({list})", "list_transform({list}, lambda z: z + 1)", "[{number}, {number}]", "list_filter({list}, lambda z: z > 1)",
             "{list}[1:2]", "ARRAY[{number}]", "[z * 2 FOR z IN {list} IF z > 0]", "list_concat({list}, {list})"),
    "moment": ("({moment} + INTERVAL 1 DAY)", "date_trunc('day', {moment})", "date_add({moment}, INTERVAL '2 hours')"),
}  # fmt: skip
_LEAVES = {
    "number": ("t.id", "id + 0", 't."rowtime"', "3", "1.5", "t.s.x", "s['x']", "/* one */ 1", "t.l[1]"),
    "text": ('t."Key"', "'a'", "t.s.Y", "E'\\\\n'", "'it''s'", "key"),
    "truth": ("true", "(t.id > 2)", "(t.s IS NULL)", "(NULL::BOOLEAN)"),
    "list": ("t.l", "[1, 2, 3]", "([]::BIGINT[])"),
    "moment": ("t.ts", "TIMESTAMP '2024-02-29 00:00:00'", "ts"),
    "truth_u": ("i.ok", 'i."select" > 5', "i.\"a.b\" = 'x'"),
}
_AGGREGATES = (
    "count(*)", "sum({number})", "avg({number})", "min({text})", "list({number} ORDER BY {number}, id)", "count(DISTINCT {text})",
    "max({number}) FILTER (WHERE {truth})", "string_agg({text}, ',' ORDER BY id, {text})", "bool_or({truth})", "min(id)",
    "quantile_cont({number}::DOUBLE, 0.5)", "approx_count_distinct(1)", "count(id)", "stddev_samp({number}::DOUBLE)",
)  # fmt: skip
_WINDOWS = (
    "row_number() OVER (ORDER BY id, {number})", "sum({number}) OVER (PARTITION BY {truth} ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
    "lag({number}, 1) OVER (ORDER BY id)", "first_value({text} IGNORE NULLS) OVER (ORDER BY id)", "rank() OVER w", "max(id) OVER w",
    "count(*) OVER (ORDER BY id RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW)", "ntile(2) OVER (ORDER BY id)",
)  # fmt: skip


class _Made:
    def __init__(self, chance: random.Random) -> None:
        self.pick = chance.choice
        self.chance = chance

    def of(self, kind: str, depth: int = 2) -> str:
        """An expression of a kind."""
        if kind in _LEAVES and (depth <= 0 or kind not in _CALLS or self.chance.random() < 0.3):
            return self.pick(_LEAVES[kind])
        return self.filled(self.pick(_CALLS[kind]), depth - 1)

    def filled(self, template: str, depth: int = 1) -> str:
        kinds = ("number", "text", "truth_u", "truth", "list", "moment")
        for kind in kinds:
            while "{" + kind + "}" in template:
                template = template.replace("{" + kind + "}", self.of(kind, depth), 1)
        return template.replace("{{", "{").replace("}}", "}")

    def any(self) -> str:
        return self.of(self.pick(("number", "text", "truth", "list", "moment")))

    def where(self) -> str:
        return self.pick(("", "", f"\n WHERE {self.of('truth')}", f" WHERE NOT {self.of('truth')} -- why\n"))

    def plain(self) -> str:
        items = ", ".join(self.any() + self.pick(("", f" AS c{n}", f' AS "C {n}"')) for n in range(self.pick((1, 2, 3))))
        more = self.pick(("", " ORDER BY ALL", " ORDER BY 1 DESC NULLS LAST", " QUALIFY row_number() OVER (ORDER BY id) <= 3"))
        return f"SELECT {self.pick(('', 'DISTINCT '))}{items} FROM t{self.where()}{more}"

    def stars(self) -> str:
        star = self.pick(("*", "t.*", "* EXCLUDE (ts)", 't.* REPLACE (id + 1 AS id)', "COLUMNS('.*d')", "* LIKE '%e%'", "t", "COLUMNS(c -> c <> 'l')",
                          "* RENAME (id AS n)", "s.*", "COLUMNS(* EXCLUDE (s)), 1", "UNNEST(s)", "id, id, *"))
        return f"{self.pick((f'SELECT {star} FROM t', f'FROM t SELECT {star}'))}{self.where()}"

    def grouped(self) -> str:
        key, items = self.any(), ", ".join(self.filled(self.pick(_AGGREGATES)) for _ in range(2))
        by = self.pick(("GROUP BY k", "GROUP BY ALL", "GROUP BY 1 HAVING count(*) > 1", "GROUP BY ROLLUP (k)", "GROUP BY GROUPING SETS ((k), ())"))
        return f"SELECT {key} AS k, {items} FROM t{self.where()} {by}"

    def windowed(self) -> str:
        items = ", ".join(self.filled(self.pick(_WINDOWS)) for _ in range(2))
        return f"SELECT id, {items} FROM t{self.where()} WINDOW w AS (PARTITION BY id % 2 ORDER BY id)"

    def joined(self) -> str:
        how = self.pick(("JOIN u USING (id)", "LEFT JOIN u ON t.id = u.id", "NATURAL JOIN u", "FULL JOIN u USING (id)", "SEMI JOIN u USING (id)",
                         "ANTI JOIN u ON t.id = u.id", "CROSS JOIN u", ", u", "POSITIONAL JOIN u", ", unnest(t.l) AS n(v)", "JOIN t AS t2 USING (id)",
                         "ASOF JOIN u ON t.id >= u.id", "LEFT JOIN LATERAL (SELECT max(u.id) AS m FROM u WHERE u.id < t.id) AS q ON true"))
        items = self.pick(("*", "t.*", f"t.id, {self.any()}", "count(*)", 'COLUMNS(t.*)'))
        items = items if "USING" not in how or " id + 0" not in items else "*"
        return f"SELECT {items} FROM t {how}{self.where()}"

    def nested(self) -> str:
        inner = self.pick((self.plain, self.grouped, self.joined))()
        return self.pick((
            f"WITH c AS ({inner}) SELECT count(*), (SELECT count(*) FROM c) FROM c", f"SELECT * FROM ({inner}) AS q", f"FROM ({inner})",
            f"WITH c AS MATERIALIZED ({inner}), d AS (SELECT * FROM c) SELECT * FROM d UNION ALL SELECT * FROM c", f"DESCRIBE SELECT {self.any()} AS n FROM t",
            f"SELECT (SELECT count(*) FROM ({inner})), t.id FROM t", f"SELECT ARRAY(SELECT id FROM u WHERE u.id > t.id ORDER BY ALL) FROM t{self.where()}",
        ))  # fmt: skip

    def sets(self) -> str:
        word = self.pick(("UNION", "UNION ALL", "INTERSECT", "EXCEPT", "EXCEPT ALL"))
        one, other = (f"SELECT {self.of('number')} AS n, {self.of('text')} AS x FROM t{self.where()}" for _ in range(2))
        return f"{one} {word} {other}{self.pick(('', ' ORDER BY ALL', ' ORDER BY n NULLS FIRST, x'))}"

    def only_duckdb(self) -> str:
        return self.pick((
            "PIVOT (SELECT id, ok FROM u) ON ok USING count(*)", "UNPIVOT (SELECT id, \"select\" FROM u) ON id, \"select\" INTO NAME n VALUE v",
            f"FROM t{self.where()}", "TABLE u", f"SELECT unnest(l), id FROM t{self.where()}", "VALUES (1, 'a'), (2, NULL)", "FROM u SELECT \"a.b\", ok",
            f"SELECT DISTINCT ON (id % 2) id, key FROM t{self.where()} ORDER BY id % 2, id", "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r, (SELECT max(id) AS m FROM t) WHERE n < m) FROM r",
            "SELECT id FROM t ORDER BY id LIMIT 40%", "SELECT id FROM t ORDER BY id DESC NULLS LAST LIMIT 2 OFFSET 1", "SELECT * FROM generate_series(1, 3) AS g(i), u",
            f"SELECT {self.of('number')} AS a1, a1 + 1 AS b1 FROM t WHERE a1 > 0", "SELECT {'n': id, 'm': key} AS o, o.n FROM t", "SELECT MAP {key: id} FROM t WHERE key IS NOT NULL",
            "SELECT t FROM t", "SELECT u.ok, t.s.* FROM t JOIN u ON t.id = u.id", "SELECT id, rowtime, ROWTIME FROM t", "SELECT max(ROWTIME), min(rowtime) FROM t",
        ))  # fmt: skip


def query(chance: random.Random) -> str:
    """One of them."""
    made = _Made(chance)
    form = chance.choice((made.plain, made.plain, made.stars, made.grouped, made.windowed, made.joined, made.nested, made.sets, made.only_duckdb))
    return form()
