"""Which scans a stream–table join looks up rows of."""

from __future__ import annotations

import pytest

from kshell.sql.plan import looked_up, scans


@pytest.mark.parametrize(
    ("query", "tables"),
    [
        ("SELECT * FROM S EMIT CHANGES;", []),
        ("SELECT * FROM T EMIT CHANGES;", []),
        ("SELECT * FROM S JOIN T ON S.K = T.ID EMIT CHANGES;", ["T"]),
        ("SELECT * FROM S JOIN S2 WITHIN 1 HOUR ON S.K = S2.K EMIT CHANGES;", []),
        ("SELECT * FROM T JOIN T2 ON T.ID = T2.ID EMIT CHANGES;", []),
        ("SELECT * FROM S JOIN S2 WITHIN 1 HOUR ON S.K = S2.K LEFT JOIN T ON S.K = T.ID"
         " JOIN T2 ON S.K = T2.ID EMIT CHANGES;", ["T", "T2"]),
    ],
)  # fmt: skip
def test_the_tables_of_stream_table_joins(bind, query, tables):
    node = bind(query)
    found = looked_up(node)
    assert [leaf.source.name for n, leaf in enumerate(scans(node)) if n in found] == tables
