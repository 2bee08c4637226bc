r"""`\split`: where two views stand, line by line, and which queries are shown."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pyte
import pytest

from kshell.changes import Changes
from kshell.errors import UsageError
from kshell.results import Event, Live, LiveStats
from kshell.terminal import split
from kshell.terminal.board import Board
from kshell.terminal.commands import enter
from kshell.terminal.conversation import Conversation
from kshell.terminal.live_frame import Line, painted
from kshell.terminal.live_layout import Way, arrange, together
from kshell.terminal.live_pane import Pane
from kshell.terminal.live_view import Focus, View
from kshell.terminal.widths import width_of
from tests.terminal.fake_shell import FakeSession
from tests.unit.terminal.test_view import SCHEMA, rows


def texts(lines: list[Line]) -> list[str]:
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("count", "width", "height", "way", "sizes"),
    [
        (1, 80, 24, Way.ALONE, ((80, 24),)),
        (2, 200, 50, Way.BESIDE, ((99, 50), (100, 50))),
        (2, 120, 24, Way.BESIDE, ((59, 24), (60, 24))),
        (2, 119, 24, Way.ABOVE, ((119, 12), (119, 12))),
        (2, 80, 24, Way.ABOVE, ((80, 12), (80, 12))),
        (2, 50, 13, Way.ABOVE, ((50, 7), (50, 6))),
        (2, 50, 10, Way.ABOVE, ((50, 5), (50, 5))),
        (2, 50, 9, Way.ONE, ((50, 8), (50, 8))),
        (2, 50, 1, Way.ONE, ((50, 0), (50, 0))),
    ],
)
def test_where_they_stand(count, width, height, way, sizes) -> None:
    layout = arrange(count, width, height)
    assert (layout.way, layout.sizes) == (way, sizes)


def test_lines_beside_each_other() -> None:
    left: list[Line] = [(("a", "bold"), ("日", "")), ()]
    right: list[Line] = [(("b", ""),), (("cc", "dim"),)]
    made = together(arrange(2, 121, 2), [left, right], 0)
    assert texts(made) == ["a日\x1b[61G│b", "\x1b[61G│cc"]
    assert made[0][:2] == (("a", "bold"), ("日", ""))


def test_the_right_one_stands_in_its_place_whatever_the_terminal_finds_wide() -> None:
    flags: list[Line] = [(("\U0001f1e9\U0001f1ea" * 9, ""),), ((" b", ""),)]
    made = together(arrange(2, 121, 2), [flags, [(("right", ""),)] * 2], 0)
    terminal = pyte.Screen(121, 2)  # of each flag it has four columns
    pyte.Stream(terminal).feed("\r\n".join(painted(line, True) for line in made))
    for line in (0, 1):
        assert "".join(terminal.buffer[line][x].data for x in range(60, 66)) == "│right"


def test_one_above_the_other_and_one_alone() -> None:
    parts: list[list[Line]] = [[((f"{name}{n}", ""),) for n in range(8)] for name in "ab"]
    assert texts(together(arrange(2, 50, 16), parts, 1)) == [
        *(f"a{n}" for n in range(8)), *(f"b{n}" for n in range(8)),
    ]  # fmt: skip
    small = together(arrange(2, 50, 9), parts, 1)
    assert texts(small) == ["too small for two: Tab shows the other", *(f"b{n}" for n in range(8))]
    assert texts(together(arrange(2, 12, 9), parts, 0))[0] == "too small f…"


def pane(names: str, focus: Focus) -> Pane:
    board = Board(SCHEMA, ("name",))
    board.add(rows(*names))
    view = View.of(board)
    view.focus = focus
    live = Live(SCHEMA, lambda s: None, lambda: None, lambda: LiveStats(2, 9), "t", ("name",))
    made = Pane(live, view, f"[{names}] t")
    made.puller.thread.join()
    return made


def test_the_picture_of_two_views() -> None:
    two = [pane("ab", Focus.HERE), pane("xyz", Focus.ELSEWHERE)]
    layout = arrange(2, 60, 13)
    parts = [p.lines(*size) for p, size in zip(two, layout.sizes, strict=True)]
    made = together(layout, parts, 0)
    assert texts(made) == [
        "✓ ended  table  [ab] t",
        " name │ n",
        "──────┼───",
        " a    │ 0",
        " b    │ 1",
        "",
        " 2 keys · 2 changes · lag 0    Tab other · ? keys · q leave",
        "✓ ended  table  [xyz] t",
        " name │ n",
        "──────┼───",
        " x    │ 0",
        " y    │ 1",
        " 2 of 3 keys · 3 changes · lag 0 · 0/s · 9 scanned",
    ]
    # The one that gets the keys stands out, over the whole width, with colours and without.
    assert made[0] == (("✓ ended  table  [ab] t" + " " * 38, "focus"),)
    assert all(style != "focus" for _, style in made[7])


def test_a_pane_is_drawn_again_only_if_something_changed() -> None:
    it = pane("ab", Focus.ELSEWHERE)
    it.lines(60, 12)
    it.view.glow(it.last.rows, time.monotonic() + 9)  # what is new has gone out
    drawn = it.lines(60, 12)
    assert it.lines(60, 12) is drawn
    it.view.focus = Focus.HERE
    assert it.lines(60, 12) is not drawn
    it.view.board.add(rows("c"))
    assert any(" c " in line for line in texts(list(it.lines(60, 12))))


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (24, 2), (60, 12)])
@pytest.mark.parametrize("key", ["", "?", "/", "c-m"])
def test_no_line_is_wider_than_its_pane(size: tuple[int, int], key: str) -> None:
    it = pane("ab", Focus.HERE)
    it.lines(*size)
    if key:
        it.view.press(key)
    made = it.lines(*size, True)
    assert len(made) == size[1]
    assert all(sum(width_of(text) for text, _ in line) <= size[0] for line in made)


def test_which_two() -> None:
    jobs, queries = ["1", "2", "7"], ["CTAS_COUNTS_1"]
    assert list(split.chosen([], jobs, queries)) == ["2", "7"]
    assert list(split.chosen(["7", "1"], jobs, queries)) == ["7", "1"]
    assert list(split.chosen(["1", "ctas_counts_1"], jobs, queries)) == ["1", "CTAS_COUNTS_1"]


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["1", "9"], "no query 9 in the background", "in the background: 1, 2, CTAS_A_1"),
        (["x", "1"], "no query x in the background", "in the background: 1, 2, CTAS_A_1"),
        (["1"], "\\split takes two queries, or none for the two newest", "in the background: 1, 2, CTAS_A_1"),
        (["1", "2", "1"], "\\split takes two queries, or none for the two newest", "in the background: 1, 2, CTAS_A_1"),
        (["2", "2"], "2 is one query: \\split takes two", "in the background: 1, 2, CTAS_A_1"),
    ],
)
def test_what_is_refused(words: list[str], what: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        split.chosen(words, ["1", "2"], ["CTAS_A_1"])
    assert (raised.value.what, raised.value.hint) == (what, hint)


def test_too_few() -> None:
    with pytest.raises(UsageError, match="needs two queries in the background"):
        split.chosen([], ["1"], ["CTAS_A_1"])
    with pytest.raises(UsageError, match="no query 1 in the background"):
        split.chosen(["1", "2"], [], [])


@pytest.fixture
def talk(monkeypatch) -> Iterator[Conversation]:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(split, "draws", lambda out: True)
    session = FakeSession()
    made = Conversation(lambda: session, "table")  # type: ignore[arg-type, return-value]
    yield made
    made.close()


def test_queries_go_on_when_the_screen_is_left(talk: Conversation, monkeypatch, capsys) -> None:
    seen: list[list[str]] = []

    def show(panes: list[Pane]) -> None:
        until(lambda: all(p.lines(60, 12) and p.view.board.rows > 2 for p in panes))
        seen.append([p.title for p in panes])
        panes[0].view.paused = True
        panes[0].view.stopped = True

    monkeypatch.setattr(split, "show", show)
    enter(talk, "live stream &")
    enter(talk, "live table &")
    enter(talk, "\\split")
    assert seen == [["[1] live stream", "[2] live table"]]
    shown = capsys.readouterr().out
    assert "goes on" in shown
    jobs = talk.jobs.numbered()
    for job in jobs.values():
        before = job.count
        until(lambda job=job, before=before: job.count > before + 3)
    enter(talk, "\\split 2 ctas_1")
    assert seen[-1] == ["[2] live table", "[CTAS_1] counts"]


def test_ctrl_c_stops_both(talk: Conversation, monkeypatch, capsys) -> None:
    def show(panes: list[Pane]) -> None:
        panes[1].view.press("c-c")

    monkeypatch.setattr(split, "show", show)
    enter(talk, "live stream &")
    enter(talk, "live table &")
    enter(talk, "\\split 2 1")
    assert capsys.readouterr().out.count("· stopped") == 2
    assert talk.jobs.status() == []
    enter(talk, "live stream &")
    enter(talk, "\\split 1 CTAS_1")
    shown = capsys.readouterr().out
    assert (shown.count("· stopped"), shown.count("· goes on")) == (1, 1)
    assert talk.jobs.status() == []


def test_a_query_that_ends_meanwhile_is_done_and_a_bounded_one_shows_its_rows(
    talk: Conversation, monkeypatch, capsys
) -> None:
    drawn: list[str] = []

    def show(panes: list[Pane]) -> None:
        until(lambda: all(p.puller.ended for p in panes))
        drawn.extend(line for p in panes for line in texts(list(p.lines(60, 12))))

    monkeypatch.setattr(split, "show", show)
    enter(talk, "live ending &")
    enter(talk, "many &")
    until(lambda: talk.jobs.numbered()["2"].ended.is_set())
    enter(talk, "\\split")
    assert drawn[0].startswith("✓ ended  append  [1] live ending")
    assert " row3 │ 3" in drawn
    assert drawn[12].startswith("✓ ended  append  [2] many")
    assert " 9" in drawn
    until(lambda: any("[1] done, 3 rows" in news for news in talk.jobs.news()))
    enter(talk, "\\split")  # and once more
    assert drawn[24].startswith("✓ ended  append  [1] live ending")
    assert drawn[24:] == drawn[:24]
    talk.chosen = "csv"
    capsys.readouterr()
    enter(talk, "\\fg 2")
    assert capsys.readouterr().out.split() == ["n", *map(str, range(10))]


class Waiting(FakeSession):
    """`wait`: a stream whose polls last until `go`, as where a registry does not answer."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.polls = 0

    def execute(self, text: str) -> Iterator[Event]:
        if not text.startswith("wait"):
            yield from super().execute(text)
            return

        def poll(seconds: float) -> Changes:
            self.polls += 1
            if self.polls > 2:
                self.go.wait(20)
            time.sleep(0.001)
            return rows("a", "b")

        yield Live(SCHEMA, poll, self.go.set, LiveStats, "t")


def test_a_poll_that_waits_does_not_hold_the_prompt(monkeypatch) -> None:
    session = Waiting()
    talk = Conversation(lambda: session, "table")  # type: ignore[arg-type, return-value]
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(split, "draws", lambda out: True)
    session.polls = -10**9  # the job itself does not wait
    enter(talk, "wait &")
    enter(talk, "live table &")
    until(lambda: talk.jobs.numbered()["1"].count)

    def show(panes: list[Pane]) -> None:
        session.polls = 2
        until(lambda: panes[0].lines(60, 12) and session.polls > 2)

    monkeypatch.setattr(split, "show", show)
    began = time.monotonic()
    enter(talk, "\\split")
    assert time.monotonic() - began < 3
    job = talk.jobs.numbered()["1"]
    before = job.count
    session.go.set()
    until(lambda: job.count > before + 10)
    talk.close()


def test_ctrl_c_while_a_query_is_fetched_leaves_it_running(monkeypatch) -> None:
    session = Waiting()
    talk = Conversation(lambda: session, "table")  # type: ignore[arg-type, return-value]
    enter(talk, "wait &")
    until(lambda: session.polls > 2)
    job = talk.jobs.numbered()["1"]

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "join", interrupted)
        with pytest.raises(KeyboardInterrupt):
            job.lend()
    before = job.count
    session.go.set()
    until(lambda: job.count > before + 10)
    talk.close()


def test_a_bounded_query_that_still_reads_waits(talk: Conversation, monkeypatch, capsys) -> None:
    monkeypatch.setattr(split, "show", lambda panes: pytest.fail("shown"))
    enter(talk, "live stream &")
    enter(talk, "slow &")
    enter(talk, "\\split")
    told = capsys.readouterr().err
    assert "it still reads" in told
    job = talk.jobs.numbered()["1"]
    before = job.count
    until(lambda: job.count > before)  # the other one goes on


def test_without_a_screen_it_is_refused(monkeypatch, capsys) -> None:
    session = FakeSession()
    talk = Conversation(lambda: session, "table")  # type: ignore[arg-type, return-value]
    enter(talk, "\\split")
    assert "\\split needs a terminal on which it can draw" in capsys.readouterr().err
