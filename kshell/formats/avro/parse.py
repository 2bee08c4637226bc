"""Avro schemas as trees of `Node`: what the types, the plans and the writer are made of.

fastavro reads and checks the text; here names become the nodes they stand for, so that a recursive
schema is a graph.  `load` is cached: a schema is one tree, however many codecs use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
from fastavro.schema import SchemaParseException, UnknownType, parse_schema

from kshell.errors import BindError
from kshell.formats.registry import Schema

__all__ = ["PRIMITIVES", "Field", "Node", "branch_names", "is_entry", "load", "options",
           "within_itself"]  # fmt: skip

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
_MAX_NESTING = 200  # of the schema's JSON; fastavro's parser recurses
_MAX_TEXT = 4 << 20
NO_DEFAULT: Any = object()


@dataclass(slots=True, eq=False)
class Field:
    """A record's field; `default` is JSON, NO_DEFAULT where there is none."""

    name: str
    node: Node
    default: Any = NO_DEFAULT
    aliases: tuple[str, ...] = ()

    @property
    def has_default(self) -> bool:
        """Whether a reader may make up its value."""
        return self.default is not NO_DEFAULT


@dataclass(slots=True, eq=False)
class Node:
    """A schema; which of the attributes count depends on `kind`, Avro's own name of the type.

    `parts` are a union's branches, or the one type of an array's items or a map's values; `raw` is
    what fastavro takes.
    """

    kind: str
    raw: Any
    name: str = ""
    logical: str = ""
    props: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Node, ...] = ()
    fields: tuple[Field, ...] = ()
    symbols: tuple[str, ...] = ()
    size: int = 0

    @property
    def simple_name(self) -> str:
        """The name without its namespace; an unnamed type's is its kind."""
        return self.name.rpartition(".")[2] or self.kind


def load(schema: Schema) -> Node:
    """The schema's tree; BindError where it is no valid Avro schema.

    >>> from kshell.formats.registry import SchemaType
    >>> load(Schema(SchemaType.AVRO, '["null", {"type": "map", "values": "long"}]')).parts[1].kind
    'map'
    """
    return _load(schema.text, tuple(schema.imports.items()))


@lru_cache(maxsize=1000)
def _load(text: str, imports: tuple[tuple[str, str], ...]) -> Node:
    known: dict[str, Any] = {}
    for name, imported in imports:
        _checked(_json(imported, name), known, name)
    parsed = _checked(_json(text, "the Avro schema"), known, "the Avro schema")
    try:
        return _Tree(known).node(parsed)
    except RecursionError:
        raise BindError("the Avro schema is nested too deep") from None


def _json(text: str, what: str) -> Any:
    if len(text) > _MAX_TEXT:
        raise BindError(f"{what} is larger than {_MAX_TEXT >> 20} MiB")
    try:
        node = orjson.loads(text)
    except orjson.JSONDecodeError:
        if text in PRIMITIVES:  # some registries give a primitive's bare name
            return text
        raise BindError(f"{what} is not valid JSON") from None
    layer, depth = [node] if isinstance(node, dict | list) else [], 0
    while layer:
        depth += 1
        if depth > _MAX_NESTING:
            raise BindError(f"{what} is nested more than {_MAX_NESTING} deep")
        inner = [n.values() if isinstance(n, dict) else n for n in layer]
        layer = [c for each in inner for c in each if isinstance(c, dict | list)]
    return node


def _checked(node: Any, known: dict[str, Any], what: str) -> Any:
    try:
        if not isinstance(node, dict | list | str):
            raise TypeError(f"{node} is no type")
        return parse_schema(node, known)
    except UnknownType as error:
        raise BindError(f"{what} refers to {error.name}, which is not there") from None
    except (SchemaParseException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise BindError(f"{what} is no Avro schema: {str(error)[:200]}") from None


class _Tree:
    def __init__(self, known: Mapping[str, Any]) -> None:
        self._known = known
        self._made: dict[str, Node] = {}

    def node(self, raw: Any) -> Node:
        if isinstance(raw, str):
            if raw in PRIMITIVES:
                return Node(raw, raw)
            return self._made.get(raw) or self.node(self._known[raw])
        if isinstance(raw, list):
            return Node("union", raw, parts=tuple(self.node(r) for r in raw))
        kind = raw["type"]
        if not isinstance(kind, str):
            return self.node(kind)
        if kind not in (*PRIMITIVES, "array", "map", "record", "error", "enum", "fixed"):
            return self.node(kind)
        logical = raw.get("logicalType")
        made = Node(kind, raw, raw.get("name", ""), logical if isinstance(logical, str) else "")
        made.props = raw
        if kind == "array":
            made.parts = (self.node(raw["items"]),)
        elif kind == "map":
            made.parts = (self.node(raw["values"]),)
        elif kind == "enum":
            self._made[made.name] = made
            made.symbols = tuple(raw["symbols"])
        elif kind == "fixed":
            self._made[made.name] = made
            made.size = raw["size"]
            if not isinstance(made.size, int) or not 0 <= made.size < 1 << 20:
                raise BindError(f"the Avro type {made.name} cannot have {made.size} bytes")
        elif kind in ("record", "error"):
            made.kind = "record"
            self._made[made.name] = made
            made.fields = tuple(self._field(f) for f in raw["fields"])
        return made

    def _field(self, raw: Mapping[str, Any]) -> Field:
        aliases = raw.get("aliases") or ()
        return Field(
            raw["name"], self.node(raw["type"]), raw.get("default", NO_DEFAULT), tuple(aliases)
        )


def options(union: Node) -> list[Node]:
    """A union's branches without null."""
    return [b for b in union.parts if b.kind != "null"]


def branch_names(union: Node) -> dict[str, int]:
    """Where the branches are, by the names that Connect gives them as a STRUCT's fields.

    A named type's is its simple name, or the full one where two share that.
    """
    simple = [b.simple_name for b in union.parts]
    return {
        (b.name.replace(".", "_") if b.name and simple.count(s) > 1 else s): i
        for i, (b, s) in enumerate(zip(union.parts, simple, strict=True))
        if b.kind != "null"
    }


def is_entry(node: Node) -> bool:
    """Whether the array of these is Connect's way to write a map whose keys are no strings."""
    return node.kind == "record" and [f.name for f in node.fields] == ["key", "value"]


def within_itself(node: Node) -> bool:
    """Whether a value of the node may hold, at any depth, another of it."""
    seen: set[int] = set()
    left = [node]
    while left:
        one = left.pop()
        for inner in (*one.parts, *(f.node for f in one.fields)):
            if inner is node:
                return True
            if id(inner) not in seen:
                seen.add(id(inner))
                left.append(inner)
    return False
