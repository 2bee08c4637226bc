"""Reads what a person typed: a command with its argument, a query for the background, a statement.

`repl` asks at every Enter.  Light: no parser is imported.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from kshell.sql.script import is_complete
from kshell.sql.tokens import Kind, Token, tokenize

__all__ = ["Call", "background_of", "read_call", "runs_on_enter"]

_WORD = re.compile(r"\\(?:[?!]|[A-Za-z]+\+?|\S*)")


@dataclass(frozen=True, slots=True)
class Call:
    """A command: the statement that it ends (empty if it stands alone), its word, its argument."""

    statement: str
    word: str
    argument: str


def read_call(text: str) -> Call | None:
    r"""The command in the text, None if it has none; a backslash in a string begins none.

    >>> read_call("SELECT 1 \\g out.csv")
    Call(statement='SELECT 1', word='\\g', argument='out.csv')
    >>> read_call("HELP \\watch")
    """
    sign = next((t for t in tokenize(text) if t.kind is Kind.SIGN and t.text == "\\"), None)
    if sign is None or _asks(text):
        return None
    match = _WORD.match(text, sign.start)
    word = match.group() if match else "\\"
    argument = text[sign.start + len(word) :].strip()
    if word != "\\!":  # a shell's command may end with ;
        word, argument = word.rstrip(";"), argument.rstrip("; \t\n")
    return Call(text[: sign.start].strip(), word, argument)


def _asks(text: str) -> bool:
    r"""Whether it is HELP with something to explain: `HELP \watch` runs no command."""
    words = text.split(None, 1)
    return len(words) == 2 and words[0].upper() == "HELP" and words[1].startswith("\\")


def _last(text: str) -> Token | None:
    """The last token before the semicolon at the end."""
    before = last = None
    for token in tokenize(text):
        before, last = last, token
    if last is not None and last.kind is Kind.SIGN and last.text == ";":
        return before
    return last


def background_of(text: str) -> str | None:
    """The statement without its & at the end; None if it has none.

    >>> background_of("SELECT 1 &;"), background_of("SELECT '&';")
    ('SELECT 1', None)
    """
    last = _last(text)
    if last is None or last.kind is not Kind.SIGN or last.text != "&":
        return None
    return text[: last.start].strip() or None


def runs_on_enter(text: str) -> bool:
    """Whether Enter runs the text; else it begins a new line.

    >>> runs_on_enter("SELECT 1"), runs_on_enter("SELECT 1;"), runs_on_enter("SELECT 1 &")
    (False, True, True)
    """
    if is_complete(text) or _asks(text):
        return True
    return read_call(text) is not None or background_of(text) is not None
