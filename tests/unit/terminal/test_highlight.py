"""The colours of a statement, and brackets and quotes without a partner."""

from __future__ import annotations

import pytest

from kshell.sql.script import tokens
from kshell.terminal.highlight import brackets_of, highlight

ALONE, OPEN = "class:bracket.alone", "class:bracket.open"


def coloured(text, style):
    return [piece for s, piece in highlight(text) if s == style]


def test_highlighting_keeps_the_text():
    text = "SELECT count(x), 'it''s' -- done\nFROM `a-b` WHERE n > 1.5"
    pieces = highlight(text)
    assert "".join(p for _, p in pieces) == text
    assert ("class:keyword", "SELECT") in pieces
    assert ("class:string", "'it''s'") in pieces
    assert ("class:function", "count") in pieces


@pytest.mark.parametrize(
    ("text", "alone", "open_"),
    [
        ("SELECT f(a[1], {'b': 2})", [], []),
        ("SELECT f(a", [], ["("]),
        ("SELECT f((a)", [], ["("]),
        ("SELECT a)", [")"], []),
        ("SELECT (a]", ["]"], ["("]),
        ("SELECT (a; SELECT (b", ["("], ["("]),
        ("SELECT ')', `(`, \"[\" -- )\n/* ( */", [], []),
        ("SELECT 'abc", [], ["'"]),
        ("SELECT 'it''s", [], ["'"]),
        ("SELECT `abc", [], ["`"]),
        ("SELECT 'it''s'", [], []),
    ],
)
def test_what_has_no_partner_has_a_colour(text, alone, open_):
    assert "".join(p for _, p in highlight(text)) == text
    assert coloured(text, ALONE) == alone
    assert coloured(text, OPEN) == open_


def test_partners_are_told_apart_from_brackets_in_strings():
    text = "f('(', g(1))"
    partners = brackets_of(tokens(text)).partners
    assert partners == {1: 11, 11: 1, 8: 10, 10: 8}
