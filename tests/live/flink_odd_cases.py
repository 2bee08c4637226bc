"""What is easily rendered wrongly: odd names, every type inside of every other, values at the ends
of their types, NULL as every argument.

`test_flink_matrix` runs them.  What Flink has no equal for is refused, which unit tests show.
"""

from __future__ import annotations

from .flink_cases import T0, Case, Same, World, of_stream, of_table, record

__all__ = ["ODD"]

_FIELDS = ("I", "J", "L", "D", "B", "S", "T", "DEC", "E", "TS", "DAY", "RAW", "A", "TA", "M", "ST", "DEEP")
_VALUES = [
    ("a", {"I": 7, "J": 2, "L": 12345678901, "D": 2.5, "B": True, "S": "Hello, World", "T": "12", "DEC": 12.35, "E": 1.5, "TS": T0 + 123, "DAY": 19000,
           "RAW": "a2Y=", "A": [3, 1, None, 3], "TA": ["b", "a", None], "M": {"k": 1, "j": None}, "ST": {"X": 1, "Y": "y"},
           "DEEP": [{"P": {"q": [1, 2]}, "W": {"Z": 0.5}}]}),
    ("b", {"I": -2147483648, "J": 0, "L": -9223372036854775808, "D": -2.5, "B": False, "S": "", "T": "", "DEC": -0.05, "E": 0, "TS": -1, "DAY": -1,
           "RAW": "", "A": [], "TA": [], "M": {}, "ST": {"X": None, "Y": None}, "DEEP": []}),
    ("c", dict.fromkeys(_FIELDS)),
    ("d", {"I": 2147483647, "J": 5, "L": 9223372036854775807, "D": 1e300, "B": True, "S": "Zoë straße 🦊 İI", "T": "12.7", "DEC": 999999.99, "E": -7.25, "TS": 4102444799999,
           "DAY": 47481, "RAW": "AAH/", "A": [None], "TA": [None, ""], "M": {"": 0, "Ünï": -1}, "ST": {"Y": "ß"}, "DEEP": [None, {"P": None, "W": None}, {"P": {"q": None}}]}),
    ("e", {"I": -7, "J": -2, "L": -3, "D": -0.5, "B": None, "S": "a.b*c%d_e\\f'g\"h\t ", "T": " true ", "DEC": 2.5, "E": 3.14, "TS": 951827696000, "DAY": 11016,
           "A": [5, -5], "TA": ["x,y", "z"], "M": {"k": 9}, "ST": {"X": 3, "Y": "a"}, "DEEP": [{"P": {"q": [], "r": [None]}, "W": {"Z": None}}]}),
    ("f", {"I": 0, "J": 3, "L": 0, "D": 0.0, "B": True, "S": "x=1&y=2;z", "T": "2020-02-29", "DEC": 0, "E": 0.01, "S2": "extra", "A": [1, 2, 3, 4, 5, 6]}),
    ("g", {"I": 1, "J": 1, "L": 1, "D": 1e-10, "S": "{\"a\":{\"b\":[1,\"two\",null,true]},\"c d\":1.50}", "T": "tru", "DEC": 1.25}),
    ("h", {"I": 2, "J": 2, "L": 2, "D": 123456789.125, "S": "http://u@Host:8080/p/a?q=1&q=2&e=%C3%A9#f", "T": "-5", "DEC": -12.34}),
]  # fmt: skip

_TOPICS = {
    "odd": [record(key, value, n) for n, (key, value) in enumerate(_VALUES)],
    "words": [record("a", {"select": 1, "from": "x", "Group": {"order": 1, "By": [{"user": "u"}]}, "a b": 2, "a.b": 3, "it's": 4, 'a"b': 5, "a`b": 6, "straße": 7, "日本": 8, "": 9, "$x": 10}, 0.5),
              record("b", {"select": None, "日本": None}, 1.5)],
    "mixed": [record("a", {"userId": 1, "Address": {"zipCode": "1", "cityName": ["x"]}, "window_start": 5, "proctime": 6, "rowtime_": 7}, 1),
              record("b", {"userId": 2, "Address": None, "window_start": 1}, 2)],
    "headed": [record("a", {"I": 1}, 1, [("it's", b"x")]), record("b", {"I": 2}, 2)],
    "empty": [],
    "nothing": [record(None, None, 1), record("a", None, 2), record("a", {"V": 1}, 3), record("b", None, 4)],
}  # fmt: skip

_DECLARED = """
CREATE STREAM odd (K VARCHAR KEY, I INT, J INT, L BIGINT, D DOUBLE, B BOOLEAN, S VARCHAR, T VARCHAR, DEC DECIMAL(8, 2), E DECIMAL(4, 2), TS TIMESTAMP, DAY DATE,
  RAW BYTES, A ARRAY<INT>, TA ARRAY<VARCHAR>, M MAP<VARCHAR, INT>, ST STRUCT<X INT, Y VARCHAR>,
  DEEP ARRAY<STRUCT<P MAP<VARCHAR, ARRAY<INT>>, W STRUCT<Z DOUBLE>>>) WITH (KAFKA_TOPIC='{t}odd', VALUE_FORMAT='JSON');
CREATE STREAM words (K VARCHAR KEY, `select` INT, `from` VARCHAR, `Group` STRUCT<`order` INT, `By` ARRAY<STRUCT<`user` VARCHAR>>>, `a b` INT, `a.b` INT, `it's` INT,
  `a"b` INT, `a``b` INT, `straße` INT, `日本` INT, `$x` INT) WITH (KAFKA_TOPIC='{t}words', VALUE_FORMAT='JSON');
CREATE STREAM mixed (K VARCHAR KEY, USERID INT, ADDRESS STRUCT<ZIPCODE VARCHAR, CITYNAME ARRAY<VARCHAR>>, WINDOW_START INT) WITH (KAFKA_TOPIC='{t}mixed', VALUE_FORMAT='JSON');
CREATE STREAM nothing (K VARCHAR KEY, V INT) WITH (KAFKA_TOPIC='{t}nothing', VALUE_FORMAT='JSON');
CREATE TABLE tempty (K VARCHAR PRIMARY KEY, V INT) WITH (KAFKA_TOPIC='{t}empty', VALUE_FORMAT='JSON');
CREATE TABLE twords (K VARCHAR PRIMARY KEY, `select` INT, `a b` INT, `a.b` INT, `it's` INT, `a"b` INT, `a``b` INT, `日本` INT, `$x` INT) WITH (KAFKA_TOPIC='{t}words', VALUE_FORMAT='JSON');
CREATE TABLE todd (K VARCHAR PRIMARY KEY, I INT, L BIGINT, D DOUBLE, B BOOLEAN, S VARCHAR, DEC DECIMAL(8, 2)) WITH (KAFKA_TOPIC='{t}odd', VALUE_FORMAT='JSON');
CREATE STREAM headed (K VARCHAR KEY, I INT, H BYTES HEADER('it''s')) WITH (KAFKA_TOPIC='{t}headed', VALUE_FORMAT='JSON');
CREATE TABLE tnothing (K VARCHAR PRIMARY KEY, V INT) WITH (KAFKA_TOPIC='{t}nothing', VALUE_FORMAT='JSON');
"""

# Expressions over the records of `odd`, in groups.
_EXPRESSIONS: dict[str, list[str]] = {
    "casts of numbers": ["CAST(L AS INT)", "CAST(D AS INT)", "CAST(D AS BIGINT)", "CAST(DEC AS INT)", "CAST(DEC AS BIGINT)", "CAST(DEC AS DOUBLE)", "CAST(I AS DECIMAL(4, 1))", "CAST(D AS DECIMAL(10, 2))", "CAST(DEC AS DECIMAL(4, 1))"],
    "casts to text": ["CAST(I AS VARCHAR)", "CAST(L AS VARCHAR)", "CAST(D AS VARCHAR)", "CAST(DEC AS VARCHAR)", "CAST(B AS VARCHAR)", "CAST(TS AS VARCHAR)", "CAST(DAY AS VARCHAR)"],
    "casts of text": ["CAST(T AS INT)", "CAST(T AS BIGINT)", "CAST(T AS DOUBLE)", "CAST(T AS BOOLEAN)", "CAST(T AS DECIMAL(6, 2))", "CAST(T AS DATE)", "CAST(T AS TIMESTAMP)", "CAST('2020' AS TIMESTAMP)", "CAST('2020-2' AS DATE)", "CAST('2020-02-03T04:05' AS TIMESTAMP)", "CAST('2020-02-03 04:05:06.789' AS DATE)", "CAST('2020-02-03T04:05:06.7Z' AS TIMESTAMP)", "CAST('t' AS BOOLEAN)", "CAST(' +7 ' AS BIGINT)"],
    "casts of times": ["CAST(DAY AS TIMESTAMP)", "CAST(TS AS DATE)"],
    "casts of arrays": ["CAST(A AS ARRAY<VARCHAR>)", "CAST(A AS ARRAY<DOUBLE>)", "CAST(M AS MAP<VARCHAR, VARCHAR>)", "CAST(TA AS ARRAY<INT>)"],
    "sums": ["I + 1", "I - 1", "I * 2", "L + 1", "L * 2", "-I", "-L", "I + L", "I + D", "D * 10", "-D"],
    "divisions": ["I / J", "I % J", "L / J", "L % J", "D / J", "I / 2", "I % 2", "D / 0", "I / 2.0"],
    "decimals": ["DEC + E", "DEC - E", "DEC * E", "DEC / E", "DEC % E", "DEC + I", "DEC * 2", "DEC + D", "-DEC", "DEC + 0.005"],
    "comparisons": ["I = J", "I <> J", "I < L", "I >= D", "DEC > I", "S = T", "S < T", "B = true", "DAY < '2020-01-01'", "TS > '2000-02-29T12:34:56'", "ST = STRUCT(X := 1, Y := 'y')", "A = ARRAY[5, -5]"],
    "IN, BETWEEN": ["I IN (7, 0, NULL)", "I NOT IN (7, 0)", "S IN ('', 'x')", "DEC IN (2.5)", "I BETWEEN -7 AND 7", "I NOT BETWEEN -7 AND 7", "S BETWEEN 'A' AND 'a'", "D BETWEEN J AND I", "DAY BETWEEN '1970-01-01' AND '2020-01-01'"],
    "LIKE": ["S LIKE '%'", "S LIKE ''", "S LIKE 'a.b*%'", "S LIKE '_ello%'", "S LIKE '%!%d!_%' ESCAPE '!'", "S NOT LIKE '%o%'", "S LIKE '%🦊%'", "T LIKE S", "S LIKE '%\\\\%'", "S LIKE '%''%'", "S LIKE '%(%'"],
    "CASE": ["CASE WHEN I > 0 THEN 'p' WHEN I < 0 THEN 'n' END", "CASE I WHEN 7 THEN 1 WHEN 0 THEN 2 ELSE -1 END", "CASE WHEN B THEN CASE WHEN J > 2 THEN D ELSE 1.5 END ELSE 0.0 END", "CASE WHEN I IS NULL THEN ARRAY[1] ELSE A END", "CASE WHEN NOT B THEN S END", "CASE WHEN B THEN ST ELSE STRUCT(X := 9, Y := 'n') END"],
    "logic": ["B AND I > 0", "B OR I > 0", "NOT B", "B IS NULL", "B IS NOT NULL", "I IS DISTINCT FROM J", "S IS NOT DISTINCT FROM T", "NOT (I = J)", "NOT (S LIKE '%o%')", "B IS DISTINCT FROM true"],
    "elements": ["A[1]", "A[-1]", "A[J]", "A[0]", "TA[2]", "M['k']", "M['']", "M[S]", "M['Ünï']", "ST->X", "ST->Y", "DEEP[1]->P['q']", "DEEP[1]->P['q'][2]", "DEEP[1]->W->Z"],
    "made": ["ARRAY[I, J, NULL]", "ARRAY[S, T]", "MAP('a' := I, S := J)", "MAP('x' := A)", "STRUCT(N := I, `a b` := STRUCT(Q := A))", "ARRAY[STRUCT(N := I), STRUCT(N := J)]", "ARRAY[ARRAY[I], A]", "DEEP", "M", "ST", "RAW", "TS", "DAY"],
    "nested": ["UCASE(CONCAT(TRIM(S), '-', CAST(ABS(I) AS VARCHAR)))", "ARRAY_JOIN(ARRAY_SORT(ARRAY_DISTINCT(A)), CONCAT('<', CAST(J AS VARCHAR), '>'))", "SUBSTRING(REPLACE(LCASE(S), 'o', '0'), LEN(T) + 1)", "COALESCE(NULLIF(TRIM(T), ''), S, 'none')", "LEN(SPLIT(S, 'o')[1])", "IFNULL(J, I) + GREATEST(I, J, 0)", "CASE WHEN LEN(S) > 3 THEN SPLIT(S, ' ')[2] ELSE LPAD(S, 5, '*') END"],
    "texts": ["SUBSTRING(S, 0)", "SUBSTRING(S, -3)", "SUBSTRING(S, 100)", "SUBSTRING(S, 2, 0)", "SUBSTRING(S, 2, -1)", "SUBSTRING(S, -3, 2)", "SUBSTRING(S, J)", "TRIM(S)", "LCASE(S)", "UCASE(S)"],
    "texts replaced": ["REPLACE(S, 'o', '')", "REPLACE(S, T, S)", "REPLACE(S, 'l', NULL)", "SPLIT(S, '')", "SPLIT(S, 'l')", "SPLIT(S, T)", "SPLIT(S, '.')", "LPAD(S, 0, 'x')", "LPAD(S, J, 'xy')", "RPAD(S, 15, 'xy')", "RPAD(S, J, T)"],
    "texts found": ["INSTR(S, 'o')", "INSTR(S, '')", "INSTR(S, T)", "FIELD(S, T, '', NULL)", "FIELD(T, '12', '-5')", "ELT(J, S, T)", "ELT(I, 'a', 'b')", "CONCAT(S, T)", "CONCAT(S, NULL)", "CONCAT_WS(T, S, 'x')", "CONCAT_WS(',', S, NULL, T)", "MASK(T)", "MD5(S)"],
    "expressions": ["REGEXP_EXTRACT('[a-z]+', S)", "REGEXP_EXTRACT('(.)(.)', S, 2)", "REGEXP_EXTRACT('zzz', S)", "REGEXP_EXTRACT('(l)|(o)', S, 2)", "REGEXP_EXTRACT_ALL('o', S)", "REGEXP_EXTRACT_ALL('zzz', S)", "REGEXP_REPLACE(S, '[aeiou]', '')", "REGEXP_REPLACE(S, '\\\\s+', '_')"],
    "arrays": ["ARRAY_LENGTH(A)", "ARRAY_SORT(A)", "ARRAY_SORT(A, 'DESC')", "ARRAY_MAX(A)", "ARRAY_MIN(A)", "ARRAY_DISTINCT(A)", "ARRAY_CONTAINS(A, 3)", "ARRAY_CONTAINS(A, NULL)", "ARRAY_REMOVE(A, 3)", "ARRAY_REMOVE(A, NULL)", "ARRAY_JOIN(A)", "ARRAY_JOIN(TA, NULL)"],
    "arrays of two": ["ARRAY_CONCAT(A, NULL)", "ARRAY_CONCAT(A, ARRAY[J])", "ARRAY_UNION(A, ARRAY[J, NULL])", "ARRAY_EXCEPT(A, ARRAY[3, NULL])", "ARRAY_INTERSECT(A, ARRAY[3, NULL])", "SLICE(A, 1, 2)", "SLICE(A, 2, NULL)", "SLICE(A, J, 2)", "SLICE(A, 2, 9)", "ARRAY_MAX(TA)", "ARRAY_SORT(TA)"],
    "numbers": ["ABS(I)", "ABS(L)", "ABS(DEC)", "SIGN(D)", "SIGN(DEC)", "CEIL(D)", "FLOOR(D)", "CEIL(CAST(DEC AS DECIMAL(9, 2)))", "FLOOR(DEC)", "ROUND(D)", "TRUNC(D)", "ROUND(L)", "GREATEST(I, J, NULL)", "LEAST(I, J)", "GREATEST(S, T)"],
    "roots": ["SQRT(D)", "LN(D)", "LOG(D)", "LOG(2.0, D)", "EXP(J)", "POWER(J, 3)", "POWER(D, 0.5)", "ASIN(D)", "ACOS(D)", "COT(J)"],
    "times": ["UNIX_TIMESTAMP(TS)", "UNIX_DATE(DAY)", "FROM_UNIXTIME(L)", "FROM_DAYS(J)", "FORMAT_TIMESTAMP(TS, 'yyyy-MM-dd''T''HH:mm:ss.SSS')", "FORMAT_TIMESTAMP(TS, 'EEE d MMM yy h:mm a')", "FORMAT_DATE(DAY, 'yyyy/D')", "TIMESTAMPADD(DAYS, J, TS)", "TIMESTAMPADD(MILLISECONDS, -1, TS)", "DATEADD(WEEKS, J, DAY)", "DATESUB(DAYS, J, DAY)"],
    "times of text": ["PARSE_TIMESTAMP(T, 'yyyy-MM-dd')", "PARSE_DATE(T, 'yyyy-MM-dd')", "STRINGTOTIMESTAMP(T, 'yyyy-MM-dd')", "STRINGTODATE(T, 'yyyy-MM-dd')", "TIMESTAMPTOSTRING(ROWTIME, 'yyyyMMdd HH:mm:ss.SSS')", "DATETOSTRING(J, 'yyyy-MM-dd')"],
    "JSON": ["EXTRACTJSONFIELD(S, '$.a')", "EXTRACTJSONFIELD(S, '$.a.b[1]')", "EXTRACTJSONFIELD(S, '$.a.b[3]')", "EXTRACTJSONFIELD(S, '$.zzz')", "EXTRACTJSONFIELD(S, '$[\"c d\"]')", "IS_JSON_STRING(S)", "TO_JSON_STRING(A)", "TO_JSON_STRING(S)", "TO_JSON_STRING(I)", "TO_JSON_STRING(ST)", "TO_JSON_STRING(B)"],
    "URLs": ["URL_EXTRACT_HOST(S)", "URL_EXTRACT_PORT(S)", "CASE WHEN S LIKE 'http%' THEN URL_EXTRACT_PATH(S) END", "URL_EXTRACT_QUERY(S)", "URL_EXTRACT_FRAGMENT(S)", "URL_EXTRACT_PROTOCOL(S)", "URL_EXTRACT_PARAMETER(S, 'q')", "URL_EXTRACT_PARAMETER(S, 'e')", "URL_ENCODE_PARAM(S)", "URL_DECODE_PARAM(S)"],
    "maps": ["MAP_KEYS(MAP('a' := I))", "MAP_VALUES(MAP('a' := I))", "MAP_KEYS(M)[1] IS NULL", "SPLIT_TO_MAP(S, '&', '=')['y']", "ARRAY_LENGTH(MAP_KEYS(M))"],
    "defaults": ["COALESCE(I, J, 0)", "COALESCE(A, ARRAY[0])", "COALESCE(ST, STRUCT(X := 0, Y := ''))", "IFNULL(DEC, E)", "NULLIF(S, '')", "NULLIF(I, 7)", "AS_VALUE(K)", "IFNULL(D, 0.0)"],
}  # fmt: skip


def _of(name: str, some: list[str]) -> Case:
    columns = ", ".join(f"{expression} AS C{n}" for n, expression in enumerate(some))
    return of_stream(f"odd: {name}", f"SELECT K, {columns} FROM odd")


_STATEMENTS = [
    of_stream("names: all", "SELECT * FROM words"),
    of_stream("names: used", "SELECT K, `select` + 1 AS `order`, `from` AS `from`, `Group`->`order` AS `group by`, `Group`->`By`[1]->`user` AS `user`, `a b` AS `a``b`, `it's` AS `it's`, `a\"b` AS `x\"y`, `日本` AS `日 本`, `straße` * 2 AS `STRAßE`, `a.b` AS `a.b`, `$x` AS `$x` FROM words"),
    of_stream("names: a key", "SELECT `select` AS `from`, `a b` FROM words PARTITION BY `select`"),
    of_table("names: grouped", "SELECT `a b` AS `group`, COUNT(*) AS `count`, MAX(`it's`) AS `max` FROM words GROUP BY `a b`"),
    Case("names: a JSON key", "CREATE TABLE {} WITH (KEY_FORMAT='JSON') AS SELECT `a b` AS `it's`, K AS `a\"b`, COUNT(*) AS `n` FROM words WINDOW TUMBLING (SIZE 1 MINUTE) GROUP BY `a b`, K EMIT CHANGES;"),
    of_table("names: Flink's own", "SELECT K, MAX(WINDOW_START) AS `window_start`, COUNT(*) AS `window_end`, WINDOWSTART AS `window_time` FROM mixed WINDOW TUMBLING (SIZE 1 SECOND, RETENTION 1 DAY, GRACE PERIOD 0 SECONDS) GROUP BY K", Same.BAG, "FINAL"),
    of_table("names: Flink's own in a session", "SELECT WINDOW_START, COUNT(*) AS `window_end` FROM mixed WINDOW SESSION (500 MILLISECONDS, RETENTION 1 DAY, GRACE PERIOD 0 SECONDS) GROUP BY WINDOW_START", Same.BAG, "FINAL"),
    of_stream("names: any case", "SELECT * FROM mixed"),
    of_stream("names: fields in any case", "SELECT K, ADDRESS->ZIPCODE AS Z, ADDRESS->CITYNAME[1] AS C, ADDRESS AS ADR FROM mixed"),
    of_stream("an undeclared topic", "SELECT * FROM `{t}mixed`"),
    of_stream("fields of an undeclared topic", "SELECT userId, Address->zipCode AS z, \"window_start\" + 1 AS w FROM `{t}mixed`"),
    of_table("names: undeclared and closed", "SELECT \"window_start\", COUNT(*) AS n FROM `{t}mixed` WINDOW TUMBLING (SIZE 1 SECOND, RETENTION 1 DAY, GRACE PERIOD 0 SECONDS) GROUP BY \"window_start\"", Same.BAG, "FINAL"),
    of_stream("names: of a header", "SELECT K, H FROM headed"),
    of_stream("names: of a table that is looked up", "SELECT M.K AS K, `select`, `a b`, `a.b`, `it's`, `a\"b`, `a``b`, `日本`, `$x` FROM mixed M JOIN twords W ON M.K = W.K", Same.BAG),
    of_stream("types of a table that is looked up", "SELECT M.K AS K, I, L, D, B, S, DEC FROM mixed M LEFT JOIN todd W ON M.K = W.K", Same.BAG),
    of_stream("an empty table is looked up", "SELECT M.K AS K, USERID, V FROM mixed M LEFT JOIN tempty E ON M.K = E.K", Same.BAG),
    of_table("records without a value or key", "SELECT K, COUNT(*) AS N FROM nothing GROUP BY K"),
    of_table("a table of tombstones", "SELECT K, V FROM tnothing", Same.FINAL),
    Case("sums at the ends of types", "CREATE TABLE {} WITH (KEY_FORMAT='JSON') AS SELECT B, SUM(I) AS A, SUM(L) AS B1, SUM(D) AS C, SUM(DEC) AS D1, AVG(I) AS E1, AVG(D) AS F FROM odd WHERE I BETWEEN -10 AND 10 OR I IS NULL GROUP BY B EMIT CHANGES;"),
    of_table("grouped by a constant", "SELECT 'all' AS P, COUNT(*) AS A, MAX(L) AS M FROM odd GROUP BY 'all'"),
    Case("a constant as a JSON key", "CREATE TABLE {} WITH (KEY_FORMAT='JSON') AS SELECT 1 AS P, COUNT(*) AS A FROM odd GROUP BY 1 EMIT CHANGES;"),
    of_table("grouped by what a filter says", "SELECT J, COUNT(*) AS A FROM odd WHERE J = 2 GROUP BY J"),
    of_table("least and greatest", "SELECT J % 2 AS P, MIN(S) AS A, MAX(S) AS B1, MIN(DAY) AS C, MAX(TS) AS D1, MIN(DEC) AS E1, MAX(D) AS F, MIN(L) AS G FROM odd GROUP BY J % 2"),
    of_table("counts of NULL", "SELECT 1 AS P, COUNT(I) AS A, COUNT(S) AS B1, COUNT(*) AS C, COUNT_DISTINCT(S) AS D1, COUNT_DISTINCT(B) AS E1 FROM odd GROUP BY 1"),
    of_table("lists with NULL", "SELECT 1 AS P, COLLECT_LIST(I) AS A, COLLECT_LIST(S) AS B1, COLLECT_SET(B) AS C, LATEST_BY_OFFSET(S) AS D1, EARLIEST_BY_OFFSET(B) AS E1 FROM odd GROUP BY 1"),
    of_table("one group of what is filtered", "SELECT I % 2 AS P, COUNT(*) AS N, SUM(J) AS S1 FROM odd WHERE NOT (S LIKE '%o%') AND (B IS NULL OR B) GROUP BY I % 2"),
    of_stream("explode of structures", "SELECT K, EXPLODE(DEEP) AS X FROM odd WHERE NOT (K = 'd')"),
    of_stream("explode of a field", "SELECT K, EXPLODE(DEEP)->W->Z AS Z FROM odd WHERE NOT (K = 'd')"),
    of_stream("explode of texts", "SELECT K, EXPLODE(SPLIT(S, ' ')) AS W, I FROM odd WHERE S IS NOT NULL"),
]  # fmt: skip

ODD = World(_TOPICS, _DECLARED, [*(_of(name, some) for name, some in _EXPRESSIONS.items()), *_STATEMENTS])
