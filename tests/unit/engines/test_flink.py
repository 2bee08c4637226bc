"""The Flink engine against a gateway in this process: what is sent, what is refused, what errors say."""

from __future__ import annotations

import datetime
import os
import platform
import re
import socket
import time
from collections.abc import Iterator
from decimal import Decimal

import pyarrow as pa
import pytest

from kshell.config import PROPERTIES, Properties
from kshell.engines.flink import http
from kshell.engines.flink.http import FlinkDown, FlinkError, root_cause
from kshell.engines.flink.rows import changes_of
from kshell.engines.flink.statements import live as live_module
from kshell.engines.flink.statements import watch
from kshell.engines.local.statements import queries as local_queries
from kshell.errors import BindError, KshellError, UnknownName, UsageError
from kshell.kafka.admin import Admin
from kshell.results import Live, Message, Sections, titled
from kshell.session import Session

from .answers import rows_of, rows_that_come
from .fake_flink import FakeFlink

DECLARED = "CREATE STREAM s (k VARCHAR KEY, n INT, a ARRAY<INT>) WITH (KAFKA_TOPIC='{t}', VALUE_FORMAT='JSON', PARTITIONS=1);"


@pytest.fixture
def flink() -> Iterator[FakeFlink]:
    made = FakeFlink()
    yield made
    made.close()


@pytest.fixture
def open_session(demo, flink):
    """Makes sessions on the embedded broker and the gateway, with a stream s."""
    made: list[Session] = []

    def opened(declare: bool = True, **more: str) -> Session:
        named = {n.replace("_", "."): v for n, v in more.items()}
        session = Session(Properties({
            "bootstrap.servers": demo.bootstrap, "kshell.engine": "flink",
            "kshell.flink.gateway": flink.url, "auto.offset.reset": "earliest", **named,
        }))  # fmt: skip
        made.append(session)
        if declare:
            list(session.execute(DECLARED.format(t=f"f{os.urandom(5).hex()}")))
        return session

    yield opened
    for session in made:
        session.close()


@pytest.fixture
def session(open_session) -> Session:
    return open_session()


def one(session: Session, sql: str):
    *_, answer = session.execute(sql)
    return answer


def test_rows_have_the_kinds_of_flink_as_weights(session, flink):
    flink.rows = [("INSERT", ["a", 1]), ("UPDATE_BEFORE", ["a", 1]), ("UPDATE_AFTER", ["a", 2]), ("DELETE", ["a", 2])]
    live = one(session, "SELECT k, COUNT(*) AS n FROM s GROUP BY k EMIT CHANGES;")
    assert isinstance(live, Live)
    assert live.key == ("K",)
    found = []
    while (changes := live.poll(0.1)) is not None:
        found += zip(changes.weights.to_pylist(), changes.rows["N"].to_pylist(), strict=True)
    assert found == [(1, 1), (-1, 1), (1, 2), (-1, 2)]


def test_a_limit_ends_the_query_and_its_job(session, flink):
    flink.rows, flink.ends = [("INSERT", [str(n)]) for n in range(9)], False
    assert rows_that_come(one(session, "SELECT k FROM s EMIT CHANGES LIMIT 2;")) == [{"K": "0"}, {"K": "1"}]
    session.close()
    assert [job["state"] for job in flink.jobs.values()] == ["CANCELED"]
    assert flink.sessions == set()


def test_a_select_is_closed_only_when_all_of_its_parts_run(session, flink):
    flink.ends = False
    live = one(session, "SELECT k FROM s EMIT CHANGES;")
    live.poll(0.05)
    (job,) = flink.jobs.values()
    job["state"] = "CREATED"
    live.cancel()
    time.sleep(0.5)
    assert not [path for method, path in flink.log if method == "DELETE"]
    job["state"] = "RUNNING"
    session.close()
    assert next(path for method, path in flink.log if method == "DELETE").endswith("close")


@pytest.mark.parametrize(
    ("sql", "what", "column"),
    [
        ("SELECT k, TOPK(n, 2) FROM s GROUP BY k EMIT CHANGES;", "TOPK has no equal in Flink SQL", 11),
        ("SELECT TRANSFORM(a, x => x + 1) AS b FROM s EMIT CHANGES;", "TRANSFORM with a lambda has no equal in Flink SQL", 8),
        ("SELECT GEO_DISTANCE(1.0, 2.0, 3.0, 4.0) AS g FROM s EMIT CHANGES;", "GEO_DISTANCE(DOUBLE, DOUBLE, DOUBLE, DOUBLE) has no equal in Flink SQL", 8),
        ("SELECT k, COUNT(*) AS c FROM s WINDOW SESSION (5 SECONDS) GROUP BY k EMIT CHANGES;", "SESSION windows that change have no equal on Flink", 39),
        ("SELECT k, COUNT(*) AS c FROM s WINDOW SLIDING (SIZE 5 SECONDS, GRACE PERIOD 1 SECOND) GROUP BY k EMIT FINAL;", "SLIDING windows have no equal on Flink", 39),
        ("SELECT ROWHEADERS FROM s EMIT CHANGES;", "ROWHEADERS has no equal on Flink", 8),
        ("SELECT CAST(n AS DOUBLE) % 2.5 AS r FROM s EMIT CHANGES;", "% of DOUBLE has no equal in Flink SQL", 26),
        ("CREATE STREAM o WITH (KEY_FORMAT='AVRO') AS SELECT k, n FROM s EMIT CHANGES;", "AVRO keys of STRING have no equal on Flink", 52),
        ("CREATE STREAM o WITH (VALUE_FORMAT='PROTOBUF') AS SELECT * FROM s EMIT CHANGES;", "PROTOBUF values have no equal on Flink: JSON, AVRO, DELIMITED and KAFKA have", 36),
    ],
)  # fmt: skip
def test_what_flink_lacks_is_refused_by_name_and_place_before_anything_is_sent(session, flink, sql, what, column):
    with pytest.raises(KshellError) as raised:
        one(session, sql)
    assert raised.value.what == what
    assert (raised.value.place.line, raised.value.place.column) == (1, column)
    assert raised.value.hint
    assert flink.statements == []


def test_ksqls_own_refusals_come_first(session, flink):
    with pytest.raises(KshellError, match="NOPE"):
        one(session, "SELECT nope FROM s EMIT CHANGES;")
    assert flink.log == []


def test_a_missing_topic_is_an_error_here(session, flink):
    with pytest.raises(KshellError) as raised:
        one(session, "SELECT * FROM missing EMIT CHANGES;")
    assert "missing" in raised.value.what
    assert flink.log == []


def test_explain_shows_the_flink_sql_and_what_differs_and_sends_nothing(session, flink):
    answer = one(session, "EXPLAIN SELECT UCASE(k) AS u FROM s WHERE n > 3 EMIT CHANGES;")
    assert isinstance(answer, Sections)
    texts = [part.text for part in answer.parts]
    assert texts[0] == "Runs on Apache Flink."
    assert "UPPER(`K`)" in texts[2]
    assert "CREATE TEMPORARY TABLE" in texts[2]
    assert "On Flink: records without a value are left out." in texts[3]
    assert flink.log == []


def test_secrets_are_masked_in_explain(open_session):
    session = open_session()
    session.properties = Properties({**session.properties, "security.protocol": "SASL_SSL", "sasl.username": "ann", "sasl.password": "it's secret"})
    shown = "\n".join(p.text for p in one(session, "EXPLAIN SELECT k FROM s EMIT CHANGES;").parts)
    assert "PLAINTEXT" not in shown
    assert "SASL_SSL" in shown
    assert "secret" not in shown


def test_an_error_is_the_last_cause_and_no_stack(session, flink):
    flink.refused = "Object 'nope' not found"
    with pytest.raises(FlinkError) as raised:
        live = one(session, "SELECT k FROM s EMIT CHANGES;")
        while live.poll(0.1) is not None:
            pass
    assert raised.value.what == "Object 'nope' not found"


def test_a_cause_has_no_names_of_java_in_front():
    assert root_cause("Caused by: a.b.CompletionException: java.io.IOException: no such folder") == "no such folder"
    assert root_cause("java.io.IOException: at file:/x: full") == "at file:/x: full"


def test_the_cause_where_there_is_no_chain():
    assert root_cause("java.lang.IllegalStateException: no slot\n\tat a.B.c(D.java:1)") == "no slot"
    assert root_cause("") == "it gave no reason"


def test_a_job_that_fails_ends_the_query_with_the_reason(session, flink):
    flink.ends, flink.failure = False, "The topic is gone"
    live = one(session, "SELECT k FROM s EMIT CHANGES;")
    began = time.monotonic()
    with pytest.raises(FlinkError, match="the query failed on Flink: The topic is gone"):
        while live.poll(0.2) is not None:
            pass
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("leaves", [True, False])
def test_what_ran_when_the_gateway_went_away_is_ended_when_it_is_back(session, flink, monkeypatch, leaves):
    monkeypatch.setattr(live_module, "_AWAY", 0.1)
    flink.ends = False
    live = one(session, "SELECT k FROM s EMIT CHANGES;")
    live.poll(0.05)
    flink.away = True
    if leaves:
        live.cancel()
        time.sleep(0.2)
    else:
        with pytest.raises(FlinkDown):
            while live.poll(0.3) is not None:
                pass
        time.sleep(0.2)
    (job,) = flink.jobs.values()
    assert job["state"] == "RUNNING"
    flink.away = False
    one(session, "SHOW QUERIES;")
    until(lambda: job["state"], "CANCELED")


def test_brokers_that_flink_cannot_reach_are_said_soon_with_what_to_do(session, flink):
    flink.ends = False
    live = one(session, "SELECT k FROM s EMIT CHANGES;")
    assert "'properties.default.api.timeout.ms' = '10000'" in flink.statements[0][0]
    live.poll(0.05)
    (job,) = flink.jobs.values()
    flink.failure, job["state"] = "Timed out waiting for a node assignment. Call: listNodes", "FAILED"
    with pytest.raises(FlinkError) as raised:
        while live.poll(1.5) is not None:
            pass
    assert raised.value.what == "the query failed on Flink: Timed out waiting for a node assignment. Call: listNodes"
    assert "kshell.flink.properties" in raised.value.hint
    flink.failure = ""
    one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    assert not any("default.api.timeout" in sql for sql, _ in flink.statements[2:])


def test_a_gateway_that_is_down_is_said_within_five_seconds(open_session):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        session = open_session(kshell_flink_gateway=url, kshell_flink_timeout_ms="300")
        with pytest.raises(FlinkDown, match=r"Flink's SQL gateway at .* does not answer: no answer within 0.3 s"):
            one(session, "SELECT k FROM s EMIT CHANGES;")
    assert PROPERTIES["kshell.flink.timeout.ms"].default == "5000"
    session = open_session(kshell_flink_gateway="http://127.0.0.1:1")
    with pytest.raises(FlinkDown, match="does not answer"):
        one(session, "SELECT k FROM s EMIT CHANGES;")


def test_a_session_that_flink_closed_is_said_and_another_is_opened(session, flink):
    flink.ends = False
    live = one(session, "SELECT k FROM s EMIT CHANGES;")
    live.poll(0.05)
    flink.sessions.clear()
    with pytest.raises(FlinkError, match="the gateway has closed this session"):
        while live.poll(0.1) is not None:
            pass
    flink.ends, flink.rows = True, [("INSERT", ["a"])]
    assert rows_that_come(one(session, "SELECT k FROM s EMIT CHANGES LIMIT 1;")) == [{"K": "a"}]


def test_after_a_long_silence_a_session_is_opened_again_for_what_asks_the_gateway_alone(open_session, flink):
    session = open_session(kshell_flink_rest="http://127.0.0.1:1", kshell_flink_savepoints="file:///s")
    one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    flink.sessions.clear()
    (row,) = rows_of(one(session, "SHOW QUERIES;"))
    assert row["query"] == "CSAS_O_1"
    flink.sessions.clear()
    one(session, "PAUSE CSAS_O_1;")
    flink.sessions.clear()
    one(session, "RESUME CSAS_O_1;")
    declared = [sql for sql, _ in flink.statements if sql.startswith("CREATE")]
    assert len(declared) == 2 * len(set(declared))


def test_the_toolbar_keeps_its_eye_on_a_query_when_a_property_of_the_connection_changes(session, flink, monkeypatch):
    monkeypatch.setattr(watch, "_LOOK", 0.05)
    one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    one(session, "SET 'kshell.flink.timeout.ms'='4000'; SHOW QUERIES;")
    opened = len(flink.sessions)
    (job,) = flink.jobs
    flink.failures[job] = "the disk is full"
    until(lambda: [q.failed for q in session.running()], [True])
    assert len(flink.sessions) == opened == 1


def test_what_is_no_gateway_is_said(open_session, flink, monkeypatch):
    monkeypatch.setattr(flink, "answer", lambda *given: (404, {}))
    session = open_session()
    with pytest.raises(FlinkError, match="is not Flink's SQL gateway: it answered 404"):
        one(session, "SELECT k FROM s EMIT CHANGES;")


def test_no_gateway_named(open_session):
    session = open_session()
    session.properties = session.properties.unset("kshell.flink.gateway")
    with pytest.raises(UsageError, match="no Flink gateway named"):
        one(session, "SELECT k FROM s EMIT CHANGES;")


def test_a_secret_does_not_go_over_plain_http_to_another_machine(open_session):
    session = open_session(kshell_flink_gateway="http://flink.example:8083", kshell_flink_bearer_token="t")
    with pytest.raises(UsageError, match="a secret would go to Flink's SQL gateway at http://flink.example:8083 over plain http"):
        one(session, "SELECT k FROM s EMIT CHANGES;")


@pytest.fixture
def with_secrets(open_session, tmp_path):
    """Opens a session whose cluster logs in at the brokers by a file of its own."""
    file = tmp_path / "cluster.properties"
    file.write_text("sasl.jaas.config=x required password=\"hunter22\";\nssl.keystore.key=-----KEY-----\n")
    return lambda **more: open_session(kshell_flink_properties=str(file), **more)


def test_secrets_of_tables_do_not_go_over_plain_http_to_another_machine(with_secrets, flink, monkeypatch):
    monkeypatch.setattr(http, "_loopback", lambda host: False)
    for sql in ("SELECT k FROM s EMIT CHANGES;", "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;"):
        with pytest.raises(UsageError, match="a secret would go to Flink's SQL gateway"):
            one(with_secrets(), sql)
    assert flink.statements == []
    flink.rows = [("INSERT", ["a"])]
    assert rows_that_come(one(with_secrets(kshell_insecure="true"), "SELECT k FROM s EMIT CHANGES LIMIT 1;")) == [{"K": "a"}]


def test_secrets_are_masked_in_what_flink_says(with_secrets, flink):
    session = with_secrets()
    secret = 'x required password="hunter22";'
    flink.failure = f"properties.sasl.jaas.config={secret} properties.ssl.keystore.key=-----KEY-----"
    with pytest.raises(FlinkError, match="properties.sasl.jaas.config=[*]+ properties.ssl.keystore.key=[*]+$"):
        one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    flink.failure, flink.refused = "", secret
    with pytest.raises(FlinkError) as raised:
        live = one(session, "SELECT k FROM s EMIT CHANGES;")
        while live.poll(0.1) is not None:
            pass
    assert "hunter22" not in raised.value.what


def test_the_login_goes_with_every_request(open_session, flink):
    flink.rows = [("INSERT", ["a"])]
    session = open_session(kshell_flink_basic_auth_user_info="ann:pw")
    rows_that_come(one(session, "SELECT k FROM s EMIT CHANGES LIMIT 1;"))
    assert {h["Authorization"] for h in flink.headers} == {"Basic YW5uOnB3"}


def test_background_queries_are_jobs_with_the_ids_of_queries(session, flink, open_session):
    made = one(session, "CREATE STREAM o AS SELECT k, n FROM s WHERE n > 3 EMIT CHANGES;")
    assert made == Message("Stream O is created by query CSAS_O_1 on Flink.")
    (sql, options) = flink.statements[-1]
    assert sql.startswith("INSERT INTO `O_")
    assert options["pipeline.name"] == "kshell CSAS_O_1 into O"
    (row,) = rows_of(one(session, "SHOW QUERIES;"))
    assert (row["query"], row["state"], row["writes"], row["read"], row["written"], row["checkpoints"]) == ("CSAS_O_1", "RUNNING", "O", 7, 3, 4)
    (running,) = session.running()
    assert running.outlives
    session.close()
    later = open_session(declare=False)
    (row,) = rows_of(one(later, "SHOW QUERIES;"))
    assert row["query"] == "CSAS_O_1"
    assert one(later, "TERMINATE csas_o_1;").text == "CSAS_O_1 is terminated."
    assert [job["state"] for job in flink.jobs.values()] == ["CANCELED"]


def test_an_id_that_another_shell_has_is_not_taken(session, flink):
    flink.jobs["x"] = {"name": "kshell CSAS_O_1 into O", "state": "RUNNING"}
    assert "CSAS_O_2" in one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;").text


def test_a_query_that_fails_at_its_start_is_an_error_and_is_not_declared(session, flink):
    flink.failure = "no such partition"
    with pytest.raises(FlinkError, match="query CSAS_O_1 failed on Flink: no such partition"):
        one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    assert "O" not in session.engine.context.catalog.sources


def test_pause_saves_a_query_and_resume_begins_there(session, flink):
    one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    one(session, "PAUSE CSAS_O_1;")
    assert flink.statements[-1][0].endswith("WITH SAVEPOINT")
    (row,) = rows_of(one(session, "SHOW QUERIES;"))
    assert (row["state"], row["error"]) == ("PAUSED", "saved in file:///s/savepoint-1")
    one(session, "RESUME CSAS_O_1;")
    sql, options = flink.statements[-1]
    assert sql.startswith("INSERT INTO")
    assert options["execution.state-recovery.path"] == "file:///s/savepoint-1"


def test_pause_is_refused_without_a_folder_for_savepoints(session, flink):
    flink.settings.clear()
    one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    with pytest.raises(UsageError, match="no folder for savepoints is set"):
        one(session, "PAUSE CSAS_O_1;")


def test_pause_says_where_the_state_is_and_takes_the_folder_that_is_set_by_then(session, flink):
    flink.settings.clear()
    one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    list(session.execute("SET 'kshell.flink.savepoints'='file:///later';"))
    assert one(session, "PAUSE CSAS_O_1;").text == "CSAS_O_1 is paused: its state is in file:///s/savepoint-1."
    assert flink.statements[-1][1] == {"execution.checkpointing.savepoint-dir": "file:///later"}


def test_pause_all_leaves_the_queries_of_other_shells(session, flink):
    flink.jobs["x"] = {"name": "kshell CSAS_A_1 into A", "state": "RUNNING"}
    one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    one(session, "PAUSE ALL;")
    assert {job["name"]: job["state"] for job in flink.jobs.values()} == {"kshell CSAS_A_1 into A": "RUNNING", "kshell CSAS_O_1 into O": "CANCELED"}


def test_set_chooses_the_engine_for_later_statements(session, flink):
    list(session.execute("SET 'kshell.engine'='local';"))
    live = one(session, "SELECT k FROM s EMIT CHANGES;")
    live.cancel()
    assert flink.log == []


def test_a_query_on_flink_is_ended_also_when_the_local_engine_is_chosen(session, flink):
    one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    list(session.execute("SET 'kshell.engine'='local';"))
    assert one(session, "TERMINATE CSAS_O_1;").text == "CSAS_O_1 is terminated."
    one(session, "DROP STREAM o;")


def test_bounded_queries_stay_here_unless_the_person_says_so(session, flink):
    assert rows_of(one(session, "SELECT COUNT(*) AS c FROM s;")) == [{"c": 0}]
    assert flink.log == []
    flink.rows = [("INSERT", ["a", 1]), ("UPDATE_BEFORE", ["a", 1]), ("UPDATE_AFTER", ["a", 2]), ("INSERT", ["b", 1])]
    list(session.execute("SET 'kshell.bounded.engine'='flink';"))
    assert rows_of(one(session, "SELECT k, COUNT(*) AS c FROM s GROUP BY k;")) == [{"K": "a", "C": 2}, {"K": "b", "C": 1}]
    assert any("'scan.bounded.mode' = 'latest-offset'" in sql for sql, _ in flink.statements)


@pytest.mark.parametrize("sql", ["SELECT COUNT(*) AS c FROM s;", "SELECT n FROM s ORDER BY n;", "SELECT s.n FROM s, users;"])
def test_what_only_the_local_engine_has_of_bounded_sql_is_said(session, flink, sql):
    list(session.execute("SET 'kshell.bounded.engine'='flink';"))
    with pytest.raises(KshellError) as raised:
        one(session, sql)
    assert "SET 'kshell.bounded.engine'='local'" in raised.value.hint
    assert flink.statements == []


def test_what_a_shell_that_died_left_in_the_foreground_is_ended(session, flink):
    gone = f"kshell-foreground {platform.node()} 999999999"
    ours = f"kshell-foreground {platform.node()} {os.getpid()}"
    elsewhere = "kshell-foreground another 999999999"
    flink.jobs = {f"j{n}": {"name": name, "state": "RUNNING"} for n, name in enumerate((gone, ours, elsewhere))}
    one(session, "SHOW QUERIES;")
    assert {job["name"]: job["state"] for job in flink.jobs.values()} == {gone: "CANCELED", ours: "RUNNING", elsewhere: "RUNNING"}


def test_where_the_job_manager_is_away_the_gateway_serves(open_session, flink):
    session = open_session(kshell_flink_rest="http://127.0.0.1:1")
    one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    shown = one(session, "SHOW QUERIES;")
    (row,) = rows_of(shown)
    assert (row["query"], row["state"], row["writes"], row["read"]) == ("CSAS_O_1", "RUNNING", "O", None)
    (notice,) = shown.notices()
    assert "does not answer" in notice.text


def test_read_only_refuses_what_writes(open_session, flink):
    session = open_session(declare=False, kshell_read_only="true")
    with pytest.raises(KshellError, match="read only"):
        one(session, "CREATE STREAM o AS SELECT * FROM users EMIT CHANGES;")
    assert flink.statements == []


def test_values_of_every_type_come_back():
    schema = pa.schema([
        ("b", pa.bool_()), ("i", pa.int32()), ("d", pa.float64()), ("n", pa.float64()), ("e", pa.decimal128(6, 2)),
        ("y", pa.binary()), ("t", pa.timestamp("ms")), ("a", pa.date32()),
        ("l", pa.list_(pa.int64())), ("m", pa.map_(pa.string(), pa.int32())), ("s", pa.struct([("x", pa.date32())])),
    ])  # fmt: skip
    fields = [True, 7, "1.5", "NaN", "1.5", "a2Y=", "2020-01-02T03:04:05.678Z", "2020-01-02", [1, None], {"k": 1}, {"x": "2020-01-02"}]
    (row,) = changes_of([("INSERT", fields)], schema).rows.to_pylist()
    assert row.pop("n") != row["d"]
    assert row == {
        "b": True, "i": 7, "d": 1.5, "e": Decimal("1.50"), "y": b"kf", "t": datetime.datetime(2020, 1, 2, 3, 4, 5, 678000),
        "a": datetime.date(2020, 1, 2), "l": [1, None], "m": [("k", 1)], "s": {"x": datetime.date(2020, 1, 2)},
    }  # fmt: skip


def test_show_queries_says_how_each_job_does_and_lists_the_applications(session, flink, monkeypatch):
    one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    (job,) = flink.jobs
    flink.failures[job] = "the disk is full"
    (row,) = rows_of(one(session, "SHOW QUERIES;"))
    assert row["back-pressure %"] == 35
    assert (row["checkpoints"], row["failed checkpoints"]) == (4, 1)
    assert row["error"].endswith("ago: the disk is full")
    monkeypatch.setattr(local_queries, "kept_queries", lambda context: titled("Applications", {"query": ["Q"]}, {}))
    shown = one(session, "SHOW QUERIES;")
    assert isinstance(shown, Sections)
    assert [part.title for part in shown.parts] == ["On Flink", "Applications"]
    one(session, "TERMINATE ALL;")
    assert one(session, "SHOW QUERIES;").title == "Applications"


def test_describe_query_says_what_a_job_does(session, flink, open_session):
    one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    (job,) = flink.jobs
    described = {r["property"]: r["value"] for r in rows_of(one(session, "DESCRIBE QUERY csas_o_1;"))}
    assert described["statement"] == "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES"
    assert (described["state"], described["runs"], described["writes"], described["job"]) == ("RUNNING", "on Flink", "O", job)
    assert described["part 1 does"] == "RUNNING ×2, read 7, written 3, back-pressure 35 %"
    assert described["checkpoints"].startswith("4 complete, 1 failed; the last ")
    later = open_session(declare=False, kshell_flink_rest="http://127.0.0.1:1")
    described = {r["property"]: r["value"] for r in rows_of(one(later, "DESCRIBE QUERY csas_o_1;"))}
    assert described == {"query": "CSAS_O_1", "state": "RUNNING", "runs": "on Flink", "writes": "O", "job": job}
    assert f"DESCRIBE JOB '{job}'" in [sql for sql, _ in flink.statements]
    with pytest.raises(UnknownName, match="no query named nope"):
        one(later, "DESCRIBE QUERY nope;")


def test_a_failure_is_told_also_where_the_job_manager_is_away(open_session, flink):
    session = open_session(kshell_flink_rest="http://127.0.0.1:1")
    flink.ends = False
    live = one(session, "SELECT k FROM s EMIT CHANGES;")
    assert "does not answer" in live.notices[0].text
    live.poll(0.1)
    (job,) = flink.jobs.values()
    job["state"] = "FAILED"
    with pytest.raises(FlinkError, match="the query failed on Flink: its JobManager, which knows the reason, cannot be reached"):
        while live.poll(0.5) is not None:
            pass


SET = """BEGIN STATEMENT SET;
CREATE STREAM o AS SELECT k, n FROM s WHERE n > 3 EMIT CHANGES;
INSERT INTO o SELECT k, n FROM s WHERE n < 0 EMIT CHANGES;
CREATE TABLE c AS SELECT k, COUNT(*) AS c FROM o GROUP BY k EMIT CHANGES;
"""


def test_a_statement_set_is_one_job(session, flink, open_session):
    list(session.execute(SET))
    assert flink.jobs == {}
    assert one(session, "END;").text == "Query STATEMENT_SET_1 writes O, C on Flink, as one job."
    sql, options = flink.statements[-1]
    assert sql.startswith("EXECUTE STATEMENT SET BEGIN\nINSERT INTO `O_")
    assert sql.count("INSERT INTO") == 3
    assert options["pipeline.name"] == "kshell STATEMENT_SET_1 into O, C"
    (row,) = rows_of(one(session, "SHOW QUERIES;"))
    assert (row["query"], row["writes"]) == ("STATEMENT_SET_1", "O, C")
    with pytest.raises(BindError, match=r"write into this source: \[STATEMENT_SET_1\]"):
        one(session, "DROP TABLE c;")
    one(session, "TERMINATE STATEMENT_SET_1;")
    one(session, "DROP TABLE c; DROP STREAM o;")
    assert [job["state"] for job in flink.jobs.values()] == ["CANCELED"]


def test_a_statement_set_that_is_dropped_or_fails_starts_nothing(session, flink):
    list(session.execute(SET))
    assert session.held.lost == "3 queries of an open statement set not started"
    assert one(session, "ROLLBACK;").text == "3 queries dropped; none has started."
    assert session.held is None
    flink.failure = "no slots"
    list(session.execute(SET))
    with pytest.raises(FlinkError, match="query STATEMENT_SET_2 failed on Flink: no slots"):
        one(session, "END;")
    assert set(session.engine.context.catalog.sources) == {"S"}
    with pytest.raises(UsageError, match="no statement set is open"):
        one(session, "END;")


def test_a_job_that_restarts_again_and_again_is_said_while_it_runs(session, flink, monkeypatch):
    monkeypatch.setattr(watch, "_LOOK", 0.05)
    one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    (job,) = flink.jobs
    assert [q.failed for q in session.running()] == [False]
    flink.failures[job] = "the disk is full"
    until(lambda: [(q.failed, q.state) for q in session.running()], [(True, "restarting on Flink: the disk is full")])


def test_a_query_that_recovered_is_well_again(session, flink, monkeypatch):
    monkeypatch.setattr(watch, "_LOOK", 0.05)
    monkeypatch.setattr(watch, "_WELL", 0.3)
    one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    (job,) = flink.jobs
    flink.failures[job] = "the disk is full"
    until(lambda: [q.failed for q in session.running()], [True])
    until(lambda: [(q.failed, q.state) for q in session.running()], [(False, "running on Flink")])


def until(what, wanted):
    end = time.monotonic() + 5
    while (found := what()) != wanted:
        assert time.monotonic() < end, found
        time.sleep(0.02)


def test_each_query_of_a_set_has_transactions_of_its_own(session, flink):
    list(session.execute("SET 'kshell.flink.delivery'='exactly-once'; SET 'kshell.flink.checkpoint.interval.ms'='1000';"))
    list(session.execute(SET + "END;"))
    prefixes = [p for sql, _ in flink.statements for p in re.findall("transactional-id-prefix' = '(.*?)'", sql)]
    assert prefixes == ["kshell-STATEMENT_SET_1-1", "kshell-STATEMENT_SET_1-2", "kshell-STATEMENT_SET_1-3"]


def test_a_script_with_a_statement_set_runs_here_too(session, flink):
    list(session.execute(f"SET 'kshell.engine'='local'; {SET} END; TERMINATE ALL;"))
    assert flink.statements == []


def test_a_topic_is_deleted_when_nothing_writes_it_any_more(session, flink, monkeypatch):
    one(session, "CREATE STREAM o AS SELECT k, n FROM s EMIT CHANGES;")
    (job,) = flink.jobs.values()
    seen = []
    monkeypatch.setattr(Admin, "delete_topic", lambda self, topic: seen.append(job["state"]))
    one(session, "DROP STREAM o DELETE TOPIC;")
    assert seen == ["CANCELED"]
