"""kshell as a library: what a program or a notebook does with it, on the embedded broker."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

import kshell
from kshell.demo.broker import Demo, start
from kshell.errors import (
    ConnectionFailed,
    KshellError,
    ParseError,
    StatementError,
    UnknownName,
    Unsupported,
    UsageError,
)  # fmt: skip
from kshell.results import Message, Notice, NoticeKind, Rows, Sections

ROOT = Path(__file__).parents[2]
NUMBERS = pa.table({"n": range(50), "name": [f"<b>{n}" for n in range(50)]})


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    broker = start()
    yield broker
    broker.close()


@pytest.fixture(autouse=True)
def no_configuration(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.fixture
def session(demo) -> Iterator[kshell.Session]:
    with kshell.connect(demo.bootstrap) as made:
        yield made


@pytest.fixture
def numbers() -> Iterator[kshell.Session]:
    with kshell.connect(tables={"numbers": NUMBERS}) as made:
        yield made


def run(code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT,
    )  # fmt: skip


# Import


def test_importing_it_costs_nothing_heavy():
    code = """
        import sys, kshell
        heavy = {"pyarrow", "duckdb", "aiokafka", "sqlglot", "numpy", "rich", "prompt_toolkit"}
        assert not heavy & set(sys.modules), heavy & set(sys.modules)
        assert not [m for m in sys.modules if m.startswith("kshell.")]
        assert callable(kshell.connect) and kshell.__version__
        assert {"connect", "Session", "Result"} <= set(dir(kshell))
    """
    with run(code) as process:
        _, err = process.communicate(timeout=30)
        assert process.returncode == 0, err


def test_a_name_that_it_has_not_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nope"):
        _ = kshell.nope


# Answers


def test_a_bounded_answer_as_arrow_as_tuples_and_as_batches(session):
    text = "SELECT COUNT(*) AS n, MIN(ROWOFFSET) AS first FROM orders WHERE ROWOFFSET < 40 AND ROWPARTITION = 1"
    assert session.sql(text).to_arrow().to_pydict() == {"n": [40], "first": [0]}
    assert session.sql(text).rows() == [(40, 0)]
    (batch,) = session.sql(text)
    assert isinstance(batch, pa.RecordBatch)
    assert session.sql(text).schema.names == ["n", "first"]


def test_an_answer_in_memory_can_be_asked_again(numbers):
    result = numbers.sql("SELECT n FROM numbers WHERE n < 3 ORDER BY n")
    table = result.to_arrow()
    assert result.to_arrow() is table
    assert result.rows() == [(0,), (1,), (2,)]
    assert sum(b.num_rows for b in result) == 3


def test_batches_that_went_by_are_not_kept(numbers):
    result = numbers.sql("SELECT n FROM numbers")
    assert sum(b.num_rows for b in result) == 50
    with pytest.raises(UsageError, match="iterated"):
        result.to_arrow()
    with pytest.raises(UsageError, match="iterated"):
        list(result)


def test_columns_of_one_name_are_all_there(numbers):
    assert numbers.sql("SELECT n, n FROM numbers WHERE n = 7").rows() == [(7, 7)]


def test_an_answer_of_no_rows_has_its_columns(numbers):
    result = numbers.sql("SELECT * FROM numbers WHERE n > 100")
    assert result.to_arrow().schema.names == ["n", "name"]
    assert result.rows() == []


def test_a_live_answer_gives_changes_until_it_ends_or_is_closed(session):
    session.sql("SET 'auto.offset.reset'='earliest'")
    live = session.sql("SELECT orderid FROM orders EMIT CHANGES LIMIT 5")
    assert sum(len(changes) for changes in live) == 5
    endless = session.sql("SELECT orderid FROM orders EMIT CHANGES")
    for changes in endless:
        assert changes.rows.schema.names == ["orderid"]
        endless.close()
    assert list(endless) == []
    with pytest.raises(UsageError, match="has no end"):
        endless.to_arrow()
    with pytest.raises(UsageError, match="has no end"):
        endless.rows()


def test_a_message_and_a_description(session):
    said = session.sql("SET 'auto.offset.reset'='earliest'")
    assert "is set" in said.text
    assert str(said) == said.text
    assert said.rows() == [(said.text,)]
    described = session.sql("DESCRIBE orders")
    assert any(part.title == "Columns" for part in described.parts)
    columns = next(part for part in described.parts if part.title == "Columns")
    assert "orderid" in [row[0] for row in columns.rows()]
    assert "orderid" in str(described)
    with pytest.raises(UsageError, match="several answers"):
        described.to_arrow()


def test_notices_say_what_an_answer_lacks():
    said = []
    batch = pa.record_batch({"n": [1]})
    notice = Notice(NoticeKind.PARTIAL, "stopped at 1 records", 4)

    def batches():
        yield batch
        said.append(notice)

    result = kshell.Result(Rows(batch.schema, batches(), notices=lambda: said))
    assert result.notices == ()  # nothing was read yet
    assert result.rows() == [(1,)]
    assert result.notices == (notice,)
    assert kshell.Result(Sections((Message("", (notice,)),), (notice,))).notices == (notice, notice)


def test_a_table_given_in_place_of_a_topic_is_a_notice(demo):
    with kshell.connect(demo.bootstrap, tables={"orders": NUMBERS}) as session:
        result = session.sql("SELECT COUNT(*) FROM orders")
        assert result.rows() == [(50,)]
        assert [n.kind for n in result.notices] == [NoticeKind.GIVEN]


# How it looks


def test_it_shows_itself_as_a_small_table(numbers):
    result = numbers.sql("SELECT * FROM numbers ORDER BY n")
    lines = repr(result).splitlines()
    assert [c.strip() for c in lines[0].split("│")] == ["n", "name"]
    assert len(lines) < 30
    assert lines[-1] == "… more rows"
    page = result._repr_html_()
    assert "&lt;b&gt;0" in page
    assert "<b>" not in page
    assert len(result.rows()) == 50  # looking at it took nothing away


def test_what_a_record_holds_never_reaches_the_terminal_as_it_is():
    hostile = "a\x1b[2J\u202e\x9b31m\n"
    table = pa.table({"x": [hostile + "\0"], hostile: ["1"]})
    with kshell.connect(tables={"t": table}) as session:
        result = session.sql("SELECT * FROM t")
        for shown in (repr(result), result._repr_html_()):
            assert all(c.isprintable() or c == "\n" for c in shown)
        assert result.rows()[0][0] == hostile + "\0"


def test_a_long_cell_is_cut(numbers):
    result = numbers.sql("SELECT REPEAT('x', 1000) AS x")
    assert len(max(repr(result).splitlines(), key=len)) < 120
    assert len(result.rows()[0][0]) == 1000


def test_a_live_answer_shows_itself_without_waiting(session):
    live = session.sql("SELECT orderid FROM orders EMIT CHANGES")
    began = time.monotonic()
    assert "continuous" in repr(live)
    assert "orderid" in live._repr_html_()
    assert time.monotonic() - began < 1
    live.close()


# Scripts and errors


def test_a_script_gives_a_result_for_each_statement(session):
    results = session.run("SET 'auto.offset.reset'='earliest'; SELECT 1 AS a; SELECT 2 AS b;")
    assert [r.rows() for r in results[1:]] == [[(1,)], [(2,)]]
    assert session.run("SELECT 1 AS a; EXIT; SELECT nope FROM numbers")[0].rows() == [(1,)]


def test_the_first_error_has_what_came_before_it(numbers):
    with pytest.raises(UnknownName) as caught:
        numbers.run("SELECT 1 AS a;\nSELECT COUNT(*) FROM numbers;\nSELECT m FROM numbers; SELECT 3")
    assert [r.rows() for r in caught.value.results] == [[(1,)], [(50,)]]
    assert caught.value.place.line == 3
    with pytest.raises(KshellError) as caught:  # while it is read
        numbers.run("SELECT 1 AS a; SELECT CAST(name AS INTEGER) FROM numbers")
    assert [r.rows() for r in caught.value.results] == [[(1,)]]


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("SELECT 1; SELECT 2", UsageError, "one statement"),
        ("", UsageError, "no statement"),
        ("-- nothing", UsageError, "no statement"),
        ("SELEC 1", ParseError, "SELEC"),
        ("SPOOL '/tmp/x'", StatementError, "SPOOL"),
        ("EXIT", Unsupported, "EXIT"),
        ("SET 'auto.offset.reset'='latst'", UsageError, "cannot be 'latst'"),
        ("SET 'auto.offset.rest'='latest'", UsageError, "no property named"),
    ],
)
def test_bad_input(numbers, text, error, said):
    with pytest.raises(error, match=said):
        numbers.sql(text)
    assert numbers.sql("SELECT 1 AS a").rows() == [(1,)]


def test_a_set_that_cannot_hold_says_what_can(numbers):
    with pytest.raises(UsageError) as caught:
        numbers.sql("SET 'auto.offset.reset'='latst'")
    assert caught.value.hint == "did you mean latest? It is one of earliest, latest"
    with pytest.raises(UsageError, match="cannot be"):
        kshell.connect(tables={}, properties={"isolation.level": "none"})


def test_nobody_listens():
    began = time.monotonic()
    with pytest.raises(ConnectionFailed, match="127.0.0.1:1"):
        kshell.connect("127.0.0.1:1", properties={"kshell.connect.timeout.ms": 1500})
    assert time.monotonic() - began < 4


def test_neither_a_cluster_nor_tables():
    with pytest.raises(UsageError, match="no cluster named"):
        kshell.connect()


# Its page


def test_the_examples_of_its_page_run(demo):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "library.md").read_text(), re.DOTALL)
    assert len(blocks) > 5
    there = importlib.util.find_spec("pandas") is not None
    names: dict[str, object] = {}
    for block in blocks:
        if there or "to_pandas" not in block:
            exec(block.replace("localhost:9092", demo.bootstrap), names)
    assert names["seen"] == 5
    assert names["table"].num_rows == 10


# A session


def test_beside_a_running_event_loop(demo):
    async def work() -> list[tuple]:
        with kshell.connect(demo.bootstrap) as session:
            ticks = asyncio.create_task(asyncio.sleep(0))
            rows = session.sql("SELECT COUNT(*) AS n FROM users WHERE ROWOFFSET < 10").rows()
            await ticks
            return rows

    assert asyncio.run(work())[0][0] > 0


def test_closing_it_stops_its_queries_and_what_is_read(demo, session):
    other = kshell.connect(demo.bootstrap, properties={"auto.offset.reset": "earliest"})
    other.sql("CREATE STREAM copy_of_orders AS SELECT orderid FROM orders EMIT CHANGES")
    live = other.sql("SELECT orderid FROM orders EMIT CHANGES")
    next(iter(live))
    assert [q.failed for q in other.running()] == [False]
    count, end = "SELECT COUNT(*) AS n FROM COPY_OF_ORDERS", time.monotonic() + 20
    while not session.sql(count).rows()[0][0] and time.monotonic() < end:
        time.sleep(0.05)
    other.close()
    assert list(live) == []
    assert other.running() == ()
    assert session.sql(count).rows()[0][0] > 0
    other.close()  # again is no harm


def test_what_could_not_be_written_is_raised(numbers, monkeypatch):
    class Broken:
        held = None

        def close(self):
            raise KshellError("query CSAS_1 could not write all that it made")

        def types(self):
            return {}

    broken = kshell.connect(tables={"t": NUMBERS})
    broken._engine.close()
    broken._engine = Broken()
    with pytest.raises(KshellError, match="could not write"), broken:
        pass
    broken._engine = Broken()
    with pytest.raises(ZeroDivisionError) as caught, broken:
        raise ZeroDivisionError
    assert "could not write" in caught.value.__notes__[0]


FUNCTION = "from kshell.sql.udf import scalar\n@scalar('(BIGINT) -> STRING')\ndef who(n): return '{}'\n"


def test_two_sessions_have_their_own_functions_of_one_name(tmp_path):
    sessions = []
    for name in ("one", "two"):
        path = tmp_path / f"{name}.py"
        path.write_text(FUNCTION.format(name))
        sessions.append(
            kshell.connect(tables={"numbers": NUMBERS}, properties={"kshell.functions": str(path)})
        )
    plain = kshell.connect(tables={"numbers": NUMBERS})
    one = sessions[0]
    bounded, window = "SELECT WHO(1) AS w", "SELECT WHO(n) AS w FROM numbers EMIT CHANGES LIMIT 1"
    for _ in range(2):
        assert [s.sql(bounded).rows() for s in sessions] == [[("one",)], [("two",)]]
    # The first one's plan is stepped when the second's functions were used last.
    live = [s.sql(window) for s in sessions]
    assert [next(iter(r)).rows.column(0).to_pylist() for r in live] == [["one"], ["two"]]
    assert all("WHO" in s.functions() for s in sessions)
    assert "WHO" not in plain.functions()
    with pytest.raises(KshellError):
        plain.sql(bounded).rows()
    with pytest.raises(UnknownName):
        plain.sql("DESCRIBE FUNCTION who")
    assert one.sql(bounded).rows() == [("one",)]
    for made in (*sessions, plain):
        made.close()


def test_what_is_wrong_with_the_users_functions_is_a_warning(tmp_path):
    path = tmp_path / "bad.py"
    path.write_text("1 / 0\n")
    properties = {"kshell.functions": str(path)}
    with kshell.connect(tables={"t": NUMBERS}, properties=properties) as session:
        with pytest.warns(UserWarning, match="line 1: ZeroDivisionError"):
            assert session.sql("SELECT 1 AS a").rows() == [(1,)]
        assert session.sql("SELECT 1 AS a").rows() == [(1,)]


def test_two_sessions_have_a_schema_registry_each():
    from kshell.engines.local.sources.chunks import schemas_of

    properties = {"schema.registry.url": "http://127.0.0.1:1"}
    one, two = (kshell.connect(tables={"t": NUMBERS}, properties=properties) for _ in range(2))
    mine = schemas_of(one.properties)
    one.sql("SET 'auto.offset.reset'='earliest'")
    assert schemas_of(one.properties) is mine
    assert schemas_of(two.properties) is not mine
    one.sql("SET 'schema.registry.url'='http://127.0.0.1:2'")
    assert schemas_of(one.properties) is not mine
    one.close()
    two.close()


def test_sessions_in_threads_of_their_own(demo):
    counts = []

    def work() -> None:
        with kshell.connect(demo.bootstrap) as session:
            counts.append(session.sql("SELECT COUNT(*) FROM users WHERE ROWOFFSET < 10").rows())

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(counts) == 3
    assert counts[0] == counts[1] == counts[2]


ENDLESS = """
    import faulthandler, signal, sys, threading, time, kshell
    faulthandler.dump_traceback_later(20, exit=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    session = kshell.connect(sys.argv[1])
    print("ready", flush=True)
    try:
        {work}
    except KeyboardInterrupt:
        print("stopped", flush=True)
    print(session.sql("SELECT 1 AS a").rows(), flush=True)
    session.close()
    left = [t.name for t in threading.enumerate() if t is not threading.main_thread() and not t.daemon]
    print(left, flush=True)
"""


@pytest.mark.parametrize(
    "work",
    [
        "list(session.sql('SELECT orderid FROM orders EMIT CHANGES'))",
        "session.sql('SELECT COUNT(*) FROM range(1000000) a, range(10000000) b').rows()",
    ],
)
def test_ctrl_c_ends_what_runs_and_the_session_goes_on(demo, work):
    with run(ENDLESS.format(work=work), demo.bootstrap) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(1.5)
        began = time.monotonic()
        os.kill(process.pid, signal.SIGINT)
        first = process.stdout.readline()
        took = time.monotonic() - began
        rest, err = process.communicate(timeout=30)
        assert (first + rest, process.returncode) == ("stopped\n[(1,)]\n[]\n", 0), err
        assert took < 1


def test_two_sessions_have_a_database_each(numbers):
    """What one registers in DuckDB is not in the other's, and a query on a thread finds its own."""
    made = "SELECT count(*) FROM duckdb_functions() WHERE function_name LIKE 'py\\_%' ESCAPE '\\'"
    with kshell.connect(tables={"t": pa.table({"s": ["a b"]})}) as other:
        assert other.sql("SELECT INITCAP(s) AS x FROM t").rows() == [("A B",)]
        numbers.sql("SELECT 1").rows()
        (live,) = [c.rows.to_pylist() for c in other.sql("SELECT INITCAP(s) AS x FROM t EMIT CHANGES") if len(c)]
        assert live == [{"x": "A B"}]
        assert other._database is not numbers._database
        assert other._database.connect().sql(made).fetchall()[0][0] > 0
        assert numbers._database.connect().sql(made).fetchall()[0][0] == 0


def test_the_connection_does_not_change_under_an_open_answer(demo):
    with kshell.connect(demo.bootstrap) as session:
        for text in ("SELECT COUNT(*) FROM pageviews", "SELECT * FROM pageviews EMIT CHANGES"):
            open_ = session.sql(text)
            with pytest.raises(UsageError, match="while an answer is open"):
                session.sql("SET 'client.id'='me'")
            open_.close()
        session.sql("SELECT COUNT(*) FROM pageviews").rows()
        session.sql("SET 'client.id'='me'")
        half = session.sql("SELECT * FROM pageviews")
        next(iter(half))
        session.engine.context.client.close()  # what is read then ends with an error, not never
        with pytest.raises(KshellError):
            half.rows()


def test_a_closed_answer_and_a_closed_session_say_so(numbers):
    closed = numbers.sql("SELECT 1 AS a")
    closed.close()
    with pytest.raises(UsageError, match="was closed"):
        closed.rows()
    session = kshell.connect(tables={"t": pa.table({"n": range(200_000)})})
    half = session.sql("SELECT n FROM t")
    batches = iter(half)
    next(batches)
    session.close()
    with pytest.raises(UsageError, match="was closed"):
        list(batches)
    with pytest.raises(UsageError, match="session was closed"):
        session.sql("SELECT 1")
    with pytest.raises(UsageError, match="no statement"):
        numbers.sql(" ; -- nothing")


def test_a_continuous_answer_with_a_limit_has_rows(demo):
    with kshell.connect(demo.bootstrap, properties={"auto.offset.reset": "earliest"}) as session:
        rows = session.sql("SELECT userid FROM pageviews EMIT CHANGES LIMIT 3").rows()
        assert len(rows) == 3
        assert all(text.startswith("User_") for (text,) in rows)
        with pytest.raises(UsageError, match="no end") as caught:
            session.sql("SELECT userid FROM pageviews EMIT CHANGES").rows()
        assert "LIMIT" in caught.value.hint


def test_what_python_has_no_value_for_is_said(numbers):
    answer = numbers.sql("SELECT TIMESTAMP_NS '2020-01-01 00:00:00.123456789' AS t")
    with pytest.raises(UsageError, match="Python has no such value"):
        answer.rows()
    assert answer.to_arrow()["t"].cast(pa.int64()).to_pylist() == [1577836800123456789]
