"""The session of one case: its statements in order, the catalog they make, the queries they start.

`run` makes a world for each case, and `statements` changes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kshell.cases.formats.records import CaseCodec, open_codec
from kshell.cases.log import Log
from kshell.cases.model import TopicSpec
from kshell.catalog.catalog import Catalog
from kshell.catalog.model import Column, FormatSpec, Source, TopicSettings
from kshell.sql.plan import Sink

__all__ = ["World"]


@dataclass(slots=True)
class World:
    """The catalog, topics and queries that one case's statements have made so far.

    `said` has the settings that statements give topics: joins check only these numbers of
    partitions.
    """

    properties: dict[str, str] = field(default_factory=dict)
    topics: Mapping[str, TopicSpec] = field(default_factory=dict)
    catalog: Catalog = field(default_factory=Catalog)
    log: Log = field(default_factory=Log)
    queries: dict[str, Sink] = field(default_factory=dict)  # by id, in order of their start
    started: int = 0
    variables: dict[str, str] = field(default_factory=dict)
    said: dict[str, TopicSettings] = field(default_factory=dict)  # of topics
    asserted: dict[str, int] = field(default_factory=dict)  # records of each topic
    _codec: CaseCodec | None = None

    @property
    def codec(self) -> CaseCodec:
        """The formats, opened when first needed."""
        if self._codec is None:
            self._codec = open_codec(self.topics, self.properties)
        return self._codec

    def infer(self, topic: str, half: str, format: FormatSpec) -> tuple[Column, ...] | None:
        """The columns that the registry has for a topic's keys or values."""
        spec = self.topics.get(topic)
        if spec is None or (spec.key_schema if half == "key" else spec.value_schema) is None:
            return None
        return self.codec.infer(topic, half, format)

    def partitions_of(self, source: Source) -> int | None:
        """The number of partitions of the source's topic, if a statement gives it."""
        said = self.said.get(source.topic)
        return None if said is None else said.partitions
