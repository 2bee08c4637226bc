"""What completion offers where."""

from __future__ import annotations

import pytest

from kshell.catalog.options import ASSERT_TOPIC, CREATE, options_of
from kshell.catalog.serde import CAPABILITIES
from kshell.sql.statements import ShowWhat
from kshell.terminal.completion import Known, complete_at
from kshell.terminal.highlight import highlight

TOPICS = ("orders", "page.views", "users")
COLUMNS = {"orders": ("orderid", "total"), "users": ("userid", "regionid"), "page.views": ("pageid",)}


def offered(text: str, after: str = "") -> list[str]:
    known = Known(TOPICS, lambda name: COLUMNS.get(name, ()), ("UCASE", "COUNT"))
    return [c.text for c in complete_at(text, after, known)]


@pytest.mark.parametrize(
    ("text", "after", "first"),
    [
        ("SEL", "", "SELECT"),
        ("SELECT * FROM o", "", "orders"),
        ("SELECT * FROM vie", "", "`page.views`"),
        ("DESCRIBE u", "", "users"),
        ("SHOW T", "", "TOPICS"),
        ("SELECT to", " FROM orders", "total"),
        ("SELECT o.to", " FROM orders o JOIN users u ON 1=1", "total"),
        ("SELECT u.reg", " FROM orders o JOIN users AS u", "regionid"),
        ("SELECT page", " FROM `page.views`", "pageid"),
        ("SELECT * FROM orders WHERE ROWT", "", "ROWTIME"),
        ("SET 'auto.off", "", "auto.offset.reset"),
        ("SELECT 1; DESC", "", "DESCRIBE"),
        ("SELECT * FROM orders WHERE total > 1 EMI", "", "EMIT"),
        ("SELECT * FROM orders EMIT ", "", "CHANGES"),
        ("SELECT * FROM orders, us", "", "users"),
        ("SELECT * FROM page.v", "", "`page.views`"),
        ("SELECT * FROM `pa", "", "`page.views`"),
        ("SELECT o.", " FROM orders o", "orderid"),
        ("SELECT * FROM orders WHERE ", "", "orderid"),
        ("SELECT uca", " FROM orders", "UCASE("),
        ("sel", "", "select"),
        ("SELECT * FROM orders WHERE odid", "", "orderid"),
        ("SET 'auto.offset.reset' = 'ear", "", "earliest"),
        ("CREATE STREAM s (a INT) WITH (VALUE_F", "", "VALUE_FORMAT"),
        ("CREATE STREAM s (a INT) WITH (VALUE_FORMAT = 'PROTO", "", "PROTOBUF"),
        ("CREATE TABLE t WITH (CLEAN", "", "CLEANUP_POLICY"),
        ("CREATE TABLE t WITH (CLEANUP_POLICY='comp", "", "compact"),
        ("CREATE STREAM s WITH (WINDOW_TYPE='h", "", "HOPPING"),
        ("CREATE STREAM s WITH (VALUE_FORMAT='JSON', VALUE_", "", "VALUE_DELIMITER"),
        ("INSERT INTO s WITH (", "", "QUERY_ID"),
        ("ASSERT TOPIC s WITH (", "", "PARTITIONS"),
        ("\\d us", "", "users"),
        ("\\f ver", "", "vertical"),
    ],
)
def test_the_best_offer(text, after, first):
    assert offered(text, after)[0] == first


def test_with_offers_all_that_the_statement_takes():
    assert set(offered("CREATE STREAM s WITH (")) == {o.name for o in options_of(CREATE)}
    assert offered("ASSERT TOPIC s WITH (") == [o.name for o in options_of(ASSERT_TOPIC)]
    assert offered("CREATE STREAM s WITH (TIMESTAMP_FORMAT='") == []


def test_nothing_is_offered_for_nothing():
    assert offered("") == []
    assert offered("SELECT ") == []
    assert offered("SELECT 1 -- FROM o") == []
    assert offered("SELECT 'FROM o") == []
    assert offered("SELECT * FROM orders ") == []


def test_what_is_offered_is_what_the_tables_have():
    shown = offered("SHOW ")
    assert set(shown) == {*(what.value for what in ShowWhat), "ALL TOPICS"}
    assert shown[0] == "TOPICS"
    formats = offered("CREATE STREAM s (a INT) WITH (VALUE_FORMAT = '")
    assert set(formats) == set(CAPABILITIES)
    assert formats[0] == "JSON"


def test_highlighting_keeps_the_text():
    text = "SELECT count(x), 'it''s' -- done\nFROM `a-b` WHERE n > 1.5"
    pieces = highlight(text)
    assert "".join(p for _, p in pieces) == text
    assert ("class:keyword", "SELECT") in pieces
    assert ("class:string", "'it''s'") in pieces
    assert ("class:function", "count") in pieces
