"""Statements that run on both engines, the topics that they read, and how their results compare.

`test_flink_matrix` runs them.  ORDERED: the same records in the same order; BAG: in any order;
FINAL: the same last record of each key, where the ways there differ.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from kshell.kafka.produce import OutgoingRecord

__all__ = ["CONSTRUCTS", "FUNCTIONS", "T0", "Case", "Same", "World", "of_stream", "of_table", "record"]

MINUTE = 60_000
# Two hours ago: what is older than a topic's retention, the brokers delete at once.
T0 = (int(time.time()) // 3600 - 2) * 3_600_000


class Same(Enum):
    """How two sinks are the same."""

    ORDERED = "ordered"
    BAG = "bag"
    FINAL = "final"


@dataclass(frozen=True)
class Case:
    """The text from CREATE on, without the name and WITH: `{}` stands where they are."""

    name: str
    ksql: str
    same: Same = Same.ORDERED
    sample: bool = False  # whether `make test` runs it
    rounded: bool = False  # the last digits of its numbers differ, as of sums in another order
    avro: str = ""  # which of "key" and "value" begin with the id of a schema


@dataclass(frozen=True)
class World:
    """Cases with what they read: records by topic, and statements.

    `{t}` leads topics' names, `{side}` is the engine's; `here` runs first, on the local engine alone.
    """

    topics: Mapping[str, Sequence[OutgoingRecord]]
    declared: str
    cases: Sequence[Case]
    here: str = ""


def record(key: object, value: object, seconds: float, headers=()) -> OutgoingRecord:
    def encoded(part: object) -> bytes | None:
        if part is None or isinstance(part, bytes):
            return part
        return part.encode() if isinstance(part, str) else json.dumps(part).encode()

    return OutgoingRecord(encoded(key), encoded(value), int(T0 + seconds * 1000), headers=tuple(headers))


def _events() -> list[OutgoingRecord]:
    rows = [
        ("u1", {"ID": 1, "AMT": 10.5, "WHO": {"NAME": "ann", "ADDR": {"CITY": "Rome"}}, "TAGS": ["p", "q", "p"], "M": {"k": 7}, "B": True, "S": "Hello 12 World", "BIG": 9007199254740993, "DEC": 12.25, "TS": T0 + 5, "DAY": 19000, "RAW": "a2Y=", "NUMS": [3, 1, 2, 3]}, 1),
        ("u2", {"ID": 2, "AMT": -20.0, "WHO": {"NAME": "bob", "ADDR": None}, "TAGS": [], "M": {}, "B": False, "S": "a.b.c", "BIG": -5, "DEC": -0.5, "TS": 0, "DAY": 0, "RAW": "", "NUMS": []}, 2),
        ("u1", {"ID": 3, "AMT": None, "WHO": None, "TAGS": None, "M": None, "B": None, "S": None, "BIG": None, "DEC": None, "TS": None, "DAY": None, "RAW": None, "NUMS": None}, 61),
        (None, {"ID": 4, "AMT": 1.25, "S": "x=1;y=2"}, 3),
        ("u2", {"ID": 5, "AMT": 5.0, "WHO": {"NAME": "cy"}, "TAGS": ["z"], "M": {"k": 1, "j": 2}, "B": True, "S": "http://test.com:8080/path?a=1#f", "BIG": 7, "DEC": 3, "TS": 86_400_001, "DAY": 1, "NUMS": [5, None, 4]}, 62),
        ("u3", {"ID": 6, "AMT": 2.5, "S": '{"a": {"b": 5}}', "TAGS": ["q", "r"], "NUMS": [1]}, 63),
        ("u1", {"ID": 7, "AMT": 0.1, "WHO": {"NAME": "ann"}, "TAGS": ["s"], "B": False, "S": "  pad  ", "BIG": 10, "DEC": 99.99, "NUMS": [2, 2]}, 130),
    ]
    return [record(k, v, s, [("h", b"v1")] if v["ID"] == 1 else []) for k, v, s in rows]


def _steps() -> list[OutgoingRecord]:
    """Records for windows: some late, some in the same window."""
    rows = [("a", 1, 1), ("b", 2, 2), ("a", 30, 3), ("a", 61, 4), ("a", 20, 5), ("b", 70, 6), ("a", 125, 7),
            ("b", 10, 8), ("a", 200, 9), ("a", 59.999, 10), ("c", 200.5, 11), ("z", 4000, 12)]
    return [record(k, {"V": v}, s) for k, s, v in rows]


_TOPICS: dict[str, list[OutgoingRecord]] = {
    "events": _events(),
    "steps": _steps(),
    "left": [record(k, {"A": v}, s) for k, v, s in
             [("a", 1, 0), ("b", 2, 5), ("a", 3, 20), ("c", 4, 30), ("z", 5, 300)]],
    "right": [record(k, {"B": v}, s) for k, v, s in
              [("a", 10, 3), ("a", 11, 9), ("b", 12, 40), ("c", 13, 31), ("z", 14, 301)]],
    "people": [record(k, v, s) for k, v, s in
               [("a", {"NAME": "A1", "AGE": 30, "CITY": "x"}, 1), ("b", {"NAME": "B1", "AGE": 20, "CITY": "y"}, 2),
                ("a", {"NAME": "A2", "AGE": 31, "CITY": "y"}, 10), ("b", None, 18), ("c", {"NAME": "C1", "AGE": 7, "CITY": "x"}, 19)]],
    "cities": [record(k, v, s) for k, v, s in
               [("x", {"LAND": "X-land"}, 1), ("y", {"LAND": "Y-land"}, 2), ("y", {"LAND": "Y2"}, 12)]],
    "others": [record(k, v, s) for k, v, s in
               [("a", {"SIZE": 1}, 1), ("c", {"SIZE": 3}, 2), ("d", {"SIZE": 4}, 3)]],
    "visits": [record(k, {"N": n}, s) for k, n, s in
               [("a", 1, 5), ("b", 2, 5.5), ("a", 3, 12), ("b", 4, 20), ("c", 5, 25), ("d", 6, 26), ("a", 7, 27)]],
    "lines": [record(k, v, s) for k, v, s in
              [("a", "1,one,1.5", 1), ("b", "2,,2.5", 2), ("a", '3,"with, comma",', 3)]],
    "numbers": [record(k, v.to_bytes(8, "big", signed=True), s) for k, v, s in [("a", 5, 1), ("b", -5, 2)]],
    "lower": [record("a", {"id": 1, "Name": "x", "who": {"City": "Rome"}}, 1), record("b", {"id": 2, "Name": None}, 2)],
}  # fmt: skip

_EVENTS = """CREATE STREAM events (K VARCHAR KEY, ID INT, AMT DOUBLE, WHO STRUCT<NAME VARCHAR, ADDR STRUCT<CITY VARCHAR>>,
  TAGS ARRAY<VARCHAR>, M MAP<VARCHAR, INT>, B BOOLEAN, S VARCHAR, BIG BIGINT, DEC DECIMAL(8, 2), TS TIMESTAMP, DAY DATE, RAW BYTES,
  NUMS ARRAY<INT>, H BYTES HEADER('h')) WITH (KAFKA_TOPIC='{t}events', VALUE_FORMAT='JSON');"""
_DECLARED = _EVENTS + """
CREATE STREAM steps (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='{t}steps', VALUE_FORMAT='JSON');
CREATE STREAM l (K VARCHAR KEY, A INT) WITH (KAFKA_TOPIC='{t}left', VALUE_FORMAT='JSON');
CREATE STREAM r (K VARCHAR KEY, B INT) WITH (KAFKA_TOPIC='{t}right', VALUE_FORMAT='JSON');
CREATE TABLE people (K VARCHAR PRIMARY KEY, NAME VARCHAR, AGE INT, CITY VARCHAR) WITH (KAFKA_TOPIC='{t}people', VALUE_FORMAT='JSON');
CREATE TABLE cities (C VARCHAR PRIMARY KEY, LAND VARCHAR) WITH (KAFKA_TOPIC='{t}cities', VALUE_FORMAT='JSON');
CREATE TABLE others (K VARCHAR PRIMARY KEY, SIZE INT) WITH (KAFKA_TOPIC='{t}others', VALUE_FORMAT='JSON');
CREATE STREAM visits (K VARCHAR KEY, N INT) WITH (KAFKA_TOPIC='{t}visits', VALUE_FORMAT='JSON');
CREATE STREAM lines (K VARCHAR KEY, I INT, T VARCHAR, D DOUBLE) WITH (KAFKA_TOPIC='{t}lines', VALUE_FORMAT='DELIMITED');
CREATE STREAM numbers (K VARCHAR KEY, N BIGINT) WITH (KAFKA_TOPIC='{t}numbers', VALUE_FORMAT='KAFKA');
CREATE STREAM lower (K VARCHAR KEY, ID INT, NAME VARCHAR, WHO STRUCT<CITY VARCHAR>) WITH (KAFKA_TOPIC='{t}lower', VALUE_FORMAT='JSON');
"""


def of_stream(name: str, select: str, same: Same = Same.ORDERED, sample: bool = False) -> Case:
    return Case(name, f"CREATE STREAM {{}} AS {select} EMIT CHANGES;", same, sample)


def of_table(name: str, select: str, same: Same = Same.ORDERED, emit: str = "CHANGES", sample: bool = False) -> Case:
    return Case(name, f"CREATE TABLE {{}} AS {select} EMIT {emit};", same, sample)


_CONSTRUCTS = [
    of_stream("all columns", "SELECT * FROM events"),
    of_stream("project and filter", "SELECT K, ID, AMT * 2 AS D, UCASE(K) AS U FROM events WHERE ID <> 2", sample=True),
    of_stream("nested fields", "SELECT K, WHO->NAME AS N, WHO->ADDR->CITY AS C FROM events"),
    of_stream("elements of arrays", "SELECT K, TAGS[1] AS A, TAGS[0] AS Z, TAGS[-1] AS L, TAGS[9] AS O FROM events"),
    of_stream("elements of maps", "SELECT K, M['k'] AS MK, M['none'] AS MN FROM events"),
    of_stream("pseudo columns", "SELECT K, ROWTIME AS RT, ROWPARTITION AS RP, ROWOFFSET AS RO FROM events", sample=True),
    of_stream("a header", "SELECT K, H AS HEAD FROM events"),
    of_stream("structs are made", "SELECT K, STRUCT(X := ID, Y := K) AS ST FROM events"),
    of_stream("arrays are made", "SELECT K, ARRAY[ID, 2, NULL] AS A FROM events"),
    of_stream("maps are made", "SELECT K, MAP('a' := ID, 'b' := 2) AS M2 FROM events"),
    of_stream("casts", "SELECT K, CAST(ID AS VARCHAR) AS A, CAST(AMT AS INT) AS B1, CAST(S AS INT) AS C, CAST(B AS VARCHAR) AS D, CAST('17' AS BIGINT) AS E, CAST(ID AS DOUBLE) AS F FROM events"),
    of_stream("casts to decimal", "SELECT K, CAST(ID AS DECIMAL(6, 2)) AS A, DEC + 1 AS B1, DEC * 2 AS C FROM events"),
    of_stream("times", "SELECT K, TS, DAY, CAST(TS AS VARCHAR) AS TT, CAST(DAY AS VARCHAR) AS DT FROM events"),
    of_stream("bytes", "SELECT K, RAW FROM events"),
    of_stream("case", "SELECT K, CASE WHEN ID > 4 THEN 'many' WHEN AMT > 1 THEN 'some' ELSE 'x' END AS C, CASE WHEN ID = 1 THEN 1 END AS O FROM events"),
    of_stream("comparisons with NULL", "SELECT K, AMT > 1 AS A, NOT (AMT > 1) AS B1, AMT <> 1 AS C, AMT IS NULL AS D, S LIKE '%l%' AS E, ID IN (1, 3) AS F, AMT BETWEEN 0 AND 6 AS G FROM events", sample=True),
    of_stream("not, and, or", "SELECT K, NOT (ID = 1 AND AMT > 2) AS A, (ID = 1 OR S = 'x') AS B1 FROM events WHERE NOT (AMT < 0)"),
    of_stream("is distinct", "SELECT K, AMT IS DISTINCT FROM 5.0 AS A, S IS NOT DISTINCT FROM NULL AS B1 FROM events"),
    of_stream("arithmetic", "SELECT K, ID + 1 AS A, ID - 5 AS B1, ID * 3 AS C, ID / 2 AS D, ID % 2 AS E, AMT / 4 AS F, -ID AS G, BIG + 1 AS I FROM events"),
    of_stream("division by zero", "SELECT K, ID / (ID - ID) AS A, ID % (ID - ID) AS B1, AMT / 0 AS C FROM events"),
    of_stream("texts are joined", "SELECT K, K + '-' + S AS A, CONCAT(K, S, 'x') AS B1 FROM events"),
    of_stream("like with escape", "SELECT K, S LIKE 'a.%' AS A, S LIKE '%!%%' ESCAPE '!' AS B1 FROM events"),
    of_stream("partition by", "SELECT ID, K, AMT FROM events PARTITION BY ID", sample=True),
    of_stream("partition by an expression", "SELECT UCASE(K) AS UK, ID FROM events PARTITION BY UCASE(K)"),
    of_stream("partition by a field", "SELECT WHO->NAME AS N, ID FROM events PARTITION BY WHO->NAME"),
    of_stream("explode", "SELECT K, EXPLODE(TAGS) AS T FROM events", sample=True),
    of_stream("explode and columns", "SELECT K, ID, EXPLODE(NUMS) AS N FROM events"),
    of_stream("fields in lower case", "SELECT K, ID + 1 AS I, NAME, WHO->CITY AS C, WHO FROM lower", sample=True),
    of_stream("delimited", "SELECT K, I, T, D FROM lines"),
    of_stream("delimited to json", "SELECT K, I, T, D * 2 AS D2 FROM lines"),
    of_stream("kafka", "SELECT K, N FROM numbers"),
    of_table("count", "SELECT K, COUNT(*) AS N, COUNT(AMT) AS NA FROM events GROUP BY K", sample=True),
    of_table("sum and mean", "SELECT K, SUM(AMT) AS A, AVG(AMT) AS B1, SUM(ID) AS C, AVG(ID) AS D, SUM(BIG) AS E FROM events GROUP BY K"),
    of_table("sum of decimals", "SELECT K, SUM(DEC) AS A, MAX(DEC) AS B1 FROM events GROUP BY K"),
    of_table("min and max", "SELECT K, MIN(AMT) AS A, MAX(AMT) AS B1, MIN(S) AS C, MAX(ID) AS D FROM events GROUP BY K"),
    of_table("first and last", "SELECT K, EARLIEST_BY_OFFSET(ID) AS A, LATEST_BY_OFFSET(AMT) AS B1 FROM events GROUP BY K"),
    of_table("lists", "SELECT K, COLLECT_LIST(ID) AS A, COUNT_DISTINCT(S) AS B1 FROM events GROUP BY K"),
    of_table("sets", "SELECT K, COLLECT_SET(B) AS A FROM events GROUP BY K", Same.FINAL),
    Case("variance", "CREATE TABLE {} AS SELECT K, STDDEV_SAMP(CAST(ID AS DOUBLE)) AS A, STDDEV_SAMPLE(CAST(ID AS DOUBLE)) AS B1 FROM events GROUP BY K EMIT CHANGES;", rounded=True),
    of_table("group by an expression", "SELECT UCASE(K) AS U, COUNT(*) AS N FROM events GROUP BY UCASE(K)"),
    of_table("group by a field", "SELECT WHO->NAME AS N, COUNT(*) AS C FROM events GROUP BY WHO->NAME"),
    of_table("group by a number", "SELECT ID % 2 AS P, COUNT(*) AS C FROM events GROUP BY ID % 2"),
    Case("group by two", "CREATE TABLE {} WITH (KEY_FORMAT='JSON') AS SELECT K, ID % 2 AS P, COUNT(*) AS C FROM events GROUP BY K, ID % 2 EMIT CHANGES;"),
    of_table("having", "SELECT K, COUNT(*) AS N FROM events GROUP BY K HAVING COUNT(*) > 1", Same.FINAL),
    of_table("tumbling", "SELECT K, COUNT(*) AS N, SUM(V) AS S FROM steps WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY K", sample=True),
    of_table("tumbling with bounds", "SELECT K, WINDOWSTART AS WS, WINDOWEND AS WE, COUNT(*) AS N FROM steps WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY K"),
    of_table("tumbling with grace", "SELECT K, COUNT(*) AS N, SUM(V) AS S FROM steps WINDOW TUMBLING (SIZE 1 MINUTE, GRACE PERIOD 30 SECONDS) GROUP BY K"),
    of_table("hopping", "SELECT K, COUNT(*) AS N, SUM(V) AS S FROM steps WINDOW HOPPING (SIZE 1 MINUTE, ADVANCE BY 30 SECONDS) GROUP BY K"),
    of_table("tumbling having", "SELECT K, COUNT(*) AS N FROM steps WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY K HAVING COUNT(*) > 1", Same.FINAL),
    of_table("tumbling by a number", "SELECT V % 2 AS P, COUNT(*) AS N FROM steps WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY V % 2"),
    of_table("tumbling final", "SELECT K, COUNT(*) AS N, SUM(V) AS S FROM steps WINDOW TUMBLING (SIZE 1 MINUTE, RETENTION 1 DAY, GRACE PERIOD 30 SECONDS) GROUP BY K", Same.BAG, "FINAL", True),
    of_table("hopping final", "SELECT K, COUNT(*) AS N, SUM(V) AS S FROM steps WINDOW HOPPING (SIZE 1 MINUTE, ADVANCE BY 30 SECONDS, RETENTION 1 DAY, GRACE PERIOD 0 SECONDS) GROUP BY K", Same.BAG, "FINAL"),
    of_table("session final", "SELECT K, COUNT(*) AS N, SUM(V) AS S FROM steps WINDOW SESSION (30 SECONDS, RETENTION 1 DAY, GRACE PERIOD 0 SECONDS) GROUP BY K", Same.BAG, "FINAL"),
    of_table("final having", "SELECT K, COUNT(*) AS N FROM steps WINDOW TUMBLING (SIZE 1 MINUTE, RETENTION 1 DAY, GRACE PERIOD 0 SECONDS) GROUP BY K HAVING COUNT(*) > 1", Same.BAG, "FINAL"),
    of_stream("within", "SELECT L.K AS K, A, B FROM l JOIN r WITHIN 10 SECONDS GRACE PERIOD 0 SECONDS ON L.K = R.K", Same.BAG, True),
    of_stream("within, left", "SELECT L.K AS K, A, B FROM l LEFT JOIN r WITHIN 10 SECONDS GRACE PERIOD 0 SECONDS ON L.K = R.K", Same.BAG),
    of_stream("within, full", "SELECT ROWKEY AS K, A, B FROM l FULL OUTER JOIN r WITHIN 10 SECONDS GRACE PERIOD 0 SECONDS ON L.K = R.K", Same.BAG),
    of_stream("within before and after", "SELECT L.K AS K, A, B FROM l JOIN r WITHIN (0 SECONDS, 20 SECONDS) GRACE PERIOD 0 SECONDS ON L.K = R.K", Same.BAG),
    of_stream("stream and table", "SELECT V.K AS K, N, NAME, AGE FROM visits V JOIN people P ON V.K = P.K", Same.BAG, True),
    of_stream("stream and table, left", "SELECT V.K AS K, N, NAME FROM visits V LEFT JOIN people P ON V.K = P.K", Same.BAG),
    of_table("two tables", "SELECT P.K AS K, NAME, SIZE FROM people P JOIN others O ON P.K = O.K", Same.FINAL),
    of_table("two tables, left", "SELECT P.K AS K, NAME, SIZE FROM people P LEFT JOIN others O ON P.K = O.K", Same.FINAL),
    of_table("two tables, full", "SELECT ROWKEY AS K, NAME, SIZE FROM people P FULL OUTER JOIN others O ON P.K = O.K", Same.FINAL),
    of_table("a foreign key", "SELECT P.K AS K, NAME, LAND FROM people P JOIN cities C ON P.CITY = C.C", Same.FINAL, sample=True),
    of_table("a foreign key, left", "SELECT P.K AS K, NAME, LAND FROM people P LEFT JOIN cities C ON P.CITY = C.C", Same.FINAL),
    of_table("a table filtered", "SELECT K, NAME FROM people WHERE AGE > 10", Same.FINAL),
    of_table("a table projected", "SELECT K, UCASE(NAME) AS U, AGE + 1 AS A FROM people", Same.FINAL),
    of_table("a table grouped", "SELECT CITY, COUNT(*) AS N, SUM(AGE) AS A FROM people GROUP BY CITY", Same.FINAL),
    Case("another format", "CREATE STREAM {} WITH (VALUE_FORMAT='DELIMITED') AS SELECT K, ID, AMT, S FROM events EMIT CHANGES;"),
    Case("a time column", "CREATE STREAM {} WITH (TIMESTAMP='T') AS SELECT K, ROWTIME + 5000 AS T, ID FROM events EMIT CHANGES;"),
    Case("json keys", "CREATE STREAM {} WITH (KEY_FORMAT='JSON') AS SELECT K, ID FROM events WHERE K IS NOT NULL EMIT CHANGES;"),
]  # fmt: skip

# Functions over the records of `events`, one column each; some of their arguments are NULL.
FUNCTIONS: dict[str, str] = {
    "ABS": "ABS(AMT)", "SIGN": "SIGN(AMT)", "CEIL": "CEIL(AMT)", "FLOOR": "FLOOR(AMT)", "ROUND": "ROUND(AMT)", "TRUNC": "TRUNC(AMT)",
    "GREATEST": "GREATEST(ID, 3, CAST(AMT AS INT))", "LEAST": "LEAST(ID, 3, CAST(AMT AS INT))", "EXP": "EXP(ID)", "LN": "LN(ID)", "LOG": "LOG(2.0, CAST(ID AS DOUBLE))",
    "SQRT": "SQRT(ID)", "POWER": "POWER(ID, 2)", "PI": "PI()", "SIN": "SIN(ID)", "COS": "COS(ID)", "TAN": "TAN(ID)", "COT": "COT(ID)", "ASIN": "ASIN(0.5)", "ACOS": "ACOS(0.5)",
    "ATAN": "ATAN(ID)", "ATAN2": "ATAN2(ID, 2)", "SINH": "SINH(ID)", "COSH": "COSH(ID)", "TANH": "TANH(ID)", "DEGREES": "DEGREES(ID)", "RADIANS": "RADIANS(ID)",
    "AS_VALUE": "AS_VALUE(K)", "COALESCE": "COALESCE(AMT, 7.5, 1.0)", "IFNULL": "IFNULL(S, 'none')", "NULLIF": "NULLIF(ID, 1)",
    "CONCAT": "CONCAT(K, S)", "CONCAT_WS": "CONCAT_WS('-', K, S, 'x')", "ELT": "ELT(ID, 'a', 'b', 'c')", "FIELD": "FIELD(K, 'u2', 'u1')", "INSTR": "INSTR(S, 'l')",
    "LCASE": "LCASE(S)", "UCASE": "UCASE(S)", "LEN": "LEN(S)", "LPAD": "LPAD(S, 6, 'ab')", "RPAD": "RPAD(S, 20, 'ab')", "MASK": "MASK(S)",
    "REGEXP_EXTRACT": "REGEXP_EXTRACT('([a-z]+).*?([0-9]+)', S, 2)", "REGEXP_EXTRACT_ALL": "REGEXP_EXTRACT_ALL('[a-z]+', S)", "REGEXP_REPLACE": "REGEXP_REPLACE(S, '[a-z]+', 'x')",
    "REPLACE": "REPLACE(S, 'l', 'LL')", "SPLIT": "SPLIT(S, '.')", "SPLIT_TO_MAP": "SPLIT_TO_MAP('x=1;y=2', ';', '=')['y']", "SUBSTRING": "SUBSTRING(S, 2, 4)", "TRIM": "TRIM(S)",
    "MD5": "MD5(S)", "ARRAY_CONCAT": "ARRAY_CONCAT(NUMS, ARRAY[9])", "ARRAY_CONTAINS": "ARRAY_CONTAINS(NUMS, 3)", "ARRAY_DISTINCT": "ARRAY_DISTINCT(NUMS)", "ARRAY_EXCEPT": "ARRAY_EXCEPT(NUMS, ARRAY[3])",
    "ARRAY_INTERSECT": "ARRAY_INTERSECT(NUMS, ARRAY[3, 4, 2])", "ARRAY_JOIN": "ARRAY_JOIN(NUMS, '-')", "ARRAY_LENGTH": "ARRAY_LENGTH(NUMS)", "ARRAY_MAX": "ARRAY_MAX(NUMS)", "ARRAY_MIN": "ARRAY_MIN(NUMS)",
    "ARRAY_REMOVE": "ARRAY_REMOVE(NUMS, 3)", "ARRAY_SORT": "ARRAY_SORT(NUMS, 'DESC')", "ARRAY_UNION": "ARRAY_UNION(NUMS, ARRAY[3, 8])", "MAP_KEYS": "ARRAY_SORT(MAP_KEYS(M))", "MAP_VALUES": "ARRAY_SORT(MAP_VALUES(M))",
    "SLICE": "SLICE(NUMS, 1, 2)", "EXTRACTJSONFIELD": "EXTRACTJSONFIELD(S, '$.a.b')", "IS_JSON_STRING": "IS_JSON_STRING(S)", "TO_JSON_STRING": "TO_JSON_STRING(NUMS)",
    "UNIX_TIMESTAMP": "UNIX_TIMESTAMP(TS)", "UNIX_DATE": "UNIX_DATE(DAY)", "FROM_UNIXTIME": "FROM_UNIXTIME(ROWTIME)", "FROM_DAYS": "FROM_DAYS(ID)",
    "PARSE_TIMESTAMP": "PARSE_TIMESTAMP('2018-05-11 21:58', 'yyyy-MM-dd HH:mm')", "FORMAT_TIMESTAMP": "FORMAT_TIMESTAMP(TS, 'yyyy-MM-dd HH:mm:ss.SSS')", "PARSE_DATE": "PARSE_DATE('01-Jan-2022', 'dd-MMM-yyyy')",
    "FORMAT_DATE": "FORMAT_DATE(DAY, 'dd/MM/yyyy')", "STRINGTOTIMESTAMP": "STRINGTOTIMESTAMP('1970-01-02', 'yyyy-MM-dd')", "TIMESTAMPTOSTRING": "TIMESTAMPTOSTRING(ROWTIME, 'yyyy-MM-dd HH:mm')",
    "STRINGTODATE": "STRINGTODATE('11/05/2019', 'dd/MM/yyyy')", "DATETOSTRING": "DATETOSTRING(ID, 'dd/MM/yyyy')", "TIMESTAMPADD": "TIMESTAMPADD(HOURS, 2, TS)", "TIMESTAMPSUB": "TIMESTAMPSUB(DAYS, ID, TS)",
    "DATEADD": "DATEADD(DAYS, 10, DAY)", "DATESUB": "DATESUB(WEEKS, 1, DAY)", "URL_EXTRACT_FRAGMENT": "URL_EXTRACT_FRAGMENT('http://test.com#frag%20space')", "URL_EXTRACT_HOST": "URL_EXTRACT_HOST('http://test.com:8080/path')",
    "URL_EXTRACT_PARAMETER": "URL_EXTRACT_PARAMETER('http://test.com?a%20b=c%20d', 'a b')", "URL_EXTRACT_PATH": "URL_EXTRACT_PATH('http://test.com/path/to#a')", "URL_EXTRACT_PORT": "URL_EXTRACT_PORT('http://localhost:8080/path')",
    "URL_EXTRACT_PROTOCOL": "URL_EXTRACT_PROTOCOL('http://test.com?a=foo&b=bar')", "URL_EXTRACT_QUERY": "URL_EXTRACT_QUERY('http://test.com?a=foo%20bar&b=baz')", "URL_ENCODE_PARAM": "URL_ENCODE_PARAM(S)", "URL_DECODE_PARAM": "URL_DECODE_PARAM('url%20encoded')",
}  # fmt: skip


def _of_functions(some: list[str]) -> Case:
    columns = ", ".join(f"{FUNCTIONS[name]} AS F_{name}" for name in some)
    return Case(
        f"functions {some[0]} to {some[-1]}",
        f"CREATE STREAM {{}} AS SELECT K, {columns} FROM events EMIT CHANGES;",
        rounded="COSH" in some,  # Java's and C's differ in the last digit
    )


_NAMES = list(FUNCTIONS)
CONSTRUCTS = World(
    _TOPICS,
    _DECLARED,
    [*_CONSTRUCTS, *(_of_functions(_NAMES[n : n + 12]) for n in range(0, len(_NAMES), 12))],
)
