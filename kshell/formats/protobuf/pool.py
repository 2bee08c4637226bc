"""Descriptors of a Protobuf schema, each in a pool of its own.

`load` takes what the registry serves (a .proto text, or a FileDescriptorProto in base64) with its
imports.  protoc reads the texts (see `compile`); Protobuf's own pool holds what came.
"""

from __future__ import annotations

import base64
import binascii
import functools
import importlib
from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf import descriptor_pb2 as pb
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from kshell.errors import BindError, CorruptRecord
from kshell.formats.protobuf.compile import compile_texts, is_known
from kshell.formats.registry import Schema

__all__ = ["load", "message_at", "message_class", "message_indexes", "message_named"]

_MAX_FILES = 500
_MAX_DEPTH = 32
_KEPT = 256  # schemas that stay loaded
_MAIN = "schema.proto"

# What a descriptor that came without its imports may need of google.protobuf's own.
_GOOGLE = {
    f"google/protobuf/{name}.proto": f"google.protobuf.{name}_pb2"
    for name in ("any", "api", "descriptor", "duration", "empty", "field_mask", "source_context",
                 "struct", "timestamp", "type", "wrappers")
}  # fmt: skip


def load(schema: Schema) -> Any:
    """The schema's FileDescriptor; BindError where it is not valid.

    >>> from kshell.formats.registry import SchemaType
    >>> text = 'syntax = "proto3"; message A {}'
    >>> load(Schema(SchemaType.PROTOBUF, text)).message_types_by_name["A"].full_name
    'A'
    """
    return _load(schema.text, tuple(schema.imports.items()))


@functools.lru_cache(maxsize=_KEPT)
def _load(text: str, imports: tuple[tuple[str, str], ...]) -> Any:
    if len(imports) > _MAX_FILES:
        raise BindError(f"a Protobuf schema of more than {_MAX_FILES} files")
    name = _MAIN
    while name in dict(imports):
        name = f"_{name}"
    files = {n: _described(t, n) or t for n, t in (*imports, (name, text))}
    texts = {n: f for n, f in files.items() if isinstance(f, str)}
    described = [f for f in files.values() if not isinstance(f, str)]
    needed = {d for f in described for d in f.dependency} - _GOOGLE.keys()
    if name not in texts and not any(n in texts or is_known(n) for n in needed):
        return _build(described, name)
    return _build(list(compile_texts(texts, described, name).file), name)


def _described(text: str, name: str) -> Any:
    """The file if the text is a serialized descriptor in base64, else None."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None  # no .proto text is base64: it has blanks and semicolons
    try:
        file = pb.FileDescriptorProto.FromString(data)
    except DecodeError:
        raise BindError("the Protobuf schema is neither a .proto text nor a descriptor") from None
    file.name = name
    return file


def _build(files: Sequence[Any], main: str) -> Any:
    """The main file in a pool with the others."""
    pool = DescriptorPool()
    by_name = {file.name: file for file in files}
    added: set[str] = set()

    def add(name: str, path: tuple[str, ...]) -> None:
        if name in added:
            return
        if name in path or len(path) > _MAX_FILES:
            raise BindError(f"the Protobuf schema's imports go round in circles at {name}")
        file = by_name.get(name) or (_google(name) if name in _GOOGLE else None)
        if file is None:
            raise BindError(
                f"the Protobuf schema imports {name[:200]}, which is not there",
                hint="register it with a reference, or give a .desc made with --include_imports",
            )
        for dependency in file.dependency:
            add(dependency, (*path, name))
        added.add(name)
        pool.AddSerializedFile(file.SerializeToString())

    try:
        add(main, ())
        return pool.FindFileByName(main)
    except (TypeError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:300]
        raise BindError(f"the Protobuf schema is not valid: {reason}") from None


@functools.cache
def _google(name: str) -> Any:
    module = importlib.import_module(_GOOGLE[name])
    return pb.FileDescriptorProto.FromString(module.DESCRIPTOR.serialized_pb)


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
    >>> text = 'syntax = "proto3"; package p; message A {} message B {}'
    >>> file = load(Schema(SchemaType.PROTOBUF, text))
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
    """Outer messages first, without the entries of maps."""
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
