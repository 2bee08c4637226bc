"""A terminal for tests: a process on a pty, and the screen that a person would see."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Mapping, Sequence

import pexpect
import pyte


class _Terminal(pyte.HistoryScreen):
    """pyte does not know the alternate screen: this keeps the main one while it is shown."""

    _main: tuple[dict, int, int] | None = None  # type: ignore[type-arg]

    def select_graphic_rendition(self, *attrs: int, **kwargs: bool) -> None:
        # Nor faint text: grey is what it looks like.
        super().select_graphic_rendition(*(90 if a == 2 else a for a in attrs), **kwargs)

    def set_mode(self, *modes: int, **kwargs: bool) -> None:
        super().set_mode(*modes, **kwargs)
        if kwargs.get("private") and 1049 in modes and self._main is None:
            self._main = (copy.deepcopy(dict(self.buffer)), self.cursor.x, self.cursor.y)
            self.erase_in_display(2)

    def reset_mode(self, *modes: int, **kwargs: bool) -> None:
        super().reset_mode(*modes, **kwargs)
        if kwargs.get("private") and 1049 in modes and self._main is not None:
            kept, x, y = self._main
            self._main = None
            self.erase_in_display(2)
            self.buffer.update(kept)
            self.cursor.x, self.cursor.y = x, min(y, self.lines - 1)
            self.dirty.update(range(self.lines))


_BEGIN, _END = b"\x1b[?2026h", b"\x1b[?2026l"


def _whole(data: bytes) -> int:
    """How many of the bytes a terminal shows that shows what is between these marks at once."""
    if (begin := data.rfind(_BEGIN)) > data.rfind(_END):
        return begin
    cut = next((n for n in range(len(_BEGIN) - 1, 0, -1) if data.endswith(_BEGIN[:n])), 0)
    return len(data) - cut


class Screen:
    """Runs a command on a pty of the given size and keeps what its screen shows."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        columns: int = 90,
        lines: int = 24,
        cwd: str | None = None,
    ) -> None:
        self.screen = _Terminal(columns, lines, history=2000)
        self._stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self._unseen = b""  # of a frame whose end is not there yet
        self.rate: int | None = None  # bytes a second that the line takes; None: any number
        inherited = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
        self.process = pexpect.spawn(
            command[0],
            list(command[1:]),
            dimensions=(lines, columns),
            env={**inherited, "TERM": "xterm-256color", **env},
            cwd=cwd,
            timeout=5,
        )
        self.screen.write_process_input = self.process.send  # answers where the cursor is
        self.process.delaybeforesend = None

    def pump(self, seconds: float = 0.05) -> None:
        """Feed the screen for a while."""
        began, taken = time.monotonic(), 0
        while (lasted := time.monotonic() - began) < seconds:
            most = 65536 if self.rate is None else int(lasted * self.rate) - taken
            if most <= 0:
                time.sleep(0.005)
                continue
            try:
                data = self.process.read_nonblocking(most, 0.02)
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                self._stream.feed(self._unseen)
                self._unseen = b""
                return
            taken += len(data)
            self.raw += data
            data = self._unseen + data
            shown = _whole(data)
            self._unseen = data[shown:]
            self._stream.feed(data[:shown])

    def type(self, keys: str) -> None:
        """Press keys."""
        self.process.send(keys)

    def text(self) -> str:
        """The screen, right-stripped."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip()

    def history(self) -> str:
        """What has scrolled off, then the screen."""
        gone = [
            "".join(line[x].data for x in range(self.screen.columns)).rstrip()
            for line in self.screen.history.top
        ]
        return "\n".join([*gone, self.text()])

    def wait(self, text: str, seconds: float = 20) -> None:
        """Wait until the screen shows the text."""
        self.until(lambda: text in self.text(), f"{text!r} on the screen", seconds)

    def gone(self, text: str, seconds: float = 20) -> None:
        """Wait until the screen no longer shows the text."""
        self.until(lambda: text not in self.text(), f"no {text!r} on the screen", seconds)

    def until(self, condition, what: str, seconds: float = 20) -> None:  # type: ignore[no-untyped-def]
        """Wait until the condition holds; fails with the screen's text."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return
            self.pump()
        if not condition():
            raise AssertionError(f"waited for {what}:\n{self.text()}")

    def resize(self, columns: int, lines: int) -> None:
        """Make the terminal another size."""
        self.screen.resize(lines, columns)
        self.process.setwinsize(lines, columns)

    def close(self) -> None:
        """End the process."""
        self.process.close(force=True)
