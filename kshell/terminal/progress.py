"""The progress of a long scan: one line on stderr after half a second, removed at the end.

If a scan waits, it says so even if stderr is not a terminal.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
from collections.abc import Callable

from kshell.results import Progress
from kshell.terminal.messages import draws
from kshell.terminal.sanitize import clean

__all__ = ["ProgressLine", "progress_text"]

_PATIENCE = 0.5
_EVERY = 0.1
_BAR = 20


def _short(n: float) -> str:
    for unit in ("", "k", "M", "G"):
        if n < 1000:
            return f"{n:.0f}{unit}" if unit == "" or n >= 100 else f"{n:.1f}{unit}"
        n /= 1000
    return f"{n:.1f}T"


def progress_text(progress: Progress) -> str:
    """The line's text.

    >>> progress_text(Progress(500_000, 1_000_000, 2.0))
    '██████████░░░░░░░░░░ 500k of 1.0M records, 250k/s, 2 s left'
    """
    if progress.note:
        return progress.note
    rate = progress.done / progress.seconds if progress.seconds else 0.0
    if not progress.total:
        return f"{_short(progress.done)} {progress.what}, {_short(rate)}/s"
    if progress.done >= progress.total and progress.what == "records":
        return f"{'█' * _BAR} {_short(progress.total)} records read, computing"
    share = progress.done / progress.total if progress.total else 1.0
    filled = min(int(share * _BAR), _BAR)
    left = f", {(progress.total - progress.done) / rate:.0f} s left" if rate else ""
    return (
        f"{'█' * filled}{'░' * (_BAR - filled)} {_short(progress.done)} of"
        f" {_short(progress.total)} {progress.what}, {_short(rate)}/s{left}"
    )


class ProgressLine:
    """Draws in its own thread while the caller waits for the answer; only on a terminal."""

    def __init__(self, progress: Callable[[], Progress | None]) -> None:
        self._progress = progress
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._drawn = False
        self._said = ""
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to wait."""
        self._thread.start()

    def _run(self) -> None:
        wait = _PATIENCE
        while not self._done.wait(wait):
            wait = _EVERY
            progress = self._progress()
            if progress is None or not (progress.total or progress.done):
                continue
            if not draws(sys.stderr):
                self._say(progress.note)
                continue
            with self._lock:
                if self._done.is_set():
                    return
                # Every sign is one column wide; a line that is longer could not be removed.
                text = clean(progress_text(progress))[: shutil.get_terminal_size().columns - 1]
                sys.stderr.write(f"\r\x1b[2m{text}\x1b[0m\x1b[K")
                sys.stderr.flush()
                self._drawn = True

    def _say(self, note: str) -> None:
        """Write one line for each thing that the scan waits for."""
        if note and note != self._said:
            sys.stderr.write(f"Note: {clean(note)}\n")
            sys.stderr.flush()
        self._said = note

    def clear(self) -> None:
        """Remove the line for good, because the answer begins."""
        self.stop()

    def stop(self) -> None:
        """End it and leave no trace."""
        self._done.set()
        with self._lock:
            if self._drawn:
                self._drawn = False
                with contextlib.suppress(OSError):
                    sys.stderr.write("\r\x1b[K")
                    sys.stderr.flush()
