"""DuckDB's own cases, where KSHELL_DUCKDB_CASES names their folder; and the runner itself."""

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from tests.duckdb.beside import Outcome
from tests.duckdb.cases import run_file

FOLDER = os.environ.get("KSHELL_DUCKDB_CASES", "")


def test_the_runner_tells_the_outcomes_apart(tmp_path):
    steps = [
        ["do", "CREATE TABLE t AS SELECT 1 AS a"],
        ["do", "CREATE VIEW v AS SELECT a + 1 AS b FROM t"],
        ["ask", "SELECT * FROM v"],
        ["ask", "SELECT * FROM v, t AS ROWTIME"],
        ["ask", "SELECT count(*) FROM duckdb_tables()"],
        ["ask", "SELECT * FROM nowhere"],
        ["ask", "SELECT ROUND(-2.5)"],
        ["ask", "SELECT CAST(1.9 AS INT)"],
    ]
    path = tmp_path / "one.json"
    path.write_text(json.dumps([{"name": "one", "steps": steps}]))
    same, apart, different = Outcome.SAME, Outcome.APART, Outcome.DIFFERENT
    found = [a.verdict.outcome for a in run_file(path, {"kshell.dialect": "duckdb"})]
    assert found == [same, same, apart, apart, same, same]
    assert [a.verdict.outcome for a in run_file(path, {})][-2:] == [different, different]


@pytest.mark.skipif(not FOLDER, reason="KSHELL_DUCKDB_CASES names no folder")
def test_duckdbs_cases_are_answered_as_duckdb_does():
    counts: Counter[Outcome] = Counter()
    different = []
    for path in sorted(Path(FOLDER).glob("*.json")):
        for asked in run_file(path, {"kshell.dialect": "duckdb"}):
            counts[asked.verdict.outcome] += 1
            if asked.verdict.outcome is Outcome.DIFFERENT:
                different.append((asked.case, asked.sql, asked.verdict.why))
    assert not different
    both = counts[Outcome.SAME] + counts[Outcome.REFUSED]
    assert counts[Outcome.SAME] >= 0.99 * both
