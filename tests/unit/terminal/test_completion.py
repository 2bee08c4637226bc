"""What completion offers where."""

from __future__ import annotations

import pyarrow as pa
import pytest
from sqlglot import exp

from kshell.batch.times import parse_moment
from kshell.catalog.options import ASSERT_TOPIC, CREATE, options_of
from kshell.catalog.serde import CAPABILITIES
from kshell.engines.base import Named
from kshell.errors import ParseError
from kshell.sql import functions, keywords
from kshell.sql.keywords import KEYWORDS, QUOTED, RESERVED, TYPES
from kshell.sql.parse import parse
from kshell.sql.statements import ShowWhat
from kshell.terminal.completion.candidates import complete_at
from kshell.terminal.completion.names import Known, functions_of, sources_of, table_of
from kshell.terminal.completion.statements import STATEMENTS
from kshell.terminal.completion.values import MOMENTS
from kshell.types import PRIMITIVES
from tests.unit.terminal.positions import POSITIONS

ADDRESS = pa.struct([("city", pa.string()), ("zip", pa.struct([("code", pa.int32())]))])
ITEMS = pa.list_(pa.struct([("sku", pa.string()), ("qty", pa.int32())]))
COLUMNS = {
    "orders": {
        "id": pa.int64(), "user_id": pa.int64(), "total": pa.float64(), "address": ADDRESS,
        "items": ITEMS, "union": pa.string(), "with space": pa.string(),
    },
    "users": {"id": pa.int64(), "name": pa.string(), "region": pa.string(), "userid": pa.string()},
    "page.views": {"pageid": pa.string()},
    "my-users": {"id": pa.int64()},
    "PAGEVIEWS": {"VIEWTIME": pa.int64(), "USERID": pa.string(), "PAGEID": pa.string()},
    "kafka.groups": {"group_id": pa.string(), "state": pa.string()},
    "kafka.lag": {"group_id": pa.string(), "topic": pa.string(), "lag": pa.int64()},
    "CITIES": {"CITY": pa.string(), "N": pa.int64(), "n": pa.int64()},
}  # fmt: skip
NAMES = (
    Named("orders", "topic", 3), Named("users", "topic", 6), Named("page.views", "topic", 1),
    Named("my-users", "topic", 1), Named("select", "topic", 1), Named("orders_2024", "topic", 1),
    Named("__consumer_offsets", "topic", 50, internal=True),
    Named("_schemas", "topic", 1, internal=True),
    Named("PAGEVIEWS", "stream", 3), Named("CITIES", "table", 3),
    Named("kafka.groups", "system table"), Named("kafka.lag", "system table"),
)  # fmt: skip
TABLES = {n: table_of(n, c, declared=n.isupper()) for n, c in COLUMNS.items()}
LISTED = {
    "group": ("billing", "billing.shipping"), "broker": ("1", "2"), "principal": ("User:ann",),
    "connector": ("orders-sink",), "subject": ("orders-value",), "application": ("shop",),
}  # fmt: skip
LIBRARY = {n: functions.describe(n) for n in functions.names()}


def table(name):
    return TABLES.get(name.upper()) or TABLES.get(name)


def known(**changes) -> Known:
    given = {
        "sources": sources_of(NAMES), "table": table, "seen": (TABLES["orders"], TABLES["users"]),
        "functions": functions_of(LIBRARY), "types": ("PLACE",), "queries": {"CTAS_1": "5/s"},
        "variables": ("day",), "listed": lambda what: LISTED[what], "jobs": {"1": "SELECT 1"},
    }  # fmt: skip
    return Known(**(given | changes))


def candidates(text, **changes):
    before, _, after = text.partition("|")
    return complete_at(before, after, known(**changes))


def offered(text, **changes) -> list[str]:
    return [c.text for c in candidates(text, **changes)]


def kind_of(text, name) -> str:
    return next(c.kind for c in candidates(text) if c.text == name)


@pytest.mark.parametrize(("text", "first", "absent"), [(t, f, a) for t, f, *a in POSITIONS])
def test_the_best_offer(text, first, absent):
    found = offered(text)
    assert found[:1] == ([] if first is None else [first])
    assert not set(found) & set(absent)


def test_there_are_enough_positions():
    assert len({text for text, *_ in POSITIONS}) == len(POSITIONS) >= 150


def test_after_a_source_the_next_clauses_come_in_their_order():
    following = ["WHERE", "JOIN", "GROUP BY", "ORDER BY", "LIMIT", "EMIT CHANGES"]
    assert offered("SELECT * FROM orders |")[:6] == following
    assert offered("SELECT * FROM orders AS o |")[:6] == following


def test_with_no_from_yet_the_columns_of_with_come_first():
    assert offered("WITH big AS (SELECT id AS amount FROM orders) SELECT |")[0] == "amount"
    assert offered("WITH big AS (SELECT id AS amount FROM orders) SELECT am|")[0] == "amount"
    assert offered("WITH big AS (SELECT to|")[0] == "total"


def test_a_query_of_with_names_itself_only_where_it_is_recursive():
    assert "big" not in offered("WITH big AS (SELECT id FROM |")
    assert offered("WITH RECURSIVE big AS (SELECT id FROM |")[0] == "big"


def test_with_offers_all_that_the_statement_takes():
    assert offered("CREATE STREAM s WITH (|") == [o.name for o in options_of(CREATE)]
    assert offered("ASSERT TOPIC s WITH (|") == [o.name for o in options_of(ASSERT_TOPIC)]


@pytest.mark.parametrize("option", [o for o in options_of(CREATE) if o.values], ids=lambda o: o.name)
def test_every_value_of_an_option_is_offered_with_its_quotes(option):
    values = [f"'{v}'" for v in option.values]
    assert offered(f"CREATE STREAM s WITH ({option.name}=|") == values
    assert offered(f"CREATE STREAM s WITH ({option.name}='|") == values


def test_the_tables_of_completion_are_those_of_the_program():
    more = {"ALL TOPICS", "ALL PARTITIONS", "SOURCE CONNECTORS", "SINK CONNECTORS"}
    assert {*(what.value for what in ShowWhat), *more} == set(offered("SHOW |"))
    formats = offered("CREATE STREAM s (a INT) WITH (VALUE_FORMAT = '|")
    assert formats == [f"'{name}'" for name in CAPABILITIES]
    names = {name for p in PRIMITIVES for name in p.names}
    assert set(TYPES) == names | {"ARRAY", "MAP", "STRUCT", "DECIMAL"}


def test_every_statement_has_a_row():
    assert {w for w in STATEMENTS if w.isalpha()} == {*keywords.STATEMENTS, "FROM", "VALUES"}


@pytest.mark.parametrize("word", sorted({*KEYWORDS, "VALUE", "USER"} - QUOTED))
def test_a_name_that_comes_without_backticks_is_read_without_them(word):
    for text in (f"SELECT {word}, x FROM t WHERE {word} = 1", f"SELECT t.{word} FROM t"):
        (statement,) = parse(text)
        assert statement.query.unread is None
        assert word in {c.name for c in statement.query.tree.find_all(exp.Column)}


@pytest.mark.parametrize("word", sorted(QUOTED - RESERVED))
def test_a_name_that_comes_in_backticks_needs_them(word):
    def reads(text):
        try:
            (statement,) = parse(text)
        except ParseError:
            return False
        named = [n.name for n in statement.query.tree.find_all(exp.Column, exp.Table)]
        return named.count(word) == text.count(word)

    texts = (
        f"SELECT {word}, x FROM t WHERE {word} = 1 GROUP BY {word}",
        f"SELECT a FROM {word} WHERE a = 1",
    )
    assert not all(reads(text) for text in texts)


def test_a_source_is_called_what_it_is():
    kinds = {c.text: c.kind for c in candidates("SELECT * FROM |")}
    assert kinds["PAGEVIEWS"] == "stream"
    assert kinds["CITIES"] == "table"
    assert kinds["orders"] == "topic"


def test_columns_come_with_their_types_and_functions_with_their_help():
    assert kind_of("SELECT | FROM orders", "total") == "DOUBLE"
    assert kind_of("SELECT | FROM orders", "items") == "ARRAY<STRUCT>"
    assert kind_of("SELECT address->| FROM orders", "city") == "STRING"
    assert kind_of("SELECT LC|", "LCASE(") == "(STRING) -> STRING  The text in lower case."
    assert kind_of("SELECT tot|", "total") == "DOUBLE  orders"


def test_internal_topics_come_last():
    assert offered("SELECT * FROM |")[-2:] == ["__consumer_offsets", "_schemas"]
    assert offered("PRINT |")[-2:] == ["__consumer_offsets", "_schemas"]


def test_used_names_come_first_among_those_that_fit_as_well():
    used = {"users": 1, "region": 2, "userid": 3, "page.views": 4}
    assert offered("PRINT |", used=used)[:3] == ["`page.views`", "users", "orders"]
    assert offered("SELECT | FROM users", used=used)[:4] == ["userid", "region", "id", "name"]
    assert offered("SELECT r| FROM users", used=used)[0] == "region"
    # What begins with the text comes before what was used and only contains it.
    assert offered("SELECT * FROM o|", used={"_schemas": 9})[0] == "orders"
    assert offered("SELECT * FROM users WHERE n|", used={"region": 9})[0] == "name"


def test_the_columns_of_an_insert_keep_their_order():
    assert offered("INSERT INTO users (|", used={"region": 1})[:3] == ["id", "name", "region"]


def test_a_topic_with_the_name_of_a_stream_is_in_backticks():
    sources = sources_of([Named("pageviews", "topic", 3), Named("PAGEVIEWS", "stream", 3)])
    assert offered("SELECT * FROM page|", sources=sources) == ["PAGEVIEWS", "`pageviews`"]


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("SELECT * FROM page|", ["stream"]), ("SELECT * FROM users JOIN page|", ["stream"]), ("DESCRIBE page|", ["stream"]),
        ("INSERT INTO page|", ["stream"]), ("\\d page|", ["stream"]), ("DROP STREAM page|", ["stream"]),
        ("PRINT page|", ["topic"]), ("CREATE STREAM s WITH (KAFKA_TOPIC='page|", ["topic"]),
    ],
)  # fmt: skip
def test_a_stream_and_a_topic_of_one_name_are_one_line(text, kinds):
    """The stream, which stands for the topic wherever it can be meant, in quotes too."""
    sources = sources_of([Named("PAGEVIEWS", "topic", 3), Named("PAGEVIEWS", "stream", 3)])
    found = candidates(text, sources=sources)
    assert [c.kind for c in found] == kinds
    assert [c.text.strip("'") for c in found] == ["PAGEVIEWS"]


def test_fields_of_seen_sources_are_offered_without_from_the_last_used_first():
    texts = offered("SELECT |")
    assert texts.index("total") < texts.index("region") < texts.index("COUNT(")
    other = (TABLES["users"], TABLES["orders"])
    texts = offered("SELECT |", seen=other)
    assert texts.index("region") < texts.index("total")


def test_a_source_without_known_columns_offers_what_all_have():
    found = offered("SELECT | FROM unheard_of")
    assert found[0] == "ROWTIME"
    assert "COUNT(" in found


@pytest.mark.parametrize("moment", MOMENTS)
def test_every_moment_that_is_offered_is_read(moment):
    assert parse_moment(moment, 10**12) is not None


def test_files_and_folders_are_offered(tmp_path, monkeypatch):
    (tmp_path / "a.sql").touch()
    (tmp_path / ".hidden").touch()
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b's.sql").touch()
    monkeypatch.chdir(tmp_path)
    assert offered("RUN SCRIPT '|") == ["'a.sql'", "'more/"]
    assert offered("RUN SCRIPT 'more/|") == ["'more/b''s.sql'"]
    assert offered("RUN SCRIPT '.h|") == ["'.hidden'"]
    assert offered("RUN SCRIPT 'nowhere/|") == []
    assert offered(f"SPOOL '{tmp_path}/a|") == [f"'{tmp_path}/a.sql'"]
    assert offered("CREATE STREAM s WITH (VALUE_SCHEMA_FILE='a|") == ["'a.sql'"]
    assert offered("SET 'ssl.ca.location' = 'a|") == ["'a.sql'"]
    assert offered("\\i mo|") == ["more/"]
    assert offered("CREATE TABLE t FROM FILE 'a|") == ["'a.sql'"]


def test_files_that_a_statement_can_read_come_first(tmp_path, monkeypatch):
    for name in ("A.md", "b.CSV", "c.sql", "d.parquet"):
        (tmp_path / name).touch()
    (tmp_path / "e").mkdir()
    monkeypatch.chdir(tmp_path)
    assert offered("CREATE TABLE t FROM FILE '|") == ["'b.CSV'", "'d.parquet'", "'e/", "'A.md'", "'c.sql'"]
    assert offered("RUN SCRIPT '|") == ["'c.sql'", "'e/", "'A.md'", "'b.CSV'", "'d.parquet'"]
    assert offered("SPOOL '|") == ["'A.md'", "'b.CSV'", "'c.sql'", "'d.parquet'", "'e/"]


@pytest.mark.parametrize("text", [t for t, *_ in POSITIONS if len(t) > 45][::4])
def test_completion_never_fails_at_any_place_of_a_text(text):
    whole = text.replace("|", "")
    for place in range(len(whole) + 1):
        complete_at(whole[:place], whole[place:], known())


def test_a_chart_takes_the_columns_of_the_last_result():
    last = table_of("_", {"total": pa.float64(), "with space": pa.string()}, declared=False)
    tables = {"_": last}
    assert offered("\\chart |", table=tables.get) == ["total", "`with space`", "BY", "TO"]
    assert offered("\\chart total |", table=tables.get)[0] == "total"
    assert offered("\\chart total, to|", table=tables.get)[0] == "total"
    assert offered("\\chart total by wi|", table=tables.get) == ["`with space`"]
    assert offered("\\chart `wi|", table=tables.get) == ["`with space`"]
    assert offered("\\chart |", table={}.get) == ["BY", "TO"]
