"""COPY on real Kafka: a dump that is restored byte for byte, topics of every format as targets, Ctrl-C in the middle."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import random
import signal
import subprocess
import sys
import time
import uuid

import pytest

import kshell
from kshell.errors import BindError
from kshell.kafka.outgoing import Outgoing, OutgoingRecord
from kshell.kafka.transactions import Transactions

from .test_producing import seen

pytestmark = pytest.mark.live
KSHELL = [sys.executable, "-m", "kshell"]
TIME = 1_700_000_000_000


@pytest.fixture
def loaded(kafka):
    with kshell.connect(kafka.bootstrap, files=True, yes=True) as session:
        yield session


@pytest.fixture
def with_registry(kafka, registry):
    given = {"schema.registry.url": registry.url}
    with kshell.connect(kafka.bootstrap, properties=given, files=True, yes=True) as session:
        yield session


def anything(count: int, partitions: int) -> list[OutgoingRecord]:
    """Records of all shapes: no bytes and none, headers twice and without a value, times out of order."""
    chosen = random.Random(7)
    sizes = (0, 1, 7, 300)

    def some() -> bytes | None:
        return None if chosen.random() < 0.2 else chosen.randbytes(chosen.choice(sizes))

    return [
        OutgoingRecord(
            some(), some(), TIME + chosen.randrange(-(10**9), 10**9), chosen.randrange(partitions),
            [(chosen.choice(("h", "", "ключ")), some()) for _ in range(chosen.choice((0, 0, 1, 3)))],
        )
        for _ in range(count)
    ]  # fmt: skip


def without_offsets(records: list[tuple]) -> list[tuple]:
    return [(partition, key, value, headers, time) for partition, _, key, value, headers, time in records]


@pytest.mark.parametrize("kind", ["jsonl", "parquet", "avro"])
def test_a_dump_is_restored_byte_for_byte(loaded, topic, properties, tmp_path, kind) -> None:
    records = anything(3000, 3)
    name, other, path = topic(records, partitions=3), f"r-{uuid.uuid4().hex[:8]}", tmp_path / f"dump.{kind}"
    loaded.sql(f"INSERT INTO {name} (ROWKEY, ROWVALUE, ROWPARTITION) VALUES ('gone', NULL, 2)")
    assert loaded.sql(f"COPY {name} TO '{path}' WITH (ENVELOPE=true)").text == f"3,001 rows written to {path}."
    said = loaded.sql(f"COPY {other} FROM '{path}' WITH (ENVELOPE=true)")  # and the topic is created for it
    assert (said.text, said.notices) == (f"3,001 records written to {other}.", ())
    before, after = (seen(properties, n, "read_committed", 3) for n in (name, other))
    assert without_offsets(after) == without_offsets(before)
    assert len(after) == 3001
    kept = [r for r in records if r.partition == 1]
    assert [(k, v, t) for p, k, v, _, t in without_offsets(after) if p == 1] == [
        (r.key, r.value, r.timestamp) for r in kept
    ]


def test_a_partition_that_is_not_there_is_a_bad_row(loaded, topic, tmp_path) -> None:
    name, path = topic(anything(50, 3), partitions=3), tmp_path / "dump.jsonl"
    loaded.sql(f"COPY {name} TO '{path}' WITH (ENVELOPE=true)")
    with pytest.raises(BindError, match="no partition"):
        loaded.sql(f"COPY {topic([])} FROM '{path}' WITH (ENVELOPE=true)")


def test_aborted_records_are_in_no_dump(loaded, topic, properties, tmp_path) -> None:
    name, path = topic([]), tmp_path / "dump.jsonl"
    transactions = Transactions(properties, f"tx-{name}")
    transactions.begin()
    transactions.send(name, Outgoing.of([OutgoingRecord(None, b"aborted")]))
    transactions.flush()
    transactions.abort()
    transactions.begin()
    transactions.send(name, Outgoing.of([OutgoingRecord(None, b"kept")]))
    transactions.commit()
    assert loaded.sql(f"COPY {name} TO '{path}' WITH (ENVELOPE=true)").text.startswith("1 row ")
    (line,) = path.read_text().splitlines()
    assert json.loads(line)["value"] == "a2VwdA=="


ROWS = [
    {"k": "a", "n": 1, "price": 2.5, "ok": True, "s": "x", "tags": ["p", "q"], "at": 1577934245678},
    {"k": "b", "n": None, "price": None, "ok": None, "s": "", "tags": [], "at": None},
    {"k": "c", "n": -(2**63), "price": -0.5, "ok": False, "s": 'q"|,\\ü', "tags": ["t"], "at": 0},
]
COLUMNS = "k STRING {key}, n BIGINT, price DOUBLE, ok BOOLEAN, s STRING, tags ARRAY<STRING>, at TIMESTAMP"


@pytest.mark.parametrize("format", ["JSON", "AVRO", "PROTOBUF", "JSON_SR", "DELIMITED"])
def test_the_target_is_in_the_format_of_its_declaration(with_registry, tmp_path, format) -> None:
    """Each format holds the same rows; Protobuf has no NULL, and DELIMITED no arrays."""
    name, path = f"d{uuid.uuid4().hex[:8]}", tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    columns = COLUMNS.format(key="KEY").replace("tags ARRAY<STRING>, ", "" if format == "DELIMITED" else "tags ARRAY<STRING>, ")
    nulls = ", VALUE_PROTOBUF_NULLABLE_REPRESENTATION='OPTIONAL'" if format == "PROTOBUF" else ""
    with_registry.sql(
        f"CREATE STREAM {name} ({columns}) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='{format}', PARTITIONS=2{nulls})"
    )
    assert with_registry.sql(f"COPY {name} FROM '{path}' WITH (TIMESTAMP='at', ON_ERROR='skip')").text.startswith("2 ")
    found = with_registry.sql(f"SELECT * FROM {name} ORDER BY k").to_arrow().to_pylist()
    expected = [{c.upper(): v for c, v in row.items()} for row in (ROWS[0], ROWS[2])]
    for row in found:
        row["AT"] = round((row["AT"] - datetime.datetime(1970, 1, 1)).total_seconds() * 1000)
    assert found == [{c: row[c] for c in found[0]} for row in expected]


def test_a_topic_of_avro_that_nobody_declared(with_registry, topic, tmp_path) -> None:
    """Its newest schema says what a row is: what does not fit it is a bad row."""
    name, path = topic([]), tmp_path / "rows.csv"
    with_registry.sql(f"CREATE STREAM {name.replace('-', '')} (a INT, b STRING) WITH (KAFKA_TOPIC='{name}', VALUE_FORMAT='AVRO')")
    with_registry.sql(f"INSERT INTO {name.replace('-', '')} (a, b) VALUES (1, 'x')")
    with_registry.sql(f"DROP STREAM {name.replace('-', '')}")
    path.write_text("A,B,id\n2,y,k2\nz,y,k3\n")
    said = with_registry.sql(f'COPY "{name}" FROM \'{path}\' WITH (KEY=\'id\', ON_ERROR=\'skip\')')
    assert (said.text, len(said.notices)) == (f"1 record written to {name}.", 1)
    assert "line 3" in said.notices[0].text
    rows = with_registry.sql(f'SELECT ROWKEY AS k, A, B FROM "{name}" ORDER BY A').rows()
    assert rows == [(None, 1, "x"), ("k2", 2, "y")]


def script(kafka, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess:
    command = [*KSHELL, "-b", kafka.bootstrap, *arguments]
    return subprocess.run(command, input=given, capture_output=True, timeout=120)


def test_standard_input_and_output_of_scripts(kafka, topic, properties) -> None:
    name = topic([])
    lines = b'{"a":1}\nnope\n{"a":2}\n'
    done = script(kafka, "-e", f"COPY {name} FROM STDIN", "--on-error", "skip", given=lines)
    assert (done.returncode, done.stdout) == (4, b"")
    assert b"standard input, line 2 is not written: not valid JSON" in done.stderr
    assert [v for *_, v, _, _ in seen(properties, name, "read_committed")] == [b'{"a":1}', b'{"a":2}']
    done = script(kafka, "-e", f"COPY (SELECT a FROM {name} ORDER BY a) TO STDOUT WITH (FORMAT='csv')")
    assert (done.returncode, done.stdout.replace(b'"', b"")) == (0, b"a\n1\n2\n")
    done = script(kafka, "-e", f"COPY {name} FROM STDIN", given=lines)
    assert done.returncode == 1
    assert b"line 2" in done.stderr


def test_a_missing_topic_needs_yes(kafka, topic, tmp_path, client) -> None:
    name, path = f"m-{uuid.uuid4().hex[:8]}", tmp_path / "rows.jsonl"
    path.write_text('{"a":1}\n')
    done = script(kafka, "-e", f"COPY {name} FROM '{path}'")
    assert (done.returncode, client.find(name)) == (0, None)
    assert b"--yes" in done.stderr
    done = script(kafka, "--yes", "-e", f"COPY {name} FROM '{path}'; SELECT COUNT(*) AS n FROM {name}")
    assert (done.returncode, b'{"n":1}\n' in done.stdout) == (0, True)


def test_ctrl_c_says_what_was_written_and_what_not(kafka, topic, properties) -> None:
    """Lines go on coming through a pipe; after Ctrl-C the counts that are said are those of the topic."""
    name = topic([])
    command = [*KSHELL, "-b", kafka.bootstrap, "-e", f"COPY {name} FROM STDIN"]
    running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdin is not None
    line = b'{"a":"' + b"x" * 1000 + b'"}\n'
    begun = time.monotonic()
    with contextlib.suppress(BrokenPipeError):
        while time.monotonic() - begun < 4 or (time.monotonic() - begun < 60 and not seen(properties, name, "read_committed")):
            running.stdin.write(line * 1000)
        os.kill(running.pid, signal.SIGINT)
        while running.poll() is None and time.monotonic() - begun < 90:
            running.stdin.write(line * 1000)
    _, said = running.communicate(timeout=30)
    assert running.returncode == 130
    count = len(seen(properties, name, "read_committed"))
    assert count > 0
    assert f"Stopped: {count:,} records written to {name} (lines 1 to {count:,} of standard input)" in said.decode()
