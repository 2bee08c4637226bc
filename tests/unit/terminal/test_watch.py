r"""`\watch` in the live view: the rows of each run, what is another one, and what ends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pyarrow as pa
import pytest

from kshell.errors import KshellError, Outage, UsageError
from kshell.results import Live, LiveStats, Message, Notice, NoticeKind, Progress, Rows, Sections
from kshell.terminal import watch
from kshell.terminal.commands import enter
from kshell.terminal.conversation import Conversation
from kshell.terminal.live_chart import chart_of
from kshell.terminal.live_footer import ending, figures
from kshell.terminal.live_keys import KEYS
from kshell.terminal.live_pane import Pane
from kshell.terminal.live_save import save
from kshell.terminal.live_view import View
from kshell.terminal.repeats import NoTable, Repeats
from kshell.terminal.snapshot import Snapshot
from kshell.terminal.times import Times
from tests.terminal.fake_shell import FakeSession
from tests.unit.terminal.test_view import draw


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def table(**columns: list[object]) -> pa.RecordBatch:
    return pa.record_batch(columns)


def snapshot(*runs: pa.RecordBatch) -> tuple[View, Callable[[pa.RecordBatch], None]]:
    board = Snapshot(Times.NUMBER, 2.0)
    view = View.of(board)

    def show(rows: pa.RecordBatch) -> None:
        board.replace(rows, rows.num_rows)
        view.glow(view.window(99).rows, float(board.changes))

    for rows in runs:
        show(rows)
    return view, show


def lit(view: View) -> list[tuple[str | None, int]]:
    """The first cell of each row with a lit cell, and that cell's column."""
    return [
        (row.texts[0], column)
        for row in view.window(99).rows
        for column in range(len(row.texts))
        if view.lit(row, column)
    ]


def test_only_cells_that_changed_since_the_run_before_light_up() -> None:
    view, show = snapshot(table(region=["a", "b", "c"], n=[3, 2, 1]))
    board = view.board
    assert isinstance(board, Snapshot)
    assert (lit(view), board.differing) == ([], 0)
    show(table(region=["b", "a", "c"], n=[4, 3, 1]))  # sorted by n: a and b change places
    assert [row.texts for row in view.window(99).rows] == [("b", "4"), ("a", "3"), ("c", "1")]
    assert (lit(view), board.differing) == ([("b", 1)], 1)
    show(table(region=["b", "d"], n=[4, 4]))
    assert board.differing == 3  # d came, a and c went
    assert [cell for cell in lit(view) if cell[0] == "d"] == [("d", 0), ("d", 1)]


def test_a_number_that_happens_to_be_unique_names_no_rows() -> None:
    view, _ = snapshot(
        table(n=[1, 2, 3], region=["a", "b", "c"]), table(n=[1, 3, 4], region=["a", "b", "c"])
    )
    assert lit(view) == [("3", 0), ("4", 0)]


def test_equal_rows_are_told_apart_by_their_number() -> None:
    view, _ = snapshot(table(page=["x", "y", "x"]), table(page=["x", "x", "x", "y"]))
    board = view.board
    assert isinstance(board, Snapshot)
    assert board.differing == 1
    assert lit(view) == [("x", 0)]


def test_a_query_of_one_row_has_the_same_row_each_time() -> None:
    view, _ = snapshot(table(count=[7]), table(count=[9]))
    (row,) = view.window(9).rows
    assert (row.id, lit(view)) == (0, [("9", 0)])


def test_a_filter_a_sort_and_the_cursor_hold_while_runs_come() -> None:
    view, show = snapshot(table(k=["a", "b", "ab"], n=[1, 2, 3]))
    for key in ("right", "s", "/", "b", "c-m", "down"):
        view.press(key, key if len(key) == 1 else "")
    show(table(k=["ab", "b", "a"], n=[5, 9, 7]))
    assert [row.texts for row in view.window(9).rows] == [("b", "9"), ("ab", "5")]
    assert view.board.drawn(view.mode, view.order())[1].id == view.cursor  # it is on ab still
    view.press("t")
    assert view.mode.value == "watch"
    assert not view.paused


def test_other_columns_begin_anew() -> None:
    board = Snapshot(Times.NUMBER, 2.0)
    runs = iter([table(a=[1], b=[2], c=[3]), table(z=["only"])])
    go = threading.Semaphore(0)

    def ask() -> Iterator[Rows]:
        go.acquire()
        yield Rows.of(next(runs))

    repeats = Repeats(ask, 0.01, "t")
    pane = Pane(repeats.live, View.of(board), "t", repeats)
    pane.lines(40, 9)
    pane.view.press("right")
    for name, count in (("a", 3), ("z", 1)):
        go.release()
        until(lambda name=name: any(f" {name} " in text(line) + " " for line in pane.lines(40, 9)))
        pane.view.press(">")
        assert pane.view.column == count - 1
    assert pane.view.first_column == 0
    repeats.done.set()
    go.release()
    repeats.stop()


def text(line: tuple[tuple[str, str], ...]) -> str:
    return "".join(part for part, _ in line)


def run(*answers: object) -> tuple[Repeats, Snapshot]:
    """Runs that give these, and raise those that are errors; the last one again and again."""
    rest = list(answers)

    def ask() -> Iterator[object]:
        answer = rest.pop(0) if len(rest) > 1 else rest[0]
        if isinstance(answer, BaseException):
            raise answer
        yield answer() if callable(answer) else answer

    return Repeats(ask, 0.01, "t"), Snapshot(Times.NUMBER, 2.0)  # type: ignore[arg-type]


def numbers(count: int) -> Callable[[], Rows]:
    def made() -> Rows:
        rows = pa.table({"n": list(range(count))})
        notices = (
            Notice(NoticeKind.UNDECODABLE, "3 records are not in the answer", 3),
            Notice(NoticeKind.PARTIAL, "stopped at 2 records", 0),
        )
        progress = Progress(500, 500, 1.0)
        return Rows(rows.schema, iter(rows.to_batches(max_chunksize=7_000)),
                    progress=lambda: progress, notices=lambda: notices)  # fmt: skip

    return made


def test_of_many_rows_the_first_are_kept_and_all_are_counted() -> None:
    repeats, board = run(numbers(25_000))
    until(lambda: repeats.hand_over(board) or board.when)
    repeats.stop()
    view = View.of(board)
    assert (board.rows, len(view.order())) == (25_000, 10_000)
    assert view.window(3).rows[0].texts == ("0",)
    assert repeats.stats() == LiveStats(
        25_000, 500, bad=repeats.stats().bad, note="stopped at 2 records"
    )
    assert repeats.stats().bad.count == 3
    told = [figure for _, figure in figures(view, repeats.stats(), 20, 10_000)]
    assert told[:3] == ["20 of 25,000 rows", "15,000 not kept", f"{board.differing:,} changed"]
    assert told[-2:] == ["3 left out", "500 read"]
    said = ending(view, repeats.stats(), 20, 1, False, "stopped", "\\last for all")
    assert said.startswith("(20 of 25,000 rows shown · 15,000 not kept")
    assert said.endswith("stopped; \\last for all)")


@pytest.mark.parametrize("key", [key.names[0] for key in KEYS])
def test_each_key_may_come_before_the_first_run(key: str, tmp_path) -> None:
    view = View.of(Snapshot(Times.NUMBER, 2.0))
    for name in ("right", key, "left", key):
        view.press(name, name if len(name) == 1 else "")
        assert len(draw(view, 60, 9).lines) == 9
    for kind in ("csv", "jsonl", "parquet", "arrow"):
        assert save(view, str(tmp_path / f"x.{kind}")).startswith("0 rows written")
    view.board.replace(table(k=["a", "b"]), 2)  # type: ignore[attr-defined]
    view.renew()
    assert len(draw(view, 60, 9).lines) == 9


def test_a_filter_counts_what_changed_and_not_the_runs() -> None:
    view, show = snapshot(table(k=["a", "b", "ab"], n=[1, 2, 3]))
    for n in range(5):
        show(table(k=["a", "b", "ab"], n=[1, 2, 4 + n]))
    view.sought = "b"
    told = [figure for _, figure in figures(view, LiveStats(), 2, 2)]
    assert told[:2] == ["2 of 3 match", "1 changed"]
    assert told[2].startswith("at ")
    view.board.replace(table(k=["b"] * 10_000), 20_000)  # type: ignore[attr-defined]
    assert "(10,000 of 10,000 match · 10,000 not kept · " in ending(
        view, LiveStats(), 10_000, 1, False, "stopped", ""
    )


def test_the_chart_is_that_of_a_bounded_query() -> None:
    view, show = snapshot(table(region=["north", "south"], n=[1, 2]))
    what, drawn = chart_of(view, 60, 9)
    assert what == "n by region"
    assert [line[0][0].split()[0] for line in drawn.lines] == ["north", "south"]
    show(table(n=list(range(10_000))))
    view.board.rows = 12_000
    assert chart_of(view, 60, 9)[0] == "n · the first 10,000 of 12,000 rows"


def test_an_outage_is_said_and_the_rows_stay_until_brokers_answer() -> None:
    one, two = (lambda n=n: Rows.of(pa.table({"n": [n]})) for n in (1, 2))
    repeats, board = run(one, Outage("no broker answers"), two)
    until(lambda: repeats.hand_over(board) or board.changes >= 2)
    assert (repeats.done.is_set(), repeats.stats().note) == (False, "")
    repeats.stop()
    assert View.of(board).window(9).rows[0].texts == ("2",)


def test_an_outage_is_in_the_figures() -> None:
    repeats, _ = run(Outage("no broker answers"))
    until(lambda: repeats.stats().note == "no broker answers")
    repeats.stop()
    assert repeats.done.is_set()


@pytest.mark.parametrize(
    ("answer", "error"),
    [(KshellError("no topic named x"), KshellError), (Sections(()), NoTable),
     (Live(pa.schema([]), lambda s: None, lambda: None, LiveStats), UsageError)],
)  # fmt: skip
def test_other_errors_end_it(answer: object, error: type[KshellError]) -> None:
    repeats, _ = run(answer)
    until(repeats.done.is_set)
    assert type(repeats.error) is error


def test_a_message_is_a_row() -> None:
    repeats, board = run(Message("No query runs in this shell."))
    until(lambda: repeats.hand_over(board) or board.when)
    repeats.stop()
    view = View.of(board)
    assert view.window(9).rows[0].texts == ("No query runs in this shell.",)
    assert not any("read" in figure for _, figure in figures(view, repeats.stats(), 1, 1))


@pytest.mark.parametrize("deaf", [False, True])
def test_leaving_ends_a_run_that_takes_long(deaf: bool) -> None:
    stop = threading.Event()

    def batches() -> Iterator[pa.RecordBatch]:
        while not stop.wait(0.01):
            pass
        yield from ()

    def ask() -> Iterator[Rows]:
        while deaf:  # it is planned, so that nothing can be cancelled
            time.sleep(0.01)
        yield Rows(pa.schema([]), batches(), cancel=stop.set)

    repeats = Repeats(ask, 1.0, "t")
    time.sleep(0.1)
    began = time.monotonic()
    repeats.stop()
    assert time.monotonic() - began < 0.6
    assert not repeats.thread.is_alive()


@pytest.fixture
def talk(monkeypatch) -> Conversation:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(watch, "draws", lambda out: True)
    session = FakeSession()
    return Conversation(lambda: session, "table")  # type: ignore[arg-type, return-value]


def test_on_a_terminal_a_query_has_the_live_view(talk: Conversation, monkeypatch, capsys) -> None:
    drawn: list[str] = []

    def show(panes: list[Pane]) -> None:
        (pane,) = panes
        until(lambda: pane.lines(60, 9) and pane.view.board.changes >= 2)
        drawn.extend(map(text, pane.lines(60, 9)))
        pane.view.press("q")

    monkeypatch.setattr("kshell.terminal.live.show", show)
    enter(talk, "SELECT 1 \\watch 0.01")
    assert drawn[0].startswith("● live  watch  every 0.01 s  SELECT 1")
    assert drawn[3].strip() == "SELECT 1"
    assert drawn[-1].startswith(" 1 row · 0 changed ")
    shown = " ".join(capsys.readouterr().out.split())
    assert "SELECT 1 (1 row · 0 changed · at " in shown
    assert shown.endswith("· stopped)")


@pytest.mark.parametrize("statement", ["INSERT INTO t VALUES (1)", "SELECT 1; SELECT 2"])
def test_what_is_no_single_query_is_printed(talk: Conversation, monkeypatch, capsys, statement: str) -> None:
    def nap(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kshell.terminal.watch._show", lambda *_: pytest.fail("shown"))
    monkeypatch.setattr("time.sleep", nap)
    enter(talk, f"{statement} \\watch")
    assert "every 2 s; Ctrl-C ends it" in capsys.readouterr().err


def test_printed_runs_outlive_an_outage(monkeypatch, capsys) -> None:
    session = FakeSession()
    talk = Conversation(lambda: session, "csv")  # type: ignore[arg-type, return-value]
    naps: list[float] = []

    def nap(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("time.sleep", nap)
    enter(talk, "outage \\watch 3")
    assert naps == [3.0, 3.0]
    assert capsys.readouterr().err.count("Error: broker 2 said") == 2
