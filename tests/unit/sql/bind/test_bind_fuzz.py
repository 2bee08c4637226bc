"""Whatever is written, the answer is a plan or one of our errors: statements with words swapped."""

import random
import re
from collections.abc import Callable

from kshell.errors import KshellError
from kshell.sql import plan

SEEDS = [
    "CREATE STREAM O AS SELECT K, V + 1 AS V1, ST->A, ARR[1] FROM S WHERE W LIKE 'x%' AND V > 2;",
    "CREATE TABLE O AS SELECT W, COUNT(*) AS N, WINDOWSTART AS T FROM S WINDOW HOPPING "
    "(SIZE 10 SECONDS, ADVANCE BY 5 SECONDS) GROUP BY W HAVING SUM(V) > 3 EMIT FINAL;",
    "CREATE STREAM O AS SELECT S.K, S2.V, NAME FROM S LEFT JOIN S2 WITHIN 1 HOUR ON S.K = S2.K "
    "JOIN T ON S.K = T.ID PARTITION BY S2.V;",
    "CREATE TABLE O AS SELECT T.ID, T2.NAME FROM T JOIN T2 ON T.REF = T2.ID;",
    "SELECT userId, CAST(amount AS DECIMAL(6, 2)), CASE WHEN amount IS NULL THEN 'a' END, "
    "MAP('a' := 1, 'b' := amount), STRUCT(x := 1, y := ARRAY[1, 2]) FROM orders EMIT CHANGES;",
    "INSERT INTO S2 SELECT K, V, V AS X FROM S WHERE V IN (1, 2) OR V NOT BETWEEN 3 AND 4;",
]
_TOKEN = re.compile(r"'[^']*'|\w+|->|:=|\s+|[^\w\s]")


def test_mutated_statements_never_crash(bind: Callable[[str], plan.Node]) -> None:
    chance = random.Random(20)
    tokens = [_TOKEN.findall(seed) for seed in SEEDS]
    words = [t for found in tokens for t in found if not t.isspace()]
    refused, crashed = 0, []
    for _ in range(1500):
        statement = list(chance.choice(tokens))
        for _ in range(chance.randint(1, 3)):
            statement[chance.randrange(len(statement))] = chance.choice([*words, ""])
        try:
            bind("".join(statement))
        except KshellError:
            refused += 1
        except (AssertionError, ValueError) as error:
            # More than one statement, or one without a plan, is the fixture's complaint.
            if _from_kshell(error):
                crashed.append("".join(statement))
    assert crashed == []
    assert 300 < refused < 1500


def _from_kshell(error: Exception) -> bool:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and "kshell" in trace.tb_frame.f_globals.get("__name__", "")
