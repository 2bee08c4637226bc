"""The writer of changed lines: a slow line gets the newest frame, and never a queue of old ones."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from typing import IO

import pytest

from kshell.terminal.line_writer import LineWriter

LINES = 40
SIZE = 4096


@pytest.fixture
def line() -> Iterator[tuple[int, IO[str]]]:
    """A pipe that takes one page, and nothing more until it is read."""
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, SIZE)
    with os.fdopen(write, "w") as out:
        yield read, out
    os.close(read)


def taken(read: int, seconds: float = 0.3) -> bytes:
    os.set_blocking(read, False)
    data, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            data += os.read(read, SIZE)
        except BlockingIOError:
            time.sleep(0.01)
    return data


def picture(n: int) -> list[str]:
    return [f"frame {n:4} line {i:2} {'x' * 40}" for i in range(LINES)]


def test_only_changed_lines_are_written(line: tuple[int, IO[str]]) -> None:
    read, out = line
    writer = LineWriter(out)
    writer.draw(["one", "two"])
    taken(read)
    writer.draw(["one", "three"])
    # within synchronized output: a terminal that knows it never shows half a frame; what was there
    # is erased before, since after a line of full width that would take its last character
    assert taken(read) == b"\x1b[?2026h\x1b[2;1H\x1b[0m\x1b[Kthree\x1b[0m\x1b[?2026l"
    writer.draw(["one", "three"])
    assert taken(read) == b""
    writer.close()


def test_one_frame_waits_at_most(line: tuple[int, IO[str]]) -> None:
    read, out = line
    writer = LineWriter(out)
    began = time.monotonic()
    for n in range(500):
        writer.draw(picture(n))
        time.sleep(0.001)
    assert time.monotonic() - began < 5  # nobody waited for the line
    seen = taken(read, 1.0)
    frame = len("\n".join(picture(0))) + LINES * 20
    assert len(seen) < SIZE + 3 * frame  # in the pipe, the one being written, the one that waits
    assert all(line.encode() in seen for line in picture(499))
    writer.close()
    assert taken(read).endswith(b"\x1b[?1049l")


ASK = b"\x1b[6n"


def test_the_next_frame_waits_for_the_terminals_answer(line: tuple[int, IO[str]]) -> None:
    read, out = line
    writer = LineWriter(out, asks=True)
    writer.draw(picture(0))
    assert taken(read, 0.1).endswith(ASK)
    writer.answered()
    writer.draw(picture(1))
    assert picture(1)[-1].encode() in taken(read, 0.1)
    for n in range(2, 20):  # the line has 3 KB, and no answer came
        writer.draw(picture(n))
        time.sleep(0.01)
    assert taken(read, 0.2) == b""
    writer.answered()
    seen = taken(read, 0.2)
    assert picture(19)[0].encode() in seen
    assert seen.count(b"frame") == LINES
    writer.answered()
    writer.close()
    assert writer.unanswered == 0


def test_small_frames_do_not_wait(line: tuple[int, IO[str]]) -> None:
    read, out = line
    writer = LineWriter(out, asks=True)
    writer.draw(["0"])
    taken(read, 0.1)
    writer.answered()
    for n in range(1, 10):
        writer.draw([str(n)])
        assert taken(read, 0.05).count(ASK) == 1
    writer.close()


def test_a_terminal_that_never_answers_is_not_asked_for_long(line: tuple[int, IO[str]]) -> None:
    read, out = line
    writer = LineWriter(out, asks=True)
    began, n, asked = time.monotonic(), 0, 0
    while time.monotonic() - began < 3:
        n += 1
        writer.draw([str(n)])
        asked += taken(read, 0.05).count(ASK)
    assert asked == 3
    writer.draw(["last"])
    assert b"last" in taken(read, 0.1)
    writer.close()
    assert writer.unanswered == 0
