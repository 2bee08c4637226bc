"""Stars, COLUMNS, USING, NATURAL JOIN and PIVOT beside pseudo columns and names that differ in case alone."""

import contextlib

import pyarrow as pa
import pytest

from kshell.config import Properties
from kshell.errors import BindError
from kshell.session import Session

TABLES = {
    "t": pa.table({"a": [1, 2, 3], "b": ["x", "y", "x"]}),
    "u": pa.table({"A": [1, 2], "c": [True, False]}),
    "cs": pa.table({"ID": [1], "Id": [2], "n": [3]}),
    "lower": pa.table({"id": [1, 2], "v": [10, 20]}),
    "upper": pa.table({"ID": [2, 3], "w": [5, 6]}),
}


@pytest.fixture(scope="module")
def session():
    with contextlib.closing(Session(Properties({}), tables=TABLES)) as made:
        yield made


@pytest.fixture
def ask(session):
    def run(text):
        *_, answer = session.execute(text)
        rows = [row for b in answer.batches for row in b.to_pylist()]
        return answer.schema.names, [tuple(row.values()) for row in rows]

    return run


@pytest.mark.parametrize(
    ("items", "names", "first"),
    [
        ("COLUMNS(['b']), ROWTIME", ["b", "ROWTIME"], ("x", 0)),
        ("ROWOFFSET, COLUMNS(['a', 'b'])", ["ROWOFFSET", "a", "b"], (0, 1, "x")),
        ("COLUMNS(lambda c: c = 'a' OR true), ROWOFFSET", ["a", "b", "ROWOFFSET"], (1, "x", 0)),
        ("COLUMNS(lambda name: name LIKE 'b%'), ROWOFFSET", ["b", "ROWOFFSET"], ("x", 0)),
        ("COLUMNS('.*'), ROWOFFSET", ["a", "b", "ROWOFFSET"], (1, "x", 0)),
        ("* LIKE '%', ROWOFFSET", ["a", "b", "ROWOFFSET"], (1, "x", 0)),
        ("t.* NOT LIKE 'a%', a * 2", ["b", "a * 2"], ("x", 2)),
        ("a * 2, * ILIKE 'A', ROWOFFSET", ["a * 2", "a", "ROWOFFSET"], (2, 1, 0)),
        ("* EXCLUDE (a) GLOB '*', ROWOFFSET", ["b", "ROWOFFSET"], ("x", 0)),
        ("* SIMILAR TO '[ab]'", ["a", "b"], (1, "x")),
    ],
)
def test_a_star_with_a_pattern(ask, items, names, first):
    found, rows = ask(f"SELECT {items} FROM t ORDER BY a")
    assert (found, rows[0]) == (names, first)


@pytest.mark.parametrize(
    ("items", "names", "row"),
    [
        ("* LIKE 'I%'", ["ID", "Id"], (1, 2)), ("* NOT LIKE 'I%'", ["n"], (3,)), ("* ILIKE 'id', ROWTIME", ["ID", "Id", "ROWTIME"], (1, 2, 0)),
        ("cs.* LIKE 'Id'", ["Id"], (2,)), ("* EXCLUDE (ID) LIKE '%'", ["Id", "n"], (2, 3)), ("* GLOB 'I[d]'", ["Id"], (2,)),
        ("* SIMILAR TO 'I.'", ["ID", "Id"], (1, 2)), ("COLUMNS(['Id']), ROWTIME", ["Id", "ROWTIME"], (2, 0)),
        ("COLUMNS(lambda c: c <> 'ID'), ROWTIME", ["Id", "n", "ROWTIME"], (2, 3, 0)),
    ],
)  # fmt: skip
def test_a_pattern_among_names_that_differ_in_case_alone(ask, items, names, row):
    assert ask(f"SELECT {items} FROM cs") == (names, [row])


@pytest.mark.parametrize(
    ("text", "at", "what", "hint"),
    [
        ("SELECT * LIKE 'i%' FROM cs", "* LIKE 'i%'", "leaves no column", "DESCRIBE"),
        ("SELECT COLUMNS(c -> c = 'a'), ROWTIME FROM t", "c -> c = 'a'", "takes a lambda, a list", "lambda c:"),
        ("SELECT t.ROWOFFSET, u.ROWOFFSET FROM t NATURAL JOIN u", "NATURAL", "would join on ROWOFFSET", "USING (a)"),
        ("SELECT * FROM t x\n NATURAL LEFT JOIN t y WHERE x.ROWTIME = y.ROWTIME", "NATURAL", "join on ROWTIME", "USING (a, b)"),
        ("SELECT * FROM cs JOIN lower USING (id)", "id", "USING (id): the sides call it", "ON names"),
        ("SELECT * FROM cs NATURAL JOIN lower", "NATURAL JOIN lower", "No columns found to join on", "ON"),
        ("PIVOT (SELECT a, b FROM t WHERE ROWTIME >= 'soon') ON b USING sum(a)", "'soon'", "'soon' is no time", "minutes ago"),
    ],
)  # fmt: skip
def test_what_is_refused_says_where(ask, text, at, what, hint):
    with pytest.raises(BindError) as caught:
        ask(text)
    place, lines = caught.value.place, text.split("\n")
    assert lines[place.line - 1][place.column - 1 :][: place.length] == at
    assert what in caught.value.what
    assert hint in caught.value.hint


def test_joins_on_names_in_any_case(ask):
    for join in ("NATURAL JOIN upper", "JOIN upper USING (id)", "JOIN upper USING (ID)"):
        assert ask(f"SELECT * FROM lower {join}") == (["id", "v", "w"], [(2, 20, 5)])
        assert ask(f"SELECT *, lower.ROWOFFSET FROM lower {join}") == (["id", "v", "w", "ROWOFFSET"], [(2, 20, 5, 1)])
    text = "SELECT *, lower.ROWOFFSET AS l, upper.ROWOFFSET AS u FROM lower JOIN upper USING (id)"
    assert ask(text) == (["id", "v", "w", "l", "u"], [(2, 20, 5, 1, 0)])


@pytest.mark.parametrize(
    ("test", "kept"),
    [
        (">= '1970-01-01'", True), ("> '1 minute ago'", False), ("< '1 minute ago'", True),
        ("BETWEEN '1970-01-01' AND 'now'", True), ("NOT BETWEEN '1970-01-01' AND 'now'", False),
        ("IN ('1970-01-01', 'now')", True), ("NOT IN ('1970-01-01')", False), ("= TIMESTAMP '1970-01-01 00:00:00'", True),
        ("BETWEEN DATE '1970-01-01' AND DATE '1970-01-02'", True), ("<> 0", False), ("<= '1970-01-01' AND b > ''", True),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["", " IN ('x', 'y')"])
def test_a_pivot_compares_times_with_text(ask, test, kept, end):
    for column in ("ROWTIME", "t.rowtime"):
        _, rows = ask(f"PIVOT (SELECT 7 AS g, a, b FROM t WHERE {column} {test}) ON b{end} USING sum(a)")
        assert rows == ([(7, 4, 2)] if kept else [])
