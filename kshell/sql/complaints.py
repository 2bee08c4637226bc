"""What DuckDB says of a statement that it refuses or that fails: its words, and where.

`duck` has it say so as JSON; `batch.translate_error` and `stream.evaluate` read it here.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from kshell.field_names import plain

__all__ = ["MARK", "Complaint", "complaint_of", "failure"]

MARK = "✗"  # before a message of `java.macros`

_FAILED = re.compile(rf"Could not convert string '{MARK}(.*)' to INT32", re.DOTALL)
_RAISED = re.compile(r"Python exception occurred while executing the UDF: \w+: (.*)", re.DOTALL)
_JSON = re.compile(r'(?:[\w ]*Error: )?(\{"exception_type":.*\})', re.DOTALL)
_KIND = re.compile(r"^[\w ]*Error: ")


@dataclass(frozen=True, slots=True)
class Complaint:
    """The first line, the lines after it, and the span of bytes of the statement, -1 if unknown.

    `name` is what is missing, `candidates` what DuckDB has in its place.
    """

    text: str
    more: tuple[str, ...] = ()
    start: int = -1
    length: int = 0
    name: str = ""
    kind: str = ""
    candidates: tuple[str, ...] = ()


def complaint_of(error: Exception) -> Complaint:
    """DuckDB's error, taken apart.

    >>> said = ValueError('{"exception_type":"Binder","exception_message":"no","position":"7"}')
    >>> complaint_of(said).text, complaint_of(said).start
    ('no', 7)
    """
    shown = str(error).strip() or type(error).__name__
    said: dict[str, str] = {}
    if (found := _JSON.match(shown)) is not None:
        try:
            said = json.loads(found[1])
        except ValueError:  # not DuckDB's
            said = {}
    text = said.get("exception_message", shown).strip()
    for pattern in (_FAILED, _RAISED):
        if (found := pattern.search(text)) is not None:
            text = found[1].strip() or text
    first, *more = _KIND.sub("", text).splitlines() or [""]
    start, length = int(said.get("position", -1)), 0
    if "location" in said:
        start, length = json.loads(said["location"])
    return Complaint(
        plain(first),
        tuple(plain(line.strip()) for line in more if line.strip()),
        start,
        length,
        plain(said.get("name", "")),
        said.get("error_subtype", ""),
        tuple(plain(c) for c in said.get("candidates", "").split(",") if c),
    )


def failure(error: Exception) -> str:
    """The error message, without DuckDB's words around it.

    >>> failure(ValueError("Conversion Error: Could not convert string '✗/ by zero' to INT32"))
    '/ by zero'
    """
    return complaint_of(error).text
