"""Draws results one after the other: what both the prompt and `kshell -e` do with them."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pyarrow as pa

from kshell.errors import Interrupted
from kshell.results import Goodbye, Live, Message, Result, Rows, Sections
from kshell.terminal.messages import note
from kshell.terminal.output import Target, write
from kshell.terminal.progress import ProgressLine
from kshell.terminal.sanitize import clean_block

__all__ = ["Shower", "stdout_target"]


def stdout_target(csv_safe: bool = False) -> Target:
    """Standard output, as wide as its terminal if it is one."""
    if not sys.stdout.isatty():
        return Target(sys.stdout, csv_safe=csv_safe)
    width = shutil.get_terminal_size().columns
    return Target(sys.stdout, width, "NO_COLOR" not in os.environ, csv_safe)


@dataclass
class Shower:
    """How results are drawn: the format's name, and whether a live view may own the terminal."""

    output: str
    csv_safe: bool = False
    interactive: bool = False

    def show(self, result: Result) -> bool:
        """Draw it; False is goodbye.  Ctrl-C stops the result and raises Interrupted."""
        match result:
            case Rows():
                self._rows(result)
            case Live():
                self._live(result)
            case Message():
                print(clean_block(result.text), file=sys.stdout if self.interactive else sys.stderr)
            case Sections():
                for part in result.parts:
                    self.show(part)
            case Goodbye():
                return False
        return True

    def _rows(self, rows: Rows) -> None:
        target = stdout_target(self.csv_safe)
        began = time.monotonic()
        count = 0
        line = ProgressLine(rows.progress)

        def counted() -> Iterator[pa.RecordBatch]:
            nonlocal count
            for batch in rows.batches:
                line.clear()
                count += batch.num_rows
                yield batch

        if rows.title and target.terminal and self.output in ("table", "vertical"):
            print(f"\n{clean_block(rows.title)}")
        line.start()
        try:
            write(self.output, rows.schema, counted(), target)
        except KeyboardInterrupt:
            rows.cancel()
            raise Interrupted("stopped") from None
        finally:
            line.stop()
            rows.cancel()
        sys.stdout.flush()
        for text in rows.notes():
            note(f"Note: {text}")
        if target.terminal and self.output in ("table", "vertical"):
            took = time.monotonic() - began
            note(f"({count:,} row{'s' * (count != 1)}, {took:.2f} s)")

    def _live(self, live: Live) -> None:
        if self.interactive and sys.stdin.isatty() and sys.stdout.isatty():
            from kshell.terminal.live import watch

            watch(live)
            return
        self._stream(live)

    def _stream(self, live: Live) -> None:
        """Rows as they come, each flushed: for pipes."""
        import orjson

        from kshell.terminal.output import json_rows

        name = self.output if self.output in ("csv", "tsv") else "jsonl"
        target = stdout_target(self.csv_safe)
        try:
            if name == "jsonl":
                while (changes := live.poll(0.2)) is not None:
                    lines = list(json_rows(live.schema, changes.rows))
                    if live.key:
                        weights = changes.weights.to_pylist()
                        lines = [
                            line if w > 0 else orjson.dumps({"-": orjson.loads(line)}).decode()
                            for line, w in zip(lines, weights, strict=True)
                        ]
                    if lines:
                        sys.stdout.write("\n".join(lines) + "\n")
                        sys.stdout.flush()
                return

            def batches() -> Iterator[pa.RecordBatch]:
                while (changes := live.poll(0.2)) is not None:
                    yield changes.rows
                    sys.stdout.flush()

            write(name, live.schema, batches(), target)
        except KeyboardInterrupt:
            raise Interrupted("stopped") from None
        finally:
            live.cancel()


