"""The format of an undeclared topic's keys or values as the user set it, and its columns.

`detect` calls it; the samples only tell how many records fit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

import pyarrow as pa

from kshell.catalog.model import FormatSpec
from kshell.catalog.serde import check_delimiter, check_options, check_rivals
from kshell.errors import BindError, UsageError
from kshell.formats.base import Asked, Half, Place
from kshell.formats.by_schema import FORMAT_OF, exactly, measured, newest, of_registry, unwrapped
from kshell.formats.framing import ids_of
from kshell.formats.guess import (
    Inferred,
    InferredColumn,
    infer_delimited,
    infer_objects,
    infer_single,
    infer_whole,
)
from kshell.formats.open import FORMATS

__all__ = ["as_set"]


def as_set(asked: Asked, format: FormatSpec, samples: Sequence[bytes]) -> Inferred:
    """What the user said it is."""
    place = f"topic.{asked.topic}.{asked.half.value}"
    try:
        check_rivals(format)
        format = _named(asked, format, place)
        if format.name in FORMATS:
            check_options(format)
    except BindError as error:
        raise UsageError(f"{place}: {error.what}") from None
    if "DELIMITER" in format.options:
        check_delimiter(f"{place}.delimiter", format.options["DELIMITER"])
    if "SCHEMA_FILE" in format.options:
        return _of_file(asked, format, samples)
    read = _SET.get(format.name)
    if read is None:
        raise UsageError(f"{place}.format is {format.name}, which needs a schema's file",
                         hint=f"{place}.schema.file")  # fmt: skip
    return read(asked, format, samples)


def _named(asked: Asked, format: FormatSpec, place: str) -> FormatSpec:
    """With the format's name, where only its options are set."""
    if format.name or "SCHEMA_FILE" in format.options:
        return format
    if "DELIMITER" in format.options:
        return FormatSpec("DELIMITED", format.options)
    if "SCHEMA_ID" in format.options and asked.schemas is not None:
        schema = asked.schemas.by_id(int(format.options["SCHEMA_ID"]))
        return FormatSpec(FORMAT_OF[schema.type], format.options)
    raise UsageError(
        f"of {place} a schema's id or name is set, and nothing that it belongs to",
        hint=f"{place}.format or {place}.schema.file; an id needs --registry URL",
    )


def _of_file(asked: Asked, format: FormatSpec, samples: Sequence[bytes]) -> Inferred:
    from kshell.formats.schema_files import read_schema_file

    schema = read_schema_file(format.options["SCHEMA_FILE"])
    named = FormatSpec(format.name or FORMAT_OF[schema.type], format.options)
    return measured(asked, exactly(asked, named, schema), samples)


def _registered(asked: Asked, format: FormatSpec, samples: Sequence[bytes]) -> Inferred:
    if asked.schemas is None:
        raise UsageError(
            f"topic {asked.topic} is set to {format.name}, and there is no schema registry",
            hint=f"--registry URL, or topic.{asked.topic}.{asked.half.value}.schema.file",
        )
    if "SCHEMA_ID" in format.options:
        schema = asked.schemas.by_id(int(format.options["SCHEMA_ID"]))
        return measured(asked, exactly(asked, format, schema), samples)
    found = of_registry(asked, asked.schemas, samples, ids_of(samples), format) or newest(
        asked, format.options.get("SCHEMA_FULL_NAME", "")
    )
    if found is None or found.format.name != format.name:
        raise UsageError(
            f"topic {asked.topic} is set to {format.name}, and neither its records nor the"
            " registry's subject have such a schema"
        )
    return found


def _objects(asked: Asked, format: FormatSpec, samples: Sequence[bytes]) -> Inferred:
    if asked.half is Half.VALUE:
        return replace(infer_objects(samples), format=format)
    return replace(infer_whole(samples, asked.column), format=unwrapped(format))


def _single(asked: Asked, format: FormatSpec, samples: Sequence[bytes]) -> Inferred:
    told = infer_single(samples or [b""], asked.column)
    if told.format.name == format.name:  # records of another size are not what the user says
        return replace(told, single=told.single if told.single == pa.null() else None)
    type = pa.binary() if format.name == "BYTES" else pa.string()
    column = InferredColumn(asked.column, type, 1.0)
    return measured(asked, Inferred(format, (column,), 1.0), samples)


def _lines(asked: Asked, format: FormatSpec, samples: Sequence[bytes]) -> Inferred:
    from kshell.formats.delimited import delimiter_of

    place = Place(asked.topic, asked.half, format, ())
    return infer_delimited(samples, format, delimiter_of(place))


def _nothing(asked: Asked, format: FormatSpec, samples: Sequence[bytes]) -> Inferred:
    return Inferred(format, (InferredColumn(asked.column, pa.string(), 0.0),), 1.0)


_Reader = Callable[[Asked, FormatSpec, Sequence[bytes]], Inferred]
_SET: Mapping[str, _Reader] = MappingProxyType(
    {
        "AVRO": _registered,
        "BYTES": _single,
        "DELIMITED": _lines,
        "JSON": _objects,
        "JSON_SR": _registered,
        "KAFKA": _single,
        "NONE": _nothing,
        "PROTOBUF": _registered,
    }
)
