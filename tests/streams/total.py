"""The sum of changes, which two ways to one answer must share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from kshell.changes import Changes
from kshell.stream.rows import freeze


def total(parts: Iterable[Changes]) -> Counter[tuple[Any, ...]]:
    """How often each row is there at the end; rows that cancel are gone."""
    count: Counter[tuple[Any, ...]] = Counter()
    for part in parts:
        for row, weight in zip(part.rows.to_pylist(), part.weights.to_pylist(), strict=True):
            count[tuple(freeze(v) for v in row.values())] += weight
    return Counter({row: n for row, n in count.items() if n})
