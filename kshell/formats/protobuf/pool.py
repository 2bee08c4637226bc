"""Descriptors of a Protobuf schema, each in a pool of its own.

`load` takes what the registry serves (a .proto text, or a FileDescriptorProto in base64) with its
imports.  Google's well-known types and the few files that
Connect imports are always there.  Protobuf's own pool resolves names and refuses what is wrong.
"""

from __future__ import annotations

import base64
import binascii
import functools
import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf import descriptor_pb2 as pb
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from kshell.errors import BindError, CorruptRecord
from kshell.formats.protobuf.parse import parse_proto
from kshell.formats.registry import Schema

__all__ = ["KNOWN", "is_known", "load", "message_at", "message_class", "message_indexes",
           "message_named"]  # fmt: skip

_MAX_FILES = 500
_MAX_DEPTH = 32
_MAIN = "schema.proto"

# Where google.protobuf has a file that schemas may import.
_GOOGLE = {
    f"google/protobuf/{name}.proto": f"google.protobuf.{name}_pb2"
    for name in ("any", "api", "descriptor", "duration", "empty", "field_mask", "source_context",
                 "struct", "timestamp", "type", "wrappers")
}  # fmt: skip

# What Connect's schemas import, as far as records need it.
KNOWN: Mapping[str, str] = {
    "google/type/date.proto": """syntax = "proto3"; package google.type;
        message Date { int32 year = 1; int32 month = 2; int32 day = 3; }""",
    "google/type/timeofday.proto": """syntax = "proto3"; package google.type;
        message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3;
                            int32 nanos = 4; }""",
    "confluent/meta.proto": """syntax = "proto3"; package confluent;
        message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }
        """,
    "confluent/type/decimal.proto": """syntax = "proto3"; package confluent.type;
        message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }""",
}


def load(schema: Schema) -> Any:
    """The schema's FileDescriptor; BindError where it is not valid.

    >>> from kshell.formats.registry import SchemaType
    >>> load(Schema(SchemaType.PROTOBUF, "message A {}")).message_types_by_name["A"].full_name
    'A'
    """
    name = _MAIN
    while name in schema.imports:
        name = f"_{name}"
    files = {n: _file(text, n) for n, text in schema.imports.items()}
    files[name] = _file(schema.text, name)
    return _build(files, [name])[0]


def is_known(name: str) -> bool:
    """Whether a file that a schema imports is always there."""
    return name in KNOWN or name in _GOOGLE


def _file(text: str, name: str) -> Any:
    """A file of text, or of its serialized descriptor in base64."""
    try:
        data = base64.b64decode(text, validate=True)
        file = pb.FileDescriptorProto.FromString(data)
    except (binascii.Error, ValueError, DecodeError):
        return parse_proto(text, name)
    file.name = name
    return file


def _build(files: Mapping[str, Any], wanted: Iterable[str]) -> list[Any]:
    if len(files) > _MAX_FILES:
        raise BindError(f"a Protobuf schema of more than {_MAX_FILES} files")
    pool = DescriptorPool()
    added: set[str] = set()

    def add(name: str, path: tuple[str, ...]) -> None:
        if name in added:
            return
        if name in path or len(path) > _MAX_DEPTH:
            raise BindError(f"the Protobuf schema's imports go round in circles at {name}")
        file = _google(name) or files.get(name) or _known(name)
        if file is None:
            raise BindError(
                f"the Protobuf schema imports {name}, which is not there",
                hint="register it with a reference, or give a .desc made with --include_imports",
            )
        for dependency in file.dependency:
            add(dependency, (*path, name))
        added.add(name)
        try:
            pool.AddSerializedFile(file.SerializeToString())
        except (TypeError, ValueError, KeyError) as error:
            reason = " ".join(str(error).split())[:300]
            raise BindError(f"the Protobuf schema is not valid: {reason}") from None

    found = []
    for name in wanted:
        add(name, ())
        try:
            found.append(pool.FindFileByName(name))
        except (TypeError, KeyError) as error:
            reason = " ".join(str(error).split())[:300]
            raise BindError(f"the Protobuf schema is not valid: {reason}") from None
    return found


@functools.cache
def _google(name: str) -> Any:
    module = _GOOGLE.get(name)
    if module is None:
        return None
    return pb.FileDescriptorProto.FromString(
        importlib.import_module(module).DESCRIPTOR.serialized_pb
    )


@functools.cache
def _known(name: str) -> Any:
    return parse_proto(KNOWN[name], name) if name in KNOWN else None


def message_at(file: Any, indexes: Sequence[int]) -> Any:
    """The message at a path of indexes; CorruptRecord if there is none."""
    messages = list(file.message_types_by_name.values())
    found = None
    for index in indexes:
        if not 0 <= index < len(messages):
            raise CorruptRecord(f"no message at {list(indexes)} in the record's Protobuf schema")
        found = messages[index]
        messages = list(found.nested_types)
    return found


def message_named(file: Any, name: str = "") -> Any:
    """The message of that full name (or bare one), the file's first where name is ''.

    >>> from kshell.formats.registry import SchemaType
    >>> file = load(Schema(SchemaType.PROTOBUF, "package p; message A {} message B {}"))
    >>> message_named(file).name, message_named(file, "p.B").name, message_named(file, "B").name
    ('A', 'B', 'B')
    """
    messages = list(_messages(file.message_types_by_name.values()))
    if not messages:
        raise BindError("the Protobuf schema has no message")
    if not name:
        return messages[0]
    for message in messages:
        if name in (message.full_name, message.name):
            return message
    raise BindError(
        f"the Protobuf schema has no message {name}",
        hint="messages: " + ", ".join(m.full_name for m in messages[:10]),
    )


def _messages(found: Iterable[Any], depth: int = 0) -> Iterable[Any]:
    """Outer messages first; entries of maps are none."""
    inner = []
    for message in found:
        if not message.GetOptions().map_entry:
            yield message
            inner.append(message)
    for message in inner:
        if depth < _MAX_DEPTH:
            yield from _messages(message.nested_types, depth + 1)


def message_indexes(message: Any) -> list[int]:
    """The path that `message_at` follows to the message."""
    path: list[int] = []
    while message.containing_type is not None:
        path.insert(0, _place(message, message.containing_type.nested_types))
        message = message.containing_type
    return [_place(message, message.file.message_types_by_name.values()), *path]


def _place(message: Any, among: Iterable[Any]) -> int:
    return [m.full_name for m in among].index(message.full_name)


def message_class(message: Any) -> Any:
    """The Python class of its values."""
    return GetMessageClass(message)
