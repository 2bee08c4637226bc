"""Printing 20,000 rows as a table: kshell's aligned writer against rich.Table.

Both write the same Arrow table with colours to a stream that keeps nothing, alternating, medians of
seven.  rich gets the cells as Text objects, which is how record bytes may be given to it at all.
Target: at least 100 times the rate.
"""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable

import pyarrow as pa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kshell.terminal.output import Target, write

ROWS, RUNS, WIDTH, TARGET = 20_000, 7, 120, 100
REGIONS = ("Region_1", "Zürich", "東京", None)


class Sink(io.StringIO):
    """Counts what is written, and forgets it."""

    written = 0

    def write(self, text: str) -> int:
        self.written += len(text)
        return len(text)


def orders() -> pa.Table:
    """Numbers, text (one column of it not ASCII), NULLs and a nested column."""
    n = range(ROWS)
    return pa.table(
        {
            "orderid": pa.array(n, pa.int64()),
            "userid": [f"User_{i % 1000}" for i in n],
            "region": [REGIONS[i % 4] for i in n],
            "total": [i / 7 for i in n],
            "address": [{"city": f"City_{i % 50}", "zip": i % 9999} for i in n],
        }
    )


def by_kshell(table: pa.Table) -> int:
    """Characters written."""
    sink = Sink()
    write("table", table.schema, table.to_batches(max_chunksize=2048), Target(sink, WIDTH, True))
    return sink.written


def by_rich(table: pa.Table) -> int:
    """Characters written."""
    sink = Sink()
    console = Console(file=sink, width=WIDTH, force_terminal=True)
    drawn = Table()
    for name in table.column_names:
        drawn.add_column(Text(name), no_wrap=True, overflow="ellipsis")
    for row in zip(*(c.to_pylist() for c in table.columns), strict=True):
        drawn.add_row(*(Text(str(value)) for value in row))
    console.print(drawn)
    return sink.written


def seconds(work: Callable[[pa.Table], int], table: pa.Table) -> float:
    """How long one run takes."""
    began = time.perf_counter()
    assert work(table) > ROWS * 20
    return time.perf_counter() - began


def main() -> None:
    """Print both rates and the ratio."""
    table = orders()
    by_kshell(table)
    pairs = [(seconds(by_kshell, table), seconds(by_rich, table)) for _ in range(RUNS)]
    ours = statistics.median(pair[0] for pair in pairs)
    theirs = statistics.median(pair[1] for pair in pairs)
    print(f"kshell  {ROWS / ours:>10,.0f} rows/s")
    print(f"rich    {ROWS / theirs:>10,.0f} rows/s")
    ratio = theirs / ours
    verdict = "met" if ratio >= TARGET else "missed"
    print(f"ratio   {ratio:>10,.0f} × (target ≥ {TARGET}: {verdict})")


if __name__ == "__main__":
    main()
