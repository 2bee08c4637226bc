"""The rows of answers, bounded and continuous."""

from __future__ import annotations

import time

from kshell.results import Live, Rows


def rows_of(result) -> list[dict]:
    """A bounded result's rows."""
    assert isinstance(result, Rows)
    return [row for batch in result.batches for row in batch.to_pylist()]


def rows_that_come(result, seconds: float = 15) -> list[dict]:
    """What a continuous answer with a LIMIT gives until it ends."""
    assert isinstance(result, Live)
    rows, deadline = [], time.monotonic() + seconds
    while (changes := result.poll(0.1)) is not None:
        assert time.monotonic() < deadline, rows
        rows += [
            row
            for row, weight in zip(changes.rows.to_pylist(), changes.weights.to_pylist(), strict=True)
            if weight > 0
        ]
    return rows
