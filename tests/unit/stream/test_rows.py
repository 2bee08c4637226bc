"""What changes are as records: which rows are the old ones of updates."""

import pyarrow as pa
import pytest

from kshell.catalog.model import Column, Kind
from kshell.changes import Changes
from kshell.sql.plan import Relation
from kshell.stream.rows import Layout, latest


@pytest.mark.parametrize("times", [1, 100])  # cells are compared in Python, or by Arrow
@pytest.mark.parametrize(
    ("type", "old", "new", "same"),
    [
        (pa.float64(), float("nan"), float("nan"), True),
        (pa.float64(), 0.0, -0.0, True),
        (pa.float64(), None, None, True),
        (pa.float64(), None, float("nan"), False),
        (pa.string(), "a", "a", True),
        (pa.string(), "a", None, False),
        (pa.list_(pa.float64()), [1.0, float("nan")], [1.0, float("nan")], True),
        (pa.list_(pa.float64()), [1.0], [2.0], False),
    ],
)
def test_an_old_and_a_new_row_of_one_key_are_one_record(
    times: int, type: pa.DataType, old: object, new: object, same: bool
) -> None:
    relation = Relation(Kind.TABLE, (Column("K", type),), ())
    keys = pa.array([old, new] * times, type)
    rows = pa.record_batch({"K": keys, "ROWTIME": pa.array([1, 2] * times)})
    changes = Changes(rows, pa.array([-1, 1] * times))
    records, gone = latest(changes, Layout(relation))
    assert records.column("ROWTIME").to_pylist() == ([2] if same else [1, 2]) * times
    assert gone.to_pylist() == ([False] if same else [True, False]) * times
