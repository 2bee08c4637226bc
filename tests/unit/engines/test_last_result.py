"""The last result as a table: which statements set it, and what it costs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from kshell.config import Properties
from kshell.errors import KshellError, UsageError
from kshell.results import Live, NoticeKind, Rows, Sections
from kshell.session import Session
from kshell.types import is_moment

TABLES = {
    "t": pa.table({"n": pa.array(range(1000), pa.int64()), "s": [f"s{i % 3}" for i in range(1000)]})
}
Run = Callable[[str], list[dict[str, object]]]


@pytest.fixture
def session() -> Iterator[Session]:
    made = Session(Properties({}), tables=TABLES, remembers=True)
    yield made
    made.close()


@pytest.fixture
def run(session: Session) -> Run:
    return lambda sql: answered(session, sql)


def answered(session: Session, sql: str) -> list[dict[str, object]]:
    """The rows of a script's last answer; all of them are read."""
    rows: list[dict[str, object]] = []
    for event in session.execute(sql):
        if isinstance(event, Rows):
            rows = [row for batch in event.batches for row in batch.to_pylist()]
        elif isinstance(event, Sections):
            for part in event.parts:
                if isinstance(part, Rows):
                    list(part.batches)
        elif isinstance(event, Live):
            while event.poll(1) is not None:
                pass
            event.cancel()
    return rows


def test_a_select_is_a_table(run: Run) -> None:
    run("SELECT n, s FROM t WHERE n < 3")
    assert run("SELECT SUM(n) AS sum, COUNT(*) AS c FROM _") == [{"sum": 3, "c": 3}]
    assert run("SELECT * FROM _") == [{"sum": 3, "c": 3}]  # the last of them
    assert run("SELECT a.sum FROM _ a JOIN t ON t.n = a.c") == [{"sum": 3}]


def test_show_and_describe_do_not_set_it(run: Run) -> None:
    run("SELECT 7 AS x")
    run("SHOW PROPERTIES; DESCRIBE t; EXPLAIN SELECT n FROM t")
    assert run("SELECT * FROM _") == [{"x": 7}]


def test_a_statement_that_fails_leaves_it(run: Run) -> None:
    run("SELECT 7 AS x")
    with pytest.raises(KshellError):
        run("SELECT error('no') FROM t")
    assert run("SELECT x FROM _") == [{"x": 7}]


def test_it_is_not_there_before_the_first_select(session: Session, run: Run) -> None:
    with pytest.raises(KshellError, match="there is no last result yet"):
        run("SELECT * FROM _")
    with pytest.raises(UsageError, match="there is no last result yet"):
        session.last()


def test_it_can_be_seen_again(session: Session, run: Run) -> None:
    run("SELECT n FROM t")
    again = session.last()
    assert sum(b.num_rows for b in again.batches) == 1000
    assert not again.elides
    assert run("SELECT COUNT(*) AS c FROM _") == [{"c": 1000}]


def test_an_empty_result_has_its_columns(run: Run) -> None:
    run("SELECT n, s FROM t WHERE n < 0")
    assert run("SELECT COUNT(n) AS c FROM _") == [{"c": 0}]


def test_a_live_view_leaves_its_rows(run: Run) -> None:
    run("SELECT s, COUNT(*) AS c FROM t GROUP BY s EMIT CHANGES LIMIT 3")
    assert run("SELECT s, c FROM _ ORDER BY s") == [
        {"s": "s0", "c": 334}, {"s": "s1", "c": 333}, {"s": "s2", "c": 333},
    ]  # fmt: skip
    run("SELECT n FROM t WHERE n > 997 EMIT CHANGES LIMIT 2")
    assert run("SELECT n FROM _ ORDER BY n") == [{"n": 998}, {"n": 999}]


def test_a_live_view_that_is_stopped_leaves_its_rows(session: Session, run: Run) -> None:
    (live,) = session.execute("SELECT n FROM t EMIT CHANGES")
    assert isinstance(live, Live)
    while not live.stats().rows:
        live.poll(1)
    live.cancel()
    assert run("SELECT COUNT(*) AS c FROM _")[0]["c"] == live.stats().rows


def test_one_that_is_stopped_has_what_came_and_says_so(session: Session) -> None:
    (rows,) = session.execute("SELECT a.n FROM t a, t b")
    assert isinstance(rows, Rows)
    some = next(b.num_rows for b in rows.batches if b.num_rows)
    rows.cancel()
    (again,) = session.execute("SELECT COUNT(*) AS c FROM _")
    assert isinstance(again, Rows)
    assert [r for b in again.batches for r in b.to_pylist()] == [{"c": some}]
    assert [n.kind for n in again.notices()] == [NoticeKind.PARTIAL]


def test_times_are_still_times(session: Session, run: Run) -> None:
    run("SELECT ROWTIME AS at, n FROM t LIMIT 3")
    (rows,) = session.execute("SELECT at, MAX(at) OVER () AS last, n FROM _")
    assert isinstance(rows, Rows)
    assert [is_moment(f) for f in rows.schema] == [True, True, False]


def test_a_script_keeps_only_what_it_names() -> None:
    session = Session(Properties({}), tables=TABLES)
    try:
        answered(session, "SELECT n FROM t")
        with pytest.raises(KshellError, match="there is no last result yet"):
            answered(session, "SELECT * FROM _")
        assert answered(session, "SELECT n FROM t WHERE n = 5; SELECT n + 1 AS m FROM _") == [{"m": 6}]
    finally:
        session.close()


@pytest.mark.parametrize("cap", [0, 1000, 10**6])
def test_large_ones_go_to_a_file_without_a_name(session: Session, run: Run, cap, tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    session.properties = session.properties.set("kshell.result.memory.bytes", str(cap))
    run("SELECT a.n, b.s, [a.n] AS l, INTERVAL 1 DAY AS i FROM t a, t b WHERE b.n < 100")
    assert os.listdir(tmp_path) == []
    assert run("SELECT COUNT(*) AS c, SUM(n) AS s, MAX(l[1]) AS m FROM _") == [
        {"c": 100_000, "s": 49_950_000, "m": 999}
    ]


def test_one_that_is_too_large_is_not_kept_and_that_is_said(session: Session, run: Run) -> None:
    run("SELECT 7 AS x")
    for name, value in (("memory", "1000"), ("disk", "100000")):
        session.properties = session.properties.set(f"kshell.result.{name}.bytes", value)
    (rows,) = session.execute("SELECT a.n, b.s FROM t a, t b WHERE b.n < 100")
    assert isinstance(rows, Rows)
    assert sum(b.num_rows for b in rows.batches) == 100_000
    assert [n.kind for n in rows.notices()] == [NoticeKind.KEPT]
    with pytest.raises(KshellError, match="larger than 100,000 bytes"):
        run("SELECT * FROM _")


def test_a_quoted_name_is_not_the_last_result(run: Run) -> None:
    run("SELECT 7 AS x")
    with pytest.raises(KshellError, match="named _"):
        run("SELECT * FROM `_`")


def test_a_given_table_may_have_its_name() -> None:
    session = Session(Properties({}), tables={**TABLES, "_": pa.table({"mine": [1]})})
    try:
        assert answered(session, "SELECT mine FROM `_`") == [{"mine": 1}]
    finally:
        session.close()
