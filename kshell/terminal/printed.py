"""PRINT for people and for pipes: a dim line for each record and its whole value, or a JSON object.

`show` calls it.  Values are indented below their line, so that no record can look like another's
line; JSON keeps its digits and the order of its fields.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from kshell.terminal.cells import NULL
from kshell.terminal.output import Target
from kshell.terminal.sanitize import clean, clean_block
from kshell.terminal.times import Times, time_texts
from kshell.value_texts import json_default, json_values, raw_texts

__all__ = ["Described", "described", "pretty", "printed_blocks", "printed_lines"]

_DIM, _RED, _PLAIN = "\x1b[2m", "\x1b[31m", "\x1b[0m"
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_DEEP = 64  # of JSON that is nested deeper a line would be mostly indent
_OPTIONS = orjson.OPT_NON_STR_KEYS


def pretty(text: str) -> str:
    """An object or an array of JSON over several lines; any other text as it is.

    >>> print(pretty('{"a":1.10,"b":[],"c":{"d":[1,2]}}'))
    {
      "a": 1.10,
      "b": [],
      "c": {
        "d": [
          1,
          2
        ]
      }
    }
    """
    if not _is_json(text):
        return text
    out: list[str] = []
    depth, before = 0, ""
    for token in _TOKEN.findall(text):
        if token in ("}", "]"):
            depth -= 1
            if before not in ("{", "["):
                out.append("\n" + "  " * depth)
        elif before in ("{", "[", ","):
            out.append("\n" + "  " * depth)
        out.append(": " if token == ":" else token)
        if token in ("{", "["):
            depth += 1
            if depth > _DEEP:
                return text
        before = token
    return "".join(out)


def _is_json(text: str) -> bool:
    """Whether it is an object or an array."""
    if not text.lstrip(" \t\r\n").startswith(("{", "[")):
        return False
    try:
        orjson.loads(text)
    except ValueError:  # of half a surrogate pair, too
        return False
    return True


@dataclass(frozen=True, slots=True)
class Described:
    """A record as text, which is not clean: no key and no value are None."""

    when: str
    place: str
    key: str | None
    headers: list[tuple[str, str]]
    value: str | None
    error: str | None


def described(rows: pa.RecordBatch, times: Times) -> Iterator[Described]:
    """What people see of each record."""
    moments = rows.column("timestamp")
    when = raw_texts(moments) if times is Times.NUMBER else time_texts(moments, times)
    columns = zip(
        when, rows.column("partition").to_pylist(), rows.column("offset").to_pylist(),
        raw_texts(rows.column("key")), rows.column("headers").to_pylist(),
        raw_texts(rows.column("value")), rows.column("error").to_pylist(), strict=True,
    )  # fmt: skip
    for time, partition, offset, key, headers, value, error in columns:
        at = "no time" if time in (None, "-1") else time
        yield Described(at, f"{partition}@{offset}", key, _headers(headers), value, error)


def printed_blocks(rows: pa.RecordBatch, to: Target) -> Iterator[str]:
    """Each record for a person: its line, and its value below."""
    dim, red, plain = (_DIM, _RED, _PLAIN) if to.colour else ("", "", "")
    for record in described(rows, to.times):
        parts = [record.when, record.place]
        if record.error is None:
            parts.append("no key" if record.key is None else f"key {clean(record.key)}")
        parts += [f"{clean(name)}={clean(text)}" for name, text in record.headers]
        if record.error is not None:
            shown = f"{red}{clean(record.error)}{plain}"
        elif record.value is None:
            shown = f"{dim}{NULL}{plain}"
        else:
            shown = clean_block(pretty(record.value))
        below = shown.replace("\n", "\n  ")
        yield f"{dim}{' · '.join(parts)}{plain}\n  {below}\n"


def _headers(held: list[dict[str, Any]] | None) -> list[tuple[str, str]]:
    values = raw_texts(pa.array([h["VALUE"] for h in held or ()], pa.binary()))
    return [
        (header["KEY"] or "", NULL if text is None else text)
        for header, text in zip(held or (), values, strict=True)
    ]


def printed_lines(rows: pa.RecordBatch) -> Iterator[str]:
    """Each record as an object of JSON on a line; a value that is JSON stands in it as it is."""
    columns = {
        name: json_values(column)
        for name, column in zip(rows.schema.names, rows.columns, strict=True)
    }
    columns["headers"] = [_header_values(held) for held in columns["headers"]]
    if pa.types.is_string(rows.schema.field("value").type):
        columns["value"] = [_embedded(text) for text in columns["value"]]
    for row in zip(*columns.values(), strict=True):
        made = dict(zip(columns, row, strict=True))
        yield orjson.dumps(made, json_default, _OPTIONS).decode()


def _header_values(held: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    """Headers by small names; values as text where they are UTF-8, else in base64."""
    if held is None:
        return None
    return [{"key": header["KEY"], "value": _text(header["VALUE"])} for header in held]


def _text(data: bytes | None) -> bytes | str | None:
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return data


def _embedded(text: str | None) -> str | orjson.Fragment | None:
    if text is None or not _is_json(text):
        return text
    # Line breaks of valid JSON are between its tokens.
    return orjson.Fragment(text.replace("\n", " ").replace("\r", " "))
