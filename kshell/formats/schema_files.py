"""Schemas in files, for topics whose records no registry knows.

VALUE_SCHEMA_FILE and KEY_SCHEMA_FILE name one: .avsc (Avro), .proto (with the files it imports,
found beside it or above), .desc (protoc --descriptor_set_out), or a JSON Schema.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

from kshell.errors import BindError, UsageError
from kshell.formats.registry import Schema, SchemaType

__all__ = ["read_schema_file"]

_MAX_BYTES = 16 << 20
_PARENTS = 8  # how far above a .proto the root of its imports may be


def read_schema_file(name: str) -> Schema:
    """The schema in a file, by its suffix; UsageError where it cannot be read."""
    path = Path(name).expanduser()
    read = _SUFFIXES.get(path.suffix.lower())
    if read is None:
        raise UsageError(
            f"{name} is no schema file by its name", hint="known are " + ", ".join(_SUFFIXES)
        )
    return read(path)


def _bytes(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise UsageError(f"the schema file {path} is larger than {_MAX_BYTES >> 20} MiB")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"the schema file {path} cannot be read: {reason}") from None


def _text(path: Path) -> str:
    try:
        return _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"the schema file {path} is not UTF-8 text") from None


def _json(path: Path) -> Schema:
    """Avro and JSON Schema are both JSON; Avro's types show the difference."""
    text = _text(path)
    try:
        node: Any = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise UsageError(f"the schema file {path} is not JSON: {error}") from None
    avro = path.suffix.lower() == ".avsc" or isinstance(node, str | list)
    if isinstance(node, dict) and node.get("type") in ("record", "enum", "fixed", "map"):
        avro = True
    return Schema(SchemaType.AVRO if avro else SchemaType.JSON, text)


def _proto(path: Path) -> Schema:
    from kshell.formats.protobuf.compile import compile_file

    _bytes(path)
    roots = list(path.resolve().parent.parents)[:_PARENTS]
    try:
        return _described(compile_file(path, roots).file)
    except BindError as error:
        raise UsageError(f"{path}: {error.what}", hint=error.hint) from None


def _descriptors(path: Path) -> Schema:
    from google.protobuf import descriptor_pb2 as pb
    from google.protobuf.message import DecodeError

    try:
        files = list(pb.FileDescriptorSet.FromString(_bytes(path)).file)
    except DecodeError:
        files = []
    if not files:
        raise UsageError(
            f"{path} is no set of Protobuf descriptors",
            hint="protoc --include_imports --descriptor_set_out=FILE.desc FILE.proto",
        )
    return _described(files)


def _described(files: Sequence[Any]) -> Schema:
    """protoc writes what is imported first: the last file is the one that was asked for."""
    texts = {f.name: base64.b64encode(f.SerializeToString()).decode() for f in files}
    main = texts.pop(files[-1].name)
    return Schema(SchemaType.PROTOBUF, main, (), MappingProxyType(texts))


_SUFFIXES: Mapping[str, Callable[[Path], Schema]] = MappingProxyType(
    {
        ".avsc": _json,
        ".json": _json,
        ".jsonschema": _json,
        ".proto": _proto,
        ".desc": _descriptors,
        ".protoset": _descriptors,
    }
)
