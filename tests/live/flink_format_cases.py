"""Formats of keys and values on both engines: what each reads, and what each writes.

`test_flink_matrix` runs them.  The Avro topics are written by the local engine, whose Avro other
tests compare with other readers.
"""

from __future__ import annotations

import struct

from .flink_cases import T0, Case, Same, World, of_stream, of_table, record

__all__ = ["FORMATS"]

_PLAIN = "I INT, L BIGINT, D DOUBLE, B BOOLEAN, S VARCHAR, DEC DECIMAL(10, 3), TS TIMESTAMP, DAY DATE, RAW BYTES"
_NESTED = f"{_PLAIN}, A ARRAY<INT>, M MAP<VARCHAR, BIGINT>, ST STRUCT<X INT, Y VARCHAR, Z ARRAY<STRUCT<P DOUBLE>>>"
_NAMES = "I, L, D, B, S, DEC, TS, DAY, RAW"
_ALL = f"{_NAMES}, A, M, ST"

# One record of each kind as each format has it: usual, at the ends of its types, NULL throughout.
_JSON = [
    record("a", {"I": 1, "L": 2, "D": 1.5, "B": True, "S": "x", "DEC": 1.25, "TS": T0, "DAY": 19000, "RAW": "a2Y=",
                 "A": [1, None, 3], "M": {"k": 7, "j": None}, "ST": {"X": 1, "Y": "y", "Z": [{"P": 0.5}, None]}}, 1),
    record("Zoë, \"q\"", {"I": -2147483648, "L": -9223372036854775808, "D": -1e300, "B": False, "S": "a,b \"q\" Zoë 🦊\n\\", "DEC": -1234567.891,
                 "TS": 0, "DAY": -1, "RAW": "AAH/", "A": [], "M": {}, "ST": {"X": None, "Y": None, "Z": []}}, 2),
    record("n", dict.fromkeys(_ALL.split(", ")), 3),
    record("a", {"I": 2147483647, "L": 9223372036854775807, "D": 1e-7, "DEC": 0, "S": ""}, 4),
]  # fmt: skip
_DELIMITED = [
    record("a", f"1,2,1.5,true,x,1.25,{T0},19000,a2Y=", 1),
    record("b", '-2147483648,-9223372036854775808,-1.0E300,false,"a,b ""q"" Zoë 🦊",-1234567.891,0,-1,AAH/', 2),
    record("n", ",,,,,,,,", 3),
]  # fmt: skip
_AVRO = f"""
INSERT INTO w_avro (ROWTIME, K, {_ALL}) VALUES ({T0 + 1000}, 'a', 1, 2, 1.5, true, 'x', 1.25, '2020-02-29T12:34:56.789', '2020-02-29', 'a2Y=',
  ARRAY[1, NULL, 3], MAP('k' := 7, 'j' := 8), STRUCT(X := 1, Y := 'y', Z := ARRAY[STRUCT(P := 0.5)]));
INSERT INTO w_avro (ROWTIME, K, I, L, D, S, DEC, TS, DAY, RAW, A) VALUES ({T0 + 2000}, 'Zoë', -2147483648, -9223372036854775807, -1.0E300,
  'a,b "q" Zoë 🦊', -1234567.891, '1969-12-31T23:59:59.999', '1969-12-31', 'AAH/', ARRAY[1]);
INSERT INTO w_avro (ROWTIME, K) VALUES ({T0 + 3000}, 'n');
INSERT INTO w_keys (ROWTIME, K1, K2, N) VALUES ({T0 + 1000}, 'a', 1, 5);
INSERT INTO w_keys (ROWTIME, K1, K2, N) VALUES ({T0 + 2000}, 'b', 2, 6);
INSERT INTO w_keys (ROWTIME, K1, K2, N) VALUES ({T0 + 3000}, 'a', 1, 7);
"""
_WRITTEN = f"""
CREATE STREAM w_avro (K VARCHAR KEY, {_NESTED}) WITH (KAFKA_TOPIC='{{t}}avro', VALUE_FORMAT='AVRO', PARTITIONS=1);
CREATE STREAM w_keys (K1 VARCHAR KEY, K2 INT KEY, N INT) WITH (KAFKA_TOPIC='{{t}}keys', FORMAT='AVRO', PARTITIONS=1);
{_AVRO}"""


def _numbered(*values: bytes) -> list:
    return [record("ab"[n % 2], value, n) for n, value in enumerate(values)]


_TOPICS = {
    "json": _JSON,
    "delimited": _DELIMITED,
    "semicolons": [record("a", "1;one", 1), record("b", "2;t,wo", 2)],
    "ints": _numbered(*(struct.pack(">i", n) for n in (5, -5, 2147483647))),
    "longs": _numbered(*(struct.pack(">q", n) for n in (5, -5, 1 << 62))),
    "doubles": _numbered(*(struct.pack(">d", n) for n in (0.1, -5.5, 1e300))),
    "texts": _numbered(b"x", "Zoë 🦊".encode(), b""),
    "int_keys": [record(struct.pack(">i", k), {"V": v}, s) for k, v, s in [(1, 10, 1), (-7, 20, 2), (1, 30, 61)]],
    "long_keys": [record(struct.pack(">q", k), {"V": v}, s) for k, v, s in [(1, 10, 1), (-7, 20, 2), (1, 30, 61)]],
    "double_keys": [record(struct.pack(">d", k), {"V": v}, s) for k, v, s in [(1.5, 10, 1), (-7.25, 20, 2), (1.5, 30, 61)]],
    "json_keys": [record(k, {"V": v}, s) for k, v, s in [(b"1", 10, 1), (b"-7", 20, 2), (b"1", 30, 61), (None, 40, 62)]],
    "json_texts": [record(k.encode(), {"V": v}, s) for k, v, s in [('"a"', 10, 1), ('"Zoë \\"q\\""', 20, 2), ('"a"', 30, 61)]],
    "json_pairs": [record(k, {"V": v}, s) for k, v, s in [({"A": "a", "B": 1}, 10, 1), ({"A": "b", "B": 2}, 20, 2), ({"A": "a", "B": 1}, 30, 61)]],
    "csv_pairs": [record(k, {"V": v}, s) for k, v, s in [("a,1", 10, 1), ('"-b, ""x"" Zoë",-2', 20, 2), ("a,1", 30, 61), ("#,3", 40, 62)]],
}  # fmt: skip

_DECLARED = f"""
CREATE STREAM j (K VARCHAR KEY, {_NESTED}) WITH (KAFKA_TOPIC='{{t}}json', VALUE_FORMAT='JSON');
CREATE STREAM d (K VARCHAR KEY, {_PLAIN}) WITH (KAFKA_TOPIC='{{t}}delimited', VALUE_FORMAT='DELIMITED');
CREATE STREAM sc (K VARCHAR KEY, I INT, S VARCHAR) WITH (KAFKA_TOPIC='{{t}}semicolons', VALUE_FORMAT='DELIMITED', VALUE_DELIMITER=';');
CREATE STREAM v (K VARCHAR KEY) WITH (KAFKA_TOPIC='{{t}}avro', VALUE_FORMAT='AVRO');
CREATE STREAM vk (K1 VARCHAR KEY, K2 INT KEY, N INT) WITH (KAFKA_TOPIC='{{t}}keys', FORMAT='AVRO');
CREATE STREAM ki (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='{{t}}ints', VALUE_FORMAT='KAFKA');
CREATE STREAM kl (K VARCHAR KEY, V BIGINT) WITH (KAFKA_TOPIC='{{t}}longs', VALUE_FORMAT='KAFKA');
CREATE STREAM kd (K VARCHAR KEY, V DOUBLE) WITH (KAFKA_TOPIC='{{t}}doubles', VALUE_FORMAT='KAFKA');
CREATE STREAM ks (K VARCHAR KEY, V VARCHAR) WITH (KAFKA_TOPIC='{{t}}texts', VALUE_FORMAT='KAFKA');
CREATE STREAM ik (K INT KEY, V INT) WITH (KAFKA_TOPIC='{{t}}int_keys', VALUE_FORMAT='JSON');
CREATE STREAM lk (K BIGINT KEY, V INT) WITH (KAFKA_TOPIC='{{t}}long_keys', VALUE_FORMAT='JSON');
CREATE STREAM dk (K DOUBLE KEY, V INT) WITH (KAFKA_TOPIC='{{t}}double_keys', VALUE_FORMAT='JSON');
CREATE STREAM jk (K BIGINT KEY, V INT) WITH (KAFKA_TOPIC='{{t}}json_keys', FORMAT='JSON');
CREATE TABLE jtable (K VARCHAR PRIMARY KEY, V INT) WITH (KAFKA_TOPIC='{{t}}json_texts', FORMAT='JSON');
CREATE STREAM jt (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='{{t}}json_texts', FORMAT='JSON');
CREATE STREAM jp (A VARCHAR KEY, B INT KEY, V INT) WITH (KAFKA_TOPIC='{{t}}json_pairs', FORMAT='JSON');
CREATE STREAM cp (A VARCHAR KEY, B INT KEY, V INT) WITH (KAFKA_TOPIC='{{t}}csv_pairs', KEY_FORMAT='DELIMITED', VALUE_FORMAT='JSON');
"""
_MINUTE = "WINDOW TUMBLING (SIZE 1 MINUTE)"
_PLAINS = {"j": "JSON", "v": "AVRO", "d": "DELIMITED"}


def _into(format: str, name: str, select: str, kind: str = "STREAM", same: Same = Same.ORDERED, options: str = "") -> Case:
    with_ = f"VALUE_FORMAT='{format}'{options}"
    avro = "value" * (format == "AVRO") + "key" * ("KEY_FORMAT='AVRO'" in options)
    return Case(name, f"CREATE {kind} {{}} WITH ({with_}) AS {select} EMIT CHANGES;", same, avro=avro)


_VALUES = [
    *(_into(there, f"{here} into {there}", f"SELECT K, {_NAMES} FROM {source}")
      for source, here in _PLAINS.items() for there in _PLAINS.values()),
    _into("JSON", "nested JSON into JSON", "SELECT * FROM j"),
    _into("AVRO", "nested JSON into AVRO", "SELECT * FROM j WHERE M['j'] IS NULL"),
    _into("JSON", "nested AVRO into JSON", f"SELECT K, {_NAMES}, A, ST FROM v"),
    _into("AVRO", "nested AVRO into AVRO", f"SELECT K, {_NAMES}, A, ST FROM v"),
    _into("AVRO", "another name of the schema", "SELECT K, I FROM v", options=", VALUE_SCHEMA_FULL_NAME='shop.Order'"),
    _into("JSON", "another delimiter", "SELECT * FROM sc"),
    _into("DELIMITED", "into another delimiter", "SELECT K, I, S FROM sc", options=", VALUE_DELIMITER='|'"),
    _into("DELIMITED", "delimited by tabs", "SELECT K, I, S FROM sc", options=", VALUE_DELIMITER='TAB'"),
    *(_into("JSON", f"KAFKA from {source}", f"SELECT * FROM {source}") for source in ("ki", "kl", "kd", "ks")),
    *(_into("KAFKA", f"KAFKA into {source}", f"SELECT K, V FROM {source}") for source in ("ki", "kl", "kd", "ks")),
    _into("AVRO", "grouped by two from AVRO", "SELECT K, I, COUNT(*) AS N FROM v GROUP BY K, I", "TABLE", options=", KEY_FORMAT='JSON'"),
    _into("AVRO", "counted from AVRO", "SELECT K, COUNT(*) AS N FROM v GROUP BY K", "TABLE"),
    _into("AVRO", "one column into AVRO", "SELECT K, V FROM ki"),
    _into("AVRO", "a table in AVRO", "SELECT K, COUNT(*) AS N, MAX(D) AS D, COLLECT_LIST(I) AS A FROM v GROUP BY K", "TABLE"),
    _into("DELIMITED", "a table in DELIMITED", "SELECT K, COUNT(*) AS N, MAX(D) AS D FROM j GROUP BY K", "TABLE"),
    _into("KAFKA", "a table in KAFKA", "SELECT K, COUNT(*) AS N FROM j GROUP BY K", "TABLE"),
]  # fmt: skip

_KEYED = {"ks": "KAFKA texts", "ik": "KAFKA integers", "lk": "KAFKA longs", "dk": "KAFKA doubles", "jk": "JSON numbers", "jt": "JSON texts"}
_KEYS = [
    *(of_stream(f"keys: {what}", f"SELECT K, V FROM {source}") for source, what in _KEYED.items()),
    *(of_table(f"grouped by {what}", f"SELECT K, COUNT(*) AS N FROM {source} GROUP BY K")
      for source, what in _KEYED.items()),
    of_stream("two JSON keys", "SELECT * FROM jp"),
    of_stream("two DELIMITED keys", "SELECT * FROM cp"),
    of_table("grouped by two JSON keys", "SELECT A, B, COUNT(*) AS N FROM jp GROUP BY A, B"),
    of_table("grouped by two JSON keys in another order", "SELECT B, A, COUNT(*) AS N FROM jp GROUP BY A, B"),
    of_table("projected with a JSON key", "SELECT K, V + 1 AS W FROM jtable", Same.FINAL),
    of_table("grouped by two DELIMITED keys", "SELECT A, B, COUNT(*) AS N FROM cp GROUP BY A, B"),
    _into("JSON", "two AVRO keys", "SELECT * FROM vk", options=", KEY_FORMAT='AVRO'"),
    _into("AVRO", "grouped by AVRO keys", "SELECT K1, K2, COUNT(*) AS N FROM vk GROUP BY K1, K2", "TABLE", options=", KEY_FORMAT='JSON'"),
    _into("JSON", "keys from KAFKA into JSON", "SELECT K, V FROM ik", options=", KEY_FORMAT='JSON'"),
    _into("JSON", "keys from JSON into KAFKA", "SELECT K, V FROM jk", options=", KEY_FORMAT='KAFKA'"),
    _into("JSON", "grouped by a BOOLEAN", "SELECT B, COUNT(*) AS N FROM j GROUP BY B", "TABLE", options=", KEY_FORMAT='JSON'"),
    _into("JSON", "windowed by a BOOLEAN", f"SELECT B, COUNT(*) AS N FROM j {_MINUTE} GROUP BY B", "TABLE", options=", KEY_FORMAT='JSON'"),
    _into("JSON", "having with JSON keys", "SELECT K, COUNT(*) AS N FROM jt GROUP BY K HAVING COUNT(*) > 1", "TABLE", Same.FINAL, ", KEY_FORMAT='JSON'"),
    _into("JSON", "grouped into DELIMITED", "SELECT K, COUNT(*) AS N FROM ik GROUP BY K", "TABLE", options=", KEY_FORMAT='DELIMITED'"),
    _into("JSON", "another key delimiter", "SELECT * FROM cp", options=", KEY_FORMAT='DELIMITED', KEY_DELIMITER='|'"),
    _into("JSON", "keys into DELIMITED", "SELECT K, V FROM ik", options=", KEY_FORMAT='DELIMITED'"),
]  # fmt: skip
_WINDOWED = [
    *(of_table(f"windowed by {what}", f"SELECT K, COUNT(*) AS N FROM {source} {_MINUTE} GROUP BY K")
      for source, what in _KEYED.items() if source not in ("dk", "ks")),
    of_table("windowed by KAFKA texts", f"SELECT K, COUNT(*) AS N FROM j {_MINUTE} GROUP BY K"),
    of_table("windowed by two JSON keys in another order", f"SELECT B, A, COUNT(*) AS N FROM jp {_MINUTE} GROUP BY A, B"),
    of_table("windowed by two DELIMITED keys", f"SELECT A, B, COUNT(*) AS N FROM cp {_MINUTE} GROUP BY A, B"),
    of_table("windowed by two JSON keys", f"SELECT A, B, COUNT(*) AS N FROM jp {_MINUTE} GROUP BY A, B"),
    of_table("sessions by JSON texts", "SELECT K, COUNT(*) AS N FROM jt WINDOW SESSION (5 SECONDS, RETENTION 1 DAY, GRACE PERIOD 0 SECONDS) GROUP BY K", Same.BAG, "FINAL"),
    _into("AVRO", "windows in AVRO", f"SELECT K, COUNT(*) AS N, WINDOWSTART AS WS FROM v {_MINUTE} GROUP BY K", "TABLE"),
    _into("DELIMITED", "windows in DELIMITED", f"SELECT K, COUNT(*) AS N FROM j {_MINUTE} GROUP BY K", "TABLE"),
    _into("KAFKA", "windows in KAFKA", f"SELECT K, COUNT(*) AS N FROM j {_MINUTE} GROUP BY K", "TABLE"),
    _into("JSON", "windowed by DELIMITED", f"SELECT K, COUNT(*) AS N FROM j {_MINUTE} GROUP BY K", "TABLE", options=", KEY_FORMAT='DELIMITED'"),
]  # fmt: skip

FORMATS = World(_TOPICS, _DECLARED, [*_VALUES, *_KEYS, *_WINDOWED], _WRITTEN)
