"""Whatever is typed, parsing answers with statements or with one of our own errors."""

from __future__ import annotations

import random

from kshell.errors import KshellError
from kshell.sql.parse import parse
from kshell.sql.script import is_complete, split
from kshell.sql.tokens import scan

_STATEMENTS = (
    "CREATE OR REPLACE STREAM `a` (k INT KEY, v STRUCT<x ARRAY<INT>>) WITH (kafka_topic='t')",
    "CREATE TABLE o AS SELECT a->b, COUNT(*) FROM t WINDOW HOPPING (SIZE 1 DAY, ADVANCE BY 1 HOUR) "
    "WHERE x LIKE 'a!%' ESCAPE '!' GROUP BY a HAVING COUNT(*) > 1.5e3 EMIT FINAL",
    "SELECT * FROM my-topic.v1 m LEFT JOIN b WITHIN (1 SECOND, 2 DAYS) ON m.i = b.i EMIT CHANGES",
    "SELECT MAP('k' := v), STRUCT(a := 1), ARRAY[1, 2][1], TRANSFORM(l, (k, v) => k + v) FROM t",
    "WITH c AS (SELECT CASE WHEN x THEN CAST(y AS DECIMAL(4, 2)) END FROM t) SELECT * FROM c",
    "CREATE OR REPLACE TABLE r (k INT PRIMARY KEY) FROM FILE 'a.csv'",
    "INSERT INTO t (a, b) VALUES (1, 'x'), (-2, NULL)",
    "ASSERT NOT EXISTS TOPIC t WITH (partitions=1) TIMEOUT 10 SECONDS",
    "SET 'a'='b'; DEFINE x = '1'; PRINT `t` FROM BEGINNING LIMIT 3; DESCRIBE a.b EXTENDED",
    "PRINT t PARTITION 1 FROM -5 TO '@-10m' WHERE a->b > 1 LIMIT 3; PRINT t LAST 5",
)
_WORDS = [*sorted({t.text for s in _STATEMENTS for t in scan(s)}), "20e", "'", "/*", "`", "é"]


def test_mutated_statements_are_parsed_or_refused() -> None:
    chance = random.Random(5)
    refused = 0
    for _ in range(1200):
        words = [t.text for t in scan(chance.choice(_STATEMENTS))]
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(words))
            words[at : at + chance.randint(0, 2)] = chance.choices(_WORDS, k=chance.randint(0, 2))
            words = words or [";"]
        text = "".join(words)
        assert isinstance(is_complete(text), bool)
        split(text)
        try:
            parse(text)
        except KshellError:
            refused += 1
    assert 300 < refused < 1200  # most texts are refused, and some still are statements
