"""SAVE QUERIES writes a script that starts the same queries in another shell."""

from __future__ import annotations

from pathlib import Path

import pytest

from kshell.config import Properties
from kshell.errors import KshellError, UsageError
from kshell.results import Message
from kshell.session import Session

DECLARED = "CREATE STREAM `od d` (orderid INT, itemid STRING) WITH (kafka_topic='orders',"\
           " value_format='JSON');"  # fmt: skip


def told(session: Session, text: str) -> list[str]:
    return [e.text for e in session.execute(text) if isinstance(e, Message)]


def test_the_file_has_what_they_need(session, tmp_path: Path) -> None:
    path = tmp_path / "it's.sql"
    quoted = str(path).replace("'", "''")
    session.variables["what"] = "itemid"
    said = told(session, f"{DECLARED} CREATE TYPE kind AS STRING;"
                         " SET 'schema.registry.basic.auth.user.info'='me:secret';"
                         " CREATE STREAM saved_a AS SELECT `ORDERID`, ${what} FROM `od d`;"
                         " SET 'auto.offset.reset'='latest';"
                         " CREATE TABLE saved_b WITH (value_format='JSON') AS"
                         " SELECT itemid, COUNT(*) AS n FROM saved_a GROUP BY itemid;"
                         " UNSET 'schema.registry.basic.auth.user.info';"
                         f" SAVE QUERIES TO '{quoted}'")  # fmt: skip
    assert said[-1] == f"2 queries and 1 declaration: {path}"
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert "me:secret" not in text
    assert text.splitlines() == [
        "-- Saved by kshell: the queries that ran in a shell, and what they need.",
        "CREATE STREAM `od d` (`ORDERID` INTEGER, `ITEMID` STRING) WITH (KAFKA_TOPIC='orders',"
        " VALUE_FORMAT='JSON');",
        "-- secret, and not saved: schema.registry.basic.auth.user.info",
        "SET 'auto.offset.reset'='earliest';",
        "CREATE STREAM saved_a AS SELECT `ORDERID`, itemid FROM `od d`;",
        "SET 'auto.offset.reset'='latest';",
        "CREATE TABLE saved_b WITH (value_format='JSON') AS"
        " SELECT itemid, COUNT(*) AS n FROM saved_a GROUP BY itemid;",
    ]


def test_an_insert_has_its_own_words(session, tmp_path: Path) -> None:
    words = "INSERT INTO into_saved SELECT orderid FROM o WHERE orderid < 0"
    told(session, "CREATE STREAM o (orderid BIGINT) WITH (kafka_topic='orders',"
                  " value_format='JSON'); CREATE STREAM into_saved (orderid BIGINT)"
                  " WITH (kafka_topic='users', value_format='JSON');"
                  f" {words}; SAVE QUERIES TO '{tmp_path}/x.sql'")  # fmt: skip
    lines = (tmp_path / "x.sql").read_text().splitlines()
    assert lines[1:3] == [
        "CREATE STREAM `O` (`ORDERID` BIGINT) WITH (KAFKA_TOPIC='orders', VALUE_FORMAT='JSON');",
        "CREATE STREAM `INTO_SAVED` (`ORDERID` BIGINT)"
        " WITH (KAFKA_TOPIC='users', VALUE_FORMAT='JSON');",
    ]
    assert lines[-1] == f"{words};"
    (rows,) = session.execute("SHOW QUERIES EXTENDED")
    assert [b.column("statement").to_pylist() for b in rows.batches] == [[words]]


def test_each_query_of_a_sink_has_a_name_of_its_own(session, tmp_path: Path) -> None:
    told(session, "CREATE STREAM saved_d AS SELECT orderid FROM orders;"
                  " INSERT INTO saved_d SELECT orderid FROM orders WHERE orderid < 0;"
                  f" INSERT INTO saved_d SELECT orderid FROM orders; SAVE QUERIES TO '{tmp_path}/x.sql'")  # fmt: skip
    assert [line for line in (tmp_path / "x.sql").read_text().splitlines() if line.startswith("INSERT")] == [
        "INSERT INTO saved_d WITH (QUERY_ID='SAVED_D_2') SELECT orderid FROM orders WHERE orderid < 0;",
        "INSERT INTO saved_d WITH (QUERY_ID='SAVED_D_3') SELECT orderid FROM orders;",
    ]


def test_properties_at_their_defaults_are_not_written(demo, tmp_path: Path) -> None:
    """A session as the command line opens it."""
    session = Session.open(Properties({"bootstrap.servers": demo.bootstrap, "kshell.files": "true"}))
    told(session, f"CREATE STREAM saved_e AS SELECT orderid FROM orders; SAVE QUERIES TO '{tmp_path}/x.sql'")
    session.close()
    assert (tmp_path / "x.sql").read_text().splitlines()[1:] == ["CREATE STREAM saved_e AS SELECT orderid FROM orders;"]


def test_what_it_refuses(session, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no query runs in this shell"):
        told(session, f"SAVE QUERIES TO '{tmp_path}/x.sql'")
    told(session, "CREATE STREAM saved_c AS SELECT orderid FROM orders")
    (tmp_path / "there.sql").write_text("mine")
    with pytest.raises(UsageError, match="there.sql exists"):
        told(session, f"SAVE QUERIES TO '{tmp_path}/there.sql'")
    assert (tmp_path / "there.sql").read_text() == "mine"
    with pytest.raises(UsageError, match="cannot be written"):
        told(session, f"SAVE QUERIES TO '{tmp_path}/none/x.sql'")


def test_where_files_are_not_allowed(demo, tmp_path: Path) -> None:
    session = Session(Properties({"bootstrap.servers": demo.bootstrap, "kshell.files": "false"}))
    with pytest.raises(KshellError, match="may not use local files"):
        told(session, f"SAVE QUERIES TO '{tmp_path}/x.sql'")
    session.close()
