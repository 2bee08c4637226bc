"""Answers at the prompt as a person sees them, on three sizes of terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.terminal.screen import Screen

Start = Callable[..., Screen]
SIZES = [(80, 24), (200, 50), (50, 12)]


@pytest.fixture(params=SIZES, ids=lambda s: f"{s[1]}×{s[0]}")
def sized(request, start: Start, monkeypatch) -> Screen:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    columns, lines = request.param
    screen = start("tests.terminal.fake_shell", columns=columns, lines=lines)
    screen.wait("kshell>")
    return screen


def wait(screen: Screen, text: str) -> None:
    """Wait for a text, scrolled off or not, and for the next prompt: then all of the answer is there."""

    def there() -> bool:
        seen = screen.history()
        return seen.rfind("kshell>") > seen.rfind(text) >= 0

    screen.until(there, f"{text!r} in all that was shown, and a prompt")


def shown(screen: Screen) -> list[str]:
    """The lines of the answer, scrolled off or not."""
    lines = screen.history().splitlines()
    begin = max(n for n, line in enumerate(lines) if line.startswith("kshell> rows"))
    return lines[begin + 1 :]


def test_a_long_answer_shows_its_ends_and_says_so(sized: Screen) -> None:
    sized.type("rows 10000;\r")
    wait(sized, "10,000 rows, 40 shown: \\last for all")
    lines = shown(sized)
    assert all(len(line) <= sized.screen.columns for line in lines)
    first, last = (
        next(n for n, line in enumerate(lines) if moment in line)
        for moment in ("20.000+05:30", "29.999+05:30")
    )
    assert last - first == 40  # twenty rows, the dots, twenty rows
    assert re.fullmatch(r" ·[· │…]+", lines[first + 20])
    footer = " ".join(lines[last + 1 :])
    read = r"\(10,000 rows, \d\.\d\d s; read 10,000 records, 976\.6 KiB, [\d.,kMG]+ rows/s\)"
    assert re.search(read, footer)


def test_an_answer_that_is_stopped_shows_what_came(start: Start) -> None:
    screen = start("tests.terminal.fake_shell", columns=80, lines=60)
    screen.wait("kshell>")
    screen.type("endless;\r")
    screen.pump(1.5)
    screen.type("\x03")
    screen.wait("stopped")
    lines = [line.strip() for line in screen.text().splitlines()]
    assert lines.count("again") == 40
    assert lines.count("·") == 1
    assert re.search(r"^[\d,]+ rows, 40 shown", screen.text(), re.MULTILINE)


def test_types_stand_under_the_headings(sized: Screen) -> None:
    sized.type("rows 2;\r")
    wait(sized, "(2 rows,")
    heading = next(n for n, line in enumerate(shown(sized)) if " ROWTIME " in line)
    assert shown(sized)[heading + 1].split()[:2] == ["BIGINT", "ms"]


def test_all_of_a_narrow_answer_is_there_and_what_is_not_is_counted(sized: Screen) -> None:
    sized.type("rows 3;\r")
    wait(sized, "(3 rows,")
    text = "\n".join(shown(sized))
    if sized.screen.columns == 200:
        assert '{"city":"City_2","zips":[2,3]}' in text
        assert "…" not in text
    else:
        assert "…" in text
        assert re.search(r"(4 columns, \d shown|cells with … are cut)", text)


def test_rows_on_their_side_hide_nothing(sized: Screen) -> None:
    sized.type("\\x\r")
    sized.wait("shown as vertical")
    sized.type("rows 2;\r")
    wait(sized, "(2 rows,")
    text = "\n".join(shown(sized))
    assert "2023-11-15 03:43:20.001+05:30" in text
    assert '{"city": "City_1", "zips": [1, 2]}' in text
    assert "…" not in text


def test_a_result_with_a_limit_goes_to_a_pager_only_if_it_is_longer_than_the_screen(
    start: Start, tmp_path: Path, monkeypatch
) -> None:  # type: ignore[no-untyped-def]
    pager = tmp_path / "page"
    pager.write_text("#!/bin/sh\ncat\necho PAGED $KSHELL_SASL_PASSWORD.\n")
    pager.chmod(0o755)
    monkeypatch.setenv("PAGER", str(pager))
    monkeypatch.setenv("KSHELL_SASL_PASSWORD", "hunter2")
    screen = start("tests.terminal.fake_shell", columns=80, lines=24)
    screen.wait("kshell>")
    screen.type("limited 10;\r")
    screen.wait("(10 rows,")
    assert "PAGED" not in screen.text()
    screen.type("limited 100;\r")
    screen.wait("(100 rows)")  # how long a person reads is no measure
    assert "PAGED .\n" in screen.text()
    assert screen.history().count("City_") == 110
    screen.type("rows 100;\r")
    screen.wait("100 rows, 40 shown")
    assert screen.text().count("PAGED") <= 1


def test_a_pager_that_is_left_early_ends_the_answer(
    start: Start, tmp_path: Path, monkeypatch
) -> None:  # type: ignore[no-untyped-def]
    pager = tmp_path / "page"
    pager.write_text("#!/bin/sh\nhead -n 3\n")
    pager.chmod(0o755)
    monkeypatch.setenv("PAGER", str(pager))
    screen = start("tests.terminal.fake_shell", columns=80, lines=24)
    screen.wait("kshell>")
    screen.type("limited 100000;\r")
    screen.type("rows 1;\r")
    screen.wait("(1 row,")
    assert "Error" not in screen.text()


def test_last_shows_all_of_it(start: Start, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("PAGER", "cat")
    screen = start("tests.terminal.fake_shell", columns=80, lines=24)
    screen.wait("kshell>")
    screen.type("\\last\r")
    screen.wait("(100 rows,")
    assert screen.history().count("City_") == 100
    assert "40 shown" not in screen.text()


def test_rows_turn_on_their_side_where_they_do_not_fit(sized: Screen) -> None:
    sized.type("\\x auto\r")
    sized.wait("shown as auto")
    sized.type("rows 2;\r")
    wait(sized, "(2 rows,")
    turned = "─ row 2 ─" in "\n".join(shown(sized))
    assert turned == (sized.screen.columns < 200)
