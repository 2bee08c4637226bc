"""A .proto text as a FileDescriptorProto, without protoc.

The registry serves Protobuf schemas as .proto text.  grpcio-tools would compile it, at 5 MB more to
install, half a second to import and only from files on disk; the language's declarations are small
enough to be read here.  `pool` calls it and lets Protobuf's own descriptor pool resolve and check
the names.  What does not matter for records (services, extensions, most options) is skipped.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf import descriptor_pb2 as pb

from kshell.errors import BindError
from kshell.formats.protobuf.meta import META_FIELD, meta_bytes
from kshell.formats.protobuf.tokens import Tokens

__all__ = ["parse_proto"]

_MAX_DEPTH = 32  # messages in messages
_Field = pb.FieldDescriptorProto
_SCALARS = {
    t: getattr(_Field, f"TYPE_{t.upper()}")
    for t in ("double", "float", "int64", "uint64", "int32", "fixed64", "fixed32", "bool", "string",
              "bytes", "uint32", "sfixed32", "sfixed64", "sint32", "sint64")
}  # fmt: skip
_LABELS = {
    "optional": _Field.LABEL_OPTIONAL,
    "required": _Field.LABEL_REQUIRED,
    "repeated": _Field.LABEL_REPEATED,
}


def parse_proto(text: str, name: str = "schema.proto") -> Any:
    """The text as a FileDescriptorProto; BindError says where it is not in the language.

    >>> file = parse_proto('syntax = "proto3"; message A { repeated int32 x = 1; }')
    >>> file.message_type[0].field[0].name
    'x'
    """
    return _File(text, name).read()


class _File:
    def __init__(self, text: str, name: str) -> None:
        self._words = Tokens(text)
        self._file = pb.FileDescriptorProto(name=name)
        self._proto3 = False

    def read(self) -> Any:
        words, file = self._words, self._file
        if words.at("syntax") or words.at("edition"):
            self._read_syntax()
        while words.peek.kind != "end":
            if words.take(";"):
                continue
            if words.take("package"):
                file.package = words.path()
                words.expect(";")
            elif words.take("import"):
                self._read_import()
            elif words.take("message"):
                self._read_message(file.message_type.add(), 0)
            elif words.take("enum"):
                self._read_enum(file.enum_type.add())
            elif words.take("option"):
                self._read_option(file.options)
                words.expect(";")
            elif words.at("service") or words.at("extend"):
                words.skip_statement()
            else:
                raise words.error("expected message, enum, import, package or option")
        return file

    def _read_syntax(self) -> None:
        words, file = self._words, self._file
        which = words.name()
        words.expect("=")
        value = words.string()
        words.expect(";")
        if which == "edition":
            edition = f"EDITION_{value}"
            if edition not in pb.Edition.keys():  # noqa: SIM118
                raise BindError(f"the .proto schema is of an unknown edition: {value[:40]}")
            file.syntax, file.edition = "editions", pb.Edition.Value(edition)
        elif value in ("proto2", "proto3"):
            self._proto3 = value == "proto3"
            file.syntax = value
        else:
            raise BindError(f"the .proto schema is of an unknown syntax: {value[:40]}")

    def _read_import(self) -> None:
        words = self._words
        if words.take("public"):
            self._file.public_dependency.append(len(self._file.dependency))
        elif words.take("weak") or words.take("option"):
            pass
        self._file.dependency.append(words.string())
        words.expect(";")

    def _read_message(self, message: Any, depth: int) -> None:
        message.name = self._words.name()
        self._read_body(message, depth)

    def _read_body(self, message: Any, depth: int) -> None:
        words = self._words
        if depth > _MAX_DEPTH:
            raise words.error(f"messages nested more than {_MAX_DEPTH} deep")
        words.expect("{")
        while not words.take("}"):
            if words.take(";"):
                continue
            if self._declares("message"):
                self._read_message(message.nested_type.add(), depth + 1)
            elif self._declares("enum"):
                self._read_enum(message.enum_type.add())
            elif self._declares("oneof"):
                self._read_oneof(message, depth)
            elif self._declares("option"):
                self._read_option(message.options)
                words.expect(";")
            elif self._skipped():
                words.skip_statement()
            else:
                self._read_field(message, depth)
        self._add_synthetic(message)

    def _declares(self, keyword: str) -> bool:
        """Whether a declaration begins: `message` may as well be (part of) a field's type."""
        words = self._words
        if not words.at(keyword):
            return False
        mark = words.mark()
        words.next()
        following = words.peek.kind == "word" or (keyword == "option" and words.at("("))
        if following and keyword != "option":
            words.next()
            following = words.at("{")
        words.back(mark)
        if following:
            words.next()
        return following

    def _skipped(self) -> bool:
        words = self._words
        if not any(words.at(w) for w in ("reserved", "extensions", "extend")):
            return False
        mark = words.mark()
        words.next()
        name = words.peek.kind == "word"
        if name:
            words.next()
        field = (name and words.at("=")) or (words.at(".") and not name)
        words.back(mark)
        return not field

    def _read_oneof(self, message: Any, depth: int) -> None:
        words = self._words
        message.oneof_decl.add(name=words.name())
        index = len(message.oneof_decl) - 1
        words.expect("{")
        while not words.take("}"):
            if words.take(";"):
                continue
            if self._declares("option"):
                self._read_option(pb.OneofOptions())
                words.expect(";")
                continue
            self._read_field(message, depth).oneof_index = index

    def _read_field(self, message: Any, depth: int) -> Any:
        words = self._words
        field = message.field.add(label=_Field.LABEL_OPTIONAL)
        for word, label in _LABELS.items():
            if words.at(word):
                mark = words.mark()
                words.next()
                if words.peek.kind == "word" or words.at("."):
                    field.label = label
                    field.proto3_optional = self._proto3 and word == "optional"
                else:
                    words.back(mark)
                break
        if words.at("map"):
            mark = words.mark()
            words.next()
            if words.take("<"):
                return self._read_map(message, field)
            words.back(mark)
        if words.at("group"):
            return self._read_group(message, field, depth)
        self._set_type(field, words.path())
        self._read_name(field)
        return field

    def _set_type(self, field: Any, type: str) -> None:
        if type in _SCALARS:
            field.type = _SCALARS[type]
        else:
            field.type_name = type  # the pool finds it, and whether it is a message or an enum

    def _read_name(self, field: Any) -> None:
        words = self._words
        field.name = words.name()
        words.expect("=")
        field.number = self._number()
        self._read_field_options(field)
        words.expect(";")

    def _number(self) -> int:
        number = self._words.whole()
        if not 0 < number < 1 << 29:
            raise BindError(f"the .proto schema has a field with the number {number}")
        return number

    def _read_map(self, message: Any, field: Any) -> Any:
        words = self._words
        key = words.path()
        words.expect(",")
        value = words.path()
        words.expect(">")
        self._read_name(field)
        if key not in _SCALARS or key in ("double", "float", "bytes"):
            raise BindError(f"the .proto schema has a map with keys of type {key}")
        camel = "".join(p[:1].upper() + p[1:] for p in re.split("_", field.name))
        entry = message.nested_type.add(name=f"{camel}Entry")
        entry.options.map_entry = True
        for number, (name, type) in enumerate((("key", key), ("value", value)), 1):
            made = entry.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
            self._set_type(made, type)
        field.label, field.type_name = _Field.LABEL_REPEATED, entry.name
        field.type = _Field.TYPE_MESSAGE
        return field

    def _read_group(self, message: Any, field: Any, depth: int) -> Any:
        words = self._words
        words.expect("group")
        name = words.name()
        words.expect("=")
        field.number = self._number()
        self._read_field_options(field)
        group = message.nested_type.add(name=name)
        self._read_body(group, depth + 1)
        field.name, field.type, field.type_name = name.lower(), _Field.TYPE_GROUP, name
        return field

    def _read_field_options(self, field: Any) -> None:
        words = self._words
        if not words.take("["):
            return
        while True:
            if words.at("default") or words.at("json_name"):
                which = words.name()
                words.expect("=")
                value = self._read_value()
                if which == "default":
                    field.default_value = _default_text(value)
                elif isinstance(value, str):
                    field.json_name = value
            else:
                self._read_option(field.options)
            if words.take("]"):
                return
            words.expect(",")

    def _read_option(self, options: Any) -> None:
        """name = value; kept are features, packed, and the parameters that Connect writes."""
        words = self._words
        name = ""
        while not words.at("="):
            if words.take("("):
                name += f"({words.path()})"
                words.expect(")")
            elif words.take("."):
                name += "."
            else:
                name += words.name()
        words.expect("=")
        value = self._read_value()
        if name.startswith("features."):
            _set_feature(options, name.removeprefix("features."), value)
        elif name == "packed" and hasattr(options, "packed"):
            options.packed = value == "true"
        elif name in ("allow_alias", "message_set_wire_format") and hasattr(options, name):
            setattr(options, name, value == "true")
        elif name in ("(confluent.field_meta)", "(confluent.field_meta).params"):
            node = value if name.endswith(")") else {"params": [value]}
            if isinstance(options, pb.FieldOptions) and isinstance(node, dict):
                options.MergeFromString(meta_bytes(META_FIELD, _params(node)))

    def _read_value(self, depth: int = 0) -> Any:
        """A constant; a message in braces becomes a dict of lists."""
        words = self._words
        if depth > _MAX_DEPTH:
            raise words.error(f"options nested more than {_MAX_DEPTH} deep")
        if words.at("{"):
            return self._read_aggregate(depth)
        if words.take("["):
            items = []
            while not words.take("]"):
                items.append(self._read_value(depth + 1))
                words.take(",")
            return items
        if words.peek.kind == "string":
            return words.string()
        sign = "-" if words.take("-") else ""
        words.take("+")
        if words.peek.kind == "number":
            return sign + words.next().text
        return sign + words.path()

    def _read_aggregate(self, depth: int) -> dict[str, list[Any]]:
        words = self._words
        words.expect("{")
        node: dict[str, list[Any]] = {}
        while not words.take("}"):
            if words.take("["):  # an extension's name
                name = words.path()
                while words.take("/"):
                    name += "/" + words.path()
                words.expect("]")
            else:
                name = words.name()
            words.take(":")
            node.setdefault(name, []).append(self._read_value(depth + 1))
            if not words.take(","):
                words.take(";")
        return node

    def _read_enum(self, enum: Any) -> None:
        words = self._words
        enum.name = words.name()
        words.expect("{")
        while not words.take("}"):
            if words.take(";"):
                continue
            if self._declares("option"):
                self._read_option(enum.options)
                words.expect(";")
                continue
            if words.at("reserved"):
                mark = words.mark()
                words.next()
                value = words.at("=")
                words.back(mark)
                if not value:
                    words.skip_statement()
                    continue
            made = enum.value.add(name=words.name())
            words.expect("=")
            number = words.whole()
            if not -(1 << 31) <= number < 1 << 31:
                raise BindError(f"the .proto schema has an enum with the number {number}")
            made.number = number
            if words.take("["):
                while not words.take("]"):
                    self._read_option(pb.EnumValueOptions())
                    words.take(",")
            words.expect(";")

    def _add_synthetic(self, message: Any) -> None:
        """proto3's `optional` is a oneof of one field, after the real ones."""
        taken = {f.name for f in message.field} | {o.name for o in message.oneof_decl}
        for field in message.field:
            if field.proto3_optional:
                name = f"_{field.name}"
                while name in taken:
                    name = f"X{name}"
                taken.add(name)
                message.oneof_decl.add(name=name)
                field.oneof_index = len(message.oneof_decl) - 1


def _default_text(value: Any) -> str:
    if not isinstance(value, str):
        raise BindError("the .proto schema has a default that is no constant")
    return value


def _set_feature(options: Any, name: str, value: Any) -> None:
    features = getattr(options, "features", None)
    field = features.DESCRIPTOR.fields_by_name.get(name) if features is not None else None
    if field is None or field.enum_type is None:
        return
    number = field.enum_type.values_by_name.get(str(value))
    if number is None:
        raise BindError(f"the .proto schema sets features.{name} to {str(value)[:40]}")
    setattr(features, name, number.number)


def _params(node: dict[str, list[Any]]) -> dict[str, str]:
    """The `params` of a confluent.field_meta: a map, written as a list of key and value."""
    found: dict[str, str] = {}
    for item in node.get("params", ()):
        for entry in item if isinstance(item, list) else [item]:
            if isinstance(entry, dict) and entry.get("key") and entry.get("value"):
                found[str(entry["key"][0])] = str(entry["value"][0])
    return found
