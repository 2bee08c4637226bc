"""Declarations of a prompt are there at the next prompt on the same cluster, and nowhere else."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kshell.config import Properties
from kshell.demo.broker import Demo
from kshell.engines.local.kept_catalog import KeptCatalog
from kshell.results import Message, Remark, Rows
from kshell.session import Session

ORDERS = "CREATE STREAM o (orderid INT) WITH (kafka_topic='orders', value_format='JSON')"


@pytest.fixture
def prompt(demo: Demo, tmp_path: Path) -> Iterator[Callable[..., Session]]:
    """Opens a session as a prompt does; without statements of rc.sql."""
    opened: list[Session] = []

    def begin(bootstrap: str = "", before: str = "") -> Session:
        session = Session(Properties({"bootstrap.servers": bootstrap or demo.bootstrap,
                                      "kshell.files": "true"}))  # fmt: skip
        opened.append(session)
        session.kept_in = tmp_path / "catalog"
        told(session, before)
        session.told = session.keep()  # type: ignore[attr-defined]
        return session

    yield begin
    for session in opened:
        session.close()


def told(session: Session, text: str) -> list[str]:
    return [e.text for e in session.execute(text) if isinstance(e, Message | Remark)]


def sources(session: Session) -> list[str]:
    return sorted(session.engine.context.catalog.sources)  # type: ignore[attr-defined]


def file_of(session: Session) -> Path:
    kept = session.engine.context.kept  # type: ignore[attr-defined]
    assert isinstance(kept, KeptCatalog)
    return kept.path


def test_they_are_there_at_the_next_prompt(prompt) -> None:
    first = prompt()
    told(first, f"{ORDERS}; CREATE TYPE addr AS STRUCT<city STRING>;"
                " CREATE TABLE u (id INT PRIMARY KEY, a addr)"
                " WITH (kafka_topic='users', key_format='KAFKA', value_format='JSON');"
                " ALTER STREAM o ADD COLUMN itemid STRING; CREATE STREAM x (a INT)"
                " WITH (kafka_topic='orders', value_format='JSON'); DROP STREAM x;")  # fmt: skip
    text = file_of(first).read_text()
    assert stat.S_IMODE(os.stat(file_of(first)).st_mode) == 0o600
    assert "CREATE STREAM `O` (`ORDERID` INTEGER, `ITEMID` STRING) WITH" in text
    assert "`X`" not in text
    second = prompt()
    assert second.told == []
    assert sources(second) == ["O", "U"]
    assert second.types() == ("ADDR",)
    (rows,) = second.execute("SHOW STREAMS")
    assert isinstance(rows, Rows)
    assert [n.text for n in rows.notices()] == [
        f"O: declared at an earlier prompt ({file_of(second)})"
    ]
    told(second, "DROP TYPE addr; DROP STREAM o")
    third = prompt()
    assert (sources(third), third.types()) == (["U"], ())
    (shown,) = third.execute("SHOW STREAMS")
    assert isinstance(shown, Message)


def test_of_create_as_the_declaration_is_kept(prompt) -> None:
    first = prompt()
    told(first, f"{ORDERS}; CREATE TABLE counts_kept AS SELECT orderid, COUNT(*) AS n FROM o"
                " WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY orderid;")  # fmt: skip
    assert "SELECT" not in file_of(first).read_text()
    second = prompt()
    assert second.told == []
    table = second.engine.context.catalog.sources["COUNTS_KEPT"]
    made = first.engine.context.catalog.sources["COUNTS_KEPT"]
    assert (table.key, table.value, table.window) == (made.key, made.value, made.window)
    assert (table.query_id, second.running()) == ("", ())


def test_two_prompts_change_only_what_they_declare(prompt) -> None:
    first, second = prompt(), prompt()
    told(first, ORDERS)
    told(second, ORDERS.replace("STREAM o", "STREAM p"))
    told(first, "DROP STREAM o")
    assert sources(prompt()) == ["P"]


def test_what_rc_declares_comes_first_and_is_not_kept(prompt) -> None:
    first = prompt()
    told(first, ORDERS)
    other = ORDERS.replace("(orderid INT)", "(itemid STRING)")
    second = prompt(before=other + ";" + other.replace("STREAM o", "STREAM q"))
    assert second.told == []
    catalog = second.engine.context.catalog
    assert [c.name for c in catalog.sources["O"].value] == ["ITEMID"]
    assert "ITEMID" not in file_of(second).read_text()
    assert sources(prompt()) == ["O"]


def test_another_cluster_has_its_own(prompt, other_demo) -> None:
    first = prompt()
    told(first, ORDERS)
    assert sources(prompt(other_demo.bootstrap)) == []
    moving = prompt(other_demo.bootstrap)
    told(moving, ORDERS.replace("STREAM o", "STREAM there"))
    told(moving, f"SET 'bootstrap.servers'='{first.properties['bootstrap.servers']}'")
    assert sources(moving) == ["O"]
    told(moving, f"SET 'bootstrap.servers'='{other_demo.bootstrap}'")
    assert sources(moving) == ["THERE"]


def test_a_topic_that_is_not_there_any_more_or_another_one_is_told(prompt, topic_of) -> None:
    first, name = prompt(), topic_of('{"a": 1}')
    told(first, f"CREATE STREAM s (a INT) WITH (kafka_topic='{name}', value_format='JSON')")
    path = file_of(first)
    text = path.read_text()
    path.write_text(text.replace(f"KAFKA_TOPIC='{name}'", "KAFKA_TOPIC='gone-since'"))
    second = prompt()
    assert second.told == ["topic gone-since of stream S is not there any more"]
    assert sources(second) == ["S"]


def test_a_line_that_cannot_be_read_is_told_and_stays(prompt) -> None:
    first = prompt()
    told(first, ORDERS)
    path = file_of(first)
    with path.open("a") as file:
        file.write("CREATE STREEM z (a INT);\nSELECT 1;\n")
    second = prompt()
    line = len(path.read_text().splitlines())
    why = "this is not a declaration that kshell can read"
    assert second.told == [f"{path}, line {line - 1}: {why}", f"{path}, line {line}: {why}"]
    told(second, "DROP STREAM o")
    assert "CREATE STREEM z (a INT);\nSELECT 1;\n" in path.read_text()
    assert sources(second) == []


def test_a_file_open_to_others_is_not_read(prompt) -> None:
    first = prompt()
    told(first, ORDERS)
    file_of(first).chmod(0o644)
    second = prompt()
    assert second.told == [f"{file_of(first)} is open to other users, and is not read; "
                           f"chmod 600 {file_of(first)}"]  # fmt: skip
    assert sources(second) == []


def test_a_file_that_cannot_be_written_is_a_notice(prompt) -> None:
    first = prompt()
    file_of(first).mkdir(parents=True)
    (made,) = first.execute(ORDERS)
    assert isinstance(made, Message)
    assert made.text.startswith("Stream O is created.")
    assert made.notices[0].text.startswith("not kept for the next prompt: ")


def test_nothing_is_kept_without_a_folder(demo, tmp_path) -> None:
    session = Session(Properties({"bootstrap.servers": demo.bootstrap}))
    assert session.keep() == []
    told(session, ORDERS)
    assert list(tmp_path.iterdir()) == []
    session.close()
