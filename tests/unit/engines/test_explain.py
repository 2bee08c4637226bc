"""EXPLAIN of what is very large."""

from __future__ import annotations

from types import SimpleNamespace

from kshell.batch.tables import Range
from kshell.engines.local.statements.explain import _reads

from .answers import rows_of


def test_a_thousand_partitions_are_summed_up():
    ranges = tuple(Range(n, 0, 2, 0, 5) for n in range(1000))
    read = SimpleNamespace(reference=SimpleNamespace(table=SimpleNamespace(name="many")), ranges=ranges)
    rows = rows_of(_reads([read]))
    assert [r["partition"] for r in rows] == [*range(100), None]
    assert sum(r["to read"] for r in rows) == 2000
    assert sum(r["in topic"] for r in rows) == 5000
    assert rows[-1]["because of"] == "900 more partitions"
