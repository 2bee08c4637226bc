"""The prompt as the configuration makes it: a profile's colour, the theme, NO_COLOR, rc.sql."""

from __future__ import annotations

import os

import pytest

from tests.terminal.screen import Screen

RED, GREEN = "red", "green"


@pytest.fixture
def configured(start, tmp_path):
    """Starts the shell on its embedded broker with these files in the folder of the configuration."""

    def begin(*arguments: str, **files: str) -> Screen:
        folder = tmp_path / "config" / "kshell"
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            path = folder / name.replace("_", ".")
            path.write_text(text)
            path.chmod(0o600)
        screen = start("kshell", "--demo", *arguments, columns=200)
        screen.wait("kshell>")
        screen.wait("127.0.0.1", 30)
        return screen

    return begin


def colour_of(screen: Screen, text: str, what: str = "fg") -> str:
    """The colour of the last place where the text stands; "" if it stands nowhere."""
    lines = screen.screen.display
    y = max((y for y, line in enumerate(lines) if text in line), default=-1)
    if y < 0:
        return ""
    return getattr(screen.screen.buffer[y][lines[y].rindex(text)], what)


def colours(screen: Screen) -> set[str]:
    cells = (c for y in range(screen.screen.lines) for c in screen.screen.buffer[y].values())
    return {colour for cell in cells for colour in (cell.fg, cell.bg)}


def test_a_profile_has_its_colour_and_the_prompt_its_words(configured):
    screen = configured("--profile", "prod", config_toml='[profile.prod]\ncolor = "red"\n')
    assert colour_of(screen, "kshell>") == RED
    assert screen.text().splitlines()[2].rstrip() == "kshell>"
    assert colour_of(configured(), "kshell>") == GREEN


def test_the_theme_changes_when_it_is_set(configured):
    screen = configured()
    assert colour_of(screen, "127.0.0.1", "bg") == "262626"
    screen.type("SET 'kshell.theme'='light';\r")
    screen.wait("is set")
    screen.until(lambda: colour_of(screen, "127.0.0.1", "bg") == "d0d0d0", "the light toolbar")
    screen.type("SHOW TOPICS;\r")
    screen.until(lambda: colour_of(screen, "partitions") == "blue", "headings that are blue")


def test_no_color_has_no_colours(configured, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    screen = configured()
    screen.type("SELECT 1 AS n FROM nothing;\r")
    screen.wait("no topic named")
    assert colours(screen) == {"default"}
    monkeypatch.setenv("NO_COLOR", "")  # as if it were not set
    assert colour_of(configured(), "kshell>") == GREEN


def test_the_rc_file_runs_and_its_errors_stand_above_the_prompt(configured):
    screen = configured(rc_sql="DEFINE who = 'me';\nSET 'kshell.dialct'='ksql';\n")
    screen.wait("rc.sql:2: no property named kshell.dialct")
    screen.wait("did you mean kshell.dialect")
    screen.until(lambda: screen.text().count("kshell>") == 1, "one prompt")
    lines = screen.text().splitlines()
    assert next(y for y, s in enumerate(lines) if "rc.sql" in s) < next(y for y, s in enumerate(lines) if "kshell>" in s)
    screen.type("SHOW VARIABLES;\r")
    screen.wait("who = 'me'")


def test_an_rc_file_that_others_may_read_is_ignored_with_a_word(configured, tmp_path):
    folder = tmp_path / "config" / "kshell"
    folder.mkdir(parents=True)
    (folder / "rc.sql").write_text("DEFINE who = 'me';")
    os.chmod(folder / "rc.sql", 0o644)
    screen = configured()
    screen.wait("chmod 600")
    screen.type("SHOW VARIABLES;\r")
    screen.wait("No variable is defined")
