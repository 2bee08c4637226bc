"""The WITH clause: one table of properties, read into a frozen value with ksqlDB's checks.

`sql.bind.declare` reads CREATE's, `sql.bind.create` reads CREATE … AS SELECT's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from kshell.catalog.model import FormatSpec, Window, WindowType
from kshell.catalog.serde import CAPABILITIES, format_named
from kshell.durations import UNITS
from kshell.errors import BindError, nearest

__all__ = ["CREATE", "CREATE_AS", "INSERT", "With", "duration_ms", "read_with",
           "takes_inference"]  # fmt: skip

_BOTH = ("CREATE", "CREATE_AS")
_SOURCE_ONLY = ("CREATE",)

# Name → the statements that take it, and the kind of value.
_TABLE: Mapping[str, tuple[tuple[str, ...], type]] = MappingProxyType(
    {
        "KAFKA_TOPIC": (_BOTH, str),
        "FORMAT": (_BOTH, str),
        "KEY_FORMAT": (_BOTH, str),
        "VALUE_FORMAT": (_BOTH, str),
        "PARTITIONS": (_BOTH, int),
        "REPLICAS": (_BOTH, int),
        "RETENTION_MS": (_BOTH, int),
        "CLEANUP_POLICY": (_BOTH, str),
        "KEY_DELIMITER": (_BOTH, str),
        "VALUE_DELIMITER": (_BOTH, str),
        "WRAP_SINGLE_VALUE": (_BOTH, bool),
        "TIMESTAMP": (_BOTH, str),
        "TIMESTAMP_FORMAT": (_BOTH, str),
        "KEY_SCHEMA_ID": (_BOTH, int),
        "VALUE_SCHEMA_ID": (_BOTH, int),
        "KEY_SCHEMA_FULL_NAME": (_BOTH, str),
        "VALUE_SCHEMA_FULL_NAME": (_BOTH, str),
        "VALUE_AVRO_SCHEMA_FULL_NAME": (_BOTH, str),
        "KEY_SCHEMA_FILE": (_BOTH, str),
        "VALUE_SCHEMA_FILE": (_BOTH, str),
        "KEY_PROTOBUF_NULLABLE_REPRESENTATION": (_BOTH, str),
        "VALUE_PROTOBUF_NULLABLE_REPRESENTATION": (_BOTH, str),
        "WINDOW_TYPE": (_SOURCE_ONLY, str),
        "WINDOW_SIZE": (_SOURCE_ONLY, str),
        "SOURCED_BY_CONNECTOR": (_SOURCE_ONLY, str),
        "QUERY_ID": (("INSERT",), str),
    }
)
CREATE, CREATE_AS, INSERT = "CREATE", "CREATE_AS", "INSERT"


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class With:
    """A WITH clause that passed: None and '' where it says nothing.

    `key` and `value` are the formats' own options by name without KEY_ or VALUE_.
    """

    topic: str = ""
    key_format: str = ""
    value_format: str = ""
    partitions: int | None = None
    replicas: int | None = None
    retention_ms: int | None = None
    timestamp: str = ""
    timestamp_format: str = ""
    window: Window | None = None
    query_id: str = ""
    key: Mapping[str, str] = field(default_factory=_nothing)
    value: Mapping[str, str] = field(default_factory=_nothing)

    def key_spec(self, default: FormatSpec) -> FormatSpec:
        """The key's format: as said here, else the default with what is said of it."""
        return _spec(self.key_format, self.key, default)

    def value_spec(self, default: FormatSpec) -> FormatSpec:
        """The value's format: as said here, else the default with what is said of it."""
        return _spec(self.value_format, self.value, default)


def _spec(name: str, options: Mapping[str, str], default: FormatSpec) -> FormatSpec:
    if name and name != default.name:
        return FormatSpec(name, options)
    # A delimiter is inherited; a schema's id or name is the other topic's own.
    kept = {k: v for k, v in default.options.items() if k == "DELIMITER"}
    return FormatSpec(default.name, MappingProxyType({**kept, **options}))


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


def read_with(properties: Mapping[str, object], statement: str) -> With:
    """The clause as data; BindError names the property that does not fit."""
    texts = {name: _value(name, value, statement) for name, value in properties.items()}
    for half in ("KEY_FORMAT", "VALUE_FORMAT"):
        if half in texts and "FORMAT" in texts:
            raise BindError(
                f"Cannot supply both '{half}' and 'FORMAT' properties, as 'FORMAT' sets both key "
                "and value formats.\nEither use just 'FORMAT', or use 'KEY_FORMAT' and "
                "'VALUE_FORMAT'."
            )
    both = texts.get("FORMAT", "")
    formats = {
        half: format_named(name) if (name := texts.get(half) or both) else ""
        for half in ("KEY_FORMAT", "VALUE_FORMAT")
    }
    return With(
        topic=texts.get("KAFKA_TOPIC", ""),
        key_format=formats["KEY_FORMAT"],
        value_format=formats["VALUE_FORMAT"],
        partitions=_whole(texts, "PARTITIONS"),
        replicas=_whole(texts, "REPLICAS"),
        retention_ms=_whole(texts, "RETENTION_MS"),
        timestamp=_identifier(texts.get("TIMESTAMP", "")),
        timestamp_format=_pattern(texts, "TIMESTAMP_FORMAT"),
        window=_window(texts),
        query_id=texts.get("QUERY_ID", ""),
        key=_options(texts, "KEY"),
        value=_options(texts, "VALUE"),
    )


def _value(name: str, value: object, statement: str) -> str:
    row = _TABLE.get(name)
    if row is None or statement not in row[0]:
        known = [n for n, r in _TABLE.items() if statement in r[0]]
        close = nearest(name, known)
        raise BindError(
            f"Invalid config variable(s) in the WITH clause: {name}",
            hint=f"did you mean {close[0]}?" if close else "properties: " + ", ".join(known),
        )
    if value is None:
        raise BindError(f"Invalid value null for property {name}: it takes a value")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    if row[1] is int and not re.fullmatch(r"-?\d+", text):
        raise BindError(
            f"Invalid value {text} for property {name}: String must be a number with no decimals"
        )
    if row[1] is bool and text.lower() not in ("true", "false"):
        raise BindError(f"Invalid value {text} for property {name}: it is true or false")
    if row[1] is bool:
        return text.lower()
    if name.endswith("_DELIMITER"):
        _check_delimiter(name, text)
    return text


def _check_delimiter(name: str, text: str) -> None:
    if not text.strip():
        raise BindError(
            f"Configuration {name} is invalid: Delimiter cannot be empty, if you meant to have a "
            "tab or space for delimiter, please use the special values 'TAB' or 'SPACE'\n"
            "Example valid value: ';'"
        )
    if len(text) > 1 and text.upper() not in ("TAB", "SPACE"):
        raise BindError(
            f"Configuration {name} is invalid: Invalid delimiter value: '{text}'. Delimiter must "
            "be a single character or TAB,SPACE\nExample valid value: ';'"
        )


def _whole(texts: Mapping[str, str], name: str) -> int | None:
    return int(texts[name]) if name in texts else None


def _pattern(texts: Mapping[str, str], name: str) -> str:
    """A pattern of Java's DateTimeFormatter; BindError for one that it refuses."""
    text = texts.get(name, "")
    if text:
        from kshell.moments.pattern import elements_of

        try:
            elements_of(text)
        except ValueError as error:
            raise BindError(
                f"Invalid datetime format for config:{name}, reason:{error}",
                hint="words stand in quotes: yyyy-MM-dd''T''HH:mm",
            ) from None
    return text


def _identifier(text: str) -> str:
    """A column named in a string: upper case unless it is quoted in there."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in '`"':
        return text[1:-1]
    return text.upper()


def _options(texts: Mapping[str, str], half: str) -> Mapping[str, str]:
    found = {}
    for suffix in ("DELIMITER", "SCHEMA_ID", "SCHEMA_FULL_NAME", "SCHEMA_FILE",
                   "PROTOBUF_NULLABLE_REPRESENTATION"):  # fmt: skip
        if f"{half}_{suffix}" in texts:
            found[suffix] = texts[f"{half}_{suffix}"]
    if half == "VALUE":
        if "VALUE_AVRO_SCHEMA_FULL_NAME" in texts:
            found["SCHEMA_FULL_NAME"] = texts["VALUE_AVRO_SCHEMA_FULL_NAME"]
        if "WRAP_SINGLE_VALUE" in texts:
            found["WRAP_SINGLE_VALUE"] = texts["WRAP_SINGLE_VALUE"]
    return MappingProxyType(found)


def _window(texts: Mapping[str, str]) -> Window | None:
    written = texts.get("WINDOW_TYPE")
    size = None
    if "WINDOW_SIZE" in texts:
        try:
            size = duration_ms(texts["WINDOW_SIZE"])
        except BindError as error:
            raise BindError(
                f"Configuration WINDOW_SIZE is invalid: {error.what}", hint=error.hint
            ) from None
    if written is None:
        return None
    kinds = {t.value: t for t in WindowType}
    if written.upper() not in kinds:
        raise BindError(
            f"Invalid value {written} for property WINDOW_TYPE: String must be one of: "
            "SESSION, HOPPING, TUMBLING, null"
        )
    kind = kinds[written.upper()]
    if kind is WindowType.SESSION and size is not None:
        raise BindError("'WINDOW_SIZE' should not be set for SESSION windows.")
    if kind is not WindowType.SESSION and size is None:
        raise BindError(
            f"{kind.value} windows require 'WINDOW_SIZE' to be provided in the WITH clause. "
            "For example: 'WINDOW_SIZE'='10 SECONDS'"
        )
    return Window(kind, size)


def takes_inference(format: str) -> bool:
    """Whether a schema registry can tell the columns of a topic in that format."""
    return CAPABILITIES[format].inferred
