"""The talk's demo, typed at the prompt of a real shell on the embedded broker, and as a script."""

from __future__ import annotations

import itertools
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from kshell.demo import broker
from tests.terminal.screen import Screen

TOUR = broker.TOUR
FAST = ("-X", "kshell.typing.speed=3000")
# What the talk shows: each of these words is in one of the file's statements.
SHOWN = ("SHOW TOPICS", "PRINT ", "CREATE STREAM", "CREATE TABLE", "JOIN ", "WINDOW ", "HAVING ",
         " AS SELECT", "WHERE ", "EXPLODE(SPLIT(", "EMIT CHANGES", "TERMINATE")  # fmt: skip
EPOCH = re.compile(r"\b1[6-9]\d{11}\b")
FILM = Path(__file__).parents[2] / "screenshots" / "tour.svg"


def test_the_file_has_the_statements_of_the_talk_each_with_a_comment_above_it() -> None:
    text = TOUR.read_text()
    statements = [s for s in re.split(r";\n", text) if s.strip()]
    assert all(re.search(r"(?:^|\n)-- .+\n(?!--|\n)", s) for s in statements)
    flat = [re.sub(r"\s+", " ", s) for s in statements]
    assert [word for word in SHOWN if not any(word in s for s in flat)] == []
    assert all(len(f"kshell> {line}") <= 80 for line in text.splitlines())


def test_the_film_of_it_is_small_has_no_epochs_and_lasts_less_than_90_seconds() -> None:
    film = FILM.read_text()
    assert FILM.stat().st_size < 1_500_000
    assert not EPOCH.search(film)
    assert "Error" not in film
    assert "TERMINATE" in film
    seconds = re.search(r"animation:([\d.]+)s", film)
    assert seconds is not None
    assert float(seconds[1]) < 95  # the last frame stays for a while
    assert "http" not in film.replace('xmlns="http://www.w3.org/2000/svg"', "")


def test_no_line_of_the_film_shows_a_part_of_another() -> None:
    film = FILM.read_text()
    lines, _, rows = film.partition("</defs>")
    bottoms = [float(y) + float(h) for y, h in re.findall(r'<rect [^>]*y="([\d.]+)"[^>]*height="([\d.]+)"', lines.partition("<defs>")[2])]
    assert bottoms  # the cursor, and last lines
    for row in re.findall(r"<svg y.*?</svg>", rows):
        tops = [float(y) for y in re.findall(r'<use href="#l\d+" y="([\d.]+)"', row)]
        assert all(below - above >= max(bottoms) for above, below in itertools.pairwise(tops))


@pytest.mark.slow
def test_auto_types_all_shows_each_answer_and_leaves(start: Callable[..., Screen]) -> None:
    screen = start("kshell", "--demo", "--tour", "--auto", *FAST, columns=80, lines=24)
    seen = []

    def over() -> bool:
        seen.append(screen.text())
        return not screen.process.isalive()

    screen.until(over, "the end of the tour", 90)
    assert screen.process.exitstatus == 0
    history = screen.history()
    assert "Error" not in history
    _, _, typed = TOUR.read_text().partition("\n\n")  # without what the file says of itself
    for line in typed.splitlines():
        assert line.strip() in history, line
    for answer in ("pageviews", "Lisbon", "Region_", "User_", "espresso", "The ", "terminated"):
        assert answer in history, answer
    live = [text for text in seen if "● live" in text]
    assert live, "no live view was shown"


def test_it_waits_for_enter_after_a_statement_is_typed(start: Callable[..., Screen]) -> None:
    screen = start("kshell", "--demo", "--tour", *FAST, columns=80, lines=24)
    screen.wait("SHOW TOPICS;", 20)
    screen.pump(1)
    assert "partitions" not in screen.text()
    screen.type("\r")
    screen.wait("pageviews", 20)
    screen.wait("PRINT reviews")
    screen.type("\x03")  # the prompt is the person's again
    screen.wait("The tour ends")
    screen.type("SELECT 40 + 2 AS answer;\r")
    screen.wait("42")
    screen.type("\x04")
    screen.until(lambda: not screen.process.isalive(), "the end")


def test_a_key_while_it_types_ends_the_typing_and_is_not_in_the_text(
    start: Callable[..., Screen],
) -> None:
    slow = ("-X", "kshell.typing.speed=2")
    screen = start("kshell", "--demo", "--tour", *slow, columns=80, lines=24)
    screen.wait("kshell> --", 20)
    screen.pump(0.7)
    screen.type("\r")
    screen.wait("SHOW TOPICS;", 2)
    assert "partitions" not in screen.text()
    screen.type("\r")
    screen.wait("partitions", 20)


@pytest.mark.slow
def test_the_same_file_is_a_script(tmp_path: Path) -> None:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "kshell", "--demo", "-o", "table", "-f", str(TOUR)],
        capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert (done.returncode, time.monotonic() - began < 60) == (0, True), done.stderr
    assert "Lisbon" in done.stdout
    assert "terminated" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["--tour"], "--tour needs --demo"), (["--demo", "--auto"], "--auto needs --tour"),
     (["--demo", "--tour", "-e", "SHOW TOPICS"], "--tour types at a prompt")],
)  # fmt: skip
def test_options_that_do_not_go_together_are_refused(arguments: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kshell", *arguments],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20,
    )  # fmt: skip
    assert done.returncode == 2
    assert said in done.stderr
