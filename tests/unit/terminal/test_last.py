"""The last result at the prompt: seen again, in another format, and written, without a second read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from kshell.config import Properties
from kshell.errors import KshellError
from kshell.session import Session
from kshell.sql.statements import Select
from kshell.terminal.batch import Batch
from kshell.terminal.commands import enter
from kshell.terminal.conversation import Conversation
from kshell.terminal.show import Shower

TABLES = {"t": pa.table({"n": pa.array([1, 2, 3], pa.int64()), "s": ["a", "b", "c"]})}


class Counting(Session):
    """Counts the SELECTs that are run, and the answers that are kept."""

    selects = kept = 0

    def connect(self) -> None:
        super().connect()
        run = self.engine.run

        def counted(statement, properties):  # type: ignore[no-untyped-def]
            self.selects += isinstance(statement, Select)
            return run(statement, properties)

        remember = self.engine.remember

        def counted_too(*given):  # type: ignore[no-untyped-def]
            self.kept += 1
            return remember(*given)

        self.engine.run = counted  # type: ignore[method-assign]
        self.engine.remember = counted_too  # type: ignore[method-assign]


@pytest.fixture
def session() -> Iterator[Counting]:
    made = Counting(Properties({}), tables=TABLES, remembers=True)
    made.connect()
    yield made
    made.close()


@pytest.fixture
def talk(session: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Conversation:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    made = Conversation(lambda: session, "")
    made.confirm = lambda question: False
    return made


def test_it_is_shown_again_in_other_formats(talk: Conversation, session: Counting, capsys) -> None:
    enter(talk, "SELECT n, s FROM t ORDER BY n;")
    first = capsys.readouterr().out
    enter(talk, "\\last")
    assert capsys.readouterr().out == first
    enter(talk, "\\last csv")
    assert capsys.readouterr().out == "n,s\n1,a\n2,b\n3,c\n"
    enter(talk, "\\last cvs")
    assert "did you mean csv" in capsys.readouterr().err
    assert session.selects == 1


def test_before_the_first_it_says_so(talk: Conversation, capsys) -> None:
    enter(talk, "\\last")
    assert "there is no last result yet" in capsys.readouterr().err


def test_g_writes_it(talk: Conversation, session: Counting, tmp_path: Path) -> None:
    enter(talk, "SELECT n, s FROM t ORDER BY n;")
    enter(talk, "\\g out.csv")
    assert (tmp_path / "out.csv").read_text() == "n,s\n1,a\n2,b\n3,c\n"
    assert session.selects == 1


def test_g_runs_a_statement_whose_result_it_is_not(
    talk: Conversation, session: Counting, tmp_path: Path, capsys
) -> None:
    enter(talk, "SELECT n, s FROM t ORDER BY n;")
    enter(talk, "DESCRIBE t;")
    enter(talk, "\\g out.jsonl")
    assert '"n":1' not in (tmp_path / "out.jsonl").read_text()
    enter(talk, "SELECT n FROM t WHERE n = 2 \\g two.csv")
    assert (tmp_path / "two.csv").read_text() == "n\n2\n"
    assert session.selects == 2


def test_g_runs_several_statements_again(talk: Conversation, tmp_path: Path) -> None:
    enter(talk, "SELECT n FROM t WHERE n = 1; SELECT n FROM t WHERE n = 3;")
    enter(talk, "\\g out.csv")
    assert (tmp_path / "out.csv").read_text() == "n\n1\nn\n3\n"


def test_o_sends_it_there(talk: Conversation, tmp_path: Path) -> None:
    enter(talk, "SELECT n FROM t WHERE n = 2;")
    enter(talk, "\\o out.csv")
    enter(talk, "\\last")
    enter(talk, "\\o")
    assert (tmp_path / "out.csv").read_text() == "n\n2\n"


def test_a_script_keeps_results_only_if_it_names_the_last_one(capsys) -> None:  # type: ignore[no-untyped-def]
    for script, kept, out in (
        ("SELECT n FROM t WHERE n = 2; SELECT n + 1 AS m FROM _", 2, '{"n":2}\n{"m":3}\n'),
        ("SELECT n FROM t WHERE n = 2; SELECT n FROM t WHERE n = 1", 0, '{"n":2}\n{"n":1}\n'),
    ):
        session = Counting(Properties({}), tables=TABLES)
        session.connect()
        assert Batch("jsonl").run(session, script) == 0
        assert capsys.readouterr().out == out
        assert session.kept == kept


def test_x_auto_turns_what_does_not_fit(talk: Conversation, capsys) -> None:
    enter(talk, "\\x auto")
    assert talk.output == "auto"
    enter(talk, "\\x")
    assert talk.output == "vertical"
    enter(talk, "\\x off")
    assert talk.output == "table"
    enter(talk, "\\x maybe")
    assert "on, off or auto" in capsys.readouterr().err


BIG = {"t": pa.table({"n": pa.array(range(5_000), pa.int64()), "s": ["x" * 50] * 5_000})}
SMALL_CAPS = {"kshell.result.memory.bytes": "1000", "kshell.result.disk.bytes": "10000", "kshell.max.rows": "4"}


def test_a_result_that_is_not_kept_is_not_promised(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Over the cap of the disk `\\last` has nothing: the footer does not name it, and hints say what helps."""
    monkeypatch.setattr(Shower, "_for_people", lambda shower: True)
    for caps, kept in ((SMALL_CAPS, False), ({**SMALL_CAPS, "kshell.result.disk.bytes": "10000000"}, True)):
        with contextlib.closing(Session(Properties(caps), tables=BIG, remembers=True)) as session:
            shower = Shower("table", properties=lambda session=session: session.properties, prompt=True)
            for answer in session.execute("SELECT * FROM t"):
                shower.show(answer)
            drawn = "".join(capsys.readouterr())
            assert "5,000 rows, 4 shown" in drawn
            assert ("\\last for all" in drawn) is kept
            assert ("not kept as _" in drawn) is not kept
            if kept:
                continue
            with pytest.raises(KshellError) as caught:
                list(session.execute("SELECT COUNT(*) FROM _"))
            assert caught.value.what == "_ is missing: the last result was not kept: it is larger than 10,000 bytes (kshell.result.disk.bytes)"
            assert "kshell.result.disk.bytes" in caught.value.hint
            with pytest.raises(KshellError, match="not kept") as caught:
                session.engine.last("")
            assert "kshell.result.disk.bytes" in caught.value.hint


def test_without_a_last_result_a_select_is_the_hint(session: Counting) -> None:
    with pytest.raises(KshellError, match="there is no last result yet") as caught:
        list(session.execute("SELECT COUNT(*) FROM _"))
    assert caught.value.hint == "run a SELECT first"
