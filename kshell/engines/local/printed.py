"""PRINT topic: keys and values as they arrive, one line for each record.

`engine` dispatches here.  JSON and text are shown as they are, so that what does not parse can be
looked at too; what is behind a schema is shown as a STRUCT.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec, Kind, Source
from kshell.config import Properties
from kshell.engines.local import live
from kshell.engines.local.codec import schemas_for
from kshell.engines.local.decode import Decoder
from kshell.engines.local.sample import sample
from kshell.results import Result
from kshell.sql.statements import Print
from kshell.types import STRING

if TYPE_CHECKING:
    from kshell.engines.local.engine import LocalEngine

__all__ = ["print_topic"]

_COLUMNS = ("ROWTIME", "ROWPARTITION", "ROWOFFSET", "ROWKEY", "VALUE")
_AS_TEXT = frozenset({"DELIMITED", "JSON", "NONE"})


def print_topic(engine: LocalEngine, statement: Print, properties: Properties) -> Result:
    """What comes from now on, or FROM BEGINNING."""
    topic = engine.topic_named(statement.topic)
    source = _whole(sample(engine.client, topic, properties).source)
    offsets = engine.client.offsets(topic)
    starts = {p: (f if statement.from_beginning else e) for p, (f, e) in offsets.items()}
    decoder = Decoder(source, _COLUMNS, engine.errors, schemas_for(source, properties))
    follower = live.Follower(engine.client, engine.client.topic(topic), starts, decoder, "false")
    interval = live.every(statement.interval)
    return live.follow(follower, follower.schema(), interval, statement.limit, topic)


def _whole(source: Source) -> Source:
    """With one column VALUE in place of what the values hold."""
    format = source.value_format
    if format.name in _AS_TEXT:
        format, type = FormatSpec("KAFKA"), STRING
    elif len(source.value) == 1 and source.value[0].name == "VALUE":
        type = source.value[0].type
    else:
        type = pa.struct([(c.name, c.type) for c in source.value])
        options = {**format.options, "WRAP_SINGLE_VALUE": "false"}
        format = FormatSpec(format.name, MappingProxyType(options))
    return Source(
        source.topic, Kind.STREAM, source.topic, source.key, (Column("VALUE", type),),
        source.key_format, format, declared=False,
    )  # fmt: skip
