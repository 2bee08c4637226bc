"""How Flink's formats hold a column: its type in a table, and the way to KSQL's type and back.

`tables` declares with it, `nodes` reads and writes.  Flink's JSON and CSV have texts for times
where ksqlDB has numbers, and its names are case-sensitive where ksqlDB's are not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import pyarrow as pa

from kshell.catalog.model import Column, FormatSpec, Source
from kshell.engines.flink.expressions import NoEqual
from kshell.engines.flink.types import flink_type, millis, quote, text
from kshell.field_names import plain
from kshell.types import ksql_name, parts

__all__ = ["KEY_BYTES", "Stored", "format_of", "has_made_key", "key_made", "key_of", "stored"]

KEY_BYTES = "KSQL_KEY"  # the column of a key that is made here
_DAY_ZERO = "DATE '1970-01-01'"
_FORMATS = {"JSON": "json", "AVRO": "avro-confluent", "DELIMITED": "csv", "KAFKA": "raw"}
_RAW = (pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.binary())
_SINGLE = (pa.string(), pa.int32(), pa.int64(), pa.float64(), pa.bool_())
# A text that commons-csv puts no quotes around, first in its line and elsewhere.
_BARE_FIRST = r'^[0-9A-Za-z]([^"\n\r]*[^\x00- "\n\r])?$'
_BARE = r'^[^\x00-#"\n\r]([^"\n\r]*[^\x00- "\n\r])?$'
_TIMES = (pa.timestamp("ms"), pa.date32())


@dataclass(frozen=True, slots=True)
class Stored:
    """A column in a topic: its name and Flink type there, KSQL's value of it, and it of KSQL's.

    `read` and `written` have `{0}` for the value.
    """

    name: str
    type: str
    read: str = "{0}"
    written: str = "{0}"

    @property
    def value(self) -> str:
        """KSQL's value of the column."""
        return self.read.replace("{0}", quote(self.name))


def format_of(spec: FormatSpec, half: str) -> str:
    """Flink's name of a format; raises NoEqual."""
    found = _FORMATS.get(spec.name)
    if found is None:
        raise NoEqual(
            f"{spec.name} {half}s have no equal on Flink: JSON, AVRO, DELIMITED and KAFKA have",
            spec.name,
        )
    return found


def stored(
    column: Column, format: FormatSpec, seen: pa.DataType | None, name: str, *, sink: bool = False
) -> Stored:
    """A value column; `seen` is its type as the topic spells its fields, if that is known."""
    type = column.type
    if format.name == "KAFKA" and type not in _RAW:
        raise NoEqual(f"a KAFKA value of {ksql_name(type)} has no equal on Flink", column.name)
    if type in _TIMES:
        return _time(name, type, format)
    if any(_has_time(part) for part in parts(type)):
        raise NoEqual(
            f"{column.name}: a time inside of {ksql_name(type)} has no equal on Flink", column.name
        )
    if sink and format.name == "AVRO" and _has_map(type):
        return _entries(column, name)
    spelled = _spelled(type, seen)
    if spelled == type:
        return Stored(name, flink_type(type))
    there, here = flink_type(spelled), flink_type(type)
    return Stored(name, there, f"CAST({{0}} AS {here})", f"CAST({{0}} AS {there})")


def _time(name: str, type: pa.DataType, format: FormatSpec) -> Stored:
    if format.name == "AVRO":
        if type == pa.date32():
            return Stored(name, "DATE")
        cast = "CAST({0} AS TIMESTAMP_LTZ(3))", "CAST({0} AS TIMESTAMP(3))"
        return Stored(name, "TIMESTAMP(3)", *cast)
    if type == pa.date32():
        read = f"CAST(TIMESTAMPADD(DAY, {{0}}, {_DAY_ZERO}) AS DATE)"
        return Stored(name, "INT", read, f"TIMESTAMPDIFF(DAY, {_DAY_ZERO}, {{0}})")
    return Stored(name, "BIGINT", "TO_TIMESTAMP_LTZ({0}, 3)", millis("{0}"))


def _has_time(type: pa.DataType) -> bool:
    return type in _TIMES or any(map(_has_time, parts(type)))


def _has_map(type: pa.DataType) -> bool:
    return pa.types.is_map(type) or any(map(_has_map, parts(type)))


def _entries(column: Column, name: str) -> Stored:
    """A MAP as ksqlDB has it in Avro: its keys may be null, and so it is an array of entries."""
    type = column.type
    if not pa.types.is_map(type) or _has_map(type.item_type):
        raise NoEqual(
            f"{column.name}: a MAP inside of {ksql_name(type)} has no equal on Flink in Avro",
            column.name,
        )
    key, item = flink_type(type.key_type), flink_type(type.item_type)
    made = f"ARRAY<ROW<`key` {key}, `value` {item}> NOT NULL>"
    return Stored(name, made, written=f"CAST(MAP_ENTRIES({{0}}) AS {made})")


def _spelled(type: pa.DataType, seen: pa.DataType | None) -> pa.DataType:
    """The type with the names of fields that the topic has."""
    if seen is None:
        return type
    if pa.types.is_struct(type) and pa.types.is_struct(seen):
        names = {f.name.casefold(): f for f in seen}
        return pa.struct([
            (plain(there.name) if (there := names.get(f.name.casefold())) is not None else f.name,
             _spelled(f.type, there.type if there is not None else None))
            for f in type
        ])  # fmt: skip
    if pa.types.is_list(type) and pa.types.is_list(seen):
        return pa.list_(_spelled(type.value_type, seen.value_type))
    if pa.types.is_map(type) and pa.types.is_map(seen):
        return pa.map_(type.key_type, _spelled(type.item_type, seen.item_type))
    return type


def key_of(source: Source, *, sink: bool = False) -> tuple[str, list[Stored]]:
    """Flink's format of a source's key, and its columns; an empty format if it has no key."""
    key, format = source.key, source.key_format
    if not key:
        return "", []
    if source.window is not None and not sink:
        raise NoEqual(
            f"{source.name} has windowed keys, which queries on Flink cannot read", source.name
        )
    if sink and has_made_key(source):
        return "raw", [Stored(KEY_BYTES, "BYTES" if source.window is not None else "STRING")]
    if len(key) == 1 and format.name == "KAFKA" and key[0].type in _RAW:
        return "raw", [Stored(key[0].name, flink_type(key[0].type))]
    if len(key) == 1 and format.name == "JSON" and key[0].type in _SINGLE:
        into = flink_type(key[0].type)
        read = "TRY_CAST(JSON_VALUE('{\"k\":' || {0} || '}', '$.k') AS " + into + ")"
        return "raw", [Stored(key[0].name, "STRING", read)]
    if format.name == "DELIMITED":
        return "csv", [Stored(c.name, flink_type(c.type)) for c in key]
    if format.name in ("JSON", "AVRO") and len(key) > 1:
        return format_of(format, "key"), [stored(c, format, None, c.name) for c in key]
    raise _no_key(source, "")


def has_made_key(source: Source) -> bool:
    """Whether the key of a sink is one column that `key_made` makes, since Flink's differs."""
    single = source.key_format.name == "JSON" and len(source.key) == 1
    return source.window is not None or source.key_format.name == "DELIMITED" or single


def key_made(source: Source, columns: list[str], start: str = "", end: str = "") -> str:
    """A key as ksqlDB writes it; of a windowed one all bytes: key, session's end, start."""
    if source.window is None:
        return _key_text(source, columns)
    times = [moment for moment in (end, start) if moment]
    parts = [_key_hex(source, columns), *(f"LPAD(HEX({millis(t)}), 16, '0')" for t in times)]
    return f"UNHEX({' || '.join(parts)})"


def _key_hex(source: Source, columns: list[str]) -> str:
    format, key = source.key_format.name, source.key
    if format == "KAFKA" and len(key) == 1 and key[0].type in (pa.int32(), pa.int64()):
        digits = f"LPAD(HEX(CAST({columns[0]} AS BIGINT)), 16, '0')"
        return f"SUBSTRING({digits}, 9)" if key[0].type == pa.int32() else digits
    return f"HEX({_key_text(source, columns)})"


def _key_text(source: Source, columns: list[str]) -> str:
    format, key = source.key_format.name, source.key
    if format == "JSON" and len(key) == 1 and key[0].type in _SINGLE:
        return f"JSON_STRING({columns[0]})"
    if format == "JSON" and len(key) > 1 and all(c.type in _SINGLE for c in key):
        # JSON_OBJECT would sort the fields.
        names = [json.dumps(plain(c.name), ensure_ascii=False) + ":" for c in key]
        pairs = zip(names, columns, strict=True)
        fields = " || ',' || ".join(f"{text(name)} || JSON_STRING({sql})" for name, sql in pairs)
        return f"'{{' || {fields} || '}}'"
    if format == "KAFKA" and len(key) == 1 and key[0].type == pa.string():
        return columns[0]
    if format == "DELIMITED" and all(c.type in _SINGLE for c in key):
        delimiter = source.key_format.options.get("DELIMITER", ",")
        delimiter = {"TAB": "\t", "SPACE": " "}.get(delimiter.upper(), delimiter)
        cells = zip(key, columns, strict=True)
        line = [_cell(c.type, sql, n, delimiter) for n, (c, sql) in enumerate(cells)]
        return f" || {text(delimiter)} || ".join(line)
    raise _no_key(source, "windowed " if source.window is not None else "")


def _cell(type: pa.DataType, sql: str, place: int, delimiter: str) -> str:
    """A column of a line with commons-csv's quotes, which are more in the first one."""
    said = sql if type == pa.string() else f"CAST({sql} AS STRING)"
    if type == pa.bool_():
        return f"LOWER({said})"
    bare = f"REGEXP({said}, {text(_BARE if place else _BARE_FIRST)})"
    if type == pa.string():
        bare += f" AND POSITION({text(delimiter)} IN {said}) = 0"
    empty = f" WHEN {said} = '' THEN ''" if place else ""
    quoted = f"'\"' || REPLACE({said}, '\"', '\"\"') || '\"'"
    return f"CASE WHEN {bare} THEN {said}{empty} WHEN {said} IS NOT NULL THEN {quoted} END"


def _no_key(source: Source, windowed: str) -> NoEqual:
    types = ", ".join(ksql_name(c.type) for c in source.key)
    format = source.key_format.name
    return NoEqual(
        f"{windowed}{format} keys of {types} have no equal on Flink", source.key[0].name
    )
