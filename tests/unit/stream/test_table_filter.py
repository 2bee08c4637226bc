"""HAVING and a table's WHERE: each side of an update is there only if it passes."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.catalog.model import Column, Kind
from kshell.changes import Changes
from kshell.sql import plan
from kshell.sql.expressions import Call, Literal
from kshell.sql.expressions import Column as Reference
from kshell.stream.evaluate import ignore_errors
from kshell.stream.ops.linear import TableFilter

K, N = Column("K", pa.string()), Column("N", pa.int32())
TABLE = plan.Relation(Kind.TABLE, (K,), (N,))
ABOVE_ZERO = Call("GREATER", (Reference("N", pa.int32()), Literal(0, pa.int32())), pa.bool_(), "0")


def run(changes: list[tuple[int, str, int | None, int]]) -> list[tuple[int, str, int | None, int]]:
    scan = plan.Scan(None, TABLE, ())  # type: ignore[arg-type]  # never opened
    operator = TableFilter(plan.Filter(scan, ABOVE_ZERO, TABLE), ignore_errors)
    rows = pa.RecordBatch.from_pylist(
        [{"K": k, "N": n, "ROWTIME": t} for _, k, n, t in changes], schema=TABLE.schema()
    )
    out = operator.step(Changes(rows, pa.array([c[0] for c in changes], pa.int64())))
    weights = out.weights.to_pylist()
    return [(w, *r.values()) for w, r in zip(weights, out.rows.to_pylist(), strict=True)]


def test_what_passes_no_more_is_deleted_at_the_time_of_its_update():
    update = [(-1, "a", 1, 10), (1, "a", 0, 20)]
    assert run(update) == [(-1, "a", 1, 20)]
    assert run([*update, (1, "b", 2, 30)]) == [(-1, "a", 1, 20), (1, "b", 2, 30)]


def test_a_deletion_before_another_keys_row_keeps_its_time():
    assert run([(-1, "a", 1, 10), (1, "b", 0, 20)]) == [(-1, "a", 1, 10)]


def test_what_never_passed_and_touches_leave_no_trace():
    assert run([(1, "a", 0, 1), (-1, "a", 0, 1), (1, "a", None, 2), (0, "c", None, 3)]) == []


updates = st.lists(st.tuples(
    st.sampled_from("ab"), st.one_of(st.none(), st.integers(-2, 2)), st.integers(0, 9)), max_size=12)


@settings(max_examples=80, deadline=None)
@given(updates)
def test_the_sum_is_the_rows_that_pass(history):
    table: dict[str, tuple[int, int]] = {}
    changes = []
    for key, n, at in history:  # None deletes
        if key in table:
            changes.append((-1, key, *table.pop(key)))
        if n is not None:
            table[key] = (n, at)
            changes.append((1, key, n, at))
    left: dict[str, int] = {}
    for weight, key, n, _ in run(changes):
        left[key, n] = left.get((key, n), 0) + weight
    assert {kn for kn, weight in left.items() if weight} == {
        (k, n) for k, (n, _) in table.items() if n > 0
    }
