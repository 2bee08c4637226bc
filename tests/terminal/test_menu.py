"""The menu of completions and the marks of brackets, as a person sees them, in two sizes."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.terminal.screen import Screen

SIZES = pytest.mark.parametrize("size", [(80, 24), (50, 12)], ids=lambda s: f"{s[0]}x{s[1]}")
Start = Callable[..., Screen]


def ready(start: Start, size: tuple[int, int]) -> Screen:
    columns, lines = size
    screen = start("tests.terminal.fake_shell", columns=columns, lines=lines)
    screen.wait("kshell>")
    screen.wait("fake:9092")
    screen.type("PRINT us")
    offers(screen, "users", "topic")  # although this was typed before the names were there
    screen.type("\x15")
    screen.gone("PRINT")
    return screen


def offers(screen: Screen, text: str, kind: str) -> None:
    """Wait until the menu has the text with its kind."""
    shown = re.compile(rf" {re.escape(text)} +{kind} ")
    screen.until(lambda: shown.search("\n".join(screen.screen.display)), f"{text} {kind}")


def line_of(screen: Screen, text: str) -> int:
    """The line that shows the text, the last if there are several."""
    found = [n for n, line in enumerate(screen.screen.display) if text in line]
    assert found, screen.text()
    return found[-1]


def cell(screen: Screen, text: str):  # type: ignore[no-untyped-def]
    """The cell of the prompt's line where the text begins."""
    line = line_of(screen, "kshell>")
    return screen.screen.buffer[line][screen.screen.display[line].index(text)]


@SIZES
def test_the_next_words_and_names_come_as_one_types(start: Start, size: tuple[int, int]) -> None:
    shell = ready(start, size)
    shell.type("SELECT * F")
    offers(shell, "FROM", "keyword")
    shell.type("ROM orders ")
    shell.wait("WHERE")
    following = ["WHERE", "JOIN", "GROUP BY", "ORDER BY", "LIMIT", "EMIT CHANGES"]
    first = line_of(shell, "WHERE")
    shown = [shell.screen.display[first + n].split("keyword")[0].strip() for n in range(6)]
    assert shown == following
    shell.type("WHERE tot")
    offers(shell, "total", "DOUBLE")


@SIZES
def test_fields_of_a_struct_come_when_the_sample_is_there(
    start: Start, size: tuple[int, int]
) -> None:
    shell = ready(start, size)
    shell.type("SELECT * FROM orders o WHERE o.address->")
    offers(shell, "city", "STRING")  # nothing was typed since: the sample arrived
    assert "zip" in shell.text()


@SIZES
def test_the_condition_of_a_join_is_offered(start: Start, size: tuple[int, int]) -> None:
    shell = ready(start, size)
    shell.type("SELECT * FROM orders o\rJOIN users u ON ")
    shell.wait("o.userid = u.userid")
    shell.type("\t")
    shell.wait("ON o.userid = u.userid")


@SIZES
def test_esc_closes_the_menu_at_once_and_leaves_the_text(
    start: Start, size: tuple[int, int]
) -> None:
    shell = ready(start, size)
    shell.type("PRINT us")
    shell.wait("users  topic")
    shell.type("\x1b")
    shell.gone("users  topic", 0.8)
    assert "kshell> PRINT us" in shell.text()
    shell.pump(0.5)
    assert "users  topic" not in shell.text()  # and it stays closed
    shell.type("e")
    shell.wait("users  topic")  # until the next key


@SIZES
def test_no_lines_are_kept_free_for_a_menu_which_makes_room_for_itself(
    start: Start, size: tuple[int, int]
) -> None:
    shell = ready(start, size)
    for n in range(9):
        shell.type(f"SELECT {n};\r")
        shell.until(lambda n=n: shell.history().count("(1 row,") == n + 1, "an answer")
    shell.pump(0.3)
    assert shell.text().splitlines()[-2].startswith("kshell>")
    shell.type("SHOW ")
    shell.wait("TOPICS")
    shell.wait("QUERIES")
    assert line_of(shell, "TOPICS") == line_of(shell, "kshell> SHOW") + 1


@SIZES
def test_brackets_and_quotes_without_a_partner_are_shown(
    start: Start, size: tuple[int, int]
) -> None:
    shell = ready(start, size)
    shell.type("SELECT (1")
    shell.wait("SELECT (1")
    shell.until(lambda: cell(shell, "(1").bold, "an open bracket in bold")
    shell.type("]")
    shell.wait("SELECT (1]")
    shell.until(lambda: cell(shell, "]").bg == "af0000", "a wrong bracket in red")
    shell.type("\x7f)")
    shell.wait("SELECT (1)")
    shell.until(lambda: cell(shell, "(1").underscore, "the pair at the cursor")
    assert cell(shell, ")").underscore
    shell.type(" + 'ab")
    shell.wait("'ab")
    shell.until(lambda: cell(shell, "'ab").bold, "an open quote in bold")
    assert not cell(shell, "(1").underscore
    shell.type("'")
    shell.until(lambda: not cell(shell, "'ab").bold, "a closed quote")


def test_tab_right_behind_the_letters_takes_the_first_candidate(start: Start) -> None:
    shell = ready(start, (80, 24))
    shell.type("PRINT us\t")
    shell.wait("kshell> PRINT users")
    shell.type(" FR\t")
    shell.wait("kshell> PRINT users FROM BEGINNING")


def test_tab_without_a_menu_opens_it(start: Start) -> None:
    shell = ready(start, (80, 24))
    shell.type("SHOW ")
    shell.wait("STREAMS")
    shell.type("\x1b")
    shell.gone("STREAMS")
    shell.type("\t")
    shell.wait("STREAMS")
    assert "kshell> SHOW  " in shell.screen.display[line_of(shell, "kshell>")]


def test_esc_in_vi_closes_the_menu_and_leaves_the_insert_mode_at_once(start: Start) -> None:
    shell = start("tests.terminal.fake_shell", "vi")
    shell.wait("vi insert")
    shell.type("PRINT us")
    offers(shell, "users", "topic")
    shell.type("\x1b")
    shell.gone("vi insert", 0.8)
    assert "topic" not in shell.text()
    shell.type("x")
    shell.gone("PRINT us")
    assert "kshell> PRINT u" in shell.text()


def test_alt_enter_with_an_open_menu_is_not_esc_and_enter(start: Start) -> None:
    shell = ready(start, (80, 24))
    shell.type("PRINT us")
    shell.wait("users  topic")
    shell.type("\x1b\r")
    shell.wait("(1 row,")  # Alt-Enter runs, Enter would begin a line
