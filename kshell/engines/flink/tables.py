"""A source as a table of Flink: CREATE TEMPORARY TABLE … over its topic.

`nodes` asks for them.  Tables are temporary, so that secrets in them end with the session, and each
has a name of its text: the same source is one table for each way in which queries read it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from kshell.catalog.model import Kind, Source
from kshell.config import Properties
from kshell.engines.flink import avro, connector
from kshell.engines.flink.columns import Stored, format_of, has_made_key, key_of, stored
from kshell.engines.flink.expressions import NoEqual
from kshell.engines.flink.types import interval, quote, text
from kshell.field_names import plain
from kshell.formats.base import Half

__all__ = ["Made", "Table"]

_TIMEOUTS = ("properties.default.api.timeout.ms", "properties.request.timeout.ms")
_PATIENCE_MS = "10000"
_HEADERS = "`KSQL_HEADERS` MAP<STRING, BYTES> METADATA FROM 'headers' VIRTUAL"
_PLACES = (
    "`ROWPARTITION` INT METADATA FROM 'partition' VIRTUAL",
    "`ROWOFFSET` BIGINT METADATA FROM 'offset' VIRTUAL",
)


@dataclass(frozen=True, slots=True)
class Table:
    """A declared table: its quoted name, and its columns by KSQL's names."""

    name: str
    columns: Mapping[str, Stored]


@dataclass
class Made:
    """What a statement needs on Flink: declarations in their order, and what differs there.

    `spelling` gives the fields of a topic as its records spell them; `delay_ms` is how long windows
    wait for late records, in milliseconds of the records' time.
    """

    properties: Properties
    spelling: Callable[[Source], Mapping[str, pa.DataType]]
    ids: Callable[[Source], Sequence[int]] = lambda source: ()  # of schemas, before its records
    bounded: bool = False
    delay_ms: int = 1
    keys_of: Source | None = None  # the query's target, if its key is made from the rows
    id: str = ""
    declarations: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Remember a difference, once."""
        if what not in self.notes:
            self.notes.append(what)

    def shown(self, sql: str) -> str:
        """Flink SQL as people may see it: without secrets."""
        for secret in self.secrets:
            sql = sql.replace(text(secret)[1:-1], "***")
        return sql

    def declare(self, kind: str, name: str, body: str) -> str:
        """Declare a table or view once; gives its quoted name."""
        named = quote(f"{name}_{hashlib.md5(body.encode()).hexdigest()[:8]}")
        sql = f"CREATE TEMPORARY {kind} IF NOT EXISTS {named} {body}"
        if sql not in self.declarations:
            self.declarations.append(sql)
        return named

    def view(self, select: str) -> str:
        """A view, for what Flink takes by name only."""
        return self.declare("VIEW", "KSQL_VIEW", f"AS {select}")

    def read(self, source: Source, names: Sequence[str]) -> Table:
        """The table that reads a source; of its value, the columns of these names."""
        as_table = source.kind is Kind.TABLE
        format, key = key_of(source)
        columns = {c.name: s for c, s in zip(source.key, key, strict=True)}
        columns |= self._values(source, [*names, source.timestamp_column])
        declared = [f"{quote(s.name)} {s.type}" for s in columns.values()]
        declared.append(_rowtime(source, columns))
        declared += [*_PLACES, _HEADERS]
        delay = interval(self.delay_ms)
        declared.append(f"WATERMARK FOR `ROWTIME` AS `ROWTIME` - {delay}")
        if as_table:
            declared.append(f"PRIMARY KEY ({', '.join(quote(s.name) for s in key)}) NOT ENFORCED")
            self.note(f"{source.name} is read from its first record")
        options = self._options(source, format, key, as_table)
        for half in self._avro(options):
            ids = self.ids(source) if half is Half.VALUE else ()
            avro.check_readable(source, half, list(columns), ids, self.properties)
        if not as_table:
            earliest = self.bounded or self.properties["auto.offset.reset"] == "earliest"
            options["scan.startup.mode"] = "earliest-offset" if earliest else "latest-offset"
            self.note("records without a value are left out")
        if self.bounded:
            options["scan.bounded.mode"] = "latest-offset"
        options["scan.watermark.emit.strategy"] = "on-event"
        if source.value_format.name == "JSON":
            options["value.json.ignore-parse-errors"] = "true"
        if source.value_format.name == "DELIMITED":
            options["value.csv.ignore-parse-errors"] = "true"
        if source.value_format.name in ("JSON", "DELIMITED"):
            self.note("a field that does not fit is NULL, and SHOW ERRORS does not list its record")
        return Table(self._table(source, declared, options), columns)

    def read_raw(self, source: Source) -> Table:
        """The table that reads a table's topic record by record, the value as text."""
        format, key = key_of(source)
        columns = {c.name: s for c, s in zip(source.key, key, strict=True)}
        value = Stored("KSQL_VALUE", "STRING")
        declared = [f"{quote(s.name)} {s.type}" for s in (*key, value)]
        declared += ["`ROWTIME` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'",
                     "WATERMARK FOR `ROWTIME` AS `ROWTIME`"]  # fmt: skip
        options = {
            "connector": "kafka", "topic": source.topic, **self._brokers(),
            "value.format": "raw", "value.fields-include": "EXCEPT_KEY", "key.format": format,
            "key.fields": ";".join(s.name for s in key), "scan.startup.mode": "earliest-offset",
            "scan.watermark.emit.strategy": "on-event",
        }  # fmt: skip
        if self.bounded:
            options["scan.bounded.mode"] = "latest-offset"
        return Table(self._table(source, declared, options), columns)

    def write(self, source: Source) -> Table:
        """The table that writes a source's topic."""
        as_table = source.kind is Kind.TABLE
        format, key = key_of(source, sink=True)
        columns = {s.name: s for s in key} if has_made_key(source) else {
            c.name: s for c, s in zip(source.key, key, strict=True)
        }  # fmt: skip
        for c in source.value:
            columns[c.name] = stored(c, source.value_format, None, plain(c.name), sink=True)
        declared = [f"{quote(s.name)} {s.type}" for s in columns.values()]
        declared.append("`ROWTIME` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'")
        if as_table:
            declared.append(f"PRIMARY KEY ({', '.join(quote(s.name) for s in key)}) NOT ENFORCED")
        options = self._options(source, format, key, as_table)
        for half in self._avro(options):
            if as_table and half is Half.KEY:
                raise NoEqual("AVRO keys of a table have no equal on Flink", "AVRO",
                              "KEY_FORMAT='JSON' and 'KAFKA' have")  # fmt: skip
            options |= avro.schema_options(source, half, self.properties)
        if source.value_format.name == "JSON":
            options["value.json.map-null-key.mode"] = "LITERAL"
        if self.properties["kshell.flink.delivery"] == "exactly-once":
            options["sink.delivery-guarantee"] = "exactly-once"
            options["sink.transactional-id-prefix"] = f"kshell-{self.id or source.name}"
            # Flink's own hour is more than brokers allow unless they were told to.
            options["properties.transaction.timeout.ms"] = "900000"
        return Table(self._table(source, declared, options), columns)

    def _values(self, source: Source, names: Sequence[str]) -> dict[str, Stored]:
        if not source.declared:
            return {c.name: stored(c, source.value_format, None, plain(c.name))
                    for c in source.value if c.name in names}  # fmt: skip
        seen = self.spelling(source)
        found = {}
        for column in source.value:
            # Lines are read by position, and a record that is one value has no other column.
            if column.name in names or source.value_format.name in ("DELIMITED", "KAFKA"):
                name = next((n for n in seen if n.casefold() == column.name.casefold()), "")
                found[column.name] = stored(
                    column, source.value_format, seen.get(name), name or column.name
                )
        return found

    def _options(
        self, source: Source, key_format: str, key: Sequence[Stored], as_table: bool
    ) -> dict[str, str]:
        spec = source.value_format
        if spec.options.get("WRAP_SINGLE_VALUE", "").lower() == "false" and spec.name != "KAFKA":
            raise NoEqual("a single value that is not wrapped has no equal on Flink",
                          "WRAP_SINGLE_VALUE")  # fmt: skip
        format = format_of(spec, "value")
        options = {
            "connector": "upsert-kafka" if as_table else "kafka", "topic": source.topic,
            **self._brokers(), "value.format": format, "value.fields-include": "EXCEPT_KEY",
        }  # fmt: skip
        if key_format:
            options["key.format"] = key_format
            if not as_table:
                options["key.fields"] = ";".join(s.name for s in key)
        for half, used in (("key", key_format), ("value", format)):
            if used == "avro-confluent":
                options |= connector.registry(self.properties, half)
            if used == "csv":
                spec = source.key_format if half == "key" else source.value_format
                delimiter = spec.options.get("DELIMITER", ",").upper()
                delimiter = {"TAB": "\\t", "SPACE": " "}.get(delimiter, delimiter)
                options[f"{half}.csv.null-literal"] = ""
                options[f"{half}.csv.field-delimiter"] = delimiter
        return options

    @staticmethod
    def _avro(options: Mapping[str, str]) -> list[Half]:
        """The halves that are Avro."""
        return [h for h in Half if options.get(f"{h.value}.format") == "avro-confluent"]

    def _brokers(self) -> dict[str, str]:
        """A query that a person watches says soon that no broker answers; others wait for them."""
        soon = {} if self.id else dict.fromkeys(_TIMEOUTS, _PATIENCE_MS)
        return soon | connector.brokers(self.properties)

    def _table(
        self, source: Source, declared: Sequence[str], options: Mapping[str, str]
    ) -> str:
        if source.profile:
            raise NoEqual(f"{source.topic} is on the cluster of the profile {source.profile}: Flink"
                          " reads this session's", source.profile)  # fmt: skip
        self.secrets += [s for s in connector.secrets_of(options) if s not in self.secrets]
        said = ", ".join(f"{text(name)} = {text(value)}" for name, value in options.items())
        return self.declare("TABLE", source.name, f"(\n  {', '.join(declared)}\n) WITH ({said})")


def _rowtime(source: Source, columns: Mapping[str, Stored]) -> str:
    named = source.timestamp_column
    if not named:
        return "`ROWTIME` TIMESTAMP_LTZ(3) METADATA FROM 'timestamp'"
    if source.timestamp_format:
        raise NoEqual("TIMESTAMP_FORMAT has no equal on Flink", "TIMESTAMP_FORMAT")
    (column,) = [c for c in (*source.key, *source.value) if c.name == named]
    value = columns[named].value
    made = value if pa.types.is_timestamp(column.type) else f"TO_TIMESTAMP_LTZ({value}, 3)"
    return f"`ROWTIME` AS {made}"
