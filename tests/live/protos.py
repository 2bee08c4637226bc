"""Message classes of .proto texts, by protoc, in a descriptor pool of their own."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from grpc_tools import protoc

__all__ = ["compiled", "described"]

# What Confluent's schemas import; no package that is installed here has the texts.
_IMPORTS = {
    "confluent/type/decimal.proto": """syntax = "proto3"; package confluent.type;
message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }""",
    "confluent/meta.proto": """syntax = "proto3"; package confluent;
import "google/protobuf/descriptor.proto";
message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }
extend google.protobuf.FieldOptions { Meta field_meta = 1088; }""",
    "google/type/date.proto": """syntax = "proto3"; package google.type;
message Date { int32 year = 1; int32 month = 2; int32 day = 3; }""",
    "google/type/timeofday.proto": """syntax = "proto3"; package google.type;
message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }""",
}


def described(folder: Path, name: str, text: str) -> Path:
    """The file of the text's descriptors and of all that it imports."""
    for path, imported in _IMPORTS.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(imported)
    (folder / name).write_text(text)
    include = Path(protoc.__file__).parent / "_proto"
    out = (folder / name).with_suffix(".desc")
    command = ["protoc", f"-I{folder}", f"-I{include}", "--include_imports",
               f"--descriptor_set_out={out}", name]  # fmt: skip
    assert protoc.main(command) == 0
    return out


def compiled(folder: Path, name: str, text: str) -> SimpleNamespace:
    """The text's messages by name."""
    data = described(folder, name, text).read_bytes()
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(data).file:
        pool.Add(file)
    messages = pool.FindFileByName(name).message_types_by_name
    return SimpleNamespace(
        **{n: message_factory.GetMessageClass(d) for n, d in messages.items()}
    )
