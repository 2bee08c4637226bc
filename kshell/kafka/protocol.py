"""Encodes and decodes Kafka's messages by tables of their fields; `messages` has the tables.

A message is a tuple of `Field`s, a value of it a dictionary.  Readers and writers are made once for
each version; fields of fixed size that stand together are read at once.  `look` sends the messages.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kshell.errors import CorruptRecord, Unsupported

__all__ = ["Answers", "Api", "Array", "Field", "Request", "decode"]

Reader = Callable[[Any, int], tuple[Any, int]]  # of bytes, or a view of them
Writer = Callable[[Any], bytes]
Answers = Mapping[bytes, tuple[bytes, dict[str, Any]]]  # by the bytes of the request

_FIXED = {"int8": "b", "int16": "h", "int32": "i", "int64": "q", "float64": "d", "bool": "?",
          "uuid": "16s"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Array:
    """Any number of values of one type."""

    of: Type


@dataclass(frozen=True, slots=True)
class Field:
    """A named part of a message, in the versions from `since` to `until`."""

    name: str
    type: Type
    since: int = 0
    until: int = 99


# A primitive by Kafka's name ("string" and "bytes" may be null), an array, a message inside.
Type = str | Array | tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Api:
    """A kind of request: Kafka's number and name, the versions known here, the first flexible one,
    and the fields of both messages."""

    key: int
    name: str
    versions: tuple[int, int]
    flexible: int
    request: tuple[Field, ...]
    response: tuple[Field, ...]

    def version(self, served: Mapping[int, tuple[int, int]]) -> int | None:
        """The newest version that both sides know, None if there is none."""
        low, high = served.get(self.key, (0, -1))
        newest = min(high, self.versions[1])
        return newest if newest >= max(low, self.versions[0]) else None

    def agreed(self, served: Mapping[int, tuple[int, int]]) -> int:
        """`version`; raises Unsupported if there is none."""
        found = self.version(served)
        if found is None:
            low, high = served.get(self.key, (0, -1))
            theirs = f"v{low} to v{high}" if low <= high else "none"
            ours = "v{} to v{}".format(*self.versions)
            raise Unsupported(f"no version of {self.name} in common: the broker has {theirs}",
                              hint=f"kshell has {ours}, for Kafka 0.11 and later")  # fmt: skip
        return found


class Request:
    """A request in the shape that aiokafka's connection sends and decodes.

    `earlier` is an answer to the same request: the same bytes need not be decoded again.
    """

    def __init__(
        self, api: Api, version: int, body: Mapping[str, Any], earlier: Answers | None = None
    ) -> None:
        self._api = api
        self._flexible = version >= api.flexible
        self._bytes = _writer(api.request, version, self._flexible)(body)
        self._earlier = {} if earlier is None else earlier
        self.answer: tuple[bytes, dict[str, Any]] = (b"", {})  # its bytes, and what they say
        self.API_KEY, self.API_VERSION = api.key, version
        self.RESPONSE_TYPE = self

    def prepare(self, versions: Mapping[int, tuple[int, int]]) -> Request:
        """Itself: the version is chosen."""
        return self

    def build_request_header(self, correlation_id: int, client_id: str) -> Any:
        """The header that stands before the request."""
        from aiokafka.protocol.api import RequestHeader_v1, RequestHeader_v2

        made: Any = RequestHeader_v2 if self._flexible else RequestHeader_v1
        return made(self, correlation_id=correlation_id, client_id=client_id)

    def encode(self) -> bytes:
        """The request's bytes."""
        return self._bytes

    def parse_response_header(self, data: io.BytesIO) -> Any:
        """The header that stands before the answer."""
        from aiokafka.protocol.api import ResponseHeader_v0, ResponseHeader_v1

        made: Any = ResponseHeader_v1 if self._flexible else ResponseHeader_v0
        return made.decode(data)

    def decode(self, data: io.BytesIO) -> dict[str, Any]:
        """The answer; raises CorruptRecord."""
        answer = data.read()
        self.answer = self._earlier.get(self._bytes, self.answer)
        if self.answer[0] != answer:
            fields, version = self._api.response, self.API_VERSION
            self.answer = (answer, decode(fields, version, self._flexible, answer))
        return self.answer[1]


def decode(
    fields: tuple[Field, ...], version: int, flexible: bool, data: bytes | memoryview
) -> dict[str, Any]:
    """A message by its fields; raises CorruptRecord.  Its "bytes" are views of a view.

    >>> decode((Field("a", "int16"), Field("b", "string")), 0, False, bytes([0, 7, 0, 1, 120]))
    {'a': 7, 'b': 'x'}
    """
    try:
        message: dict[str, Any]
        message, _ = _reader(fields, version, flexible)(data, 0)
    except (struct.error, IndexError, UnicodeDecodeError) as error:
        raise CorruptRecord(f"an answer of a broker is broken: {error}") from None
    return message


def _unsigned(data: Any, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def _varint(n: int) -> bytes:
    out = bytearray()
    while n > 127:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)
    return bytes(out)


def _skip_tags(data: Any, at: int) -> int:
    count, at = _unsigned(data, at)
    for _ in range(count):
        _, at = _unsigned(data, at)
        size, at = _unsigned(data, at)
        at += size
    return at


def _length(flexible: bool, format: str) -> Reader:
    """Reads a length, -1 for null."""
    if flexible:

        def compact(data: Any, at: int) -> tuple[int, int]:
            size = data[at]
            if size < 128:
                return size - 1, at + 1
            size, at = _unsigned(data, at)
            return size - 1, at

        return compact
    fixed = struct.Struct(format)

    def plain(data: Any, at: int) -> tuple[int, int]:
        return fixed.unpack_from(data, at)[0], at + fixed.size

    return plain


@lru_cache(512)
def _reader(type: Type, version: int, flexible: bool) -> Reader:
    if isinstance(type, tuple):
        return _struct_reader(type, version, flexible)
    if isinstance(type, Array):
        length, each = _length(flexible, ">i"), _reader(type.of, version, flexible)
        names, format = _all_fixed(type.of, version, flexible)
        if format:
            return _block_reader(length, each, names, struct.Struct(f">{format}"))
        return _array_reader(length, each)
    if type in _FIXED:
        fixed = struct.Struct(f">{_FIXED[type]}")
        return lambda data, at: (fixed.unpack_from(data, at)[0], at + fixed.size)
    length = _length(flexible, ">h" if type == "string" else ">i")

    def read(data: Any, at: int) -> tuple[Any, int]:
        size, at = length(data, at)
        if size < 0:
            return None, at
        piece = data[at : at + size]
        if len(piece) != size:
            raise IndexError("it is cut off")
        return (str(piece, "utf-8") if type == "string" else piece), at + size

    return read


def _array_reader(length: Reader, read: Reader) -> Reader:
    def array(data: Any, at: int) -> tuple[Any, int]:
        count, at = length(data, at)
        if count < 0:
            return None, at
        found = []
        for _ in range(count):
            value, at = read(data, at)
            found.append(value)
        return found, at

    return array


def _all_fixed(type: Type, version: int, flexible: bool) -> tuple[list[str], str]:
    """The names and the format of a struct all of whose fields are of fixed size, with a byte for
    its tags; no format for any other type."""
    if not isinstance(type, tuple):
        return [], ""
    fields = [f for f in type if f.since <= version <= f.until]
    codes = [_FIXED.get(f.type, "") if isinstance(f.type, str) else "" for f in fields]
    if not all(codes):
        return [], ""
    return [f.name for f in fields], "".join(codes) + ("B" if flexible else "")


def _block_reader(
    length: Reader, read: Reader, names: list[str], fixed: struct.Struct
) -> Reader:
    """Reads an array of structs of fixed size at once."""
    one_by_one = _array_reader(length, read)
    tagged = fixed.format.endswith("B")

    def block(data: Any, at: int) -> tuple[Any, int]:
        count, first = length(data, at)
        if count <= 0:
            return one_by_one(data, at)
        end = first + count * fixed.size
        piece = data[first:end]
        if tagged and any(piece[fixed.size - 1 :: fixed.size]):  # some have tags
            return one_by_one(data, at)
        if len(piece) != end - first:
            raise IndexError("it is cut off")
        return [dict(zip(names, row, strict=False)) for row in fixed.iter_unpack(piece)], end

    return block


def _struct_reader(fields: tuple[Field, ...], version: int, flexible: bool) -> Reader:
    steps: list[tuple[Any, Any, Any]] = []  # names, Struct and None; or name, None and a Reader
    for field in fields:
        if not field.since <= version <= field.until:
            continue
        code = _FIXED.get(field.type) if isinstance(field.type, str) else None
        if code is None:
            steps.append((field.name, None, _reader(field.type, version, flexible)))
        elif steps and steps[-1][1] is not None:
            names, fixed, _ = steps[-1]
            steps[-1] = ((*names, field.name), struct.Struct(fixed.format + code), None)
        else:
            steps.append(((field.name,), struct.Struct(f">{code}"), None))

    def read(data: Any, at: int) -> tuple[Any, int]:
        found: dict[str, Any] = {}
        for names, fixed, step in steps:
            if fixed is None:
                found[names], at = step(data, at)
            else:
                found.update(zip(names, fixed.unpack_from(data, at), strict=True))
                at += fixed.size
        return found, _skip_tags(data, at) if flexible else at

    return read


@lru_cache(512)
def _writer(type: Type, version: int, flexible: bool) -> Writer:
    if isinstance(type, tuple):
        parts = [
            (field.name, _writer(field.type, version, flexible))
            for field in type
            if field.since <= version <= field.until
        ]
        end = b"\0" if flexible else b""
        return lambda value: b"".join(write(value[name]) for name, write in parts) + end
    if isinstance(type, Array):
        of = _writer(type.of, version, flexible)
        names, format = _all_fixed(type.of, version, flexible)
        if format:
            of = _packer(names, struct.Struct(f">{format}"), (0,) if flexible else ())

        def array(values: Any) -> bytes:
            count = _size(-1 if values is None else len(values), flexible, ">i")
            return count + b"".join(map(of, values or ()))

        return array
    if type in _FIXED:
        fixed = struct.Struct(f">{_FIXED[type]}")
        return lambda value: fixed.pack(value)
    format = ">h" if type == "string" else ">i"

    def text(value: Any) -> bytes:
        if value is None:
            return _size(-1, flexible, format)
        data = value.encode() if isinstance(value, str) else value
        return _size(len(data), flexible, format) + data

    return text


def _packer(names: list[str], fixed: struct.Struct, end: tuple[int, ...]) -> Writer:
    """Writes structs of fixed size, each in one go."""
    return lambda value: fixed.pack(*[value[name] for name in names], *end)


def _size(n: int, flexible: bool, format: str) -> bytes:
    return _varint(n + 1) if flexible else struct.pack(format, n)
