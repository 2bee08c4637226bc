"""Completion and highlighting: what may stand at the cursor, and which words are which.

`complete_at` is a plain function over text and names; `SqlCompleter` and `SqlLexer` give it to
prompt_toolkit.  Columns may need the network, so prompt_toolkit calls this off the UI's thread.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer

from kshell.config import PROPERTIES
from kshell.errors import KshellError
from kshell.session import Session
from kshell.sql.keywords import KEYWORDS, STATEMENTS
from kshell.terminal.sanitize import clean

__all__ = ["Candidate", "SqlCompleter", "SqlLexer", "complete_at"]

_WORD = re.compile(r"[\w.\-]*$")
_FROM = re.compile(r"\b(?:FROM|JOIN|INTO|DESCRIBE|PRINT|EXTENDED)\s+$", re.IGNORECASE)
_PROPERTY = re.compile(r"\b(?:SET|UNSET)\s+'([\w.]*)$", re.IGNORECASE)
_SHOW = re.compile(r"\b(?:SHOW|LIST)\s+$", re.IGNORECASE)
_SHOWN = ("TOPICS", "STREAMS", "TABLES", "QUERIES", "FUNCTIONS", "TYPES", "VARIABLES",
          "PROPERTIES", "ERRORS", "ALL TOPICS")  # fmt: skip
_SOURCES = re.compile(
    r"\b(?:FROM|JOIN|INTO)\s+(`[^`]+`|\"[^\"]+\"|[\w.\-]+)(?:\s+(?:AS\s+)?(?!WHERE|JOIN|ON|GROUP|"
    r"ORDER|LIMIT|EMIT|LEFT|INNER|WINDOW|HAVING|VALUES)(\w+))?",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"[A-Za-z_]\w*")
_PSEUDO = ("ROWTIME", "ROWPARTITION", "ROWOFFSET", "ROWKEY", "ROWHEADERS")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Text to insert, how many characters before the cursor it replaces, and what it is."""

    text: str
    replaces: int
    kind: str


def _quoted(name: str) -> str:
    return name if _PLAIN.fullmatch(name) else "`" + name.replace("`", "``") + "`"


def _starting(words: Iterable[str], prefix: str, replaces: int, kind: str) -> list[Candidate]:
    folded = prefix.casefold()
    return [Candidate(w, replaces, kind) for w in words if w.casefold().startswith(folded)]


def _containing(names: Iterable[str], prefix: str, replaces: int, kind: str) -> list[Candidate]:
    """Names that start with the prefix, then those that have it inside."""
    folded = prefix.casefold()
    ranked = sorted(
        (not n.casefold().startswith(folded), n) for n in names if folded in n.casefold()
    )
    return [Candidate(_quoted(n), replaces, kind) for _, n in ranked]


def complete_at(
    text: str,
    after: str,
    topics: Sequence[str],
    columns: Callable[[str], Sequence[str]],
    functions: Sequence[str] = (),
) -> list[Candidate]:
    """What may stand at the end of `text`, best first; `after` is what follows the cursor.

    >>> [c.text for c in complete_at("SELECT * FROM ord", "", ["orders"], lambda n: ())]
    ['orders']
    >>> [c.text for c in complete_at("SELECT tot", " FROM o", ["o"], lambda n: ("total",))]
    ['total']
    """
    if match := _PROPERTY.search(text):
        return _starting(PROPERTIES, match[1], -len(match[1]), "property")
    found = _WORD.search(text)
    word = found[0] if found else ""
    before = text[: len(text) - len(word)]
    if _SHOW.search(before):
        return _starting(_SHOWN, word, -len(word), "keyword")
    if _FROM.search(before):
        return _containing(topics, word, -len(word), "topic")
    if not before.strip() or before.rstrip().endswith(";"):
        return _starting(STATEMENTS, word, -len(word), "keyword") if word else []
    statement = before.rpartition(";")[2] + word + after.partition(";")[0]
    sources = {m[2] or m[1].strip('`"'): m[1].strip('`"') for m in _SOURCES.finditer(statement)}
    if "." in word:
        alias, _, field = word.rpartition(".")
        source = next((s for a, s in sources.items() if a.casefold() == alias.casefold()), None)
        names = columns(source) if source else ()
        return _containing((*names, *_PSEUDO), field, -len(field), "column")
    if not word:
        return []
    names = dict.fromkeys(n for s in sources.values() for n in columns(s))
    found_names = _containing(names, word, -len(word), "column")
    if sources:
        found_names += _starting(_PSEUDO, word, -len(word), "column")
    found_names += _starting(KEYWORDS, word, -len(word), "keyword")
    found_names += _starting(functions, word, -len(word), "function")
    unique = {c.text.casefold(): c for c in reversed(found_names)}
    return list(reversed(unique.values()))


class SqlCompleter(Completer):
    """`complete_at` over a session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _columns(self, name: str) -> Sequence[str]:
        try:
            return self._session.columns(name)
        except KshellError:
            return ()  # it is not a topic, or not yet

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        names = self._session.names()
        for candidate in complete_at(
            document.text_before_cursor,
            document.text_after_cursor,
            (*names.topics, *names.sources),
            self._columns,
            self._session.functions(),
        ):
            text = candidate.text
            yield Completion(
                text, candidate.replaces, display=clean(text), display_meta=candidate.kind
            )


_TOKEN = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))|(?P<string>'(?:[^']|'')*'?)|(?P<name>`[^`]*`?|\"[^\"]*\"?)"
    r"|(?P<number>\b\d+(?:\.\d+)?\b)|(?P<word>[^\W\d]\w*)|(?P<other>.)",
    re.DOTALL,
)
_WORDS = frozenset(KEYWORDS)
_STYLES = {"comment": "class:comment", "string": "class:string", "name": "class:name",
           "number": "class:number"}  # fmt: skip


def highlight(text: str) -> list[tuple[str, str]]:
    """(style class, text) pieces of a statement.

    >>> highlight("SELECT 1")
    [('class:keyword', 'SELECT'), ('', ' '), ('class:number', '1')]
    """
    pieces = []
    for match in _TOKEN.finditer(text):
        kind, piece = match.lastgroup or "", match[0]
        style = _STYLES.get(kind, "")
        if kind == "word":
            upper = piece.upper()
            if upper in _WORDS:
                style = "class:keyword"
            elif text[match.end() : match.end() + 1] == "(":
                style = "class:function"
        pieces.append((style, piece))
    return pieces


class SqlLexer(Lexer):
    """`highlight`, line by line."""

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        lines: list[StyleAndTextTuples] = [[]]
        for style, piece in highlight(document.text):
            first, *rest = piece.split("\n")
            lines[-1].append((style, first))
            for line in rest:
                lines.append([(style, line)])
        return lambda number: lines[number] if number < len(lines) else []
