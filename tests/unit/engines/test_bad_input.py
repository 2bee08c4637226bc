"""Every refusal says where and what to try; nothing that a person writes is an internal error."""

import contextlib
import re

import pyarrow as pa
import pytest

import kshell
from kshell.config import Properties
from kshell.errors import BindError, KshellError, UsageError
from kshell.kafka.wire import _parse_servers
from kshell.session import Session
from kshell.sql.option_place import option_span
from tests.unit.engines.test_made_topics import SOURCE

TABLES = {
    "t": pa.table({"id": [1, 2, 3], "v": [10, 20, 30], "s": ["a", "bb", None]}),
    "u": pa.table({"id": [1], "n": [7]}),
    "o": pa.table({"id": [1], "st": [{"x": 1, "y": "a"}]}),
    "none": pa.table({}),
    "three": pa.Table.from_batches([pa.RecordBatch.from_struct_array(pa.array([{}, {}, {}], pa.struct([])))]),
}


@pytest.fixture(scope="module")
def session():
    made = Session(Properties({}), tables=TABLES)
    yield made
    made.close()


def answered(session, text):
    *_, answer = session.execute(text)
    return [tuple(r.values()) for b in answer.batches for r in b.to_pylist()]


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("SELECT id,\n  nope FROM t", 2, 3), ("SELECT t.nope FROM t", 1, 10), ("SELECT q.nope FROM t", 1, 8),
        ("SELECT NOPE(id) FROM t", 1, 8), ("SELECT LEN(s), ROUND(AVG(nope)) FROM t", 1, 26),
        ("SELECT * FROM nope", 1, 15), ("SELECT * FROM '/etc/passwd'", 1, 15), ("SELECT id FROM t x, u x", 1, 8),
        ("SELECT * FROM t x, u x", 1, 22), ("WITH a AS (SELECT 1), a AS (SELECT 2) FROM a", 1, 23),
        ("SELECT id, sum(v) FROM t", 1, 8), ("SELECT sum(sum(v)) FROM t", 1, 12), ("SELECT id FROM t GROUP BY", 1, 24),
        ("SELECT FROM t", 1, 8), ("SELECT 'abc FROM t", 1, 8), ("SELECT /* abc FROM t", 1, 8), ("SELECT 1 1 1", 1, 10),
        ("SELECT id FROM t WHERE", 1, 23), ("SELECT (id FROM t", 1, 12), ("SELECT id FROM t ORDER BY 7", 1, 27),
        ("SELECT (SELECT 1, 2)", 1, 8), ("SELECT 1 UNION SELECT 1, 2", 1, 10), ("SELECT $1 FROM t", 1, 8),
        ("SELECT len(1, 2, 3) FROM t", 1, 8), ("SELECT LOG('a') FROM t", 1, 12), ("SELECT CAST(1 AS FOO)", 1, 18),
        ("SELECT * FROM t WHERE id = 'x'", 1, 28), ("SELECT é, nope FROM (SELECT 1 AS é) x", 1, 11),
        ("SELECT id FROM t LIMIT -1", 1, 24), ("SELECT unnest(id) FROM t", 1, 8), ("SELECT COLUMNS('zzz') FROM t", 1, 8),
        ("SELECT * FROM read_csv('x')", 1, 15), ("SELECT id FROM t WHERE ROWTIME > 'soon'", 1, 34),
        ("COPY t TO 'x'", 1, 1), ("SELECT 1;\nSELEC 2", 2, 1), ("SELECT * FROM none", 1, 8),
        ("INSERT INTO t VALUES (1)", 1, 13), ("DROP STREAM nope", 1, 13), ("DESCRIBE nope", 1, 10),
        ("SELECT strptime('x', '%Y')", 1, 17), ("SELECT DATE 'foo'", 1, 8),
        ("SELECT nope FROM t EMIT CHANGES", 1, 8), ("SELECT NOPE(id) FROM t EMIT CHANGES", 1, 8),
    ],
)  # fmt: skip
def test_a_refusal_has_its_place_and_a_hint(session, text, line, column):
    with pytest.raises(KshellError) as caught:
        for answer in session.execute(text):
            if hasattr(answer, "batches"):
                list(answer.batches)
    error = caught.value
    assert (error.place.line, error.place.column) == (line, column)
    assert error.hint
    assert "exception_message" not in error.what
    assert "ksql_" not in error.what


@pytest.mark.parametrize(
    ("marked", "what", "hint"),
    [
        # a field of what has none
        ("SELECT id, s->«x» FROM t", "Can't access field x: the value is STRING, not a STRUCT", "EXTRACTJSONFIELD"),
        ("SELECT id, t.id->«x» FROM t", "the value is BIGINT, not a STRUCT", "DESCRIBE"),
        ("SELECT st->y->«z» FROM o", "the value is STRING, not a STRUCT", "EXTRACTJSONFIELD"),
        ("SELECT q.s->«x» FROM (SELECT * FROM t) q", "the value is STRING", "EXTRACTJSONFIELD"),
        ("SELECT upper(s)->«x» FROM t", "the value is not a STRUCT", "DESCRIBE"),
        ("SELECT ROWTIME->«x» FROM t", "the value is BIGINT", "DESCRIBE"),
        ("SELECT st->«nope» FROM o", "no field named nope", "x, y"),
        ("SELECT (SELECT st FROM o)->«nope» FROM t", "no field named nope", "DESCRIBE"),
        ("SELECT s->«x» FROM t EMIT CHANGES", "the value is STRING, not a STRUCT", "DESCRIBE"),
        ("SELECT «st->x->*» FROM o", "->* takes all fields", "SELECT x.*"),
        # stars
        ("SELECT row(«r.*») FROM t r", "a star cannot be an argument", "its row"),
        ("SELECT id, row(«*») FROM t", "a star cannot be an argument", "its row"),
        ("SELECT COUNT(*), row(«t.*») FROM t", "a star cannot be an argument", "its row"),
        ("SELECT «* LIKE 'q%'» FROM t", "the pattern 'q%' leaves no column", "DESCRIBE"),
        ("SELECT «t.* NOT LIKE '%'» FROM t", "the pattern '%' leaves no column", "DESCRIBE"),
        ("SELECT «* SIMILAR TO 'q'» FROM t", "the pattern 'q' leaves no column", "DESCRIBE"),
        ("SELECT «COLUMNS('zz')» FROM t", "the pattern 'zz' leaves no column", "DESCRIBE"),
        ("SELECT «COLUMNS('zz')», ROWTIME FROM t", "the pattern 'zz' leaves no column", "DESCRIBE"),
        ("SELECT * EXCLUDE (id, «id») FROM t", "id is in the EXCLUDE list twice", "once"),
        ("SELECT * REPLACE (1 AS id, 2 AS «id») FROM t", "id is in the REPLACE list twice", "once"),
        ("SELECT * EXCLUDE («nope») FROM t", "no column named nope", "DESCRIBE"),
        ("SELECT * REPLACE (1 AS «nope») FROM t", "no column named nope", "DESCRIBE"),
        # parameters, the end of the text, numbers of columns
        ("SELECT «?» FROM t", "no parameters", "${name}"), ("SELECT id FROM t WHERE v = «$1»", "no parameters", "${name}"),
        ("SELECT id FROM t WHERE v = «$x»", "no parameters", "${name}"),
        ("SELECT id FROM t GROUP BY «7»", "from 1 to 1", "name"), ("SELECT «#9» FROM t", "no column #9", "#3"),
        ("SELECT a.id FROM t a JOIN u USING («n»)", "the left side of the join has no column named n", "USING"),
        ("SELECT «(SELECT» id FROM t)", "gives more than one row", "LIMIT 1"),
        ("SELECT CAST(«'x'» AS INT) FROM t", "For input string", "TRY"),
        # what is not declared
        ("DROP TABLE «t»", "a table given to this session", "tables"), ("ALTER STREAM «t» ADD COLUMN x INT", "given", "tables"),
        ("DROP STREAM IF EXISTS «t»", "given", "tables"), ("DROP TYPE «nope»", "does not exist", "SHOW"),
        ("TERMINATE «nope»", "no query named", "SHOW QUERIES"), ("PAUSE «nope»", "no query named", "SHOW QUERIES"),
        ("DESCRIBE FUNCTION «nope»", "Can't find any functions", "DESCRIBE"), ("EXPLAIN «nope»", "no query", "SHOW QUERIES"),
    ],
)  # fmt: skip
def test_a_refusal_points_at_its_words(marked, what, hint):
    before, pointed, after = re.split("[«»]", marked)
    with contextlib.closing(Session(Properties({}), tables=TABLES)) as session, pytest.raises(KshellError) as caught:
        for answer in session.execute(before + pointed + after):
            list(getattr(answer, "batches", ()))
    place = caught.value.place
    assert (place.line, place.column, place.length) == (1, len(before) + 1, len(pointed))
    assert what in caught.value.what
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("SELECT * FROM zzz", "SHOW TOPICS"), ("PRINT zzz", "SHOW TOPICS"), ("DESCRIBE zzz", "SHOW TOPICS"),
        ("SELECT * FROM zzz EMIT CHANGES", "SHOW TOPICS"), ("SELECT * FROM ordes", "did you mean orders?"),
        ("TERMINATE zzz", "SHOW QUERIES"), ("EXPLAIN zzz", "SHOW QUERIES"), ("DROP TYPE zzz", "SHOW TYPES"),
    ],
)  # fmt: skip
def test_a_name_that_is_like_no_other_has_a_hint_where_names_are_listed(demo_session, text, hint):
    with pytest.raises(KshellError) as caught:
        list(demo_session.execute(text))
    assert hint in caught.value.hint


@pytest.fixture(scope="module")
def demo_session(demo):
    made = Session(Properties({"bootstrap.servers": demo.bootstrap}))
    yield made
    made.close()


@pytest.mark.parametrize("text", ["SELECT * FROM", "SELECT *\n FROM", "SELECT id FROM t JOIN", "SELECT id FROM (", "SELECT id FROM t WHERE"])
def test_what_ends_too_early_is_wrong_at_its_end(session, text):
    with pytest.raises(KshellError, match="at or near the end of the statement") as caught:
        list(session.execute(text))
    last = text.split("\n")[-1]
    assert (caught.value.place.line, caught.value.place.column) == (text.count("\n") + 1, len(last) + 1)


def test_tables_without_columns_are_counted(session):
    assert answered(session, "SELECT COUNT(*) FROM none") == [(0,)]
    assert answered(session, "SELECT COUNT(*), MAX(ROWOFFSET) FROM three") == [(3, 2)]


@pytest.mark.parametrize("text", ["host:", ":9092", "a:b:c", "", "  ", "a b:9092", "::1", "localhost:99999", "localhost:abc",
                                  "h:1,,k:2", "localhost:0", "http://x:1", "host:9092/", "a:1;b:2"])  # fmt: skip
def test_what_is_no_bootstrap_server_is_a_plain_error(text):
    with pytest.raises(UsageError, match="no bootstrap server") as caught:
        _parse_servers(text)
    assert "host:port" in caught.value.hint
    with pytest.raises(UsageError):
        kshell.connect(text)


@pytest.mark.parametrize(
    ("options", "what", "pointed"),
    [
        ("VALUE_FORMAT='JSONN'", "Unknown format: JSONN", "'JSONN'"),
        ("VALUE_FORMAT='JSON', PARTITONS=1", "Invalid config variable(s) in the WITH clause: PARTITONS", "PARTITONS"),
        ("VALUE_FORMAT='JSON', VALUE_DELIMITER='|'", "JSON does not support the following configs: [delimiter]", "VALUE_DELIMITER"),
        ("VALUE_FORMAT='JSON', RETENTION_MS=1", "RETENTION_MS. A topic that is only compacted", "RETENTION_MS"),
    ],
)  # fmt: skip
def test_an_options_error_is_at_the_option(options, what, pointed):
    text = f"CREATE STREAM s (x INT) WITH (KAFKA_TOPIC='a', {options})"
    start, end = option_span(text, what)
    assert text[start:end] == pointed


def test_the_session_points_at_the_option(session):
    with pytest.raises(KshellError) as caught:
        list(session.execute("CREATE STREAM s (x INT)\n WITH (KAFKA_TOPIC='a', VALUE_FORMAT='JSONN')"))
    assert (caught.value.place.line, caught.value.place.column) == (2, 38)


def test_a_topic_that_is_only_compacted_has_no_retention(run):
    stream = SOURCE.replace("PARTITIONS=4", "PARTITIONS=4, RETENTION_MS=5, CLEANUP_POLICY='compact'")
    assert stream != SOURCE
    with pytest.raises(BindError, match="only compacted"):
        run(stream)


def test_an_error_of_a_script_names_its_file_and_line_also_while_rows_come(tmp_path):
    script = tmp_path / "s.sql"
    session = Session(Properties({"kshell.files": "true"}), tables=TABLES)
    for last in ("SELECT nope FROM t;", "SELECT CAST(s AS INTEGER) FROM t;"):
        script.write_text(f"SELECT 1;\n\n{last}")
        with pytest.raises(KshellError, match=r"s\.sql, line 3: ") as caught:
            for answer in session.execute(f"SELECT 2; RUN SCRIPT '{script}'"):
                list(answer.batches)
        assert (caught.value.place.line, caught.value.place.column) == (1, 11)
    missing = tmp_path / "missing.sql"
    with pytest.raises(UsageError) as caught:
        list(session.execute(f"RUN SCRIPT '{missing}'"))
    assert caught.value.what == f"{missing} cannot be read: No such file or directory"
    script.write_bytes(b"SELECT '\xff';")
    with pytest.raises(UsageError) as caught:
        list(session.execute(f"RUN SCRIPT '{script}'"))
    assert caught.value.what == f"{script} cannot be read: byte 8 is not UTF-8"
    session.close()
