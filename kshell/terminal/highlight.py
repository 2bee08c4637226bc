"""Highlighting: the colours of a statement's words while a person types.

The prompt's lexer; `repl` gives it to prompt_toolkit.
"""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer

from kshell.sql.keywords import KEYWORDS
from kshell.sql.script import tokens

__all__ = ["SqlLexer", "highlight"]

_KEYWORDS = frozenset(KEYWORDS)
_STYLES = {
    "comment": "class:comment",
    "string": "class:string",
    "quoted": "class:name",
    "number": "class:number",
    "punct": "class:punct",
    "end": "class:punct",
}


def highlight(text: str) -> list[tuple[str, str]]:
    """(style class, text) pieces of a statement; together they are the text.

    >>> highlight("SELECT 1")
    [('class:keyword', 'SELECT'), ('', ' '), ('class:number', '1')]
    """
    pieces = []
    for token in tokens(text):
        style = _STYLES.get(token.kind, "")
        if token.kind == "word":
            end = token.start + len(token.text)
            if text[end : end + 1] == "(":
                style = "class:function"
            elif token.text.upper() in _KEYWORDS:
                style = "class:keyword"
        pieces.append((style, token.text))
    return pieces


class SqlLexer(Lexer):
    """`highlight`, line by line."""

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        lines: list[StyleAndTextTuples] = [[]]
        for style, piece in highlight(document.text):
            first, *rest = piece.split("\n")
            lines[-1].append((style, first))
            lines += [[(style, line)] for line in rest]
        return lambda number: lines[number] if number < len(lines) else []
