"""Every statement but queries: what is written and the statement it is."""

from __future__ import annotations

import subprocess
import sys
from types import MappingProxyType

import pyarrow as pa
import pytest

from kshell.catalog.model import Kind
from kshell.errors import ParseError, Place, UnknownName, Unsupported
from kshell.sql.clauses import ColumnRole, Emit, Position
from kshell.sql.parse import parse
from kshell.sql.queries import DescribeQuery, QueryAction, QueryControl, SaveQueries
from kshell.sql.statements import (
    AlterSource,
    AssertSchema,
    AssertTopic,
    AssertValues,
    CreateAsSelect,
    CreateFromFile,
    CreateSource,
    CreateType,
    Define,
    Describe,
    DescribeFunction,
    DropSource,
    DropType,
    Exit,
    Explain,
    Help,
    InsertSelect,
    InsertValues,
    Print,
    RunScript,
    Select,
    SetProperty,
    Show,
    ShowWhat,
    Spool,
    Statement,
    Undefine,
    UnsetProperty,
)


def one(text: str) -> Statement:
    (statement,) = parse(text)
    return statement


def fields(text: str, *names: str) -> tuple[object, ...]:
    statement = one(text)
    return tuple(getattr(statement, n) for n in names)


@pytest.mark.parametrize("what", list(ShowWhat))
@pytest.mark.parametrize("verb", ["SHOW", "list"])
def test_show(verb: str, what: ShowWhat) -> None:
    statement = one(f"{verb} {what.value.lower()} extended;")
    assert isinstance(statement, Show)
    assert (statement.what, statement.extended, statement.all) == (what, True, False)


def test_show_all_topics() -> None:
    assert fields("SHOW ALL TOPICS", "what", "all", "extended") == (ShowWhat.TOPICS, True, False)


@pytest.mark.parametrize(
    ("text", "name", "quoted", "extended"),
    [
        ("DESCRIBE orders", "orders", False, False),
        ("DESCRIBE EXTENDED orders", "orders", False, True),
        ("DESCRIBE orders EXTENDED;", "orders", False, True),
        ("describe page.views-v2.1", "page.views-v2.1", False, False),
        ("DESCRIBE `my topic`", "my topic", True, False),
        ("DESCRIBE 2024-01", "2024-01", False, False),
        ("DESCRIBE function", "function", False, False),
    ],
)
def test_describe(text: str, name: str, quoted: bool, extended: bool) -> None:
    statement = one(text)
    assert isinstance(statement, Describe)
    assert statement.name is not None
    assert (statement.name.text, statement.name.quoted, statement.extended) == (
        name, quoted, extended,
    )  # fmt: skip


def test_describe_all_streams() -> None:
    assert fields("DESCRIBE STREAMS EXTENDED", "name", "kind", "extended") == (
        None, Kind.STREAM, True,
    )  # fmt: skip


def test_describe_function() -> None:
    statement = one("DESCRIBE FUNCTION len")
    assert isinstance(statement, DescribeFunction)
    assert statement.name.folded() == "LEN"


def test_create_from_file() -> None:
    text = "CREATE OR REPLACE TABLE `u` (id BIGINT PRIMARY KEY, n STRING)\n FROM FILE 'a/b c.csv'"
    statement = one(text)
    assert isinstance(statement, CreateFromFile)
    assert (statement.name.folded(), statement.or_replace, statement.if_not_exists) == ("u", True, False)
    assert (statement.file.text, statement.file.place) == ("a/b c.csv", Place(2, 12, 11))
    assert [(c.name.folded(), c.type, c.role.value) for c in statement.columns] == [
        ("ID", pa.int64(), "PRIMARY KEY"), ("N", pa.string(), "")]
    assert fields("create table if not exists u from file 'x.avro'", "kind", "columns", "if_not_exists") == (
        Kind.TABLE, (), True)


@pytest.mark.parametrize(("text", "error", "what", "place"), [
    ("CREATE STREAM u FROM FILE 'a.csv'", Unsupported, "the rows of a file are a table", Place(1, 17, 4)),
    ("CREATE SOURCE TABLE u FROM FILE 'a.csv'", Unsupported, "the rows of a file are a table", Place(1, 23, 4)),
    ("CREATE TABLE u FROM 'a.csv'", ParseError, "expected FILE", Place(1, 21, 7)),
    ("CREATE TABLE u FROM FILE a.csv", ParseError, "a file's path in single quotes", Place(1, 26, 1)),
    ("CREATE TABLE u FROM FILE 'a' WITH (X=1)", ParseError, "expected the end of the statement", Place(1, 30, 4)),
    ("CREATE TABLE u", ParseError, r"expected \(, WITH, FROM FILE or AS", Place(1, 15, 1)),
])  # fmt: skip
def test_create_from_file_refused(text: str, error: type[Exception], what: str, place: Place) -> None:
    with pytest.raises(error, match=what) as caught:
        one(text)
    assert caught.value.place == place  # type: ignore[attr-defined]


def test_print() -> None:
    statement = one("PRINT my-topic.v1 FROM BEGINNING INTERVAL 5 LIMIT 3")
    assert isinstance(statement, Print)
    assert (statement.topic.text, statement.start) == ("my-topic.v1", Position(offset=0, place=Place(1, 24, 9)))
    assert (statement.interval, statement.limit, statement.stop, statement.last) == (5, 3, None, None)


@pytest.mark.parametrize(("text", "start", "stop"), [
    ("PRINT t FROM 17", (17, None, ""), None),
    ("PRINT t FROM -20 TO END", (None, 20, ""), (None, 0, "")),
    ("print t to -5", None, (None, 5, "")),
    ("PRINT t FROM '@-10m' TO '2026-01-02T10:00'", (None, None, "@-10m"), (None, None, "2026-01-02T10:00")),
    ("PRINT t TO 20 FROM BEGINNING", (0, None, ""), (20, None, "")),
])  # fmt: skip
def test_print_from_and_to(text: str, start: object, stop: object) -> None:
    statement = one(text)
    assert isinstance(statement, Print)
    found = [p and (p.offset, p.before_end, p.moment) for p in (statement.start, statement.stop)]
    assert found == [start, stop]


def test_print_a_partition_the_last_and_a_condition() -> None:
    statement = one("PRINT `t` PARTITION 3 LAST 7 WHERE a->b > 1 AND ROWKEY IS DISTINCT FROM 'limit'")
    assert isinstance(statement, Print)
    assert (statement.partition, statement.partition_place, statement.last) == (3, Place(1, 21, 1), 7)
    assert statement.where is not None
    assert (statement.where.text, statement.where.place) == (
        "a->b > 1 AND ROWKEY IS DISTINCT FROM 'limit'", Place(1, 36, 1))
    limited = one("PRINT t WHERE a = 1 LIMIT 4")
    assert isinstance(limited, Print)
    assert limited.where is not None
    assert (limited.where.text, limited.limit) == ("a = 1", 4)


@pytest.mark.parametrize(("text", "what", "place"), [
    ("PRINT t FROM", "expected BEGINNING, END, an offset, -n or a moment in single quotes", Place(1, 13, 1)),
    ("PRINT t FROM 1 FROM 2", "expected PARTITION, TO, LAST, WHERE, INTERVAL, SAMPLE or LIMIT", Place(1, 16, 4)),
    ("PRINT t LAST 3 LIMIT 2", "PRINT … LAST n takes no LIMIT", Place(1, 16, 5)),
    ("PRINT t FROM 3 LAST 2", "PRINT … LAST n takes no FROM", Place(1, 16, 4)),
    ("PRINT t WHERE", "expected a condition", Place(1, 14, 1)),
    ("PRINT t WHERE LIMIT 3", "expected a condition", Place(1, 15, 5)),
    ("PRINT t WHERE a, b", "expected one condition", Place(1, 15, 1)),
    ("PRINT t PARTITION x", "expected a whole number", Place(1, 19, 1)),
    ("PRINT t FROM BEGINING", "expected BEGINNING", Place(1, 14, 8)),
])  # fmt: skip
def test_print_refused(text: str, what: str, place: Place) -> None:
    with pytest.raises(ParseError, match=what) as caught:
        one(text)
    assert caught.value.place == place


def test_print_each_of_no_records_is_refused() -> None:
    with pytest.raises(ParseError, match="1 or more"):
        one("PRINT t INTERVAL 0")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SET 'auto.offset.reset'='earliest'", ("auto.offset.reset", "earliest")),
        ("SET auto.offset.reset = latest", ("auto.offset.reset", "latest")),
        ("SET 'x'='it''s'", ("x", "it's")),
        ("SET 'n' = -1", ("n", "-1")),
        ("ALTER SYSTEM 'a.b'='c'", ("a.b", "c")),
    ],
)
def test_set(text: str, expected: tuple[str, str]) -> None:
    statement = one(text)
    assert isinstance(statement, SetProperty)
    assert statement.settings == (expected,)


def test_set_takes_several_at_once() -> None:
    statement = one("SET 'a'='1', b = 2, 'c'=-3")
    assert isinstance(statement, SetProperty)
    assert statement.settings == (("a", "1"), ("b", "2"), ("c", "-3"))


@pytest.mark.parametrize(
    ("text", "type", "values"),
    [
        ("UNSET 'a.b'", UnsetProperty, {"name": "a.b"}),
        ("DEFINE x = 'y;z'", Define, {"name": "x", "value": "y;z"}),
        ("UNDEFINE x", Undefine, {"name": "x"}),
        ("RUN SCRIPT '/a b.sql'", RunScript, {"path": "/a b.sql"}),
        ("DESCRIBE QUERY a.B", DescribeQuery, {}),
        ("DESCRIBE QUERY", Describe, {}),
        ("SAVE QUERIES TO '/a b.sql'", SaveQueries, {"path": "/a b.sql"}),
        ("SPOOL 'out.txt'", Spool, {"path": "out.txt"}),
        ("SPOOL OFF", Spool, {"path": ""}),
        ("HELP", Help, {"topic": ""}),
        ("help select", Help, {"topic": "select"}),
        ("EXIT", Exit, {}),
        ("quit;", Exit, {}),
        ("TERMINATE ALL", QueryControl, {"action": QueryAction.TERMINATE, "query_id": ""}),
        ("PAUSE q_1", QueryControl, {"action": QueryAction.PAUSE, "query_id": "q_1"}),
        ("RESUME q_1", QueryControl, {"action": QueryAction.RESUME, "query_id": "q_1"}),
        ("EXPLAIN csas_x_1", Explain, {"query_id": "csas_x_1", "statement": None}),
    ],
)
def test_session_statements(text: str, type: type, values: dict[str, object]) -> None:
    statement = one(text)
    assert isinstance(statement, type)
    assert {k: getattr(statement, k) for k in values} == values


def test_explain_holds_the_statement() -> None:
    statement = one("EXPLAIN\n CREATE STREAM a AS SELECT * FROM b")
    assert isinstance(statement, Explain)
    assert isinstance(statement.statement, CreateAsSelect)
    assert statement.statement.place == Place(2, 2, 6)


def test_create_stream_with_everything() -> None:
    statement = one(
        "CREATE OR REPLACE SOURCE STREAM IF NOT EXISTS `Lower` ("
        " id BIGINT KEY, a ARRAY<MAP<STRING, DECIMAL(4, 2)>>, s STRUCT<x INT, `y z` BYTES>,"
        " t TIMESTAMP, h ARRAY<STRUCT<KEY STRING, VALUE BYTES>> HEADERS, `Q` BYTES HEADER('k')"
        ") WITH (kafka_topic='t', PARTITIONS=3, wrap_single_value=false, 'value_format'='JSON');"
    )
    assert isinstance(statement, CreateSource)
    assert statement.kind is Kind.STREAM
    assert (statement.name.folded(), statement.or_replace, statement.if_not_exists) == (
        "Lower", True, True,
    )  # fmt: skip
    assert statement.read_only
    assert [(c.name.folded(), str(c.type), c.role, c.header) for c in statement.columns] == [
        ("ID", "int64", ColumnRole.KEY, None),
        ("A", "list<item: map<string, decimal128(4, 2)>>", ColumnRole.VALUE, None),
        ("S", "struct<X: int32, y z: binary>", ColumnRole.VALUE, None),
        ("T", "timestamp[ms]", ColumnRole.VALUE, None),
        ("H", "list<item: struct<KEY: string, VALUE: binary>>", ColumnRole.HEADERS, None),
        ("Q", "binary", ColumnRole.HEADERS, "k"),
    ]
    assert statement.properties == {
        "KAFKA_TOPIC": "t", "PARTITIONS": 3, "WRAP_SINGLE_VALUE": False, "VALUE_FORMAT": "JSON",
    }  # fmt: skip


def test_create_table_has_a_primary_key() -> None:
    (columns,) = fields("CREATE TABLE t (k INT PRIMARY KEY) WITH (kafka_topic='t')", "columns")
    assert isinstance(columns, tuple)
    assert columns[0].role is ColumnRole.PRIMARY_KEY


def test_create_stream_of_an_inferred_schema() -> None:
    assert fields("CREATE STREAM s WITH (kafka_topic='t')", "columns") == ((),)


def test_create_as_select_means_emit_changes() -> None:
    statement = one("CREATE TABLE t WITH (partitions=2) AS SELECT a, COUNT(*) FROM s GROUP BY a")
    assert isinstance(statement, CreateAsSelect)
    assert (statement.kind, statement.query.emit) == (Kind.TABLE, Emit.CHANGES)
    assert statement.properties == {"PARTITIONS": 2}


def test_a_type_is_known_to_what_follows_it() -> None:
    create, source = parse(
        "CREATE TYPE address AS STRUCT<street STRING>; CREATE STREAM s (a ADDRESS);"
        .replace(");", ") WITH (kafka_topic='t');")
    )  # fmt: skip
    assert isinstance(create, CreateType)
    assert isinstance(source, CreateSource)
    assert source.columns[0].type == pa.struct([("STREET", pa.string())]) == create.type


def test_types_of_the_session() -> None:
    (statement,) = parse("CREATE STREAM s (a ADDR) WITH (kafka_topic='t')", {"ADDR": pa.int32()})
    assert isinstance(statement, CreateSource)
    assert statement.columns[0].type == pa.int32()


def test_insert_select_and_values() -> None:
    select = one("INSERT INTO t WITH (query_id='q') SELECT * FROM s")
    assert isinstance(select, InsertSelect)
    assert (select.name.text, select.properties) == ("t", {"QUERY_ID": "q"})
    values = one("INSERT INTO my-topic.v1 (a, `b`) VALUES (1, 'x'), (-2, NULL)")
    assert isinstance(values, InsertValues)
    assert values.name.text == "my-topic.v1"
    assert [c.folded() for c in values.columns] == ["A", "b"]
    assert [[v.sql() for v in row] for row in values.rows] == [["1", "'x'"], ["-2", "NULL"]]


def test_drop_and_alter() -> None:
    drop = one("DROP TABLE IF EXISTS t DELETE TOPIC")
    assert isinstance(drop, DropSource)
    assert (drop.kind, drop.name.text, drop.if_exists, drop.delete_topic) == (
        Kind.TABLE, "t", True, True,
    )  # fmt: skip
    assert isinstance(one("DROP TYPE IF EXISTS address"), DropType)
    alter = one("ALTER STREAM s ADD COLUMN a INT, ADD b STRING")
    assert isinstance(alter, AlterSource)
    assert [(c.name.text, str(c.type)) for c in alter.columns] == [("a", "int32"), ("b", "string")]


def test_asserts() -> None:
    topic = one("ASSERT NOT EXISTS TOPIC t WITH (partitions=1) TIMEOUT 10 SECONDS")
    assert isinstance(topic, AssertTopic)
    assert (topic.exists, topic.timeout_ms) == (False, 10_000)
    schema = one("ASSERT SCHEMA SUBJECT 't-value' ID 4")
    assert isinstance(schema, AssertSchema)
    assert (schema.subject, schema.id) == ("t-value", 4)
    values = one("ASSERT NULL VALUES t (k) KEY (1)")
    assert isinstance(values, AssertValues)
    assert values.null_values
    assert values.insert.rows[0][0].sql() == "1"


def test_a_statement_knows_its_text_and_place() -> None:
    first, second = parse("SHOW TOPICS;\n\n  SELECT 1; -- and no more")
    assert (first.text, first.place) == ("SHOW TOPICS", Place(1, 1))
    assert isinstance(second, Select)
    assert (second.text, second.place) == ("SELECT 1", Place(3, 3))


@pytest.mark.parametrize(
    ("text", "place", "said", "hint"),
    [
        ("SHOW TOPIKS", Place(1, 6, 6), "near 'TOPIKS'", "TOPICS"),
        ("SELEC 1", Place(1, 1, 5), "near 'SELEC'", "SELECT"),
        ("CREATE STREM s", Place(1, 8, 5), "expected STREAM, TABLE, TYPE, TOPIC, ACL, USER, QUOTA, SOURCE CONNECTOR or SINK CONNECTOR", "STREAM"),
        ("SHOW", Place(1, 5, 1), "the end of the statement", ""),
        ("SHOW TOPICS now", Place(1, 13, 3), "near 'now'", ""),
        ("SET 'a'", Place(1, 8, 1), "expected =", ""),
        ("DROP STREAM select", Place(1, 13, 6), "near 'select'", "reserved"),
        ("PRINT 'abc", Place(1, 7, 4), "closing quote", ""),
        ("CREATE STREAM s (a STRING (KEY))", Place(1, 28, 3), "near 'KEY' at line 1:28", ""),
        ("CREATE STREAM s (a ARRAY<NULL>)", Place(1, 26, 4), "near 'NULL'", ""),
        ("SHOW TOPICS;\nDESCRIBE", Place(2, 9, 1), "the name of a topic", ""),
        ("?", Place(1, 1, 1), "expected a statement", "HELP"),
    ],
)
def test_refusals(text: str, place: Place, said: str, hint: str) -> None:
    with pytest.raises(ParseError) as raised:
        parse(text)
    assert raised.value.place == place
    assert said in raised.value.what
    assert hint in raised.value.hint


def test_an_unknown_type_names_the_nearest() -> None:
    with pytest.raises(UnknownName) as raised:
        parse("CREATE STREAM s (a BIGNIT)")
    assert "BIGINT" in raised.value.hint
    assert raised.value.place == Place(1, 20, 6)


def test_properties_cannot_be_changed() -> None:
    (properties,) = fields("CREATE STREAM s WITH (kafka_topic='t')", "properties")
    assert isinstance(properties, MappingProxyType)


def test_types_that_nest_too_deeply_are_refused() -> None:
    deep = "ARRAY<" * 5000 + "INT" + ">" * 5000
    with pytest.raises(ParseError):
        parse(f"CREATE STREAM s (a {deep})")


def test_looking_imports_no_parser_and_no_arrow() -> None:
    program = (
        "import sys; from kshell.sql.parse import parse;"
        "parse('SHOW TOPICS; DESCRIBE a.b; SET \\'x\\'=\\'y\\'; EXPLAIN q_1; PRINT t; EXIT');"
        "print([m for m in ('sqlglot', 'pyarrow', 'duckdb') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
