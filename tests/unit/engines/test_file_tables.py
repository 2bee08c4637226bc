"""Tables of files: declared, described, read, joined in bounded and continuous queries, dropped."""

from __future__ import annotations

import os
import uuid

import pyarrow as pa
import pytest

from kshell.config import Properties
from kshell.errors import BindError, KshellError, StatementError, Unsupported
from kshell.results import Live, Message, Rows, Sections
from kshell.session import Session

from .answers import rows_that_come

ORDERS = pa.table({"id": [1, 2, 3], "who": ["ann", "bob", "eve"], "ROWTIME": [5_000, 70_000, 6_000]})
USERS = b"id,name,country\n1,ann,de\n2,bob,fr\n3,cy,de\n"
FILES = {"kshell.files": "true"}
WRITTEN = 1_700_000_000_123


@pytest.fixture
def alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put("users.csv", USERS)
    made = Session(Properties(FILES), tables={"orders": ORDERS})
    yield made
    made.close()


def put(name, data):
    with open(name, "wb") as file:
        file.write(data)
    os.utime(name, ns=(0, WRITTEN * 1_000_000))


def answer(alone, text):
    *_, answer = alone.execute(text)
    return answer


def rows(alone, text):
    found = answer(alone, text)
    if isinstance(found, Live):
        out = []
        while (changes := found.poll(0.1)) is not None:
            for row, weight in zip(changes.rows.to_pylist(), changes.weights.to_pylist(), strict=True):
                out.append((weight, *row.values()))
        return out
    assert isinstance(found, Rows)
    return [tuple(r.values()) for batch in found.batches for r in batch.to_pylist()]


def refused(alone, text, kind=BindError):
    with pytest.raises(kind) as caught:
        rows(alone, text)
    error = caught.value
    return error.what, error.hint, error.place and (error.place.line, error.place.column)


def words(found):
    if isinstance(found, Message):
        return [found.text]
    if isinstance(found, Sections):
        return [line for part in found.parts for line in words(part)]
    return [tuple(r.values()) for batch in found.batches for r in batch.to_pylist()]


KEYED = "CREATE TABLE users (id BIGINT PRIMARY KEY, name STRING, country STRING) FROM FILE 'users.csv'"


def test_a_bounded_query_reads_it_as_any_table(alone):
    assert answer(alone, "CREATE TABLE users FROM FILE 'users.csv'").text == (
        "Table USERS is created. It has the 3 rows of users.csv.")
    assert rows(alone, "SELECT * FROM users ORDER BY id") == [(1, "ann", "de"), (2, "bob", "fr"), (3, "cy", "de")]
    assert rows(alone, "SELECT o.id, u.country FROM orders o JOIN users u ON o.who = u.name ORDER BY o.id") == [
        (1, "de"), (2, "fr")]
    assert rows(alone, "SELECT country, COUNT(*) FROM Users GROUP BY country ORDER BY 1") == [("de", 2), ("fr", 1)]
    assert rows(alone, "SELECT COUNT(*) FROM users") == [(3,)]
    assert rows(alone, "SELECT name FROM users ORDER BY ROWOFFSET DESC LIMIT 1") == [("cy",)]


def test_pseudo_columns(alone):
    answer(alone, "CREATE TABLE users FROM FILE 'users.csv'")
    pseudo = "SELECT ROWTIME, ROWOFFSET, ROWKEY, ROWPARTITION, ROWHEADERS FROM users WHERE ROWTIME > 5 LIMIT 1"
    assert rows(alone, pseudo) == [(WRITTEN, 0, None, None, None)]
    answer(alone, KEYED.replace("CREATE", "CREATE OR REPLACE"))
    assert rows(alone, "SELECT ROWTIME, ROWKEY FROM users WHERE ROWKEY = 2") == [(WRITTEN, 2)]
    put("odd.jsonl", b'{"ROWTIME":7,"rowoffset":8}\n')
    answer(alone, "CREATE TABLE odd FROM FILE 'odd.jsonl'")
    assert rows(alone, "SELECT ROWTIME, `ROWTIME`, `rowoffset` FROM odd") == [(WRITTEN, 7, 8)]


def test_a_stream_is_joined_with_all_of_it_whatever_the_times(alone):
    answer(alone, "CREATE TABLE users FROM FILE 'users.csv'")
    joined = "SELECT o.id, u.country, o.ROWTIME FROM orders o JOIN users u ON o.who = u.name EMIT CHANGES"
    assert rows(alone, joined) == [(1, 1, "de", 5_000), (1, 2, "fr", 70_000)]
    left = "SELECT o.id, u.id AS uid FROM orders o LEFT JOIN users u ON u.name = o.who EMIT CHANGES"
    assert rows(alone, left) == [(1, 1, 1), (1, 2, 2), (1, 3, None)]
    grouped = "SELECT u.country, COUNT(*) AS n FROM orders o JOIN users u ON o.who = u.name WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY u.country"
    assert sorted(rows(alone, grouped)) == [("de", 1), ("fr", 1)]


def test_a_declared_key_is_joined_and_shown(alone):
    answer(alone, KEYED)
    joined = "SELECT o.who, u.name FROM orders o JOIN users u ON o.id = u.id EMIT CHANGES"
    assert sorted(rows(alone, joined)) == [(1, "ann", "ann"), (1, "bob", "bob"), (1, "eve", "cy")]
    assert rows(alone, "SELECT * FROM users EMIT CHANGES") == [(1, 1, "ann", "de"), (1, 2, "bob", "fr"), (1, 3, "cy", "de")]
    counted = rows(alone, "SELECT country, COUNT(*) AS n FROM users GROUP BY country EMIT CHANGES")
    totals = {}
    for weight, country, n in counted:
        totals[country] = totals.get(country, 0) + weight * n
    assert totals == {"de": 2, "fr": 1}


def test_tables_are_joined_with_tables(alone):
    put("countries.json", b'[{"code":"de","text":"Germany"},{"code":"fr","text":"France"},{"code":null,"text":"?"}]')
    answer(alone, KEYED)
    answer(alone, "CREATE TABLE countries FROM FILE 'countries.json'")
    foreign = "SELECT u.id, u.name, c.text FROM users u JOIN countries c ON u.country = c.code EMIT CHANGES"
    assert sorted(rows(alone, foreign)) == [(1, 1, "ann", "Germany"), (1, 2, "bob", "France"), (1, 3, "cy", "Germany")]
    put("ages.csv", b"who,age\n1,30\n3,40\n")
    answer(alone, "CREATE TABLE ages FROM FILE 'ages.csv'")
    both = "SELECT u.id, u.name, a.age FROM users u JOIN ages a ON u.id = a.who EMIT CHANGES"
    assert sorted(rows(alone, both)) == [(1, 1, "ann", 30), (1, 3, "cy", 40)]
    three = ("SELECT o.id, u.name, c.text FROM orders o JOIN users u ON o.id = u.id "
             "JOIN countries c ON u.country = c.code EMIT CHANGES")
    assert sorted(rows(alone, three)) == [(1, 1, "ann", "Germany"), (1, 2, "bob", "France"), (1, 3, "cy", "Germany")]


def test_without_a_key_the_joined_column_must_be_unique(alone):
    answer(alone, "CREATE TABLE users FROM FILE 'users.csv'")
    hint = "CREATE OR REPLACE TABLE USERS (… PRIMARY KEY, …) FROM FILE declares one"
    what, said, place = refused(alone, "SELECT o.id FROM orders o JOIN users u ON o.who = u.country EMIT CHANGES")
    assert what == ("USERS has no PRIMARY KEY, and country, on which it is joined, is not unique: rows 1 and 3 have de")
    assert (said, place and place[0]) == (hint, 1)
    what, said, place = refused(alone, "SELECT o.id FROM orders o JOIN users u ON o.who = UCASE(u.name) EMIT CHANGES")
    assert what == "USERS has no PRIMARY KEY, so that it is joined on columns of its own alone. Got O.WHO = UCASE(U.NAME)."
    assert (said, place and place[0]) == (hint, 1)
    assert refused(alone, "SELECT *\nFROM users EMIT CHANGES") == (
        "USERS has no PRIMARY KEY, which a continuous query of a table needs", hint, (2, 6))


@pytest.mark.parametrize(("data", "what", "hint"), [
    (b"id,name\n1,a\n2,b\n1,c\n", "t.csv: the PRIMARY KEY ID is not unique: rows 1 and 3 have 1",
     "leave PRIMARY KEY out, or mend the file"),
    (b"id,name\n1,a\n,b\n", "t.csv, row 2: the PRIMARY KEY ID is NULL",
     "leave PRIMARY KEY out, or mend the file"),
    (b"id,name\n1,a\nx,b\n", "t.csv, line 3: column id: CSV conversion error to int64: invalid value 'x'",
     "mend the file, or declare its columns"),
])  # fmt: skip
def test_a_declared_key_is_unique_and_there(alone, data, what, hint):
    put("t.csv", data)
    text = "CREATE TABLE t (id BIGINT PRIMARY KEY, name STRING)\nFROM FILE 't.csv'"
    assert refused(alone, text) == (what, hint, (2, 11))


def test_only_regular_local_files_are_read(alone):
    os.mkfifo("fifo.csv")
    os.mkdir("folder.csv")
    os.symlink("users.csv", "link.csv")
    os.symlink("fifo.csv", "pipe.csv")
    for path, what, hint in (
        ("fifo.csv", "fifo.csv is a FIFO: regular files alone are read", "copy what it holds into one"),
        ("pipe.csv", "pipe.csv is a FIFO: regular files alone are read", "copy what it holds into one"),
        ("folder.csv", "folder.csv is a folder: regular files alone are read", "copy what it holds into one"),
        ("/dev/zero", "/dev/zero is a device: regular files alone are read", "copy what it holds into one"),
        ("https://example.com/u.csv", "https://example.com/u.csv is a URL, and local files alone are read",
         "download it, and name the file"),
        ("file:///etc/passwd", "file:///etc/passwd is a URL, and local files alone are read",
         "download it, and name the file"),
        ("*.csv", "*.csv cannot be read: No such file or directory", "one file is named, and no pattern"),
        ("gone.csv", "gone.csv cannot be read: No such file or directory", f"relative paths begin at {os.getcwd()}"),
    ):
        found, said, place = refused(alone, f"CREATE TABLE t FROM FILE '{path}'")
        assert (found, said, place) == (what, hint, (1, 26))
    answer(alone, "CREATE TABLE t FROM FILE 'link.csv'")
    assert rows(alone, "SELECT COUNT(*) FROM t") == [(3,)]


def test_it_is_for_connections_that_may_read_files(alone):
    put("users.csv", USERS)
    with pytest.raises(StatementError, match="CREATE TABLE … FROM FILE: statements may not use local files") as caught:
        answer(Session(Properties({}), tables={"orders": ORDERS}), "CREATE TABLE t FROM FILE 'users.csv'")
    assert (caught.value.place.column, caught.value.hint) == (
        26, "kshell.files=true when connecting; in a program connect(files=True)")


def test_a_large_file_is_refused(alone):
    answer(alone, "SET 'kshell.file.max.bytes'='20'")
    what, hint, _ = refused(alone, "CREATE TABLE t FROM FILE 'users.csv'")
    assert (what, hint) == (
        "users.csv has 42 bytes, and 20 are the most",
        "SET 'kshell.file.max.bytes' to more, or make a smaller file")


def test_it_is_described_listed_replaced_and_dropped(alone):
    answer(alone, KEYED)
    text, columns, sql = answer(alone, "DESCRIBE users").parts
    assert text.text == "Table USERS: the 3 rows of users.csv, which was written at 2023-11-14 22:13:20+00:00."
    assert words(columns) == [("ID", "BIGINT", "primary key"), ("NAME", "STRING", "value"), ("COUNTRY", "STRING", "value")]
    assert sql.text == KEYED
    assert len(answer(alone, "DESCRIBE users EXTENDED").parts) == 2
    assert words(answer(alone, "SHOW TABLES")) == [("USERS", None, None, None, None, "users.csv")]
    assert "read from users.csv" in str(words(answer(alone, "EXPLAIN SELECT name FROM users")))
    explained = "EXPLAIN SELECT o.id FROM orders o JOIN users u ON o.id = u.id EMIT CHANGES"
    assert "Reads orders, users.csv." in str(words(answer(alone, explained)))
    put("users.csv", USERS + b"4,dee,es\n")
    assert rows(alone, "SELECT COUNT(*) FROM users") == [(3,)]
    assert answer(alone, "CREATE TABLE IF NOT EXISTS users FROM FILE 'gone.csv'").text.startswith("Cannot add table USERS")
    answer(alone, "CREATE OR REPLACE TABLE users FROM FILE 'users.csv'")
    assert rows(alone, "SELECT COUNT(*) FROM users") == [(4,)]
    assert "already exists" in refused(alone, KEYED)[0]
    assert refused(alone, "DROP TABLE users DELETE TOPIC")[:2] == (
        "Table USERS is read from users.csv, and has no topic to delete", "DROP TABLE USERS leaves the file as it is")
    assert answer(alone, "DROP TABLE users").text == "Table USERS is dropped."
    assert os.path.exists("users.csv")
    with pytest.raises(KshellError):
        rows(alone, "SELECT * FROM users")


def test_times_that_lose_digits_are_said(alone):
    put("t.csv", b"at,n\n2026-01-02T03:04:05.123456,1\n")
    (notice,) = answer(alone, "CREATE TABLE t FROM FILE 't.csv'").notices
    assert notice.text == "times that are cut to milliseconds: at"


def test_nothing_is_written_to_it(alone):
    answer(alone, KEYED)
    assert refused(alone, "INSERT INTO users VALUES (4, 'dee', 'es')")[0] == (
        "Cannot insert values into USERS: it is read from users.csv")
    assert refused(alone, "INSERT INTO users SELECT * FROM orders EMIT CHANGES")[0].startswith(
        "INSERT INTO can only be used to insert into a stream")
    assert refused(alone, "ALTER TABLE users ADD COLUMN x INT")[:2] == (
        "Cannot alter table 'USERS': its columns are those of users.csv",
        "CREATE OR REPLACE TABLE … FROM FILE declares others")
    assert refused(alone, "CREATE STREAM s FROM FILE 'users.csv'", Unsupported)[:2] == (
        "the rows of a file are a table", "CREATE TABLE name FROM FILE 'path'")
    assert refused(alone, "ASSERT VALUES users (id) VALUES (1)", Unsupported)[0].startswith("USERS is read from")


def test_a_table_of_a_topic_and_one_of_a_file_do_not_replace_each_other(alone):
    from kshell.catalog.catalog import Catalog
    from kshell.catalog.model import Column, FormatSpec, Kind, Source

    topic = Source("USERS", Kind.TABLE, "u", (Column("ID", pa.int64()),), (), FormatSpec("KAFKA"), FormatSpec("JSON"))
    alone.engine.context.catalog = Catalog().add(topic)
    what, hint, _ = refused(alone, "CREATE OR REPLACE TABLE users FROM FILE 'users.csv'")
    assert (what, hint) == (
        "Cannot replace USERS: it is read from u, which is a topic", "DROP TABLE USERS first")


@pytest.fixture
def session(demo):
    made = Session(Properties({**FILES, "bootstrap.servers": demo.bootstrap, "auto.offset.reset": "earliest"}))
    yield made
    made.close()


def test_queries_in_the_background_read_it(ask, execute, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put("users.csv", USERS)
    topic = f"t{uuid.uuid4().hex[:10]}"
    execute(KEYED)
    execute(f"CREATE TABLE copied WITH (KAFKA_TOPIC='{topic}', PARTITIONS=2) AS SELECT * FROM users")
    execute(f"CREATE STREAM sales (k BIGINT KEY, n INT) WITH (KAFKA_TOPIC='{topic}.sales', VALUE_FORMAT='JSON', PARTITIONS=1)")
    execute(f"CREATE STREAM named WITH (KAFKA_TOPIC='{topic}.named') AS "
            "SELECT s.k, u.name, s.n FROM sales s JOIN users u ON s.k = u.id EMIT CHANGES")
    for k, n in ((2, 5), (9, 6), (1, 7)):
        execute(f"INSERT INTO sales (k, n, ROWTIME) VALUES ({k}, {n}, 5000)")
    live = execute("SELECT NAME, N, ROWTIME FROM named EMIT CHANGES LIMIT 2")
    assert [tuple(row.values()) for row in rows_that_come(live)] == [("bob", 5, 5000), ("ann", 7, 5000)]
    execute("CREATE OR REPLACE TABLE users (id BIGINT PRIMARY KEY, name STRING, country STRING) FROM FILE 'users.csv'")
    execute(f"CREATE OR REPLACE TABLE copied WITH (KAFKA_TOPIC='{topic}') AS SELECT * FROM users WHERE id > 1")
    copied = ask("SELECT ID, NAME, ROWTIME FROM copied ORDER BY id")
    assert [tuple(row.values()) for row in copied] == [(2, "bob", WRITTEN), (3, "cy", WRITTEN)]
    with pytest.raises(BindError, match="Cannot drop USERS"):
        execute("DROP TABLE users")
    execute("TERMINATE ALL")
    execute("DROP TABLE users")


def test_print_shows_the_topic_of_the_name_if_there_is_one(execute, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    put("users.csv", USERS)
    execute("CREATE TABLE users FROM FILE 'users.csv'")
    assert execute("PRINT users LIMIT 1").title == "users"
    execute("CREATE TABLE nobody FROM FILE 'users.csv'")
    with pytest.raises(Unsupported, match="NOBODY is a table of users.csv") as caught:
        execute("PRINT nobody")
    assert caught.value.hint == 'SELECT * FROM "NOBODY"'
