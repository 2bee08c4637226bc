"""Compares a refusal with the one that a case expects.

A refusal counts only if it comes from the check that the expected message describes: the message
must say the same, without the text that ksqlDB puts around it.  If kshell cannot do something, that
never counts as the expected refusal.
"""

from __future__ import annotations

import re

from kshell.cases.model import Rejection
from kshell.errors import KshellError, ParseError, Unsupported

__all__ = ["explain_rejection", "is_expected"]

# Text around ksqlDB's messages: it says where in the server a check ran, not what it found.
_FRAMES = (
    "exception while preparing statement:",
    "failed to prepare statement:",
    "could not determine output schema for query due to error:",
    "exception caught in process",
)
_PLACE = re.compile(r"\bline:? ?(\d+)(?:, col)?:? ?(\d+):? ?", re.IGNORECASE)
_STATEMENT = re.compile(r"^statement: .*", re.IGNORECASE | re.DOTALL | re.MULTILINE)
_SYNTAX = re.compile(r"syntax error", re.IGNORECASE)
_WORD = re.compile(r"[\w.<>\[\]()*+-]+")


def is_expected(error: KshellError, expected: Rejection) -> bool:
    """Whether the error is the expected refusal."""
    if isinstance(error, Unsupported):
        return False
    wanted = expected.message
    if expected.cause:
        wanted = expected.cause  # "Exception caught in process" alone does not describe an error
    if _SYNTAX.search(wanted):
        return _is_syntax_error(error, wanted)
    if not wanted:
        # Only a type: it can only mean that parsing failed.
        return isinstance(error, ParseError) and "ParseFailed" in expected.type
    if isinstance(error, ParseError) and _SYNTAX.search(error.what):
        return False
    return _plain(wanted) in _plain(error.what)


def _is_syntax_error(error: KshellError, wanted: str) -> bool:
    if not isinstance(error, ParseError) or not _SYNTAX.search(error.what):
        return False
    place = _PLACE.search(wanted)
    if place is None or error.place is None:
        return place is None
    return (error.place.line, error.place.column) == (int(place[1]), int(place[2]))


def _plain(text: str) -> str:
    """The words of a message, without the text around it, places, quotes and case."""
    text = _STATEMENT.sub("", text).lower()
    for frame in _FRAMES:
        text = text.replace(frame, " ")
    text = _PLACE.sub(" ", text)
    return " ".join(word.rstrip(".") for word in _WORD.findall(text))


def explain_rejection(error: KshellError, expected: Rejection) -> str:
    """kshell's message and the expected one, for the report."""
    return f"expected: {expected.message or expected.type}" + (
        f" ({expected.cause})" if expected.cause else ""
    ) + f"; kshell: {type(error).__name__}: {error.what}"  # fmt: skip
