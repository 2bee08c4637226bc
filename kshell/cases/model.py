"""A test case, and its outcome.

`read` makes cases from files, `run` runs them, `command` reports.  JSON numbers with a fraction are
Decimals, so that no digit is lost on the way into a record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

__all__ = ["Case", "Header", "Outcome", "Record", "Rejection", "SourceSpec", "Status", "TopicSpec",
           "WindowSpec"]  # fmt: skip


@dataclass(frozen=True, slots=True)
class WindowSpec:
    """The window in a key, in milliseconds; `type` is time or session."""

    start: int
    end: int
    type: str = "time"


@dataclass(frozen=True, slots=True)
class Header:
    """A record's header; None is a header without a value."""

    key: str
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a case.  An expected record without a timestamp or headers agrees with any."""

    topic: str
    key: Any = None
    value: Any = None
    timestamp: int | None = None
    window: WindowSpec | None = None
    headers: tuple[Header, ...] | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A case's "expectedException": the refusal that must come, and its message."""

    type: str = ""
    message: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """A source that must exist at the end: `schema` is written as in a declaration.

    Features have ksqlDB's names (UNWRAP_SINGLES); fields that are None are not compared.
    """

    name: str
    kind: str
    schema: str | None = None
    key_format: Mapping[str, Any] = field(default_factory=dict, hash=False)
    value_format: Mapping[str, Any] = field(default_factory=dict, hash=False)
    read_only: bool | None = None
    key_features: tuple[str, ...] | None = None
    value_features: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic that exists before the statements, with its schemas in the registry."""

    name: str
    partitions: int = 1
    key_format: str = ""
    value_format: str = ""
    key_schema: Any = None
    value_schema: Any = None
    key_schema_id: int | None = None
    value_schema_id: int | None = None
    key_references: tuple[Mapping[str, Any], ...] = ()
    value_references: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """One case with its format filled in; `format` is None if it has none.

    `outputs` is None if the case does not say which records come out; empty if no record may.
    """

    file: str
    name: str
    format: str | None
    statements: Sequence[str]
    inputs: Sequence[Record] = ()
    outputs: Sequence[Record] | None = None
    rejection: Rejection | None = None
    sources: Sequence[SourceSpec] = ()
    topics: Sequence[TopicSpec] = ()
    properties: Mapping[str, str] = field(default_factory=dict, hash=False)


class Status(Enum):
    """How a case ended: it passed, it failed, or it could not be judged."""

    PASS = "pass"
    FAIL = "fail"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the report."""

    file: str
    name: str
    format: str | None
    status: Status
    reason: str = ""

    def as_json(self) -> dict[str, str | None]:
        """The report's object."""
        return {
            "file": self.file,
            "name": self.name,
            "format": self.format,
            "status": self.status.value,
            "reason": self.reason,
        }
