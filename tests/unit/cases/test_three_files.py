"""`kshell test -s -i -o`: one case in three files, as ksqlDB's test runner takes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kshell.cases.command import main
from kshell.errors import UsageError

STATEMENTS = """
CREATE STREAM orders (id INT KEY, units DOUBLE, item STRING)
  WITH (kafka_topic='orders', value_format='JSON');
-- large ones
CREATE STREAM large AS SELECT id, units FROM orders WHERE units > 10;
CREATE TABLE counts AS SELECT item, COUNT(*) AS n FROM orders
  WINDOW TUMBLING (SIZE 30 SECONDS) GROUP BY item;
"""
INPUTS = [
    {"topic": "orders", "key": 1, "timestamp": 1000, "value": {"UNITS": 11.5, "ITEM": "a"}},
    {"topic": "orders", "key": 2, "timestamp": 31000, "value": {"UNITS": 3, "ITEM": "a"}},
]
LARGE = {"topic": "LARGE", "key": 1, "timestamp": 1000, "value": {"UNITS": 11.5}}
COUNTS = [
    {
        "topic": "COUNTS", "key": "a", "timestamp": time, "value": {"N": 1},
        "window": {"start": start, "end": start + 30000, "type": "time"},
    }
    for time, start in ((1000, 0), (31000, 30000))
]  # fmt: skip


def run(folder: Path, outputs: Any, *more: str, inputs: Any = INPUTS) -> int:
    (folder / "s.sql").write_text(STATEMENTS)
    (folder / "i.json").write_text(json.dumps({"inputs": inputs}))
    (folder / "o.json").write_text(json.dumps({"outputs": outputs}))
    files = [str(folder / name) for name in ("s.sql", "i.json", "o.json")]
    return main(["-s", files[0], "-i", files[1], "-o", files[2], *more])


def test_records_that_agree_are_exit_code_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, [LARGE, *COUNTS]) == 0
    assert capsys.readouterr().out == "1 case: 1 pass, 0 fail, 0 error\n"


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ([{**LARGE, "value": {"UNITS": 12}}], "LARGE: record 1: value"),
        ([{**LARGE, "key": 2}], "LARGE: record 1: key"),
        ([{**LARGE, "timestamp": 1001}], "LARGE: record 1: timestamp"),
        ([LARGE, LARGE], "LARGE: expected 2 records, got 1"),
        (COUNTS[:1], "COUNTS: expected 1 records, got 2"),
        (COUNTS[::-1], "COUNTS: record 1: window"),
        ([], "LARGE: expected 0 records, got 1"),
    ],
)
def test_records_that_differ_are_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], outputs: Any, said: str
) -> None:
    assert run(tmp_path, outputs) == 1
    assert said in capsys.readouterr().out


def test_a_report_is_written_for_it_too(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert run(tmp_path, [LARGE], "--report", str(path)) == 0
    assert json.loads(path.read_text()) == [
        {"file": "s.sql", "name": "s", "format": None, "status": "pass", "reason": ""}
    ]


def test_what_must_come_out_is_needed(tmp_path: Path) -> None:
    (tmp_path / "s.sql").write_text(STATEMENTS)
    with pytest.raises(UsageError, match="-s needs -o"):
        main(["-s", str(tmp_path / "s.sql")])


@pytest.mark.parametrize("document", ["[]", '{"outputs": 1}', '{"inputs": []}'])
def test_a_file_without_its_list_is_refused(tmp_path: Path, document: str) -> None:
    run(tmp_path, [LARGE])
    (tmp_path / "o.json").write_text(document)
    with pytest.raises(UsageError, match="no list of outputs"):
        main(["-s", str(tmp_path / "s.sql"), "-o", str(tmp_path / "o.json")])


def test_a_record_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="malformed"):
        run(tmp_path, [LARGE], inputs=[1])
