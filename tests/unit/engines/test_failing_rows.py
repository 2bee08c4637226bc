"""What fails while a bounded query runs is shown where it stands, with a record that does it."""

import contextlib
import re

import pyarrow as pa
import pytest

from kshell.config import Properties
from kshell.errors import EvaluationError, KshellError
from kshell.session import Session

MOST = 2**63 - 1
TABLE = pa.table({"id": [1, 2, 3], "v": [10, MOST, 30], "s": ["7", "a", None], "w": [1, MOST, 1]})
TWO = pa.table({"id": [1, 2], "n": [1, 2]})


def failure(session, text) -> KshellError:
    with pytest.raises(EvaluationError) as caught:
        for answer in session.execute(text):
            list(getattr(answer, "batches", ()))
    return caught.value


@pytest.mark.parametrize(
    "marked",
    [
        "SELECT id, v «+» 1 FROM t",
        "SELECT id,\n  v «*» 2 FROM t",
        "SELECT id + 1, v «+» 1, id + 2 FROM t",
        "SELECT v + id, * FROM t WHERE v «-» -5 > id - 1",
        "SELECT -v - 1 «-» 1 AS x FROM t",
        "SELECT v «+» id + 2 FROM t",
        "SELECT «CAST(s AS INT)» FROM t",
        "SELECT CAST(id AS INT), CAST(v AS STRING), ABS(«CAST(s AS INT)») FROM t",
        "SELECT id, «EXTRACTJSONFIELD('[' || s, '$.x')» FROM t",
        "SELECT «EXTRACTJSONFIELD(s, '$.x')» FROM (SELECT '[' || s AS s FROM t) x",
        "SELECT UCASE(s) FROM t WHERE «repeat('x', v)» <> 'y'",
        "SELECT COUNT(*) FROM t GROUP BY v «+» 1",
        "SELECT id FROM t ORDER BY v «+» 1",
        "SELECT SUM(v «+» id) FROM t",
        "SELECT a.id, a.v «+» b.n FROM t a JOIN two b ON a.id = b.id",
    ],
)  # fmt: skip
def test_what_fails_has_its_place(marked):
    before, words, after = re.split("[«»]", marked)
    with contextlib.closing(Session(Properties({}), tables={"t": TABLE, "two": TWO})) as session:
        place = failure(session, before + words + after).place
    line = before.count("\n") + 1
    assert (place.line, place.column) == (line, len(before.split("\n")[-1]) + 1)
    assert place.length == len(words)


def test_what_cannot_be_told_apart_has_no_place():
    text = "SELECT a.v + b.n, a.w + b.n FROM t a JOIN two b ON a.id = b.id"
    with contextlib.closing(Session(Properties({}), tables={"t": TABLE, "two": TWO})) as session:
        assert failure(session, text).place is None


def test_the_record_is_named(session, topic_of):
    values = [f'{{"n": {n}, "s": "{n}"}}' for n in range(3_000)]
    values[1234] = f'{{"n": {MOST}, "s": "x"}}'
    topic = topic_of(*values)
    record = f"topic {topic}, partition 0, offset 1234"
    error = failure(session, f"SELECT n FROM `{topic}` WHERE n + ROWOFFSET > 5 LIMIT 2999")
    assert record in error.what
    assert error.place.column == len(f"SELECT n FROM `{topic}` WHERE n +")
    assert record in failure(session, f"SELECT MAX(CAST(s AS INT)) FROM `{topic}`").what
    assert record in failure(session, f"SELECT n + 1, ROWOFFSET FROM `{topic}` ORDER BY ROWTIME DESC LIMIT 9").what
    session_wide = f"SET 'kshell.dialect'='duckdb'; SELECT s::INT FROM `{topic}`"
    assert record in failure(session, session_wide).what


def test_of_two_topics_the_records_of_both_are_named(session, topic_of):
    left = topic_of(*(f'{{"id": {n}, "s": "{n}"}}' for n in range(500)), '{"id": 7, "s": "x"}')
    right = topic_of(*(f'{{"id": {n}, "n": {n}}}' for n in range(600)))
    both = f"topic {left}, partition 0, offset 500; topic {right}, partition 0, offset 7"
    join = f"FROM `{left}` a JOIN `{right}` b ON a.id = b.id"
    error = failure(session, f"SELECT CAST(a.s AS INT), b.n {join}")
    assert f"({both})" in error.what
    assert error.place.column == len("SELECT C")
    assert f"({both})" in failure(session, f"SELECT MAX(b.n + CAST(a.s AS INT)) {join}").what
    # Of a table whose rows do not count none is named; nor where the other topic has no rows.
    alone = f"(topic {left}, partition 0, offset 500)"
    assert alone in failure(session, f"SELECT CAST(s AS INT) FROM `{left}` UNION ALL SELECT n FROM `{right}`").what
    assert alone in failure(session, f"SELECT CAST(a.s AS INT) FROM `{left}` a LEFT JOIN `{right}` b ON a.id = -b.id").what


def test_the_record_is_named_where_a_topic_is_read_twice(session, topic_of):
    topic = topic_of(*(f'{{"id": {n}, "s": "{n}"}}' for n in range(300)), '{"id": 300, "s": "x"}')
    text = f"WITH c AS (SELECT id, CAST(s AS INT) AS n FROM `{topic}`) SELECT x.n FROM c x JOIN c y ON x.id = y.id"
    assert f"topic {topic}, partition 0, offset 300" in failure(session, text).what


def test_no_record_is_named_where__several_make_it_fail(session, topic_of):
    topic = topic_of('{"n": 2000000000}', '{"n": 2000000000}')
    text = f"SELECT CAST(SUM(n) AS BIGINT) * CAST(SUM(n) AS BIGINT) FROM `{topic}`"
    error = failure(session, text)
    assert "offset" not in error.what
    assert error.place.column == len("SELECT CAST(SUM(n) AS BIGINT) *")
