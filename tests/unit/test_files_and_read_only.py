"""`kshell.files` and `kshell.read.only` belong to the connection: they hold for every statement."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

import kshell
from kshell.catalog.options import OPTIONS
from kshell.config import PROPERTIES, Properties
from kshell.demo.broker import Demo, start
from kshell.errors import StatementError, UsageError
from kshell.session import Session
from kshell.sql import cluster, producing, queries, services
from kshell.sql import statements as ast
from kshell.sql.parse import parse
from tests.unit.terminal.test_cli import run

FIXED = ("kshell.files", "kshell.read.only")


@pytest.fixture(scope="module")
def demo():
    broker: Demo = start()
    yield broker
    broker.close()


def on(demo: Demo, *arguments: str):
    return run("-b", demo.bootstrap, *arguments)


@pytest.mark.parametrize("name", FIXED)
def test_no_statement_changes_them(demo, name: str) -> None:
    for value in ("true", "false"):
        for text in (f"SET '{name}'='{value}'", f"UNSET '{name}'", f"ALTER SYSTEM '{name}'='{value}'",
                     f"SET 'client.id'='x', '{name.upper()}'='{value}'"):  # fmt: skip
            session = Session.open({name: "false"})
            with pytest.raises(UsageError, match="of the connection"):
                list(session.execute(text))
            assert session.properties[name] == "false"
            assert session.properties["client.id"] == "kshell"


def test_show_properties_lists_them(demo) -> None:
    shown = on(demo, "-o", "csv", "-e", "SHOW PROPERTIES").stdout
    assert "kshell.files,true,false,connection" in shown
    assert "kshell.read.only,false,false,connection" in shown


# Files


def test_the_command_reads_files_unless_it_is_forbidden(demo, tmp_path: Path) -> None:
    script = tmp_path / "s.sql"
    script.write_text("SELECT 1 AS a")
    assert on(demo, "-e", f"RUN SCRIPT '{script}'").stdout == '{"a":1}\n'
    done = on(demo, "-X", "kshell.files=false", "-e", f"RUN SCRIPT '{script}'")
    assert (done.returncode, done.stdout) == (1, "")
    assert "kshell.files" in done.stderr
    spool = tmp_path / "out.txt"
    done = on(demo, "-X", "kshell.files=false", "-e", f"SPOOL '{spool}'; SELECT 1 AS a")
    assert (done.returncode, done.stdout) == (1, "")
    assert not spool.exists()


def test_the_library_reads_no_file_unless_it_is_allowed(demo, tmp_path: Path) -> None:
    script = tmp_path / "s.sql"
    script.write_text("SELECT 1 AS a")
    with kshell.connect(demo.bootstrap) as session, pytest.raises(StatementError, match="RUN SCRIPT"):
        session.run(f"RUN SCRIPT '{script}'")
    with kshell.connect(demo.bootstrap, files=True) as session:
        (result,) = session.run(f"RUN SCRIPT '{script}'")
        assert result.rows() == [(1,)]


@pytest.mark.parametrize("name", [n for n, p in PROPERTIES.items() if p.file] + ["topic.t.value.schema.file", "topic.t.key.schema.file"])
def test_no_statement_names_a_file_there(name: str) -> None:
    session = Session.open({})
    with pytest.raises(StatementError, match="local files"):
        list(session.execute(f"SET '{name}'='/etc/passwd'"))
    assert name not in session.properties


NAMED = "WITH (KAFKA_TOPIC='orders', VALUE_FORMAT='AVRO', VALUE_SCHEMA_FILE='/etc/passwd')"


@pytest.mark.parametrize(
    "text",
    [
        f"CREATE STREAM s {NAMED}",
        f"CREATE STREAM s {NAMED.replace('VALUE_S', 'KEY_S').replace('VALUE_F', 'KEY_F')}",
        f"CREATE STREAM s {NAMED} AS SELECT * FROM t EMIT CHANGES",
        f"EXPLAIN CREATE STREAM s {NAMED} AS SELECT * FROM t EMIT CHANGES",
        f"ASSERT STREAM s (a INT) {NAMED}",
    ],
)
def test_no_option_names_a_file_there(text: str) -> None:
    session = Session.open({"bootstrap.servers": "127.0.0.1:1"})
    with pytest.raises(StatementError, match="SCHEMA_FILE: statements may not use local files"):
        list(session.execute(text))


def test_the_options_that_name_files_are_known_by_their_names() -> None:
    named = {o.name for o in OPTIONS.values() if "file" in o.help.lower()}
    assert named == {"KEY_SCHEMA_FILE", "VALUE_SCHEMA_FILE"}


def test_every_property_that_names_a_file_says_so() -> None:
    named = {n for n, p in PROPERTIES.items() if "file" in p.help.lower()}
    assert named == {n for n, p in PROPERTIES.items() if p.file and not n.startswith("topic.")} | {
        "kshell.copy.on.error", "kshell.files", "kshell.file.max.bytes"}


def test_a_spooled_file_is_private_and_never_replaces_one(demo, tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    done = on(demo, "-e", f"SPOOL '{path}'; SELECT 1 AS a; SPOOL OFF")
    assert done.returncode == 0, done.stderr
    assert path.read_text().startswith('{"a":1}')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_text()
    done = on(demo, "-e", f"SPOOL '{path}'; SELECT 2 AS a")
    assert (done.returncode, done.stdout) == (2, "")
    assert "exists" in done.stderr
    assert path.read_text() == before


# Read only

WRITES = [
    "COPY s FROM STDIN",
    "COMMIT",
    "INSERT INTO users (userid) VALUES ('x')",
    "INSERT INTO s SELECT * FROM s EMIT CHANGES",
    "CREATE STREAM made AS SELECT * FROM s EMIT CHANGES",
    "CREATE TABLE made AS SELECT orderid, COUNT(*) AS n FROM s GROUP BY orderid EMIT CHANGES",
    "CREATE STREAM made (a INT) WITH (KAFKA_TOPIC='made', PARTITIONS=1, VALUE_FORMAT='JSON')",
    "DROP STREAM s DELETE TOPIC",
    "CREATE TOPIC made",
    "ALTER TOPIC users PARTITIONS 9",
    "DROP TOPIC users",
    "RESET GROUP g ON users TO EARLIEST",
    "DROP GROUP g",
    "CONSUME FROM users GROUP g",
    "CONSUME FROM users GROUP g COMMIT EXACTLY ONCE INTO orders",
    "DELETE RECORDS FROM users BEFORE END",
    "ELECT LEADERS",
    "ALTER TOPIC users REASSIGN TO 1",
    "CREATE USER ann PASSWORD 'x'",
    "DROP USER ann",
    "CREATE ACL ALLOW READ ON TOPIC users TO 'User:ann'",
    "DROP ACL ALLOW READ ON TOPIC users TO 'User:ann'",
    "CREATE QUOTA FOR USER ann SET producer_byte_rate = 1",
    "DROP QUOTA FOR USER ann",
    "CREATE SOURCE CONNECTOR c WITH ('connector.class'='X')",
    "DROP CONNECTOR c",
    "RESTART CONNECTOR c",
    "ALTER REGISTRY SET COMPATIBILITY FULL",
    "DROP APPLICATION a",
    "MIRROR users TO copied",
    "REDRIVE users",
]
READS = [
    "SELECT COUNT(*) FROM users",
    "SHOW TOPICS",
    "DESCRIBE users",
    "EXPLAIN INSERT INTO s SELECT * FROM s EMIT CHANGES",
    "PRINT users FROM BEGINNING LIMIT 1",
    "HISTORY OF 'User_1' IN users",
    "ASSERT TOPIC users",
    "DROP STREAM s",
    "EXPLAIN CREATE TOPIC made",
]
DECLARED = "CREATE STREAM s (orderid BIGINT) WITH (KAFKA_TOPIC='orders', VALUE_FORMAT='JSON')"


@pytest.mark.parametrize("text", WRITES)
def test_what_writes_is_refused(demo, text: str) -> None:
    with kshell.connect(demo.bootstrap, properties={"kshell.read.only": True}) as session:
        session.run(DECLARED)
        before = session.sql("SHOW ALL TOPICS").rows()
        with pytest.raises(StatementError, match="read only"):
            session.run(text)
        assert [r[0] for r in session.sql("SHOW ALL TOPICS").rows()] == [r[0] for r in before]
        assert "No query runs" in str(session.sql("SHOW QUERIES"))


@pytest.mark.parametrize("text", READS)
def test_what_reads_runs(demo, text: str) -> None:
    with kshell.connect(demo.bootstrap, properties={"kshell.read.only": True}) as session:
        session.run(DECLARED)
        session.run(text)


def test_every_statement_says_whether_it_writes() -> None:
    """A new statement has to be put in one of these lists."""
    writing = {producing.CopyFrom, producing.Commit, ast.InsertValues, ast.InsertSelect, ast.CreateAsSelect, ast.CreateSource, ast.DropSource}
    reading = {
        ast.AlterSource, ast.AssertQuery, ast.AssertSchema, ast.AssertSource, ast.AssertTopic, ast.AssertValues,
        ast.CreateFromFile, ast.CreateType, ast.Define, ast.Describe, ast.DescribeFunction, ast.DescribeGroup, ast.DropType, ast.Exit, ast.Explain,
        ast.Help, ast.History, ast.Print, queries.QueryControl, ast.RunScript, ast.Select, ast.SetProperty, ast.Show, ast.Spool,
        ast.Undefine, ast.UnsetProperty, services.DescribeConnector, services.DiffSubject,
        queries.BeginSet, queries.DescribeQuery, queries.EndSet, queries.SaveQueries, producing.Begin, producing.CopyTo, producing.Rollback,
    }  # fmt: skip
    changing = {c.__name__ for c in cluster.Change.__subclasses__()}
    assert {s.__name__ for s in ast.Statement.__subclasses__()} == {s.__name__ for s in writing | reading | {cluster.Change}}
    seen = {type(s): s.writes for text in WRITES for s in parse(text)}
    assert {s.__name__ for s in seen} == {s.__name__ for s in writing} | changing
    assert [kind.__name__ for kind, writes in seen.items() if not writes] == ["CreateSource"]  # only where it makes a topic


def test_what_writes_refuses_by_itself() -> None:
    """Also where a statement forgets to say that it writes."""
    from kshell.formats.registry import Schema, SchemaType
    from kshell.formats.registry_http import open_schemas
    from kshell.kafka import admin, group_admin, security
    from kshell.kafka.client import Client
    from kshell.kafka.exactly_once import ExactlyOnce
    from kshell.kafka.member import Member
    from kshell.kafka.produce import Producer
    from kshell.kafka.quotas import set_quotas
    from kshell.kafka.reassign import reassign

    properties = Properties({"kshell.read.only": "true", "bootstrap.servers": "127.0.0.1:1",
                             "schema.registry.url": "http://127.0.0.1:1"})  # fmt: skip
    for write in (
        lambda: Producer(properties),
        lambda: admin.create_topic(properties, "t", partitions=1, replicas=1, configs={}),
        lambda: admin.provoke_topic(properties, "t"),
        lambda: admin.delete_topic(properties, "t"),
        lambda: admin.Admin(properties).add_partitions("t", 2),
        lambda: admin.Admin(properties).alter_configs("t", {"retention.ms": "1"}),
        lambda: admin.Admin(properties).delete_records("t", {0: 1}),
        lambda: admin.Admin(properties).elect_leaders([("t", 0)]),
        lambda: reassign(Client(), properties, "t", {0: [1]}),
        lambda: security.set_user(admin.Admin(properties), "a", "SCRAM-SHA-512", 4096, "x"),
        lambda: security.delete_user(admin.Admin(properties), "a", ["SCRAM-SHA-512"]),
        lambda: security.create_acls(Client(), properties, []),
        lambda: security.delete_acls(Client(), properties, []),
        lambda: set_quotas(Client(), properties, {"user": "a"}, {}),
        lambda: group_admin.alter_offsets(admin.Admin(properties), "g", {("t", 0): 1}),
        lambda: Member(properties, "g", "t", newer=False),
        lambda: ExactlyOnce(properties, "g"),
        lambda: group_admin.delete_group(admin.Admin(properties), "g"),
        lambda: open_schemas(properties).register("t-value", Schema(SchemaType.AVRO, '"string"')),
        lambda: open_schemas(properties).set_compatibility(None, "NONE"),
    ):
        with pytest.raises(StatementError, match="read only"):
            write()
