"""A bounded query is the person's own words: what no tree holds is not lost, and pseudo columns hide."""

import subprocess
import sys

import pyarrow as pa
import pytest

from kshell.config import Properties
from kshell.errors import BindError, KshellError
from kshell.results import NoticeKind
from kshell.session import Session

TABLES = {
    "t": pa.table({"id": [1, 2, 3], "v": [10, 20, 30], "s": ["a", "bb", None]}),
    "b": pa.table({"id": [1, 1, 5], "n": [7, 8, 9]}),
    "my-topic.v1": pa.table({"o": [{"x": 5}]}),
}


def ask(text, dialect="ksql"):
    session = Session(Properties({"kshell.dialect": dialect}), tables=TABLES)
    try:
        *_, answer = session.execute(text)
        table = pa.Table.from_batches(list(answer.batches), answer.schema)
        return [tuple(row.values()) for row in table.to_pylist()], table.column_names, answer.notices()
    finally:
        session.close()


@pytest.mark.parametrize("dialect", ["ksql", "duckdb"])
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT LAST_VALUE(s IGNORE NULLS) OVER (ORDER BY id) FROM t", [("a",), ("bb",), ("bb",)]),
        ("SELECT (SELECT MAX(n) FROM b)", [(9,)]),
        ("SELECT id FROM t SEMI JOIN b USING (id)", [(1,)]),
        ("SELECT id FROM t ANTI JOIN b USING (id) ORDER BY id", [(2,), (3,)]),
        ("SELECT ARRAY(SELECT id FROM t ORDER BY id)", [([1, 2, 3],)]),
        ("SELECT i FROM generate_series(1, 3) g(i)", [(1,), (2,), (3,)]),
        ("SELECT list(id ORDER BY v DESC)[1:2] FROM t", [([3, 2],)]),
        ("SELECT substring(s FROM 1 FOR 1) FROM t WHERE id = 2", [("b",)]),
        ("SELECT abs(-id), substring(s FROM id), substring(substring(s FOR 2) FROM 2 FOR 1) FROM t WHERE id = 2", [(2, "b", "b")]),
        ("SELECT lpad(substring((SELECT 'abc') FROM 2 FOR 9), 3, '*')", [("*bc",)]),
        ("SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY v) FROM t", [(20,)]),
        ("SELECT $$it's; $$ || $x$ $$ $x$", [("it's;  $$ ",)]),
        ("WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r JOIN t ON t.id = n) SELECT max(n) FROM r", [(4,)]),
        ("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM b WHERE b.id = t.id) ORDER BY ROWTIME DESC LIMIT 2", [(1,)]),
        ("SELECT count(*) FROM b JOIN b AS c USING (id)", [(5,)]),
        ("WITH c AS (SELECT * FROM b) SELECT (SELECT sum(n) FROM c), (SELECT count(*) FROM c)", [(24, 3)]),
        ("PIVOT b ON n USING count(*) ORDER BY ALL", [(1, 1, 1, 0), (5, 0, 0, 1)]),
        ("FROM (PIVOT b ON id USING count(*) GROUP BY n) SELECT * EXCLUDE (n) ORDER BY ALL LIMIT 1", [(0, 1)]),
        ("FROM (PIVOT b ON id IN (1, 5) USING max(id) GROUP BY n) ORDER BY ALL", [(7, 1, None), (8, 1, None), (9, None, 5)]),
        ("UNPIVOT b ON id, n INTO NAME k VALUE w ORDER BY ALL LIMIT 1", [("id", 1)]),
        ("SELECT column_name, count FROM (SUMMARIZE b)", [("id", 3), ("n", 3)]),
        ("TABLE b", [(1, 7), (1, 8), (5, 9)]),
        ("SELECT column_name FROM (DESCRIBE SELECT * FROM t)", [("id",), ("v",), ("s",)]),
        ("FROM t /* all */ -- of it\nWHERE id = 3", [(3, 30, None)]),
        ("SELECT count(*) FROM t NATURAL JOIN b", [(2,)]),
        ("SELECT * FROM t UNION SELECT * FROM t ORDER BY ALL LIMIT 1", [(1, 10, "a")]),
        ("SELECT *, ROWOFFSET FROM t WHERE rowoffset = 1", [(2, 20, "bb", 1)]),
        ("FROM t WHERE ROWOFFSET = 1", [(2, 20, "bb")]),
        ("SELECT * REPLACE (v + 1 AS v) FROM t WHERE ROWOFFSET = 1", [(2, 21, "bb")]),
        ("SELECT COLUMNS('.*') FROM t WHERE ROWOFFSET = 1", [(2, 20, "bb")]),
        ("SELECT COLUMNS(* EXCLUDE (s)) FROM t WHERE ROWOFFSET = 1", [(2, 20)]),
        ("SELECT b FROM b WHERE ROWOFFSET = 2", [({"id": 5, "n": 9},)]),
        ("SELECT strftime(epoch_ms(ROWTIME), '%Y') = '1970' AND ROWTIME < '1970-01-02' FROM t LIMIT 1", [(True,)]),
        ("SELECT CASE WHEN ROWTIME BETWEEN '1970-01-01' AND '1970-01-02' THEN 1 END FROM t LIMIT 1", [(1,)]),
        ("SELECT CAST(epoch_ms(ROWTIME) AS DATE) = '1970-01-01' FROM t LIMIT 1", [(True,)]),
        ("SELECT o.x FROM my-topic.v1", [(5,)]),
        ("PIVOT (SELECT * FROM b WHERE ROWOFFSET < 2) ON n USING count(*)", [(1, 1, 1)]),
        ("PIVOT (FROM b WHERE ROWOFFSET < 2) ON n USING count(*)", [(1, 1, 1)]),
        ("PIVOT (SELECT x.*, ROWOFFSET AS o FROM b AS x) ON n USING max(o) ORDER BY id", [(1, 0, 1, None), (5, None, None, 2)]),
        ("PIVOT (SELECT x.id, y.* FROM b x, b y WHERE y.ROWOFFSET = 2 AND x.ROWOFFSET = 2) ON n USING count(*)", [(5, 5, 1)]),
        ("PIVOT (SELECT *, 0 AS k FROM b x JOIN t y ON x.ROWOFFSET = y.ROWOFFSET AND y.s IS NULL) ON k USING count(*)", [(5, 9, 3, 30, None, 1)]),
        ("PIVOT (SELECT * EXCLUDE (id) FROM b WHERE ROWOFFSET < 2 UNION ALL SELECT n FROM b) ON n USING count(*)", [(2, 2, 1)]),
        ("WITH q AS (PIVOT (SELECT * FROM b WHERE ROWOFFSET < 2) ON n USING count(*)) SELECT * FROM q", [(1, 1, 1)]),
        ("WITH q AS (SELECT * FROM b WHERE ROWTIME < 1) PIVOT q ON n USING count(*) ORDER BY id", [(1, 1, 1, 0), (5, 0, 0, 1)]),
        ("WITH q AS (SELECT DISTINCT * FROM b WHERE rowpartition IS NULL) FROM (PIVOT q ON n USING count(*) GROUP BY id) ORDER BY id", [(1, 1, 1, 0), (5, 0, 0, 1)]),
    ],
)  # fmt: skip
def test_it_is_what_duckdb_says(text, expected, dialect):
    assert ask(text, dialect)[0] == expected


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("SELECT t.id, b.id FROM t JOIN b USING (id)", ["id", "id_1"]),
        ("SELECT a.id, c.id, 1 AS id_1 FROM t a, t c", ["id", "id_2", "id_1"]),
        ("SELECT COUNT(*), sum(v)  + 1, LEN('x') AS n FROM t", ["COUNT(*)", "sum(v) + 1", "n"]),
        ("SELECT *, v+1 FROM b, (SELECT v FROM t) LIMIT 1", ["id", "n", "v", "v+1"]),
        ("SELECT * FROM (SELECT UCASE(s) FROM t)", ["UCASE(s)"]),
    ],
)
def test_columns_are_called_as_written_each_once(text, names):
    assert ask(text)[1] == names


def test_ksqls_aggregates_work_at_the_prompt():
    text = "SELECT COLLECT_LIST(id), TOPK(v, 2), LATEST_BY_OFFSET(s), EARLIEST_BY_OFFSET(id, 2) FROM t"
    assert ask(text)[0] == [([1, 2, 3], [30, 20], "bb", [1, 2])]


def test_the_dialect_decides_what_functions_and_casts_mean():
    text = "SELECT CAST(1.9 AS INT), ROUND(-2.5), 1.5::VARCHAR, TRANSFORM(ARRAY[1], x => x + 1)[1]"
    assert ask(text)[0] == [(1, -2, "1.5", 2)]
    assert ask(text.rpartition(", TRANSFORM")[0], "duckdb")[0] == [(2, -3.0, "1.5")]
    with pytest.raises(KshellError, match="transform"):
        ask("SELECT TRANSFORM([1], lambda x: x)", "duckdb")


def test_what_sqlglot_cannot_read_says_that_it_is_duckdbs():
    _, _, notices = ask("SUMMARIZE b")
    assert [n.kind for n in notices] == [NoticeKind.DIALECT]


@pytest.mark.parametrize(
    "text",
    ["SELECT * FROM read_csv('/etc/passwd')", "FROM (PIVOT (FROM read_text('x')) ON content)", "FROM duckdb_settings()",
     "SELECT * FROM (SHOW TABLES)", "FROM query('SELECT 1')", "SELECT json_serialize_plan('SELECT 1')"],
)  # fmt: skip
def test_nothing_else_is_reached(text):
    with pytest.raises(KshellError):
        ask(text, "duckdb")


def test_a_natural_join_is_not_on_pseudo_columns_that_both_have():
    with pytest.raises(BindError, match="NATURAL JOIN"):
        ask("SELECT t.ROWTIME, b.ROWTIME FROM t NATURAL JOIN b")


def test_errors_have_the_place_of_the_word():
    with pytest.raises(KshellError) as caught:
        ask("SELECT id,\n  nope FROM t")
    assert (caught.value.place.line, caught.value.place.column) == (2, 3)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("PIVOT (SELECT s->x AS a FROM t) ON a", 16),
        ("SUMMARIZE SELECT UCASE(s) FROM t", 18),
        ("PIVOT t ON id USING LATEST_BY_OFFSET(v)", 21),
        ("SUMMARIZE SELECT LOG(v) FROM t", 18),
    ],
)
def test_what_only_duckdb_reads_has_no_words_of_ksql(text, column):
    with pytest.raises(BindError, match="only DuckDB's grammar") as caught:
        ask(text)
    assert (caught.value.place.line, caught.value.place.column) == (1, column)
    assert "kshell.dialect" in caught.value.hint


def test_what_only_duckdb_reads_means_what_duckdb_means():
    rows, names, _ = ask("SUMMARIZE SELECT CAST(1.9 AS INT) AS n")
    assert rows[0][names.index("max")] == "2"
    rows, _, notices = ask("PIVOT (SELECT CAST(v / 15.0 AS INT) AS n FROM t) ON n USING count(*)")
    assert rows == [(2, 1)]
    assert "means what DuckDB means" in notices[0].text


def test_sqlglots_warnings_do_not_reach_the_terminal():
    text = "import logging, kshell.sql.dialect; logging.getLogger('sqlglot').warning('x')"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, check=True)
    assert done.stderr == b""
