"""What the live view costs: CPU of its threads, memory, and the time from a key to its frame.

`python benchmarks/live.py [seconds [chart]]`: a pty of 54 lines shows 50 keys of a table while 100,000
records a second change them (made before, so that only the view works), and `t` is typed now and then; or `c`, and the chart is open half of the time.
"""

from __future__ import annotations

import os
import pty
import resource
import sys
import termios
import threading
import time

import pyarrow as pa

from kshell.changes import Changes
from kshell.results import Live, LiveStats
from kshell.terminal.live import watch

RATE = 100_000  # records a second
PER_POLL = 2_000
KEYS = 50
LINES, COLUMNS = 54, 120
SCHEMA = pa.schema([("region", pa.string()), ("n", pa.int64()), ("total", pa.float64())])


def _part(first: int) -> Changes:
    """An old and a new row for each record."""
    columns: list[list[object]] = [[], [], []]
    for n in range(first, first + PER_POLL):
        for value in (n - KEYS, n):
            columns[0].append(f"Region_{n % KEYS}")
            columns[1].append(value)
            columns[2].append(value / 4)
    return Changes(pa.record_batch(columns, schema=SCHEMA), pa.array([-1, 1] * PER_POLL))


def _rss() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def _child(seconds: float) -> None:
    parts = [_part(n * PER_POLL) for n in range(50)]
    stop = threading.Event()
    began = time.monotonic()
    polls = 0
    memory: list[int] = []

    def poll(patience: float) -> Changes | None:
        nonlocal polls
        due = began + polls * PER_POLL / RATE
        if stop.wait(max(due - time.monotonic(), 0)) or time.monotonic() - began > seconds:
            return None
        polls += 1
        if polls % 50 == 0:
            memory.append(_rss())
        return parts[polls % len(parts)]

    def stats() -> LiveStats:
        return LiveStats(polls * PER_POLL, polls * PER_POLL, RATE, 0)

    before, at = time.process_time(), time.monotonic()
    watch(Live(SCHEMA, poll, stop.set, stats, "benchmark", ("region",)))
    spent, lasted = time.process_time() - before, time.monotonic() - at
    half = len(memory) // 2
    print(f"\nrecords {polls * PER_POLL / lasted:,.0f}/s; CPU {spent / lasted:.1%} of a core;"
          f" RSS {memory[half] >> 20} MiB half-way, {memory[-1] >> 20} MiB at the end")  # fmt: skip


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 15.0
    pid, terminal = pty.fork()
    if pid == 0:
        _child(seconds)
        sys.stdout.flush()
        os._exit(0)
    termios.tcsetwinsize(terminal, (LINES, COLUMNS))
    seen = bytearray()
    keys: list[float] = []
    key, other = (b"c", b"chart") if "chart" in sys.argv else (b"t", b"changelog")
    pressed, mode = 0.0, other
    press_at, end = time.monotonic() + 2, time.monotonic() + seconds - 1
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        seen += data
        os.write(terminal, b"\x1b[1;1R" * data.count(b"\x1b[6n"))  # as terminals answer
        now = time.monotonic()
        if pressed and mode in bytes(seen):
            keys.append(now - pressed)
            pressed, mode = 0.0, b"table" if mode == other else other
            press_at = now + 0.73
        elif not pressed and press_at < now < end:
            seen.clear()
            pressed = now
            os.write(terminal, key)
        del seen[:-8192]
    os.waitpid(pid, 0)
    print(bytes(seen).decode(errors="replace").rsplit("\n", 2)[-2].strip())
    keys.sort()
    print(f"from a key to its frame: median {keys[len(keys) // 2] * 1000:.0f} ms,"
          f" worst of {len(keys)} {keys[-1] * 1000:.0f} ms")  # fmt: skip


if __name__ == "__main__":
    main()
