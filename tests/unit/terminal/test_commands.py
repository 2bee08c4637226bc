"""The backslash commands over a session that needs no broker."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from kshell.errors import ParseError, Place
from kshell.terminal.commands import COMMANDS, command_help, enter
from kshell.terminal.conversation import Conversation
from kshell.terminal.typed import Call, read_call, runs_on_enter
from tests.terminal.fake_shell import FakeSession


class Keeping(FakeSession):
    """Remembers the statements that it was given."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def execute(self, text: str) -> Iterator[object]:
        self.seen.append(text)
        return super().execute(text)


@pytest.fixture
def session() -> Keeping:
    return Keeping()


@pytest.fixture
def talk(session: Keeping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Conversation:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    made = Conversation(lambda: session, "")  # type: ignore[arg-type, return-value]
    made.confirm = lambda question: False
    return made


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("\\d orders", Call("", "\\d", "orders")),
        ("  \\d+ orders ;", Call("", "\\d+", "orders")),
        ("\\?", Call("", "\\?", "")),
        ("\\!ls -l; date", Call("", "\\!", "ls -l; date")),
        ("\\o| less", Call("", "\\o", "| less")),
        ("SELECT '\\x' FROM t \\g out.csv", Call("SELECT '\\x' FROM t", "\\g", "out.csv")),
        ("SELECT 1\\g | wc -l", Call("SELECT 1", "\\g", "| wc -l")),
        ("SELECT '\\d'", None),
        ("SELECT 1 -- \\d", None),
        ("SELECT `\\d`;", None),
    ],
)
def test_a_command_is_read_from_what_is_typed(text: str, call: Call | None) -> None:
    assert read_call(text) == call


@pytest.mark.parametrize(
    ("text", "runs"),
    [("\\d", True), ("SELECT 1 \\g", True), ("SELECT 1", False), ("SELECT 1;", True),
     ("SELECT 1 &", True), ("SELECT '\\d", False), ("\\frob", True)],
)  # fmt: skip
def test_enter_runs_commands_without_a_semicolon(text: str, runs: bool) -> None:
    assert runs_on_enter(text) is runs


def test_every_command_has_a_handler_or_a_statement_and_one_line_of_help() -> None:
    words = [c.word for c in COMMANDS]
    assert len(set(words)) == len(words)
    for command in COMMANDS:
        assert bool(command.statement) != bool(command.handler), command.word
        if command.handler:
            assert callable(command.handle)
        assert command.help
        assert "\n" not in command.help
        assert f"{command.word} " in command_help()


@pytest.mark.parametrize(
    ("typed", "statement"),
    [
        ("\\d", "SHOW TOPICS;"),
        ("\\d orders", "DESCRIBE orders;"),
        ("\\d+ orders", "DESCRIBE orders EXTENDED;"),
        ("\\dt", "SHOW TOPICS;"),
        ("\\dt+", "SHOW TOPICS EXTENDED;"),
        ("\\df", "SHOW FUNCTIONS;"),
        ("\\df ucase", "DESCRIBE FUNCTION ucase;"),
        ("\\i a file.sql", "RUN SCRIPT 'a file.sql';"),
        ("\\i it's.sql", "RUN SCRIPT 'it''s.sql';"),
        ("\\set", "SHOW VARIABLES;"),
        ("\\set city it's", "DEFINE city = 'it''s';"),
    ],
)
def test_commands_that_are_statements(talk: Conversation, session: Keeping, typed: str, statement: str) -> None:
    enter(talk, typed)
    assert session.seen == [statement]


def test_an_unknown_command_gets_the_nearest(talk: Conversation, session: Keeping, capsys) -> None:
    enter(talk, "\\tmiing")
    shown = capsys.readouterr().err
    assert "unknown command \\tmiing" in shown
    assert "did you mean \\timing" in shown
    enter(talk, "\\frob")
    shown = capsys.readouterr().err
    assert "unknown command \\frob" in shown
    assert "did you mean \\f" in shown
    enter(talk, "\\0123456789")
    shown = capsys.readouterr().err
    assert "unknown command \\0123456789" in shown
    assert "\\?" in shown
    assert session.seen == []


def test_a_command_that_takes_an_argument_says_so(talk: Conversation, capsys) -> None:
    enter(talk, "\\f")
    assert "table, vertical" in capsys.readouterr().err
    enter(talk, "\\f tabel")
    shown = capsys.readouterr().err
    assert "no format named tabel" in shown
    assert "did you mean table" in shown


def test_a_command_that_cannot_end_a_statement_is_refused_there(talk: Conversation, session: Keeping, capsys) -> None:
    enter(talk, "SELECT 1 \\d")
    assert "\\d stands alone" in capsys.readouterr().err
    assert session.seen == []


def test_f_sets_the_format_and_o_with_a_format_names_f(talk: Conversation, capsys) -> None:
    enter(talk, "\\f jsonl")
    assert talk.output == "jsonl"
    enter(talk, "SELECT 1;")
    assert capsys.readouterr().out.endswith('{"said":"SELECT 1;"}\n')
    enter(talk, "\\o json")
    assert "\\f json" in capsys.readouterr().err
    assert not os.path.exists("json")


def test_o_sends_answers_to_a_file_until_o_alone(talk: Conversation, capsys) -> None:
    enter(talk, "\\o out.jsonl")
    enter(talk, "SELECT 1;")
    enter(talk, "SELECT 2;")
    assert "said" not in capsys.readouterr().out
    enter(talk, "\\o")
    assert Path("out.jsonl").read_text() == '{"said":"SELECT 1;"}\n{"said":"SELECT 2;"}\n'
    enter(talk, "SELECT 3;")
    assert "SELECT 3;" in capsys.readouterr().out
    assert "SELECT 3" not in Path("out.jsonl").read_text()


def test_g_sends_one_answer_to_a_file_in_the_format_of_its_name(talk: Conversation, capsys) -> None:
    import pyarrow.parquet as pq

    enter(talk, "SELECT 1 \\g out.csv")
    assert Path("out.csv").read_text() == "said\nSELECT 1\n"
    enter(talk, "SELECT 1 \\g out.parquet")
    assert pq.read_table("out.parquet").to_pydict() == {"said": ["SELECT 1"]}
    enter(talk, "SELECT 2;")
    assert "SELECT 2" in capsys.readouterr().out


def test_g_alone_runs_the_last_statement_again(talk: Conversation, session: Keeping, capsys) -> None:
    enter(talk, "\\g out.csv")
    assert "no statement" in capsys.readouterr().err
    enter(talk, "SELECT 1;")
    enter(talk, "\\g out.csv")
    assert Path("out.csv").exists()


def test_a_pipe_gets_lines_of_json_unless_a_format_was_chosen(talk: Conversation, capfd) -> None:
    enter(talk, "SELECT 1 \\g | tr S s")
    assert '{"said":"sELECT 1"}' in capfd.readouterr().out
    enter(talk, "\\f csv")
    enter(talk, "SELECT 1 \\g | tr S s")
    assert "said\nsELECT 1\n" in capfd.readouterr().out


def test_a_pipe_that_fails_is_said_and_one_that_ends_early_is_not(talk: Conversation, capfd) -> None:
    enter(talk, "SELECT 1 \\g | exit 3")
    assert "ended with 3" in capfd.readouterr().err
    enter(talk, "SELECT 1 \\g | true")
    assert "Error" not in capfd.readouterr().err


def test_no_file_is_overwritten_without_asking(talk: Conversation, capsys) -> None:
    Path("out.csv").write_text("before")
    asked: list[str] = []
    talk.confirm = lambda question: bool(asked.append(question))
    for typed in ("SELECT 1 \\g out.csv", "\\o out.csv"):
        enter(talk, typed)
        assert Path("out.csv").read_text() == "before"
    assert len(asked) == 2
    assert "out.csv" in asked[0]
    talk.confirm = lambda question: True
    enter(talk, "SELECT 1 \\g out.csv")
    assert Path("out.csv").read_text() == "said\nSELECT 1\n"


def test_gset_defines_the_columns_of_one_row(talk: Conversation, session: Keeping, capsys) -> None:
    enter(talk, "SELECT 1 \\gset")
    assert session.variables == {"said": "SELECT 1"}
    enter(talk, "SELECT 1 \\gset my_")
    assert session.variables["my_said"] == "SELECT 1"
    session.variables.clear()
    enter(talk, "unnamed \\gset")
    assert "COUNT(*) is no name of a variable" in capsys.readouterr().err
    enter(talk, "nothing \\gset")
    assert "the answer has none" in capsys.readouterr().err
    assert session.variables == {}
    enter(talk, "two rows \\gset")
    assert "2 rows" in capsys.readouterr().err
    assert session.variables == {}


def test_named_queries_are_kept_private_and_run_as_statements(talk: Conversation, session: Keeping, capsys) -> None:
    enter(talk, "\\ns recent SELECT * FROM orders LIMIT 5;")
    enter(talk, "\\n recent")
    assert session.seen == ["SELECT * FROM orders LIMIT 5"]
    enter(talk, "\\n")
    shown = capsys.readouterr().out
    assert "recent" in shown
    assert "SELECT * FROM orders LIMIT 5" in shown
    (file,) = Path("state/kshell").glob("*.json")
    assert file.stat().st_mode & 0o777 == 0o600
    assert "recent" in json.loads(file.read_text())
    enter(talk, "\\n recnt")
    assert "did you mean recent" in capsys.readouterr().err
    enter(talk, "\\nd recent")
    enter(talk, "\\n recent")
    assert "no named query" in capsys.readouterr().err


def test_named_queries_that_others_can_write_are_ignored_with_a_word(talk: Conversation, session: Keeping, capsys) -> None:
    enter(talk, "\\ns a SELECT 1;")
    (file,) = Path("state/kshell").glob("*.json")
    file.chmod(0o644)
    enter(talk, "\\n a")
    assert session.seen == []
    assert "is open to other users, and is ignored: chmod 600" in capsys.readouterr().err.replace("\n", " ")


def test_a_named_query_keeps_no_secret(talk: Conversation, session: Keeping, capsys) -> None:
    enter(talk, "\\ns login SET 'sasl.password'='hunter2'")
    assert "keeps no secrets" in capsys.readouterr().err
    assert not list(Path("state/kshell").glob("*.json"))


def test_a_named_query_runs_no_command(talk: Conversation, session: Keeping, capfd) -> None:
    enter(talk, "\\ns bad \\! echo hacked")
    assert "a statement" in capfd.readouterr().err
    Path("state/kshell").mkdir(parents=True)
    file = Path("state/kshell/named_queries.json")
    file.touch(0o600)
    file.chmod(0o600)
    file.write_text(json.dumps({"bad": "\\! echo hacked", "piped": "SELECT 1 \\g | echo hacked"}))
    for name in ("bad", "piped"):
        enter(talk, f"\\n {name}")
        shown = capfd.readouterr()
        assert "hacked" not in shown.out
        assert "only what you type" in shown.err
    assert session.seen == []


def test_a_program_does_not_get_the_secrets(talk: Conversation, monkeypatch, capfd) -> None:
    monkeypatch.setenv("KSHELL_SASL_PASSWORD", "hunter2")
    monkeypatch.setenv("KSHELL_SCHEMA_REGISTRY_BEARER_TOKEN", "hunter3")
    monkeypatch.setenv("PLAIN", "yes")
    enter(talk, "\\! env; echo '${PLAIN}'")
    enter(talk, "SELECT 1 \\g | env")
    shown = capfd.readouterr().out
    assert "hunter" not in shown
    assert shown.count("PLAIN=yes") == 2
    assert "${PLAIN}" in shown


def test_a_program_that_fails_is_said(talk: Conversation, capfd) -> None:
    enter(talk, "\\! exit 4")
    assert "ended with 4" in capfd.readouterr().err


def test_e_puts_the_edited_text_on_the_prompt_and_does_not_run_it(talk: Conversation, session: Keeping, tmp_path, monkeypatch) -> None:
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\nstat -c %a "$1" > mode\nsed -i s/one/two/ "$1"\n')
    script.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(script))
    enter(talk, "SELECT 'one';")
    enter(talk, "\\e")
    assert talk.prefill == "SELECT 'two';"
    assert session.seen == ["SELECT 'one';"]
    assert Path("mode").read_text() == "600\n"
    enter(talk, "SELECT 'one more' \\e")
    assert talk.prefill == "SELECT 'two more'"


def test_timing_hides_and_shows_how_long_an_answer_took(talk: Conversation, capsys) -> None:
    assert talk.timing
    enter(talk, "\\timing")
    assert not talk.timing
    enter(talk, "\\timing on")
    assert talk.timing
    enter(talk, "\\timing off")
    assert not talk.timing
    enter(talk, "\\timing maybe")
    assert "on or off" in capsys.readouterr().err


def test_watch_runs_until_ctrl_c(talk: Conversation, session: Keeping, monkeypatch) -> None:
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", nap)
    enter(talk, "SELECT 1 \\watch 5")
    assert session.seen == ["SELECT 1"] * 3
    assert naps == [5.0] * 3
    naps.clear()
    enter(talk, "\\watch")
    assert session.seen == ["SELECT 1"] * 6
    assert naps == [2.0] * 3


@pytest.mark.parametrize("wrong", ["soon", "-1", "0", "nan", "1e400"])
def test_watch_takes_seconds(talk: Conversation, session: Keeping, capsys, wrong: str) -> None:
    enter(talk, f"SELECT 1 \\watch {wrong}")
    assert "seconds" in capsys.readouterr().err
    assert session.seen == []


def test_conninfo_names_the_cluster_and_no_secret(talk: Conversation, session: Keeping, capsys) -> None:
    from kshell.config import Properties

    session.properties = Properties(
        {"bootstrap.servers": "fake:9092", "security.protocol": "SASL_SSL", "sasl.username": "ann",
         "sasl.password": "hunter2", "schema.registry.url": "https://al:pw@registry:8081"}
    )  # fmt: skip
    enter(talk, "\\conninfo")
    shown = capsys.readouterr().out
    for word in ("fake:9092", "SASL_SSL", "ann", "https://", "registry:8081", "test"):
        assert word in shown
    assert "hunter2" not in shown
    assert "pw" not in shown


def test_q_leaves(talk: Conversation) -> None:
    enter(talk, "\\q")
    assert talk.leaving


@pytest.mark.parametrize("columns", [200, 80, 50])
def test_help_lists_every_command_without_a_pager(talk: Conversation, capsys, monkeypatch, columns: int) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    enter(talk, "\\?")
    shown = capsys.readouterr().out
    assert all(len(line) <= columns for line in shown.splitlines())
    for command in COMMANDS:
        assert f"\n{command.word} " in f"\n{shown}"
        assert command.help in " ".join(shown.split())


def test_a_profile_is_taken_with_its_connection_and_refused_while_queries_run(
    talk: Conversation, tmp_path: Path, monkeypatch, capsys
) -> None:
    from kshell.config import Properties
    from kshell.config.sources import gather
    from kshell.session import Session

    home = tmp_path / "config" / "kshell"
    home.mkdir(parents=True)
    (home / "config.toml").write_text('[profile.prod]\n"client.id" = "p"\nread_only = true\n[profile.lab]\n"client.id" = "l"\n')
    (home / "config.toml").chmod(0o600)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    real = Session(Properties({"client.id": "mine"}))
    real.gather = lambda name: gather(profile=name).properties
    talk.session = lambda: real
    enter(talk, "\\profile")
    assert capsys.readouterr().out.split() == ["lab", "prod"]
    enter(talk, "\\profile prd")
    assert "did you mean prod" in capsys.readouterr().err
    assert real.properties["client.id"] == "mine"
    real.in_use = lambda: True
    enter(talk, "\\profile prod")
    assert "while a query runs" in capsys.readouterr().err
    assert (real.properties["client.id"], real.profile) == ("mine", "")
    real.in_use = bool
    enter(talk, "\\profile prod")
    assert (real.properties["client.id"], real.profile) == ("p", "prod")
    assert real.properties["kshell.read.only"] == "true"


@pytest.mark.parametrize(
    ("command", "ran"),
    [("\\d x", "DESCRIBE x;"), ("\\g", "selec 1"), ("\\G", "selec 1"), ("\\gset", "selec 1"),
     ("\\watch 1", "selec 1"), ("\\n bad", "selec 2")],
)  # fmt: skip
def test_an_error_is_drawn_in_the_statement_that_ran(
    talk: Conversation, session: Keeping, capsys, command: str, ran: str
) -> None:
    def execute(text: str) -> Iterator[object]:
        if text == "DESCRIBE x;":
            raise ParseError("no x", place=Place(1, 10, 1))
        return FakeSession.execute(session, text)

    session.execute = execute  # type: ignore[method-assign]
    enter(talk, "\\ns bad selec 2")
    enter(talk, "selec 1")
    capsys.readouterr()
    enter(talk, command)
    lines = capsys.readouterr().err.splitlines()
    at = lines.index(f"  1 │ {ran}")
    caret = lines[at + 1].removeprefix("    │ ").index("^")
    assert ran[caret : caret + 5].strip(";") in ("x", "selec")


def test_a_statement_of_the_background_is_the_last_one_without_its_sign(
    talk: Conversation, session: Keeping
) -> None:
    enter(talk, "SELECT 1 &")
    enter(talk, "\\g out.csv")
    assert session.seen == ["SELECT 1", "SELECT 1"]
    talk.close()


def test_an_error_of_the_background_is_drawn_in_its_statement(talk: Conversation, capsys) -> None:
    enter(talk, "SELECT 1; selec 2 &")
    assert "  1 │ selec 2\n    │ ^^^^^" in capsys.readouterr().err
