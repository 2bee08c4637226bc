"""Case files: ksqlDB's query-validation JSON, and its three files of statements, input and output.

The layouts are ksqlDB's: `{"tests": [{name, statements, inputs, outputs, post, format, properties,
topics, expectedException}]}` with `{FORMAT}` expanded; or a script, `{"inputs": […]}` and
`{"outputs": […]}`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from kshell.cases.model import (
    Case,
    Header,
    Record,
    Rejection,
    SourceSpec,
    TopicSpec,
    WindowSpec,
)
from kshell.errors import UsageError, reason_of
from kshell.sql.script import split

__all__ = ["read_cases", "read_three_files"]

_FORMAT = "{FORMAT}"
_SETTING = "{CONFIG}"


def read_cases(path: str) -> list[Case]:
    """The cases of one file, one for each format; UsageError for a file without cases."""
    document = _load(path)
    tests = document.get("tests") if isinstance(document, Mapping) else None
    if not isinstance(tests, list):
        raise UsageError(f"{path} has no list of tests", hint='it should be {"tests": [{…}, …]}')
    cases: list[Case] = []
    for number, test in enumerate(tests):
        try:
            cases += _expand(Path(path).name, test)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            name = test.get("name") if isinstance(test, Mapping) else None
            raise UsageError(f"{path}: test {name or number + 1} is malformed: {error!r}") from None
    return cases


def read_three_files(statements: str, inputs: str | None, outputs: str) -> Case:
    """One case from a script, its input records and its expected output records."""
    script = _text(statements)
    given = _listed(inputs, "inputs") if inputs else []
    wanted = _listed(outputs, "outputs")
    try:
        return Case(
            file=Path(statements).name,
            name=Path(statements).stem,
            format=None,
            statements=[piece.text + ";" for piece in split(script)],
            inputs=[_record(r) for r in given],
            outputs=[_record(r) for r in wanted],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"a record of {inputs} or {outputs} is malformed: {error!r}") from None


def _listed(path: str, name: str) -> list[Any]:
    document = _load(path)
    found = document.get(name) if isinstance(document, Mapping) else None
    if not isinstance(found, list):
        hint = f'it should be {{"{name}": [{{…}}]}}'
        raise UsageError(f"{path} has no list of {name}", hint=hint)
    return found


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {reason_of(error)}") from None


def _load(path: str) -> Any:
    try:
        return json.loads(_text(path), parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not JSON: {error}") from None


def _expand(file: str, test: Mapping[str, Any]) -> Iterator[Case]:
    formats: list[str | None] = list(test.get("format") or [None])
    settings = test.get("config") or [None]
    for format_ in formats:
        yield _case(file, _put(_put(test, _FORMAT, format_), _SETTING, settings[0]), format_)


def _put(node: Any, mark: str, value: str | None) -> Any:
    """The node with the mark replaced in all its strings."""
    if value is None:
        return node
    if isinstance(node, str):
        return node.replace(mark, value)
    if isinstance(node, list):
        return [_put(n, mark, value) for n in node]
    if isinstance(node, Mapping):
        return {k: _put(v, mark, value) for k, v in node.items()}
    return node


def _case(file: str, test: Mapping[str, Any], format_: str | None) -> Case:
    rejection = test.get("expectedException")
    post = test.get("post") or {}
    return Case(
        file=file,
        name=test["name"],
        format=format_,
        statements=list(test["statements"]),
        inputs=[_record(r) for r in test.get("inputs") or ()],
        outputs=None if (outputs := test.get("outputs")) is None else [_record(r) for r in outputs],
        rejection=_rejection(rejection) if rejection is not None else None,
        sources=[_source(s) for s in post.get("sources") or ()],
        topics=[_topic(t) for t in test.get("topics") or ()],
        properties={k: _setting(v) for k, v in (test.get("properties") or {}).items()},
    )


def _setting(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _record(node: Mapping[str, Any]) -> Record:
    window = node.get("window")
    headers = node.get("headers")
    timestamp = node.get("timestamp")
    return Record(
        topic=node["topic"],
        key=node.get("key"),
        value=node.get("value"),
        timestamp=int(timestamp) if timestamp is not None else None,
        window=WindowSpec(window["start"], window["end"], str(window.get("type", "time")).lower())
        if window
        else None,
        headers=tuple(_header(h) for h in headers) if headers is not None else None,
    )


def _header(node: Mapping[str, Any]) -> Header:
    value = node.get("VALUE")
    try:
        return Header(str(node["KEY"]), base64.b64decode(value) if value is not None else None)
    except binascii.Error:
        raise ValueError(f"the header's value is not base64: {value}") from None


def _rejection(node: Mapping[str, Any]) -> Rejection:
    return Rejection(
        str(node.get("type", "")), str(node.get("message", "")), str(node.get("causeMessage", ""))
    )


def _source(node: Mapping[str, Any]) -> SourceSpec:
    key = dict(node.get("keyFormat") or {}) if isinstance(node.get("keyFormat"), Mapping) else {}
    value = node.get("valueFormat")
    if isinstance(value, str):
        value = {"format": value}
    return SourceSpec(
        name=node["name"],
        kind=str(node["type"]).upper(),
        schema=node.get("schema"),
        key_format=key,
        value_format=dict(value or {}),
        read_only=node.get("isSource"),
        key_features=_features(node.get("keyFeatures")),
        value_features=_features(node.get("valueFeatures")),
    )


def _features(node: Any) -> tuple[str, ...] | None:
    return None if node is None else tuple(sorted(map(str, node)))


def _topic(node: Mapping[str, Any] | str) -> TopicSpec:
    if isinstance(node, str):
        return TopicSpec(node)
    return TopicSpec(
        name=node["name"],
        partitions=int(node.get("partitions") or 1),
        key_format=_format_name(node.get("keyFormat")),
        value_format=_format_name(node.get("valueFormat")),
        key_schema=node.get("keySchema"),
        value_schema=node.get("valueSchema"),
        key_schema_id=node.get("keySchemaId"),
        value_schema_id=node.get("valueSchemaId"),
        key_references=tuple(node.get("keySchemaReferences") or ()),
        value_references=tuple(node.get("valueSchemaReferences") or ()),
    )


def _format_name(node: Any) -> str:
    return str(node.get("format", "") if isinstance(node, Mapping) else node or "").upper()
