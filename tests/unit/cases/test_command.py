"""The command: reports, exit codes, and what is no pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from kshell.cases.command import main
from kshell.cases.model import SourceSpec
from kshell.cases.sources import missing_source
from kshell.catalog.catalog import Catalog
from kshell.catalog.model import Column, FormatSpec, Kind, Source, Window, WindowType
from kshell.errors import UsageError


@pytest.fixture
def run(tmp_path: Path) -> Any:
    def judged(*tests: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
        file, report = tmp_path / "some.json", tmp_path / "report.json"
        file.write_text(json.dumps({"tests": tests}))
        code = main([str(file), "--report", str(report), "--jobs", "1"])
        return code, json.loads(report.read_text())

    return judged


def refused(statement: str, message: str, **more: Any) -> dict[str, Any]:
    return {
        "name": "n", "statements": [statement],
        "expectedException": {"type": "x", "message": message}, **more,
    }  # fmt: skip


def test_a_case_that_expects_its_refusal_passes(run: Any) -> None:
    code, report = run(
        refused("CREATE STREAM s (a ARRAY<NULL>) WITH (kafka_topic='t');", "Syntax Error"),
    )
    assert code == 0
    (line,) = report
    assert list(line) == ["file", "name", "format", "status", "reason"]
    assert (line["file"], line["name"], line["format"]) == ("some.json", "n", None)
    assert line["status"] == "pass"
    assert "expected: Syntax Error; kshell: ParseError: Syntax error" in line["reason"]


def test_another_refusal_fails(run: Any) -> None:
    code, report = run(
        refused("CREATE STREAM s (a INT, a INT) WITH (kafka_topic='t', value_format='JSON');",
                "has no key"),
        refused("CREATE STREM s;", "has no key"),
    )  # fmt: skip
    assert code == 1
    assert [line["status"] for line in report] == ["fail", "fail"]
    assert "expected: has no key; kshell: BindError: " in report[0]["reason"]


def test_what_kshell_cannot_do_is_never_the_refusal(run: Any) -> None:
    _, report = run(
        refused("CREATE SINK CONNECTOR c WITH ('a'='b');", "connectors are Kafka Connect's"),
    )
    assert [line["status"] for line in report] == ["fail"]


def test_no_refusal_fails(run: Any) -> None:
    _, report = run(
        refused("CREATE STREAM s (a INT) WITH (kafka_topic='t', value_format='{FORMAT}');",
                "no", format=["JSON"]),
    )  # fmt: skip
    assert [(r["status"], r["format"]) for r in report] == [("fail", "JSON")]
    assert "took it" in report[0]["reason"]


def test_command_lines_that_are_wrong(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing to test"):
        main([])
    with pytest.raises(UsageError, match="cannot be read"):
        main([str(tmp_path / "none.json")])
    with pytest.raises(UsageError, match="-i and -o go with -s"):
        main(["-i", "x"])
    assert main(["--no-such"]) == 2


KAFKA, JSON = FormatSpec("KAFKA"), FormatSpec("JSON")
TABLE = Source(
    "O", Kind.TABLE, "o", (Column("K", pa.int32()),), (Column("V", pa.string()),), KAFKA, JSON,
    window=Window(WindowType.TUMBLING, 1000),
)  # fmt: skip


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (SourceSpec("O", "TABLE", "K INT KEY, V STRING"), ""),
        (SourceSpec("O", "TABLE", "`V` VARCHAR, `K` INTEGER PRIMARY KEY"), ""),
        (SourceSpec("O", "TABLE"), ""),
        (SourceSpec("P", "TABLE"), "source P: is not there"),
        (SourceSpec("O", "STREAM"), "type"),
        (SourceSpec("O", "TABLE", "K INT, V STRING"), "schema"),
        (SourceSpec("O", "TABLE", "K INT KEY, V INT"), "schema"),
        (SourceSpec("O", "TABLE", "K INT KEY, V STRING, W INT"), "schema"),
        (SourceSpec("O", "TABLE", key_format={"format": "KAFKA"}), ""),
        (SourceSpec("O", "TABLE", key_format={"format": "JSON"}), "key format"),
        (SourceSpec("O", "TABLE", value_format={"format": "AVRO"}), "value format"),
        (SourceSpec("O", "TABLE", key_format={"windowType": "TUMBLING", "windowSize": 1000}), ""),
        (SourceSpec("O", "TABLE", key_format={"windowType": "TUMBLING", "windowSize": 2}), "window"),
        (SourceSpec("O", "TABLE", key_format={"windowType": "SESSION"}), "window"),
        (SourceSpec("O", "TABLE", read_only=True), "read-only"),
        (SourceSpec("O", "TABLE", value_features=()), ""),
        (SourceSpec("O", "TABLE", value_features=("UNWRAP_SINGLES",)), "value features"),
    ],
)
def test_sources_in_the_end(spec: SourceSpec, said: str) -> None:
    found = missing_source(Catalog({"O": TABLE}), [spec], {})
    assert said in found
    assert bool(found) is bool(said)
