"""Every kind of statement and every module of `engines` is run here, on the demo broker: no Java.

What the statements answer is asserted in `test_statements_on_the_demo`; here, that none is left out.
"""

from __future__ import annotations

import ast as syntax
import sys
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pytest

import kshell.engines
import kshell.engines.flink.avro  # before the test replaces what it takes from elsewhere
from kshell.config import Properties
from kshell.demo.broker import start as start_demo
from kshell.engines.local.durable.held import Held
from kshell.engines.local.durable.last_words import record_failure
from kshell.engines.local.durable.metrics import health, metrics
from kshell.engines.local.engine import STATEMENTS, LocalEngine
from kshell.engines.local.sources.system.tables import TABLES
from kshell.engines.local.statements import application as applications
from kshell.errors import BadRecord, KshellError, RegistryDown, UnknownName
from kshell.formats.registry import Registered, Remembered, Schema, SchemaType
from kshell.results import Live, Rows, Sections, Task
from kshell.session import Session
from kshell.sql.parse import parse

from ..kafka.fake_cluster import FakeCluster, FakeGroup
from ..kafka.fake_connect import fake_connect
from .fake_flink import FakeFlink

FOLDER = Path(kshell.engines.__file__).parent
MODULES = {path.relative_to(FOLDER).as_posix(): path for path in FOLDER.rglob("*.py")}
NAMED = "WITH (KAFKA_TOPIC='{t}', VALUE_FORMAT='JSON'"
OUTLIVES = f"""
CREATE STREAM u (id VARCHAR KEY, name VARCHAR) WITH (KAFKA_TOPIC='users', VALUE_FORMAT='JSON');
CREATE TABLE c {NAMED}) AS SELECT id, COUNT(*) AS n FROM u GROUP BY id EMIT CHANGES;
"""
SCRIPT = f"""
CREATE STREAM s (k VARCHAR KEY, n INT) {NAMED}, PARTITIONS=1);
INSERT INTO s (k, n) VALUES ('a', 1), ('b', 2);
INSERT INTO s (k, n) VALUES ('a', 3);
ASSERT TOPIC '{{t}}';
ASSERT STREAM s (k VARCHAR KEY, n INT) {NAMED});
ASSERT VALUES s (k, n) VALUES ('a', 1);
ASSERT SCHEMA ID 7;
ASSERT (SELECT COUNT(*) > 0 FROM users);
CREATE TYPE pair AS STRUCT<a INT, b INT>;
DROP TYPE pair;
SHOW STREAMS;
SHOW ERRORS;
DESCRIBE FUNCTION ucase;
EXPLAIN SELECT n FROM s;
SELECT n FROM s WHERE k = 'a';
ASSERT (SELECT COUNT(*) = 3 FROM s);
SELECT k, COUNT(*) FROM s WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k;
SELECT * FROM s EMIT CHANGES LIMIT 3;
PRINT {{t}} FROM BEGINNING LIMIT 3;
PRINT {{t}} FROM '@-1m' TO END WHERE n > 1;
PRINT {{t}} PARTITION 0 LAST 1;
HISTORY OF 'a' IN {{t}};
CREATE TABLE c WITH (KAFKA_TOPIC='{{t}}.c') AS SELECT k, COUNT(*) AS n FROM s GROUP BY k EMIT CHANGES;
SELECT * FROM c;
INSERT INTO s WITH (QUERY_ID='q') SELECT * FROM s WHERE n > 99 EMIT CHANGES;
SHOW QUERIES;
SAVE QUERIES TO '{{saved}}';
PAUSE q; RESUME q; TERMINATE ALL;
ALTER STREAM s ADD COLUMN more INT;
DROP STREAM s;
SELECT * FROM {{t}};
SET 'topic.{{t}}.value.format'='DELIMITED';
INSERT INTO {{t}} (ROWKEY, ROWTIME) VALUES ('x', 5);
DESCRIBE users EXTENDED;
DESCRIBE users FULL;
CREATE STREAM f (k VARCHAR KEY, v BYTES) WITH (KAFKA_TOPIC='{{t}}.f', VALUE_FORMAT='KAFKA', PARTITIONS=1);
INSERT INTO f (k, v) VALUES ('a', TO_BYTES('000000000702aa', 'hex'));
DROP STREAM f;
SET 'topic.{{t}}.f.value.format'='AVRO';
DESCRIBE {{t}}.f EXTENDED;
BEGIN STATEMENT SET; END;
BEGIN;
INSERT INTO users (ROWKEY, ROWHEADERS) VALUES ('u', MAP('a' := 'b'));
ROLLBACK;
BEGIN;
COMMIT;
SET 'partitioner'='round_robin';
COPY users FROM '{{file}}' WITH (KEY='a', TIMESTAMP='b', ON_ERROR='skip');
COPY (SELECT * FROM users LIMIT 1) TO '{{file}}2.csv';
COPY users TO '{{file}}.avro' WITH (ENVELOPE=true);
COPY users TO STDOUT;
COPY users FROM '{{file}}.avro' WITH (ENVELOPE=true);
COPY {{t}}.n FROM '{{file}}';
"""
# A gateway in this process answers; what Flink makes of it, `tests/live/test_flink` sees.
ON_FLINK = f"""
CREATE STREAM fs (k VARCHAR KEY, n INT) {NAMED}, PARTITIONS=1);
CREATE STREAM fa (n INT) WITH (KAFKA_TOPIC='{{t}}.a', VALUE_FORMAT='AVRO', PARTITIONS=1);
CREATE TABLE ft (k VARCHAR PRIMARY KEY, n INT) WITH (KAFKA_TOPIC='{{t}}.t', VALUE_FORMAT='JSON', PARTITIONS=1);
SELECT k FROM fs EMIT CHANGES LIMIT 1;
SELECT fs.k, ft.n FROM fs JOIN ft ON fs.k = ft.k EMIT CHANGES LIMIT 1;
CREATE TABLE fc AS SELECT k, COUNT(*) AS c FROM fs WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY k EMIT FINAL;
EXPLAIN SELECT k FROM fs EMIT CHANGES;
BEGIN STATEMENT SET; INSERT INTO fs SELECT k, n FROM fs WHERE n > 9 EMIT CHANGES; END;
SHOW QUERIES; DESCRIBE QUERY CTAS_FC_1; TERMINATE ALL;
SET 'kshell.bounded.engine'='flink';
SELECT k FROM fs;
"""
OF_A_CLUSTER = (
    *(f"SELECT * FROM {table.full_name}" for table in TABLES.values()),
    "DESCRIBE GROUP g",
    "CONSUME FROM o GROUP g",
    "SHOW ACLS",
    # Threads of DuckDB's own pull the rows of the bounded ones, and nobody sees what runs there.
    *(
        f"SELECT {column} FROM kafka.{table} EMIT CHANGES LIMIT 1"
        for table, column in (("lag", "lag"), ("topics", "internal"), ("groups", "state"),
                              ("log_dirs", "bytes"), ("errors", "reason"))
    ),
)


# Changes of the cluster are planned; the embedded broker refuses most of them.
CHANGES = (
    "CREATE TOPIC made",
    "ALTER TOPIC users SET 'retention.ms'='1'",
    "DROP TOPIC users",
    "RESET GROUP g ON users TO EARLIEST",
    "DROP GROUP g",
    "CONSUME FROM users GROUP g",
    "DELETE RECORDS FROM users BEFORE END",
    "ELECT LEADERS",
    "MIRROR users TO copied",
    "REDRIVE users",
    "ALTER TOPIC users REASSIGN TO 1",
    "CREATE USER ann PASSWORD 'x'",
    "DROP USER ann",
    "CREATE ACL ALLOW READ ON TOPIC users TO 'User:ann'",
    "DROP ACL ALLOW READ ON TOPIC users TO 'User:ann'",
    "CREATE QUOTA FOR USER ann SET producer_byte_rate = 1",
    "DROP QUOTA FOR USER ann",
    "CREATE SOURCE CONNECTOR c WITH ('connector.class'='LineSource', 'file'='x')",
    "PAUSE CONNECTOR c",
    "DESCRIBE CONNECTOR c",
    "SHOW PLUGINS",
    "DROP CONNECTOR c",
    "SHOW SUBJECTS",
    "ALTER REGISTRY SET COMPATIBILITY FULL",
    "DIFF SUBJECT s",
    "EXPLAIN ELECT LEADERS",
    "DROP APPLICATION app",
    "DESCRIBE QUERY q",
)


def functions_of(path: Path) -> set[str]:
    """Names of a module's functions that are not a Protocol's: code that can be run."""
    tree = syntax.parse(path.read_text())
    protocols = {
        function
        for made in syntax.walk(tree)
        if isinstance(made, syntax.ClassDef) and any(syntax.unparse(b) == "Protocol" for b in made.bases)
        for function in made.body
    }
    defined = (node for node in syntax.walk(tree) if isinstance(node, syntax.FunctionDef))
    return {function.name for function in defined if function not in protocols}


@pytest.fixture
def called():
    """(file, function) of each call in `engines`, on whatever thread that starts meanwhile."""
    seen: set[tuple[str, str]] = set()

    def look(frame, event, argument):
        if event == "call" and frame.f_code.co_filename.startswith(str(FOLDER)):
            seen.add((frame.f_code.co_filename, frame.f_code.co_name))

    before = sys.getprofile()
    sys.setprofile(look)
    threading.setprofile(look)
    yield seen
    sys.setprofile(before)
    threading.setprofile(None)  # type: ignore[arg-type]


class Subjects(Remembered):
    """Schemas in memory that are asked for their state, too."""

    def subjects(self) -> list[str]:
        return ["s"]

    def versions(self, subject: str) -> list[int]:
        return [1, 2]

    def version(self, subject: str, number: int) -> Registered:
        return Registered(number, subject, number, Schema(SchemaType.AVRO, '"string"' if number == 1 else '"int"'))

    def compatibility(self, subject: str | None) -> str:
        return "BACKWARD"


def pull(answer) -> None:
    """Read an answer to its end, as the terminal would."""
    if isinstance(answer, Sections):
        for part in answer.parts:
            pull(part)
    elif isinstance(answer, Task):
        answer.work()
    elif isinstance(answer, Rows):
        for _ in answer.batches:
            pass
    elif isinstance(answer, Live):
        while answer.poll(0.1) is not None:
            pass


def outlives() -> None:
    """Runs an application until its first commit, and ends it: on a broker that others do not look at."""
    name, broker = f"t{uuid.uuid4().hex[:10]}", start_demo()
    session = Session(Properties({"bootstrap.servers": broker.bootstrap, "auto.offset.reset": "earliest"}))
    engine = session.engine
    application = engine.local.application(name, 0.1, "test", f"{name}-dead")
    try:
        list(session.execute(OUTLIVES.format(t=name)))
        assert applications.check(engine.context).keys() == {"C"}
        applications.make_topics(engine.context, session.properties)
        with application.follows():
            time.sleep(0.2)
        applications.start(engine.context, session.properties)
        (query,) = application.queries
        assert query.ready.wait(20)
        while query.held.standing is None or query.held.standing.lanes[0, 0].next == 0:
            assert query.error is None
            time.sleep(0.05)
        assert health(application)[0]
        assert f'kshell_query_up{{application="{name}",query="C"}} 1' in metrics(application)
        assert application.stop() == []
        held = Held(query.held.owner, lambda point: None)
        held.claimed = True
        record_failure(query.plan, held, "why")  # such a broker's topics have too many partitions for it
        later = Session(Properties({"bootstrap.servers": broker.bootstrap}))
        (shown,) = later.execute("SHOW QUERIES")
        (row,) = [r for b in shown.batches for r in b.to_pylist()]
        assert (row["application"], row["query"], row["error"]) == (name, "C", None)
        later.close()
    finally:
        session.close()
        broker.close()


@pytest.fixture
def connect():
    with fake_connect() as made:
        made.answer("POST", "/connectors", {"name": "c", "config": {}})
        yield made


def test_every_module_of_engines_and_every_kind_of_statement(demo, monkeypatch, called, tmp_path, connect):
    known = Subjects()
    known.put("s", Schema(SchemaType.AVRO, '"string"'), 7)
    for module in ("sources.chunks", "sources.sample", "statements.asserts", "statements.subjects"):
        monkeypatch.setattr(f"kshell.engines.local.{module}.schemas_of", lambda properties: known)
    for module in ("admin", "security"):  # the demo's broker knows few changes, and librdkafka waits for one that does
        monkeypatch.setattr(f"kshell.kafka.{module}.TIMEOUT", 0.5)
    served = set()
    run = LocalEngine.run
    monkeypatch.setattr(
        LocalEngine, "run",
        lambda engine, statement, properties: served.add(type(statement)) or run(engine, statement, properties),
    )  # fmt: skip
    session = Session(Properties({"bootstrap.servers": demo.bootstrap, "auto.offset.reset": "earliest",
                                  "kshell.files": "true"}))  # fmt: skip
    session.kept_in = tmp_path
    assert session.keep() == []
    cluster = FakeCluster()  # for what the demo's broker does not answer
    cluster.topics, cluster.groups = {"o": [[0, 1, 1]]}, {"g": FakeGroup({("o", 0): 0}, {"m": {"o": [0]}})}
    of_state = LocalEngine(cluster.client())
    of_state.context.errors.add([BadRecord("t", 0, 5, "not valid JSON")])
    flink = FakeFlink([("INSERT", ["a", 1])])
    there = Session(Properties({
        "bootstrap.servers": demo.bootstrap, "kshell.engine": "flink", "kshell.flink.gateway": flink.url,
    }))  # fmt: skip
    given = Session(Properties({"kshell.files": "true"}), tables={"one": pa.table({"n": [1]})})
    try:
        (tmp_path / "f.jsonl").write_text('{"a":"x","b":5}\n{"a":"y","b":"never"}\n')
        for answer in session.execute(SCRIPT.format(t=f"t{uuid.uuid4().hex[:10]}", saved=tmp_path / "saved.sql", file=tmp_path / "f.jsonl")):
            pull(answer)
        for answer in there.execute(ON_FLINK.format(t=f"t{uuid.uuid4().hex[:10]}")):
            pull(answer)
        with pytest.raises(RegistryDown):
            list(there.execute("SET 'schema.registry.url'='http://127.0.0.1:1'; EXPLAIN SELECT n FROM fa EMIT CHANGES"))
        list(session.execute(f"SET 'connect.url'='{connect.url}'"))
        for change in CHANGES:
            with suppress(KshellError):
                list(session.execute(change))
        (tmp_path / "two.csv").write_text("n\n1\n")
        file = f"CREATE TABLE two FROM FILE '{tmp_path}/two.csv'; SELECT n FROM two"
        for answer in given.execute(f"SELECT n FROM one; {file}"):
            pull(answer)
        outlives()
        for text in OF_A_CLUSTER:
            pull(of_state.run(parse(text)[0], Properties({"connect.url": connect.url})))
        declared = "CREATE STREAM d (a INT) WITH (KAFKA_TOPIC='o', VALUE_FORMAT='JSON')"
        of_state.run(parse(declared)[0], Properties({}))  # its columns need no sample
        with pytest.raises(UnknownName, match="no group named h"):
            of_state.run(parse("EXPLAIN SELECT * FROM d AT GROUP h")[0], Properties({}))
    finally:
        session.close()
        there.close()
        flink.close()
        given.close()
        of_state.close()
    assert served == set(STATEMENTS)
    run_in = {file for file, _ in called}
    assert [name for name, path in MODULES.items() if functions_of(path) and str(path) not in run_in] == []
    assert {name for name, path in MODULES.items() if functions_of(path)} > {"error_log.py", "local/engine.py"}
    counted = {name for file, name in called if file == str(MODULES["local/statements/schema_scan.py"])}
    assert "_count" in counted
