"""`kshell.scan.max.*`: a scan stops at the limit, also where all of a topic is one fetch, and says PARTIAL."""

from __future__ import annotations

import uuid

import pytest

from kshell.results import NoticeKind

from .answers import rows_of

HELD = 430


@pytest.fixture(scope="module")
def held(request, demo):
    """A topic of 430 records with numbers in one partition, 20 bytes of value each."""
    topic_of = request.getfixturevalue("topic_of")
    return topic_of(*('{"n":%d,"s":"%s"}' % (n, "x" * (8 - len(str(n)))) for n in range(HELD)))


@pytest.fixture
def limited(execute):
    """Runs a statement under a limit; its rows, and its PARTIAL notice or None."""

    def run(what: str, limit: int, text: str):
        execute(f"SET 'kshell.scan.max.{what}'='{limit}';")
        result = execute(text)
        rows = rows_of(result)
        partial = [n for n in result.notices() if n.kind is NoticeKind.PARTIAL]
        assert len(partial) < 2
        return rows, (partial or [None])[0]

    return run


@pytest.fixture
def declared(execute, held):
    name = f"s{uuid.uuid4().hex[:8]}"
    execute(f"CREATE STREAM {name} (n INT, s STRING) WITH (KAFKA_TOPIC='{held}', VALUE_FORMAT='JSON');")
    return name


def test_a_scan_stops_at_so_many_records(limited, held, declared):
    for name in (held, declared):
        rows, notice = limited("records", 50, f"SELECT n FROM {name};")
        assert [next(iter(r.values())) for r in rows] == list(range(50))
        assert notice.count == HELD - 50
        assert "stopped at 50 records (kshell.scan.max.*), up to 380 records were not read" in notice.text
        rows, notice = limited("records", 50, f"SELECT COUNT(*) AS c FROM {name};")
        assert [list(r.values()) for r in rows] == [[50]]
        assert notice.count == HELD - 50


def test_a_limit_that_is_not_met_is_not_said(limited, held, declared):
    for limit in (HELD, HELD + 1):
        for name in (held, declared):
            rows, notice = limited("records", limit, f"SELECT COUNT(*) AS c FROM {name};")
            assert ([list(r.values()) for r in rows], notice) == ([[HELD]], None)
    rows, notice = limited("records", HELD - 1, f"SELECT COUNT(*) AS c FROM {held};")
    assert (rows, notice.count) == ([{"c": HELD - 1}], 1)
    assert "up to 1 record was not read" in notice.text


def test_no_records_may_be_read(execute, limited, held):
    for what in ("records", "bytes", "seconds"):
        execute("UNSET 'kshell.scan.max.records'; UNSET 'kshell.scan.max.bytes';")
        rows, notice = limited(what, 0, f"SELECT n FROM {held};")
        assert (rows, notice.count) == ([], HELD)
        assert f"stopped at 0 {what}" in notice.text


def test_a_scan_stops_near_so_many_bytes(limited, held):
    rows, notice = limited("bytes", 3000, f"SELECT COUNT(*) AS c FROM {held};")
    assert 50 <= rows[0]["c"] <= 150  # of 20 bytes of value, and some of Kafka's
    assert notice.count == HELD - rows[0]["c"]
    assert "stopped at 3,000 bytes" in notice.text


@pytest.mark.parametrize("limit", [1, 5, 30, 50, 400])
@pytest.mark.parametrize("column", ["ROWOFFSET", "ROWTIME"])
def test_what_is_read_backwards_is_the_newest(limited, held, declared, column, limit):
    for name in (held, declared):
        rows, notice = limited("records", 50, f"SELECT n FROM {name} ORDER BY {column} DESC LIMIT {limit};")
        found = sorted(next(iter(r.values())) for r in rows)
        assert found == list(range(HELD - len(found), HELD)) if column == "ROWOFFSET" else found
        assert len(found) >= min(limit, 25)
        assert min(found) >= HELD - 50
        if limit == 400:
            assert HELD - 50 <= notice.count <= HELD - 25


def test_what_was_read_backwards_whole_is_not_partial(limited, held):
    rows, notice = limited("records", 50, f"SELECT n FROM {held} ORDER BY ROWOFFSET DESC LIMIT 5;")
    assert ([r["n"] for r in rows], notice) == ([429, 428, 427, 426, 425], None)
    rows, notice = limited(
        "records", 50, f"SELECT n FROM {held} WHERE n < 100 ORDER BY ROWOFFSET DESC LIMIT 5;"
    )
    assert rows == []
    assert notice is not None


def test_a_bounded_query_by_a_continuous_plan_stops_too(limited, held, declared):
    rows, notice = limited(
        "records", 50, f"SELECT s, COUNT(*) AS c FROM {declared} WINDOW TUMBLING (SIZE 10000 DAYS) GROUP BY s;"
    )
    assert sum(r["C"] for r in rows) == 50
    assert notice.count == HELD - 50


def test_a_search_for_a_field_stops_too(execute, limited, held):
    execute("SET 'kshell.sample.records'='20';")
    execute("SET 'kshell.scan.max.records'='50';")
    result = execute(f"DESCRIBE {held} FULL;")
    (rows,) = [part for part in result.parts if hasattr(part, "batches")]
    assert {r["column"]: r["records"] for b in rows.batches for r in b.to_pylist()} == {"n": 50, "s": 50}
    (notice,) = rows.notices()
    assert notice.kind is NoticeKind.PARTIAL


def test_rows_of_a_limit_are_not_partial(limited, held):
    rows, notice = limited("records", 50, f"SELECT n FROM {held} LIMIT 5;")
    assert ([r["n"] for r in rows], notice) == ([0, 1, 2, 3, 4], None)
