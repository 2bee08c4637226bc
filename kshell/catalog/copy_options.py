"""The options of COPY's WITH as one table, and a clause as data.

`engines` reads clauses with it, completion offers its names, and the reference lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from kshell.catalog.options import Option, flag, one_of, text, whole
from kshell.errors import BindError, nearest

__all__ = ["COPY_FROM", "COPY_OPTIONS", "COPY_TO", "CopyOptions", "read_copy_options"]

COPY_FROM, COPY_TO = "COPY … FROM", "COPY … TO"
_BOTH = (COPY_FROM, COPY_TO)
_FORMATS = ("jsonl", "csv", "parquet", "avro")
_ERRORS = ("stop", "skip")

COPY_OPTIONS: Mapping[str, Option] = MappingProxyType(
    {
        o.name: o
        for o in (
            Option("KEY", ("key",), "the file's column that is the record's key", text,
                   statements=(COPY_FROM,)),
            Option("TIMESTAMP", ("timestamp",), "the file's column that is the record's time", text,
                   statements=(COPY_FROM,)),
            Option("ENVELOPE", ("envelope",),
                   "rows are records as they are: partition, timestamp, key, headers, value", flag,
                   ("true", "false"), _BOTH),
            Option("FORMAT", ("format",), "what the file holds, where its name does not say it",
                   one_of(*_FORMATS), _FORMATS, _BOTH),
            Option("ON_ERROR", ("on_error",), "whether a bad row ends it, or is left out",
                   one_of(*_ERRORS), _ERRORS, (COPY_FROM,)),
            Option("PARTITIONS", ("partitions",), "how many partitions a missing topic gets",
                   whole(1, 2**31 - 1), statements=(COPY_FROM,)),
            Option("REPLICAS", ("replicas",), "how many replicas a missing topic's partitions get",
                   whole(1, 2**15 - 1), statements=(COPY_FROM,)),
        )
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """A clause; empty or None where an option is not given."""

    key: str = ""
    timestamp: str = ""
    envelope: str = "false"
    format: str = ""
    on_error: str = ""
    partitions: int | None = None
    replicas: int | None = None


def read_copy_options(given: Mapping[str, object], statement: str) -> CopyOptions:
    """The clause as data; BindError names the option that does not fit.

    >>> read_copy_options({"FORMAT": "CSV", "ENVELOPE": True}, COPY_TO).format
    'csv'
    """
    fields: dict[str, Any] = {}
    for name, value in given.items():
        option = COPY_OPTIONS.get(name)
        if option is None or statement not in option.statements:
            known = [o.name for o in COPY_OPTIONS.values() if statement in o.statements]
            close = nearest(name, known)
            hint = f"did you mean {close[0]}?" if close else f"it takes {', '.join(known)}"
            raise BindError(f"{statement} has no option {name}", hint=hint)
        if value is None:
            raise BindError(f"{name} takes a value")
        said = str(value).lower() if isinstance(value, bool) else str(value)
        fields[option.feeds[0]] = option.read(name, said)
    made = CopyOptions(**fields)
    if made.envelope == "true" and (made.key or made.timestamp):
        raise BindError(
            "ENVELOPE has the records' own keys and times",
            hint="leave KEY and TIMESTAMP out, or ENVELOPE",
        )
    return made
