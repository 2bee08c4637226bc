"""Reads a WITH clause into a frozen value, by the table of options; gives the settings of topics.

`sql.bind.declare` reads CREATE's, `sql.bind.create` reads CREATE … AS SELECT's and INSERT's,
`engines` and `cases` read ASSERT TOPIC's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from kshell.catalog.model import FormatSpec, Kind, TopicSettings, Window, WindowType
from kshell.catalog.options import OPTIONS, Option, options_of
from kshell.catalog.serde import CAPABILITIES
from kshell.errors import BindError, nearest

__all__ = ["With", "read_with", "takes_inference", "topic_settings"]

_POLICY, _RETENTION = "cleanup.policy", "retention.ms"


def _nothing() -> Mapping[str, str]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class With:
    """A valid WITH clause: None or '' for options that it does not have.

    `key` and `value` are the formats' own options by name without KEY_ or VALUE_; `configs` are the
    topic's by Kafka's names.
    """

    topic: str = ""
    key_format: str = ""
    value_format: str = ""
    partitions: int | None = None
    replicas: int | None = None
    configs: Mapping[str, str] = field(default_factory=_nothing)
    timestamp: str = ""
    timestamp_format: str = ""
    window_type: WindowType | None = None
    window_size_ms: int | None = None
    connector: str = ""
    query_id: str = ""
    key: Mapping[str, str] = field(default_factory=_nothing)
    value: Mapping[str, str] = field(default_factory=_nothing)

    @property
    def window(self) -> Window | None:
        """The windows of the source's key."""
        if self.window_type is None:
            return None
        return Window(self.window_type, self.window_size_ms)

    @property
    def settings(self) -> TopicSettings:
        """The topic's settings in it."""
        return TopicSettings(self.partitions, self.replicas, self.configs)

    def key_spec(self, default: FormatSpec) -> FormatSpec:
        """The key's format in WITH, else the default with the given options."""
        return _spec(self.key_format, self.key, default)

    def value_spec(self, default: FormatSpec) -> FormatSpec:
        """The value's format in WITH, else the default with the given options."""
        return _spec(self.value_format, self.value, default)


def _spec(name: str, options: Mapping[str, str], default: FormatSpec) -> FormatSpec:
    if name and name != default.name:
        return FormatSpec(name, options)
    # A delimiter is inherited; a schema's id or name belongs to the other topic only.
    kept = {k: v for k, v in default.options.items() if k == "DELIMITER"}
    return FormatSpec(default.name, MappingProxyType({**kept, **options}))


def read_with(properties: Mapping[str, object], statement: str) -> With:
    """The clause as data; BindError names the option that does not fit."""
    fields: dict[str, Any] = {}
    fed: dict[str, str] = {}
    for name, value in properties.items():
        option = _option(name, statement)
        read = _value(option, value)
        for feed in option.feeds:
            if feed in fed:
                raise _both(*sorted((fed[feed], name), key=list(OPTIONS).index))
            fed[feed] = name
            key, _, entry = feed.partition(".")
            if entry:
                fields.setdefault(key, {})[entry] = str(read)
            else:
                fields[key] = read
    frozen: dict[str, Any] = {
        k: MappingProxyType(v) if isinstance(v, dict) else v for k, v in fields.items()
    }
    made = With(**frozen)
    _check_window(made)
    return made


def _option(name: str, statement: str) -> Option:
    option = OPTIONS.get(name)
    if option is None or statement not in option.statements:
        known = [o.name for o in options_of(statement)]
        close = nearest(name, known)
        raise BindError(
            f"Invalid config variable(s) in the WITH clause: {name}",
            hint=f"did you mean {close[0]}?"
            if close
            else f"{statement} takes " + ", ".join(known),
        )
    return option


def _value(option: Option, value: object) -> Any:
    if value is None:
        raise BindError(f"Invalid value null for property {option.name}: it takes a value")
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return option.read(option.name, text)


def _both(one: str, other: str) -> BindError:
    if one == "FORMAT":
        return BindError(
            f"Cannot supply both '{other}' and 'FORMAT' properties, as 'FORMAT' sets both key "
            "and value formats.\nEither use just 'FORMAT', or use 'KEY_FORMAT' and "
            "'VALUE_FORMAT'."
        )
    return BindError(f"Cannot supply both '{one}' and '{other}': they say the same thing")


def _check_window(written: With) -> None:
    kind, size = written.window_type, written.window_size_ms
    if kind is None and size is not None:
        raise BindError(
            "'WINDOW_SIZE' is the size of the windows that 'WINDOW_TYPE' names, and it names none.",
            hint="WINDOW_TYPE='TUMBLING' or 'HOPPING'",
        )
    if kind is WindowType.SESSION and size is not None:
        raise BindError("'WINDOW_SIZE' should not be set for SESSION windows.")
    if kind not in (None, WindowType.SESSION) and size is None:
        raise BindError(
            f"{kind.value} windows require 'WINDOW_SIZE' to be provided in the WITH clause. "
            "For example: 'WINDOW_SIZE'='10 SECONDS'"
        )


def topic_settings(
    written: With, kind: Kind, window: Window | None, retention_ms: int | None = None
) -> TopicSettings:
    """The settings of a source's topic, and ksqlDB's defaults for topics of its kind.

    `retention_ms` is the retention of the query's windows: their topic keeps records at least that
    long.
    """
    usual = "delete" if kind is Kind.STREAM else "compact" if window is None else "compact,delete"
    configs, defaults = dict(written.configs), {_POLICY: usual}
    policy = configs.get(_POLICY, usual)
    if kind is Kind.TABLE and policy == "compact" and _RETENTION in configs:
        raise BindError(
            "Invalid config variable in the WITH clause: RETENTION_MS. "
            "Non-windowed tables do not support retention.",
            hint="CLEANUP_POLICY='compact,delete' deletes old rows too",
        )
    if policy == "compact" and _RETENTION in configs:
        raise BindError(
            "Invalid config variable in the WITH clause: RETENTION_MS. A topic that is only"
            " compacted keeps the last record of each key for ever.",
            hint="CLEANUP_POLICY='compact,delete' deletes old records too",
        )
    if retention_ms is not None and policy != "compact":
        defaults[_RETENTION] = str(retention_ms)
        if 0 <= int(configs.get(_RETENTION, retention_ms)) < retention_ms:
            configs[_RETENTION] = str(retention_ms)
    return TopicSettings(written.partitions, written.replicas, configs, defaults)


def takes_inference(format: str) -> bool:
    """Whether a schema registry can have the columns of a topic in that format."""
    return CAPABILITIES[format].inferred
