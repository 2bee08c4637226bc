"""Completion: the CPU of a key at 10,000 topics and 10 sources of 5,000 fields, and the first prompt.

`python benchmarks/completion.py`: the candidates alone, then the whole prompt (read the key, find,
draw the menu), on names that need no broker; then how long `kshell --demo` takes to its first prompt.
"""

from __future__ import annotations

import io
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pexpect
import pyarrow as pa
from compare import ROOT
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from kshell.config import Properties
from kshell.engines.base import Named
from kshell.results import Running
from kshell.sql import functions
from kshell.terminal.completion.candidates import complete_at
from kshell.terminal.completion.memory import Memory

TOPICS, SOURCES, FIELDS = 10_000, 10, 5_000
KEY = 0.15  # seconds between two keys
STATEMENTS = (
    "SELECT country_17, SUM(amount_23) AS total FROM topic_0007_orders o WHERE region_11 = 'x' ",
    "SELECT * FROM topic_0003_orders a JOIN topic_0004_orders b ON a.country_1 = b.qzxj",
    "SELECT zzqx",
    "SELECT xjqaddr",
    "PRINT orders",
    "DESCRIBE qq9999",
    "CREATE STREAM s (id INT) WITH (KAFKA_TOPIC='topic_9",
    "SET 'auto.offset.reset'='ear",
    "SELECT a.cou FROM topic_0003_orders a",
)


class Session:
    """Has the names, and no cluster."""

    cluster, profile = "bench:9092", ""
    variables: Mapping[str, str] = {}
    properties = Properties()

    def connect(self) -> None:
        """Nothing to connect to."""

    def refresh(self) -> None:
        """The names stay."""

    def names(self) -> Sequence[Named]:
        """The topics."""
        return [Named(f"topic_{n:04d}_orders", "topic", 6) for n in range(TOPICS)]

    def columns(self, name: str) -> Mapping[str, pa.DataType]:
        """As many fields as a wide topic has; some of one name in all topics."""
        words = ("amount", "country", "region", "address", "customer_reference")
        own = name[6:10]
        return {f"{words[n % 5]}_{n}" if n < 50 else f"{words[n % 5]}_{own}_{n}": pa.string()
                for n in range(FIELDS)}  # fmt: skip

    def keep(self) -> list[str]:
        """Nothing."""
        return []

    def listed(self, what: str) -> Sequence[str]:
        """No groups, brokers or principals."""
        return ()

    def types(self) -> tuple[str, ...]:
        """None."""
        return ()

    def functions(self) -> Mapping[str, functions.Function]:
        """KSQL's."""
        return {name: functions.describe(name) for name in functions.names()}

    def running(self) -> tuple[Running, ...]:
        """None."""
        return ()


def keys() -> Iterator[str]:
    """Each statement as it is while one types it."""
    for text in STATEMENTS:
        for end in range(1, len(text) + 1):
            yield text[:end]


def learned() -> Memory:
    """A memory with all names, after the sources were seen."""
    memory = Memory()
    memory.learn(Session())
    for n in range(SOURCES):
        memory.used(f"SELECT * FROM topic_{n:04d}_orders")
    while len(memory.known().seen) < SOURCES:
        time.sleep(0.05)
    return memory


def percentile(values: Sequence[float], of: float) -> float:
    """That of the sorted values."""
    return sorted(values)[min(int(len(values) * of), len(values) - 1)]


def report(name: str, taken: Sequence[float], target: str) -> None:
    """One line, in milliseconds."""
    p50, p99 = statistics.median(taken) * 1000, percentile(taken, 0.99) * 1000
    print(f"{name:44s} {len(taken):5d} keys  p50 {p50:6.2f} ms  p99 {p99:6.2f} ms  {target}",
          flush=True)  # fmt: skip


def candidates(memory: Memory) -> None:
    """The CPU of finding candidates."""
    taken, slowest = [], (0.0, "")
    for text in keys():
        began = time.thread_time()
        complete_at(text, "", memory.known())
        taken.append(time.thread_time() - began)
        slowest = max(slowest, (taken[-1], text))
    report("candidates", taken, "target p99 <= 16")
    print(f"{'':44s} slowest {slowest[0] * 1000:.2f} ms: {slowest[1]!r}")


def prompt(memory: Memory, *, completing: bool) -> None:
    """The CPU of a key at the prompt, drawing included, in all threads."""
    from kshell.terminal import repl

    size = Size(rows=24, columns=100)
    taken: list[float] = []
    with create_pipe_input() as keyboard:
        output = Vt100_Output(io.StringIO(), lambda: size, term="xterm-256color")

        def type_them(conversation: repl._Prompt) -> None:
            time.sleep(3)  # the session opens
            for text in STATEMENTS:
                for letter in text:
                    began = time.process_time()
                    keyboard.send_text(letter)
                    time.sleep(KEY)
                    taken.append(time.process_time() - began)
                keyboard.send_text("\x15")
                time.sleep(KEY)
            keyboard.send_text("\x04")

        with create_app_session(keyboard, output):
            conversation = repl._Prompt(lambda: Session(), "table", False, None, False)  # type: ignore[arg-type, return-value]
            conversation._menu.completer._known = memory.known
            conversation._prompt.complete_while_typing = completing
            threading.Thread(target=type_them, args=(conversation,), daemon=True).start()
            conversation.run()
    if completing:
        report("key to menu, drawn by prompt_toolkit", taken, "")
    else:
        report("the same keys without completion", taken, "")


def first_prompt(runs: int = 7) -> None:
    """Seconds from the start of the process to the prompt."""
    took = []
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            env = {"XDG_STATE_HOME": folder, "XDG_CONFIG_HOME": folder, "TERM": "xterm-256color"}
            began = time.perf_counter()
            shell = pexpect.spawn(
                sys.executable, ["-m", "kshell", "--demo"], env=env, cwd=str(ROOT), timeout=30
            )
            shell.expect("kshell>")
            took.append(time.perf_counter() - began)
            shell.close(force=True)
    print(f"{'first prompt':44s} median {statistics.median(took):.3f} s  best {min(took):.3f} s"
          "  target <= 0.35", flush=True)  # fmt: skip


def main() -> None:
    """All of them."""
    memory = learned()
    candidates(memory)
    prompt(memory, completing=True)
    prompt(memory, completing=False)
    first_prompt()


if __name__ == "__main__":
    assert Path("kshell").exists(), "run it in the project's folder"
    main()
