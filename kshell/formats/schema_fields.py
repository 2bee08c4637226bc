"""A schema's fields by their paths, in words: what two versions of a subject are compared by.

`schema_diff` asks it.  Avro and JSON Schema have fields; Protobuf's text is compared by lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kshell.formats.registry import Schema, SchemaType

__all__ = ["fields_of"]

_DEEPEST = 40
_WHOLE = "(schema)"  # the path of what is no field


def fields_of(schema: Schema) -> dict[str, str] | None:
    """The fields of an Avro or JSON schema, by path; None where it has none or cannot be read.

    >>> text = '{"type":"record","name":"R","fields":[{"name":"a","type":["null","int"]}]}'
    >>> fields_of(Schema(SchemaType.AVRO, text))
    {'(schema)': 'record R', 'a': 'null or int'}
    """
    walk = {SchemaType.AVRO: _avro, SchemaType.JSON: _json}.get(schema.type)
    if walk is None:
        return None
    try:
        return dict(walk(json.loads(schema.text), "", 0))
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError):
        return None


Fields = Iterator[tuple[str, str]]


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


# Avro


def _avro(node: Any, path: str, depth: int) -> Fields:
    yield path or _WHOLE, _avro_name(node)
    yield from _avro_parts(node, path, depth)


def _avro_parts(node: Any, path: str, depth: int) -> Fields:
    """The fields inside of a type."""
    if depth > _DEEPEST:
        return
    if isinstance(node, list):
        named = [n for n in node if isinstance(n, dict) and n.get("type") == "record"]
        for part in node:
            at = f"{path}<{part['name']}>" if part in named and len(named) > 1 else path
            yield from _avro_parts(part, at, depth + 1)
        return
    if not isinstance(node, dict):
        return
    match node.get("type"):
        case "record" | "error":
            for field in node["fields"]:
                yield from _avro_field(field, path, depth)
        case "array":
            yield from _avro_parts(node["items"], f"{path}[]", depth + 1)
        case "map":
            yield from _avro_parts(node["values"], f"{path}{{}}", depth + 1)
        case dict() | list() as inner:
            yield from _avro_parts(inner, path, depth + 1)


def _avro_field(field: Mapping[str, Any], path: str, depth: int) -> Fields:
    at = _below(path, field["name"])
    words = [_avro_name(field["type"])]
    if "default" in field:
        words.append(f"default {_text(field['default'])}")
    words += [f"{n} {_text(field[n])}" for n in ("aliases", "order", "doc") if n in field]
    yield at, ", ".join(words)
    yield from _avro_parts(field["type"], at, depth + 1)


def _avro_name(node: Any) -> str:
    """A type in words."""
    if isinstance(node, list):
        return " or ".join(map(_avro_name, node))
    if not isinstance(node, dict):
        return str(node)
    type = node.get("type")
    if "logicalType" in node:
        digits = [str(node[n]) for n in ("precision", "scale") if n in node]
        of = f"({', '.join(digits)})" if digits else ""
        plain = f"fixed({node.get('size')})" if type == "fixed" else _avro_name(type)
        return f"{node['logicalType']}{of} in {plain}"
    name = ".".join(str(node[n]) for n in ("namespace", "name") if n in node)
    match type:
        case "array":
            return f"array of {_avro_name(node['items'])}"
        case "map":
            return f"map of {_avro_name(node['values'])}"
        case "enum":
            return f"enum {name} ({', '.join(map(str, node['symbols']))})"
        case "fixed":
            return f"fixed {name}({node['size']})"
        case dict() | list():
            return _avro_name(type)
    return f"{type} {name}".rstrip()


# JSON Schema

_PARTS = frozenset({"properties", "items", "required", "definitions", "$defs", "type", "$ref"})
_CHOICES = ("oneOf", "anyOf", "allOf")


def _json(node: Any, path: str, depth: int, required: bool = False) -> Fields:
    if depth > _DEEPEST:
        return
    if isinstance(node, bool):
        yield path or _WHOLE, "anything" if node else "nothing"
        return
    yield path or _WHOLE, _json_name(node, required)
    needed = node.get("required") or ()
    for name, inner in (node.get("properties") or {}).items():
        yield from _json(inner, _below(path, name), depth + 1, name in needed)
    if isinstance(node.get("items"), dict):
        yield from _json(node["items"], f"{path}[]", depth + 1)
    for key in ("definitions", "$defs"):
        for name, inner in (node.get(key) or {}).items():
            yield from _json(inner, f"#{name}", depth + 1)
    for key in _CHOICES:
        for n, inner in enumerate(node.get(key) or (), 1):
            yield from _json(inner, f"{path}<{key} {n}>", depth + 1)


def _json_name(node: Mapping[str, Any], required: bool) -> str:
    types = node.get("type") or node.get("$ref") or "anything"
    words = [" or ".join(map(str, types)) if isinstance(types, list) else str(types)]
    words += ["required"] * required
    others = (n for n in sorted(node) if n not in _PARTS and n not in _CHOICES)
    words += [f"{name} {_text(node[name])}" for name in others]
    return ", ".join(words)
