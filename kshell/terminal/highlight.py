"""Highlighting: the colours of a statement's words while a person types, and its brackets.

The prompt's lexer; `repl` gives it to prompt_toolkit.  Brackets and quotes without a partner have a
colour of their own; of a pair, both are marked while the cursor is at one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import dataclass

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.layout.utils import explode_text_fragments
from prompt_toolkit.lexers import Lexer

from kshell.sql.keywords import KEYWORDS
from kshell.sql.script import Token, tokens

__all__ = ["Brackets", "BracketsAtCursor", "SqlLexer", "brackets_of", "highlight"]

_KEYWORDS = frozenset(KEYWORDS)
_STYLES = {
    "comment": "class:comment",
    "string": "class:string",
    "quoted": "class:name",
    "number": "class:number",
    "punct": "class:punct",
    "end": "class:punct",
}
_PARTNERS = {")": "(", "]": "[", "}": "{"}
_ALONE, _OPEN = "class:bracket.alone", "class:bracket.open"


@dataclass(frozen=True, slots=True)
class Brackets:
    """The places of brackets: partners of each other, without a partner, and not yet closed."""

    partners: Mapping[int, int]
    alone: Set[int]
    open: Set[int]


def brackets_of(found: Iterable[Token]) -> Brackets:
    """The brackets among tokens; those in strings, names and comments are none.

    >>> made = brackets_of(tokens("f(a[1]) + (2]"))
    >>> made.partners[1], sorted(made.alone), sorted(made.open)
    (6, [12], [10])
    """
    partners: dict[int, int] = {}
    alone: set[int] = set()
    waiting: list[Token] = []
    for token in found:
        if token.kind == "end":  # nothing goes on behind a semicolon
            alone |= {t.start for t in waiting}
            waiting = []
        elif token.kind == "punct" and token.text in "([{":
            waiting.append(token)
        elif token.kind == "punct" and token.text in _PARTNERS:
            if waiting and waiting[-1].text == _PARTNERS[token.text]:
                opening = waiting.pop()
                partners |= {opening.start: token.start, token.start: opening.start}
            else:
                alone.add(token.start)
    return Brackets(partners, alone, {t.start for t in waiting})


def highlight(text: str) -> list[tuple[str, str]]:
    """(style class, text) pieces of a statement; together they are the text.

    >>> highlight("SELECT 1")
    [('class:keyword', 'SELECT'), ('', ' '), ('class:number', '1')]
    """
    found = list(tokens(text))
    brackets = brackets_of(found)
    pieces = []
    for token in found:
        style = _STYLES.get(token.kind, "")
        if token.kind == "word":
            end = token.start + len(token.text)
            if text[end : end + 1] == "(":
                style = "class:function"
            elif token.text.upper() in _KEYWORDS:
                style = "class:keyword"
        elif token.start in brackets.alone:
            style = _ALONE
        elif token.start in brackets.open:
            style = _OPEN
        elif token.open:
            pieces.append((_OPEN, token.text[0]))
            token = Token(token.kind, token.text[1:], token.start + 1)
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


class BracketsAtCursor(Processor):
    """Marks the bracket at the cursor, or just before it, and its partner."""

    def __init__(self) -> None:
        self._of: tuple[str, Brackets] = ("", brackets_of(()))

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        """One line of the text."""
        document, fragments = transformation_input.document, transformation_input.fragments
        for place in self._pair(document):
            row, column = document.translate_index_to_position(place)
            if row == transformation_input.lineno:
                fragments = explode_text_fragments(fragments)
                at = transformation_input.source_to_display(column)
                style, text, *_ = fragments[at]
                fragments[at] = (f"{style} class:bracket.pair", text)
        return Transformation(fragments)

    def _pair(self, document: Document) -> tuple[int, ...]:
        if self._of[0] != document.text:
            self._of = document.text, brackets_of(tokens(document.text))
        partners = self._of[1].partners
        for place in (document.cursor_position, document.cursor_position - 1):
            if place in partners:
                return place, partners[place]
        return ()
