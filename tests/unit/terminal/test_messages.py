"""Errors as a person reads them, progress, and batches pulled by a thread."""

from __future__ import annotations

import time

import pytest

from kshell.errors import ParseError, Place
from kshell.results import Progress
from kshell.terminal.messages import Outages, error_lines
from kshell.terminal.progress import progress_text
from kshell.terminal.pull import pulled


def test_the_caret_stands_under_the_word_in_its_line() -> None:
    error = ParseError("not a clause", hint="did you mean WHERE?", place=Place(2, 3, 4))
    assert error_lines(error, "SELECT *\n  WERE x\n") == [
        "Error: not a clause",
        "  2 │   WERE x",
        "    │   ^^^^",
        "Try: did you mean WHERE?",
    ]


def test_the_caret_is_right_after_wide_and_control_characters() -> None:
    lines = error_lines(ParseError("x", place=Place(1, 3, 1)), "東東'z")
    assert lines[1:] == ["  1 │ 東東'z", "    │     ^"]


def test_on_a_narrow_terminal_the_line_is_cut_around_the_word_and_words_wrap() -> None:
    text = "SELECT one, two, three, four, five, sixx, seven, eight, nine FROM orders"
    error = ParseError("no column named sixx", hint="did you mean six or sixty?",
                       place=Place(1, text.index("sixx") + 1, 4))  # fmt: skip
    lines = error_lines(error, text, 24)
    assert all(len(line) <= 24 for line in lines)
    shown, caret = (line for line in lines if "│" in line)
    begin = caret.index("^")
    assert shown[begin : begin + 4] == "sixx"
    assert caret[begin:] == "^^^^"
    assert "…" in shown[:begin]
    assert shown.endswith("…")
    assert " ".join(lines[-2:]) == "Try: did you mean six or sixty?"


def test_a_place_outside_the_text_draws_no_caret() -> None:
    assert error_lines(ParseError("x", place=Place(9, 1)), "SELECT") == ["Error: x"]


def test_progress_says_share_rate_and_time_left() -> None:
    assert progress_text(Progress(250_000, 1_000_000, 2.0)) == (
        "█████░░░░░░░░░░░░░░░ 250k of 1.0M records, 125k/s, 6 s left"
    )
    assert progress_text(Progress(0, 10, 0.0)).endswith("0 of 10 records, 0/s")
    assert progress_text(Progress(10, 10, 1.0)).endswith(" 10 records read, computing")


def test_pulled_raises_what_the_source_raises_after_its_items() -> None:
    def source():
        yield 1
        raise ParseError("late")

    items = pulled(source(), lambda: None)
    assert next(items) == 1
    with pytest.raises(ParseError, match="late"):
        next(items)


def test_leaving_early_cancels_and_does_not_wait_for_a_source_that_is_stuck() -> None:
    cancelled = []

    def stuck():
        yield 1
        time.sleep(5)

    items = pulled(stuck(), lambda: cancelled.append(True))
    next(items)
    began = time.monotonic()
    items.close()
    assert cancelled == [True]
    assert time.monotonic() - began < 0.2


def test_no_more_is_pulled_than_will_be_looked_at_soon() -> None:
    made = []

    def endless():
        while True:
            made.append(1)
            yield 1

    items = pulled(endless(), lambda: None)
    next(items)
    time.sleep(0.1)
    assert len(made) < 10
    items.close()


def test_an_outage_is_said_at_once_and_then_every_few_seconds(monkeypatch, capsys) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    outages = Outages()
    for second in range(12):
        outages.tell("Query A", f"cannot reach broker 1 for {second} s")
        outages.tell("Query B", "waiting")
        outages.tell("Query C", "")
        now += 1
    said = capsys.readouterr().err.splitlines()
    assert said == [
        "Query A: cannot reach broker 1 for 0 s",
        "Query B: waiting",
        "Query A: cannot reach broker 1 for 5 s",
        "Query A: cannot reach broker 1 for 10 s",
    ]
