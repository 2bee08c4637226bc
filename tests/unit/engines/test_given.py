"""Arrow tables given to a session: bounded, as inputs that end, and joined with each other."""

import contextlib
import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from kshell.config import Properties
from kshell.errors import BindError, UnknownName, Unsupported, UsageError
from kshell.results import Live, NoticeKind, notices_of
from kshell.session import Session

ORDERS = pa.table({"id": [1, 2, 3], "who": ["ann", "bob", "ann"], "ROWTIME": [5_000, 70_000, 6_000]})
USERS = pa.table({"name": ["bob", "ann"], "Age": pa.array([31, 42], pa.uint8())})

UNION = pa.UnionArray.from_dense(pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])])


@pytest.fixture
def session():
    made = Session(Properties({}), tables={"orders": ORDERS, "users": USERS})
    yield made
    made.close()


def rows(session, text):
    *_, answer = session.execute(text)
    if isinstance(answer, Live):
        out = []
        while (changes := answer.poll(0.1)) is not None:
            for row, weight in zip(changes.rows.to_pylist(), changes.weights.to_pylist(), strict=True):
                out.append((weight, *row.values()))
        return out
    return [tuple(r.values()) for batch in answer.batches for r in batch.to_pylist()]


def test_a_bounded_query_needs_no_cluster(session):
    assert rows(session, "SELECT who, COUNT(*) AS n FROM orders GROUP BY who ORDER BY who") == [("ann", 2), ("bob", 1)]
    assert rows(session, "SELECT * FROM orders") == [(1, "ann", 5_000), (2, "bob", 70_000), (3, "ann", 6_000)]
    joined = "SELECT o.id, u.age FROM orders o JOIN users u ON o.who = u.name ORDER BY o.id"
    assert rows(session, joined) == [(1, 42), (2, 31), (3, 42)]
    assert rows(session, "SELECT id FROM ORDERS ORDER BY ROWTIME DESC LIMIT 1") == [(2,)]
    assert rows(session, "SELECT COUNT(*) FROM orders WHERE ROWOFFSET > 0") == [(2,)]


def test_pseudo_columns_are_null_but_the_rows_number_and_time(session):
    pseudo = "SELECT ROWOFFSET, ROWTIME, ROWKEY, ROWPARTITION, ROWHEADERS FROM"
    assert rows(session, f"{pseudo} users") == [(0, 0, None, None, None), (1, 0, None, None, None)]
    assert rows(session, f"{pseudo} orders")[1] == (1, 70_000, None, None, None)


def test_followed_it_ends(session):
    assert rows(session, "SELECT id, who FROM orders WHERE id > 1 EMIT CHANGES") == [(1, 2, "bob"), (1, 3, "ann")]
    counted = rows(session, "SELECT who, COUNT(*) AS n FROM orders GROUP BY who EMIT CHANGES")
    totals = {}
    for weight, who, n in counted:
        totals[who] = totals.get(who, 0) + weight * n
    assert totals == {"ann": 2, "bob": 1}
    windows = "SELECT who, COUNT(*) AS n FROM orders WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY who"
    assert sorted(rows(session, windows)) == [("ann", 2), ("bob", 1)]


@pytest.mark.parametrize("window", ["TUMBLING (SIZE 1 HOUR)", "HOPPING (SIZE 1 HOUR, ADVANCE BY 1 HOUR)",
                                    "SESSION (1 MINUTE)", "SLIDING (SIZE 1 MINUTE, GRACE PERIOD 1 HOUR)"])
@pytest.mark.parametrize("grace", ["", ", GRACE PERIOD 0 SECONDS", ", RETENTION 3 HOURS, GRACE PERIOD 1 HOUR"])
@pytest.mark.parametrize("having", ["", " HAVING COUNT(*) > 0"])
def test_a_bounded_answer_has_every_window_however_old(window, grace, having):
    # One order every three days: each has a window of its own (of SLIDING too: no two are near).
    days = pa.table({"who": ["ann", "bob", "ann", "ann"], "n": [1, 2, 3, 4],
                     "ROWTIME": [day * 86_400_000 for day in (1, 4, 7, 10)]})
    if not window.startswith("SLIDING"):
        window = window.replace(")", f"{grace})")
    session = Session(Properties({}), tables={"days": days})
    with contextlib.closing(session):
        found = rows(session, f"SELECT who, SUM(n) AS s, COUNT(*) AS c FROM days WINDOW {window} GROUP BY who{having}")
    assert sorted(found) == [("ann", 1, 1), ("ann", 3, 1), ("ann", 4, 1), ("bob", 2, 1)]


@pytest.mark.parametrize("emit", ["", " EMIT CHANGES"])
def test_rows_that_come_too_late_are_said(emit):
    days = pa.table({"who": ["ann", "bob", "ann"], "ROWTIME": [5_000, 70_000, 6_000]})
    text = "SELECT who, COUNT(*) AS n FROM days WINDOW TUMBLING (SIZE 10 SECONDS, GRACE PERIOD {} SECONDS) GROUP BY who" + emit
    session = Session(Properties({}), tables={"days": days})
    with contextlib.closing(session):
        said = []
        for grace in (0, 120):
            *_, answer = session.execute(text.format(grace))
            if isinstance(answer, Live):
                while answer.poll(0.1) is not None:
                    pass
            else:
                list(answer.batches)
            said += [(n.kind, n.count) for n in notices_of(answer)]
    assert said == [(NoticeKind.LATE, 1)]


def test_two_are_joined_within_a_window(session):
    text = "SELECT o.id, u.`Age` FROM orders o JOIN users u WITHIN 10 SECONDS ON o.who = u.name EMIT CHANGES"
    assert sorted(rows(session, text)) == [(1, 1, 42), (1, 3, 42)]


def test_what_is_no_table_is_refused():
    for rows, match in (
        (5, "cannot be given as a table"),
        (pa.table([[1], [2]], names=["a", "a"]), "two columns named a"),
        (pa.table({"v": pa.array([Decimal(10) ** 60], pa.decimal256(70, 0))}), "cannot be given"),
        (pa.table({"v": pa.array([[Decimal(10) ** 60]], pa.list_(pa.decimal256(70, 0)))}), "cannot be given"),
        (pa.table({"v": UNION}), "t cannot be given as a table: no type stands for dense_union"),
        (pa.table({"v": pa.StructArray.from_arrays([UNION], ["u"])}), "no type stands for dense_union"),
    ):
        with pytest.raises(UsageError, match=match):
            Session(Properties({}), tables={"t": rows}).connect()


@pytest.mark.parametrize("of", [
    pa.list_, pa.large_list, lambda type: pa.list_(type, 1), lambda type: pa.map_(pa.string(), type),
    lambda type: pa.struct([("a", type)]), lambda type: pa.list_(pa.struct([("a", type)])),
])  # fmt: skip
@pytest.mark.parametrize(("value", "type"), [
    (1.5, pa.float16()), (Decimal("1.5"), pa.decimal256(20, 1)), (Decimal("12000"), pa.decimal128(5, -3)),
])  # fmt: skip
def test_what_duckdb_does_not_read_is_cast_at_every_depth(of, value, type):
    within = of(type)
    fields = {"a": value}
    whole = fields if pa.types.is_struct(within) else [("k", value)] if pa.types.is_map(within) else [
        fields if pa.types.is_struct(within.value_type) else value]
    plain = pa.float32() if type == pa.float16() else pa.decimal128(20, 1)
    column = pa.array([whole], of(plain)).cast(within)
    session = Session(Properties({}), tables={"t": pa.table({"v": column, "w": pa.array([value], plain).cast(type)})})
    assert rows(session, "SELECT v, w FROM t") == [(whole, value)]


def test_print_of_a_given_table_says_what_shows_it(session):
    with pytest.raises(Unsupported, match="a table given to this session") as caught:
        rows(session, "PRINT orders FROM BEGINNING LIMIT 1")
    assert (caught.value.hint, caught.value.place.column) == ('SELECT * FROM "orders"', 7)


def test_a_column_that_is_not_in_reach_is_not_its_own_hint(session):
    with pytest.raises(UnknownName, match="no column named ROWTIME") as caught:
        rows(session, "SELECT ROWTIME FROM (SELECT * FROM users)")
    assert caught.value.hint == "DESCRIBE shows the columns"


def test_types_that_ksql_has_none_for_are_read_as_they_are():
    moment = dt.datetime(2026, 1, 2, tzinfo=dt.UTC)
    table = pa.table({"half": pa.array([1.5], pa.float16()), "at": pa.array([moment], pa.timestamp("us", "UTC")),
                      "took": pa.array([dt.timedelta(seconds=3)]), "day": pa.array([dt.date(2026, 1, 2)], pa.date64())})
    session = Session(Properties({}), tables={"t": table})
    # an interval comes out of DuckDB as months, days and nanoseconds
    assert rows(session, "SELECT half, at = TIMESTAMPTZ '2026-01-02 00:00:00Z', took = INTERVAL 3 SECOND, day FROM t") == [
        (1.5, True, True, dt.date(2026, 1, 2))]
    with pytest.raises(BindError, match="no type for a duration"):
        rows(session, "SELECT * FROM t EMIT CHANGES")


@pytest.mark.parametrize(
    ("given", "ksql", "expected"),
    [
        (pa.array([1], pa.int8()), "INTEGER", 1),
        (pa.array([2**32 - 1], pa.uint32()), "BIGINT", 2**32 - 1),
        (pa.array([2**64 - 1], pa.uint64()), "DECIMAL(20, 0)", Decimal(2**64 - 1)),
        (pa.array([0.5], pa.float32()), "DOUBLE", 0.5),
        (pa.array(["a"], pa.large_string()), "STRING", "a"),
        (pa.array(["a"]).dictionary_encode(), "STRING", "a"),
        (pa.array([None], pa.null()), "STRING", None),
        (pa.array([b"a"], pa.binary(1)), "BYTES", b"a"),
        (pa.array([dt.datetime(2026, 1, 2)], pa.timestamp("ns")), "TIMESTAMP", dt.datetime(2026, 1, 2)),
        (pa.array([dt.date(2026, 1, 2)], pa.date64()), "DATE", dt.date(2026, 1, 2)),
        (pa.array([dt.time(1, 2)], pa.time64("us")), "TIME", dt.time(1, 2)),
        (pa.array([[1]], pa.large_list(pa.int16())), "ARRAY<INTEGER>", [1]),
        (pa.array([{"a": 1}], pa.struct([("a", pa.uint8())])), "STRUCT<`a` INTEGER>", {"a": 1}),
    ],
    ids=lambda value: str(value)[:12],
)
def test_every_type_is_followed_in_the_ksql_type_that_holds_it(given, ksql, expected):
    from kshell.engines.local.sources.given import given_source
    from kshell.types import ksql_name

    table = pa.table({"v": given})
    assert ksql_name(given_source("t", table).value[0].type) == ksql
    session = Session(Properties({}), tables={"t": table})
    assert rows(session, "SELECT v FROM t EMIT CHANGES") == [(1, expected)]
    assert len(rows(session, "SELECT v FROM t")) == 1


def test_more_rows_than_a_batch_holds_all_come():
    table = pa.table({"n": range(200_000)})
    session = Session(Properties({}), tables={"t": table})
    assert rows(session, "SELECT SUM(n) FROM t") == [(sum(range(200_000)),)]
    live = rows(session, "SELECT COUNT(*) AS n FROM t GROUP BY 1 EMIT CHANGES")
    assert sum(w * n for w, n in live) == 200_000


def test_nothing_is_written_to_it_or_named_like_it(session):
    with pytest.raises(Unsupported, match="nothing can be written"):
        rows(session, "INSERT INTO orders (id) VALUES (4)")
    for text in ("CREATE STREAM Orders (a INT) WITH (KAFKA_TOPIC='x', VALUE_FORMAT='JSON', PARTITIONS=1)",
                 "CREATE STREAM orders AS SELECT * FROM users"):
        with pytest.raises(BindError, match="given to this session"):
            rows(session, text)


def test_what_needs_a_cluster_says_so(session):
    for text in ("SHOW TOPICS", "CREATE STREAM s (a INT) WITH (KAFKA_TOPIC='s', VALUE_FORMAT='JSON')"):
        with pytest.raises(UsageError, match="no cluster named"):
            rows(session, text)
    assert list(session.columns("users")) == ["name", "Age"]


def test_it_wins_over_a_topic_and_that_is_said(demo):
    properties = Properties({"bootstrap.servers": demo.bootstrap})
    with_topic = Session(properties, tables={"orders": ORDERS})
    (answer,) = with_topic.execute("SELECT COUNT(*) AS n FROM orders")
    assert [b.to_pylist() for b in answer.batches] == [[{"n": 3}]]
    assert "given to this session" in answer.notices()[0].text
    assert [n.kind for n in answer.notices()] == [NoticeKind.GIVEN]
    window = "SELECT id, COUNT(*) AS n FROM orders WINDOW TUMBLING (SIZE 1 DAY) GROUP BY id"
    for text in (window, f"{window} EMIT CHANGES"):
        (answer,) = with_topic.execute(text)
        assert [n.kind for n in notices_of(answer)] == [NoticeKind.GIVEN]
        answer.cancel()
    (other,) = with_topic.execute("SELECT COUNT(*) AS n FROM orders o JOIN pageviews p ON false")
    assert next(other.batches).to_pylist() == [{"n": 0}]
    with pytest.raises(UnknownName):
        rows(with_topic, "SELECT * FROM nope")
    with_topic.close()


def test_describe_and_explain_know_it(session):
    (described,) = session.execute("DESCRIBE orders")
    assert "3 rows" in described.parts[0].text
    (explained,) = session.execute("EXPLAIN SELECT id FROM orders")
    assert "3 of 3 offsets" in explained.parts[0].text
    (followed,) = session.execute("EXPLAIN SELECT id FROM orders EMIT CHANGES")
    assert "orders" in followed.parts[0].text


def test_a_column_of_a_reserved_name_is_the_rows_own():
    table = pa.table({"rowkey": ["a"], "ROWTIME": [5], "ROWOFFSET": [9]})
    session = Session(Properties({}), tables={"t": table})
    assert rows(session, "SELECT rowkey, ROWTIME, ROWOFFSET FROM t EMIT CHANGES") == [(1, "a", 5, 9)]
    assert rows(session, "SELECT * FROM t EMIT CHANGES") == [(1, "a")]
    assert rows(session, "SELECT * FROM t") == [("a", 5, 9)]


def test_what_is_not_there(session):
    with pytest.raises(UnknownName, match="no table named ordres") as unknown:
        rows(session, "SELECT * FROM ordres")
    assert "orders" in unknown.value.hint


def test_what_reads_it_writes_json_unless_said_otherwise(demo):
    session = Session(Properties({"bootstrap.servers": demo.bootstrap}), tables={"given_orders": ORDERS})
    list(session.execute("CREATE STREAM copied_orders AS SELECT id, who FROM given_orders EMIT CHANGES"))
    (query,) = session.engine.context.queries.values()
    assert query.catch_up(10)
    assert (query.sink.target.value_format.name, query.written) == ("JSON", 3)
    session.close()


DAY = dt.datetime(2024, 1, 1, 0, 0, 0, 123456)
ON = "2024-01-01 00:00:00.123456"


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (pa.array([DAY, DAY + dt.timedelta(days=300)], pa.timestamp("us")), {f"= '{ON}'": [1], "> '2024-06-01'": [2], f"BETWEEN '{ON}' AND '{ON}'": [1], f"IN ('{ON}')": [1], "< '1 day ago'": [1, 2], "< 'yesterday'": [1, 2]}),
        (pa.array([DAY, DAY + dt.timedelta(days=300)], pa.timestamp("ms", "UTC"), safe=False), {"> '2024-06-01T00:00:00+02:00'": [2], "< '1 day ago'": [1, 2]}),
        (pa.array([DAY.date(), DAY.date() + dt.timedelta(days=300)]), {"= '2024-01-01'": [1], "> '2024-06-01'": [2]}),
        (pa.array(["2024-01-01", "b"]), {"= '2024-01-01'": [1], "> 'a'": [2]}),
        (pa.array([5000, 7000]), {"> '1970-01-01T00:00:06Z'": [2], "= 5000": [1]}),
    ],
    ids=["timestamp", "of a zone", "date", "text", "milliseconds"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["rowtime", "ROWTIME", "windowstart"])
def test_its_own_time_compared_with_text(name, column, wanted):
    with contextlib.closing(Session(Properties({}), tables={"t": pa.table({name: column, "v": [1, 2]})})) as session:
        for test, found in wanted.items():
            for written in (name, name.swapcase(), f"t.{name}"):
                assert rows(session, f"SELECT v FROM t WHERE {written} {test} ORDER BY v") == [(v,) for v in found]
        if "ago" in str(wanted):
            with pytest.raises(BindError, match="'soon' is no time"):
                rows(session, f"SELECT v FROM t WHERE {name} > 'soon'")


def test_explode_makes_the_same_rows_bounded_and_continuous():
    lists = pa.table({"id": [1, 2, 3, 4], "l": [[1, 2], [], None, [None, 3]], "m": [["a"], ["b"], ["c", "d"], []]})
    with contextlib.closing(Session(Properties({}), tables={"t": lists})) as session:
        for items, wanted in (
            ("id, EXPLODE(l) AS e", [(1, 1), (1, 2), (4, None), (4, 3)]),
            ("id, EXPLODE(l) AS e, EXPLODE(m) AS f", [(1, 1, "a"), (1, 2, None), (2, None, "b"), (3, None, "c"), (3, None, "d"), (4, None, None), (4, 3, None)]),
        ):  # fmt: skip
            assert rows(session, f"SELECT {items} FROM t") == wanted
            assert [row[1:] for row in rows(session, f"SELECT {items} FROM t EMIT CHANGES")] == wanted
        *_, answer = session.execute("SELECT EXPLODE(l), id FROM t")
        assert answer.schema.names == ["EXPLODE(l)", "id"]
        with pytest.raises(UnknownName, match="cube_explode") as caught:
            rows(session, "SELECT CUBE_EXPLODE(l) FROM t")
        assert "EMIT CHANGES" in caught.value.hint


def test_numbers_beyond_38_digits_and_bits_are_text(session):
    big = "9" * 41
    text = f"SELECT id, {big} AS n, -{big} AS n, '0101'::BIT AS b, [{big}, NULL] AS l FROM orders ORDER BY id DESC LIMIT 2"
    *_, answer = session.execute(text)
    found = [list(zip(*(c.to_pylist() for c in batch.columns), strict=True)) for batch in answer.batches]
    assert [row for part in found for row in part] == [
        (n, big, f"-{big}", "0101", [big, None]) for n in (3, 2)
    ]
    assert answer.schema.names == ["id", "n", "n_1", "b", "l"]
    pivoted = f"PIVOT (SELECT who, {big} AS n FROM orders) ON who USING MAX(n)"  # its rows decide its columns
    assert rows(session, pivoted) == [(big, big)]
