"""Every refusal says where and what to try; nothing that a person writes is an internal error."""

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
        ("SELECT * FROM t x, u x", 1, 1), ("WITH a AS (SELECT 1), a AS (SELECT 2) FROM a", 1, 1),
        ("SELECT id, sum(v) FROM t", 1, 8), ("SELECT sum(sum(v)) FROM t", 1, 12), ("SELECT id FROM t GROUP BY", 1, 24),
        ("SELECT FROM t", 1, 8), ("SELECT 'abc FROM t", 1, 8), ("SELECT /* abc FROM t", 1, 8), ("SELECT 1 1 1", 1, 10),
        ("SELECT id FROM t WHERE", 1, 23), ("SELECT (id FROM t", 1, 12), ("SELECT id FROM t ORDER BY 7", 1, 27),
        ("SELECT (SELECT 1, 2)", 1, 8), ("SELECT 1 UNION SELECT 1, 2", 1, 1), ("SELECT $1 FROM t", 1, 1),
        ("SELECT len(1, 2, 3) FROM t", 1, 8), ("SELECT LOG('a') FROM t", 1, 12), ("SELECT CAST(1 AS FOO)", 1, 18),
        ("SELECT * FROM t WHERE id = 'x'", 1, 28), ("SELECT é, nope FROM (SELECT 1 AS é) x", 1, 11),
        ("SELECT id FROM t LIMIT -1", 1, 24), ("SELECT unnest(id) FROM t", 1, 8), ("SELECT COLUMNS('zzz') FROM t", 1, 8),
        ("SELECT * FROM read_csv('x')", 1, 15), ("SELECT id FROM t WHERE ROWTIME > 'soon'", 1, 34),
        ("COPY t TO 'x'", 1, 1), ("SELECT 1;\nSELEC 2", 2, 1), ("SELECT * FROM none", 1, 1),
        ("INSERT INTO t VALUES (1)", 1, 13), ("DROP STREAM nope", 1, 1), ("DESCRIBE nope", 1, 10),
        ("SELECT strptime('x', '%Y')", 1, 1), ("SELECT DATE 'foo'", 1, 8),
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
