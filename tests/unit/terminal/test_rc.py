"""The statements of rc.sql: who may have written them, what they may be, and what is said of them."""

from __future__ import annotations

import os

import pyarrow as pa
import pytest

from kshell.config import Properties
from kshell.session import Session
from kshell.terminal.rc import rc_file, run_rc


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes rc.sql; gives its path."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    path = tmp_path / "kshell" / "rc.sql"
    path.parent.mkdir()

    def make(text: str, mode: int = 0o600):
        path.write_text(text)
        path.chmod(mode)
        assert rc_file() == path
        return path

    return make


@pytest.fixture
def session():
    return Session(Properties({"kshell.files": "true"}), tables={"t": pa.table({"n": [1]})})


def said(session) -> list[tuple[str, str]]:
    return [(error.what, error.hint) for error in run_rc(session)]


def test_its_statements_change_the_session(write, session):
    write("-- mine\nSET 'auto.offset.reset'='earliest';\nDEFINE t = 'orders';\nDEFINE u = '${t}2';\n")
    assert said(session) == []
    assert session.properties["auto.offset.reset"] == "earliest"
    assert session.variables == {"t": "orders", "u": "orders2"}


def test_without_the_file_nothing_is_said(tmp_path, monkeypatch, session):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert said(session) == []


@pytest.mark.parametrize("mode", [0o644, 0o620, 0o602, 0o660, 0o604])
def test_a_file_that_others_may_open_is_not_run(mode, write, session):
    path = write("DEFINE t = 'x';", mode)
    assert said(session) == [(f"{path} is open to other users, and is not run", f"chmod 600 {path}")]
    assert session.variables == {}


def test_anothers_file_is_not_run(write, session, monkeypatch):
    path = write("DEFINE t = 'x';")
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    assert said(session) == [(f"{path} belongs to another user, and is not run", "")]
    assert session.variables == {}


def test_a_fifo_is_not_run(write, session):
    path = write("")
    path.unlink()
    os.mkfifo(path, 0o600)
    assert said(session) == [(f"{path} is not a regular file, and is not run", "")]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("DEFINE a = '1';\n\nSET 'sasl.usrname'='x';\nDEFINE b = '2';", 3, "no property named sasl.usrname"),
        ("DEFINE a = '1';\nSELEC 1;", 2, ""),
        ("DEFINE a = '1'; SELECT * FROM t;", 1, "this gives an answer, and the statements of rc.sql give none"),
        ("DEFINE a = '1';\nSPOOL '/tmp/x';", 2, "this gives an answer, and the statements of rc.sql give none"),
    ],
)
def test_an_error_names_file_and_line_and_ends_it(text, line, what, write, session):
    path = write(text)
    ((told, _),) = said(session)
    assert told.startswith(f"{path}:{line}: {what}")
    assert session.variables == {"a": "1"}


def test_exit_ends_it(write, session):
    write("DEFINE a = '1'; EXIT; DEFINE b = '2';")
    assert said(session) == []
    assert session.variables == {"a": "1"}
