r"""`\chart`: the last result as a chart, on the screen and in a file, without a second read."""

from __future__ import annotations

import os
import stat
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from kshell.config import Properties
from kshell.errors import UsageError
from kshell.session import Session
from kshell.sql.statements import Select
from kshell.terminal import chart_command
from kshell.terminal.chart_command import read_wish
from kshell.terminal.charts.kind import Asked
from kshell.terminal.commands import enter
from kshell.terminal.conversation import Conversation

HOSTILE = "a\x1b[2J\u202e<b>&\ufffe\x00"
TABLES = {
    "t": pa.table({"region": ["Vienna", "Graz", HOSTILE], "n": [40, -10, None], "m": [1, 2, 3]}),
    "at": pa.table({"ts": [datetime(2026, 11, 29, 14, n) for n in range(3)], "n": [1, 3, 2]}),
    "big": pa.table({"n": pa.array(range(5000), pa.int64())}),
}
SVG = "{http://www.w3.org/2000/svg}"


class Counting(Session):
    """Counts the SELECTs that are run."""

    selects = 0

    def connect(self) -> None:
        super().connect()
        run = self.engine.run

        def counted(statement, properties):  # type: ignore[no-untyped-def]
            self.selects += isinstance(statement, Select)
            return run(statement, properties)

        self.engine.run = counted  # type: ignore[method-assign]


@pytest.fixture
def session() -> Iterator[Counting]:
    made = Counting(Properties({"kshell.times": "utc"}), tables=TABLES, remembers=True)
    made.connect()
    yield made
    made.close()


@pytest.fixture
def talk(session: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Conversation:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "12")
    monkeypatch.chdir(tmp_path)
    made = Conversation(lambda: session, "")
    made.confirm = lambda question: False
    return made


@pytest.mark.parametrize(
    ("text", "values", "by", "path"),
    [
        ("", (), "", ""),
        ("n", ("n",), "", ""),
        ("n, m BY region", ("n", "m"), "region", ""),
        ("n m by region to 'x.svg';", ("n", "m"), "region", "x.svg"),
        ("TO a-b/c.svg", (), "", "a-b/c.svg"),
        ('COUNT(*) "my n" BY `by`', ("COUNT(*)", "my n"), "by", ""),
        ("BY \"to\" TO 'it''s.SVG'", (), "to", "it's.SVG"),
    ],
)
def test_what_is_wished(text: str, values: tuple[str, ...], by: str, path: str) -> None:
    wish = read_wish(text.rstrip(";"))
    assert (wish.asked, wish.path) == (Asked(values, by), path)


@pytest.mark.parametrize("text", ["BY", "n TO", "n BY a b", "n BY a BY b", "TO 'a.svg' 'b.svg'"])
def test_what_is_no_wish(text: str) -> None:
    with pytest.raises(UsageError, match="takes"):
        read_wish(text)


def test_the_last_result_is_charted_without_a_second_read(talk, session, capsys) -> None:
    enter(talk, "SELECT * FROM t WHERE n IS NOT NULL;")
    capsys.readouterr()
    enter(talk, "\\chart")
    assert capsys.readouterr().out.splitlines() == [
        " n by region",
        " Vienna  40 │     ████████████████████",
        " Graz   -10 │█████",
    ]
    assert session.selects == 1


def test_columns_and_by(talk, capsys) -> None:
    enter(talk, "SELECT * FROM t;")
    capsys.readouterr()
    enter(talk, "\\chart m BY region")
    shown = capsys.readouterr()
    assert shown.out.startswith(" m by region\n Vienna ")
    assert "\x1b" not in shown.out
    assert " a\\x1b[2J\\u20… 3 │" in shown.out
    enter(talk, "\\chart region")
    assert "region has no numbers: the columns are region STRING, n BIGINT, m BIGINT" in (
        capsys.readouterr().err
    )
    enter(talk, "\\chart regoin")
    assert "did you mean region?" in capsys.readouterr().err


def test_a_line_over_a_timestamp_and_what_is_not_drawn(talk, capsys) -> None:
    enter(talk, "SELECT * FROM at;")
    capsys.readouterr()
    enter(talk, "\\chart")
    shown = capsys.readouterr().out
    assert shown.startswith(" n by ts\n")
    assert "14:00" in shown.splitlines()[-1]
    enter(talk, "SELECT * FROM big;")
    capsys.readouterr()
    enter(talk, "\\chart")
    assert "5,000 rows in " in capsys.readouterr().err
    enter(talk, "SELECT CAST(n AS STRING) AS s, n FROM big;")
    capsys.readouterr()
    enter(talk, "\\chart")
    assert "the first 7 of 5,000 rows" in capsys.readouterr().err


def test_only_so_much_of_a_result_is_read(talk, capsys, monkeypatch) -> None:
    monkeypatch.setattr(chart_command, "_MOST_ROWS", 1000)
    enter(talk, "SELECT * FROM big;")
    capsys.readouterr()
    enter(talk, "\\chart")
    shown = " ".join(capsys.readouterr().err.split())
    assert "of the first 1,000 rows: there are more" in shown
    assert "1,000 rows in " in shown


def test_without_a_result_or_a_number(talk, capsys) -> None:
    enter(talk, "\\chart")
    assert "run a SELECT first" in capsys.readouterr().err
    enter(talk, "SELECT region FROM t;")
    enter(talk, "\\chart")
    assert "there are no numbers to chart: the columns are region STRING" in capsys.readouterr().err
    enter(talk, "SELECT * FROM t WHERE n > 1000;")
    enter(talk, "\\chart n BY m")
    assert "no row has a point yet" in capsys.readouterr().out


def test_a_file_is_written_and_not_replaced_without_asking(talk, tmp_path, capsys) -> None:
    path = tmp_path / "x.svg"
    enter(talk, "SELECT * FROM t;")
    before_mask = os.umask(0o022)
    try:
        enter(talk, "\\chart n TO 'x.svg'")
    finally:
        os.umask(before_mask)
    assert "Written to x.svg." in capsys.readouterr().err
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    root = ElementTree.fromstring(path.read_text())
    assert len(root.findall(f".//{SVG}rect")) == 3  # the ground and two bars
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert texts[0] == "n by region"
    assert "a\\x1b[2J\\u202e<b>&\ufffd\\x00" in texts
    assert "http" not in path.read_text().replace("http://www.w3.org/2000/svg", "")
    before = path.read_text()
    enter(talk, "\\chart m TO x.svg")
    assert "x.svg is left as it is" in capsys.readouterr().err
    assert path.read_text() == before
    talk.confirm = lambda question: True
    enter(talk, "\\chart m TO x.svg")
    assert path.read_text() != before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x.svg"]


def test_files_that_cannot_be_written(talk, tmp_path, capsys) -> None:
    enter(talk, "SELECT * FROM t;")
    enter(talk, "\\chart TO 'no/x.svg'")
    assert "no/x.svg cannot be written: No such file" in capsys.readouterr().err
    enter(talk, "\\chart TO 'x.png'")
    assert "x.png is not named .svg" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("statement", "shape", "count"),
    [
        ("SELECT * FROM at", "polyline", 1),
        ("SELECT * FROM at LIMIT 1", "circle", 1),
        ("SELECT n, m FROM t WHERE n > 1000", "circle", 0),
        ("SELECT region, n FROM t", "rect", 3),
    ],
)
def test_pictures_of_each_kind(talk, tmp_path, statement: str, shape: str, count: int) -> None:
    enter(talk, f"{statement};")
    enter(talk, "\\chart TO x.svg")
    root = ElementTree.fromstring((tmp_path / "x.svg").read_text())
    assert len(root.findall(f".//{SVG}{shape}")) == count
