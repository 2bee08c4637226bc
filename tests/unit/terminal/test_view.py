"""The live view without a terminal: what keys do, and the frames, line by line."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kshell.changes import Changes
from kshell.results import LeftOut, Live, LiveStats
from kshell.terminal import show
from kshell.terminal.board import Board, Mode
from kshell.terminal.live_chart import chart_of
from kshell.terminal.live_footer import ending, limit
from kshell.terminal.live_frame import Frame, frame, kept, scene
from kshell.terminal.live_keys import KEYS
from kshell.terminal.live_save import save
from kshell.terminal.live_view import Open, View
from kshell.terminal.output import Target
from kshell.terminal.times import Times
from kshell.terminal.widths import width_of
from kshell.types import as_moment

SCHEMA = pa.schema([("name", pa.string()), ("n", pa.int64())])
STATS = LiveStats(2, 9)


def live(*parts: Changes, key: tuple[str, ...] = ()) -> Live:
    """Gives the parts, then ends."""
    rest = iter([*parts, None])
    return Live(SCHEMA, lambda s: next(rest), lambda: None, lambda: STATS, "t", key)


def rows(*names: str) -> Changes:
    batch = pa.record_batch([list(names), list(range(len(names)))], schema=SCHEMA)
    return Changes.of(batch)


def view_of(*names: str, key: tuple[str, ...] = ()) -> View:
    board = Board(SCHEMA, key)
    board.add(rows(*names))
    return View.of(board)


def draw(view: View, width: int, height: int, stats: LiveStats = STATS) -> Frame:
    """As `live` does."""
    here = scene(view, width, height)
    view.glow(here.window.rows, 0.0)
    made = frame(view, here, stats, "t", width, height)
    view.page, view.first_column, view.widths = max(made.page, 1), made.first_column, made.widths
    return made


def lines_of(view: View, width: int, height: int, stats: LiveStats = STATS) -> list[str]:
    made = draw(view, width, height, stats)
    return ["".join(text for text, _ in line).rstrip() for line in made.lines]


def press(view: View, *names: str) -> None:
    for name in names:
        view.press(name, name if len(name) == 1 else "")


@pytest.mark.parametrize(("width", "height", "count"), [(80, 24, 3), (80, 24, 99), (50, 12, 99)])
def test_a_frame_fills_the_screen_and_no_more(width: int, height: int, count: int) -> None:
    lines = lines_of(view_of(*(f"name{i}" for i in range(count))), width, height)
    assert len(lines) == height
    assert all(width_of(line) <= width for line in lines)
    room = height - 4  # title, headings, rule, footer
    assert lines[-1].startswith(f" {count} rows" if count <= room else f" {room} of {count} rows")
    assert lines[-1].endswith("q stop")
    assert f"name{count - 1}" in "\n".join(lines)


WIDE = pa.schema([(f"column_{i}", pa.string()) for i in range(58)] + [("end", pa.int64())])


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50), (50, 12)])
def test_columns_beside_those_in_view_are_counted_and_reached(width: int, height: int) -> None:
    board = Board(WIDE, ())
    values = [[f"a long value {i}"] for i in range(58)] + [[7]]
    board.add(Changes.of(pa.record_batch(values, schema=WIDE)))
    view = View.of(board)
    seen = set()
    for _ in range(59):
        lines = lines_of(view, width, height)
        shown = lines[1].split("│")
        left = view.first_column
        right = 59 - left - len(shown)
        if left:
            assert f"← +{left}" in lines[0]
        assert (f"+{right} column" in lines[0]) == (right > 0)
        seen.update(name.strip() for name in shown)
        press(view, "right")
    assert seen == set(WIDE.names)
    press(view, "<")
    assert lines_of(view, width, height)[1].startswith(" column_0 ")
    press(view, ">")
    assert lines_of(view, width, height)[1].endswith("│ end")


def test_the_first_rows_fill_the_screen_also_where_they_make_the_headings_lower() -> None:
    """Before there are rows a long heading has several lines, and its column is narrow."""
    board = Board(pa.schema([("a long heading " * 4, pa.string())]), ())
    board.add(Changes.of(pa.record_batch([[f"{n:070}" for n in range(99)]], schema=board.schema)))
    lines = lines_of(View.of(board), 80, 24)
    assert len(lines) == 24
    head = next(n for n, line in enumerate(lines) if set(line) <= set("─┼")) + 1
    assert [int(line) for line in lines[head:-1]] == list(range(99))[head - 23 :]
    assert f" {23 - head} of 99 rows" in lines[-1]


def test_counts_of_a_table() -> None:
    view = view_of(*(f"key{i % 17}" for i in range(1834)), key=("name",))
    assert lines_of(view, 80, 24)[-1].startswith(" 17 keys · 1,834 changes · lag 0")
    assert lines_of(view, 80, 14)[-1].startswith(" 10 of 17 keys · 1,834 changes")
    told = ending(view, STATS, 10, 2, False, "stopped", "\\last for all")
    assert told == "(10 of 17 keys shown · 1,834 changes · stopped; \\last for all)"


def test_what_stays_of_a_filter_says_what_matches_and_what_is_left_out() -> None:
    view = view_of("Ann", "Bob", "Hannah", key=("name",))
    view.sought = "an"
    stats = LiveStats(bad=LeftOut(3), late=1)
    told = ending(view, stats, 1, 2, False, "stopped", "\\last for all")
    assert told == (
        "(2 of 3 match, 1 shown · 3 changes · 3 left out · 1 late · stopped; \\last for all)"
    )
    assert limit(5, stats) == "(5 rows · 3 left out · 1 late · ended)"


def test_an_unknown_lag_is_said() -> None:
    assert "lag ?" in lines_of(view_of("a"), 80, 24, LiveStats(lag=None))[-1]


@pytest.mark.parametrize("width", [80, 50, 40])
def test_figures_give_way_before_keys(width: int) -> None:
    stats = LiveStats(9, 123_456_789, 98_765.0, 5_000_000, LeftOut(12), "", 77)
    last = lines_of(view_of(*"abc"), width, 24, stats)[-1]
    assert last.endswith("q stop")
    assert last.startswith(" 3 rows")
    assert "12 left out" in last or width < 60
    assert "123,456,789 scanned" not in last


@settings(max_examples=100, deadline=None)
@example([""], "", 6, 1, [], False)
@given(
    st.lists(st.text(max_size=30), min_size=1, max_size=40),
    st.text(max_size=20),
    st.integers(1, 120),
    st.integers(1, 40),
    st.lists(st.sampled_from([name for key in KEYS for name in key.names]), max_size=6),
    st.booleans(),
)
def test_no_line_is_wider_than_the_terminal(names, heading, width, height, keys, keyed) -> None:
    schema = pa.schema([(heading, pa.string()), ("n", pa.int64())])
    clean = [name.encode(errors="replace").decode() for name in names]
    board = Board(schema, (heading,) if keyed and heading != "n" else ())
    batch = pa.record_batch([clean, list(range(len(clean)))], schema=schema)
    board.add(Changes.of(batch))
    view = View.of(board)
    draw(view, width, height)
    press(view, *keys)
    made = draw(view, width, height, LiveStats(note="cannot reach broker 2", bad=LeftOut(3)))
    assert len(made.lines) == height
    for line in made.lines:
        assert sum(width_of(text) for text, _ in line) <= width


def test_cut_cells_of_the_last_frame_are_said() -> None:
    for name, cut in (("short", False), ("a long name " * 9, True)):
        view = view_of(name)
        below = kept(view, 50, view.window(9).rows)
        told = ending(view, STATS, 1, below.columns, below.cut, "stopped", "")
        assert ("cells with … are cut" in told) == cut


def test_moments_of_a_view_are_times() -> None:
    schema = pa.schema([as_moment(pa.field("WINDOWSTART", pa.int64())), ("n", pa.int64())])
    board = Board(schema, (), Times.UTC)
    board.add(Changes.of(pa.record_batch([[1_700_000_000_000, None], [5, 6]], schema=schema)))
    lines = lines_of(View.of(board), 80, 8)
    assert lines[3:5] == [" 2023-11-14 22:13:20.000Z │ 5", " NULL                     │ 6"]


def test_joined_emoji_take_two_columns() -> None:
    lines = lines_of(view_of("👩\u200d💻", "ab"), 80, 8)
    assert lines[3:5] == [" 👩\u200d💻   │ 0", " ab   │ 1"]


def test_a_column_never_gets_narrower() -> None:
    view = view_of("a very long name")
    bar = lines_of(view, 80, 6)[1].index("│")
    view.board.add(rows("short", "short", "short"))
    assert lines_of(view, 80, 6)[1].index("│") == bar


def test_only_changed_cells_light_up() -> None:
    view = view_of("a", "b", key=("name",))
    draw(view, 80, 10)
    view.glow(view.window(9).rows, 10.0)  # what is new has gone out
    assert not view.glows
    view.board.add(Changes.of(pa.record_batch([["b"], [7]], schema=SCHEMA)))
    a, b = view.window(9).rows
    view.glow((a, b), 11.0)
    assert [view.lit(row, i) for row in (a, b) for i in (0, 1)] == [False, False, False, True]
    view.glow((a, b), 12.0)
    assert not view.glows


def test_a_stream_pauses_where_a_person_goes_up_and_goes_on_at_the_end() -> None:
    view = view_of(*(f"name{i}" for i in range(30)))
    draw(view, 80, 14)
    assert view.window(10).rows[0].texts[0] == "name20"
    press(view, "pageup")
    assert view.paused
    press(view, "home")
    assert view.window(10).first == 0
    press(view, "pagedown")
    assert view.board.drawn(view.mode, view.order()[10:11])[0].id == view.cursor
    press(view, "end")
    assert (view.paused, view.window(10).first) == (False, 20)
    press(view, " ")
    assert view.paused


def test_every_row_of_a_table_is_reached() -> None:
    view = view_of(*(f"name{i}" for i in range(100)), key=("name",))
    seen: list[str | None] = []
    for _ in range(10):
        draw(view, 80, 14)
        seen += [row.texts[0] for row in view.window(10).rows]
        press(view, "pagedown")
    assert set(seen) == {f"name{i}" for i in range(100)}
    assert not view.paused


def test_sort_holds_and_escape_ends_it() -> None:
    view = view_of("a", "b", "c", key=("name",))
    press(view, "right", "s")
    assert [row.texts[0] for row in view.window(9).rows] == ["c", "b", "a"]
    view.board.add(Changes.of(pa.record_batch([["a"], [9]], schema=SCHEMA)))
    assert [row.texts[0] for row in view.window(9).rows] == ["a", "c", "b"]
    assert "by n ↓" in lines_of(view, 80, 9)[0]
    press(view, "s")
    assert [row.texts[0] for row in view.window(9).rows] == ["b", "c", "a"]
    press(view, "escape")
    assert [row.texts[0] for row in view.window(9).rows] == ["a", "b", "c"]
    assert not view.stopped


def test_a_filter_says_how_many_match() -> None:
    view = view_of("Ann", "Bob", "Hannah", key=("name",))
    press(view, "/", "a", "n")
    assert "/an_" in lines_of(view, 80, 9)[-1]
    press(view, "c-m")
    lines = lines_of(view, 80, 9)
    assert [line.split()[0] for line in lines[3:5]] == ["Ann", "Hannah"]
    assert lines[-1].startswith(" 2 of 3 match")
    press(view, "escape")
    assert len(view.window(9).rows) == 3


def test_a_filter_finds_what_is_seen() -> None:
    fields = [("a", pa.string()), ("n", pa.int64()), ("f", pa.float64()), ("l", pa.list_(pa.int64()))]
    schema = pa.schema([as_moment(pa.field("at", pa.int64())), *fields])
    board = Board(schema, (), Times.UTC)
    values = [[1_700_000_000_000, 5], ["x\x1b", "Ünder"], [12, 34], [1e10, 0.5], [[7, 8], None]]
    columns = [pa.array(v, t) for v, t in zip(values, schema.types, strict=True)]
    board.add(Changes.of(pa.RecordBatch.from_arrays(columns, schema=schema)))
    for sought, found in (
        ("2023-11-14", [0]), ("17000000", []), ("\\x1b", [0]), ("ünd", [1]), ("34", [1]),
        ("0.5", [1]), ("[7", [0]), ("1970", [1]), ("2", [0]),
    ):  # fmt: skip
        view = View.of(board)
        view.sought = sought
        assert view.order().tolist() == found, sought


def test_modes() -> None:
    view = view_of("a", "b", "a", key=("name",))
    assert view.mode is Mode.TABLE
    press(view, "t")
    lines = lines_of(view, 80, 9)
    assert lines[0].startswith("● live  changelog  t")
    assert [line[:6] for line in lines[3:6]] == [" +I a ", " +I b ", " +U a "]
    assert lines[-1].startswith(" 3 changes · 2 keys")
    press(view, "t")
    assert view.mode is Mode.TABLE


def test_enter_opens_the_row_and_q_closes_it() -> None:
    schema = pa.schema([("k", pa.string()), ("at", pa.struct([("city", pa.string())]))])
    board = Board(schema, ("k",))
    batch = pa.record_batch([["a", "a"], [{"city": "X"}, {"city": "Y"}]], schema=schema)
    board.add(Changes.of(batch))
    view = View.of(board)
    draw(view, 40, 20)
    press(view, "c-m")
    lines = lines_of(view, 40, 20)
    assert view.open is Open.ROW
    assert [line.strip() for line in lines[2:7]] == ["a", "at  STRUCT", "{", '"city": "Y"', "}"]
    assert lines[7].startswith("2 changes, the last at ")
    press(view, "q")
    assert (view.open, view.stopped) == (Open.NOTHING, False)
    press(view, "q")
    assert view.stopped


def test_the_list_of_keys_is_the_table_and_scrolls() -> None:
    view = view_of("a")
    press(view, "?")
    seen: list[str] = []
    for _ in range(len(KEYS)):
        seen += lines_of(view, 60, 12)
        press(view, "down")
    assert all(any(line.startswith(f" {key.shown} ") for line in seen) for key in KEYS)
    press(view, "escape")
    assert (view.open, view.stopped) == (Open.NOTHING, False)


def test_y_copies_a_clean_cell_of_at_most_8_kib() -> None:
    view = view_of("ü" * 9000)
    press(view, "y")
    assert view.copied == "ü" * 4096
    view = view_of("a\x1b]0;x\x07")
    press(view, "y")
    assert view.copied == "a\\x1b]0;x\\x07"


def test_y_says_what_it_copied_and_what_it_did_not() -> None:
    view = view_of("ü" * 9000)
    press(view, "y")
    assert lines_of(view, 80, 9)[-1].startswith(" 8,192 of 18,000 bytes of name copied ")
    press(view, "right", "y")
    assert lines_of(view, 80, 9)[-1].startswith(" n copied ")
    board = Board(SCHEMA, ())
    board.add(Changes.of(pa.record_batch([pa.array([None], pa.string()), [1]], schema=SCHEMA)))
    view = View.of(board)
    press(view, "y")
    assert view.copied is None  # what the clipboard has stays
    assert lines_of(view, 80, 9)[-1].startswith(" name is NULL: nothing copied ")


def test_w_writes_what_the_filter_leaves_and_replaces_nothing(tmp_path) -> None:
    view = view_of("Ann", "Bob", "Hannah", "Ann", key=("name",))
    press(view, "/", "n", "c-m", "w", *"x.cs", "backspace", "s", "v")
    assert "file: x.csv_" in lines_of(view, 80, 9)[-1]
    press(view, "c-m")
    assert (view.saves, view.naming, view.sought) == ("x.csv", False, "n")
    path = tmp_path / "x.csv"
    assert save(view, str(path)) == f"2 rows written: {path}"
    assert path.read_text() == "name,n\nAnn,3\nHannah,2\n"
    assert save(view, str(path)) == f"it exists, and is not replaced: {path}"
    assert "name it .csv" in save(view, str(tmp_path / "x"))
    press(view, "t")
    assert save(view, str(tmp_path / "y.jsonl")) == f"3 rows written: {tmp_path / 'y.jsonl'}"
    assert (tmp_path / "y.jsonl").read_text().splitlines()[2] == (
        '{"change":"+U","name":"Ann","n":3}'
    )
    press(view, "w", "a", "escape")
    assert (view.naming, view.name, view.sought, view.saves) == (False, "", "n", "x.csv")


def test_what_is_typed_is_seen_where_it_ends_and_an_answer_is_not_dropped() -> None:
    view = view_of("a")
    press(view, "w", *"a_very_long_folder/and_a_long_name.parquet")
    assert "long_name.parquet_" in lines_of(view, 50, 12)[-1]
    view = view_of("a")
    view.said = "1,234,567 rows written to a_very_long_folder/and_a_long_name.parquet"
    assert lines_of(view, 50, 12)[-1].startswith(" 1,234,567 rows written to a_very")


def test_why_a_file_is_not_written_is_seen_whatever_its_name(tmp_path) -> None:
    long = "x" * 99
    (tmp_path / f"{long}.csv").write_text("")
    for name, why in ((f"{long}.csv", "it exists, and is not replaced: "), (long, "name it .csv, .jsonl, "),
                      (f"{long}/y.csv", "it cannot be written (No such file or directory): ")):  # fmt: skip
        view = view_of("a")
        view.said = save(view, str(tmp_path / name))
        assert lines_of(view, 80, 9)[-1].startswith(f" {why}"), view.said


def test_a_file_of_the_last_rows_says_that_others_are_not_kept(tmp_path) -> None:
    view = view_of(*(f"name{i}" for i in range(1_200)))
    path = tmp_path / "x.csv"
    assert save(view, str(path)) == f"1,000 rows written, 200 older not kept: {path}"
    assert len(path.read_text().splitlines()) == 1_001


@pytest.mark.parametrize("key", ["?", "c-m"])
def test_a_pause_is_seen_over_what_is_open(key: str) -> None:
    view = view_of("a")
    press(view, key)
    assert "paused" not in lines_of(view, 60, 9)[-1]
    press(view, " ")
    assert "paused" in lines_of(view, 60, 9)[-1]


def test_an_outage_stands_beside_what_a_key_did() -> None:
    view = view_of("a")
    press(view, "y")
    bar = lines_of(view, 80, 9, LiveStats(2, 9, note="cannot reach broker 2 for 9 s"))[-1]
    assert bar.startswith(" name copied · cannot reach broker 2 for 9 s ")
    assert bar.endswith("q stop")


def test_a_paused_query_has_no_time_left() -> None:
    stats = LiveStats(9, 90, 10.0, 50)
    view = view_of("a")
    assert "5 s left" in lines_of(view, 80, 9, stats)[-1]
    press(view, " ")
    assert "lag 50" in lines_of(view, 80, 9, stats)[-1]
    assert "left" not in lines_of(view, 80, 9, stats)[-1]
    view = View.of(Board(SCHEMA, ()))
    assert "50 to read, 5 s left." in "\n".join(lines_of(view, 80, 9, stats))
    press(view, " ")
    assert "50 to read." in "\n".join(lines_of(view, 80, 9, stats))


@pytest.mark.parametrize("width", [40, 60, 80])
def test_a_long_title_gives_way_to_the_sort_and_the_filter(width: int) -> None:
    view = view_of("Ann", "Hannah", key=("name",))
    press(view, "s", "/", "a", "n", "c-m")
    here = scene(view, width, 9)
    for name in ("", "c"):
        press(view, *name)
        top = frame(view, here, STATS, "SELECT * FROM a_very_long_name " * 3, width, 9).lines[0]
        text = "".join(part for part, _ in top)
        assert width_of(text) <= width
        assert text.rstrip().endswith("/an")
        assert name or "…  by name ↓  /an" in text


def test_a_heading_that_is_cut_says_so() -> None:
    names = [f"a_long_name_{n}" for n in range(3)]
    schema = pa.schema([*((name, pa.string()) for name in names), ("n", pa.int64())])
    board = Board(schema, tuple(names))
    board.add(Changes.of(pa.record_batch([["a"], ["b"], ["c"], [1]], schema=schema)))
    view = View.of(board)
    press(view, "c")
    assert lines_of(view, 50, 9)[0] == "● live  chart  n by a_long_name_0, a_long_name_1,…"
    press(view, "?")
    assert lines_of(view, 12, 9)[0] == "The keys of…"


def test_each_key_stands_once() -> None:
    names = [name for key in KEYS for name in key.names]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("key", [(), ("name",)])
def test_lines_for_a_terminal_without_a_keyboard_are_clean(
    key, hostile, unclean, monkeypatch
) -> None:
    out = io.StringIO()
    monkeypatch.setattr(show, "stdout_target", lambda *_: Target(out, width=80))
    show.Shower("jsonl").show(live(rows(hostile), key=key))
    assert "title" in out.getvalue()
    assert unclean(out.getvalue()) == []


@pytest.mark.parametrize("format", ["csv", "tsv", "vertical", "markdown"])
def test_a_format_without_deletions_says_so_once(format, monkeypatch, capsys) -> None:
    out = io.StringIO()
    monkeypatch.setattr(show, "stdout_target", lambda *_: Target(out, width=80))
    batch = pa.record_batch([["a", "a", "a", "b"], [1, 1, 2, 3]], schema=SCHEMA)
    update = Changes(batch, pa.array([1, -1, 1, 1], pa.int64()))
    gone = Changes(batch.slice(2), pa.array([-1, -1], pa.int64()))
    show.Shower(format).show(live(update, key=("name",)))
    assert "deleted" not in capsys.readouterr().err  # an update takes nothing away
    show.Shower(format).show(live(update, gone, gone, key=("name",)))
    said = capsys.readouterr().err
    assert said.count("deleted") == 1
    assert f"{format} cannot" in said


WINDOWED = pa.schema(
    [("region", pa.string()), as_moment(pa.field("WINDOWSTART", pa.int64())), ("views", pa.int64())]
)


def windowed(*rows: tuple[str, int, int]) -> View:
    board = Board(WINDOWED, ("region", "WINDOWSTART"), Times.UTC)
    columns = [list(column) for column in zip(*rows, strict=True)]
    board.add(Changes.of(pa.record_batch(columns, schema=WINDOWED)))
    return View.of(board)


def test_c_charts_the_windows_of_each_key_and_goes_back() -> None:
    view = windowed(("r1", 0, 2), ("r2", 0, 8), ("r1", 60_000, 4))
    for close in ("c", "q", "escape"):
        press(view, "c")
        lines = lines_of(view, 40, 5)
        assert lines[0] == "● live  chart  views by region, WINDOWS…"
        assert lines[1:4] == [" r1 4 │▂▂▂▂▄▄▄▄", " r2 8 │████", " █ 8   00:00"]
        assert lines[-1].endswith("c close")
        press(view, close)
        assert view.open is Open.NOTHING
        assert not view.stopped
        assert "WINDOWSTART" in lines_of(view, 40, 5)[1]


def test_a_chart_has_a_bar_for_each_key_and_scrolls() -> None:
    view = view_of(*(f"key{i}" for i in range(30)), key=("name",))
    press(view, "c")
    lines = lines_of(view, 60, 12)
    assert [line.split()[0] for line in lines[1:-1]] == [f"key{i}" for i in range(10)]
    assert lines[-1].startswith(" 20 more below · 30 keys")
    press(view, "pagedown")
    draw(view, 60, 12)
    view.below = draw(view, 60, 12).below
    lines = lines_of(view, 60, 12)
    assert lines[1].startswith(" key10 10 │")
    assert lines[-1].startswith(" 10 above · 10 more below")
    press(view, "end")
    assert draw(view, 60, 12).below == 20


def test_the_chart_follows_the_sort_the_filter_and_the_column() -> None:
    schema = pa.schema([("k", pa.string()), ("a", pa.int64()), ("b", pa.int64())])
    board = Board(schema, ("k",))
    board.add(Changes.of(pa.record_batch([["x1", "x2", "y"], [1, 2, 3], [9, 8, 7]], schema=schema)))
    view = View.of(board)
    view.sought = "x"
    press(view, "right", "s", "c")
    lines = lines_of(view, 40, 8)
    assert lines[0] == "● live  chart  a by k  /x"
    assert [line[:5] for line in lines[1:3]] == [" x2 2", " x1 1"]
    press(view, "right", "s")
    assert lines_of(view, 40, 8)[0] == "● live  chart  b by k  /x"
    assert [line[:5] for line in lines_of(view, 40, 8)[1:3]] == [" x1 9", " x2 8"]


def test_a_streams_chart_is_a_line_also_of_the_changelog() -> None:
    view = view_of(*"abcd")
    press(view, "c")
    rows_chart = lines_of(view, 40, 10)
    assert "┤" in "\n".join(rows_chart)
    press(view, "c", "t", "c")
    assert lines_of(view, 40, 10)[1:-1] == rows_chart[1:-1]


def test_the_changelog_of_a_table_charts_new_rows() -> None:
    view = view_of("a", "a", "a", key=("name",))
    press(view, "t", "c")
    assert lines_of(view, 40, 8)[0] == "● live  chart  n"
    assert chart_of(view, 40, 8)[1].notes == ()


def test_a_chart_without_numbers_says_what_there_is() -> None:
    board = Board(pa.schema([("a", pa.string())]), ())
    board.add(Changes.of(pa.record_batch({"a": ["x"]})))
    view = View.of(board)
    press(view, "c")
    text = " ".join(lines_of(view, 80, 8)[1:3])
    assert text.strip() == "there are no numbers to chart: the columns are a STRING"


def test_an_outage_is_said_over_a_chart() -> None:
    view = view_of("a", key=("name",))
    press(view, "c")
    made = draw(view, 60, 8, LiveStats(note="cannot reach broker 2"))
    assert made.lines[-1][0][0].startswith(" cannot reach broker 2")
    assert made.lines[-1][0][1] == "outage"


def test_the_chart_of_a_long_stream_says_that_it_has_the_last_rows() -> None:
    view = view_of(*(f"name{i}" for i in range(1_001)))
    press(view, "c")
    assert lines_of(view, 50, 12)[0] == "● live  chart  n · the last 1,000 of 1,001 rows"
    view = view_of(*"ab")
    press(view, "c")
    assert lines_of(view, 50, 12)[0] == "● live  chart  n"
