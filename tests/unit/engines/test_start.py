"""What one statement imports: each start waits for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import kshell

ROOT = Path(kshell.__file__).parents[1]
KSQL = {"kshell.sql.functions", "kshell.sql.macros", "kshell.sql.udf", "kshell.sql.java.times"}
OTHER_FORMATS = {"kshell.formats.json_codec", "kshell.formats.by_schema", "kshell.formats.as_set", "kshell.formats.source"}
CONTINUOUS = {"kshell.sql.plan", "kshell.sql.bind.select", "kshell.stream", "kshell.kafka.produce"}
QUERIES = {"sqlglot", "duckdb", "kshell.batch"}
OVER_DUCKDB = {"duckdb", "kshell.batch.plan", "kshell.sql.java.times"}
ARROW_KERNELS = {"pyarrow.compute"}

PROGRAM = """
import sys
from kshell.terminal.cli import run
code = run(["-b", sys.argv[1], "-e", sys.argv[2], "-o", "jsonl"])
print(code, *sys.modules, file=sys.stderr)
"""


def imported(demo, tmp_path, text: str) -> set[str]:
    """The modules that are there after a command's statement."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, demo.bootstrap, text], cwd=ROOT, capture_output=True, text=True,
        env={**os.environ, "XDG_CONFIG_HOME": str(tmp_path)},
    )
    code, *modules = done.stderr.split()
    assert code == "0"
    assert done.stdout
    return set(modules)


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("SHOW TOPICS", {"kshell.formats.base", "kshell.sql.help"} | KSQL | OTHER_FORMATS | CONTINUOUS | QUERIES | ARROW_KERNELS),
        ("SELECT COUNT(*) FROM pageviews", KSQL | OTHER_FORMATS | CONTINUOUS | ARROW_KERNELS),
        ("SELECT userid, COUNT(*) FROM pageviews GROUP BY userid", KSQL | OTHER_FORMATS | CONTINUOUS | ARROW_KERNELS),
        ("SELECT userid FROM pageviews WHERE userid <> 'x' EMIT CHANGES LIMIT 1", OVER_DUCKDB | {"kshell.kafka.produce"}),
        ("SELECT UCASE(userid) FROM pageviews LIMIT 1", OTHER_FORMATS | CONTINUOUS),
    ],
)  # fmt: skip
def test_a_statement_does_not_wait_for_what_it_does_not_use(demo, tmp_path, text, without):
    assert imported(demo, tmp_path, text) & without == set()


def test_a_function_of_ksql_is_looked_up(demo, tmp_path):
    assert imported(demo, tmp_path, "SELECT UCASE(userid) FROM pageviews LIMIT 1") >= {"kshell.sql.macros"}
