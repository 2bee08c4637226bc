"""The first and last rows of an answer, however it is cut into batches."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kshell.terminal.ends import Ends, Gap


@given(st.lists(st.integers(0, 9), max_size=20), st.integers(1, 30))
def test_the_first_half_and_the_last(sizes, most) -> None:
    ends, rows = Ends(most), 0
    for size in sizes:
        ends.add(pa.record_batch({"n": pa.array(range(rows, rows + size), pa.int64())}))
        rows += size
    shown: list[int] = []
    gaps = []
    for part in ends.parts():
        if isinstance(part, Gap):
            gaps.append((len(shown), part.rows))
        else:
            shown += part.column(0).to_pylist()
    half = (most + 1) // 2
    assert ends.rows == rows
    if rows <= most:
        assert (shown, gaps) == (list(range(rows)), [])
    else:
        assert shown == [*range(half), *range(rows - most // 2, rows)]
        assert gaps == [(half, rows - most)]


def test_what_is_between_is_not_kept() -> None:
    ends = Ends(4)
    for n in range(1000):
        ends.add(pa.record_batch({"n": [n]}))
    assert sum(b.num_rows for b in ends._last) == 2
