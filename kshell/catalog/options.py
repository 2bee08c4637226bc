"""The options of WITH as one table: the field that each sets, and how its value is read.

`properties` reads a clause with it, `terminal.completion` offers its names.  To add an option, add
a row, and a field of `properties.With` if there is none yet.  Checks and messages are ksqlDB's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from kshell.catalog.model import WindowType
from kshell.catalog.serde import CAPABILITIES, check_delimiter, format_named
from kshell.durations import UNITS
from kshell.errors import BindError

__all__ = ["ASSERT_TOPIC", "CREATE", "CREATE_AS", "INSERT", "OPTIONS", "Option", "duration_ms",
           "flag", "one_of", "options_of", "text", "whole"]  # fmt: skip

CREATE, CREATE_AS, INSERT = "CREATE", "CREATE … AS SELECT", "INSERT INTO … SELECT"
ASSERT_TOPIC = "ASSERT TOPIC"


def duration_ms(text: str) -> int:
    """'10 SECONDS' in milliseconds.

    >>> duration_ms("2 minutes")
    120000
    """
    match = re.fullmatch(r"\s*(\S+)\s+(\S+)\s*", text)
    if match is None:
        raise BindError(f"Invalid duration: '{text}'. Expected a size and a unit: '10 SECONDS'")
    number, unit = match.group(1), match.group(2).upper()
    if not number.isdigit():
        raise BindError(f"Invalid duration: '{text}'. Size must be numeric: '{number}'")
    factor = UNITS.get(unit.removesuffix("S"))
    if factor is None:
        raise BindError(
            f"Invalid duration: '{text}'. Unknown time unit: '{unit}'",
            hint="units: DAYS, HOURS, MINUTES, SECONDS, MILLISECONDS",
        )
    return int(number) * factor


# Reads a value: (the option's name, its text) → the value; BindError if it does not fit.
_Read = Callable[[str, str], Any]


def text(name: str, text: str) -> str:
    """As it is written."""
    return text


def whole(lowest: int, highest: int) -> _Read:
    """A whole number in these bounds."""

    def read(name: str, text: str) -> int:
        if not re.fullmatch(r"-?\d+", text):
            raise _invalid(name, text, "String must be a number with no decimals")
        if not lowest <= int(text) <= highest:
            raise _invalid(name, text, f"it is a number from {lowest} to {highest}")
        return int(text)

    return read


def flag(name: str, text: str) -> str:
    """true or false."""
    if text.lower() not in _FLAGS:
        raise _invalid(name, text, "it is true or false")
    return text.lower()


def one_of(*values: str) -> _Read:
    """One of these words, in any case."""
    known = {value.upper(): value for value in values}

    def read(name: str, text: str) -> str:
        if text.upper() not in known:
            raise _invalid(name, text, f"it is one of {', '.join(values)}")
        return known[text.upper()]

    return read


def _policy(name: str, text: str) -> str:
    """Kafka's cleanup.policy; the order of two policies does not matter."""
    parts = {part.strip() for part in text.lower().split(",")}
    if not parts <= {"compact", "delete"}:
        raise _invalid(name, text, f"it is one of {', '.join(map(repr, _POLICIES))}")
    return ",".join(sorted(parts))


def _format(name: str, text: str) -> str:
    return format_named(text)


def _delimiter(name: str, text: str) -> str:
    check_delimiter(name, text)
    return text


def _pattern(name: str, text: str) -> str:
    """A pattern of Java's DateTimeFormatter; BindError if Java refuses it."""
    from kshell.moments.pattern import elements_of

    try:
        elements_of(text)
    except ValueError as error:
        raise BindError(
            f"Invalid datetime format for config:{name}, reason:{error}",
            hint="words stand in quotes: yyyy-MM-dd''T''HH:mm",
        ) from None
    return text


def _identifier(name: str, text: str) -> str:
    """A column's name in a string: upper case unless the string quotes it."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in '`"':
        return text[1:-1]
    return text.upper()


def _id(name: str, text: str) -> str:
    return text.upper()


def _window_type(name: str, text: str) -> WindowType:
    if text.upper() not in WindowType.__members__:  # SLIDING too, which ksqlDB does not have
        raise _invalid(name, text, "String must be one of: SESSION, HOPPING, TUMBLING, null")
    return WindowType(text.upper())


def _duration(name: str, text: str) -> int:
    try:
        return duration_ms(text)
    except BindError as error:
        raise BindError(f"Configuration {name} is invalid: {error.what}", hint=error.hint) from None


def _invalid(name: str, text: str, why: str) -> BindError:
    return BindError(f"Invalid value {text} for property {name}: {why}")


@dataclass(frozen=True, slots=True)
class Option:
    """A row: its name, the fields of `With` that it sets, one line of help.

    "configs.retention.ms" sets an entry of the field `configs`.  Completion offers the `values`;
    `read` reads any value.
    """

    name: str
    feeds: tuple[str, ...]
    help: str
    read: _Read = text
    values: tuple[str, ...] = ()
    statements: tuple[str, ...] = (CREATE, CREATE_AS)


_ALL = (CREATE, CREATE_AS, ASSERT_TOPIC)
_FLAGS = ("true", "false")
_POLICIES = ("delete", "compact", "compact,delete")
_FORMATS = tuple(CAPABILITIES)
_NULLABLE = ("OPTIONAL", "WRAPPER")
_WINDOWS = ("TUMBLING", "HOPPING", "SESSION")
_INT, _LONG = 2**31 - 1, 2**63 - 1
_HALVES = ("KEY", "VALUE")


def _of_half(suffix: str, help: str, read: _Read = text, values: tuple[str, ...] = ()
             ) -> tuple[Option, ...]:  # fmt: skip
    """The rows of an option that the key's format and the value's format have."""
    return tuple(
        Option(f"{half}_{suffix}", (f"{half.lower()}.{suffix}",), f"the {half.lower()}s' {help}",
               read, values)
        for half in _HALVES
    )  # fmt: skip


OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        o.name: o
        for o in (
            Option("KAFKA_TOPIC", ("topic",), "the topic"),
            Option("FORMAT", ("key_format", "value_format"), "the format of keys and values",
                   _format, _FORMATS),
            Option("KEY_FORMAT", ("key_format",), "the keys' format", _format, _FORMATS),
            Option("VALUE_FORMAT", ("value_format",), "the values' format", _format, _FORMATS),
            Option("PARTITIONS", ("partitions",), "how many partitions the topic has",
                   whole(1, _INT), statements=_ALL),
            Option("REPLICAS", ("replicas",), "how many replicas each partition has",
                   whole(-1, 2**15 - 1), statements=_ALL),
            Option("RETENTION_MS", ("configs.retention.ms",),
                   "how long the topic keeps records; -1: for ever", whole(-1, _LONG),
                   statements=_ALL),
            Option("CLEANUP_POLICY", ("configs.cleanup.policy",),
                   "whether the topic deletes old records, keeps the last of each key, or both",
                   _policy, _POLICIES, _ALL),
            Option("TIMESTAMP", ("timestamp",), "the column that is the record's time",
                   _identifier),
            Option("TIMESTAMP_FORMAT", ("timestamp_format",),
                   "how a STRING column writes the time, as Java's DateTimeFormatter", _pattern),
            Option("WRAP_SINGLE_VALUE", ("value.WRAP_SINGLE_VALUE",),
                   "whether a single value column stands in a record", flag, _FLAGS),
            *_of_half("DELIMITER", "delimiter: a character, TAB, SPACE", _delimiter,
                      ("TAB", "SPACE")),
            *_of_half("SCHEMA_ID", "schema, by its id in the registry", whole(0, _INT)),
            *_of_half("SCHEMA_FULL_NAME", "record or message, by its full name"),
            Option("VALUE_AVRO_SCHEMA_FULL_NAME", ("value.SCHEMA_FULL_NAME",),
                   "the older name of VALUE_SCHEMA_FULL_NAME"),
            *_of_half("SCHEMA_FILE", "schema, in a file: .avsc, .proto, .desc, .json"),
            *_of_half("PROTOBUF_NULLABLE_REPRESENTATION", "way to tell NULL from a default",
                      one_of(*_NULLABLE), _NULLABLE),
            Option("WINDOW_TYPE", ("window_type",), "the windows that the key carries",
                   _window_type, _WINDOWS, (CREATE,)),
            Option("WINDOW_SIZE", ("window_size_ms",), "the windows' size: '10 SECONDS'",
                   _duration, statements=(CREATE,)),
            Option("SOURCED_BY_CONNECTOR", ("connector",),
                   "the connector that writes the topic; DESCRIBE shows it",
                   statements=(CREATE,)),
            Option("QUERY_ID", ("query_id",), "the query's id", _id, statements=(INSERT,)),
        )
    }
)  # fmt: skip


def options_of(statement: str) -> list[Option]:
    """The options that a statement takes."""
    return [o for o in OPTIONS.values() if statement in o.statements]
