"""Cutting scripts, completeness, and variables."""

from __future__ import annotations

import pytest

from kshell.errors import ParseError, Place
from kshell.sql.script import Piece, is_complete, split, substitute, tokens


def test_semicolons_inside_strings_names_and_comments_end_nothing() -> None:
    text = "SELECT 'a;''b;';\n/* x; */ PRINT `c;d` -- e;\n; ;;\n\tPRINT \"f;\"\"g\""
    assert split(text) == [
        Piece("SELECT 'a;''b;'", 1, 1),
        Piece("PRINT `c;d`", 2, 10),
        Piece('PRINT "f;""g"', 4, 2),
    ]


def test_a_string_that_does_not_end_takes_the_rest() -> None:
    assert split("SHOW TOPICS; PRINT 'a; b") == [
        Piece("SHOW TOPICS", 1, 1), Piece("PRINT 'a; b", 1, 14),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("", True),
        ("  -- nothing", True),
        ("SELECT 1", False),
        ("SELECT 1;", True),
        ("SELECT 1; -- done", True),
        ("SELECT 1; SELECT", False),
        ("SELECT ';", False),
        ("SELECT 1 /* ;", False),
        ("SELECT `;", False),
        ("exit", True),
        ("Help", True),
        ("exit now", False),
    ],
)
def test_is_complete(text: str, complete: bool) -> None:
    assert is_complete(text) is complete


def test_variables_are_put_in_everywhere_without_case() -> None:
    piece = Piece("PRINT ${Topic} '${n}'", 3, 1)
    assert substitute(piece, {"TOPIC": "orders", "n": "5"}) == Piece("PRINT orders '5'", 3, 1)


def test_an_undefined_variable_is_refused_where_it_stands() -> None:
    with pytest.raises(ParseError) as raised:
        substitute(Piece("PRINT\n ${t}", 3, 1), {})
    assert raised.value.place == Place(4, 2, 4)
    assert "DEFINE t" in raised.value.hint


def test_tokens_together_are_the_text() -> None:
    text = "SELECT a->b, 'x''y' /* c */ FROM `t` -- end\n WHERE n >= 1.5e3;\0"
    assert "".join(t.text for t in tokens(text)) == text
    kinds = {t.text: t.kind for t in tokens(text)}
    assert (kinds["'x''y'"], kinds["/* c */"], kinds["`t`"]) == ("string", "comment", "quoted")
    assert (kinds["1.5e3"], kinds[";"], kinds["->"], kinds["SELECT"]) == (
        "number", "end", "punct", "word",
    )  # fmt: skip
