"""How long the live view takes to answer a key over a table of 100,000 keys that goes on changing.

`python -m benchmarks.live_keys [keys]`: a pty on which a person sorts, filters, and moves; the time is
from a key to the frame that shows what it did.
"""

from __future__ import annotations

import os
import pty
import sys
import termios
import threading
import time

import pyarrow as pa

from kshell.changes import Changes
from kshell.results import Live, LiveStats
from kshell.terminal.live import watch

LINES, COLUMNS = 40, 120
PER_POLL = 1_000
SCHEMA = pa.schema([
    ("region", pa.string()), ("n", pa.int64()), ("total", pa.float64()), ("note", pa.string()),
])  # fmt: skip
# The keys, and what is on the screen when they are answered.
KEYS = (
    ("/", b"/_"), ("n", b"/n_"), ("o", b"/no_"), ("t", b"/not_"), ("\x7f", b"/no_"),
    ("\x1b", b"keys"), ("/", b"/_"), ("9", b"/9_"), ("9", b"/99_"), ("\r", b"match"),
    ("\x1b", b"keys"), ("s", "by region ↓".encode()), ("s", "by region ↑".encode()), ("s", b"mbenchmark\x1b"),
    (">", b"note"), ("s", "by note ↓".encode()), ("\x1b", b"keys"), ("<", b"region"), ("\x1b[6~", b"keys"),
)  # fmt: skip


def _rows(first: int, count: int, keys: int, n: int) -> Changes:
    names = [f"Region_{i % keys}" for i in range(first, first + count)]
    columns = [names, [n] * count, [n / 4] * count, [f"note {name}" for name in names]]
    return Changes.of(pa.record_batch(columns, schema=SCHEMA))


def _child(keys: int) -> None:
    stop = threading.Event()
    polls = 0

    def poll(patience: float) -> Changes | None:
        nonlocal polls
        if stop.wait(0.1 if polls * PER_POLL >= keys else 0):
            return None
        polls += 1
        return _rows(polls * PER_POLL, PER_POLL, keys, polls)

    def stats() -> LiveStats:
        return LiveStats(polls * PER_POLL, polls * PER_POLL, 10.0 * PER_POLL, 0)

    watch(Live(SCHEMA, poll, stop.set, stats, "benchmark", ("region",)))


def main() -> None:
    keys = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    pid, terminal = pty.fork()
    if pid == 0:
        _child(keys)
        os._exit(0)
    termios.tcsetwinsize(terminal, (LINES, COLUMNS))
    took: list[tuple[float, str]] = []
    full = f"of {keys:,} keys".encode()
    _until(terminal, full)
    for _ in range(3):
        for key, answer in KEYS:
            time.sleep(0.2)
            while _some(terminal, 0.05):
                pass
            began = time.monotonic()
            os.write(terminal, key.encode())
            _until(terminal, answer)
            took.append((time.monotonic() - began, key))
    os.write(terminal, b"q")
    took.sort()
    worst = ", ".join(f"{key!r} {seconds * 1000:.0f}" for seconds, key in took[-3:])
    print(f"from a key to its frame at {keys:,} keys: median {took[len(took) // 2][0] * 1000:.0f} ms,"
          f" worst {worst} ms")  # fmt: skip


def _some(terminal: int, seconds: float) -> bytes:
    import select

    ready, _, _ = select.select([terminal], [], [], seconds)
    data = os.read(terminal, 65536) if ready else b""
    os.write(terminal, b"\x1b[1;1R" * data.count(b"\x1b[6n"))  # as terminals answer
    return data


def _until(terminal: int, text: bytes) -> None:
    seen, end = b"", time.monotonic() + 30
    while text not in seen:
        more = _some(terminal, 1)
        if time.monotonic() > end:
            raise SystemExit(f"{text!r} was not shown, but {seen[-500:]!r}")
        seen += more


if __name__ == "__main__":
    main()
